"""Every planned row of a finished run as the report sees it: its labels, whether it stays, and if not, why.

One pass over the run's files; pictures are not read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from facsim.columns import COLUMNS, split_name
from facsim.dataset import dataset_of
from facsim.manifest import Manifest

__all__ = ["ATTRIBUTES", "SICK", "UNLABELLED", "UNSTATED", "Rows", "rejections_of", "rows_of"]

SICK = "problem"
"""Reason of a row whose picture could not be made; the same word as in `facsim.curate.select.REJECTIONS`."""

UNSTATED = "unstated"
"""Reason of a row that is not accepted where the verdict gives no reason."""

UNLABELLED = "unlabelled"
"""Stands for the expression of a row that has none."""

_READ = (
    "apparent_age_years",
    "apparent_gender",
    "skin_tone_monk",
    "action_units",
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
    "face_luminance",
    "ita_deg",
    "reason",
)
ATTRIBUTES: tuple[str, ...] = tuple(
    name
    for name, entry in COLUMNS.items()
    if entry.values and name != "apparent_gender" and not name.startswith("expression_")
)
"""Columns of a closed list of values that are no axis of a plan: what a picture has beside its expression."""

_WHOLE_UNIT = re.compile(r"AU\d+")  # AU12, the stronger side; not AU12L


@dataclass(frozen=True, kw_only=True)
class Rows:
    """N planned rows, in the run's order.

    expression: the label that readers use, `UNLABELLED` where there is none. kept: (N,) bool, what training and export
    see. reasons: why a row is not kept, None where it is. problems: step → each row's problem or None.
    columns: short name → column, for those that the run has; `writers` names the step behind each.
    """

    sample_ids: tuple[str, ...]
    expression: tuple[str, ...]
    kept: npt.NDArray[np.bool_]
    reasons: tuple[str | None, ...]
    problems: Mapping[str, Sequence[str | None]]
    columns: Mapping[str, pa.ChunkedArray]
    writers: Mapping[str, str]
    judged: bool

    def __len__(self) -> int:
        return len(self.sample_ids)

    def values(self, column: str) -> list[Any]:
        """A column (short name) as Python values; None for every row where the run does not have it."""
        return self.columns[column].to_pylist() if column in self.columns else [None] * len(self)

    def numbers(self, column: str) -> npt.NDArray[np.float64]:
        """A numeric column (short name) as (N,) float64, NaN where a row has no value."""
        return np.asarray(self.columns[column].cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)

    def units(self) -> tuple[str, ...]:
        """Columns of whole action units (`AU12`, not `AU12L`) that the run has, by code."""
        found = [name for name in self.columns if _WHOLE_UNIT.fullmatch(name)]
        return tuple(sorted(found, key=lambda name: int(name.removeprefix("AU"))))


def rows_of(run: Manifest) -> Rows:
    """The rows of a finished run. Raises ManifestError where it has no picture or label, or a step is unfinished."""
    dataset = dataset_of(run)
    writers = {column: step for step in run.steps() for column in run.step(step).writes}
    wanted = [name for name in writers if name in (*_READ, *ATTRIBUTES) or _WHOLE_UNIT.fullmatch(name)]
    problems = {step: f"{step}.problem" for step in run.steps()}
    verdict = [dataset.accepted] if dataset.accepted else []
    full_names = [f"{writers[name]}.{name}" for name in wanted]
    table = run.table([*dict.fromkeys([dataset.label, *verdict, *problems.values(), *full_names])])
    of_step = {step: table[name].to_pylist() for step, name in problems.items()}
    reasons = _reasons(table, of_step[split_name(dataset.image)[0]], dataset.accepted)
    return Rows(
        sample_ids=tuple(table["sample_id"].to_pylist()),
        expression=tuple(label or UNLABELLED for label in table[dataset.label].to_pylist()),
        kept=np.asarray([reason is None for reason in reasons], dtype=np.bool_),
        reasons=tuple(reasons),
        problems=of_step,
        columns={name: table[full] for name, full in zip(wanted, full_names, strict=True)},
        writers=writers,
        judged=dataset.accepted is not None,
    )


def rejections_of(run: Manifest) -> dict[str, int]:
    """How many rows do not stay, by reason: what `Rows.reasons` counts, without holding the rows."""
    dataset = dataset_of(run)
    step = split_name(dataset.accepted)[0] if dataset.accepted else ""
    said = [f"{step}.reason"] if step and "reason" in run.step(step).writes else []
    sick = f"{split_name(dataset.image)[0]}.problem"
    counted = Counter[str]()
    for batch in run.batches([sick, *([dataset.accepted] if dataset.accepted else []), *said]):
        table = pa.Table.from_batches([batch])
        counted.update(why for why in _reasons(table, table[sick].to_pylist(), dataset.accepted) if why)
    return {reason: counted[reason] for reason in sorted(counted)}


def _reasons(table: pa.Table, sick: Sequence[str | None], accepted: str | None) -> list[str | None]:
    """Why each row does not stay, None where it does: the rule of `facsim.dataset.Dataset.batches`, in words."""
    if accepted is None:
        return [SICK if problem else None for problem in sick]
    reason = f"{split_name(accepted)[0]}.reason"
    given = table[reason].to_pylist() if reason in table.column_names else [None] * table.num_rows
    verdicts = zip(table[accepted].to_pylist(), given, sick, strict=True)
    return [_reason(bool(stays), words, bool(problem)) for stays, words, problem in verdicts]


def _reason(stays: bool, words: str | None, sick: bool) -> str | None:
    if sick:
        return SICK
    return None if stays else words or UNSTATED
