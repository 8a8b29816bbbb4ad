"""The networks of facsim.models.classifier.ARCHITECTURES: what all of them promise, and what each alone does."""

import json
from dataclasses import asdict

import pytest
import torch

from facsim.errors import FacsimError, WeightsError
from facsim.models.classifier import (
    ARCHITECTURES,
    Classifier,
    Preprocessing,
    architecture_of,
    build_network,
    initialised,
)
from facsim.models.cost import cost_of
from facsim.models.ir50 import scale_pictures, tokens_of
from facsim.models.transformer import DropPath, draw_drops
from facsim.models.weights import load_classifier, save_classifier

SMALL = {"poster": {"size": "small"}, "vit": {"patch_px": 8}}


def made(name: str, seed: int = 0, **config) -> torch.nn.Module:
    settings = {"classes": 3, "channels": 3, **SMALL.get(name, {}), **config}
    return initialised(name, settings, generator=torch.Generator().manual_seed(seed))


def pictures(count: int = 2, side: int = 64, channels: int = 3) -> torch.Tensor:
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(5))


# what all promise


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_logits_are_the_heads_of_the_features(name):
    network = made(name).eval()
    with torch.inference_mode():
        features = network.features(pictures())
        assert features.shape == (2, network.feature_width)
        assert torch.equal(network(pictures()), network.head(features))
    assert isinstance(network.head, torch.nn.Linear) and network.head.in_features == network.feature_width


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_initialisation_depends_on_its_generator_alone(name):
    torch.manual_seed(1)
    first = made(name).state_dict()
    torch.manual_seed(2)
    state = torch.get_rng_state()
    second, other = made(name).state_dict(), made(name, seed=1).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_tensor_is_initialised(name):
    state = made(name).state_dict()
    assert all(torch.isfinite(tensor).all() and tensor.abs().max() < 10 for tensor in state.values())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_first_logits_say_little(name):
    with torch.inference_mode():
        assert float(made(name).eval()(pictures()).abs().max()) < 2


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_weight_that_learns_gets_a_gradient(name):
    network = made(name, **({} if name in ("small_cnn", "ir50", "vit") or "resnet" in name else {"drop_path": 0.0}))
    network.train()(pictures()).logsumexp(dim=1).sum().backward()
    silent = [key for key, weight in network.named_parameters() if weight.requires_grad and weight.grad is None]
    moved = [key for key, weight in network.named_parameters() if not weight.requires_grad and weight.grad is not None]
    assert silent == [] and moved == []


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_saved_network_comes_back_whole(name, tmp_path):
    network = made(name).eval()
    classifier = Classifier(
        network=network,
        classes=("anger", "fear", "neutral"),
        preprocessing=Preprocessing(size_px=64, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3),
    )
    saved = save_classifier(classifier, tmp_path)
    found = load_classifier(tmp_path, expected_sha256=saved.sha256).network
    assert architecture_of(found) == architecture_of(network) and architecture_of(found)[0] == name
    with torch.inference_mode():
        torch.testing.assert_close(found(pictures()), network(pictures()))
    learns = {key: weight.requires_grad for key, weight in network.named_parameters()}
    assert learns == {key: weight.requires_grad for key, weight in found.named_parameters()}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_configuration_survives_json(name):
    network = build_network(name, {"classes": 3})
    found, config = architecture_of(network)
    assert build_network(found, json.loads(json.dumps(config))).config == network.config
    assert config == asdict(network.config)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_grey_pictures_are_taken_where_they_are_asked_for(name):
    with torch.inference_mode():
        assert made(name, channels=1).eval()(pictures(channels=1)).shape == (2, 3)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_no_classes_are_refused(name):
    with pytest.raises(FacsimError, match="at least 1"):
        made(name, classes=0)


def test_an_unknown_network_is_refused_with_the_nearest():
    with pytest.raises(FacsimError, match='Did you mean "resnet18"'):
        initialised("resnet19", {"classes": 7}, generator=torch.Generator())


def test_an_unknown_setting_is_refused_with_the_nearest():
    with pytest.raises(FacsimError, match='Did you mean "faithful"'):
        initialised("ir50", {"classes": 7, "faithfull": True}, generator=torch.Generator())


def test_other_networks_have_no_architecture():
    with pytest.raises(WeightsError, match="expected one of small_cnn"):
        architecture_of(torch.nn.Linear(2, 2))


# sizes, against what was published


@pytest.mark.parametrize(
    ("name", "parameters", "giga_multiply_adds"),
    [("resnet18", 11_689_512, 1.81), ("resnet50", 25_557_032, 4.09)],  # docs.pytorch.org/vision, models
)
def test_resnets_are_as_large_as_torchvisions(name, parameters, giga_multiply_adds):
    cost = cost_of(build_network(name, {"classes": 1000}), channels=3, side_px=224)
    assert cost.parameters == cost.trainable == parameters
    assert round(cost.multiply_adds / 1e9, 2) == giga_multiply_adds


def test_ir50_has_17_6_million_parameters():
    assert round(cost_of(build_network("ir50", {"classes": 7}), channels=3, side_px=224).parameters / 1e6, 1) == 17.6


DEAD_OUTPUT_LAYER = 512 * 7 * 7 * 512 + 512 + 2 * 2 * 512  # a linear layer and two norms


def test_poster_has_the_published_70_8_million_with_what_the_official_code_counts_in_vain():
    cost = cost_of(build_network("poster", {"classes": 7}), channels=3, side_px=224)
    class_token = 512
    assert round((cost.trainable + DEAD_OUTPUT_LAYER + class_token) / 1e6, 1) == 70.8
    assert round(cost.trainable / 1e6, 1) == 58.0


def test_poster_pp_is_as_large_and_as_costly_as_published():
    network = build_network("poster_pp", {"classes": 7})
    cost = cost_of(network, channels=3, side_px=224)
    # The published figures come from a counter that sees layers alone: no bare parameters, no product of attention.
    bare = sum(
        weight.numel()
        for key, weight in network.named_parameters()
        if any(w in key for w in ("VIT.cls", "VIT.pos", "table", "gamma"))
    )
    products = sum(
        2 * tokens**2 * width for tokens, width in ((784, 64), (196, 128), (49, 256), (148, 768), (148, 768))
    )
    assert round((cost.parameters - bare) / 1e6, 1) == 43.7
    assert round((cost.multiply_adds - products) / 1e9, 1) == 8.4


@pytest.mark.parametrize(("size", "blocks"), [("large", 8), ("base", 6), ("small", 4)])
def test_posters_sizes_differ_in_their_blocks(size, blocks):
    assert len(build_network("poster", {"classes": 7, "size": size}).pyramid_fuse.blocks) == blocks


# the corrected form and the faithful one


def test_faithful_pictures_are_every_second_pixel_and_the_others_filtered():
    stripes = torch.zeros(1, 3, 224, 224)
    stripes[..., ::2] = 1.0  # as fine as can be: at half the side there is only their mean
    assert torch.equal(scale_pictures(stripes, faithful=True), stripes[:, :, ::2, ::2])
    assert float((scale_pictures(stripes, faithful=False)[..., 2:-2] - 0.5).abs().max()) < 1e-5


def test_a_token_is_a_place_of_the_picture_and_a_faithful_one_is_not():
    maps = torch.zeros(1, 256, 14, 14)
    maps[:, :, 4:6, 6:8] = 1.0  # third row, fourth column of 7 × 7
    found = tokens_of(maps, faithful=False).sum(dim=2)[0]
    assert torch.equal(found.nonzero().flatten(), torch.tensor([2 * 7 + 3])) and float(found.max()) == 1024
    assert int((tokens_of(maps, faithful=True).sum(dim=2)[0] > 0).sum()) == 49


def test_a_channels_last_map_is_read_in_the_same_order():
    maps = torch.randn(2, 256, 14, 14)
    for faithful in (True, False):
        last = maps.contiguous(memory_format=torch.channels_last)
        assert torch.equal(tokens_of(last, faithful=faithful), tokens_of(maps, faithful=faithful))


@pytest.mark.parametrize("name", ["poster", "poster_pp"])
@pytest.mark.parametrize("faithful", [True, False])
def test_frozen_landmarks_are_frozen_but_for_the_norms_of_the_faithful_variant(name, faithful):
    network = made(name, faithful=faithful, drop_path=0.0).train()
    before = {key: tensor.clone() for key, tensor in network.face_landback.state_dict().items()}
    network(pictures())
    after = network.face_landback.state_dict()
    changed = {key.rsplit(".", 1)[1] for key in before if not torch.equal(before[key], after[key])}
    assert changed == ({"running_mean", "running_var", "num_batches_tracked"} if faithful else set())


@pytest.mark.parametrize("name", ["poster", "poster_pp"])
def test_landmarks_learn_where_they_are_not_frozen(name):
    network = made(name, frozen_landmarks=False, drop_path=0.0).train()
    network(pictures()).sum().backward()
    assert network.face_landback.conv1.conv.weight.grad is not None
    assert network.face_landback.output_layer.linear.weight.requires_grad is False


def test_an_unknown_variant_of_poster_is_refused():
    with pytest.raises(FacsimError, match="expected one of large, base, small and one of rafdb, affectnet"):
        made("poster", variant="ferplus")


def test_a_small_stem_keeps_the_side_of_small_pictures():
    network = made("resnet18", stem_px=3).eval()
    assert network.conv1(pictures(side=32)).shape[-1] == 32
    with pytest.raises(FacsimError, match="stem_px 3 or 7"):
        made("resnet18", stem_px=5)


# branches dropped at random


def test_a_dropped_branch_is_nothing_and_the_others_keep_the_mean():
    drop = DropPath(0.25).train()
    drop.draws = torch.tensor([0.1, 0.3, 0.9])
    assert drop(torch.ones(3, 2, 2)).mean(dim=(1, 2)).tolist() == pytest.approx([0.0, 4 / 3, 4 / 3])


def test_branches_are_dropped_as_often_as_asked():
    network = torch.nn.Sequential(torch.nn.Linear(1, 1), DropPath(0.2)).train()
    draw_drops(network, 20_000, generator=torch.Generator().manual_seed(0))
    assert float((network[1](torch.ones(20_000, 1)) == 0).float().mean()) == pytest.approx(0.2, abs=0.01)


def test_a_training_pass_is_a_function_of_what_was_drawn():
    network, outputs = made("poster", drop_path=0.5).train(), []
    for seed in (0, 0, 1):
        draw_drops(network, 4, generator=torch.Generator().manual_seed(seed))
        outputs.append(network(pictures(4)).detach())
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[0], outputs[2])


def test_training_without_draws_is_refused_saying_what_to_do():
    with pytest.raises(FacsimError, match="draw_drops"):
        made("poster").train()(pictures())


def test_nothing_is_dropped_outside_training():
    with torch.inference_mode():
        assert torch.equal(made("poster").eval()(pictures()), made("poster").eval()(pictures()))
