"""What the methods share: projection heads, targets that follow, what a method is, and how far it has collapsed."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from facsim.errors import FacsimError
from facsim.models.initialisation import initialise

__all__ = ["Learned", "Learner", "build_mlp", "follow", "rising_momentum", "spread", "target_of"]


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What a method says of one batch: its loss, a scalar, and the embedding (N, D) by which collapse is seen."""

    loss: Tensor
    embedding: Tensor


class Learner(Protocol):
    """A method at work: an `nn.Module` that holds the backbone, its heads and, where it has them, its targets."""

    backbone: nn.Module

    def learn(self, views: tuple[Tensor, ...], generator: torch.Generator) -> Learned:
        """Loss and embedding of one batch: `views`, each (N, C, S, S), normalised; row i of all is one picture."""
        ...

    def follow(self, momentum: float) -> None:
        """Move the targets after the optimiser's step, keeping `momentum` of what they are."""
        ...


def build_mlp(widths: tuple[int, ...], *, generator: torch.Generator, last_norm: bool = False) -> nn.Sequential:
    """Layers from `widths[0]` to `widths[-1]`, batch norm and ReLU between, initialised from `generator` alone.

    `last_norm` ends in a batch norm without scale and shift, as MoCo v3's heads do.
    """
    layers: list[nn.Module] = []
    with torch.device("meta"):
        for place, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            last = place == len(widths) - 2
            layers.append(nn.Linear(inputs, outputs, bias=last and not last_norm))
            if not last:
                layers += [nn.BatchNorm1d(outputs), nn.ReLU()]
            elif last_norm:
                layers.append(nn.BatchNorm1d(outputs, affine=False))
        head = nn.Sequential(*layers)
    head = head.to_empty(device="cpu")
    initialise(head, generator=generator)
    return head


def target_of(network: nn.Module) -> nn.Module:
    """A copy that no gradient reaches; it stays in training mode, so that its norms see the batch."""
    return copy.deepcopy(network).requires_grad_(False)


def follow(target: nn.Module, online: nn.Module, *, momentum: float) -> None:
    """Move each parameter of `target` by 1 - momentum towards the online network's; norms keep their own statistics."""
    with torch.no_grad():
        for behind, ahead in zip(target.parameters(), online.parameters(), strict=True):
            behind.lerp_(ahead, 1 - momentum)


def rising_momentum(step: int, total: int, base: float) -> float:
    """The targets' momentum after step `step` (from 0) of `total`: half a cosine from `base` to 1.

    `1 - (1 - base) · (cos(π step / total) + 1) / 2`: BYOL, section 3.3; MoCo v3's schedule is the same.
    """
    if not 0 <= base <= 1:
        raise FacsimError(f"found a target momentum of {base}, expected 0 to 1")
    return 1 - (1 - base) * (math.cos(math.pi * step / max(1, total)) + 1) / 2


def spread(embedding: Tensor) -> float:
    """How far embeddings (N, D) are from one point: 0 where all directions are the same, about 1 where they are even.

    The mean over the dimensions of the standard deviation of the unit vectors, times √D (Chen and He 2021, Exploring
    Simple Siamese Representation Learning, section 4.1).
    """
    unit = functional.normalize(embedding.detach().float(), dim=1)
    return float(unit.std(dim=0, correction=0).mean() * embedding.shape[1] ** 0.5)
