"""A small fully convolutional detector: for each cell of 8 px whether a face's middle lies there, and how large it is.

A trunk of the label models' blocks, whose last maps are brought together from coarse to fine (Lin et al. 2017, Feature
Pyramid Networks), and one map of heat and boxes (Zhou et al. 2019, Objects as Points), since portraits hold few faces.
Any picture will do whose sides are multiples of 32 px.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facsim.errors import FacsimError
from facsim.models.small_cnn import SmallCnn, SmallCnnConfig

__all__ = ["BOX_UNIT_PX", "CELL_PX", "HEAT_OFFSET", "DetectNet", "DetectNetConfig", "cell_middles", "read_boxes"]

CELL_PX = 8
"""Side of a cell of the map that comes out."""

BOX_UNIT_PX = 32.0
"""A box's size at outputs of 0, and the unit in which its middle is off its cell's."""

HEAT_OFFSET = -2.5
"""Added to the logit of heat: an untaught network says one in thirteen, so that the empty cells do not swamp the first
steps (Lin et al. 2017, Focal Loss, section 4.1)."""

_LARGEST_LOG = 3.0  # 640 px: untaught weights give no overflow


@dataclass(frozen=True, kw_only=True)
class DetectNetConfig:
    """Shape of a `DetectNet`: width of each of the four stages, and of the map that they come together in."""

    widths: tuple[int, ...] = (16, 32, 64, 128)
    depths: tuple[int, ...] = (1, 1, 1, 1)
    neck: int = 48

    def __post_init__(self) -> None:
        if len(self.widths) != 4 or self.neck < 1:
            raise FacsimError(f"found {self}, expected four widths and a neck of 1 or more")


class DetectNet(nn.Module):
    """Maps (N, 5, H / 8, W / 8) float32 of normalised pictures (N, 3, H, W) float32: the logit of heat, then a box."""

    def __init__(self, config: DetectNetConfig) -> None:
        super().__init__()
        self.config = config
        trunk = SmallCnn(SmallCnnConfig(classes=1, channels=3, widths=config.widths, depths=config.depths))
        self.stem = trunk.stem
        self.stem[0] = nn.Conv2d(3, config.widths[0], 3, stride=2, padding=1, bias=False)
        self.stages = trunk.stages
        self.laterals = nn.ModuleList(nn.Conv2d(width, config.neck, 1) for width in config.widths[1:])
        self.neck = nn.Sequential(
            nn.Conv2d(config.neck, config.neck, 3, padding=1, bias=False), nn.BatchNorm2d(config.neck), nn.ReLU()
        )
        self.head = nn.Conv2d(config.neck, 5, 1)
        self.places = tuple(sum(config.depths[: at + 1]) - 1 for at in range(4))

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 5, H / 8, W / 8)."""
        maps, kept = self.stem(pictures), list[Tensor]()
        for at, block in enumerate(self.stages):
            maps = block(maps)
            if at in self.places[1:]:
                kept.append(maps)
        joined = self.laterals[2](kept[2])
        for lateral, finer in ((self.laterals[1], kept[1]), (self.laterals[0], kept[0])):
            joined = nn.functional.interpolate(joined, scale_factor=2.0, mode="nearest") + lateral(finer)
        return self.head(self.neck(joined))


def cell_middles(height: int, width: int) -> tuple[Tensor, Tensor]:
    """x and y (height, width) float32, px, of the middles of the cells of a map of this size."""
    down, across = torch.arange(height) + 0.5, torch.arange(width) + 0.5
    y, x = torch.meshgrid(down * CELL_PX, across * CELL_PX, indexing="ij")
    return x, y


def read_boxes(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (N, H, W) in [0, 1] and boxes (N, H, W, 4), left, top, right, bottom px, of maps (N, 5, H, W)."""
    x, y = cell_middles(maps.shape[2], maps.shape[3])
    x, y = x.to(maps.device), y.to(maps.device)
    middle_x, middle_y = x + maps[:, 1] * BOX_UNIT_PX, y + maps[:, 2] * BOX_UNIT_PX
    half_x, half_y = (maps[:, at].clamp(-_LARGEST_LOG, _LARGEST_LOG).exp() * (BOX_UNIT_PX / 2) for at in (3, 4))
    boxes = torch.stack([middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y], dim=-1)
    return (maps[:, 0] + HEAT_OFFSET).sigmoid(), boxes
