"""`facsim yields`: what each threshold would keep, at what precision, before anything is decided."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import show_json, show_text, stdout_kept, table_text, tell
from facsim.commands.options import AsJson

if TYPE_CHECKING:
    from facsim.metrics import Judged, YieldPoint
    from facsim.report.yields import Answers, Yields

__all__ = ["yields"]

_SHOWN = (0.3, 0.5, 0.7, 0.9)  # thresholds as text; all of them in JSON


def yields(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder whose steps have scores.")],
    scores: Annotated[
        str, typer.Option("--scores", metavar="STEP.COLUMN", help="Eight scores a row, or a vote's confidence.")
    ] = "vote_confidence",
    truth: Annotated[
        str, typer.Option("--truth", metavar="COLUMN", help="True labels to count by, of the run or of --calibration.")
    ] = "",
    calibration: Annotated[
        str,
        typer.Option(
            "--calibration",
            metavar="FILE",
            help="Labelled pictures that the same model answered: a file of `facsim evaluate --predictions`, or a run.",
        ),
    ] = "",
    target_precision: Annotated[
        float, typer.Option("--target-precision", help="Choose the lowest threshold of each class that reaches this.")
    ] = 0.9,
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="Write the curves as JSON, for `select` to choose from.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Show what each threshold would keep of each class, and how much of it is right.

    Precision is counted on true labels (--truth), on a labelled calibration set (--calibration), or taken from the
    scores, which holds for calibrated scores alone. A threshold is chosen where a lower bound of the precision, good
    for all thresholds at once (95 %), reaches the target; what is printed last goes into a recipe as it is.

    \b
    Examples:
      facsim yields runs/faces --scores teacher.expression_scores --truth expression_given
      facsim yields runs/faces --calibration predictions.parquet --out curves.json
    """
    from facsim.manifest import open_manifest
    from facsim.report.yields import answers_of, yields_of

    with stdout_kept():
        answers = answers_of(open_manifest(run), scores)
        judged = _judged(run, answers, truth, calibration)
        found = yields_of(answers, judged=judged, calibrated=bool(calibration), precision=target_precision)
    if out:
        Path(out).write_text(json_text.dumps(found.to_json(), indent=1) + "\n", encoding="utf-8")
        tell(f"written: {out}")
    if json:
        show_json({"run": run, **found.to_json(), "toml": found.toml()})
    else:
        show_text(_text(found))


def _judged(run: str, answers: Answers, truth: str, calibration: str) -> Judged | None:
    from facsim.manifest import open_manifest
    from facsim.report.yields import answers_of, judged_by_labels

    if calibration and Path(calibration).is_file():
        return _judged_by_predictions(calibration)
    if calibration:
        other = answers_of(open_manifest(calibration), answers.column)
        return judged_by_labels(other, _labels(calibration, truth or "expression_given"))
    return judged_by_labels(answers, _labels(run, truth)) if truth else None


def _labels(run: str, column: str) -> list[Any]:
    from facsim.manifest import open_manifest

    held = open_manifest(run)
    return held.column(column if "." in column else held.find(column) or f"plan.{column}")


def _judged_by_predictions(path: str) -> Judged:
    """The predictions of pictures that the model was not trained on."""
    import numpy as np

    from facsim.expressions import EIGHT_EXPRESSIONS
    from facsim.learn.predictions import read_predictions
    from facsim.metrics import Judged

    held = read_predictions(path)
    rows = [row for row, seen in enumerate(held.seen) if not seen]
    if len(rows) < len(held):
        tell(f"{len(held) - len(rows)} of {len(held)} calibration pictures were trained on and are left out")
    called = held.called
    return Judged(
        called=np.array([EIGHT_EXPRESSIONS.index(called[row]) for row in rows], dtype=np.int64),
        score=held.scores.max(axis=1).astype(np.float64)[rows],
        right=np.array([called[row] == held.truth[row] for row in rows], dtype=np.float64),
    )


def _text(found: Yields) -> str:
    from facsim.report.yields import CAVEATS

    head = [
        ("scores", f"{found.column}, {found.answered:,} of {found.rows:,} rows"),
        ("precision by", f"{found.method.replace('_', ' ')} ({found.judged:,} pictures): {CAVEATS[found.method]}"),
    ]
    rows: list[list[str]] = [["", "called", *(f"from {threshold:g}" for threshold in _SHOWN), f"{found.precision:g}"]]
    for curve in found.curves:
        at = {point.threshold: point for point in curve.points}
        chosen = found.chosen.get(curve.name)
        cell = f"from {chosen.threshold:g}: {_cell(chosen)}" if chosen else "–"
        if curve.called:
            rows.append([curve.name, f"{curve.called:,}", *(_cell(at[threshold]) for threshold in _SHOWN), cell])
    return "\n".join([table_text(head), "", table_text(rows), "", found.toml().rstrip()])


def _cell(point: YieldPoint) -> str:
    found = point.precision
    if not found.n:
        return f"{point.kept:,} (?)"
    return f"{point.kept:,} ({found.value:.2f}, {found.low:.2f}–{found.high:.2f})"
