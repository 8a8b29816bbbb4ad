"""Which landmarks of a picture can be seen, and which are hidden by something worn or held before the face."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.models.camera import NEAR_SHARE, NECK_PIVOT, View, place_head, project_points
from facsim.models.glasses import lens_cover
from facsim.models.sitting import Sitting

__all__ = ["OPAQUE_TINT", "Points", "Sight", "find_points", "see_points"]

OPAQUE_TINT = 0.6
"""Lenses that swallow at least this share of the light count as hiding what is behind them."""

_TOLERANCE_DM = 0.09
"""A landmark this far behind the visible surface still counts as seen: outlines turn away, and lids have thickness."""

_CLOSE_DM = 0.01
"""The same before a worn thing, which has nothing to do with the face's own outline."""

_EMPTY = 1 << 62

_ROUND = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])[:, None]
"""A sample and those beside it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """Of N points of a face: `seen` (N,) in the picture with nothing before them; `covered` (N,) hidden by a thing."""

    seen: NDArray[np.bool_]
    covered: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """N points of a face, where they stand and which samples of the picture could see them."""

    places: NDArray[np.floating]
    """(N, 3) head coordinates."""
    heights: NDArray[np.floating]
    """(N,) world z."""
    inside: NDArray[np.bool_]
    """(N,) whether they fall in the picture."""
    samples: NDArray[np.int32]
    """(5, N) places in the picture's (2 S, 2 S) samples, row by row: the point's own and those beside it."""


def find_points(sitting: Sitting, places: np.ndarray, *, size_px: int, lift: np.ndarray | float = 0.0) -> Points:
    """Places (N, 3), head coordinates, brought forward by `lift` (dm), as points of a picture."""
    world = place_head(places, sitting.view.turn)
    cell = np.floor(project_points(world, sitting.view) * 2.0).astype(int)
    side = 2 * size_px
    inside = np.asarray(((cell >= 0) & (cell < side)).all(axis=1))
    x, y = np.clip(cell + _ROUND, 0, side - 1).transpose(2, 0, 1)
    samples = (y * side + x).astype(np.int32)
    return Points(places=places, heights=world[:, 2] + lift, inside=inside, samples=samples)


def see_points(sitting: Sitting, points: Points, packed: np.ndarray, first_worn: int) -> Sight:
    """Sight of points from what their `samples` see, (5, N) int64 (see `facsim.models.raster`); triangles from
    `first_worn` on belong to worn things."""
    front = _front_height(packed, sitting.view) - points.heights
    thing = ((packed & 0xFFFFFFFF) >= first_worn) & (packed < _EMPTY)
    seen = (front < np.where(thing, _CLOSE_DM, _TOLERANCE_DM)).any(axis=0)
    bare = (~thing | (front < _CLOSE_DM)).any(axis=0)
    dark = _behind_dark_lens(sitting, points.places)
    return Sight(seen=points.inside & seen & ~dark, covered=points.inside & (~bare | dark))


def _front_height(packed: np.ndarray, view: View) -> np.ndarray:
    """World z of what samples see; minus infinity where they see nothing."""
    depth = (np.where(packed >= _EMPTY, 0, packed) >> 32).astype(np.int32).view(np.float32)
    return np.where(packed >= _EMPTY, -np.inf, view.distance - view.distance * NEAR_SHARE / (1.0 - depth))


def _behind_dark_lens(sitting: Sitting, places: np.ndarray) -> NDArray[np.bool_]:
    lenses = sitting.dressed.lenses
    if lenses is None or sitting.scene.worn.glasses.tint < OPAQUE_TINT:
        return np.zeros(len(places), dtype=bool)
    pivot = np.asarray(NECK_PIVOT)
    eye = (np.array([0.0, 0.0, sitting.view.distance]) - pivot) @ sitting.view.turn + pivot
    return lens_cover(lenses, places, eye)
