"""The variants of the expressions as the literature alone has them: no photograph stood behind their choice.

`facsim.variants` was tuned with photographs in view. What is to be shipped as *trained on renders alone, chosen on
renders alone* is drawn from this table instead: for each expression, one variant a source, in equal shares. Units and
their shares are the sources'; where a source gives no intensity, all from B to E is drawn, with D the likeliest, and
where it gives one (FF), from well below it to well above.

Sources (in full in `facsim.variants`): EM, EMFACS's predictions as commonly quoted; DTM, Du, Tao and Martinez 2014,
table 1; FF, the intensities that SyntFER gives FineFace. Neutral is a face at rest, and one with a trace of a single
unit, so that a trace by itself is not learnt as an expression (own choice).
"""

from __future__ import annotations

from collections.abc import Mapping

from facsim.facs import ACTION_UNITS
from facsim.variants import Spread, UnitRange, Variant

__all__ = ["LITERATURE"]

_UNKNOWN: Spread = (1.2, 3.4, 5.0)
_NO_HANDS: Mapping[str, float] = {}
_ONE_SIDED = (12, 14)  # of contempt, the only expression that EMFACS has on one side


def _variant(name: str, shares: Mapping[int, float], *, one_sided: bool = False) -> Variant:
    """Units by the share of people who show them, of unknown intensity."""
    units = tuple(
        UnitRange(code=code, probability=share, intensity=_UNKNOWN, one_sided=one_sided and code in _ONE_SIDED)
        for code, share in shares.items()
    )
    return Variant(name=name, weight=1.0, units=units, hands=_NO_HANDS)


def _fineface(intensities: Mapping[int, float]) -> Variant:
    units = tuple(
        UnitRange(code=code, probability=1.0, intensity=(0.4 * mean, mean, min(5.0, 1.8 * mean + 0.6)))
        for code, mean in intensities.items()
    )
    return Variant(name="fineface", weight=1.0, units=units, hands=_NO_HANDS)


def _always(*codes: int) -> dict[int, float]:
    return dict.fromkeys(codes, 1.0)


_TRACE_CODES = (1, 2, 4, 7, 12, 14, 15, 17, 24, 25, 43)


def _traces() -> tuple[Variant, ...]:
    """A trace (A) of a single unit each, as light together as the face at rest."""
    names = {unit.code: unit.name for unit in ACTION_UNITS}
    return tuple(
        Variant(
            name=f"trace of {names[code]}",
            weight=1.0 / len(_TRACE_CODES),
            units=(UnitRange(code=code, probability=1.0, intensity=(0.2, 0.7, 1.3)),),
            hands=_NO_HANDS,
        )
        for code in _TRACE_CODES
    )


LITERATURE: Mapping[str, tuple[Variant, ...]] = {
    "anger": (
        _variant("emfacs", _always(4, 5, 7, 24)),  # EM has 23, for which 24 stands until renders show 23 well
        _variant("dtm", _always(4, 7, 24) | {10: 0.26, 17: 0.52}),
        _variant("dtm, lips apart", _always(4, 7, 10, 25) | {16: 0.5, 26: 0.26}),  # EM's 4+5+7+10+22+25, lips apart
        _fineface({4: 3.5, 5: 0.8, 17: 1.2, 25: 0.3}),
    ),
    "contempt": (_variant("emfacs", _always(12, 14), one_sided=True),),
    "disgust": (
        _variant("emfacs", _always(9, 15, 16, 25)),
        _variant("dtm", _always(9, 10, 17) | {4: 0.31, 24: 0.26}),
        _fineface({9: 3.5, 4: 1.2, 17: 0.8, 25: 0.8}),
    ),
    "fear": (
        _variant("emfacs", _always(1, 2, 4, 5, 7, 20, 25, 26)),
        _variant("dtm", _always(1, 4, 20, 25) | {2: 0.57, 5: 0.63, 26: 0.33}),
        _fineface({1: 1.8, 2: 1.6, 5: 2.5, 20: 1.8, 25: 1.2, 26: 1.2}),
    ),
    "happiness": (
        _variant("emfacs", _always(6, 12)),
        _variant("dtm", _always(12, 25) | {6: 0.51}),
        _fineface({6: 2.5, 12: 4.0, 25: 1.5}),
    ),
    "neutral": (Variant(name="rest", weight=1.0, units=(), hands=_NO_HANDS), *_traces()),
    "sadness": (
        _variant("emfacs", _always(1, 4, 15)),
        _variant("dtm", _always(4, 15) | {1: 0.6, 6: 0.5, 17: 0.67, 25: 0.26, 26: 0.26}),
        _fineface({1: 2.5, 4: 2.0, 15: 3.0, 17: 1.5}),
    ),
    "surprise": (
        _variant("emfacs", _always(1, 2, 5, 25, 26)),
        _variant("dtm", _always(1, 2, 25, 26) | {5: 0.66}),
        _fineface({1: 2.5, 2: 2.5, 5: 2.8, 25: 1.8, 26: 2.5}),
    ),
}
"""Variants of the eight expressions by source. Weights count relative to one another within an expression."""
