"""Selection: which samples stay, by quota and threshold, with a reason for every one that does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pyarrow as pa

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
        columns = _gathered(scan, self.reads)
        reasons = self._reasons(columns)
        accepted = [reason is None for reason in reasons]
        yield pa.RecordBatch.from_pydict(
            {"accepted": pa.array(accepted, pa.bool_()), "reason": pa.array(reasons, pa.string())}
        )

    def _reasons(self, columns: Mapping[str, list[Any]]) -> list[str | None]:
        bar = self._bar()
        reasons = [self._own_reason(columns, i, bar) for i in range(len(columns["sample_id"]))]
        taken: dict[Any, int] = {}
        for i in self._preferred(columns, reasons):
            value = columns[self.by][i]
            limit = self.quotas[value] if self.quotas else self.most or len(reasons)
            if taken.get(value, 0) >= limit:
                reasons[i] = "over_quota"
            else:
                taken[value] = taken.get(value, 0) + 1
        return reasons

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

    def _preferred(self, columns: Mapping[str, list[Any]], reasons: list[str | None]) -> list[int]:
        """Row indices that are in the running, the preferred ones first."""
        rows = [i for i, reason in enumerate(reasons) if reason is None]
        if not self.score:
            return rows
        return sorted(rows, key=lambda i: (-rounded(columns[self.score][i]), columns["sample_id"][i]))


def _over(value: float | None, most: float) -> bool:
    return value is None or rounded(value) > most


def _gathered(scan: Scan, reads: tuple[str, ...]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in ("sample_id", "problem", *reads)}
    for batch in scan.batches(reads):
        for name, values in columns.items():
            values.extend(batch.column(name).to_pylist())
    return columns
