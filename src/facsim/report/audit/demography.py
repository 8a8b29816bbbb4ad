"""Who is in a set: apparent age, gender, ancestry and skin tone, alone and together, in each expression.

Groups are of apparent properties, as a renderer was asked for them or as a model reads them off a picture: nobody's
identity is claimed. What a model reads off is as wrong as the model is, which the intervals here do not know of.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.learn.groups import AGE_BINS, NAMED_GROUPINGS, TONE_BINS, group_names
from facsim.metrics import Departure, Estimate, cramers_v, departure, evenness, share_of
from facsim.report.audit.sets import AuditedSet, Writer

__all__ = ["AXES", "Axis", "AxisClass", "AxisValue", "JointCell", "JointTable", "axes_of", "joint_table"]

AXES = ("age", "gender", "ancestry", "tone")
"""Axes that are counted by default; `facsim.learn.groups` says which column each is of, and its bands."""

_TITLES = {
    "age": "Apparent age, years",
    "gender": "Apparent gender",
    "ancestry": "Apparent ancestry, the largest part",
    "tone": "Skin tone, Monk scale",
    "tone_single": "Skin tone, Monk scale",
}
_CLOSED: dict[str, tuple[str, ...]] = {
    "age": tuple(f"{low}+" if high > 100 else f"{low}–{high}" for low, high in AGE_BINS),
    "gender": ("feminine", "masculine"),
    "ancestry": ("african", "asian", "european"),
    "tone": tuple(f"{low}–{high}" for low, high in TONE_BINS),
    "tone_single": tuple(str(tone) for tone in range(1, 11)),
}
_SMALLEST = 12  # cells that are named


@dataclass(frozen=True, kw_only=True)
class AxisValue:
    """One value: how many pictures, which share of those of known value, and how many of each expression."""

    value: str
    count: int
    share: Estimate
    by_class: tuple[int, ...]
    reference_share: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class AxisClass:
    """One expression on an axis: pictures of known value, their evenness, and their departure from all pictures."""

    name: str
    n: int
    evenness: Estimate | None
    departure: Departure | None


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis: its values in order, how even they are, and how far the expression depends on them (Cramér's V).

    `n` pictures have a value, `unknown` have none. `writer` says which step the column is of, None outside a run.
    Evenness is over all values that the axis has (of an axis without a closed list, all that occur).
    """

    name: str
    column: str
    title: str
    writer: Writer | None
    n: int
    unknown: int
    values: tuple[AxisValue, ...]
    classes: tuple[AxisClass, ...]
    evenness: Estimate | None
    dependence: Estimate | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        names = [entry.name for entry in self.classes]
        return {
            "column": self.column,
            "n": self.n,
            "unknown": self.unknown,
            "written_by": None if self.writer is None else _writer_json(self.writer),
            "evenness": _plain(self.evenness),
            "cramers_v": _plain(self.dependence),
            "values": {
                entry.value: {
                    "count": entry.count,
                    "share": entry.share.to_json(),
                    "reference_share": _plain(entry.reference_share),
                    "by_expression": dict(zip(names, entry.by_class, strict=True)),
                }
                for entry in self.values
            },
            "expressions": {
                entry.name: {
                    "n": entry.n,
                    "evenness": _plain(entry.evenness),
                    "variation_from_all": None if entry.departure is None else _departure_json(entry.departure),
                }
                for entry in self.classes
            },
        }


@dataclass(frozen=True, kw_only=True)
class JointCell:
    """Pictures of one expression with one value on each axis, and their share of the expression's."""

    expression: str
    values: tuple[str, ...]
    count: int
    share: Estimate


@dataclass(frozen=True, kw_only=True)
class JointTable:
    """All cells of expression × axes, each axis with the values that occur; rows of unknown value are left out.

    `empty` cells hold nothing, `small` ones fewer than `least` (the empty ones among them); `smallest` names some, the
    emptiest first.
    """

    axes: tuple[str, ...]
    n: int
    least: int
    cells: tuple[JointCell, ...]
    evenness: Estimate | None

    @property
    def empty(self) -> int:
        """Cells without a picture."""
        return sum(cell.count == 0 for cell in self.cells)

    @property
    def small(self) -> int:
        """Cells with fewer than `least` pictures."""
        return sum(cell.count < self.least for cell in self.cells)

    @property
    def smallest(self) -> tuple[JointCell, ...]:
        """Some of the smallest cells, of each expression in turn where they tie."""
        seen, turn = Counter[tuple[str, int]](), dict[int, int]()
        for place, cell in enumerate(self.cells):
            turn[place] = seen[cell.expression, cell.count]
            seen[cell.expression, cell.count] += 1
        order = sorted(turn, key=lambda place: (self.cells[place].count, turn[place], place))
        return tuple(self.cells[place] for place in order[:_SMALLEST])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, every cell with it."""
        return {
            "axes": list(self.axes),
            "n": self.n,
            "cells": len(self.cells),
            "empty": self.empty,
            "least": self.least,
            "below_least": self.small,
            "evenness": _plain(self.evenness),
            "counts": [
                {
                    "expression": cell.expression,
                    **dict(zip(self.axes, cell.values, strict=True)),
                    "count": cell.count,
                    "share_of_expression": cell.share.to_json(),
                }
                for cell in self.cells
            ],
        }


def axes_of(audited: AuditedSet, names: Sequence[str], *, reference: AuditedSet | None = None) -> tuple[Axis, ...]:
    """The axes of these names that the set has columns for; with the reference's shares where it has them, too.

    Raises FacsimError where a name that is no built-in axis is no column of the set either.
    """
    return tuple(_axis(audited, name, reference) for name in names if _has(audited, name))


def joint_table(audited: AuditedSet, names: Sequence[str], *, least: int) -> JointTable | None:
    """The cells of expression × all axes that the set has columns for; None where it has none of them."""
    held = tuple(name for name in names if _has(audited, name))
    if not held or not audited.classes:
        return None
    columns = [group_names(audited.pictures, name) for name in held]
    known = [row for row in zip(audited.labels, *columns, strict=True) if None not in row]
    if len(known) < 2:
        return None
    counted, classes = Counter(known), Counter(row[0] for row in known)
    orders = [_order(name, column) for name, column in zip(held, columns, strict=True)]
    seen = [[value for value in order if value in set(column)] for order, column in zip(orders, columns, strict=True)]
    cells = tuple(
        JointCell(
            expression=expression,
            values=values,
            count=counted[expression, *values],
            share=share_of(counted[expression, *values], max(classes[expression], 1)),
        )
        for expression in audited.classes
        for values in itertools.product(*seen)
    )
    counts = np.array([cell.count for cell in cells], dtype=np.int64)
    return JointTable(axes=held, n=len(known), least=least, cells=cells, evenness=_evenness(counts))


def _has(audited: AuditedSet, name: str) -> bool:
    column = NAMED_GROUPINGS.get(name, (name, None))[0]
    values = audited.pictures.attributes.get(column, ())
    if name in NAMED_GROUPINGS:
        return any(value is not None for value in values)
    group_names(audited.pictures, name)  # raises, with the names that there are
    return True


def _axis(audited: AuditedSet, name: str, reference: AuditedSet | None) -> Axis:
    found = group_names(audited.pictures, name)
    order, classes = _order(name, found), audited.classes or ("all",)
    labels = audited.labels if audited.classes else ("all",) * len(found)
    table = _table(found, labels, order, classes)
    column = NAMED_GROUPINGS.get(name, (name, None))[0]
    beside = _shares(reference, name, order)
    n = int(table.sum())
    whole = table.sum(axis=1)
    return Axis(
        name=name,
        column=column,
        title=_TITLES.get(name, name),
        writer=audited.writers.get(column),
        n=n,
        unknown=len(found) - n,
        values=tuple(
            AxisValue(
                value=value,
                count=int(row.sum()),
                share=share_of(int(row.sum()), n),
                by_class=tuple(row.tolist()),
                reference_share=beside.get(value),
            )
            for value, row in zip(order, table, strict=True)
        ),
        classes=tuple(_class(label, table[:, place], whole) for place, label in enumerate(classes)),
        evenness=_evenness(whole),
        dependence=cramers_v(table, rng=_rng()) if len(classes) > 1 and n > 1 else None,
    )


def _class(name: str, counts: NDArray[np.int64], whole: NDArray[np.int64]) -> AxisClass:
    n = int(counts.sum())
    far = departure(counts, whole, rng=_rng()) if 1 < n < whole.sum() else None
    return AxisClass(name=name, n=n, evenness=_evenness(counts), departure=far)


def _table(
    found: Sequence[str | None], labels: Sequence[str], order: Sequence[str], classes: Sequence[str]
) -> NDArray[np.int64]:
    """Counts int64 (values, classes)."""
    counted = Counter(zip(found, labels, strict=True))
    rows = [[counted[value, label] for label in classes] for value in order]
    return np.array(rows, dtype=np.int64).reshape(len(order), len(classes))


def _shares(reference: AuditedSet | None, name: str, order: Sequence[str]) -> dict[str, Estimate]:
    if reference is None or name not in NAMED_GROUPINGS or not _has(reference, name):
        return {}
    counted = Counter(value for value in group_names(reference.pictures, name) if value is not None)
    return {value: share_of(counted[value], counted.total()) for value in order}


def _order(name: str, found: Sequence[str | None]) -> tuple[str, ...]:
    """All values of an axis, in order: those of a closed list, and those that occur beyond it."""
    closed = _CLOSED.get(name, ())
    beyond = {value for value in found if value is not None} - set(closed)
    return (*closed, *sorted(beyond))


def _evenness(counts: NDArray[np.int64]) -> Estimate | None:
    return evenness(counts, rng=_rng()) if counts.size > 1 and counts.sum() > 1 else None


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def _plain(figure: Estimate | None) -> dict[str, Any] | None:
    return None if figure is None else figure.to_json()


def _departure_json(found: Departure) -> dict[str, Any]:
    return {**found.variation.to_json(), "by_chance": found.by_chance, "p": found.p}


def _writer_json(writer: Writer) -> dict[str, Any]:
    return {
        "step": writer.step,
        "stage": writer.stage,
        "exact": writer.is_exact,
        "weights": list(writer.weights),
        "uncertainty": dict(writer.uncertainty),
    }
