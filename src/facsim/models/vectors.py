"""Lengths, cross products and slopes of many small vectors that are kept as planes, (3, …) rather than (…, 3): NumPy
then works along rows of thousands of numbers instead of along three, with the same bits."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["clamp", "cross_vectors", "find_slopes", "measure_lengths"]

Floats = NDArray[np.floating]


def clamp(value: float, low: float, high: float) -> float:
    """The value, or the bound that it is beyond: `np.clip` of one number, in a tenth of the time."""
    return float(min(max(value, low), high))


def measure_lengths(vectors: Floats) -> Floats:
    """(…) lengths of vectors (2, …) or (3, …)."""
    squares = vectors * vectors
    total = squares[0] + squares[1]
    return np.sqrt(total + squares[2] if len(vectors) == 3 else total)


def cross_vectors(one: Floats, other: Floats) -> Floats:
    """(3, …) cross products of vectors (3, …)."""
    return np.stack([one[i] * other[j] - one[j] * other[i] for i, j in ((1, 2), (2, 0), (0, 1))])


def find_slopes(paths: Floats) -> Floats:
    """(…, n) change per step along the last axis of `paths` (…, n): over both neighbours, at the ends over the one."""
    found = np.empty_like(paths)
    np.multiply(paths[..., 2:] - paths[..., :-2], 0.5, out=found[..., 1:-1])
    np.subtract(paths[..., 1], paths[..., 0], out=found[..., 0])
    np.subtract(paths[..., -1], paths[..., -2], out=found[..., -1])
    return found
