"""Prototypes of the expressions: not one coding each, but distributions over codings, drawn from with a seed.

What is drawn from, and its sources, are in `facsim.variants`, and as the literature alone has it in
`facsim.literature`. One draw, the vigour, is shared by most units of a
sample, because strong faces are strong all over. Sides differ a little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from facsim.errors import FacsimError, hint_nearest
from facsim.facs import MAX_INTENSITY, lateral_keys
from facsim.variants import PROTOTYPES, Spread, UnitRange, Variant

__all__ = ["PrototypeSample", "sample_prototype"]

_VIGOUR_SHARE = 0.7
"""Chance that a unit takes its strength from the sample's vigour rather than a draw of its own (own choice); two
units' ranks then correlate by 0.49."""

_LEAST = 0.05
"""Intensities below this are no presence: they are left out."""

_ASYMMETRY: Mapping[int, float] = {1: 0.1, 2: 0.12, 4: 0.08, 5: 0.05, 6: 0.12, 7: 0.08, 43: 0.04}
_ASYMMETRY_ELSEWHERE = 0.18
"""Largest difference of a side from the mean of both, relative: a fraction of a FACS letter, as lids and brows move
nearly alike and mouth corners do not (own choice)."""


@dataclass(frozen=True, kw_only=True)
class PrototypeSample:
    """A draw: the variant's name, intensities by key (`12L`, `17`) in (0, 5] to two decimals, angles in degrees, and
    which of `facsim.wearables.HANDS` lies on the face, or `none`."""

    variant: str
    coding: dict[str, float]
    gaze_yaw_deg: float
    gaze_pitch_deg: float
    head_yaw_deg: float
    head_pitch_deg: float
    hand: str = "none"


def sample_prototype(
    expression: str,
    uniform: Callable[[], float],
    *,
    variant: str | None = None,
    table: Mapping[str, tuple[Variant, ...]] = PROTOTYPES,
) -> PrototypeSample:
    """A draw from an expression's prototypes in `table`, or from the named variant of it.

    `expression` is a canonical name. `uniform` is the randomness: each call gives a number in [0, 1), as do the methods
    `random` of `random.Random` and of a NumPy Generator. Equal numbers give equal samples; how many are taken depends
    on them, so give every sample a generator of its own. Raises FacsimError for unknown names, with the nearest.
    """
    known = _variants(expression, table)
    chosen = _choose(known, uniform()) if variant is None else _named(expression, variant, known)
    vigour, lean, side = uniform(), uniform(), "L" if uniform() < 0.5 else "R"
    coding = dict[str, float]()
    for unit in chosen.units:
        if uniform() < unit.probability:
            strength = _triangular(unit.intensity, _shared(vigour, uniform))
            coding |= (
                _one_side(unit, strength, side) if unit.one_sided else _both(unit, strength, _shared(lean, uniform))
            )
    return PrototypeSample(
        variant=chosen.name,
        coding={key: round(value, 2) for key, value in coding.items() if value >= _LEAST},
        gaze_yaw_deg=_triangular(chosen.gaze_yaw_deg, uniform()),
        gaze_pitch_deg=_triangular(chosen.gaze_pitch_deg, uniform()),
        head_yaw_deg=_triangular(chosen.head_yaw_deg, uniform()),
        head_pitch_deg=_triangular(chosen.head_pitch_deg, uniform()),
        hand=_lay_hand(chosen.hands, uniform()),
    )


def _lay_hand(shares: Mapping[str, float], quantile: float) -> str:
    rest = quantile
    for name, share in shares.items():
        rest -= share
        if rest < 0:
            return name
    return "none"


def _variants(expression: str, table: Mapping[str, tuple[Variant, ...]]) -> tuple[Variant, ...]:
    if expression not in table:
        raise FacsimError(f'no prototypes of "{expression}".{hint_nearest(expression, table)}')
    return table[expression]


def _named(expression: str, name: str, known: tuple[Variant, ...]) -> Variant:
    by_name = {variant.name: variant for variant in known}
    if name not in by_name:
        raise FacsimError(f'{expression} has no variant "{name}".{hint_nearest(name, by_name)}')
    return by_name[name]


def _choose(variants: tuple[Variant, ...], quantile: float) -> Variant:
    rest = quantile * sum(variant.weight for variant in variants)
    for variant in variants:
        rest -= variant.weight
        if rest < 0:
            return variant
    return variants[-1]


def _shared(common: float, uniform: Callable[[], float]) -> float:
    """The common number with the chance `_VIGOUR_SHARE`, else one of its own: uniform, and correlated with others."""
    own = uniform()
    return common if uniform() < _VIGOUR_SHARE else own


def _triangular(spread: Spread, quantile: float) -> float:
    """The inverse of the triangular distribution's cumulative function."""
    low, mode, high = spread
    if high == low:
        return float(low)
    split = (mode - low) / (high - low)
    if quantile < split:
        return low + (quantile * (high - low) * (mode - low)) ** 0.5
    return high - ((1.0 - quantile) * (high - low) * (high - mode)) ** 0.5


def _one_side(unit: UnitRange, strength: float, side: str) -> dict[str, float]:
    return {f"{unit.code}{side}": strength}


def _both(unit: UnitRange, strength: float, lean: float) -> dict[str, float]:
    """Intensities by key; a lateral unit leans to one side, keeping its mean unless that would pass the maximum."""
    keys = lateral_keys(unit.code)
    if len(keys) == 1:
        return {keys[0]: strength}
    most = _ASYMMETRY.get(unit.code, _ASYMMETRY_ELSEWHERE)
    share = _triangular((-most, 0.0, most), lean)
    return {key: min(MAX_INTENSITY, strength * (1 + sign * share)) for key, sign in zip(keys, (1, -1), strict=True)}
