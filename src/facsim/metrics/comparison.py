"""Two classifiers on the same pictures: paired differences with their intervals, and McNemar's exact test.

Resampling pictures keeps each picture's two answers together, and what is resampled is the counts of (truth, one's
answer, the other's answer): one multinomial draw over C³ cells is one resample of the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.classification import HEADLINES, class_positions
from facsim.metrics.estimate import RESAMPLES, Estimate, estimate_from

__all__ = ["Comparison", "Difference", "compare", "mcnemar"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A metric of the other minus that of the one, with its interval, and the bootstrap's two-sided p-value."""

    estimate: Estimate
    p: float

    def to_json(self) -> dict[str, Any]:
        """`{value, n, low, high, p}`."""
        return {**self.estimate.to_json(), "p": self.p}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Differences of the headline metrics by name, pictures that only one of the two calls right, McNemar's p."""

    differences: Mapping[str, Difference]
    only_one_right: int
    only_other_right: int
    mcnemar_p: float

    def to_json(self) -> dict[str, Any]:
        """`{differences: {accuracy, uar, macro_f1}, only_one_right, only_other_right, mcnemar_p}`."""
        return {
            "differences": {name: found.to_json() for name, found in self.differences.items()},
            "only_one_right": self.only_one_right,
            "only_other_right": self.only_other_right,
            "mcnemar_p": self.mcnemar_p,
        }


def compare(
    truth: Sequence[str],
    one: Sequence[str],
    other: Sequence[str],
    *,
    classes: Sequence[str],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Comparison:
    """How the answers of `other` (N) differ from those of `one` (N), class names, on pictures of `truth` (N).

    Raises FacsimError where the lengths differ, a name is not one of `classes` or there are no pictures.
    """
    if not len(truth) == len(one) == len(other) or not len(truth):
        found = f"{len(truth)} true classes, {len(one)} and {len(other)} answers"
        raise FacsimError(f"found {found}, expected as many of each, and at least one")
    places = [class_positions(names, classes) for names in (truth, one, other)]
    counts = _joint(places, len(classes))
    drawn = rng.multinomial(len(truth), (counts / counts.sum()).ravel(), size=resamples)
    stacked = drawn.reshape(resamples, *counts.shape)
    right = [places[0] == answers for answers in places[1:]]
    only_one, only_other = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    return Comparison(
        differences={name: _difference(name, counts, stacked) for name in HEADLINES},
        only_one_right=only_one,
        only_other_right=only_other,
        mcnemar_p=mcnemar(only_one, only_other),
    )


def mcnemar(only_one: int, only_other: int) -> float:
    """Two-sided exact p-value that pictures which one alone calls right are as likely as those of the other alone.

    McNemar 1947, with the binomial distribution itself (Edwards 1948's case of few pictures, exact for any).
    """
    disagreeing = only_one + only_other
    ways, tail = 1, 0  # of drawing k of those that disagree, in whole numbers: no rounding, however many there are
    for k in range(min(only_one, only_other) + 1):
        tail += ways
        ways = ways * (disagreeing - k) // (k + 1)
    return min(1.0, 2 * tail / 2**disagreeing)  # at one half the two tails are alike


def _joint(places: Sequence[NDArray[np.int64]], size: int) -> NDArray[np.int64]:
    """Counts (C, C, C) of (truth, one's answer, the other's answer)."""
    truth, one, other = places
    counts = np.bincount((truth * size + one) * size + other, minlength=size**3)
    return counts.reshape(size, size, size).astype(np.int64)


def _difference(name: str, counts: NDArray[np.int64], stacked: NDArray[np.int64]) -> Difference:
    """Of counts (C, C, C) and resamples of them (R, C, C, C)."""
    metric = HEADLINES[name]
    value = float(metric(counts.sum(axis=1)) - metric(counts.sum(axis=2)))
    drawn = metric(stacked.sum(axis=2)) - metric(stacked.sum(axis=3))
    return Difference(estimate=estimate_from(value, drawn, n=int(counts.sum())), p=_two_sided(drawn))


def _two_sided(drawn: NDArray[np.float64]) -> float:
    """Twice the smaller share of resamples on either side of 0, one counted on each so that it is never 0."""
    below, above = int((drawn <= 0).sum()), int((drawn >= 0).sum())
    return min(1.0, 2 * (min(below, above) + 1) / (len(drawn) + 1))
