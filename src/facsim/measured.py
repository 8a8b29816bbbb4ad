"""Measured codings: variants of the expressions that were fitted to a collection of photographs, as tables.

    {"format": "facsim measured codings 1", "fitted_on": "FER2013's training split", "how": "...",
     "expressions": {"anger": [{"weight": 0.05, "units": {"4": [0.9, 0.8, 2.2, 4.6]}, "head_pitch_deg": [-9, -2, 5]}]}}

A unit is a code with the probability that it shows and the low, mode and high of its intensity, in (0, 5]; the other
fields are those of `facsim.variants.Variant`, and may be left out. The table that ships is FER2013's, made by
`benchmarks/measured_codings.py`, which makes one of any labelled collection. A table holds statistics of photographs
and no picture; who trains on what is drawn from it has to say which photographs stood behind it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

from facsim.errors import FormatError, hint_nearest
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.facs import MAX_INTENSITY, action_unit
from facsim.variants import Spread, UnitRange, Variant
from facsim.wearables import HANDS

__all__ = ["FORMAT", "MeasuredCodings", "measured_codings"]

FORMAT = "facsim measured codings 1"

_ANGLES = ("gaze_yaw_deg", "gaze_pitch_deg", "head_yaw_deg", "head_pitch_deg")
_FIELDS = ("weight", "units", "hands", *_ANGLES)


@dataclass(frozen=True, kw_only=True)
class MeasuredCodings:
    """Variants by expression, which photographs they were fitted to, and the SHA-256 of the table."""

    variants: Mapping[str, tuple[Variant, ...]]
    fitted_on: str
    sha256: str


@lru_cache(maxsize=8)
def measured_codings(path: str = "") -> MeasuredCodings:
    """The table in the file at `path`; where it is empty, the one that ships, FER2013's.

    Raises FormatError where there is no such file or it is no such table.
    """
    source = Path(path) if path else resources.files("facsim").joinpath("measured_fer2013.json")
    place = path or "the table that ships"
    try:
        held = source.read_bytes()
    except OSError as error:
        raise FormatError(
            f"{place} cannot be read ({error.strerror}); expected a table of benchmarks/measured_codings.py"
        ) from error
    try:
        table: Any = json.loads(held)
    except ValueError as error:
        raise FormatError(f"{place} is no JSON ({error}); expected a table of benchmarks/measured_codings.py") from error
    found = cast("dict[str, Any]", table) if isinstance(table, dict) else {}
    if found.get("format") != FORMAT:
        raise FormatError(f'{place} has format {found.get("format")!r}, expected "{FORMAT}"; fit it anew')
    if not isinstance(found.get("fitted_on"), str) or not found["fitted_on"]:
        raise FormatError(f"{place} has no `fitted_on`, expected the name of the photographs that it was fitted to")
    return MeasuredCodings(
        variants=_read_expressions(found.get("expressions"), place),
        fitted_on=found["fitted_on"],
        sha256=hashlib.sha256(held).hexdigest(),
    )


def _read_expressions(said: Any, place: str) -> dict[str, tuple[Variant, ...]]:
    if not isinstance(said, dict) or not said:
        raise FormatError(f"{place} has no `expressions`, expected each with its list of variants")
    found: dict[str, tuple[Variant, ...]] = {}
    for name, variants in cast("dict[str, Any]", said).items():
        if name not in EIGHT_EXPRESSIONS:
            raise FormatError(f'{place} has an expression "{name}".{hint_nearest(name, EIGHT_EXPRESSIONS)}')
        if not isinstance(variants, list) or not variants:
            raise FormatError(f"{place} has no variants of {name}, expected a list of one or more")
        held = cast("list[Any]", variants)
        found[name] = tuple(
            _read_variant(one, f"measured {at}", f"{place}: {name}, variant {at}") for at, one in enumerate(held)
        )
    return found


def _read_variant(said: Any, name: str, place: str) -> Variant:
    held = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    for key in held:
        if key not in _FIELDS:
            raise FormatError(f'{place} has a field "{key}".{hint_nearest(key, _FIELDS)}')
    weight, units, hands = held.get("weight"), held.get("units"), held.get("hands", {})
    if not isinstance(weight, int | float) or not weight > 0:
        raise FormatError(f"{place} has weight {weight!r}, expected a number above 0")
    if not isinstance(units, dict):
        raise FormatError(f"{place} has units {units!r}, expected codes, each with a probability and three intensities")
    if not isinstance(hands, dict) or not set(cast("dict[str, Any]", hands)) <= set(HANDS):
        raise FormatError(f"{place} has hands {hands!r}, expected shares of {', '.join(HANDS)}")
    angles = {key: _read_spread(held[key], f"{place}, {key}", least=-90.0, most=90.0) for key in _ANGLES if key in held}
    return Variant(
        name=name,
        weight=float(weight),
        units=tuple(_read_unit(code, one, place) for code, one in cast("dict[str, Any]", units).items()),
        hands={key: float(share) for key, share in cast("dict[str, Any]", hands).items()},
        **angles,
    )


def _read_unit(code: str, said: Any, place: str) -> UnitRange:
    held = cast("list[Any]", said) if isinstance(said, list) else []
    if len(held) != 4 or not isinstance(held[0], int | float) or not 0 < held[0] <= 1:
        raise FormatError(f"{place}, AU{code} has {said!r}, expected a probability and low, mode and high")
    spread = _read_spread(held[1:], f"{place}, AU{code}", least=0.0, most=MAX_INTENSITY)
    return UnitRange(code=action_unit(code).code, probability=float(held[0]), intensity=spread)


def _read_spread(said: Any, place: str, *, least: float, most: float) -> Spread:
    held = cast("list[Any]", said) if isinstance(said, list) else []
    if len(held) != 3 or not all(isinstance(value, int | float) for value in held):
        raise FormatError(f"{place} has {said!r}, expected low, mode and high")
    low, mode, high = (float(value) for value in held)
    if not least <= low <= mode <= high <= most:
        raise FormatError(f"{place} has {said!r}, expected low <= mode <= high from {least:g} to {most:g}")
    return low, mode, high
