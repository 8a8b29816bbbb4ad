"""Groups of pictures by what is known of them: age, apparent gender, skin tone, ancestry, or any attribute.

Groups are of apparent properties, as a renderer was asked for them or a data set says: nobody's identity is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError, hint_nearest
from facsim.learn.data import Pictures
from facsim.learn.evaluate import ordered_scores
from facsim.metrics import Groups, measure_groups

__all__ = ["AGE_BINS", "NAMED_GROUPINGS", "TONE_BINS", "group_names", "groups_of"]

AGE_BINS: tuple[tuple[int, int], ...] = (
    *((0, 2), (3, 9), (10, 19), (20, 29), (30, 39)),
    *((40, 49), (50, 59), (60, 69), (70, 200)),
)
"""First and last year of each group; Kärkkäinen and Joo 2021, FairFace, section 3.2."""

TONE_BINS: tuple[tuple[int, int], ...] = ((1, 3), (4, 6), (7, 10))
"""Light, medium and dark of the Monk Skin Tone Scale of ten tones: facsim's own cut."""

_MOST_VALUES = 12  # of a number, that are groups as they are; more are cut into quarters
_Value = str | float | None
_Name = Callable[[float], str | None]


def _age(years: float) -> str | None:
    first, last = next((edges for edges in AGE_BINS if years < edges[1] + 1), AGE_BINS[-1])
    return f"{first}+" if last > 100 else f"{first}–{last}"


def _tone(monk: float) -> str | None:
    return next((f"{low}–{high}" for low, high in TONE_BINS if low <= round(monk) <= high), None)


NAMED_GROUPINGS: Mapping[str, tuple[str, _Name | None]] = {
    "age": ("apparent_age_years", _age),
    "gender": ("apparent_gender", None),
    "tone": ("skin_tone_monk", _tone),
    "tone_single": ("skin_tone_monk", lambda monk: f"{monk:g}"),
    "ancestry": ("apparent_ancestry", None),
}
"""Short name -> the attribute of `Pictures` that it groups, and how a number becomes a group's name."""


def groups_of(scores: NDArray[np.float32], pictures: Pictures, grouping: str, *, classes: Sequence[str]) -> Groups:
    """Figures and gaps of the groups that `grouping` makes of labelled `pictures` (N), given scores (N, C).

    Raises FacsimError where the pictures do not have the attribute, naming those that they have.
    """
    ordered = ordered_scores(scores, pictures, classes)
    called = [pictures.classes[place] for place in ordered.argmax(axis=1)]
    names = group_names(pictures, grouping)
    return measure_groups(pictures.labels, called, names, classes=pictures.classes, rng=np.random.default_rng(0))


def group_names(pictures: Pictures, grouping: str) -> tuple[str | None, ...]:
    """The group of each picture, None where it is not known.

    `grouping` is one of `NAMED_GROUPINGS`, an attribute's name, or several joined by "+": groups of every combination.
    A number of more than twelve values is cut at its quartiles. Raises FacsimError where an attribute is missing.
    """
    parts = [_names_by(pictures, part.strip()) for part in grouping.split("+")]
    return tuple(
        None if any(name is None for name in names) else " + ".join(str(name) for name in names)
        for names in zip(*parts, strict=True)
    )


def _names_by(pictures: Pictures, grouping: str) -> tuple[str | None, ...]:
    attribute, named = NAMED_GROUPINGS.get(grouping, (grouping, None))
    values = pictures.attributes.get(attribute)
    if values is None or all(value is None for value in values):
        known = [short for short, (full, _) in NAMED_GROUPINGS.items() if full in pictures.attributes]
        known += sorted(pictures.attributes)
        wanted = f"expected one of: {', '.join(known)}.{hint_nearest(grouping, known)}"
        none = "they have no attributes at all; evaluate on a run folder, or on Parquet with such columns"
        raise FacsimError(
            f'found no "{attribute}" with these pictures to group them by{", " + wanted if known else ": " + none}'
        )
    name = named or _plain_name(values)
    return tuple(name(value) if isinstance(value, float | int) else value for value in values)


def _plain_name(values: Sequence[_Value]) -> _Name:
    """How numbers of an attribute are named: as they are where they are few, else by quarter."""
    numbers = sorted({float(value) for value in values if isinstance(value, float | int) and math.isfinite(value)})
    if len(numbers) <= _MOST_VALUES:
        return lambda value: f"{value:g}"
    held = [float(value) for value in values if isinstance(value, float | int) and math.isfinite(value)]
    edges = np.quantile(held, [0.25, 0.5, 0.75])
    spans = [*zip([numbers[0], *edges], [*edges, numbers[-1]], strict=True)]
    return lambda value: "{:.3g} to {:.3g}".format(*spans[int(np.searchsorted(edges, value, "left"))])
