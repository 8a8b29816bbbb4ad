"""BYOL: a view should predict what a slowly following copy of the network says of the other view (Grill et al. 2020,
arXiv 2006.07733). There are no negatives; predictor and following keep it from collapse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from facsim.errors import FacsimError
from facsim.learn.precision import widened
from facsim.learn.selfsupervised.heads import Learned, build_mlp, follow, target_of
from facsim.models.backbones import feature_width, features_of

__all__ = ["Byol", "ByolLearner", "byol_loss"]


@dataclass(frozen=True, kw_only=True)
class Byol:
    """BYOL's settings: the target's momentum at the start (0.99, the paper's for its shorter runs; 0.996 for 1,000
    epochs), and the widths of the heads' inner layer (4096 in the paper, for a ResNet-50) and of their output (256)."""

    name: ClassVar[str] = "byol"
    views: ClassVar[int] = 2
    momentum: float = 0.99
    hidden: int = 1024
    width: int = 256

    def __post_init__(self) -> None:
        if not (0 <= self.momentum <= 1 and min(self.hidden, self.width) >= 1):
            raise FacsimError(f"found {self}, expected a momentum from 0 to 1 and widths of at least 1")

    def build(self, backbone: nn.Module, *, generator: torch.Generator) -> ByolLearner:
        """The method at work on `backbone`, its heads initialised from `generator`."""
        return ByolLearner(backbone, self, generator)


class ByolLearner(nn.Module):
    """An online network (backbone, projector, predictor) and its target (backbone, projector)."""

    def __init__(self, backbone: nn.Module, settings: Byol, generator: torch.Generator) -> None:
        super().__init__()
        self.backbone = backbone
        self.projector = build_mlp((feature_width(backbone), settings.hidden, settings.width), generator=generator)
        self.predictor = build_mlp((settings.width, settings.hidden, settings.width), generator=generator)
        self.target_backbone, self.target_projector = target_of(backbone), target_of(self.projector)

    def learn(self, views: tuple[Tensor, ...], generator: torch.Generator) -> Learned:
        """The loss both ways: each view's prediction against the target's projection of the other."""
        first, second = (features_of(self.backbone, view) for view in views[:2])
        predicted = [self.predictor(self.projector(features)) for features in (first, second)]
        with torch.no_grad():
            wanted = [self.target_projector(features_of(self.target_backbone, view)) for view in views[:2]]
        loss = byol_loss(predicted[0], wanted[1]) + byol_loss(predicted[1], wanted[0])
        return Learned(loss=loss, embedding=torch.cat([first, second]))

    def follow(self, momentum: float) -> None:
        """Move the target towards the online network."""
        follow(self.target_backbone, self.backbone, momentum=momentum)
        follow(self.target_projector, self.projector, momentum=momentum)


def byol_loss(predicted: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared distance of unit vectors, 2 - 2 cos, of (N, D) and (N, D), from 0 to 4 (equation 2)."""
    return (2 - 2 * functional.cosine_similarity(widened(predicted), widened(wanted), dim=1)).mean()
