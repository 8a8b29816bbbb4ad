"""Selection: which samples stay, by quota and threshold, with a reason for every one that does not."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from facsim.curate.thresholds import Bar, chosen_thresholds, curves_digest, rounded
from facsim.errors import RecipeError
from facsim.stage import Scan

__all__ = ["REJECTIONS", "Select"]

REJECTIONS: Mapping[str, str] = {
    "problem": "an earlier step has no result for the sample",
    "disagreement": "too few of the voters agree on its label",
    "no_label": "the sample has no value in the column that quotas go by",
    "duplicate": "the sample repeats an earlier one",
    "conflict": "copies of the sample are labelled otherwise",
    "label_issue": "its label is probably wrong, by the scores of models that never saw it",
    "entropy": "the voters' mean is too even",
    "no_threshold": "no threshold gives its class the wanted precision",
    "below_threshold": "the sample's score is under the threshold",
    "not_asked": "the quotas leave this value out",
    "over_quota": "better or earlier samples fill the quota",
}
"""Why a sample is rejected: the closed list, in the order in which reasons are tried."""

_FLAGS = {"reject_duplicates": "duplicate_of", "reject_conflicts": "duplicate_conflict", "reject_issues": "label_issue"}

_REASONS = (None, *REJECTIONS)
_CODES = {reason: code for code, reason in enumerate(_REASONS)}
_BATCH_ROWS = 1000  # verdicts together


@dataclass(frozen=True, kw_only=True)
class _Running:
    """All rows: `codes` int8 (N,), places in `_REASONS`; `places` int32 (N,), places in `values`, the quota column's;
    `scores` float64 (N,), rounded; `ids` bytes (N,), or none of them where no score is looked at."""

    codes: NDArray[np.int8]
    places: NDArray[np.int32]
    values: tuple[Any, ...]
    scores: NDArray[np.float64]
    ids: NDArray[np.bytes_]


@dataclass(frozen=True, kw_only=True)
class Select:
    """Accept samples by quota; everyone else gets a reason from `REJECTIONS`.

    by: the column whose values quotas and thresholds go by. quotas: value → most samples of it; values left out are
    rejected; empty means every value, at most `most` each (0: no limit). score: a column to prefer by, highest first,
    "" for the order of the run; ties go by sample_id. threshold: the lowest score accepted. above: the score must be
    greater than this (SyntFER: above = 0.3). thresholds: value → the lowest score accepted of it, instead of
    `threshold`. precision: chooses them so that at least this share of the labels is right, from `curves`, a file that
    `facsim yields --out` wrote. least_agreement: reads `vote_agreement`. most_entropy: reads `vote_entropy`, nats.
    reject_duplicates, reject_conflicts, reject_issues: read `duplicate_of`, `duplicate_conflict`, `label_issue`.
    """

    by: str = "expression_target"
    quotas: dict[str, int] = field(default_factory=dict)
    most: int = 0
    score: str = ""
    threshold: float = 0.0
    above: float | None = None
    thresholds: dict[str, float] = field(default_factory=dict)
    precision: float = 0.0
    curves: str = ""
    least_agreement: float = 0.0
    most_entropy: float | None = None
    reject_duplicates: bool = True
    reject_conflicts: bool = False
    reject_issues: bool = False

    name: ClassVar[str] = "select"
    version: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if negative := [value for value, count in self.quotas.items() if count < 0]:
            raise RecipeError(f"select.quotas.{negative[0]} is {self.quotas[negative[0]]}; expected 0 or more")
        if self.most < 0:
            raise RecipeError(f"select.most is {self.most}; expected 0 (no limit) or more")
        needing = [name for name in ("threshold", "above", "thresholds", "precision") if getattr(self, name)]
        if needing and not self.score:
            raise RecipeError(f"select.{needing[0]} needs select.score, the column that it is a threshold of")
        if bool(self.precision) != bool(self.curves) or not 0 <= self.precision < 1:
            raise RecipeError(
                f'select.precision is {self.precision:g} and select.curves "{self.curves}"; expected both, precision '
                "below 1: `facsim yields RUN --out curves.json` writes curves"
            )
        if self.precision and (self.thresholds or self.threshold):
            raise RecipeError("select has both a precision and thresholds; precision chooses them, so leave one out")

    @property
    def reads(self) -> tuple[str, ...]:
        """The quota column, and those of the score, the vote and the flags where they are used."""
        used = {
            self.score: bool(self.score),
            "vote_agreement": self.least_agreement > 0,
            "vote_entropy": self.most_entropy is not None,
            **{column: getattr(self, flag) for flag, column in _FLAGS.items()},
        }
        return tuple(dict.fromkeys([self.by, *(column for column, wanted in used.items() if wanted)]))

    @property
    def writes(self) -> tuple[str, ...]:
        """A verdict and its reason."""
        return ("accepted", "reason")

    @property
    def weights(self) -> tuple[str, ...]:
        """The SHA-256 of the curves that thresholds are chosen from, so that others make the verdicts stale."""
        return (curves_digest(self.curves),) if self.curves else ()

    def judge(self, scan: Scan) -> Iterator[pa.RecordBatch]:
        """One verdict a row, in order."""
        running = self._read(scan)
        self._fill(running)
        for start in range(0, len(running.codes), _BATCH_ROWS):
            reasons = [_REASONS[code] for code in running.codes[start : start + _BATCH_ROWS]]
            accepted = [reason is None for reason in reasons]
            yield pa.RecordBatch.from_pydict(
                {"accepted": pa.array(accepted, pa.bool_()), "reason": pa.array(reasons, pa.string())}
            )

    def _read(self, scan: Scan) -> _Running:
        """The rows with the reasons that they give by themselves; what is kept of each is a few numbers and its id."""
        bar, values = self._bar(), dict[Any, int]()
        codes, places, scores, ids = array("b"), array("i"), array("d"), list[NDArray[np.bytes_]]()
        for batch in scan.batches(self.reads):
            columns = {name: batch.column(name).to_pylist() for name in ("problem", *self.reads)}
            for i in range(batch.num_rows):
                reason = self._own_reason(columns, i, bar)
                codes.append(_CODES[reason])
                places.append(values.setdefault(columns[self.by][i], len(values)))
                scores.append(rounded(columns[self.score][i]) if self.score and reason is None else 0.0)
            ids.append(np.array(batch.column("sample_id").to_pylist() if self.score else [], dtype=np.bytes_))
        return _Running(
            codes=np.array(codes, dtype=np.int8),
            places=np.array(places, dtype=np.int32),
            values=tuple(values),
            scores=np.array(scores),
            ids=np.concatenate([np.zeros(0, dtype=np.bytes_), *ids]),
        )

    def _fill(self, running: _Running) -> None:
        """Give the rows that are beyond their value's quota that reason, the preferred rows filling it first."""
        most = self.most or len(running.codes)
        limits = [self.quotas.get(value, 0) if self.quotas else most for value in running.values]
        rows = self._preferred(running)
        rows = rows[np.argsort(running.places[rows], kind="stable")]  # a value's rows together
        places = running.places[rows]
        before = np.arange(len(rows)) - np.searchsorted(places, places)
        running.codes[rows[before >= np.array(limits, dtype=np.int64)[places]]] = _CODES["over_quota"]

    def _bar(self) -> Bar | None:
        if not self.score:
            return None
        chosen = chosen_thresholds(self.curves, self.precision) if self.precision else dict(self.thresholds)
        return Bar(lowest=chosen, otherwise=self.threshold, above=self.above)

    def _own_reason(self, columns: Mapping[str, list[Any]], i: int, bar: Bar | None) -> str | None:
        """The reason that the sample gives by itself, quotas aside."""
        if columns["problem"][i] is not None:
            return "problem"
        if self.least_agreement and (columns["vote_agreement"][i] or 0.0) < self.least_agreement - 1e-6:
            return "disagreement"
        if columns[self.by][i] is None:
            return "no_label"
        if self.reject_duplicates and columns["duplicate_of"][i] is not None:
            return "duplicate"
        if self.reject_conflicts and columns["duplicate_conflict"][i]:
            return "conflict"
        if self.reject_issues and columns["label_issue"][i]:
            return "label_issue"
        if self.most_entropy is not None and _over(columns["vote_entropy"][i], self.most_entropy):
            return "entropy"
        if bar and (reason := bar.reason(columns[self.by][i], columns[self.score][i])):
            return reason
        return "not_asked" if self.quotas and columns[self.by][i] not in self.quotas else None

    def _preferred(self, running: _Running) -> NDArray[np.int64]:
        """The rows that are in the running, the preferred ones first."""
        rows = np.flatnonzero(running.codes == _CODES[None])
        if not self.score:
            return rows
        return rows[np.lexsort((running.ids[rows], -running.scores[rows]))]


def _over(value: float | None, most: float) -> bool:
    return value is None or rounded(value) > most
