"""From the scores of several seeds to figures with intervals, and to paired differences between rows.

Seeds are repeated measurements of the same test pictures, so a bootstrap draws pictures and takes the mean over seeds
on each draw: the interval says what other pictures would give, the standard deviation what other seeds would. Drawing
N pictures with replacement is one multinomial draw over the patterns (truth, called by seed 0, called by seed 1, …),
and two rows drawn together are drawn with the same pictures.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.learn.data import Pictures
from facsim.learn.protocols.results import Comparison, Figure, Measurement
from facsim.metrics import RESAMPLES
from facsim.metrics.classification import HEADLINES, recalls_of

__all__ = ["METRICS", "Calls", "calls_of", "compare", "draws_of", "measure"]

METRICS = tuple(HEADLINES)
"""The figures of every row: accuracy, UAR and macro-F1."""

_Counts = NDArray[np.int64]
_WEIGHTS_AT_ONCE = 8_000_000  # numbers of pattern weights held at a time: 64 MB


@dataclass(frozen=True, kw_only=True)
class Calls:
    """A row on a test: truth int64 (N,) and what each seed called, int64 (S, N), as places in the test's classes.

    seen, near: for each seed which pictures it was trained on, and which are near-duplicates of such, bool (N,), None
    where unknown. trainings: their ids.
    """

    row: str
    test: str
    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    called: NDArray[np.int64]
    seeds: tuple[int, ...]
    seen: tuple[NDArray[np.bool_] | None, ...]
    near: tuple[NDArray[np.bool_] | None, ...] = ()
    trainings: tuple[str, ...] = ()
    group: str = ""
    x: float | None = None


def calls_of(test: Pictures, scores: Sequence[NDArray[np.float32]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Truth (N,) and calls (S, N) of each seed's scores (N, C), in the order of the test's classes."""
    truth = test.targets.argmax(axis=1).astype(np.int64)
    return truth, np.stack([one.argmax(axis=1) for one in scores]).astype(np.int64)


def measure(calls: Calls, *, resamples: int = RESAMPLES) -> Measurement:
    """A row's figures on a test."""
    stacks = _stacks(calls.truth, calls.called, len(calls.classes), resamples)
    known = [one for one in (*calls.seen, *calls.near) if one is not None]
    fresh = ~np.any(known, axis=0) if known else np.ones(len(calls.truth), bool)
    apart = bool(known) and bool(fresh.any()) and not bool(fresh.all())
    unseen = _stacks(calls.truth[fresh], calls.called[:, fresh], len(calls.classes), resamples) if apart else None
    recalls = recalls_of(stacks)
    return Measurement(
        row=calls.row,
        test=calls.test,
        n=len(calls.truth),
        seeds=calls.seeds,
        trainings=calls.trainings,
        figures=_headlines(stacks),
        recall={name: _defined(_figure(recalls[..., place])) for place, name in enumerate(calls.classes)},
        seen=_counted(calls.seen),
        near=_counted(calls.near),
        unseen={} if unseen is None else _headlines(unseen),
        group=calls.group,
        x=calls.x,
    )


def compare(row: Calls, against: Calls, *, resamples: int = RESAMPLES) -> tuple[Comparison, ...]:
    """`row` less `against` by every metric, both drawn with the same pictures. The seeds need not be as many.

    Raises FacsimError where the two were not tested on the same pictures.
    """
    if row.test != against.test or not np.array_equal(row.truth, against.truth):
        raise FacsimError(
            f'"{row.row}" and "{against.row}" were not tested on the same pictures; compare rows of a test'
        )
    stacks = _stacks(row.truth, np.concatenate([row.called, against.called]), len(row.classes), resamples)
    ours = len(row.called)
    return tuple(_comparison(row, against, name, _over_seeds(name, stacks, ours)) for name in METRICS)


def draws_of(rows: Sequence[Calls], metric: str, *, resamples: int = RESAMPLES) -> tuple[NDArray[np.float64], ...]:
    """Of every row the metric of each seed, on the pictures and on each resample of them: float64 (1 + R, S).

    All rows, of one test, are drawn with the same pictures.
    """
    if any(not np.array_equal(row.truth, rows[0].truth) for row in rows):
        raise FacsimError(f"{', '.join(row.row for row in rows)} were not tested on the same pictures")
    stacks = _stacks(rows[0].truth, np.concatenate([row.called for row in rows]), len(rows[0].classes), resamples)
    ends = np.cumsum([len(row.called) for row in rows])
    return tuple(np.split(HEADLINES[metric](stacks), ends[:-1], axis=1))


def _comparison(row: Calls, against: Calls, name: str, differences: NDArray[np.float64]) -> Comparison:
    low, high = _bounds(differences[1:])
    return Comparison(
        row=row.row,
        against=against.row,
        test=row.test,
        metric=name,
        difference=_number(float(differences[0])),
        low=low,
        high=high,
        p=_two_sided(differences[1:]),
        n=len(row.truth),
    )


def _over_seeds(name: str, stacks: _Counts, ours: int) -> NDArray[np.float64]:
    values = HEADLINES[name](stacks)
    return values[:, :ours].mean(axis=1) - values[:, ours:].mean(axis=1)


def _headlines(stacks: _Counts) -> dict[str, Figure]:
    return {name: _figure(metric(stacks)) for name, metric in HEADLINES.items()}


def _stacks(truth: NDArray[np.int64], called: NDArray[np.int64], classes: int, resamples: int) -> _Counts:
    """Confusion counts (1 + R, S, C, C): of the pictures themselves, then of each resample."""
    if not len(truth):
        raise FacsimError("found no picture to measure on, expected at least one")
    joint, counts = np.unique(np.vstack([truth, called]), axis=1, return_counts=True)
    rng = np.random.default_rng(0)  # fixed, so that a figure is a function of its input
    at_once = max(1, _WEIGHTS_AT_ONCE // len(counts))
    parts = [_tallied(joint, counts[None].astype(np.int64), classes)]
    for start in range(0, resamples, at_once):
        drawn = rng.multinomial(len(truth), counts / len(truth), size=min(at_once, resamples - start))
        parts.append(_tallied(joint, drawn, classes))
    return np.concatenate(parts)


def _tallied(joint: NDArray[np.int64], weights: _Counts, classes: int) -> _Counts:
    """Counts (R, S, C, C) of patterns (1 + S, P) that come `weights` (R, P) times."""
    found = np.empty((len(weights), len(joint) - 1, classes * classes), dtype=np.int64)
    for place, called in enumerate(joint[1:]):
        cells = np.zeros((joint.shape[1], classes * classes))
        cells[np.arange(joint.shape[1]), joint[0] * classes + called] = 1
        found[:, place] = np.rint(weights @ cells)
    return found.reshape(len(weights), len(joint) - 1, classes, classes)


def _counted(known: Sequence[NDArray[np.bool_] | None]) -> tuple[int | None, ...]:
    return tuple(None if one is None else int(one.sum()) for one in known)


def _figure(values: NDArray[np.float64]) -> Figure:
    """The figure of values (1 + R, S): of the pictures themselves, and of each resample."""
    own = tuple(float(value) for value in values[0])
    low, high = _bounds(values[1:].mean(axis=1))
    return Figure(
        mean=_number(statistics.fmean(own)),
        sd=_number(statistics.stdev(own)) if len(own) > 1 and not any(map(math.isnan, own)) else None,
        low=low,
        high=high,
        values=tuple(_number(value) for value in own),
    )


def _defined(figure: Figure) -> Figure | None:
    return None if figure.mean is None else figure


def _bounds(drawn: NDArray[np.float64]) -> tuple[float | None, float | None]:
    """The 95 % percentile interval; None where no resample defines the figure."""
    held = drawn[~np.isnan(drawn)]
    if not held.size:
        return None, None
    low, high = np.quantile(held, [0.025, 0.975])
    return float(low), float(high)


def _two_sided(drawn: NDArray[np.float64]) -> float:
    """Twice the smaller share of resamples on either side of 0, one counted on each so that it is never 0."""
    below, above = int((drawn <= 0).sum()), int((drawn >= 0).sum())
    return min(1.0, 2 * (min(below, above) + 1) / (len(drawn) + 1))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
