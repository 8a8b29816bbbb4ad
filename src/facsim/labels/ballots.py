"""Votes on pictures as arrays: what each voter calls each picture, and how it spreads its vote over the eight.

A voter gives scores (a model) or a label (what was asked of the source, what an input gives, what a rule over action
units says). Scores are rounded to 1e-4 and kept as whole numbers of them, so that sums do not depend on their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from facsim.expressions import EIGHT_EXPRESSIONS

__all__ = ["NO_VOTE", "PARTS", "Ballots", "Voter", "ballots_of"]

PARTS = 10_000
"""Scores are whole numbers of 1 / 10,000: rounded to 1e-4 before any decision."""

NO_VOTE = -1
"""Stands for a voter that says nothing of a picture."""

_TOLERANCE = 2e-3  # of a row's sum: eight scores rounded to 1e-4, or float16, stay within it


@dataclass(frozen=True, kw_only=True)
class Voter:
    """One voter: the name that the trust record shows, the column that it is read from, and whether that has scores."""

    name: str
    column: str
    scored: bool


@dataclass(frozen=True, kw_only=True)
class Ballots:
    """The votes of V voters on N pictures.

    votes: int64 (N, V), places in `EIGHT_EXPRESSIONS` or `NO_VOTE`. parts: int64 (N, V, 8), scores in 1 / 10,000; a
    label is all on its class. faults: (N) what is wrong with a picture's votes, in words; "" where nothing is.
    """

    votes: NDArray[np.int64]
    parts: NDArray[np.int64]
    faults: tuple[str, ...]

    @property
    def cast(self) -> NDArray[np.int64]:
        """How many voters voted on each picture: (N,)."""
        return (self.votes != NO_VOTE).sum(axis=1)

    @property
    def tally(self) -> NDArray[np.int64]:
        """How many voters are for each class: (N, 8)."""
        return (self.votes[:, :, None] == np.arange(len(EIGHT_EXPRESSIONS))).sum(axis=1)

    def only(self, voters: Sequence[int]) -> Ballots:
        """The votes of some of the voters."""
        return Ballots(votes=self.votes[:, voters], parts=self.parts[:, voters], faults=self.faults)


def ballots_of(batch: pa.RecordBatch, voters: Sequence[Voter]) -> Ballots:
    """The ballots of a batch that has a column for each voter."""
    read = [_scores(batch.column(v.column)) if v.scored else _labels(batch.column(v.column)) for v in voters]
    faults = [
        "; ".join(
            f"{voter.name}: {found[row]}" for voter, (_, _, found) in zip(voters, read, strict=True) if found[row]
        )
        for row in range(batch.num_rows)
    ]
    return Ballots(
        votes=np.stack([votes for votes, _, _ in read], axis=1),
        parts=np.stack([parts for _, parts, _ in read], axis=1),
        faults=tuple(faults),
    )


_Read = tuple[NDArray[np.int64], NDArray[np.int64], list[str]]  # (N,), (N, 8), and a fault for each row


def _labels(column: pa.Array) -> _Read:
    places = {name: place for place, name in enumerate(EIGHT_EXPRESSIONS)}
    values = column.to_pylist()
    votes = np.array([NO_VOTE if value is None else places.get(value, NO_VOTE) for value in values], dtype=np.int64)
    parts = np.zeros((len(values), len(places)), dtype=np.int64)
    given = np.flatnonzero(votes != NO_VOTE)
    parts[given, votes[given]] = PARTS
    return votes, parts, [f'"{v}" is no expression' if v is not None and v not in places else "" for v in values]


def _scores(column: pa.Array) -> _Read:
    n, classes = len(column), len(EIGHT_EXPRESSIONS)
    lengths = _lengths(column)
    whole = np.flatnonzero(lengths == classes)
    scores = np.full((n, classes), np.nan)
    if whole.size:
        flat = pc.list_flatten(column.take(pa.array(whole))).cast(pa.float64())  # type: ignore[attr-defined]
        scores[whole] = flat.to_numpy(zero_copy_only=False).reshape(-1, classes)
    with np.errstate(invalid="ignore"):
        fine = np.isfinite(scores).all(axis=1) & (scores >= -1e-6).all(axis=1)
        fine &= np.abs(scores.sum(axis=1) - 1.0) <= _TOLERANCE
    parts = np.rint(np.where(fine[:, None], scores, 0.0) * PARTS).astype(np.int64).clip(0)
    votes = np.where(fine, parts.argmax(axis=1), NO_VOTE)
    return votes, parts, [_fault(int(lengths[row]), bool(fine[row]), scores[row]) for row in range(n)]


def _lengths(column: pa.Array) -> NDArray[np.int64]:
    """The length of each list; −1 for null."""
    if pa.types.is_null(column.type):
        return np.full(len(column), -1, dtype=np.int64)
    lengths = pc.fill_null(pc.list_value_length(column), -1)  # type: ignore[attr-defined]
    return lengths.to_numpy(zero_copy_only=False).astype(np.int64)


def _fault(length: int, fine: bool, scores: NDArray[np.float64]) -> str:
    if fine or length == -1:
        return ""
    if length != len(EIGHT_EXPRESSIONS):
        return f"{length} scores, expected {len(EIGHT_EXPRESSIONS)}"
    if not np.isfinite(scores).all():
        return "a score that is no number"
    return f"scores from {scores.min():.4g} to {scores.max():.4g} that sum to {scores.sum():.4g}, expected 0 to 1 and 1"
