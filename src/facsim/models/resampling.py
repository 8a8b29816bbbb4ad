"""Cutting a crop out of a picture of any size through a matrix, without aliasing; outside, the border goes on."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["cut_out", "fitted_into", "is_sound"]

Floats = NDArray[np.floating]
Picture = NDArray[np.uint8]

_RIM = 3
_FARTHEST = 4.0
"""A crop may reach beyond its picture by so many of the picture's longer sides, and be as many of them wide."""


def is_sound(matrix: Floats, shape: tuple[int, ...], *, size_px: int) -> bool:
    """Whether the matrix (2, 3) cuts a crop of `size_px` from somewhere near a picture (H, W, …), and not from a point,
    a line, or far away."""
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2])))) if np.isfinite(matrix).all() else 0.0
    longer = max(shape[:2])
    if not 0 < size_px / max(scale, 1e-9) <= _FARTHEST * longer or scale > size_px:
        return False
    corners = _corners(_inverse(matrix), size_px)
    return bool((corners > -_FARTHEST * longer).all() and (corners < (1 + _FARTHEST) * longer).all())


def cut_out(picture: Picture, matrix: Floats, *, size_px: int) -> Picture:
    """The crop uint8 (size, size, 3) of a picture uint8 (H, W, 3) through a matrix (2, 3), picture px → crop px.

    Where the crop is smaller than what it shows, whole blocks are averaged first and then samples at twice the crop's
    size; where it is larger, it is interpolated bicubically. The caller asks `is_sound` first.
    """
    inverse = _inverse(matrix)
    scale = math.sqrt(abs(float(np.linalg.det(inverse[:, :2]))))
    block = max(int(scale), 1)
    inverse /= block
    image, low = _region(picture, _corners(inverse, size_px), block)
    inverse[:, 2] -= low
    if scale <= 1.0:
        return np.asarray(_transformed(image, inverse, size_px, Image.Resampling.BICUBIC))
    finer = inverse @ np.diag([0.5, 0.5, 1.0])
    return np.asarray(_transformed(image, finer, 2 * size_px, Image.Resampling.BILINEAR).reduce(2))


def fitted_into(picture: Picture, *, size_px: int, ground: int = 128) -> tuple[Picture, NDArray[np.float64]]:
    """The whole picture in the middle of a square uint8 (size, size, 3), grey around it, and the matrix (2, 3) that
    takes places in the picture there."""
    height, width = picture.shape[:2]
    zoom = size_px / max(height, width)
    inner = (max(round(width * zoom), 1), max(round(height * zoom), 1))
    resized = Image.fromarray(picture).resize(inner, Image.Resampling.BILINEAR, reducing_gap=3.0)
    left, top = (size_px - inner[0]) // 2, (size_px - inner[1]) // 2
    square = np.full((size_px, size_px, 3), ground, dtype=np.uint8)
    square[top : top + inner[1], left : left + inner[0]] = np.asarray(resized)
    return square, np.array([[inner[0] / width, 0.0, left], [0.0, inner[1] / height, top]])


def _inverse(matrix: Floats) -> NDArray[np.float64]:
    linear = np.linalg.inv(np.asarray(matrix[:, :2], dtype=np.float64))
    found = np.concatenate([linear, -linear @ np.asarray(matrix[:, 2:], dtype=np.float64)], axis=1)
    return found.astype(np.float64)


def _corners(inverse: Floats, size_px: int) -> NDArray[np.float64]:
    """(4, 2) where the crop's corners lie in the picture."""
    corners = np.array([[0, 0, 1], [size_px, 0, 1], [0, size_px, 1], [size_px, size_px, 1]], dtype=np.float64)
    return np.asarray(corners @ inverse.T, dtype=np.float64)


def _region(picture: Picture, corners: Floats, block: int) -> tuple[Image.Image, NDArray[np.int64]]:
    """What the crop sees of the picture made smaller by `block`, with a rim for the filters and the border going on
    outside; and where that starts. All places are in blocks, counted from the picture's corner."""
    low = np.floor(corners.min(axis=0)).astype(np.int64) - _RIM
    high = np.ceil(corners.max(axis=0)).astype(np.int64) + _RIM
    most = -(-np.array(picture.shape[1::-1]) // block)
    first, last = np.clip(low, 0, most - 1), np.clip(high, 1, most)
    last = np.maximum(last, first + 1)
    part = picture[first[1] * block : last[1] * block, first[0] * block : last[0] * block]
    image = Image.fromarray(np.ascontiguousarray(part))
    image = image.reduce(block) if block > 1 else image
    if (low >= 0).all() and (high <= most).all():
        return image, low
    before, after = np.maximum(first - low, 0), np.maximum(high - last, 0)
    wider = np.pad(np.asarray(image), ((before[1], after[1]), (before[0], after[0]), (0, 0)), mode="edge")
    skipped, size = np.maximum(low - first, 0), high - low  # a crop that lies wholly outside sees the border alone
    return Image.fromarray(wider[skipped[1] : skipped[1] + size[1], skipped[0] : skipped[0] + size[0]]), low


def _transformed(image: Image.Image, inverse: Floats, size_px: int, way: Image.Resampling) -> Image.Image:
    return image.transform((size_px, size_px), Image.Transform.AFFINE, tuple(inverse.ravel().tolist()), way)
