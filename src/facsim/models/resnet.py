"""ResNet-18 and ResNet-50 (He et al. 2016, Deep Residual Learning), as torchvision builds and names them.

11,689,512 and 25,557,032 parameters at 1,000 classes; 1.8 and 4.1 G multiply-adds at 224 px. Of the bottleneck's three
convolutions the 3×3 one halves the map (ResNet v1.5, as torchvision's weights need). torchvision calls the head `fc`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from facsim.errors import FacsimError
from facsim.models.official_names import OfficialNames

__all__ = ["ResNet", "ResNet18Config", "ResNet50Config"]


@dataclass(frozen=True, kw_only=True)
class ResNet18Config:
    """Shape of a ResNet-18: number of classes, input channels, and the side of the first convolution.

    `stem_px` 7 halves twice before the first stage, as published; 3 not at all, for pictures of 32–64 px (Chen et al.
    2020, SimCLR, appendix B.9).
    """

    classes: int
    channels: int = 3
    stem_px: int = 7

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, kw_only=True)
class ResNet50Config:
    """Shape of a ResNet-50: number of classes, input channels, and the side of the first convolution.

    `stem_px` as in `ResNet18Config`.
    """

    classes: int
    channels: int = 3
    stem_px: int = 7

    def __post_init__(self) -> None:
        _check(self)


def _check(config: ResNet18Config | ResNet50Config) -> None:
    if min(config.classes, config.channels) < 1 or config.stem_px not in (3, 7):
        raise FacsimError(f"found {config}, expected classes and channels of at least 1 and stem_px 3 or 7")


class ResNet(nn.Module):
    """Logits (N, classes) float32 of normalised pictures (N, channels, S, S) float32, S from 32 up (stem 3: 16)."""

    OFFICIAL_NAMES: ClassVar = OfficialNames(renamed={"fc.": "head."})

    def __init__(self, config: ResNet18Config | ResNet50Config) -> None:
        super().__init__()
        self.config = config
        deep = isinstance(config, ResNet50Config)
        depths, spread = ((3, 4, 6, 3), 4) if deep else ((2, 2, 2, 2), 1)
        self.conv1 = _convolution(config.channels, 64, side=config.stem_px, stride=2 if config.stem_px == 7 else 1)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(64, 64, depth=depths[0], stride=1, deep=deep)
        self.layer2 = _stage(64 * spread, 128, depth=depths[1], stride=2, deep=deep)
        self.layer3 = _stage(128 * spread, 256, depth=depths[2], stride=2, deep=deep)
        self.layer4 = _stage(256 * spread, 512, depth=depths[3], stride=2, deep=deep)
        self.feature_width = 512 * spread
        self.head = nn.Linear(self.feature_width, config.classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, classes)."""
        return self.head(self.features(pictures))

    def features(self, pictures: Tensor) -> Tensor:
        """What the head reads: (N, 512 or 2048) float32, the mean over the last map."""
        return self.last_map(pictures).mean(dim=(2, 3))

    def last_map(self, pictures: Tensor) -> Tensor:
        """(N, 512 or 2048, S / 32, S / 32) float32 (stem 3: S / 8)."""
        maps = torch.relu(self.bn1(self.conv1(pictures)))
        if self.config.stem_px == 7:
            maps = functional.max_pool2d(maps, 3, stride=2, padding=1)
        return self.layer4(self.layer3(self.layer2(self.layer1(maps))))


class _Basic(nn.Module):
    """Two 3×3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(inputs, width, side=3, stride=stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _convolution(width, width, side=3, stride=1)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride=stride)

    def fill_parameters(self, generator: torch.Generator) -> None:
        """The block begins as its shortcut (Goyal et al. 2017, section 5.1)."""
        nn.init.zeros_(self.bn2.weight)

    def forward(self, maps: Tensor) -> Tensor:
        inner = torch.relu(self.bn1(self.conv1(maps)))
        beside = maps if self.downsample is None else self.downsample(maps)
        return torch.relu(self.bn2(self.conv2(inner)) + beside)


class _Bottleneck(nn.Module):
    """A 3×3 convolution between two of 1×1, the last four times as wide, beside a shortcut."""

    def __init__(self, inputs: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(inputs, width, side=1, stride=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _convolution(width, width, side=3, stride=stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _convolution(width, 4 * width, side=1, stride=1)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _shortcut(inputs, 4 * width, stride=stride)

    def fill_parameters(self, generator: torch.Generator) -> None:
        """The block begins as its shortcut (Goyal et al. 2017, section 5.1)."""
        nn.init.zeros_(self.bn3.weight)

    def forward(self, maps: Tensor) -> Tensor:
        inner = torch.relu(self.bn1(self.conv1(maps)))
        inner = torch.relu(self.bn2(self.conv2(inner)))
        beside = maps if self.downsample is None else self.downsample(maps)
        return torch.relu(self.bn3(self.conv3(inner)) + beside)


def _convolution(inputs: int, outputs: int, *, side: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False)


def _shortcut(inputs: int, outputs: int, *, stride: int) -> nn.Sequential | None:
    if inputs == outputs and stride == 1:
        return None
    return nn.Sequential(_convolution(inputs, outputs, side=1, stride=stride), nn.BatchNorm2d(outputs))


def _stage(inputs: int, width: int, *, depth: int, stride: int, deep: bool) -> nn.Sequential:
    block, spread = (_Bottleneck, 4) if deep else (_Basic, 1)
    first = block(inputs, width, stride=stride)
    return nn.Sequential(first, *(block(width * spread, width, stride=1) for _ in range(depth - 1)))
