"""KID: the squared maximum mean discrepancy of two sets of features under a cubic kernel, without bias.

Bińkowski, Sutherland, Arbel and Gretton 2018, Demystifying MMD GANs, section 4: k(x, y) = (x·y / D + 1)³, and the
unbiased estimate (Gretton et al. 2012, equation 3), which may be below 0. As there, the figure is the mean over 100
subsets of 1,000 of each set; its interval is that of the whole sets and not the subsets' standard error, which says how
well the subsets were averaged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.estimate import Estimate, spread_over

__all__ = ["SUBSETS", "SUBSET_SIZE", "kernel_distance", "unbiased_mmd"]

SUBSETS = 100
SUBSET_SIZE = 1000
"""As many subsets, of as many pictures, as Bińkowski et al. 2018 and the implementations that followed take."""

_ROWS_A_TURN = 1024

_Features = NDArray[np.float32] | NDArray[np.float64]


def unbiased_mmd(one: _Features, other: _Features) -> float:
    """MMD² of features (N, D) and (M, D), N and M at least 2, under the cubic kernel: no pair of a row with itself."""
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1] or min(len(one), len(other)) < 2:
        raise FacsimError(f"found features {one.shape} and {other.shape}, expected (N, D) and (M, D), at least 2 each")
    n, m = len(one), len(other)
    one, other = _mapped(one), _mapped(other)
    inside = _cubes(one, one) - float((np.square(one).sum(axis=1) ** 3).sum())
    beside = _cubes(other, other) - float((np.square(other).sum(axis=1) ** 3).sum())
    return inside / (n * (n - 1)) + beside / (m * (m - 1)) - 2 * _cubes(one, other) / (n * m)


def kernel_distance(one: NDArray[np.float32], other: NDArray[np.float32], *, rng: np.random.Generator) -> Estimate:
    """KID of features (N, D) and (M, D), each at least 4: the mean over `SUBSETS` of min(`SUBSET_SIZE`, N, M) rows."""
    sizes = (len(one), len(other))

    def part(rows: tuple[NDArray[np.int64], ...]) -> float:
        return unbiased_mmd(one[rows[0]], other[rows[1]])

    spread = spread_over(part, sizes, rng=rng, parts=SUBSETS, most=SUBSET_SIZE)
    size = min(SUBSET_SIZE, *sizes)
    if 2 * size <= min(sizes):  # the parts are such subsets
        return spread.about(spread.mean)
    if size == max(sizes):  # every subset is the whole
        return spread.about(unbiased_mmd(one, other))
    draws = (tuple(rng.choice(held, size=size, replace=False) for held in sizes) for _ in range(SUBSETS))
    return spread.about(float(np.mean([part(rows) for rows in draws])))


def _mapped(features: _Features) -> NDArray[np.float64]:
    """Rows (N, D + 1) whose products are x·y / D + 1; float64, as the figure is a small difference of large means."""
    ones = np.ones((len(features), 1))
    return np.concatenate([features.astype(np.float64) / np.sqrt(features.shape[1]), ones], axis=1)


def _cubes(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The sum of the cubed products of every row of one and every row of the other, a block of rows at a time."""
    return sum(_cubed(one[at : at + _ROWS_A_TURN] @ other.T) for at in range(0, len(one), _ROWS_A_TURN))


def _cubed(inner: NDArray[np.float64]) -> float:
    return float(np.vdot(inner * inner, inner))
