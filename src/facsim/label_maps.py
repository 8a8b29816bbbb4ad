"""Pictures whose pixels are labels: depth, normals and parts as PNG, and back as arrays.

    row = run.column("render.depth")[0]
    millimetres = decode_depth(row["bytes"])

All three have the picture's own size, and say what the larger part of each pixel shows (before the lens and the sensor
blur it): the nearest of its samples on that surface. Lenses have no depth and no normal: what lies behind them has, and
`parts` says `lens` only where it is dark.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

from facsim.errors import FacsimError

__all__ = [
    "DEPTH_STEP_MM",
    "ENCODERS",
    "MAP_NAMES",
    "PART_NAMES",
    "decode_depth",
    "decode_normals",
    "decode_parts",
    "encode_depth",
    "encode_normals",
    "encode_parts",
]

MAP_NAMES = ("depth", "normals", "parts")
"""The maps that a source may be asked for; each is a column."""

DEPTH_STEP_MM = 0.1
"""What one step of a depth map's 16 bits is; 0 is nothing there."""

_PARTS: Mapping[str, tuple[int, int, int]] = {
    "background": (0, 0, 0),
    "skin": (226, 168, 138),
    "lips": (201, 60, 78),
    "brows": (112, 72, 40),
    "eye_left": (66, 135, 245),
    "eye_right": (52, 199, 228),
    "lashes": (40, 40, 60),
    "teeth": (250, 250, 235),
    "gums": (235, 120, 140),
    "tongue": (224, 86, 110),
    "mouth_interior": (96, 20, 36),
    "neck": (190, 136, 108),
    "hair": (128, 64, 160),
    "garment": (70, 150, 80),
    "glasses": (240, 200, 40),
    "lens": (245, 240, 150),
    "hat": (230, 120, 20),
    "headscarf": (160, 90, 20),
    "mask": (150, 220, 200),
    "occluder": (160, 160, 160),
}
PART_NAMES: tuple[str, ...] = tuple(_PARTS)
"""What the pixels of a part map mean: value v is `PART_NAMES[v]`. Left and right are the subject's. New names are added
at the end, so that a number keeps its meaning."""


def encode_depth(depth_mm: npt.NDArray[np.floating]) -> bytes:
    """A 16-bit grey PNG of distances (h, w) in millimetres along the camera's axis; NaN or infinite where nothing is.

    Rounded to `DEPTH_STEP_MM`; distances beyond 6.5 m are written as that.
    """
    steps = np.where(np.isfinite(depth_mm), np.clip(np.rint(depth_mm / DEPTH_STEP_MM), 1, 65535), 0)
    return _saved(Image.fromarray(steps.astype(np.uint16)))


def decode_depth(data: bytes) -> npt.NDArray[np.float32]:
    """Distances (h, w) in millimetres along the camera's axis; NaN where nothing is."""
    steps = _opened(data, ("I;16", "I;16B", "I"), "a depth map").astype(np.float32)
    return np.where(steps > 0, steps * np.float32(DEPTH_STEP_MM), np.float32(np.nan))


def encode_normals(normals: npt.NDArray[np.floating]) -> bytes:
    """A 3 × 8-bit PNG of unit normals (h, w, 3), x right, y up, z to the camera; (0, 0, 0) where nothing is.

    A channel c holds 1 + 127 (c + 1), rounded, from 1 to 255; nothing is black.
    """
    there = np.abs(normals).sum(axis=2, keepdims=True) > 0
    return _saved(Image.fromarray(np.where(there, np.rint(128.0 + 127.0 * normals), 0).astype(np.uint8)))


def decode_normals(data: bytes) -> npt.NDArray[np.float32]:
    """Unit normals (h, w, 3), x right, y up, z to the camera; (0, 0, 0) where nothing is."""
    channels = _opened(data, ("RGB",), "a normal map").astype(np.float32)
    there = channels.max(axis=2, keepdims=True) > 0
    raw = (channels - 128.0) / 127.0
    return np.where(there, raw / np.maximum(np.linalg.norm(raw, axis=2, keepdims=True), 1e-6), 0.0).astype(np.float32)


def encode_parts(parts: npt.NDArray[np.uint8]) -> bytes:
    """An 8-bit palette PNG of places (h, w) in `PART_NAMES`; the palette is for the eye, the indices are the label."""
    image = Image.fromarray(np.ascontiguousarray(parts, dtype=np.uint8))
    image.putpalette([channel for colour in _PARTS.values() for channel in colour])
    return _saved(image)


def decode_parts(data: bytes) -> npt.NDArray[np.uint8]:
    """Places (h, w) in `PART_NAMES`."""
    return _opened(data, ("P", "L"), "a part map").astype(np.uint8)


ENCODERS: Mapping[str, Callable[[npt.NDArray], bytes]] = {
    "depth": encode_depth,
    "normals": encode_normals,
    "parts": encode_parts,
}
"""The encoder of each of `MAP_NAMES`."""


def _opened(data: bytes, modes: tuple[str, ...], what: str) -> npt.NDArray:
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG"])
        image.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise FacsimError(f"{what} cannot be read: {error}; expected the bytes of a PNG that facsim wrote") from error
    if image.mode not in modes:
        raise FacsimError(f'{what} is a PNG of mode "{image.mode}"; expected {" or ".join(modes)}')
    return np.asarray(image)


def _saved(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=2)
    return file.getvalue()
