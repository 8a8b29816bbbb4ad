"""IR50: ArcFace's improved residual network of 50 layers (Deng et al. 2019), cut before its 512-wide stage as POSTER,
POSTER++ and SyntFER use it.

17.6 M parameters. Whatever the picture's side, the network sees 112 px and its last map is 256 × 14 × 14, read as 49
tokens of 1,024. Official files (`ir50.pth`, SyntFER's classifiers, POSTER's) hold an `output_layer` of 12.8 M more that
belongs to the stage that was cut: it is left out when they are loaded.

Two quirks of the official code are what its checkpoints were trained with, and only the variant `faithful` has them.
Pictures are made smaller by taking the nearest pixel, every second one of 224, so that fine detail folds into coarse;
the corrected form filters first. And the map's memory is read as 49 runs of 1,024 numbers, so that a token is 5.2 whole
channels and no place in the picture; the corrected form makes a token of each 2 × 2 places with their 256 channels.
Weights load into either, but a head trained on one sort of token means nothing on the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from facsim.errors import FacsimError
from facsim.models.official_names import OfficialNames

__all__ = ["Ir50", "Ir50Config", "Ir50Trunk", "scale_pictures", "tokens_of"]

_SIDE_PX = 112  # of ArcFace's crops
_STAGES = ((64, 3), (128, 4), (256, 14))  # width and units of each; ArcFace's fourth, 512 × 3, is cut


@dataclass(frozen=True, kw_only=True)
class Ir50Config:
    """Shape of an `Ir50`: number of classes, input channels, and whether it has the official code's quirks."""

    classes: int
    channels: int = 3
    faithful: bool = False

    def __post_init__(self) -> None:
        if min(self.classes, self.channels) < 1:
            raise FacsimError(f"found {self}, expected every number to be at least 1")


def scale_pictures(pictures: Tensor, *, faithful: bool) -> Tensor:
    """Pictures (N, C, 112, 112) of any (N, C, S, S): filtered, or where `faithful` by the nearest pixel."""
    if pictures.shape[-1] == pictures.shape[-2] == _SIDE_PX:
        return pictures
    if faithful:
        return functional.interpolate(pictures, size=_SIDE_PX)
    return functional.interpolate(pictures, size=_SIDE_PX, mode="bilinear", antialias=True)


def tokens_of(maps: Tensor, *, faithful: bool) -> Tensor:
    """49 tokens (N, 49, 1024) of a map (N, 256, 14, 14), row by row, or where `faithful` in the order of memory."""
    if faithful:
        return maps.reshape(-1, 49, 1024)
    return functional.pixel_unshuffle(maps, 2).flatten(2).transpose(1, 2)


class Ir50Trunk(nn.Module):
    """The last map of each stage, (N, 64, 56, 56), (N, 128, 28, 28) and (N, 256, 14, 14) float32, of pictures
    (N, channels, 112, 112) float32."""

    OFFICIAL_NAMES: ClassVar = OfficialNames(
        # POSTER++ keeps the stages apart: body1.0 to body1.2, body2.0 to body2.3, body3.0 to body3.13.
        renamed={
            f"body{stage + 1}.{unit}.": f"body.{sum(n for _, n in _STAGES[:stage]) + unit}."
            for stage, (_, units) in enumerate(_STAGES)
            for unit in range(units)
        },
        unused=(r"output_layer\.",),
    )

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        stem = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        self.input_layer = nn.Sequential(stem, nn.BatchNorm2d(64), nn.PReLU(64))
        self.body = nn.Sequential(*_units())

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        first, second = (sum(units for _, units in _STAGES[:stage]) for stage in (1, 2))
        low = self.body[:first](self.input_layer(pictures))
        middle = self.body[first:second](low)
        return low, middle, self.body[second:](middle)


class Ir50(nn.Module):
    """Logits (N, classes) float32 of normalised pictures (N, channels, S, S) float32; 224 px is what it was made for.

    The official names are those of SyntFER's classifier, `backbone` and `head`; face-recognition weights alone load
    into the part `backbone`.
    """

    OFFICIAL_NAMES: ClassVar = OfficialNames(unused=(r"backbone\.output_layer\.",))

    def __init__(self, config: Ir50Config) -> None:
        super().__init__()
        self.config = config
        self.feature_width = 1024
        self.backbone = Ir50Trunk(config.channels)
        self.head = nn.Linear(self.feature_width, config.classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, classes)."""
        return self.head(self.features(pictures))

    def features(self, pictures: Tensor) -> Tensor:
        """What the head reads: (N, 1024) float32, the mean of 49 tokens."""
        faithful = self.config.faithful
        maps = self.backbone(scale_pictures(pictures, faithful=faithful))[-1]
        return tokens_of(maps, faithful=faithful).mean(dim=1)


class _Unit(nn.Module):
    """Norm, 3×3 convolution, PReLU, 3×3 convolution, norm, beside a shortcut; `stride` 2 halves the map."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.shortcut_layer = _shortcut(inputs, outputs, stride=stride)
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def fill_parameters(self, generator: torch.Generator) -> None:
        """The unit begins as its shortcut (Goyal et al. 2017, section 5.1): 21 sums would else grow a hundredfold."""
        nn.init.zeros_(self.res_layer[-1].weight)  # pyright: ignore[reportArgumentType]

    def forward(self, maps: Tensor) -> Tensor:
        return self.res_layer(maps) + self.shortcut_layer(maps)


def _shortcut(inputs: int, outputs: int, *, stride: int) -> nn.Module:
    if inputs == outputs:
        return nn.MaxPool2d(1, stride)
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))


def _units() -> list[nn.Module]:
    units: list[nn.Module] = []
    inputs = 64
    for width, count in _STAGES:
        for position in range(count):
            units.append(_Unit(inputs, width, stride=2 if position == 0 else 1))
            inputs = width
    return units
