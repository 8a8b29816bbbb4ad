"""Selection: which samples stay, by quota and threshold, with a reason for every one that does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from facsim.errors import RecipeError
from facsim.stage import Scan

__all__ = ["REJECTIONS", "Select"]

REJECTIONS: Mapping[str, str] = {
    "problem": "an earlier step has no result for the sample",
    "no_label": "the sample has no value in the column that quotas go by",
    "duplicate": "the sample repeats an earlier one",
    "below_threshold": "the sample's score is under the threshold",
    "not_asked": "the quotas leave this value out",
    "over_quota": "better or earlier samples fill the quota",
}
"""Why a sample is rejected: the closed list, in the order in which reasons are tried."""

_DECIMALS = 4  # scores are rounded before any decision, so that decisions are stable across devices


@dataclass(frozen=True, kw_only=True)
class Select:
    """Accept samples by quota; everyone else gets a reason from `REJECTIONS`.

    by: the column whose values quotas go by. quotas: value → most samples of it; values left out are rejected; empty
    means every value, at most `most` each (0: no limit). score: a column to prefer by, highest first, "" for the order
    of the run; ties go by sample_id. threshold: the lowest score accepted. reject_duplicates: reads `duplicate_of`.
    """

    by: str = "expression_target"
    quotas: dict[str, int] = field(default_factory=dict)
    most: int = 0
    score: str = ""
    threshold: float = 0.0
    reject_duplicates: bool = True

    name: ClassVar[str] = "select"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if negative := [value for value, count in self.quotas.items() if count < 0]:
            raise RecipeError(f"select.quotas.{negative[0]} is {self.quotas[negative[0]]}; expected 0 or more")
        if self.most < 0:
            raise RecipeError(f"select.most is {self.most}; expected 0 (no limit) or more")
        if self.threshold and not self.score:
            raise RecipeError("select.threshold needs select.score, the column that it is a threshold of")

    @property
    def reads(self) -> tuple[str, ...]:
        """The quota column, and the score and duplicate columns where they are used."""
        return (self.by, *((self.score,) if self.score else ()), *(("duplicate_of",) if self.reject_duplicates else ()))

    @property
    def writes(self) -> tuple[str, ...]:
        """A verdict and its reason."""
        return ("accepted", "reason")

    def judge(self, scan: Scan) -> Iterator[pa.RecordBatch]:
        """One verdict a row, in order."""
        columns = _gathered(scan, self.reads)
        reasons = self._reasons(columns)
        accepted = [reason is None for reason in reasons]
        yield pa.RecordBatch.from_pydict(
            {"accepted": pa.array(accepted, pa.bool_()), "reason": pa.array(reasons, pa.string())}
        )

    def _reasons(self, columns: Mapping[str, list[Any]]) -> list[str | None]:
        reasons = [self._own_reason(columns, i) for i in range(len(columns["sample_id"]))]
        taken: dict[Any, int] = {}
        for i in self._preferred(columns):
            value = columns[self.by][i]
            limit = self.quotas[value] if self.quotas else self.most or len(reasons)
            if reasons[i] is None and taken.get(value, 0) >= limit:
                reasons[i] = "over_quota"
            elif reasons[i] is None:
                taken[value] = taken.get(value, 0) + 1
        return reasons

    def _own_reason(self, columns: Mapping[str, list[Any]], i: int) -> str | None:
        """The reason that the sample gives by itself, quotas aside."""
        if columns["problem"][i] is not None:
            return "problem"
        if columns[self.by][i] is None:
            return "no_label"
        if self.reject_duplicates and columns["duplicate_of"][i] is not None:
            return "duplicate"
        if self.score and (columns[self.score][i] is None or _rounded(columns[self.score][i]) < self.threshold):
            return "below_threshold"
        if self.quotas and columns[self.by][i] not in self.quotas:
            return "not_asked"
        return None

    def _preferred(self, columns: Mapping[str, list[Any]]) -> list[int]:
        """Row indices that are in the running, the preferred ones first."""
        rows = [i for i in range(len(columns["sample_id"])) if self._own_reason(columns, i) is None]
        if not self.score:
            return rows
        return sorted(rows, key=lambda i: (-_rounded(columns[self.score][i]), columns["sample_id"][i]))


def _rounded(score: float) -> float:
    return float(np.round(score, _DECIMALS))


def _gathered(scan: Scan, reads: tuple[str, ...]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in ("sample_id", "problem", *reads)}
    for batch in scan.batches(reads):
        for name, values in columns.items():
            values.extend(batch.column(name).to_pylist())
    return columns
