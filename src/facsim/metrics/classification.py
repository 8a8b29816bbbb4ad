"""Accuracy (WAR), UAR, macro-F1 and the per-class rates, all from one confusion matrix with class names.

Classes are names at the boundary, never indices. A class that the truth does not hold has no recall (NaN, null in JSON)
and is left out of UAR and macro-F1; predicting it still costs accuracy and the recall of the class that was meant.
`sklearn.metrics.balanced_accuracy_score`, and `f1_score(average="macro", labels=<classes in the truth>)`, agree.

The bootstrap draws whole confusion matrices: resampling n pictures with replacement and tallying them *is* one
multinomial draw of n over the cells, so 1,000 resamples cost 1,000 × C² numbers and not 1,000 × n.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError, hint_nearest
from facsim.metrics.estimate import RESAMPLES, Estimate, estimate_from

__all__ = [
    "HEADLINES",
    "Confusion",
    "accuracy",
    "class_positions",
    "f1",
    "macro_f1",
    "precision",
    "recall",
    "recalls_of",
    "tally",
    "uar",
]

_Counts = NDArray[np.int64]
_Rates = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Counts (C, C) int64 over `classes`: `counts[i, j]` pictures of class i were called class j."""

    classes: tuple[str, ...]
    counts: _Counts

    def __post_init__(self) -> None:
        size = len(self.classes)
        _refuse_repeats(self.classes)
        if self.counts.shape != (size, size):
            raise FacsimError(f"found counts of shape {self.counts.shape}, expected {(size, size)} for {self.classes}")

    @property
    def n(self) -> int:
        """How many pictures were counted."""
        return int(self.counts.sum())

    @property
    def absent(self) -> tuple[str, ...]:
        """The classes that the truth does not hold."""
        support = self.counts.sum(axis=1)
        return tuple(name for name, count in zip(self.classes, support, strict=True) if count == 0)


def tally(truth: Sequence[str], predicted: Sequence[str], *, classes: Sequence[str]) -> Confusion:
    """The confusion matrix of class names `truth` (N) against `predicted` (N) over `classes`, in their order.

    Raises FacsimError where the lengths differ or a name is not one of `classes`.
    """
    if len(truth) != len(predicted):
        raise FacsimError(f"found {len(truth)} true and {len(predicted)} predicted classes, expected as many of each")
    _refuse_repeats(classes)
    rows, columns = class_positions(truth, classes), class_positions(predicted, classes)
    size = len(classes)
    counts = np.bincount(rows * size + columns, minlength=size * size).reshape(size, size)
    return Confusion(classes=tuple(classes), counts=counts.astype(np.int64))


def accuracy(confusion: Confusion, *, rng: np.random.Generator, resamples: int = RESAMPLES) -> Estimate:
    """Share of pictures called right (weighted average recall, WAR), in [0, 1]."""
    return _estimate(confusion, _accuracies, rng=rng, resamples=resamples)


def uar(confusion: Confusion, *, rng: np.random.Generator, resamples: int = RESAMPLES) -> Estimate:
    """Unweighted average recall over the classes in the truth, in [0, 1]."""
    return _estimate(confusion, _uars, rng=rng, resamples=resamples)


def macro_f1(confusion: Confusion, *, rng: np.random.Generator, resamples: int = RESAMPLES) -> Estimate:
    """Unweighted mean F1 over the classes in the truth, in [0, 1]."""
    return _estimate(confusion, _macro_f1s, rng=rng, resamples=resamples)


def recall(confusion: Confusion) -> dict[str, float]:
    """Per class, the share of its pictures that were called so; NaN for a class absent from the truth."""
    return _named(confusion, recalls_of(confusion.counts))


def precision(confusion: Confusion) -> dict[str, float]:
    """Per class, the share of the pictures called so that are so; NaN for a class never predicted."""
    return _named(confusion, _ratio(_hits(confusion.counts), confusion.counts.sum(axis=-2)))


def f1(confusion: Confusion) -> dict[str, float]:
    """Per class, the harmonic mean of precision and recall; NaN for a class absent from the truth."""
    return _named(confusion, _f1s(confusion.counts))


def _refuse_repeats(classes: Sequence[str]) -> None:
    if len(set(classes)) != len(classes):
        raise FacsimError(f"found a class named twice in {tuple(classes)}; give each class once")


def class_positions(names: Sequence[str], classes: Sequence[str]) -> _Counts:
    """The place in `classes` of each of `names`: int64 (N,). Raises FacsimError where one is not among them."""
    index = {name: position for position, name in enumerate(classes)}
    unknown = set(names) - index.keys()
    if unknown:
        name = min(unknown)
        raise FacsimError(f'found the class "{name}", expected one of those declared.{hint_nearest(name, index)}')
    return np.fromiter((index[name] for name in names), dtype=np.int64, count=len(names))


def _named(confusion: Confusion, rates: _Rates) -> dict[str, float]:
    return {name: float(rate) for name, rate in zip(confusion.classes, rates, strict=True)}


def _estimate(
    confusion: Confusion, metric: Callable[[_Counts], _Rates], *, rng: np.random.Generator, resamples: int
) -> Estimate:
    """The metric on the matrix itself and on `resamples` multinomial draws of it."""
    if confusion.n == 0:
        raise FacsimError("found no pictures to measure, expected at least one labelled picture")
    drawn = rng.multinomial(confusion.n, (confusion.counts / confusion.n).ravel(), size=resamples)
    resampled = metric(drawn.reshape(resamples, *confusion.counts.shape))
    return estimate_from(float(metric(confusion.counts)), resampled, n=confusion.n)


# Below, counts are (..., C, C): one matrix, or a stack of resampled ones.


def _hits(counts: _Counts) -> _Counts:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _ratio(part: _Counts, whole: _Counts) -> _Rates:
    """part / whole, NaN where the whole is 0."""
    return _ratio_of(part.astype(np.float64), whole)


def _ratio_of(part: _Rates, whole: _Counts) -> _Rates:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def recalls_of(counts: _Counts) -> _Rates:
    """Recall of each class (..., C) of counts (..., C, C), one matrix or a stack; NaN where the class is absent."""
    return _ratio(_hits(counts), counts.sum(axis=-1))


def _f1s(counts: _Counts) -> _Rates:
    """2 TP / (2 TP + FP + FN), NaN where the class is absent from the truth."""
    support = counts.sum(axis=-1)
    rates = _ratio(2 * _hits(counts), support + counts.sum(axis=-2))
    return np.where(support > 0, rates, np.nan)


def _accuracies(counts: _Counts) -> _Rates:
    return _ratio(_hits(counts).sum(axis=-1), counts.sum(axis=(-2, -1)))


def _uars(counts: _Counts) -> _Rates:
    return _mean_defined(recalls_of(counts))


def _macro_f1s(counts: _Counts) -> _Rates:
    return _mean_defined(_f1s(counts))


def _mean_defined(rates: _Rates) -> _Rates:
    """The mean over the last axis of what is defined, NaN where nothing is."""
    defined = ~np.isnan(rates)
    return _ratio_of(np.where(defined, rates, 0.0).sum(axis=-1), defined.sum(axis=-1))


HEADLINES: Mapping[str, Callable[[_Counts], _Rates]] = {
    "accuracy": _accuracies,
    "uar": _uars,
    "macro_f1": _macro_f1s,
}
"""Name -> the metric of counts int64 (..., C, C), one matrix or a stack of them; NaN where a matrix is empty."""
