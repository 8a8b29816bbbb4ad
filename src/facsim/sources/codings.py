"""How a render's action units are drawn: from what expressions look like, or from anything that a face can do.

Label models learn from `scattered` units, since units that only ever come together, as prototypes have them, cannot be
told apart. `literature` and `scattered` were chosen with no photograph in view; `measured`, and any table by path, were
fitted to photographs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from facsim.coding import conflicts
from facsim.errors import RecipeError, hint_nearest
from facsim.facs import lateral_keys
from facsim.literature import LITERATURE
from facsim.measured import MeasuredCodings, measured_codings
from facsim.models.action_units import SUPPORTED_AUS
from facsim.prototypes import PrototypeSample, sample_prototype

__all__ = ["CODINGS", "check_coding", "draw_coding", "table_of"]

_CHANCES = (0.04, 0.10, 0.20, 0.35)
"""Chance of each unit, drawn for a whole face: from one or two units to a dozen (own choice)."""
_ONE_SIDED = 0.2  # share of lateral units that show on one side alone
_STILL = 0.05  # share of faces at rest
_SUFFIX = ".json"
_CODES = tuple(sorted({int(key.rstrip("LR")) for key in SUPPORTED_AUS}))


def draw_coding(kind: str, expression: str, generator: np.random.Generator, *, variety: float = 1.0) -> PrototypeSample:
    """Action units of one face: of a `kind` of `CODINGS`, or of the measured table in the file of that name, for this
    expression where the kind goes by expressions.

    `variety` from 0 (the middle of every draw) to 1 is for the kinds that are prototypes'. Raises FormatError for a
    file that is no such table, and FacsimError for an expression that the kind does not have.
    """
    table = table_of(kind)
    return (
        CODINGS[kind](expression, generator, variety) if table is None else _of(table, expression, generator, variety)
    )


def check_coding(kind: str, place: str) -> None:
    """Raises RecipeError where `kind` is neither of `CODINGS` nor a file's name, and FormatError as `draw_coding`."""
    if kind not in CODINGS and not kind.endswith(_SUFFIX):
        raise RecipeError(
            f'{place} is "{kind}"; expected {", ".join(CODINGS)}, or the path of a table that ends in '
            f"{_SUFFIX}.{hint_nearest(kind, CODINGS)}"
        )
    table_of(kind)


def table_of(kind: str) -> MeasuredCodings | None:
    """The measured table that this kind draws from, or None where it draws from none. Raises FormatError as there."""
    if kind.endswith(_SUFFIX):
        return measured_codings(kind)
    return measured_codings() if kind == "measured" else None


def _uniform(generator: np.random.Generator, variety: float) -> Callable[[], float]:
    return lambda: 0.5 + variety * (generator.random() - 0.5)


def _shown(expression: str, generator: np.random.Generator, variety: float) -> PrototypeSample:
    return sample_prototype(expression, _uniform(generator, variety))


def _literature(expression: str, generator: np.random.Generator, variety: float) -> PrototypeSample:
    return sample_prototype(expression, _uniform(generator, variety), table=LITERATURE)


def _measured(expression: str, generator: np.random.Generator, variety: float) -> PrototypeSample:
    return _of(measured_codings(), expression, generator, variety)


def _of(table: MeasuredCodings, expression: str, generator: np.random.Generator, variety: float) -> PrototypeSample:
    return sample_prototype(expression, _uniform(generator, variety), table=table.variants)


def _scattered(expression: str, generator: np.random.Generator, variety: float) -> PrototypeSample:
    """Each unit with a chance of its own, A's trace to E; lips part in half; no two that exclude each other."""
    chance = 0.0 if generator.random() < _STILL else float(generator.choice(_CHANCES))
    units: dict[str, float] = {}
    for code in generator.permutation(_CODES):  # in an order of its own, since of a conflict the later unit goes
        if generator.random() < chance:
            units |= _strengths(int(code), generator)
    if chance and generator.random() < 0.35 and "25" not in units:
        units["25"] = float(generator.uniform(0.5, 5.0))
    if "25" in units and generator.random() < 0.4:
        units.setdefault("26", float(generator.uniform(0.5, 5.0)))
    return PrototypeSample(
        variant="scattered",
        coding={key: round(value, 2) for key, value in _allowed(units).items()},
        gaze_yaw_deg=float(generator.uniform(-20.0, 20.0)),
        gaze_pitch_deg=float(generator.uniform(-14.0, 12.0)),
        head_yaw_deg=0.0,
        head_pitch_deg=0.0,
    )


def _strengths(code: int, generator: np.random.Generator) -> dict[str, float]:
    strength = float(generator.uniform(0.3, 5.0))
    keys = lateral_keys(code)
    if len(keys) == 1:
        return {keys[0]: strength}
    if generator.random() < _ONE_SIDED:
        return {keys[int(generator.integers(2))]: strength}
    lean = float(generator.triangular(-0.2, 0.0, 0.2))
    return {key: min(5.0, strength * (1 + sign * lean)) for key, sign in zip(keys, (1, -1), strict=True)}


def _allowed(units: Mapping[str, float]) -> dict[str, float]:
    """The units without those that no face shows together: of each conflict, the unit that it names last goes."""
    kept = dict(units)
    while found := conflicts(kept):
        first, word, second = found[0].split(":")[0].split(" ")
        kept.pop(second if word == "with" else first)
    return kept


CODINGS: Mapping[str, Callable[[str, np.random.Generator, float], PrototypeSample]] = {
    "shown": _shown,
    "literature": _literature,
    "scattered": _scattered,
    "measured": _measured,
}
"""shown: `facsim.variants`, tuned with photographs in view; literature: `facsim.literature`; scattered: any units,
whatever the expression asked for; measured: `facsim.measured`, the table fitted to FER2013's training split."""
