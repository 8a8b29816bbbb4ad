"""Risk and coverage: of the pictures whose label is trusted most, how many labels are wrong.

El-Yaniv and Wiener 2010, On the foundations of noise-free selective classification; the area under the curve (AURC) as
in Geifman, Uziel and El-Yaniv 2019, Bias-reduced uncertainty estimation for deep neural classifiers: the
mean over k of the share of errors among the k most trusted. Pictures of one confidence come in together: each of them
counts with the risk after all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.estimate import RESAMPLES, Estimate, estimate_from, resampled_rows
from facsim.metrics.proportions import share_of

__all__ = ["RiskCoverage", "RiskPoint", "risk_coverage"]

_MOST_POINTS = 100


@dataclass(frozen=True, kw_only=True)
class RiskPoint:
    """The pictures with at least this confidence: their share of all, and their share of wrong labels (Wilson)."""

    confidence: float
    coverage: float
    risk: Estimate

    def to_json(self) -> dict[str, Any]:
        """`{confidence, coverage, risk}`."""
        return {"confidence": self.confidence, "coverage": self.coverage, "risk": self.risk.to_json()}


@dataclass(frozen=True, kw_only=True)
class RiskCoverage:
    """The curve, by rising coverage, and the area under it, `aurc`; `full` is the risk where everything is kept."""

    points: tuple[RiskPoint, ...]
    aurc: Estimate
    full: Estimate

    def to_json(self) -> dict[str, Any]:
        """`{aurc, full, points}`."""
        return {
            "aurc": self.aurc.to_json(),
            "full": self.full.to_json(),
            "points": [point.to_json() for point in self.points],
        }


def risk_coverage(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> RiskCoverage:
    """Of confidences (N,) and whether each label is right (N,), N > 0: at most 100 points, thinned evenly.

    Raises FacsimError for other shapes, and for a confidence that is not finite.
    """
    if confidence.ndim != 1 or confidence.shape != correct.shape or not confidence.size:
        raise FacsimError(
            f"found confidence {confidence.shape} and correct {correct.shape}, expected two equal shapes (N,), N > 0"
        )
    if not np.isfinite(confidence).all():
        raise FacsimError("found a confidence that is not finite; leave such pictures out")
    levels, place = np.unique(-confidence, return_inverse=True)  # the most trusted first
    wrong = (~correct).astype(np.float64)
    n = confidence.size
    drawn = [_areas(rows, place, wrong, len(levels)) for rows in resampled_rows(n, rng=rng, resamples=resamples)]
    held = np.cumsum(np.bincount(place, minlength=len(levels)))
    errors = np.cumsum(np.bincount(place, weights=wrong, minlength=len(levels))).astype(np.float64)
    shown = np.unique(np.linspace(0, len(levels) - 1, _MOST_POINTS).round().astype(np.int64))
    return RiskCoverage(
        points=tuple(
            RiskPoint(
                confidence=float(-levels[at]),
                coverage=float(held[at] / n),
                risk=share_of(float(errors[at]), int(held[at])),
            )
            for at in shown.tolist()
        ),
        aurc=estimate_from(_area(held, errors), np.concatenate(drawn), n=n),
        full=share_of(float(wrong.sum()), n),
    )


def _area(held: NDArray[np.int64], errors: NDArray[np.float64]) -> float:
    sizes = np.diff(held, prepend=0)
    return float((sizes * errors / np.maximum(held, 1)).sum() / held[-1])


def _areas(
    rows: NDArray[np.int64], place: NDArray[np.int64], wrong: NDArray[np.float64], levels: int
) -> NDArray[np.float64]:
    """The area (R,) of each resample, a row of `rows` (R, N)."""
    found = list[float]()
    for row in rows:
        held = np.cumsum(np.bincount(place[row], minlength=levels))
        errors = np.cumsum(np.bincount(place[row], weights=wrong[row], minlength=levels))
        found.append(_area(held, errors.astype(np.float64)))
    return np.array(found)
