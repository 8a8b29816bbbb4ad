"""`facsim noise`: labels of a set that are probably wrong, by models that never saw the pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import progress_shown, show_json, show_text, stdout_kept, table_text, tell
from facsim.commands.options import AsJson
from facsim.commands.reading import read_shown

if TYPE_CHECKING:
    from facsim.learn.predictions import Predictions
    from facsim.products import OnProgress

__all__ = ["noise"]

_SHOWN = 15


def noise(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SET", help="Labelled pictures; or the predictions of an earlier call, a file in .parquet or .json."
        ),
    ],
    folds: Annotated[int, typer.Option("--folds", min=2, help="Models trained, each on all folds but one.")] = 5,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps of 64 pictures of each training.")] = 3500,
    work: Annotated[
        str, typer.Option("--work", metavar="DIR", help="Where the models go; a training cut off goes on there.")
    ] = "noise-folds",
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE.parquet", help="Write the out-of-fold scores, for a recipe.")
    ] = "",
    seed: Annotated[int, typer.Option("--seed", help="Of the trainings.")] = 0,
    json: AsJson = False,
) -> None:
    """Find labels that are probably wrong (confident learning, Northcutt et al. 2021).

    Trains the yardstick's small network on all folds but one in turn, so that every picture is judged by a model that
    saw neither it nor a copy of it, and names the labels that do not fit. Needs the extra `noise` (cleanlab).

    \b
    Examples:
      facsim noise faces.zip --out folds.parquet
      facsim noise folds.parquet --json
    """
    with stdout_kept(), progress_shown() as on_progress:
        if source.endswith((".parquet", ".json")) and Path(source).is_file():
            from facsim.learn.predictions import read_predictions

            held = read_predictions(source)
        else:
            held = _answered(source, (folds, steps, seed), work, on_progress)
    if out:
        from facsim.learn.predictions import write_predictions

        tell(f"written: {write_predictions(held, out)}")
    found = _issues(held)
    if json:
        show_json({"source": source, **found})
    else:
        show_text(_text(found))


def _answered(source: str, plan: tuple[int, int, int], work: str, on_progress: OnProgress) -> Predictions:
    from dataclasses import replace

    from facsim.learn.folds import out_of_fold
    from facsim.learn.predictions import predictions_of
    from facsim.learn.yardstick import YARDSTICK, YARDSTICK_SHAPE
    from facsim.products import Progress

    folds, steps, seed = plan
    pictures = read_shown(source, YARDSTICK_SHAPE, on_progress)

    def told(done: int, total: int) -> None:
        on_progress(Progress(step="folds", done=done, total=total, unit="steps"))

    config = replace(YARDSTICK, steps=steps, seed=seed)
    scores = out_of_fold(pictures, config, folds=folds, out=work, on_step=told)
    facts = {"out_of_fold": folds, "steps": steps, "seed": seed}
    held = predictions_of(scores, pictures, classes=pictures.classes, facts=facts)
    return replace(held, seen=("",) * len(held))


def _issues(held: Predictions) -> dict[str, Any]:
    """Counts by class, and the issues themselves, the least likely labels first (ties by name)."""
    import numpy as np

    from facsim.curate.noise import find_issues
    from facsim.metrics import share_of

    labels = np.array([held.classes.index(name) for name in held.truth], dtype=np.int64)
    found = find_issues(labels, held.scores.astype(np.float64))
    rows = sorted(np.flatnonzero(found.wrong).tolist(), key=lambda row: (found.quality[row], held.ids[row]))
    given, wrong = Counter(held.truth), Counter(held.truth[row] for row in rows)
    return {
        "pictures": len(held),
        "issues": len(rows),
        "share": share_of(len(rows), len(held)).to_json(),
        "classes": {name: share_of(wrong[name], given[name]).to_json() for name in held.classes if given[name]},
        "listed": [
            {
                "id": held.ids[row],
                "label": held.truth[row],
                "suggested": held.classes[int(found.suggested[row])],
                "quality": round(float(found.quality[row]), 4),
            }
            for row in rows
        ],
    }


def _text(found: dict[str, Any]) -> str:
    share = found["share"]
    head = [
        ("pictures", f"{found['pictures']:,}"),
        ("probably wrong", f"{found['issues']:,} ({share['value']:.3f}, {share['low']:.3f}–{share['high']:.3f})"),
        *(
            (f"  of {name}", f"{entry['value']:.3f} ({entry['low']:.3f}–{entry['high']:.3f}) of {entry['n']:,}")
            for name, entry in found["classes"].items()
        ),
    ]
    shown = [
        [row["id"], f"labelled {row['label']}", f"{row['quality']:.2f}", f"rather {row['suggested']}"]
        for row in found["listed"][:_SHOWN]
    ]
    return table_text(head) + (f"\n\nthe least likely:\n{table_text(shown)}" if shown else "")
