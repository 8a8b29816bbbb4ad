"""`matrix`: every set trained on, every test tested on, every seed; rows compared with one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facsim.errors import RecipeError, hint_nearest
from facsim.learn.protocols.outcome import Outcome, Trained, against_all, set_cells, sets_named
from facsim.learn.protocols.runs import Bench, Cell

__all__ = ["Matrix"]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """`[matrix]`: rows: the sets trained on, all by default (those that only others join need not be named).

    against: the row that the others are compared with, the first by default.
    """

    rows: tuple[str, ...] = ()
    against: str = ""

    def cells(self, bench: Bench) -> Sequence[Cell]:
        """One training a set and seed."""
        rows = sets_named(bench, self.rows, "matrix.rows")
        if self.against and self.against not in rows:
            raise RecipeError(f'matrix.against is "{self.against}", no row.{hint_nearest(self.against, rows)}')
        return [cell for name in rows for cell in set_cells(bench, name)]

    def outcome(self, bench: Bench, trained: Trained) -> Outcome:
        """Every row less the one that is compared with."""
        rows = trained.rows
        return Outcome(comparisons=against_all(trained, self.against or rows[0], rows))
