"""Each method's loss against a plain re-computation, its targets, and what it refuses."""

import math

import numpy as np
import pytest
import torch

from facsim.errors import FacsimError
from facsim.learn.selfsupervised.byol import Byol, byol_loss
from facsim.learn.selfsupervised.heads import build_mlp, follow, rising_momentum, spread, target_of
from facsim.learn.selfsupervised.lars import Lars
from facsim.learn.selfsupervised.mae import Mae, draw_order, masked_error, normalised_patches
from facsim.learn.selfsupervised.moco_v3 import MocoV3, contrastive_loss
from facsim.learn.selfsupervised.simclr import SimClr, nt_xent
from facsim.models.backbones import fresh_backbone
from facsim.models.vit import patches_of

TARGETED = [Byol(hidden=32, width=16), MocoV3(hidden=32, width=16)]
CNN = {"widths": (8, 16), "depths": (1, 1)}
VIT = {"patch_px": 8, "width": 24, "depth": 2, "heads": 2}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def built(settings, network="small_cnn", config=CNN):
    backbone = fresh_backbone(network, config, channels=1, generator=generator())
    return settings.build(backbone, generator=generator(1)).train()


def views(count=8, size=40):
    return tuple(torch.rand((count, 1, size, size), generator=generator(seed)) for seed in (2, 3))


def unit(rows):
    return [row / np.linalg.norm(row) for row in rows]


# losses


def test_nt_xent_is_equation_1_summed_term_by_term():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(5, 7)), rng.normal(size=(5, 7))
    z, terms = unit([*first, *second]), []
    for i in range(10):
        others = sum(math.exp(z[i] @ z[k] / 0.3) for k in range(10) if k != i)
        terms.append(-math.log(math.exp(z[i] @ z[(i + 5) % 10] / 0.3) / others))
    found = nt_xent(torch.tensor(first), torch.tensor(second), temperature=0.3)
    assert float(found) == pytest.approx(np.mean(terms), abs=1e-12)


def test_nt_xent_of_two_orthogonal_pairs_by_hand():
    # each view has one view at similarity 1 and two at 0: -log(e^2 / (e^2 + 2)) at temperature 0.5
    eye = torch.eye(2, dtype=torch.float64)
    assert float(nt_xent(eye, eye, temperature=0.5)) == pytest.approx(-math.log(math.e**2 / (math.e**2 + 2)))


def test_byols_loss_is_the_squared_distance_of_unit_vectors():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(6, 5)), rng.normal(size=(6, 5))
    wanted = np.mean([((p - q) ** 2).sum() for p, q in zip(unit(first), unit(second), strict=True)])
    assert float(byol_loss(torch.tensor(first), torch.tensor(second))) == pytest.approx(wanted)


def test_moco_v3s_loss_is_algorithm_1_term_by_term():
    rng = np.random.default_rng(2)
    queries, keys = rng.normal(size=(4, 6)), rng.normal(size=(4, 6))
    q, k, t = unit(queries), unit(keys), 0.2
    terms = [-math.log(math.exp(q[i] @ k[i] / t) / sum(math.exp(q[i] @ k[j] / t) for j in range(4))) for i in range(4)]
    found = contrastive_loss(torch.tensor(queries), torch.tensor(keys), temperature=t)
    assert float(found) == pytest.approx(2 * t * np.mean(terms))


def test_maes_error_counts_hidden_patches_alone():
    drawn, wanted = torch.zeros(1, 4, 3), torch.tensor([[[1.0] * 3, [2.0] * 3, [3.0] * 3, [4.0] * 3]])
    assert float(masked_error(drawn, wanted, torch.tensor([[1, 3]]))) == (4 + 16) / 2


def test_maes_target_is_each_patch_normalised_by_itself():
    pictures = torch.rand((2, 1, 8, 8), generator=generator())
    found = normalised_patches(pictures, 4)
    patch = pictures[1, 0, 4:8, 0:4].numpy().ravel()
    np.testing.assert_allclose(found[1, 2], (patch - patch.mean()) / np.sqrt(patch.var(ddof=1) + 1e-6), rtol=1e-4)


def test_maes_decoder_puts_every_patch_back_in_its_place():
    """With an order that is the identity, or any other, the decoder's places are the pictures'."""
    learner = built(Mae(decoder_width=12, decoder_depth=1), "vit", VIT)
    order = draw_order(3, 25, generator=generator())
    tokens = torch.arange(25.0)[None, :, None].expand(3, -1, 2)
    picked = tokens.gather(1, order[:, :, None].expand(-1, -1, 2))
    restored = picked.gather(1, order.argsort(dim=1)[:, :, None].expand(-1, -1, 2))
    assert torch.equal(restored, tokens)
    assert learner._decoded(torch.zeros(3, 6, 24), order).shape == (3, 25, 64)


def test_maes_hidden_patches_do_not_reach_the_encoder():
    learner = built(Mae(decoder_width=12, decoder_depth=1), "vit", VIT).eval()
    (picture, _) = views(count=2)
    order = draw_order(2, 25, generator=generator(5))
    hidden = order[0, 6:]
    changed = picture.clone()
    down, across = int(hidden[0]) // 5 * 8, int(hidden[0]) % 5 * 8
    changed[0, 0, down : down + 8, across : across + 8] = 0
    first, second = (learner.learn((view,), generator(5)).embedding for view in (picture, changed))
    assert torch.equal(first[0], second[0])


def test_patches_run_row_by_row():
    picture = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert patches_of(picture, 2)[0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


# targets


@pytest.mark.parametrize("settings", TARGETED, ids=lambda settings: settings.name)
def test_no_gradient_flows_into_the_targets(settings):
    learner = built(settings)
    learner.learn(views(), generator()).loss.backward()
    targets = [(name, p) for name, p in learner.named_parameters() if name.startswith("target_")]
    assert targets and all(p.grad is None and not p.requires_grad for _, p in targets)
    online = [p for name, p in learner.named_parameters() if not name.startswith("target_") and "head" not in name]
    assert all(p.grad is not None for p in online)


def test_no_gradient_of_byols_target_reaches_the_online_network():
    """The gradient is that of the predictions alone, the targets being constants."""
    learner = built(Byol(hidden=32, width=16))
    both = views()
    learner.learn(both, generator()).loss.backward()
    found = learner.predictor[0].weight.grad.clone()
    learner.zero_grad()
    with torch.no_grad():
        wanted = [learner.target_projector(learner.target_backbone.features(view)) for view in both]
    said = [learner.predictor(learner.projector(learner.backbone.features(view))) for view in both]
    (byol_loss(said[0], wanted[1]) + byol_loss(said[1], wanted[0])).backward()
    torch.testing.assert_close(learner.predictor[0].weight.grad, found, rtol=1e-3, atol=1e-6)


def test_a_target_follows_by_the_share_that_momentum_leaves():
    online = build_mlp((3, 4, 2), generator=generator())
    target = target_of(online)
    before = [p.clone() for p in target.parameters()]
    with torch.no_grad():
        for parameter in online.parameters():
            parameter.add_(1.0)
    follow(target, online, momentum=0.9)
    for old, new in zip(before, target.parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.1)


def test_momentum_rises_from_its_base_to_1_by_half_a_cosine():
    found = [rising_momentum(step, 100, 0.99) for step in (0, 50, 100)]
    assert found == pytest.approx([0.99, 0.995, 1.0])


def test_moco_v3_leaves_a_transformers_patch_embedding_as_it_was_drawn():
    learner = built(MocoV3(hidden=32, width=16), "vit", VIT)
    learner.learn(views(), generator()).loss.backward()
    assert learner.backbone.embedding.weight.grad is None
    assert learner.backbone.blocks[0].qkv.weight.grad is not None


# collapse


def test_spread_is_0_where_all_is_one_direction_and_about_1_where_directions_are_even():
    assert spread(torch.ones(10, 5) * torch.arange(1, 11)[:, None]) == pytest.approx(0, abs=1e-4)
    assert spread(torch.randn((4000, 64), generator=generator())) == pytest.approx(1, abs=0.02)


def test_byol_without_predictor_and_with_an_instant_target_collapses_and_byol_does_not():
    """The collapse that BYOL's parts prevent is seen by `spread`."""
    spreads = {}
    for kind in ("byol", "none"):
        learner = built(Byol(hidden=32, width=16))
        optimizer = torch.optim.AdamW([p for p in learner.parameters() if p.requires_grad], lr=1e-2)
        if kind == "none":
            learner.predictor = torch.nn.Identity()
            learner.projector = torch.nn.Linear(16, 16)
            learner.target_projector = target_of(learner.projector)
        optimizer = torch.optim.AdamW([p for p in learner.parameters() if p.requires_grad], lr=1e-2)
        for step in range(40):
            first = torch.rand((16, 1, 24, 24), generator=generator(step))
            noisy = first + 0.3 * torch.rand(first.shape, generator=generator(step + 1000))
            optimizer.zero_grad()
            learner.learn((first, noisy), generator()).loss.backward()
            optimizer.step()
            learner.follow(0.0 if kind == "none" else 0.9)
        with torch.no_grad():
            spreads[kind] = spread(learner.projector(learner.backbone.features(first)))
    assert spreads["none"] < 0.15 < spreads["byol"]


# LARS


def test_lars_is_algorithm_1_for_one_weight_by_hand():
    weight = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))
    bias = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = Lars([{"params": [weight, bias], "weight_decay": 0.1}], lr=0.5, momentum=0.9, trust=0.01)
    for turn in (1, 2):
        before, held = weight.detach().clone(), optimizer.state.get(weight, {}).get("momentum_buffer", 0)
        weight.grad, bias.grad = torch.tensor([[0.6, 0.8]]), torch.tensor([2.0])
        gradient = weight.grad + 0.1 * before
        scaled = gradient * 0.01 * before.norm() / gradient.norm()
        held = 0.9 * (held if turn == 1 else held.clone()) + scaled
        optimizer.step()
        torch.testing.assert_close(weight.detach(), before - 0.5 * held)
    assert bias.item() == pytest.approx(1 - 0.5 * 2 - 0.5 * (0.9 * 2 + 2))  # neither decayed nor scaled


# refusals


def test_mae_refuses_a_network_that_cannot_leave_patches_out():
    with pytest.raises(FacsimError, match='expected "vit"'):
        built(Mae())


@pytest.mark.parametrize("settings", [SimClr, Byol, MocoV3])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(FacsimError):
        settings(width=0)
