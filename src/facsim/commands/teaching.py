"""`facsim teach`: label models of one's own, from renders, and the research teacher, from FER2013."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import progress_shown, show_json, show_text, table_text
from facsim.commands.options import AsJson, Device, check_device
from facsim.errors import FacsimError

if TYPE_CHECKING:
    from facsim.learn.labellers.fitting import Fitted, OnStep
    from facsim.learn.labellers.naming import FittedLaw

__all__ = ["teach"]

_RESEARCH, _NAMING, _INTERPRET = "research", "naming", "interpret"


def teach(
    task: Annotated[str, typer.Argument(metavar="TASK", help="What to teach; `list` shows them.")],
    renders: Annotated[str, typer.Option("--renders", metavar="RUN", help="The run to learn from.")] = "",
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", help="The model's folder.")] = Path("model"),
    pictures: Annotated[
        str, typer.Option("--pictures", metavar="SOURCE", help="research: FER2013's training split.")
    ] = "",
    votes: Annotated[str, typer.Option("--votes", metavar="CSV", help="research: FER+'s votes for it.")] = "",
    barred: Annotated[
        str, typer.Option("--barred", metavar="SOURCE", help="research: test pictures whose copies are left out.")
    ] = "",
    part: Annotated[str, typer.Option("--part", metavar="all|first|second", help="research: all, or a half.")] = "all",
    teacher: Annotated[
        str,
        typer.Option(
            "--teacher",
            metavar="STEP",
            help="naming: the run's step whose scores are learnt from. interpret: the step that read the units.",
        ),
    ] = "",
    size: Annotated[
        str, typer.Option("--size", metavar="small|large", help="research: for two cores, or for a GPU.")
    ] = "small",
    upright: Annotated[
        bool, typer.Option("--upright/--no-upright", help="research: see half of the faces cut out upright.")
    ] = True,
    steps: Annotated[int, typer.Option("--steps", min=0, help="Steps.", show_default="the task's recipe")] = 0,
    initial: Annotated[str, typer.Option("--initial", metavar="MODEL", help="Start from this model's weights.")] = "",
    seed: Annotated[int, typer.Option("--seed", help="Seed of weights, order and crops.")] = 0,
    threads: Annotated[int, typer.Option("--threads", min=0, help="torch's threads.", show_default="all")] = 0,
    budget: Annotated[
        float, typer.Option("--time-budget-s", help="Stop after so many seconds.", show_default="no limit")
    ] = 0.0,
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Teach one of facsim's label models from renders: landmarks, action units, parts, attributes, identity, …

    The same command goes on where it was. What ships with facsim was made by it, from recipes/labels/people.toml. The
    *research* teacher learns from photographs, FER2013's, and is yours alone: it is never shipped. Beside its weights
    lie its two heads as classifiers, `labels` and `votes`. *naming* and *interpret* are laws for the stages of those
    names: what a teacher calls renders, by what was drawn in them, and which expressions were asked for, by the action
    units that were read off them.

    \b
    Examples:
      facsim teach landmarks --renders runs/people --out models/landmarks
      facsim teach research --pictures fer2013/train.zip --votes ferplus.csv --out models/research
      facsim teach naming --renders runs/taught --teacher research --out models/naming
      facsim teach interpret --renders runs/units --out models/interpret
    """
    if task == "list":
        show_text(_tasks_text())
        return
    if task in (_NAMING, _INTERPRET):
        _show_law(_law(task, renders, teacher, out, seed), json=json)
        return
    check_device(device)
    changed: dict[str, Any] = {"seed": seed, "device": device, "threads": threads or None}
    changed |= {"time_budget_s": budget or None, "initial": initial or None} | ({"steps": steps} if steps else {})
    with _told(task) as told:
        if task == _RESEARCH:
            fitted = _research((pictures, votes, barred, part, size), upright, changed, out, told)
        else:
            fitted = _from_renders(task, renders, changed, out, told)
    _show(fitted, json=json)


def _tasks_text() -> str:
    from facsim.learn.labellers.research import RESEARCH_SIZES
    from facsim.learn.labellers.tasks import TASKS

    rows = [(name, entry.meaning, entry.recipe) for name, entry in TASKS.items()]
    meaning = "expressions, from FER2013's photographs and FER+'s votes"
    rows += [(f"{_RESEARCH} ({name})", meaning, size.recipe) for name, size in RESEARCH_SIZES.items()]
    table = [[name, meaning, f"{recipe.steps} × {recipe.batch_size}"] for name, meaning, recipe in rows]
    laws = {
        _NAMING: "what a teacher calls renders, by what was drawn",
        _INTERPRET: "which expressions were asked for, by the action units read",
    }
    return table_text([*table, *([name, meaning, "20 epochs"] for name, meaning in laws.items())])


@contextmanager
def _told(task: str) -> Iterator[OnStep]:
    from facsim.products import Progress

    with progress_shown() as on_progress:

        def told(step: int, total: int, rate: float, loss: float) -> None:
            note = f"loss {loss:.3f}, {rate:.0f} pictures/s"
            on_progress(Progress(step=f"teach {task}", done=step, total=total, unit="steps", note=note))

        yield told


def _from_renders(task: str, renders: str, changed: dict[str, Any], out: Path, told: OnStep) -> Fitted:
    from facsim.learn.labellers.fitting import fit_labeller
    from facsim.learn.labellers.tasks import find_task
    from facsim.models.labeller import save_labeller
    from facsim.models.weights import load_training

    entry = find_task(task)
    if not renders:
        raise FacsimError(f"teach {task} needs --renders, a run of recipes/labels/people.toml or of one like it")
    made = entry.make(renders)
    fitted = fit_labeller(made, replace(entry.recipe, **changed), out=out, on_step=told)
    taught = entry.finished(fitted.labeller, made)
    if taught is fitted.labeller:
        return fitted
    return replace(fitted, labeller=save_labeller(taught, out, training=load_training(out)))


def _research(
    given: tuple[str, str, str, str, str], upright: bool, changed: dict[str, Any], out: Path, told: OnStep
) -> Fitted:
    from facsim.formats.ferplus import read_ferplus_votes
    from facsim.learn.labellers.fitting import fit_labeller
    from facsim.learn.labellers.research import find_size, research_task, write_heads
    from facsim.learn.sources import load_pictures

    pictures, votes, barred, part, size = given
    recipe = find_size(size).recipe
    if not pictures:
        raise FacsimError("teach research needs --pictures, FER2013's training split (facsim brings no photographs)")
    made = research_task(
        load_pictures(pictures),
        list(read_ferplus_votes(votes)) if votes else [],
        barred=load_pictures(barred) if barred else None,
        part=part,
        size=size,
        device=changed["device"],
        by_face=True,
        upright=upright,
    )
    fitted = fit_labeller(made, replace(recipe, **changed), out=out, on_step=told)
    write_heads(fitted, made)
    return fitted


def _law(task: str, renders: str, teacher: str, out: Path, seed: int) -> FittedLaw:
    from facsim.learn.labellers.interpreting import teach_interpretation
    from facsim.learn.labellers.naming import teach_law
    from facsim.products import Progress

    if task == _NAMING and not (renders and teacher):
        raise FacsimError(
            "teach naming needs --renders, a run that a teacher labelled (recipes/yardstick-taught.toml), and "
            "--teacher, the step that did"
        )
    if not renders:
        raise FacsimError("teach interpret needs --renders, a run of recipes/labels/units.toml or of one like it")
    with progress_shown() as on_progress:

        def told(epoch: int, total: int, loss: float) -> None:
            note = f"loss {loss:.3f}"
            on_progress(Progress(step=f"teach {task}", done=epoch, total=total, unit="epochs", note=note))

        if task == _NAMING:
            return teach_law(renders, teacher=teacher, out=out, seed=seed, on_epoch=told)
        coder = teacher or "action_units"
        return teach_interpretation(renders, coder=coder, out=out, seed=seed, on_epoch=told)


def _show_law(fitted: FittedLaw, *, json: bool) -> None:
    found = {
        "file": str(fitted.file),
        "rows": fitted.rows,
        "held_out": fitted.held_out,
        "cross_entropy": fitted.cross_entropy,
        "explained": fitted.explained,
        "sha256": fitted.law.sha256,
    }
    if json:
        show_json(found)
        return
    explained = f"{fitted.explained:.3f} of what can be explained of {fitted.held_out} rows of other people"
    show_text(f"{fitted.file}: fitted on {fitted.rows} rows; explains {explained}")


def _show(fitted: Fitted, *, json: bool) -> None:
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
