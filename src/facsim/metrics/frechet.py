"""The Fréchet distance of two sets of features, each taken as a Gaussian: FID, where the features are Inception-v3's.

Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter 2017, GANs Trained by a Two Time-Scale Update Rule Converge to a
Local Nash Equilibrium, equation 6: d² = |m₁ - m₂|² + tr(C₁ + C₂ - 2 (C₁ C₂)^½). The plug-in figure is too large, the
more so the fewer pictures there are (Bińkowski et al. 2018, section 3; Chong and Forsyth 2020): compare only figures
of equal n, and none of a set with fewer pictures than features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.estimate import Estimate, spread_over

__all__ = ["Moments", "frechet", "frechet_distance", "moments_of"]

_ROWS_A_TURN = 4096  # rows held as float64 at a time: features may lie on disk


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Mean (D,) and covariance (D, D; divided by n - 1), float64, of n features."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    n: int


def moments_of(features: NDArray[np.float32], rows: NDArray[np.int64] | None = None) -> Moments:
    """The moments of features float32 (N, D), or of some `rows` of them, N > 1; read a few thousand at a time."""
    count = len(features) if rows is None else len(rows)
    if features.ndim != 2 or count < 2:
        raise FacsimError(f"found features {features.shape}, {count} of them asked for, expected (N, D), at least 2")
    # About the first row, so that a large common offset costs no digits.
    first = np.asarray(features[0 if rows is None else rows[0]], dtype=np.float64)
    total, products = np.zeros_like(first), np.zeros((first.size, first.size))
    for at in range(0, count, _ROWS_A_TURN):
        held = features[at : at + _ROWS_A_TURN] if rows is None else features[rows[at : at + _ROWS_A_TURN]]
        moved = np.asarray(held, dtype=np.float64) - first
        total += moved.sum(axis=0)
        products += moved.T @ moved
    mean = total / count
    covariance = (products - count * np.outer(mean, mean)) / (count - 1)
    return Moments(mean=first + mean, covariance=covariance, n=count)


def frechet_distance(one: Moments, other: Moments) -> float:
    """d² of two sets' moments, at least 0.

    tr (C₁ C₂)^½ is the sum of the square roots of the eigenvalues of C₁^½ C₂ C₁^½, which is symmetric: no complex
    square root of a singular product is ever taken.
    """
    if one.mean.shape != other.mean.shape:
        raise FacsimError(f"found features of {one.mean.size} and {other.mean.size} numbers, expected as many of each")
    values, vectors = np.linalg.eigh(one.covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other.covariance @ root), 0)).sum()
    apart = float(np.square(one.mean - other.mean).sum())
    found = apart + float(np.trace(one.covariance) + np.trace(other.covariance) - 2 * shared)
    return max(found, 0.0)


def frechet(one: NDArray[np.float32], other: NDArray[np.float32], *, rng: np.random.Generator) -> Estimate:
    """d² of features (N, D) and (M, D), each at least 4, its interval from parts of both (`spread_over`)."""
    value = frechet_distance(moments_of(one), moments_of(other))
    sizes = (len(one), len(other))

    def part(rows: tuple[NDArray[np.int64], ...]) -> float:
        return frechet_distance(moments_of(one, rows[0]), moments_of(other, rows[1]))

    return spread_over(part, sizes, rng=rng).about(value, least=0.0)
