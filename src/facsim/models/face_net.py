"""The trunk of facsim's own label models: a small residual network whose last map keeps where things are.

As `small_cnn` (whose blocks it is made of) with a stem that may halve the picture, and with the last map either meant
away or averaged to a grid and flattened, since a landmark is a place. One vector comes out; what its numbers are, the
label model says (`facsim.models.labeller`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facsim.errors import FacsimError
from facsim.models.small_cnn import SmallCnn, SmallCnnConfig

__all__ = ["FaceNet", "FaceNetConfig"]


@dataclass(frozen=True, kw_only=True)
class FaceNetConfig:
    """Shape of a `FaceNet`: numbers that come out, input channels, per stage its width and blocks, and `grid`, the side
    of the grid that the last map is averaged to (1: its mean). `stem_stride` 2 halves the picture at once."""

    outputs: int
    channels: int = 3
    widths: tuple[int, ...] = (32, 64, 128, 192)
    depths: tuple[int, ...] = (1, 1, 1, 1)
    grid: int = 1
    stem_stride: int = 1

    def __post_init__(self) -> None:
        if self.grid < 1 or self.stem_stride not in (1, 2) or self.outputs < 1:
            raise FacsimError(f"found {self}, expected outputs and grid of 1 or more and a stem_stride of 1 or 2")


class FaceNet(nn.Module):
    """Numbers (N, outputs) float32 of normalised pictures (N, channels, S, S) float32."""

    def __init__(self, config: FaceNetConfig) -> None:
        super().__init__()
        self.config = config
        shape = SmallCnnConfig(classes=1, channels=config.channels, widths=config.widths, depths=config.depths)
        trunk = SmallCnn(shape)
        first = config.widths[0]
        self.stem = trunk.stem
        self.stem[0] = nn.Conv2d(config.channels, first, 3, stride=config.stem_stride, padding=1, bias=False)
        self.stages = trunk.stages
        self.feature_width = config.widths[-1] * config.grid**2
        self.head = nn.Linear(self.feature_width, config.outputs)

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, outputs)."""
        return self.head(self.features(pictures))

    def features(self, pictures: Tensor) -> Tensor:
        """What the head reads: (N, feature_width) float32."""
        maps = self.stages(self.stem(pictures))
        if self.config.grid == 1:
            return maps.mean(dim=(2, 3))
        return torch.flatten(nn.functional.adaptive_avg_pool2d(maps, self.config.grid), 1)
