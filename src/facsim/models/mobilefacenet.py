"""MobileFaceNet (Chen et al. 2018) as a network of 68 landmarks: the second stream of POSTER and POSTER++.

1.0 M parameters. Its landmarks are not what POSTER reads: it takes the map before them, and POSTER++ two maps more. The
names are those of `mobilefacenet_model_best.pth.tar`, which both use.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from facsim.errors import FacsimError

__all__ = ["MobileFaceNet", "MobileFaceNetConfig"]


@dataclass(frozen=True, kw_only=True)
class MobileFaceNetConfig:
    """Shape of a `MobileFaceNet`: number of landmarks and input channels."""

    landmarks: int = 68
    channels: int = 3

    def __post_init__(self) -> None:
        if min(self.landmarks, self.channels) < 1:
            raise FacsimError(f"found {self}, expected every number to be at least 1")


class MobileFaceNet(nn.Module):
    """Landmarks (N, 2 × landmarks) float32, x and y in turn, of normalised pictures (N, channels, 112, 112) float32."""

    def __init__(self, config: MobileFaceNetConfig) -> None:
        super().__init__()
        self.config = config
        self.conv1 = _Convolution(config.channels, 64, side=3, stride=2)
        self.conv2_dw = _Convolution(64, 64, side=3, groups=64)
        self.conv_23 = _Separable(64, 64, inner=128, stride=2)
        self.conv_3 = _Chain(64, count=4, inner=128)
        self.conv_34 = _Separable(64, 128, inner=256, stride=2)
        self.conv_4 = _Chain(128, count=6, inner=256)
        self.conv_45 = _Separable(128, 128, inner=512, stride=2)
        self.conv_5 = _Chain(128, count=2, inner=256)
        self.conv_6_sep = _Convolution(128, 512, side=1)
        self.output_layer = _Landmarks(2 * config.landmarks)

    def forward(self, pictures: Tensor) -> Tensor:
        """Landmarks (N, 2 × landmarks)."""
        return self.output_layer(self.maps(pictures)[-1])

    def maps(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 64, 28, 28), (N, 128, 14, 14) and (N, 512, 7, 7) float32: what POSTER++ reads; POSTER reads the last."""
        low = self.conv_3(self.conv_23(self.conv2_dw(self.conv1(pictures))))
        middle = self.conv_4(self.conv_34(low))
        return low, middle, self.conv_6_sep(self.conv_5(self.conv_45(middle)))


class _Convolution(nn.Module):
    """A convolution, its norm and, unless `linear`, a PReLU; padded so that stride 1 keeps the side."""

    def __init__(
        self, inputs: int, outputs: int, *, side: int, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        padding = side // 2 if side < 7 else 0  # the one of 7 takes a whole map to a point
        self.conv = nn.Conv2d(inputs, outputs, side, stride=stride, padding=padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = None if linear else nn.PReLU(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        normed = self.bn(self.conv(maps))
        return normed if self.prelu is None else self.prelu(normed)


class _Separable(nn.Module):
    """1×1 to `inner` channels, 3×3 on each alone, 1×1 to `outputs`."""

    def __init__(self, inputs: int, outputs: int, *, inner: int, stride: int) -> None:
        super().__init__()
        self.conv = _Convolution(inputs, inner, side=1)
        self.conv_dw = _Convolution(inner, inner, side=3, stride=stride, groups=inner)
        self.project = _Convolution(inner, outputs, side=1, linear=True)

    def forward(self, maps: Tensor) -> Tensor:
        return self.project(self.conv_dw(self.conv(maps)))


class _Chain(nn.Module):
    """`count` separable convolutions in a row, each beside a shortcut."""

    def __init__(self, width: int, *, count: int, inner: int) -> None:
        super().__init__()
        self.model = nn.ModuleList(_Separable(width, width, inner=inner, stride=1) for _ in range(count))

    def forward(self, maps: Tensor) -> Tensor:
        for block in self.model:
            maps = maps + block(maps)
        return maps


class _Landmarks(nn.Module):
    """Numbers (N, outputs) of a map (N, 512, 7, 7): each channel's weighted sum, then a linear layer and its norm."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv_6_dw = _Convolution(512, 512, side=7, groups=512, linear=True)
        self.linear = nn.Linear(512, outputs, bias=False)
        self.bn = nn.BatchNorm1d(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        return self.bn(self.linear(self.conv_6_dw(maps).flatten(1)))
