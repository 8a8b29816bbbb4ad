"""Which apparent expression a set of action units says, by the rules that FACS coders use.

    >>> read_expression({"6L": 0.9, "6R": 0.9, "12L": 1.0, "12R": 1.0}).expression
    'happiness'

The rules are the predictions of the FACS Investigator's Guide (Ekman, Friesen and Hager 2002, table 10-2, prototypes
and major variants), as commonly quoted; EMFACS selects the same combinations. Contempt, which that table lacks, is
Ekman and Friesen's (1986, A new pan-cultural facial expression of emotion): a corner of the mouth tightened on one
side.

A rule holds where each of its units is likelier there than not. Of several that hold, the one counts that explains
what is seen best: twice what rule and face share, over the size of both (Dice's overlap). Intensities that the table
asks for are not asked for here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from facsim.facs import split_key

__all__ = ["RULES", "ExpressionRule", "RuleVerdict", "read_expression"]

_LEAST = 0.5
_WRITTEN = 4


@dataclass(frozen=True, kw_only=True)
class ExpressionRule:
    """An expression, the codes of the units that it needs, those that are needed on one side alone, and its source."""

    expression: str
    units: frozenset[int]
    one_sided: frozenset[int] = frozenset()
    source: str


@dataclass(frozen=True, kw_only=True)
class RuleVerdict:
    """What the rules say: one of the eight, or None where no rule holds, and how well it explains the units, 0 to 1.

    Without an expression the score is 0.
    """

    expression: str | None
    score: float


_GUIDE = "Ekman, Friesen and Hager 2002, table 10-2"
_PROTOTYPE, _VARIANT = f"{_GUIDE}, prototype", f"{_GUIDE}, major variant"

# + joins units; the jaw (26, 27) may be either, and may be open or closed where the table says "with or without".
_TABLE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "anger": (
        ("4+5+7+10+22+23+25", _PROTOTYPE),
        ("4+5+7+10+23+25", _PROTOTYPE),
        ("4+5+7+23+25", _PROTOTYPE),
        ("4+5+7+17+23", _PROTOTYPE),
        ("4+5+7+17+24", _PROTOTYPE),
        ("4+5+7+23", _PROTOTYPE),
        ("4+5+7+24", _PROTOTYPE),
        ("5+7+23", _VARIANT),
        ("4+7+23", _VARIANT),
        ("4+5+23", _VARIANT),
        ("5+7+24", _VARIANT),
        ("4+7+24", _VARIANT),
        ("4+5+24", _VARIANT),
        ("4+7+17+23", _VARIANT),
        ("4+7+17+24", _VARIANT),
        ("4+7+10+22+23+25", _VARIANT),
        ("4+7+10+23+25", _VARIANT),
    ),
    "disgust": (
        ("9", _PROTOTYPE),
        ("9+15+16", _PROTOTYPE),
        ("9+17", _PROTOTYPE),
        ("10", _PROTOTYPE),
        ("10+16+25", _PROTOTYPE),
        ("10+17", _PROTOTYPE),
    ),
    "fear": (
        ("1+2+4+5+20+25", _PROTOTYPE),
        ("1+2+4+5+25", _PROTOTYPE),
        ("1+2+4+5", _VARIANT),
        ("5+20", _VARIANT),
        ("5+20+25", _VARIANT),
    ),
    "happiness": (("6+12", _PROTOTYPE), ("12", _PROTOTYPE)),
    "sadness": (
        ("1+4+11+15", _PROTOTYPE),
        ("1+4+15", _PROTOTYPE),
        ("6+15", _PROTOTYPE),
        ("1+4+11", _VARIANT),
        ("1+4+15+17", _VARIANT),
        ("11+15", _VARIANT),
        ("11+17", _VARIANT),
    ),
    "surprise": (
        ("1+2+5+26", _PROTOTYPE),
        ("1+2+5+27", _PROTOTYPE),
        ("1+2+5", _VARIANT),
        ("1+2+26", _VARIANT),
        ("1+2+27", _VARIANT),
        ("5+26", _VARIANT),
        ("5+27", _VARIANT),
    ),
}

_CONTEMPT = (
    ExpressionRule(
        expression="contempt",
        units=frozenset(),
        one_sided=frozenset({14}),
        source="Ekman and Friesen 1986",
    ),
    ExpressionRule(
        expression="contempt",
        units=frozenset(),
        one_sided=frozenset({12, 14}),
        source="EMFACS, as commonly quoted: R12A+R14A",
    ),
)

RULES: tuple[ExpressionRule, ...] = (
    *(
        ExpressionRule(expression=expression, units=frozenset(int(code) for code in units.split("+")), source=source)
        for expression, lines in _TABLE.items()
        for units, source in lines
    ),
    *_CONTEMPT,
)
"""Every rule. A face on which no unit is likelier than not, parted lips aside, is neutral."""

_IDLE = frozenset({18, 21, 25, 26, 28, 34, 38, 39, 43})
"""Units that no rule's face is held against: open mouths and closed eyes go with all, and the rest with none."""


def read_expression(presence: Mapping[str, float]) -> RuleVerdict:
    """What the rules say of units by key (`12L`, `17`), each with the probability, 0 to 1, that it is there.

    A unit of two sides counts as the likelier of them; on one side it is there as far as the sides differ. Raises
    FacsimError for keys that are none.
    """
    seen, lopsided = _by_code(presence)
    told = {code: value for code, value in seen.items() if code not in _IDLE}
    if max(told.values(), default=0.0) < _LEAST:
        return RuleVerdict(expression="neutral", score=round(1.0 - max(told.values(), default=0.0), _WRITTEN))
    scored = [(_overlap(rule, seen, lopsided), rule.expression) for rule in RULES if _holds(rule, seen, lopsided)]
    if not scored:
        return RuleVerdict(expression=None, score=0.0)
    best = max(score for score, _ in scored)
    return RuleVerdict(expression=min(name for score, name in scored if score == best), score=best)


def _by_code(presence: Mapping[str, float]) -> tuple[dict[int, float], dict[int, float]]:
    """The likelier side of each unit, and how far the sides of those that have two differ."""
    sides = dict[int, list[float]]()
    for key, value in presence.items():
        sides.setdefault(split_key(key)[0].code, []).append(value)
    apart = {code: max(found) - min(found) for code, found in sides.items() if len(found) > 1}
    return {code: max(found) for code, found in sides.items()}, apart


def _holds(rule: ExpressionRule, seen: Mapping[int, float], lopsided: Mapping[int, float]) -> bool:
    return min(_found(rule, seen, lopsided)) >= _LEAST


def _found(rule: ExpressionRule, seen: Mapping[int, float], lopsided: Mapping[int, float]) -> list[float]:
    both = [seen.get(code, 0.0) for code in rule.units]
    return both + [lopsided.get(code, 0.0) for code in rule.one_sided]


def _overlap(rule: ExpressionRule, seen: Mapping[int, float], lopsided: Mapping[int, float]) -> float:
    wanted = rule.units | rule.one_sided
    shared = sum(_found(rule, seen, lopsided))
    face = sum(value for code, value in seen.items() if code in wanted or code not in _IDLE)
    return round(2 * shared / (len(wanted) + face), _WRITTEN)
