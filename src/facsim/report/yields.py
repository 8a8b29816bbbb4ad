"""Before anything is decided: what each threshold of a run's scores would keep, and how much of that is right.

The share that is right comes from true labels of the run, from a labelled calibration set that the same model answered,
or, without either, from the scores themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tomli_w
from numpy.typing import NDArray

from facsim.columns import split_name
from facsim.curate.thresholds import CURVES_KEY
from facsim.errors import FacsimError, ManifestError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.manifest import Manifest
from facsim.metrics import Judged, YieldCurve, YieldPoint, lowest_threshold, yield_curves

__all__ = ["CAVEATS", "Answers", "Yields", "answers_of", "judged_by_labels", "labels_of", "yields_of"]

CAVEATS: Mapping[str, str] = {
    "truth": "counted on this run's own true labels, of the pictures that have one; Wilson's 95 % interval",
    "calibration": "counted on the calibration set; it is this run's precision only as far as the two sets are alike; "
    "Wilson's 95 % interval",
    "mean_score": "the mean score, without any truth: right only as far as scores are calibrated on pictures such as "
    "these, and the interval (Wilson's, for a sum of such probabilities) does not cover that",
}
"""How precision was estimated, and what to hold against it."""

_REJECT_ALL = 1.01  # no score reaches it


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a column of scores calls each row: called int64 (N,), places in the eight, −1 for none; score (N,), NaN."""

    column: str
    called: NDArray[np.int64]
    score: NDArray[np.float64]

    @property
    def given(self) -> NDArray[np.bool_]:
        """Which rows have an answer."""
        return self.called >= 0


@dataclass(frozen=True, kw_only=True)
class Yields:
    """Curves of each class and of all, from `answered` rows of `rows`, and what a wanted precision would choose.

    chosen: class → the point of the lowest threshold whose bound reaches `precision`, None where none does; only of
    classes that are called at all.
    """

    column: str
    rows: int
    answered: int
    judged: int
    method: str
    precision: float
    curves: tuple[YieldCurve, ...]
    chosen: Mapping[str, YieldPoint | None]

    @property
    def unreachable(self) -> tuple[str, ...]:
        """Classes for which no threshold reaches the precision."""
        return tuple(name for name, point in self.chosen.items() if point is None)

    def to_json(self) -> dict[str, Any]:
        """Plain values; also what `select` reads as `curves`."""
        return {
            CURVES_KEY: 1,
            "scores": self.column,
            "rows": self.rows,
            "answered": self.answered,
            "judged": self.judged,
            "method": self.method,
            "caveat": CAVEATS[self.method],
            "target_precision": self.precision,
            "chosen": {name: point.to_json() if point else None for name, point in self.chosen.items()},
            "unreachable": list(self.unreachable),
            "curves": [curve.to_json() for curve in self.curves],
        }

    def toml(self) -> str:
        """A `select` step with the thresholds chosen, to be pasted into a recipe."""
        step, name = split_name(self.column)
        by, score = ("expression_top", "expression_confidence") if name == "expression_scores" else (
            "expression_label", "vote_confidence" if name == "expression_soft" else name
        )  # fmt: skip
        thresholds = {name: point.threshold if point else _REJECT_ALL for name, point in self.chosen.items()}
        reads = {by: f"{step}.{by}", score: f"{step}.{score}"}
        table = {"use": "select", "by": by, "score": score, "reads": reads, "thresholds": thresholds}
        remark = f"# precision {self.precision:g}, by {self.method.replace('_', ' ')}: {CAVEATS[self.method]}\n"
        if self.unreachable:
            remark += f"# no threshold reaches it for {', '.join(self.unreachable)}: {_REJECT_ALL} rejects them all\n"
        return remark + tomli_w.dumps({"step": [table]})


def answers_of(run: Manifest, column: str) -> Answers:
    """What `column` (`step.column`, or a short name: the latest step's) calls each row of a run.

    A column of eight scores calls the highest; a column of numbers goes with its step's `expression_label`.
    Raises ManifestError where there is no such column or it is neither.
    """
    full = column if "." in column else run.find(column) or column
    step = split_name(full)[0]
    first = run.table([full])[full].combine_chunks()
    if pa.types.is_list(first.type) or pa.types.is_fixed_size_list(first.type):
        return _highest(full, first)
    if not pa.types.is_floating(first.type) or "expression_label" not in run.step(step).writes:
        raise ManifestError(
            f'"{full}" holds {first.type}; expected a list of eight scores, or numbers from 0 to 1 in a step that also '
            "writes expression_label, such as vote.vote_confidence"
        )
    scores = first.cast(pa.float64()).to_numpy(zero_copy_only=False)  # null: NaN
    called = np.where(np.isfinite(scores), labels_of(run, f"{step}.expression_label"), -1)
    return Answers(column=full, called=called, score=scores)


def _highest(column: str, rows: pa.Array) -> Answers:
    """Of lists of eight; one that is null, holds a null or has another length is no answer."""
    lengths = pc.fill_null(pc.list_value_length(rows), 0).to_numpy(zero_copy_only=False)  # type: ignore[attr-defined]
    whole = lengths == len(EIGHT_EXPRESSIONS)
    table = np.full((len(rows), len(EIGHT_EXPRESSIONS)), np.nan)
    held = rows.filter(pa.array(whole)).flatten().cast(pa.float64())
    table[whole] = held.to_numpy(zero_copy_only=False).reshape(-1, len(EIGHT_EXPRESSIONS))  # null: NaN
    table = np.round(table, 4)
    fine = np.isfinite(table).all(axis=1)
    called = np.where(fine, np.nan_to_num(table).argmax(axis=1), -1)
    return Answers(column=column, called=called, score=np.where(fine, np.nan_to_num(table).max(axis=1), np.nan))


def labels_of(run: Manifest, column: str) -> NDArray[np.int64]:
    """The names in `column` (`step.column`) as places in the eight, −1 for null and other names: int64 (N,)."""
    names = pa.array(EIGHT_EXPRESSIONS)
    found = [
        pc.fill_null(pc.index_in(batch.column(column), value_set=names), -1)  # type: ignore[attr-defined]
        for batch in run.batches([column])
    ]
    return np.concatenate([np.zeros(0, np.int64), *(codes.to_numpy(zero_copy_only=False) for codes in found)])


def _places(labels: Sequence[str | None]) -> NDArray[np.int64]:
    place = {name: at for at, name in enumerate(EIGHT_EXPRESSIONS)}
    return np.array([place.get(label or "", -1) for label in labels], dtype=np.int64)


def judged_by_labels(answers: Answers, labels: Sequence[str | None] | NDArray[np.int64]) -> Judged:
    """The answers that can be judged by true labels, names or places in the eight: those of rows that have both.

    Raises FacsimError where there are not as many labels as rows, or none is known.
    """
    if len(labels) != len(answers.called):
        raise FacsimError(f"found {len(labels)} labels for {len(answers.called)} rows; expected one each")
    truth = labels if isinstance(labels, np.ndarray) else _places(labels)
    both = answers.given & (truth >= 0)
    if not both.any():
        raise FacsimError("found no row with both a score and a true label; name another column of labels")
    called = answers.called[both]
    return Judged(called=called, score=answers.score[both], right=(called == truth[both]).astype(np.float64))


def yields_of(
    answers: Answers, *, judged: Judged | None = None, calibrated: bool = False, precision: float = 0.9
) -> Yields:
    """The yields of the answers; precision from `judged` pictures (of a calibration set where `calibrated`), else from
    the scores.
    """
    if not 0 < precision < 1:
        raise FacsimError(f"the target precision is {precision:g}; expected a share between 0 and 1, such as 0.9")
    called, score = answers.called[answers.given], answers.score[answers.given]
    method = "mean_score" if judged is None else "calibration" if calibrated else "truth"
    held = judged or Judged(called=called, score=score, right=score)
    curves = yield_curves(called, score, judged=held, classes=EIGHT_EXPRESSIONS)
    return Yields(
        column=answers.column,
        rows=len(answers.called),
        answered=len(called),
        judged=len(held.called),
        method=method,
        precision=precision,
        curves=curves,
        chosen={curve.name: lowest_threshold(curve, precision) for curve in curves[:-1] if curve.called},
    )
