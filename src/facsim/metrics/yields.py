"""Yield curves: at each threshold of a score, how many pictures stay of each class, and how many of them are right.

A picture is kept at a threshold where its score, rounded to 1e-4, is at least that threshold. How many of the kept ones
are right is estimated from `Judged` pictures: the same ones where they have true labels, those of a labelled
calibration set, or, without any truth, by the mean score itself, which is right only for calibrated scores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.estimate import Estimate
from facsim.metrics.proportions import share_of, wilson_bounds

__all__ = ["THRESHOLDS", "Judged", "YieldCurve", "YieldPoint", "lowest_threshold", "yield_curves"]

THRESHOLDS: tuple[float, ...] = (0.0, *(round(0.05 * step, 2) for step in range(4, 20)), 0.97, 0.99)
"""0, 0.2 to 0.95 in steps of 0.05 (SyntFER's 0.3 among them), 0.97 and 0.99."""

_DECIMALS = 4  # as in selection: scores are rounded before any decision


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Pictures of which it is known, or held, how far their label is right.

    called: int64 (N,), places of classes. score: (N,) in [0, 1], of the class called. right: (N,) in [0, 1], 1 or 0
    where the truth is known, else the probability.
    """

    called: NDArray[np.int64]
    score: NDArray[np.float64]
    right: NDArray[np.float64]

    def __post_init__(self) -> None:
        if not self.called.shape == self.score.shape == self.right.shape or self.called.ndim != 1:
            shapes = (self.called.shape, self.score.shape, self.right.shape)
            raise FacsimError(f"found judged pictures of shapes {shapes}; expected three equal shapes (N,)")


@dataclass(frozen=True, kw_only=True)
class YieldPoint:
    """One threshold of one class: how many of the pictures called so stay, and what share of them is right.

    precision: with Wilson's 95 % interval, n being the judged pictures. bound: a lower bound of the precision that
    holds for all thresholds of the class at once (one-sided 95 %, Bonferroni); NaN where nothing is judged.
    """

    threshold: float
    kept: int
    share: float
    precision: Estimate
    bound: float

    @property
    def noise(self) -> float:
        """The estimated share of wrong labels among those that stay."""
        return 1.0 - self.precision.value

    def to_json(self) -> dict[str, Any]:
        """`{threshold, kept, share, precision, bound, noise}`; an undefined figure is null."""
        return {
            "threshold": self.threshold,
            "kept": self.kept,
            "share": self.share,
            "precision": self.precision.to_json(),
            "bound": _number(self.bound),
            "noise": _number(self.noise),
        }


@dataclass(frozen=True, kw_only=True)
class YieldCurve:
    """One class (or "all"): how many pictures were called so, and a point for each threshold, ascending."""

    name: str
    called: int
    points: tuple[YieldPoint, ...]

    def to_json(self) -> dict[str, Any]:
        """`{name, called, points}`."""
        return {"name": self.name, "called": self.called, "points": [point.to_json() for point in self.points]}


def yield_curves(
    called: NDArray[np.int64],
    score: NDArray[np.float64],
    *,
    judged: Judged,
    classes: Sequence[str],
    thresholds: Sequence[float] = THRESHOLDS,
) -> tuple[YieldCurve, ...]:
    """A curve for each of `classes`, in order, then one named "all".

    called: int64 (N,), places of `classes`; score: (N,) in [0, 1]. Raises FacsimError for other shapes, scores outside
    [0, 1] and thresholds that do not ascend.
    """
    if called.shape != score.shape or called.ndim != 1:
        raise FacsimError(f"found labels {called.shape} and scores {score.shape}; expected two equal shapes (N,)")
    for values in (score, judged.score, judged.right):
        if values.size and not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1 + 1e-6):
            raise FacsimError("found a score outside [0, 1]; pass probabilities, not logits")
    if not thresholds or list(thresholds) != sorted(set(thresholds)):
        raise FacsimError(f"found thresholds {list(thresholds)}; expected different ones in ascending order")
    groups = [(name, called == place, judged.called == place) for place, name in enumerate(classes)]
    groups.append(("all", np.ones(len(called), dtype=bool), np.ones(len(judged.called), dtype=bool)))
    return tuple(
        _curve(
            name,
            score[ours],
            Judged(called=judged.called[of], score=judged.score[of], right=judged.right[of]),
            thresholds,
        )
        for name, ours, of in groups
    )


def lowest_threshold(curve: YieldCurve, precision: float) -> YieldPoint | None:
    """The point of the lowest threshold whose `bound` is at least `precision`; None where none is.

    The bound holds for all thresholds at once, so that choosing the best of them does not spoil it.
    """
    return next((point for point in curve.points if point.bound >= precision), None)


def _curve(name: str, score: NDArray[np.float64], judged: Judged, thresholds: Sequence[float]) -> YieldCurve:
    ours, theirs = np.round(score, _DECIMALS), np.round(judged.score, _DECIMALS)
    points = list[YieldPoint]()
    for threshold in thresholds:
        kept, right = int((ours >= threshold).sum()), judged.right[theirs >= threshold]
        precision = share_of(float(right.sum()), right.size)
        points.append(
            YieldPoint(
                threshold=threshold,
                kept=kept,
                share=kept / len(ours) if len(ours) else 0.0,
                precision=precision,
                bound=_bound(precision, len(thresholds)),
            )
        )
    return YieldCurve(name=name, called=len(ours), points=tuple(points))


def _bound(precision: Estimate, tries: int) -> float:
    """One-sided at 95 % over `tries` thresholds: the lower end of a two-sided interval with twice that tail."""
    if not precision.n:
        return math.nan
    return wilson_bounds(min(precision.value, 1.0), precision.n, confidence=1 - 2 * 0.05 / tries)[0]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
