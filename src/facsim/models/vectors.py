"""Lengths, cross products and slopes of many small vectors, with NumPy's own bits in a fraction of its time: it sums
and stacks over a last axis of three one vector at a time."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["cross_vectors", "find_slopes", "measure_lengths"]

Floats = NDArray[np.floating]


def measure_lengths(vectors: Floats) -> Floats:
    """(...,) lengths of vectors (..., 2) or (..., 3)."""
    squares = vectors * vectors
    total = squares[..., 0] + squares[..., 1]
    return np.sqrt(total + squares[..., 2] if vectors.shape[-1] == 3 else total)


def cross_vectors(one: Floats, other: Floats) -> Floats:
    """(..., 3) cross products of float64 vectors (..., 3), of shapes that go together."""
    found = np.empty(np.broadcast_shapes(one.shape, other.shape))
    for here, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        np.subtract(one[..., i] * other[..., j], one[..., j] * other[..., i], out=found[..., here])
    return found


def find_slopes(paths: Floats) -> Floats:
    """(K, n, 3) change per step along paths (K, n, 3): over both neighbours, at the ends over the one."""
    found = np.empty_like(paths)
    np.multiply(paths[:, 2:] - paths[:, :-2], 0.5, out=found[:, 1:-1])
    np.subtract(paths[:, 1], paths[:, 0], out=found[:, 0])
    np.subtract(paths[:, -1], paths[:, -2], out=found[:, -1])
    return found
