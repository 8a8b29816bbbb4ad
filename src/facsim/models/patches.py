"""The slots of the topology that worn things are drawn in: patches of a grid each, shared by all pictures of a batch.

A scene that does not use a patch leaves its vertices in one point, where its triangles have no area; a batch in which
nobody wears anything leaves the patches out altogether.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.models.vectors import cross_vectors, find_slopes, measure_lengths

__all__ = [
    "FINGERS",
    "OUTLINE",
    "PATCHES",
    "RIM_TRIANGLES",
    "STRAPS",
    "WORN_STUFFS",
    "Patch",
    "count_vertices",
    "fill_patches",
    "find_tube",
    "patch_topology",
]

WORN_STUFFS = ("frame", "headwear", "brim", "sheet", "palm", "finger", "tube")
"""What a patch's triangles belong to; sheet, palm, fingers and tubes make up occluders."""

OUTLINE = 28
"""Points round a lens."""
FINGERS = ("finger_0", "finger_1", "finger_2", "finger_3", "finger_4")
"""The tubes of a hand's fingers, the thumb first."""

STRAPS = ("strap_0", "strap_1", "strap_2", "strap_3")
"""Thin tubes: a mask's loops, or a handle."""

Floats = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A grid of `columns` x `rows` vertices, numbered column by column; `closed` joins the last column to the first,
    `tube` the last row to the first."""

    stuff: str
    columns: int
    rows: int
    closed: bool = False
    tube: bool = False


def _tube(stuff: str, columns: int, rows: int, *, closed: bool = False) -> Patch:
    return Patch(stuff=stuff, columns=columns, rows=rows, closed=closed, tube=True)


PATCHES: Mapping[str, Patch] = {
    "rim_left": _tube("frame", OUTLINE, 6, closed=True),
    "rim_right": _tube("frame", OUTLINE, 6, closed=True),
    "bridge": _tube("frame", 9, 6),
    "top_bar": _tube("frame", 9, 6),
    "temple_left": _tube("frame", 10, 6),
    "temple_right": _tube("frame", 10, 6),
    "cloth": Patch(stuff="headwear", columns=48, rows=14, closed=True),
    "brim": Patch(stuff="brim", columns=33, rows=5),
    "sheet": Patch(stuff="sheet", columns=25, rows=13),
    "palm": _tube("palm", 14, 12),
    **{name: _tube("finger", 10, 8) for name in FINGERS},
    **{name: _tube("tube", 7, 5) for name in STRAPS},
}
"""The patches by name, in the order of their vertices."""


RIM_TRIANGLES = sum(2 * PATCHES[name].columns * PATCHES[name].rows for name in ("rim_left", "rim_right"))
"""Triangles of the glasses' rims, which come first."""


def count_vertices() -> int:
    """Vertices of all patches."""
    return sum(patch.columns * patch.rows for patch in PATCHES.values())


def patch_topology() -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.uint8]]:
    """Triangles (T, 3) numbered from 0, (u, v) per vertex (N, 2) along columns and rows, and places in `WORN_STUFFS`
    (T,)."""
    triangles, places, stuffs, start = [], [], [], 0
    for patch in PATCHES.values():
        triangles.append(_join_grid(patch) + start)
        places.append(_number_grid(patch))
        stuffs.append(np.full(len(triangles[-1]), WORN_STUFFS.index(patch.stuff), dtype=np.uint8))
        start += patch.columns * patch.rows
    return np.concatenate(triangles).astype(np.int32), np.concatenate(places), np.concatenate(stuffs)


def _join_grid(patch: Patch) -> NDArray[np.int64]:
    columns, rows = patch.columns - (not patch.closed), patch.rows - (not patch.tube)
    column, row = (axis.ravel() for axis in np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"))
    beside, below = (column + 1) % patch.columns, (row + 1) % patch.rows
    here, right = column * patch.rows + row, beside * patch.rows + row
    under, across = column * patch.rows + below, beside * patch.rows + below
    return np.concatenate([np.stack([here, under, across], 1), np.stack([here, across, right], 1)])


def _number_grid(patch: Patch) -> NDArray[np.float32]:
    across = np.linspace(0.0, 1.0, patch.columns, endpoint=not patch.closed)
    u, v = np.meshgrid(across, np.linspace(0.0, 1.0, patch.rows), indexing="ij")
    return np.stack([u.ravel(), v.ravel()], axis=1).astype(np.float32)


def fill_patches(filled: Mapping[str, Floats]) -> NDArray[np.float32]:
    """(N, 3) vertices of all patches from those of the patches that are used, (columns, rows, 3) each; the others lie
    in one point."""
    points = np.zeros((count_vertices(), 3), dtype=np.float32)
    start = 0
    for name, patch in PATCHES.items():
        size = patch.columns * patch.rows
        if name in filled:
            points[start : start + size] = np.asarray(filled[name]).reshape(size, 3)
        start += size
    return points


def find_tube(path: Floats, radii: Floats, rows: int, *, up: tuple[float, float, float] = (0.0, 1.0, 0.0)) -> Floats:
    """(n, rows, 3) vertices round a `path` (n, 3): `radii` (n, 2) are the half-widths across and along `up`."""
    places, (wide, tall) = np.asarray(path, dtype=np.float64).T, np.asarray(radii, dtype=np.float64).T
    along = find_slopes(places)
    along /= np.maximum(measure_lengths(along), 1e-9)
    across = cross_vectors(np.asarray(up), along)
    across /= np.maximum(measure_lengths(across), 1e-9)
    height = cross_vectors(along, across)
    turn = np.arange(rows) * (2.0 * np.pi / rows)
    ring = np.cos(turn) * (across * wide)[:, :, None]
    return (places[:, :, None] + ring + np.sin(turn) * (height * tall)[:, :, None]).transpose(1, 2, 0)
