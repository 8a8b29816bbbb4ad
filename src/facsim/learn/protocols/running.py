"""A protocol from its recipe to its results: cells trained or found, rows measured, rows compared, files written.

With a shard, the i-th of n processes trains its cells and writes no results; the same call without one finds all cells
and merges them. Nothing here chooses: a model is that of its last step, or chosen on validation pictures cut from its
own training pictures where the training's settings say so. No test picture takes part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from facsim.errors import RecipeError
from facsim.learn.data import Pictures
from facsim.learn.evaluate import PREPROCESSING_VERSION
from facsim.learn.protocols.catalogue import find_protocol
from facsim.learn.protocols.figure import results_figure
from facsim.learn.protocols.measuring import Calls, calls_of, measure
from facsim.learn.protocols.outcome import RunsProtocol, Trained
from facsim.learn.protocols.recipe import ProtocolRecipe
from facsim.learn.protocols.results import Measurement, Results, Training, write_results
from facsim.learn.protocols.runs import (
    Bench,
    Cell,
    finished_cell,
    score_cell,
    test_facts,
    training_config,
)
from facsim.learn.protocols.sets import Shelf
from facsim.learn.protocols.table import results_table
from facsim.models.weights import write_whole
from facsim.products import OnProgress, Progress
from facsim.provenance import environment, now
from facsim.recipe import build_settings

__all__ = ["FIGURE_FILE", "RESULTS_FILE", "TABLE_FILE", "run_protocol", "shard_of"]

RESULTS_FILE = "results.json"
TABLE_FILE = "table.md"
FIGURE_FILE = "figure.svg"


def _quiet(_: Progress) -> None:
    return None


def run_protocol(
    recipe: ProtocolRecipe,
    out: str | Path,
    *,
    shard: tuple[int, int] | None = None,
    device: str = "cpu",
    threads: int | None = None,
    workers: int = 1,
    on_progress: OnProgress = _quiet,
) -> Results | None:
    """The results, written to `out` with a table and a figure; None for a shard, which only trains its cells.

    `device`, `threads` and `workers` say where and by how many; threads decide the last bits of a training. Raises
    RecipeError before anything is trained where the recipe does not fit together.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    units = training_config(recipe, {}, seed=recipe.seeds[0]).action_units > 0
    shelf = Shelf(recipe=recipe, out=folder, workers=workers, on_progress=on_progress, units=units)
    bench = Bench(recipe=recipe, shelf=shelf, out=folder, device=device, threads=threads, on_progress=on_progress)
    protocol: RunsProtocol = build_settings(
        find_protocol(recipe.protocol), recipe.settings, recipe.protocol.replace("-", "_")
    )
    tests = {entry.name: shelf.test(entry.name) for entry in recipe.tests}
    cells = tuple(protocol.cells(bench))
    mine = cells[shard[0] - 1 :: shard[1]] if shard else cells
    trainings = [_done(bench, cell, tests, place, len(mine)) for place, cell in enumerate(mine)]
    if shard:
        return None
    trained = Trained(
        cells=cells, trainings=tuple(trainings), calls=_calls(bench, cells, trainings, tests), tests=tests
    )
    results = _results(bench, protocol, trained)
    _written(results, folder)
    return results


def shard_of(text: str) -> tuple[int, int]:
    """(i, n) of `"i/n"`, i from 1. Raises RecipeError."""
    first, _, second = text.partition("/")
    if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second)):
        raise RecipeError(f'the shard is "{text}"; expected i/n with i from 1 to n, such as 2/4')
    return int(first), int(second)


def _done(bench: Bench, cell: Cell, tests: Mapping[str, Pictures], place: int, count: int) -> Training:
    done = finished_cell(bench, cell, tests)
    note = f"{cell.row}, seed {cell.seed}"
    bench.on_progress(Progress(step="cells", done=place + 1, total=count, unit="trainings", note=note))
    return done


def _calls(
    bench: Bench, cells: Sequence[Cell], trainings: Sequence[Training], tests: Mapping[str, Pictures]
) -> dict[tuple[str, str], Calls]:
    """What every row called on every test, its seeds together."""
    rows = dict[str, list[int]]()
    for place, cell in enumerate(cells):
        rows.setdefault(cell.row, []).append(place)
    found = dict[tuple[str, str], Calls]()
    for name, test in tests.items():
        for row, places in rows.items():
            scored = [score_cell(bench, trainings[place], test) for place in places]
            truth, called = calls_of(test, [one.scores for one in scored])
            first, sizes = cells[places[0]], [trainings[place].n for place in places]
            found[row, name] = Calls(
                row=row,
                test=name,
                classes=test.classes,
                truth=truth,
                called=called,
                seeds=tuple(cells[place].seed for place in places),
                seen=tuple(one.seen for one in scored),
                near=tuple(one.near for one in scored),
                trainings=tuple(trainings[place].id for place in places),
                group=first.group,
                x=sum(sizes) / len(sizes) if first.x is None else first.x,
            )
    return found


def _results(bench: Bench, protocol: RunsProtocol, trained: Trained) -> Results:
    recipe, outcome = bench.recipe, protocol.outcome(bench, trained)
    measured: list[Measurement] = [measure(calls) for calls in trained.calls.values()]
    return Results(
        protocol=recipe.protocol,
        title=recipe.title or recipe.protocol,
        seeds=recipe.seeds,
        classes=recipe.classes,
        preprocessing={
            "version": PREPROCESSING_VERSION,
            "size_px": recipe.shape.size_px,
            "colour": recipe.shape.colour,
        },
        tests=tuple(test_facts(name, test) for name, test in trained.tests.items()),
        trainings=tuple({done.id: done for done in trained.trainings}.values()),
        measurements=(*measured, *outcome.measurements),
        comparisons=outcome.comparisons,
        findings=outcome.findings,
        recipe=dict(recipe.asked),
        environment=environment(),
        written=now(),
        x_label=outcome.x_label,
    )


def _written(results: Results, folder: Path) -> None:
    write_results(results, folder / RESULTS_FILE)
    write_whole(folder / TABLE_FILE, results_table(results, markdown=True).encode())
    write_whole(folder / FIGURE_FILE, results_figure(results).encode())
