"""A tile of strands and a tile of coils that every head's hair is cut from, as a lookup table for Warp kernels.

Values are ranks, spread evenly over 0–1, so that `value > 1 - cover` keeps just the share `cover` of a surface. The
tiles repeat without a seam. They are drawn once from a fixed seed: a picture only says where in them it reads.
"""

# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false, reportInvalidTypeForm=false, reportIndexIssue=false

from functools import lru_cache

import numpy as np
import warp as wp
from numpy.typing import NDArray

__all__ = ["TILE", "blend_field", "build_field", "read_field"]

wp.set_module_options({"enable_backward": False})

TILE = 256
"""Texels along each side of a tile."""

_LAST = wp.constant(TILE - 1)


@lru_cache(maxsize=1)
def build_field() -> NDArray[np.float32]:
    """(2, TILE, TILE) float32 in 0–1, indexed (kind, along, across): strands that run along the second axis, then
    coils."""
    generator = np.random.default_rng(20_261_121)
    strands = _blurred(generator, across=0.75, along=14.0)
    ridges = 1.0 - np.abs(_blurred(generator, across=3.2, along=3.2))
    coils = ridges + 0.35 * _blurred(generator, across=1.4, along=1.4)
    return np.stack([_ranked(strands), _ranked(coils)]).astype(np.float32)


def _blurred(generator: np.random.Generator, *, across: float, along: float) -> NDArray[np.float64]:
    """White noise on a torus under a Gaussian of those deviations in texels, scaled to deviation 1."""
    waves = np.fft.fftfreq(TILE) * 2.0 * np.pi
    pass_band = np.exp(-0.5 * ((waves[:, None] * along) ** 2 + (waves[None, :] * across) ** 2))
    field = np.fft.ifft2(np.fft.fft2(generator.normal(size=(TILE, TILE))) * pass_band).real
    return field / field.std()


def _ranked(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of texels below each one, in 255ths."""
    ranks = np.empty(field.size)
    ranks[np.argsort(field, axis=None, kind="stable")] = np.arange(field.size) / field.size
    return np.floor(ranks.reshape(field.shape) * 256.0) / 255.0


@wp.func
def read_field(field: wp.array3d(dtype=wp.float32), kind: int, across: float, along: float) -> float:
    """The texel at a place, tiles repeated."""
    return field[kind, int(wp.floor(along)) & _LAST, int(wp.floor(across)) & _LAST]


@wp.func
def blend_field(field: wp.array3d(dtype=wp.float32), kind: int, across: float, along: float) -> float:
    """The field between texels, tiles repeated: bilinear."""
    x = int(wp.floor(across))
    y = int(wp.floor(along))
    fx = across - float(x)
    fy = along - float(y)
    x0 = x & _LAST
    x1 = (x + 1) & _LAST
    y0 = y & _LAST
    y1 = (y + 1) & _LAST
    return wp.lerp(
        wp.lerp(field[kind, y0, x0], field[kind, y0, x1], fx),
        wp.lerp(field[kind, y1, x0], field[kind, y1, x1], fx),
        fy,
    )
