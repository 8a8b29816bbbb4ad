"""How well a face is pictured, measured on pixels: sharpness, exposure, contrast, JPEG's blocks, and marks of each.

Nothing here may depend on what the face expresses: open mouths have dark insides and bright teeth, closed eyes have no
pupils, and both are as well pictured as any other. Nor may dark skin count as darkness.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from facsim.models.face_crop import template_points

__all__ = [
    "RAMPS",
    "SIDE_PX",
    "blockiness_of",
    "contrast_of",
    "exposure_of",
    "face_oval",
    "face_size",
    "luma_of",
    "mark",
    "sharpness_of",
]

Floats = NDArray[np.floating]

SIDE_PX = 64
"""Side at which faces are measured, in the frame `wide`: about what classifiers of expressions read. A large picture is
reduced to it, so that a face is sharp when it is sharp at this size."""

_TAPS = 5
_DARK, _BRIGHT = 4 / 255, 251 / 255
"""Luma at or below, and at or above which a pixel counts as clipped."""
_LEVELS = 12
"""With fewer levels from dark to bright, 8 bits and JPEG leave a face in steps that show."""

RAMPS: Mapping[str, tuple[float, float]] = {
    "sharpness": (0.08, 0.26),
    "exposure": (0.50, 0.90),
    "contrast": (0.05, 0.20),
    "blockiness": (0.55, 0.25),
    "size": (16.0, 48.0),
    "occlusion": (0.50, 0.10),
    "pose": (0.0, 0.766),
}
"""What a measure is marked by: 0 at the first number and beyond, 1 at the second, in between in proportion. Pose is the
cosine of the angle between the face and the camera: 0.766 is 40°. Chosen by us on renders, none on photographs."""


def mark(measure: str, value: float) -> float:
    """The mark, 0 to 1, of the value of a measure in `RAMPS`."""
    low, high = RAMPS[measure]
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))


def luma_of(face: NDArray[np.uint8]) -> Floats:
    """BT.601 luma (H, W) in [0, 1] of an RGB picture (H, W, 3)."""
    return face @ np.array([0.299, 0.587, 0.114]) / 255.0


def face_oval(size_px: int = SIDE_PX) -> NDArray[np.bool_]:
    """Which pixels (S, S) of the frame `wide` lie well within a face: an oval from the brows to below the mouth."""
    points = template_points("wide", size_px=size_px)
    middle, high = points.mean(axis=0), np.ptp(points[:, 1])
    y, x = np.mgrid[:size_px, :size_px] + 0.5
    return np.hypot((x - middle[0]) / (0.62 * high), (y - middle[1]) / (0.85 * high)) < 1.0


def sharpness_of(luma: Floats, within: NDArray[np.bool_]) -> float:
    """1 less the blur of luma (S, S) within a mask, after Crété et al. 2007, The Blur Effect, eqs. 1 to 6.

    The share of the steps between neighbours that blurring (a mean over five pixels here, nine there) takes away, in
    that direction, across or down, in which it is smaller. It is a ratio, and so knows no light and no contrast.
    """
    return min(_lost(luma, within), _lost(luma.T, within.T))


def _lost(luma: Floats, within: NDArray[np.bool_]) -> float:
    kept = within[1:] & within[:-1]
    steps = np.abs(np.diff(luma, axis=0))[kept]
    smooth = np.abs(np.diff(uniform_filter1d(luma, _TAPS, axis=0, mode="nearest"), axis=0))[kept]
    return float(np.maximum(steps - smooth, 0.0).sum() / max(float(steps.sum()), 1e-9))


def exposure_of(luma: Floats, within: NDArray[np.bool_]) -> float:
    """The share of the pixels within a mask that are not clipped, times how many levels the face has to show itself in.

    Levels are counted from the 5th to the 95th percentile, of 255; with `_LEVELS` or more there are enough. Dark skin
    in light has them, a face in the dark has not.
    """
    inside = luma[within]
    clipped = ((inside <= _DARK) | (inside >= _BRIGHT)).mean()
    low, high = np.quantile(inside, [0.05, 0.95])
    return float((1.0 - clipped) * min(1.0, (high - low) * 255 / _LEVELS))


def contrast_of(luma: Floats, within: NDArray[np.bool_]) -> float:
    """(p95 - p5) / (p95 + p5) of luma within a mask: a ratio, so that dark skin has as much as pale skin."""
    low, high = np.quantile(luma[within], [0.05, 0.95])
    return float((high - low) / max(high + low, 1e-3))


_OUTLINE = 3.0  # times the mean step: from there on a step is an outline of what is shown


def blockiness_of(luma: Floats) -> float:
    """How much larger, as a share, steps at the borders of JPEG's 8 × 8 blocks are than others; 0 where not, or where
    the picture (H, W) has no four blocks in a direction. The measure B of Wang, Sheikh and Bovik 2002, as a ratio, of
    steps up to three times their mean: an outline, of wide eyes or a mouth, that runs along a border is no block."""
    found = [_at_borders(np.abs(np.diff(part, axis=1))) for part in (luma, luma.T)]
    return float(np.clip(min(found), 0.0, 1.0))


def _at_borders(steps: Floats) -> float:
    columns = np.minimum(steps, _OUTLINE * steps.mean()).mean(axis=0)
    at = np.arange(7, len(columns), 8)
    if len(at) < 3:
        return 0.0
    others = np.delete(columns, at)
    return float((columns[at].mean() - others.mean()) / max(float(columns[at].mean()), 1e-4))


def face_size(landmarks_68: Floats) -> float:
    """The size of a face, px, by points (68, 2) that no expression moves much: the corners of the eyes and the nose's
    bridge and base. That of a face seen from the front with the mouth shut is the larger side of its landmarks' box.
    """
    across = float(np.linalg.norm(landmarks_68[36] - landmarks_68[45])) * _ACROSS
    down = float(np.linalg.norm(landmarks_68[27] - landmarks_68[33])) * _DOWN
    return max(across, down)


_ACROSS, _DOWN = 1.49, 2.89
"""Larger side of the landmarks' box over the distance of the eyes' outer corners, and over the nose's length: medians
over 4,492 renders of recipes/labels/people.toml within 8° of the front and with the jaw shut."""
