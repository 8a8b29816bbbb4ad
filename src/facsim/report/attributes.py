"""What the pictures that stay have: light, background, hair, beard, what is worn, each by its closed list of values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from facsim.columns import COLUMNS
from facsim.report.rows import ATTRIBUTES, Rows

__all__ = ["Attribute", "Share", "attributes"]


@dataclass(frozen=True, kw_only=True)
class Share:
    """One value: how many pictures have it, of those that say."""

    value: str
    count: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One column over `n` pictures, its values in the dictionary's order; values that do not occur are there with 0."""

    column: str
    meaning: str
    n: int
    shares: tuple[Share, ...]


def attributes(rows: Rows) -> tuple[Attribute, ...]:
    """Every attribute that the run has, for the rows that stay; empty where it has none."""
    found = [_attribute(rows, name) for name in ATTRIBUTES if name in rows.columns]
    return tuple(entry for entry in found if entry.n)


def _attribute(rows: Rows, column: str) -> Attribute:
    kept = zip(rows.values(column), rows.kept, strict=True)
    counted = Counter(value for value, stays in kept if stays and value is not None)
    n = counted.total()
    return Attribute(
        column=column,
        meaning=COLUMNS[column].meaning,
        n=n,
        shares=tuple(
            Share(value=value, count=counted[value], share=counted[value] / max(n, 1))
            for value in COLUMNS[column].values
        ),
    )
