"""facsim.learn.training_step: a step is a function of (seed, step), whatever the pieces that it is worked off in."""

import numpy as np
import torch
from torch import nn

from facsim.learn.checkpoint import TrainingState
from facsim.learn.optimisers import build_optimiser
from facsim.learn.training_config import TrainingConfig
from facsim.learn.training_plan import planned
from facsim.learn.training_step import seeded, step_work, take_step
from facsim.models.transformer import DropPath


class Dropping(nn.Module):
    """A network without batch normalisation, of which each picture loses a branch by chance."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.body, self.drop, self.head = nn.Linear(1600, 8), DropPath(0.5), nn.Linear(8, 7)
        for layer in (self.body, self.head):
            nn.init.normal_(layer.weight, std=0.05, generator=generator)
            nn.init.zeros_(layer.bias)

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.drop(torch.tanh(self.body(pictures.flatten(1))))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(pictures))


def stepped(pictures, steps: int = 2, **changes) -> dict[str, torch.Tensor]:
    """The weights of a `Dropping` network after some steps on the first pictures."""
    config = TrainingConfig(**{"steps": 5, "batch_size": 16, "validation": "none", "optimiser": "sgd", **changes})
    reference = pictures if config.alignment else None
    plan = planned(pictures, config, reference=reference)
    network, average = Dropping().train(), Dropping()
    state = TrainingState(network=network, average=average, optimizer=build_optimiser(network, config))
    work, rows = step_work(plan, network), np.arange(16)
    images = torch.from_numpy(pictures.images[rows])
    for _ in range(steps):
        take_step(work, state, rows, images, None if reference is None else images)
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def largest_difference(one, other) -> float:
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def test_a_step_is_a_function_of_the_seed_and_the_step(drawn):
    assert largest_difference(stepped(drawn(32)), stepped(drawn(32))) == 0
    assert largest_difference(stepped(drawn(32)), stepped(drawn(32), seed=1)) > 1e-4


def test_pieces_change_neither_gradient_nor_dropped_branches_nor_mixing(drawn):
    for changes in ({}, {"sam_rho": 0.05}, {"mixup_alpha": 0.4, "cutmix_alpha": 1.0, "erasing_p": 0.5}):
        whole, pieces = (stepped(drawn(32), accumulation=count, **changes) for count in (1, 4))
        assert largest_difference(whole, pieces) < 1e-6


def test_branches_are_dropped_in_training(drawn):
    network = Dropping().train()
    network.drop.draws = torch.ones(16)
    assert not torch.equal(network.features(torch.ones(16, 1600)), network.eval().features(torch.ones(16, 1600)))


def test_the_reference_sets_pictures_lose_branches_of_their_own(drawn):
    assert all(torch.isfinite(tensor).all() for tensor in stepped(drawn(32), alignment=0.5).values())


def test_one_purpose_has_one_generator():
    first, same, other = (torch.rand(3, generator=seeded(0, purpose)) for purpose in ("a", "a", "b"))
    assert torch.equal(first, same) and not torch.equal(first, other)
