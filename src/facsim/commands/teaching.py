"""`facsim teach`: label models of one's own, from renders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from facsim.commands.console import progress_shown, show_json, show_text, table_text
from facsim.commands.options import AsJson, Device, check_device
from facsim.products import Progress

__all__ = ["teach"]


def teach(
    task: Annotated[str, typer.Argument(metavar="TASK", help="What to teach; `list` shows them.")],
    renders: Annotated[str, typer.Option("--renders", metavar="RUN", help="The run to learn from.")] = "",
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", help="The model's folder.")] = Path("model"),
    steps: Annotated[int, typer.Option("--steps", min=0, help="Steps.", show_default="the task's recipe")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of weights, order and crops.")] = 0,
    threads: Annotated[int, typer.Option("--threads", min=0, help="torch's threads.", show_default="all")] = 0,
    budget: Annotated[
        float, typer.Option("--time-budget-s", help="Stop after so many seconds.", show_default="no limit")
    ] = 0.0,
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Teach one of facsim's label models from renders: landmarks, action units, parts, attributes, identity, …

    The same command goes on where it was. What ships with facsim was made by it, from recipes/labels/people.toml.
    """
    from facsim.learn.labellers.fitting import fit_labeller
    from facsim.learn.labellers.tasks import TASKS, find_task

    if task == "list":
        rows = [
            [name, entry.meaning, f"{entry.recipe.steps} × {entry.recipe.batch_size}"] for name, entry in TASKS.items()
        ]
        show_text(table_text(rows))
        return
    check_device(device)
    entry = find_task(task)
    changed: dict[str, Any] = {"seed": seed, "device": device, "threads": threads or None}
    changed |= {"time_budget_s": budget or None} | ({"steps": steps} if steps else {})
    made = entry.make(renders)
    with progress_shown() as on_progress:

        def told(step: int, total: int, rate: float, loss: float) -> None:
            note = f"loss {loss:.3f}, {rate:.0f} pictures/s"
            on_progress(Progress(step=f"teach {task}", done=step, total=total, unit="steps", note=note))

        fitted = fit_labeller(made, replace(entry.recipe, **changed), out=out, on_step=told)
    found = {
        "folder": str(fitted.folder),
        "step": fitted.step,
        "total_steps": fitted.total_steps,
        "scores": dict(fitted.scores),
        "sha256": fitted.labeller.sha256,
    }
    if json:
        show_json(found)
    else:
        show_text(table_text([[name, f"{value:.4g}"] for name, value in fitted.scores.items()]))
