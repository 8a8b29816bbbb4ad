"""Pictures of a recipe drawn in this process, without a run folder: for previews, and to measure what one costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from facsim.errors import RecipeError

if TYPE_CHECKING:
    from facsim.products import OnProgress
    from facsim.recipe import Recipe, Step
    from facsim.stage import Work

__all__ = ["Drawn", "draw", "picture_steps", "planned_rows"]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One planned row with its picture's encoded bytes, or None and why there is none."""

    row: Mapping[str, Any]
    values: Mapping[str, Any]
    image: bytes | None = None
    problem: str = ""


def planned_rows(recipe: Recipe) -> list[dict[str, Any]]:
    """The rows that a run of the recipe would have, `sample_id` and the plan's or the inputs' columns."""
    from facsim.inputs import input_table
    from facsim.plan import plan_table

    table = plan_table(recipe.plan) if recipe.plan is not None else input_table(recipe.inputs)
    return table.to_pylist()


def picture_steps(recipe: Recipe) -> list[tuple[Step, dict[str, str]]]:
    """The steps up to the last that writes a picture and can be drawn sample by sample, with their bindings.

    Raises RecipeError where no step writes a picture before a step that judges the whole run.
    """
    from facsim.stage import is_table_stage

    steps: list[tuple[Step, dict[str, str]]] = []
    for step, bindings in recipe.bound_steps():
        if is_table_stage(step.stage):
            break
        steps.append((step, bindings))
    last = max((i for i, (step, _) in enumerate(steps) if "image" in step.stage.writes), default=None)
    if last is None:
        raise RecipeError('no step of this recipe makes pictures; add one, such as `use = "render"`, as its first step')
    return steps[: last + 1]


def draw(recipe: Recipe, rows: Sequence[Mapping[str, Any]], *, device: str, on_progress: OnProgress) -> list[Drawn]:
    """The pictures of `rows`, in order: the very ones that a run makes, which depend on the sample alone."""
    drawn = [Drawn(row=row, values={f"plan.{name}": value for name, value in row.items()}) for row in rows]
    for step, bindings in picture_steps(recipe):
        drawn = _step_drawn(step, bindings, drawn, device, on_progress)
    return drawn


def _step_drawn(
    step: Step, bindings: Mapping[str, str], drawn: Sequence[Drawn], device: str, on_progress: OnProgress
) -> list[Drawn]:
    from facsim.products import Progress
    from facsim.worker import device_of_worker

    on_progress(Progress(step=step.name, done=0, total=len(drawn)))
    work: Work = step.stage.open(device_of_worker(device, 0))  # type: ignore[union-attr]  # picture_steps leaves table stages out
    size = max(step.stage.resources.batch, 1)  # type: ignore[union-attr]
    done: list[Drawn] = []
    for start in range(0, len(drawn), size):
        done.extend(_batch_drawn(step, bindings, drawn[start : start + size], work))
        on_progress(Progress(step=step.name, done=len(done), total=len(drawn)))
    return done


def _batch_drawn(step: Step, bindings: Mapping[str, str], batch: Sequence[Drawn], work: Work) -> list[Drawn]:
    from facsim.sample import Problem, Sample
    from facsim.work import checked_rows

    healthy = [entry for entry in batch if not entry.problem]
    samples = [
        Sample(sample_id=entry.row["sample_id"], values={name: entry.values[full] for name, full in bindings.items()})
        for entry in healthy
    ]
    results = iter(checked_rows(step.stage, samples, work(samples) if samples else []))  # type: ignore[arg-type]
    done: list[Drawn] = []
    for entry in batch:
        result = next(results) if not entry.problem else None
        if isinstance(result, Problem):
            done.append(replace(entry, problem=result.reason))
        elif result is None:
            done.append(entry)
        else:
            values = {**entry.values, **{f"{step.name}.{name}": value for name, value in result.items()}}
            image = result["image"]["bytes"] if "image" in result else entry.image
            done.append(replace(entry, values=values, image=image))
    return done
