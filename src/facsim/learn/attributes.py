"""What is known of each picture beside its label, as columns that groups can be made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["Attribute", "attributes_of"]

Attribute = tuple[str | float | None, ...]
"""One value a picture: text, a number, or None where it is not known."""

_ANCESTRIES = ("african", "asian", "european")  # the order of the column apparent_ancestry
_NOT_ATTRIBUTES = ("sample_id", "source_path", "expression_soft")  # names, and a label


def attributes_of(rows: Sequence[Mapping[str, object]]) -> dict[str, Attribute]:
    """Name → values in the order of `rows`, for every key that holds text, a number or a truth value in some row.

    Numbers are floats; a truth value is "yes" or "no"; of `apparent_ancestry`, three weights, the name of the greatest
    is kept. Values of other kinds (lists, pictures) are no attributes; a name without any value is left out.
    """
    names = dict.fromkeys(name for row in rows for name in row if name not in _NOT_ATTRIBUTES)
    texts: dict[str, str] = {}  # equal texts are one object: a set of 287,000 pictures repeats few
    held = {name: tuple(_value(name, row.get(name), texts) for row in rows) for name in names}
    return {name: values for name, values in held.items() if any(value is not None for value in values)}


def _value(name: str, value: object, texts: dict[str, str]) -> str | float | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return texts.setdefault(value, value)
    if isinstance(value, int | float):
        return float(value) if value == value else None  # not a number: not known
    if name == "apparent_ancestry" and isinstance(value, Sequence) and len(value) == len(_ANCESTRIES):
        weights = [float(weight) for weight in value]
        return _ANCESTRIES[weights.index(max(weights))]
    return None
