"""Learning curves: scores over sizes of the training set, where they cross a score, and a power law through them.

The law is score = ceiling - span * size ** -rate (Hestness et al. 2017, Deep Learning Scaling is Predictable,
Empirically, equation 1, as accuracy instead of error). It describes; a crossing within the sizes that were measured is
interpolated between neighbours, linear in the logarithm of the size, and nothing beyond them is told as a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError

__all__ = ["PowerLaw", "crossing", "fit_power_law"]

_RATES = np.geomspace(0.02, 3.0, 150)  # exponents that are tried: Hestness et al. find 0.07 to 0.35


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """score = ceiling - span * size ** -rate; `error` is the root of the mean squared residual."""

    ceiling: float
    span: float
    rate: float
    error: float

    def at(self, size: float) -> float:
        """The score at a size."""
        return self.ceiling - self.span * size**-self.rate

    def size_for(self, score: float) -> float:
        """The size that the law needs for a score; infinite at the ceiling and above."""
        if score >= self.ceiling or self.span <= 0:
            return math.inf
        return float((self.span / (self.ceiling - score)) ** (1 / self.rate))


def fit_power_law(sizes: Sequence[float], scores: Sequence[float]) -> PowerLaw | None:
    """The law of least squares with span >= 0 and ceiling <= 1; None for fewer than four sizes, which say too little.

    For each rate of a fixed grid the rest is linear, so the fit is the same everywhere and needs no start.
    """
    x, y = np.asarray(sizes, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if len(set(sizes)) < 4:
        return None
    fits = [_fit_at(x, y, float(rate)) for rate in _RATES]
    return min(fits, key=lambda law: law.error)


def _fit_at(x: NDArray[np.float64], y: NDArray[np.float64], rate: float) -> PowerLaw:
    powers = x**-rate
    design = np.stack([np.ones_like(powers), -powers], axis=1)
    ceiling, span = (float(value) for value in np.linalg.lstsq(design, y, rcond=None)[0])
    if span < 0:
        ceiling, span = float(y.mean()), 0.0
    elif ceiling > 1:
        ceiling, span = 1.0, float(powers @ (1 - y) / (powers @ powers))
    error = float(np.sqrt(np.mean((ceiling - span * powers - y) ** 2)))
    return PowerLaw(ceiling=ceiling, span=span, rate=rate, error=error)


def crossing(sizes: Sequence[float], scores: Sequence[float], score: float) -> float:
    """The size at which a curve first reaches `score`; 0 where its smallest does, infinite where none does.

    Interpolated between neighbours, linear in log(size). Sizes ascend. Raises FacsimError for fewer than two.
    """
    if len(sizes) < 2 or list(sizes) != sorted(sizes):
        raise FacsimError(f"found sizes {list(sizes)}, expected at least two, ascending")
    if scores[0] >= score:
        return 0.0
    for (small, below), (large, above) in zip(
        zip(sizes, scores, strict=True), zip(sizes[1:], scores[1:], strict=True), strict=False
    ):
        if above >= score:
            part = (score - below) / (above - below)
            return float(math.exp(math.log(small) + part * (math.log(large) - math.log(small))))
    return math.inf
