"""OpenGraphAU's first stage: 41 action units from a ResNet and a graph of them (Luo et al. 2022, arXiv 2205.01782).

Twenty-seven units and, for seven of them, each side apart. Each unit has a layer of its own over the places of the last
map; the units' vectors are then mixed with those that are likest to them, and the cosine to a learnt direction is the
unit's probability (both are at least 0, so it lies in [0, 1]). Written after the official code, whose names it keeps:
its files (`OpenGprahAU-ResNet50_first_stage.pth` and the ResNet-18 one) load with `facsim.models.official`. None was at
hand when this was written: that they load rests on names and shapes. The Swin variants and the second stage (edge
features) are not here.

The official list calls two outputs `L12` and `R12`, but the official code reads them off the vector of AU 11, whose
place is beside AU 12's. They are taken at their name.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from facsim.errors import FacsimError
from facsim.models.resnet import ResNet, ResNet18Config, ResNet50Config

__all__ = ["OPEN_GRAPH_UNITS", "SIDE_PX", "OpenGraphAu", "OpenGraphAuConfig"]

_MAIN = "1 2 4 5 6 7 9 10 11 12 13 14 15 16 17 18 19 20 22 23 24 25 26 27 32 38 39"
_SIDED = "1L 1R 2L 2R 4L 4R 6L 6R 10L 10R 12L 12R 14L 14R"

OPEN_GRAPH_UNITS = (*_MAIN.split(), *_SIDED.split())
"""What the 41 outputs say: codes (either side), then keys. From the repository's utils.py (`AU_ids`)."""

SIDE_PX = 224
"""Side of its pictures: 256 px, of which the middle 224, by ImageNet's mean and deviation (utils.py, `image_eval`)."""

_READ_OFF = (0, 1, 2, 4, 7, 8, 11)  # the unit whose vector each pair of sides is read off (ANFL.py, `sub_list`)
_NEIGHBOURS = 4  # ANFL.py's default, and hybrid_config.yaml's


@dataclass(frozen=True, kw_only=True)
class OpenGraphAuConfig:
    """Which ResNet: `depth` 18 or 50."""

    depth: int = 50

    def __post_init__(self) -> None:
        if self.depth not in (18, 50):
            raise FacsimError(f"found depth {self.depth}, expected 18 or 50")


class OpenGraphAu(nn.Module):
    """Probabilities (N, 41) float32, in the order of `OPEN_GRAPH_UNITS`, of normalised pictures (N, 3, S, S)."""

    def __init__(self, config: OpenGraphAuConfig) -> None:
        super().__init__()
        self.config = config
        shape = ResNet50Config(classes=1) if config.depth == 50 else ResNet18Config(classes=1)
        self.backbone = ResNet(shape)
        width = self.backbone.feature_width
        self.backbone.head = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]  # the official one is gone
        self.global_linear = _LinearBlock(width, width // 4)
        self.head = _GraphHead(width // 4)

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 41)."""
        places = self.backbone.last_map(pictures).flatten(2).transpose(1, 2)
        return self.head(self.global_linear(places))


class _LinearBlock(nn.Module):
    """(N, places, outputs): a linear layer, a norm and a cut at 0, at each place."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)
        self.bn = nn.BatchNorm1d(outputs)

    def forward(self, places: Tensor) -> Tensor:
        return torch.relu(self.bn(self.fc(places).transpose(1, 2))).transpose(1, 2)


class _Graph(nn.Module):
    """Units' vectors (N, units, width), each mixed with the nearest: X' = relu(X + norm(A V X + U X))."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.U = nn.Linear(width, width)
        self.V = nn.Linear(width, width)
        self.bnv = nn.BatchNorm1d(units)

    def forward(self, vectors: Tensor) -> Tensor:
        likeness = vectors @ vectors.transpose(1, 2)
        least = likeness.topk(_NEIGHBOURS, dim=-1).values[..., -1:]
        adjacent = (likeness >= least).to(vectors.dtype)
        degree = adjacent.sum(dim=-1) ** -0.5
        mixing = degree[:, :, None] * adjacent * degree[:, None, :]
        return torch.relu(vectors + self.bnv(mixing @ self.V(vectors) + self.U(vectors)))


class _GraphHead(nn.Module):
    """Cosines (N, 41) of places (N, P, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        units, sides = len(_MAIN.split()), len(_SIDED.split())
        self.main_class_linears = nn.ModuleList(_LinearBlock(width, width) for _ in range(units))
        self.gnn = _Graph(width, units)
        self.main_sc = nn.Parameter(torch.zeros(units, width))
        self.sub_sc = nn.Parameter(torch.zeros(sides, width))

    def forward(self, places: Tensor) -> Tensor:
        means = [layer(places).mean(dim=1) for layer in self.main_class_linears]
        vectors = functional.normalize(self.gnn(torch.stack(means, dim=1)), dim=-1)
        main, sub = (functional.normalize(torch.relu(way), dim=-1) for way in (self.main_sc, self.sub_sc))
        read = vectors[:, [unit for unit in _READ_OFF for _ in range(2)]]
        return torch.cat([(vectors * main).sum(dim=-1), (read * sub).sum(dim=-1)], dim=1)
