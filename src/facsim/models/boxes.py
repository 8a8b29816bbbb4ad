"""Boxes (N, 4), left, top, right, bottom: how far they share their area, and which of them stand for the others."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["overlaps", "strongest"]

Floats = NDArray[np.floating]


def overlaps(one: Floats, other: Floats) -> NDArray[np.float64]:
    """(N, M) intersections over unions of boxes (N, 4) and (M, 4); 0 where both are empty."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (one, other)]
    whole = areas[0][:, None] + areas[1][None, :] - shared
    return np.where(whole > 0, shared / np.maximum(whole, 1e-12), 0.0).astype(np.float64)


def strongest(boxes: Floats, scores: Floats, *, overlap: float) -> NDArray[np.int64]:
    """Which boxes stay, strongest first: greedy non-maximum suppression of those that share more than `overlap`.

    Boxes of one score are taken from the left, then from the top.
    """
    order = np.lexsort((boxes[:, 1], boxes[:, 0], -scores))
    kept: list[int] = []
    while len(order):
        first, order = order[0], order[1:]
        kept.append(int(first))
        order = order[overlaps(boxes[first][None], boxes[order])[0] <= overlap]
    return np.array(kept, dtype=np.int64)
