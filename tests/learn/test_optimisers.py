"""facsim.learn.optimisers: which parameters are decayed, and SAM against its definition."""

import pytest
import torch
from torch import nn

from facsim.learn.optimisers import build_optimiser, moved_uphill, statistics_kept, trainable
from facsim.learn.training_config import TrainingConfig


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))


@pytest.mark.parametrize(("name", "kind"), [("adamw", "AdamW"), ("adam", "Adam"), ("sgd", "SGD")])
def test_optimisers_are_torchs(name, kind):
    optimiser = build_optimiser(network(), TrainingConfig(steps=1, optimiser=name))
    assert type(optimiser).__name__ == kind


def test_norms_and_biases_are_not_decayed():
    groups = build_optimiser(network(), TrainingConfig(steps=1, weight_decay=0.3)).param_groups
    assert [(group["weight_decay"], len(group["params"])) for group in groups] == [(0.3, 2), (0.0, 4)]


def test_everything_is_decayed_where_asked():
    groups = build_optimiser(network(), TrainingConfig(steps=1, weight_decay=0.3, decay_all=True)).param_groups
    assert [(group["weight_decay"], len(group["params"])) for group in groups] == [(0.3, 6)]


def test_frozen_parameters_are_not_optimised():
    net = network()
    net[0].requires_grad_(False)
    groups = build_optimiser(net, TrainingConfig(steps=1)).param_groups
    assert sum(len(group["params"]) for group in groups) == 4 == len(trainable(net))


def test_the_move_uphill_is_rho_along_the_gradient_and_comes_back_to_the_bit():
    weights = [nn.Parameter(torch.tensor([1.0, -2.0])), nn.Parameter(torch.tensor([[0.3]]))]
    weights[0].grad, weights[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])
    before = [weight.detach().clone() for weight in weights]
    with moved_uphill(weights, rho=0.05, adaptive=False):
        assert torch.allclose(weights[0].detach() - before[0], torch.tensor([0.03, 0.0]), atol=1e-7)
        assert torch.allclose(weights[1].detach() - before[1], torch.tensor([[0.04]]), atol=1e-7)
    assert all(torch.equal(weight, held) for weight, held in zip(weights, before, strict=True))


def test_the_adaptive_move_is_scaled_by_the_weights():
    # ASAM: rho w² g / |w g| with w = (2, -1), g = (3, 8): |w g| = (6, 8), norm 10.
    weight = nn.Parameter(torch.tensor([2.0, -1.0]))
    weight.grad = torch.tensor([3.0, 8.0])
    with moved_uphill([weight], rho=0.5, adaptive=True):
        assert torch.allclose(weight.detach(), torch.tensor([2.0 + 0.5 * 12 / 10, -1.0 + 0.5 * 8 / 10]))


def test_a_weight_without_a_gradient_does_not_move():
    still, moving = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(1))
    moving.grad = torch.ones(1)
    with moved_uphill([still, moving], rho=0.5, adaptive=False):
        assert torch.equal(still.detach(), torch.ones(2)) and moving.item() == pytest.approx(1.5)


def test_running_statistics_are_kept_while_the_batch_normalises():
    net = network().train()
    before = net[1].running_mean.clone()
    with statistics_kept(net.modules()):
        kept = net(torch.randn(8, 4, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(net[1].running_mean, before) and net[1].num_batches_tracked == 0
    assert torch.equal(kept, net(torch.randn(8, 4, generator=torch.Generator().manual_seed(1))))
    assert not torch.equal(net[1].running_mean, before)
