"""MoCo v3: a view should pick the other view of its picture among the batch's, as a following copy of the network sees
them (Chen, Xie and He 2021, arXiv 2104.02057). There is no queue: the batch's pictures are the negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from facsim.errors import FacsimError
from facsim.learn.precision import full_precision, widened
from facsim.learn.selfsupervised.heads import Learned, build_mlp, follow, target_of
from facsim.models.backbones import feature_width, features_of
from facsim.models.vit import Vit

__all__ = ["MocoV3", "MocoV3Learner", "contrastive_loss"]


@dataclass(frozen=True, kw_only=True)
class MocoV3:
    """MoCo v3's settings: the momentum encoder's momentum at the start (0.99, section 4), the temperature (0.2,
    algorithm 1 and section 4; the authors' code takes 1.0 for its ResNet-50), and the widths of the heads' inner layer
    (4096 in the paper) and of their output (256)."""

    name: ClassVar[str] = "moco-v3"
    views: ClassVar[int] = 2
    momentum: float = 0.99
    temperature: float = 0.2
    hidden: int = 1024
    width: int = 256

    def __post_init__(self) -> None:
        if not (0 <= self.momentum <= 1 and self.temperature > 0 and min(self.hidden, self.width) >= 1):
            raise FacsimError(f"found {self}, expected a momentum from 0 to 1, a temperature above 0 and widths")

    def build(self, backbone: nn.Module, *, generator: torch.Generator) -> MocoV3Learner:
        """The method at work on `backbone`, its heads initialised from `generator`."""
        return MocoV3Learner(backbone, self, generator)


class MocoV3Learner(nn.Module):
    """An encoder (backbone, projector, predictor) and its momentum encoder (backbone, projector).

    A transformer's patch embedding stays as it was drawn: training it made runs unstable (section 4.3).
    """

    def __init__(self, backbone: nn.Module, settings: MocoV3, generator: torch.Generator) -> None:
        super().__init__()
        self.backbone, self.settings = backbone, settings
        if isinstance(backbone, Vit):
            backbone.embedding.requires_grad_(False)
        inner, width, patched = settings.hidden, settings.width, isinstance(backbone, Vit)
        # a transformer's projector has three layers and its predictor ends in a norm, a convolutional network's has two
        # and does not: so in the authors' code (facebookresearch/moco-v3, moco/builder.py)
        widths = (feature_width(backbone), inner, *((inner,) if patched else ()), width)
        self.projector = build_mlp(widths, generator=generator, last_norm=True)
        self.predictor = build_mlp((width, inner, width), generator=generator, last_norm=patched)
        self.target_backbone, self.target_projector = target_of(backbone), target_of(self.projector)

    def learn(self, views: tuple[Tensor, ...], generator: torch.Generator) -> Learned:
        """The loss both ways: each view's query against the momentum encoder's keys of the other."""
        features = [features_of(self.backbone, view) for view in views[:2]]
        queries = [self.predictor(self.projector(one)) for one in features]
        with torch.no_grad():
            keys = [self.target_projector(features_of(self.target_backbone, view)) for view in views[:2]]
        temperature = self.settings.temperature
        loss = contrastive_loss(queries[0], keys[1], temperature=temperature)
        loss = loss + contrastive_loss(queries[1], keys[0], temperature=temperature)
        return Learned(loss=loss, embedding=torch.cat(features))

    def follow(self, momentum: float) -> None:
        """Move the momentum encoder towards the encoder."""
        follow(self.target_backbone, self.backbone, momentum=momentum)
        follow(self.target_projector, self.projector, momentum=momentum)


def contrastive_loss(queries: Tensor, keys: Tensor, *, temperature: float) -> Tensor:
    """InfoNCE of queries (N, D) and keys (N, D), key i being that of query i, times 2 · temperature: a scalar
    (algorithm 1, `ctr`)."""
    with full_precision(queries.device):
        unit = [functional.normalize(widened(one), dim=1) for one in (queries, keys)]
        own = torch.arange(len(queries), device=queries.device)
        return 2 * temperature * functional.cross_entropy(unit[0] @ unit[1].T / temperature, own)
