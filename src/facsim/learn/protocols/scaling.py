"""`scaling`: a set at 1×, 2×, … 5× the size of another, beside sets that are not scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from facsim.errors import RecipeError
from facsim.learn.protocols.learners import Material
from facsim.learn.protocols.outcome import Outcome, Trained, against_all, set_cells, sets_named
from facsim.learn.protocols.results import Finding
from facsim.learn.protocols.runs import Bench, Cell, training_config

__all__ = ["Scaling"]


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """`[scaling]`: sets: those that are scaled. factors: to how often the base. base: pictures of 1×, or
    base_set: the set whose size 1× is. beside: sets trained on as they are.

    longer: steps grow with the size, so that every picture is seen as often; otherwise every size has the recipe's
    steps. A size that a set has not is trained with all that it has, and told.
    """

    sets: tuple[str, ...]
    factors: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0, 5.0)
    base: int | None = None
    base_set: str = ""
    beside: tuple[str, ...] = ()
    longer: bool = False

    def __post_init__(self) -> None:
        if (self.base is None) == (not self.base_set):
            raise RecipeError("scaling: expected a base (so many pictures) or a base_set (as many as it has)")
        if not self.factors or min(self.factors) <= 0 or (self.base or 1) < 1:
            raise RecipeError(f"scaling: found factors {list(self.factors)} and base {self.base}, expected above 0")

    def cells(self, bench: Bench) -> Sequence[Cell]:
        """One training a set, factor and seed, and those of the sets beside."""
        cells = [
            cell for name in sets_named(bench, self.beside, "scaling.beside") for cell in self._beside(bench, name)
        ]
        for name in sets_named(bench, self.sets, "scaling.sets"):
            for factor in self.factors:
                cells += [self._cell(bench, name, factor, seed) for seed in bench.recipe.seeds]
        return cells

    def outcome(self, bench: Bench, trained: Trained) -> Outcome:
        """Each scaled row less its set's smallest, and which rows had not as many pictures as asked for."""
        comparisons = [
            found
            for name in self.sets
            for found in against_all(trained, _row(name, min(self.factors)), self._rows(name))
        ]
        short = [
            Finding(
                name="short",
                text=f"{cell.row}, seed {cell.seed}: {done.n:,} pictures, {sum(gaps.values()):,} fewer than asked for",
                value=float(sum(gaps.values())),
                facts=dict(gaps),
            )
            for cell, done in zip(trained.cells, trained.trainings, strict=True)
            for gaps in done.short.values()
        ]
        return Outcome(comparisons=tuple(comparisons), findings=tuple(short), x_label="training pictures")

    def _beside(self, bench: Bench, name: str) -> list[Cell]:
        return set_cells(bench, name, group=name) if self.beside else []

    def _rows(self, name: str) -> list[str]:
        return [_row(name, factor) for factor in sorted(self.factors)]

    def _cell(self, bench: Bench, name: str, factor: float, seed: int) -> Cell:
        steps = training_config(bench.recipe, {}, seed=seed).steps
        more = {"steps": max(1, round(steps * factor))} if self.longer and steps else {}

        def material() -> Material:
            entry = bench.recipe.set_named(name)
            count = round(factor * (self.base or len(bench.shelf.training(self.base_set, seed=seed).pictures)))
            if (entry.share, entry.count, entry.per_class) != (None, None, None):
                raise RecipeError(f'scaling: set "{name}" has a quota of its own; scale the whole set')
            return Material(mixture=bench.shelf.training(replace(entry, count=count), seed=seed))

        return Cell(row=_row(name, factor), set=name, seed=seed, material=material, train=more, group=name)


def _row(name: str, factor: float) -> str:
    return f"{name}, {factor:g}×"
