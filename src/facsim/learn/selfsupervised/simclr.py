"""SimCLR: two views of a picture should be near, all other views of the batch far (Chen et al. 2020, arXiv
2002.05709)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from facsim.errors import FacsimError
from facsim.learn.precision import full_precision, widened
from facsim.learn.selfsupervised.heads import Learned, build_mlp
from facsim.models.backbones import feature_width, features_of

__all__ = ["SimClr", "SimClrLearner", "nt_xent"]


@dataclass(frozen=True, kw_only=True)
class SimClr:
    """SimCLR's settings: the loss's temperature (0.5, its best at small pictures and batches: appendix B.9), and the
    widths of the head's inner layer and of its output (128, section 2.1)."""

    name: ClassVar[str] = "simclr"
    views: ClassVar[int] = 2
    momentum: ClassVar[float] = 0.0
    temperature: float = 0.5
    hidden: int = 512
    width: int = 128

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and min(self.hidden, self.width) >= 1):
            raise FacsimError(f"found {self}, expected a temperature above 0 and widths of at least 1")

    def build(self, backbone: nn.Module, *, generator: torch.Generator) -> SimClrLearner:
        """The method at work on `backbone`, its head initialised from `generator`."""
        return SimClrLearner(backbone, self, generator)


class SimClrLearner(nn.Module):
    """A backbone and its projection head."""

    def __init__(self, backbone: nn.Module, settings: SimClr, generator: torch.Generator) -> None:
        super().__init__()
        self.backbone, self.settings = backbone, settings
        self.projector = build_mlp((feature_width(backbone), settings.hidden, settings.width), generator=generator)

    def learn(self, views: tuple[Tensor, ...], generator: torch.Generator) -> Learned:
        """NT-Xent over both views, which pass the network as one batch."""
        features = features_of(self.backbone, torch.cat(views[:2]))
        first, second = self.projector(features).chunk(2)
        return Learned(loss=nt_xent(first, second, temperature=self.settings.temperature), embedding=features)

    def follow(self, momentum: float) -> None:
        """Nothing: SimCLR has no targets."""


def nt_xent(first: Tensor, second: Tensor, *, temperature: float) -> Tensor:
    """The normalised temperature-scaled cross-entropy of embeddings (N, D) and (N, D) of two views: a scalar.

    Each of the 2N views is to pick its other view among the 2N - 1 others, by cosine similarity (equation 1).
    """
    count = len(first)
    with full_precision(first.device):
        unit = functional.normalize(widened(torch.cat([first, second])), dim=1)
        itself = torch.eye(2 * count, dtype=torch.bool, device=unit.device)
        similarity = (unit @ unit.T / temperature).masked_fill(itself, float("-inf"))
        partner = torch.arange(2 * count, device=unit.device).roll(count)
        return functional.cross_entropy(similarity, partner)
