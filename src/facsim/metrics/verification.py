"""How well a similarity tells pairs of pictures of one person from pairs of two: ROC, AUC, EER, TPR at a given FPR.

A pair is accepted where its score reaches a threshold; TPR is the share of pairs of one person that are, FPR that of
pairs of two. Pairs of one set of people are not independent of each other, so the bootstrap draws people, not pairs: a
pair counts as often as its people were drawn, those of two people as the product (the two-sample bootstrap over
subjects of Bolle, Ratha and Pankanti 2004, section 4, with the person as the unit).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.estimate import Estimate, estimate_from

__all__ = ["Pairs", "Roc", "measure_verification", "roc_curve", "verification_figures"]

_RATES = (1e-2, 1e-3)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """P pairs: `scores` float (P,), higher for more alike; `first` and `second` int64 (P,), the people of each."""

    scores: NDArray[np.floating]
    first: NDArray[np.int64]
    second: NDArray[np.int64]

    def __post_init__(self) -> None:
        shapes = {self.scores.shape, self.first.shape, self.second.shape}
        if len(shapes) != 1 or self.scores.ndim != 1:
            raise FacsimError(f"found pairs of shapes {sorted(shapes)}, expected one shape (P,)")
        if not np.isfinite(self.scores).all():
            raise FacsimError("found a score that is not finite; leave out pairs that could not be compared")
        if self.same.all() or not self.same.any():
            raise FacsimError("found pairs of one kind alone, expected pairs of one person and pairs of two")

    @property
    def same(self) -> NDArray[np.bool_]:
        """Whether both pictures of the pair show one person, (P,)."""
        return self.first == self.second

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, kw_only=True, eq=False)
class Roc:
    """Points of the curve, from (0, 0) to (1, 1): `fpr`, `tpr` float64 (K,), at `thresholds` (K,), ∞ first."""

    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    thresholds: NDArray[np.float64]

    @property
    def auc(self) -> float:
        """The area under the curve: the chance that a pair of one person scores higher than a pair of two."""
        return float(np.trapezoid(self.tpr, self.fpr))

    @property
    def eer(self) -> float:
        """The equal error rate: where FPR = 1 - TPR, on the straight line between the points round it."""
        gap = self.fpr + self.tpr - 1.0  # rises from -1 to 1
        after = int(np.argmax(gap >= 0))
        if after == 0 or gap[after] == 0:
            return float(self.fpr[after])
        share = -gap[after - 1] / (gap[after] - gap[after - 1])
        return float(self.fpr[after - 1] + share * (self.fpr[after] - self.fpr[after - 1]))

    def tpr_at(self, fpr: float) -> float:
        """The largest TPR at an FPR of at most `fpr`, no points being made up between thresholds."""
        return float(self.tpr[np.searchsorted(self.fpr, fpr, side="right") - 1])

    def threshold_at(self, fpr: float) -> float:
        """The least threshold with an FPR of at most `fpr`; infinite where only accepting nothing keeps it."""
        return float(self.thresholds[np.searchsorted(self.fpr, fpr, side="right") - 1])


def roc_curve(pairs: Pairs, *, weights: NDArray[np.floating] | None = None) -> Roc:
    """The curve over the distinct scores of `pairs`, each pair counting `weights` (P,) times (once where None)."""
    return _curve(_sorted(pairs), None if weights is None else weights[np.argsort(-pairs.scores, kind="stable")])


def verification_figures(pairs: Pairs) -> dict[str, float]:
    """`auc`, `eer`, `tpr_at_fpr_0.01` and `tpr_at_fpr_0.001`, each in [0, 1]."""
    return _figures(roc_curve(pairs))


def measure_verification(pairs: Pairs, *, rng: np.random.Generator, resamples: int = 200) -> Mapping[str, Estimate]:
    """`verification_figures` with 95 % intervals over people; `n` is how many people there are.

    Resamples without both kinds of pair are left out, as undefined.
    """
    people, places = np.unique(np.concatenate([pairs.first, pairs.second]), return_inverse=True)
    order = np.argsort(-pairs.scores, kind="stable")
    first, second = places[: len(pairs)][order], places[len(pairs) :][order]
    ordered = _sorted(pairs)
    drawn: dict[str, list[float]] = {}
    for _ in range(resamples):
        count = np.bincount(rng.integers(0, len(people), len(people)), minlength=len(people)).astype(np.float64)
        weights = np.where(ordered.same, count[first], count[first] * count[second])
        for name, value in _figures(_curve(ordered, weights)).items():
            drawn.setdefault(name, []).append(value)
    found = verification_figures(pairs)
    return {name: estimate_from(value, np.array(drawn[name]), n=len(people)) for name, value in found.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sorted:
    """Pairs by falling score: which are of one person, and where each distinct score ends."""

    same: NDArray[np.bool_]
    ends: NDArray[np.int64]
    scores: NDArray[np.float64]


def _sorted(pairs: Pairs) -> _Sorted:
    order = np.argsort(-pairs.scores, kind="stable")
    scores = pairs.scores[order].astype(np.float64)
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    return _Sorted(same=pairs.same[order], ends=ends, scores=scores[ends])


def _curve(ordered: _Sorted, weights: NDArray[np.floating] | None) -> Roc:
    counted = np.ones(len(ordered.same)) if weights is None else weights.astype(np.float64)
    hits = np.cumsum(np.where(ordered.same, counted, 0.0))[ordered.ends]
    alarms = np.cumsum(np.where(ordered.same, 0.0, counted))[ordered.ends]
    with np.errstate(invalid="ignore"):  # no pair of one kind was drawn: NaN, which the estimate leaves out
        tpr, fpr = hits / hits[-1], alarms / alarms[-1]
    return Roc(
        fpr=np.concatenate([[0.0], fpr]),
        tpr=np.concatenate([[0.0], tpr]),
        thresholds=np.concatenate([[math.inf], ordered.scores]),
    )


def _figures(roc: Roc) -> dict[str, float]:
    if np.isnan(roc.fpr[-1]) or np.isnan(roc.tpr[-1]):
        return dict.fromkeys(("auc", "eer", *(f"tpr_at_fpr_{rate:g}" for rate in _RATES)), math.nan)
    return {"auc": roc.auc, "eer": roc.eer} | {f"tpr_at_fpr_{rate:g}": roc.tpr_at(rate) for rate in _RATES}
