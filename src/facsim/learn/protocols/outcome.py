"""What a protocol is: trainings to be, and what follows from the scores of those that are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from facsim.errors import RecipeError, hint_nearest
from facsim.learn.data import Pictures
from facsim.learn.protocols.learners import Material
from facsim.learn.protocols.measuring import Calls, compare
from facsim.learn.protocols.results import Comparison, Finding, Measurement, Training
from facsim.learn.protocols.runs import Bench, Cell, cell_model, finished_cell

__all__ = ["Outcome", "RunsProtocol", "Trained", "against_all", "set_cells", "sets_named"]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Finished cells: `trainings[i]` is that of `cells[i]`; `calls` by (row, test), rows in their order."""

    cells: tuple[Cell, ...]
    trainings: tuple[Training, ...]
    calls: Mapping[tuple[str, str], Calls]
    tests: Mapping[str, Pictures]

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows, in the order of the cells."""
        return tuple(dict.fromkeys(cell.row for cell in self.cells))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a protocol adds to its rows' figures. `measurements` are rows of its own beside those of the cells."""

    comparisons: tuple[Comparison, ...] = ()
    findings: tuple[Finding, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    x_label: str = ""


class RunsProtocol(Protocol):
    """A protocol's settings, the table of its name in a recipe."""

    def cells(self, bench: Bench) -> Sequence[Cell]:
        """The trainings that it needs, the same in every process. Raises RecipeError before anything is trained."""
        ...

    def outcome(self, bench: Bench, trained: Trained) -> Outcome:
        """What follows from them."""
        ...


def sets_named(bench: Bench, names: Sequence[str], place: str) -> tuple[str, ...]:
    """The names, each of a [[set]]; all sets where none is named. Raises RecipeError with the nearest."""
    known = [one.name for one in bench.recipe.sets]
    for name in names:
        if name not in known:
            raise RecipeError(f'{place} names "{name}", which is no [[set]].{hint_nearest(name, known)}')
    return tuple(names) or tuple(known)


def set_cells(bench: Bench, name: str, *, row: str = "", group: str = "", x: float | None = None) -> list[Cell]:
    """A set's trainings, one a seed, with the recipe's settings; each from the weights of what it comes after."""
    after = bench.recipe.set_named(name).after
    earlier = {cell.seed: cell for cell in set_cells(bench, after)} if after else {}

    def material(seed: int) -> Material:
        first = finished_cell(bench, earlier[seed], {}) if after else None
        return Material(
            mixture=bench.shelf.training(name, seed=seed),
            validation=bench.shelf.validation(name, seed=seed),
            initial=None if first is None else str(cell_model(bench, first)),
            facts={} if first is None else {"after": after, "after_training": first.id},
        )

    return [
        Cell(row=row or name, set=name, seed=seed, material=lambda seed=seed: material(seed), group=group, x=x)
        for seed in bench.recipe.seeds
    ]


def against_all(trained: Trained, against: str, rows: Sequence[str]) -> tuple[Comparison, ...]:
    """Every row but `against` compared with it, on every test."""
    return tuple(
        found
        for test in trained.tests
        for row in rows
        if row != against
        for found in compare(trained.calls[row, test], trained.calls[against, test])
    )
