"""Measured codings: which variants of `facsim.variants` people show under each name, fitted to labelled photographs.

    {"format": "facsim measured codings 1", "fitted_on": "FER2013's training split", "how": "...",
     "natural": {"fear": 0.14}, "shares": {"fear": {"fear: terror": 0.21, "surprise: raised brows": 0.15}}}

Collections do not name expressions as the literature does: of what FER2013 calls fear, a part looks like what it calls
surprise. A table says of each name how much of the collection bears it (`natural`), and which share of its faces shows
which variant, whatever that variant's own name. The one that ships is FER2013's; `benchmarks/measured_codings.py` made
it, and makes one of any labelled collection. A table holds statistics of photographs and no picture; who trains on what
is drawn from it has to say which stood behind it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

from facsim.errors import FormatError, hint_nearest
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.variants import PROTOTYPES, Variant

__all__ = ["FORMAT", "VARIANT_NAMES", "MeasuredCodings", "measured_codings"]

FORMAT = "facsim measured codings 1"

_BY_NAME: Mapping[str, Variant] = {
    f"{expression}: {variant.name}": variant for expression, variants in PROTOTYPES.items() for variant in variants
}
VARIANT_NAMES = tuple(_BY_NAME)
"""Every variant of `facsim.variants`, with its own expression before it: `fear: terror`."""

_MADE_BY = "a table of benchmarks/measured_codings.py"


@dataclass(frozen=True, kw_only=True)
class MeasuredCodings:
    """Expression -> its variants, weighted by their shares and named as in `VARIANT_NAMES`, and -> its natural share of
    the collection; which photographs they were fitted to; the table's SHA-256."""

    variants: Mapping[str, tuple[Variant, ...]]
    natural: Mapping[str, float]
    fitted_on: str
    sha256: str


@lru_cache(maxsize=8)
def measured_codings(path: str = "") -> MeasuredCodings:
    """The table in the file at `path`; where it is empty, the one that ships, FER2013's.

    Raises FormatError where there is no such file or it is no such table.
    """
    source = Path(path) if path else resources.files("facsim").joinpath("measured_fer2013.json")
    try:
        held = source.read_bytes()
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror}); expected {_MADE_BY}") from error
    try:
        table: Any = json.loads(held)
    except ValueError as error:
        raise FormatError(f"{path} is no JSON ({error}); expected {_MADE_BY}") from error
    found = cast("dict[str, Any]", table) if isinstance(table, dict) else {}
    if found.get("format") != FORMAT:
        raise FormatError(f'{path} has format {found.get("format")!r}, expected "{FORMAT}", {_MADE_BY}')
    if not isinstance(found.get("fitted_on"), str) or not found["fitted_on"]:
        raise FormatError(f"{path} has no `fitted_on`, expected the name of the photographs that it was fitted to")
    variants = _read_shares(found.get("shares"), path)
    return MeasuredCodings(
        variants=variants,
        natural=_read_natural(found.get("natural"), path, tuple(variants)),
        fitted_on=found["fitted_on"],
        sha256=hashlib.sha256(held).hexdigest(),
    )


def _read_shares(said: Any, path: str) -> dict[str, tuple[Variant, ...]]:
    if not isinstance(said, dict) or not said:
        raise FormatError(f"{path} has no `shares`, expected each expression with the shares of its variants")
    found: dict[str, tuple[Variant, ...]] = {}
    for name, shares in cast("dict[str, Any]", said).items():
        if name not in EIGHT_EXPRESSIONS:
            raise FormatError(f'{path} has an expression "{name}".{hint_nearest(name, EIGHT_EXPRESSIONS)}')
        if not isinstance(shares, dict) or not shares:
            raise FormatError(f"{path} has {shares!r} for {name}, expected variants with their shares")
        held = cast("dict[str, Any]", shares)
        found[name] = tuple(_read_variant(variant, share, f"{path}, {name}") for variant, share in held.items())
    return found


def _read_variant(name: str, share: Any, place: str) -> Variant:
    if name not in _BY_NAME:
        raise FormatError(f'{place} has a variant "{name}".{hint_nearest(name, VARIANT_NAMES)}')
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise FormatError(f'{place} gives "{name}" {share!r}, expected a share above 0 and up to 1')
    return replace(_BY_NAME[name], name=name, weight=float(share))


def _read_natural(said: Any, path: str, names: tuple[str, ...]) -> dict[str, float]:
    held = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    for name in names:
        share = held.get(name)
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise FormatError(f"{path} gives {name} the natural share {share!r}, expected one above 0 and up to 1")
    return {name: float(held[name]) for name in names}
