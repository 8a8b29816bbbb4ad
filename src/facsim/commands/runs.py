"""`facsim run`, `plan` and `redo`: recipes and run folders."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import progress_shown, show_json, show_text, tell
from facsim.commands.options import (
    AsJson,
    Device,
    ExecutorName,
    Out,
    RecipeFile,
    RequireCommercial,
    Workers,
    check_device,
    complete_steps,
    default_workers,
)

if TYPE_CHECKING:
    from facsim.formats.terms import Terms
    from facsim.recipe import Recipe

__all__ = ["plan", "redo", "run", "run_recipe"]


def run(
    recipe: RecipeFile,
    out: Out,
    workers: Workers = default_workers(),
    device: Device = "cpu",
    executor: ExecutorName = "local",
    require_commercial: RequireCommercial = False,
    json: AsJson = False,
) -> None:
    """Make what a recipe asks for.

    Plans the samples, fills in every step, then makes the products: dataset, classifier, report. A run that was
    interrupted or killed goes on where it was: give the same command again. Workers, device and executor say where
    work is done; no flag changes a result.

    \b
    Examples:
      facsim run recipes/quickstart.toml --out runs/quickstart
      facsim run recipes/tiny.toml --out runs/tiny --workers 1 --json
    """
    from facsim.formats.terms import check_commercial
    from facsim.inputs import recipe_terms
    from facsim.recipe import load_recipe

    loaded = load_recipe(recipe)
    if require_commercial:
        check_commercial([*recipe_terms(loaded), *_training_terms(loaded)])
    summary = run_recipe(loaded, out, workers=workers, device=device, executor=executor)
    _show_summary(summary, json)


def _training_terms(recipe: Recipe) -> list[tuple[str, Terms]]:
    if "train" not in recipe.products:
        return []
    from facsim.learn.standing import training_terms

    return training_terms(recipe.products["train"])


def run_recipe(recipe: Recipe, out: str, *, workers: int, device: str, executor: str) -> dict[str, Any]:
    """Run the recipe with progress on stderr; returns `run_summary`. Raises FacsimError."""
    from facsim.commands.summary import run_summary
    from facsim.runner import run as run_steps

    check_device(device)
    started = time.monotonic()
    _tell_what_is_there(out)
    with progress_shown() as on_progress:
        made = run_steps(recipe, out, workers=workers, device=device, executor=executor, on_progress=on_progress)
    return run_summary(made, seconds=time.monotonic() - started)


def _tell_what_is_there(out: str) -> None:
    """Say which steps an earlier call has begun, so that nobody wonders where the time went."""
    from facsim.manifest import open_manifest
    from facsim.storage import folder_at

    if not folder_at(out).exists("run.json"):
        return
    run = open_manifest(out)
    for step in run.steps():
        missing = len(run.missing_shards(step))
        tell(f"{step}: {run.num_shards - missing} of {run.num_shards} shards are there already")


def _show_summary(summary: dict[str, Any], as_json: bool) -> None:
    from facsim.commands.summary import run_text

    if as_json:
        show_json(summary)
    else:
        show_text(run_text(summary))


def plan(
    recipe: RecipeFile,
    rows: Annotated[int, typer.Option("--rows", min=0, help="List the first N planned samples too.")] = 0,
    measure: Annotated[
        int, typer.Option("--measure", min=0, help="Draw N pictures here, to estimate what all of them take.")
    ] = 0,
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Show what a recipe would make.

    Totals for each axis, shards, and the steps with what each reads. Nothing is written.

    \b
    Examples:
      facsim plan recipes/quickstart.toml
      facsim plan recipes/quickstart.toml --rows 10
      facsim plan recipes/quickstart.toml --measure 16
    """
    from facsim.commands.summary import plan_outline, plan_text
    from facsim.recipe import load_recipe

    loaded = load_recipe(recipe)
    outline = plan_outline(loaded, rows=rows)
    if measure:
        check_device(device)
        outline["estimate"] = _estimate(loaded, measure, device)
    if json:
        show_json(outline)
    else:
        show_text(plan_text(outline))


def _estimate(recipe: Recipe, count: int, device: str) -> dict[str, Any]:
    """Seconds for a picture and for all of them, from drawing `count` in this process after a warm-up batch."""
    from facsim.commands.drawing import draw, planned_rows

    rows = planned_rows(recipe)
    chosen = rows[:: max(1, len(rows) // count)][:count]
    with progress_shown() as on_progress:
        draw(recipe, chosen[:1], device=device, on_progress=on_progress)
        started = time.monotonic()
        draw(recipe, chosen, device=device, on_progress=on_progress)
    each = (time.monotonic() - started) / len(chosen)
    workers = default_workers()
    seconds = each * math.ceil(len(rows) / workers)
    return {"measured": len(chosen), "seconds_per_sample": each, "workers": workers, "seconds": seconds}


def redo(
    step: Annotated[
        str, typer.Argument(metavar="STEP", help="A step or a product of the run.", autocompletion=complete_steps)
    ],
    out: Out,
    json: AsJson = False,
) -> None:
    """Drop a step of a run and all after it.

    `facsim run` then makes them again. Products (export, train, report) can be dropped too. Pictures stay unless the
    step that made them is dropped: relabelling never draws again.

    \b
    Examples:
      facsim redo select --out runs/quickstart
      facsim run recipes/quickstart.toml --out runs/quickstart
    """
    from facsim.runner import redo as drop

    dropped = drop(out, step)
    if json:
        show_json({"run": out, "dropped": dropped})
    else:
        show_text(f"dropped {', '.join(dropped)} of {out}; `facsim run RECIPE --out {out}` makes them again")
