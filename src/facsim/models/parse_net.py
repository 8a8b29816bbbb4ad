"""What each pixel of a face shows, at half of a map's cost: the network works at half of its picture's side and says
four pixels at each place (Shi et al. 2016, sub-pixel convolution), since a face's parts are large but lips and lids.

The trunk is made of the label models' blocks; its maps come together from coarse to fine as in `detect_net`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facsim.errors import FacsimError
from facsim.models.small_cnn import SmallCnn, SmallCnnConfig

__all__ = ["ParseNet", "ParseNetConfig"]


@dataclass(frozen=True, kw_only=True)
class ParseNetConfig:
    """Shape of a `ParseNet`: classes, widths of the three stages, and of the map that they come together in."""

    classes: int
    widths: tuple[int, ...] = (24, 48, 96)
    depths: tuple[int, ...] = (1, 1, 2)
    neck: int = 40

    def __post_init__(self) -> None:
        if len(self.widths) != 3 or min(self.classes, self.neck) < 1:
            raise FacsimError(f"found {self}, expected three widths, and classes and a neck of 1 or more")


class ParseNet(nn.Module):
    """Logits (N, classes, S, S) float32 of normalised pictures (N, 3, S, S) float32; S is a multiple of 8."""

    def __init__(self, config: ParseNetConfig) -> None:
        super().__init__()
        self.config = config
        trunk = SmallCnn(SmallCnnConfig(classes=1, channels=3, widths=config.widths, depths=config.depths))
        first = config.widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(first), nn.ReLU()
        )
        self.stages = trunk.stages
        self.laterals = nn.ModuleList(nn.Conv2d(width, config.neck, 1) for width in config.widths)
        self.context = nn.Linear(config.widths[-1], config.neck)
        self.necks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(config.neck, config.neck, 3, padding=1, bias=False), nn.BatchNorm2d(config.neck), nn.ReLU()
            )
            for _ in range(2)
        )
        self.head = nn.Conv2d(config.neck, 4 * config.classes, 1)
        self.places = tuple(sum(config.depths[: at + 1]) - 1 for at in range(3))

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, classes, S, S)."""
        maps, kept = self.stem(pictures), list[Tensor]()
        for at, block in enumerate(self.stages):
            maps = block(maps)
            if at in self.places:
                kept.append(maps)
        whole = self.context(maps.mean(dim=(2, 3)))[:, :, None, None]
        joined = self.laterals[2](kept[2]) + whole
        for at in (1, 0):
            joined = nn.functional.interpolate(joined, scale_factor=2.0, mode="bilinear", align_corners=False)
            joined = self.necks[at](joined + self.laterals[at](kept[at]))
        return torch.pixel_shuffle(self.head(joined), 2)
