"""Boxes (N, 4), left, top, right, bottom: how far they share their area, which of them stand for the others, and which
are parts of another's head."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["outside_heads", "overlaps", "strongest"]

Floats = NDArray[np.floating]


def overlaps(one: Floats, other: Floats) -> NDArray[np.float64]:
    """(N, M) intersections over unions of boxes (N, 4) and (M, 4); 0 where both are empty."""
    shared, first, second = _areas(one, other)
    whole = first + second - shared
    return np.where(whole > 0, shared / np.maximum(whole, 1e-12), 0.0).astype(np.float64)


def strongest(boxes: Floats, scores: Floats, *, overlap: float, inside: float = 1.0) -> NDArray[np.int64]:
    """Which boxes stay, strongest first: greedy non-maximum suppression of those that share more than `overlap` of
    their union with a stronger one, or more than `inside` of the smaller of the two: a face in a face.

    Boxes of one score are taken from the left, then from the top.
    """
    order = np.lexsort((boxes[:, 1], boxes[:, 0], -scores))
    kept: list[int] = []
    while len(order):
        first, order = order[0], order[1:]
        kept.append(int(first))
        one, others = boxes[first][None], boxes[order]
        order = order[(overlaps(one, others)[0] <= overlap) & (_held_shares(one, others)[0] <= inside)]
    return np.array(kept, dtype=np.int64)


def outside_heads(boxes: Floats, *, room: float, small: float) -> NDArray[np.bool_]:
    """(N,) which boxes are not parts of a larger one's head: their side (the root of the area) is at least `small` of
    that one's, or their middle is farther from it than `room` of its width, or height, beyond its edges.
    """
    sizes = boxes[:, 2:] - boxes[:, :2]
    sides = np.sqrt(np.clip(sizes, 0, None).prod(axis=1))
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    within = (middles[:, None] >= boxes[None, :, :2] - room * sizes) & (
        middles[:, None] <= boxes[None, :, 2:] + room * sizes
    )
    return ~(within.all(axis=2) & (sides[:, None] < small * sides[None])).any(axis=1)


def _held_shares(one: Floats, other: Floats) -> NDArray[np.float64]:
    """(N, M) intersections over the smaller area."""
    shared, first, second = _areas(one, other)
    return (shared / np.maximum(np.minimum(first, second), 1e-12)).astype(np.float64)


def _areas(one: Floats, other: Floats) -> tuple[Floats, Floats, Floats]:
    """Intersections (N, M), and areas (N, 1) and (1, M)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    first, second = (np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (one, other))
    return np.clip(high - low, 0, None).prod(axis=2), first[:, None], second[None, :]
