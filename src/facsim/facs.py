"""The action units (AUs) of the Facial Action Coding System: names, muscles, sides, intensities, column names.

Source: P. Ekman, W. V. Friesen and J. C. Hager, *Facial Action Coding System*, 2002 (names and muscular basis; where
the manual's name of a muscle is dated, today's comes first and the manual's follows in brackets). Codes that this
edition dropped (41, 42 and 44: now intensities of 43 and 7) are kept, for data coded after the edition of 1978.

Two spellings run through facsim. A *code* is the AU's number, `12`. A *key* is a code with its side where the AU has
sides: `12L` and `12R` for the lateral AU 12, `17` for the central AU 17. Left and right are the subject's.
Text such as `6+12C+R12D` is read and written by `facsim.coding`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from facsim.errors import FacsimError, hint_nearest

__all__ = [
    "ACTION_UNITS",
    "INTENSITY_LETTERS",
    "MAX_INTENSITY",
    "ActionUnit",
    "Laterality",
    "Region",
    "Side",
    "action_unit",
    "column_name",
    "column_names",
    "intensity_of_letter",
    "key_of_column",
    "lateral_keys",
    "letter_of_intensity",
    "mirrored_key",
    "split_key",
]

Laterality = Literal["lateral", "central"]
Region = Literal["brow", "eye", "cheek", "nose", "mouth", "jaw", "neck", "head", "gaze"]
Side = Literal["L", "R"]

INTENSITY_LETTERS = "ABCDE"
"""FACS intensities: A trace, B slight, C marked or pronounced, D severe or extreme, E maximum; here 1.0 to 5.0."""

MAX_INTENSITY = 5.0
"""The number for E. Any number above 0 is presence: renders are continuous, and go below a coder's trace (A, 1.0)."""


@dataclass(frozen=True, kw_only=True)
class ActionUnit:
    """One AU: its number, the manual's name, its muscles in Latin, whether its sides act apart, and where it shows.

    `lateral` AUs have an intensity on each side, `central` ones a single one. `muscles` is empty where the manual
    names none (head positions, and descriptors of what the tongue does).
    """

    code: int
    name: str
    muscles: tuple[str, ...]
    laterality: Laterality
    region: Region


def _unit(code: int, name: str, laterality: Laterality, region: Region, muscles: str = "") -> ActionUnit:
    split = tuple(muscles.split("; ")) if muscles else ()
    return ActionUnit(code=code, name=name, muscles=split, laterality=laterality, region=region)


_INCISIVI = "incisivus labii superioris; incisivus labii inferioris"
_LEVATOR_RELAXED = "levator palpebrae superioris, relaxed"

ACTION_UNITS: tuple[ActionUnit, ...] = (
    _unit(1, "inner brow raiser", "lateral", "brow", "frontalis, pars medialis"),
    _unit(2, "outer brow raiser", "lateral", "brow", "frontalis, pars lateralis"),
    _unit(
        4,
        "brow lowerer",
        "lateral",
        "brow",
        "corrugator supercilii; depressor supercilii; procerus (depressor glabellae)",
    ),
    _unit(5, "upper lid raiser", "lateral", "eye", "levator palpebrae superioris"),
    _unit(6, "cheek raiser", "lateral", "cheek", "orbicularis oculi, pars orbitalis"),
    _unit(7, "lid tightener", "lateral", "eye", "orbicularis oculi, pars palpebralis"),
    _unit(8, "lips toward each other", "central", "mouth", "orbicularis oris"),
    _unit(9, "nose wrinkler", "lateral", "nose", "levator labii superioris alaeque nasi"),
    _unit(10, "upper lip raiser", "lateral", "mouth", "levator labii superioris (caput infraorbitalis)"),
    _unit(11, "nasolabial furrow deepener", "lateral", "mouth", "zygomaticus minor"),
    _unit(12, "lip corner puller", "lateral", "mouth", "zygomaticus major"),
    _unit(13, "sharp lip puller", "lateral", "mouth", "levator anguli oris (caninus)"),
    _unit(14, "dimpler", "lateral", "mouth", "buccinator"),
    _unit(15, "lip corner depressor", "lateral", "mouth", "depressor anguli oris (triangularis)"),
    _unit(16, "lower lip depressor", "lateral", "mouth", "depressor labii inferioris"),
    _unit(17, "chin raiser", "central", "mouth", "mentalis"),
    _unit(18, "lip pucker", "central", "mouth", _INCISIVI),
    _unit(19, "tongue show", "central", "mouth"),
    _unit(20, "lip stretcher", "lateral", "mouth", "risorius; platysma"),
    _unit(21, "neck tightener", "central", "neck", "platysma"),
    _unit(22, "lip funneler", "central", "mouth", "orbicularis oris"),
    _unit(23, "lip tightener", "central", "mouth", "orbicularis oris"),
    _unit(24, "lip presser", "central", "mouth", "orbicularis oris"),
    _unit(
        25,
        "lips part",
        "central",
        "mouth",
        "depressor labii inferioris; mentalis, relaxed; orbicularis oris, relaxed",
    ),
    _unit(26, "jaw drop", "central", "jaw", "masseter, relaxed; temporalis, relaxed; pterygoideus medialis, relaxed"),
    _unit(27, "mouth stretch", "central", "jaw", "pterygoidei; digastricus"),
    _unit(28, "lips suck", "central", "mouth", "orbicularis oris"),
    _unit(29, "jaw thrust", "central", "jaw", "pterygoidei; masseter"),
    _unit(30, "jaw sideways", "lateral", "jaw", "pterygoidei; temporalis"),
    _unit(31, "jaw clencher", "central", "jaw", "masseter"),
    _unit(32, "lip bite", "central", "mouth", "masseter"),
    _unit(33, "cheek blow", "central", "cheek", "buccinator; orbicularis oris"),
    _unit(34, "cheek puff", "central", "cheek", "orbicularis oris"),
    _unit(35, "cheek suck", "central", "cheek", "buccinator"),
    _unit(36, "tongue bulge", "central", "cheek"),
    _unit(37, "lip wipe", "central", "mouth"),
    _unit(38, "nostril dilator", "central", "nose", "nasalis, pars alaris; dilatator naris"),
    _unit(39, "nostril compressor", "central", "nose", "nasalis, pars transversa; depressor septi nasi"),
    _unit(41, "lid droop", "lateral", "eye", _LEVATOR_RELAXED),
    _unit(42, "slit", "lateral", "eye", "orbicularis oculi"),
    _unit(43, "eye closure", "lateral", "eye", _LEVATOR_RELAXED),
    _unit(44, "squint", "lateral", "eye", "orbicularis oculi, pars palpebralis; corrugator supercilii"),
    _unit(45, "blink", "lateral", "eye", f"{_LEVATOR_RELAXED}; orbicularis oculi, pars palpebralis"),
    _unit(46, "wink", "lateral", "eye", f"{_LEVATOR_RELAXED}; orbicularis oculi, pars palpebralis"),
    _unit(51, "head turn left", "central", "head"),
    _unit(52, "head turn right", "central", "head"),
    _unit(53, "head up", "central", "head"),
    _unit(54, "head down", "central", "head"),
    _unit(55, "head tilt left", "central", "head"),
    _unit(56, "head tilt right", "central", "head"),
    _unit(57, "head forward", "central", "head"),
    _unit(58, "head back", "central", "head"),
    _unit(61, "eyes turn left", "central", "gaze", "rectus lateralis (left eye); rectus medialis (right eye)"),
    _unit(62, "eyes turn right", "central", "gaze", "rectus medialis (left eye); rectus lateralis (right eye)"),
    _unit(63, "eyes up", "central", "gaze", "rectus superior; obliquus inferior"),
    _unit(64, "eyes down", "central", "gaze", "rectus inferior; obliquus superior"),
)
"""Every AU and action descriptor that facsim knows, by code. 40 (sniff), 65 and 66 (eyes apart, crossed) are not."""

_BY_CODE: Mapping[int, ActionUnit] = {unit.code: unit for unit in ACTION_UNITS}
_KEY = re.compile(r"([0-9]{1,3})([LR]?)")
_COLUMN = re.compile(r"AU([0-9]{1,3}[LR]?)")
_TURNED = {51: 52, 52: 51, 55: 56, 56: 55, 61: 62, 62: 61}
"""Central codes that name a direction, each with its mirror image."""


@lru_cache(maxsize=1024)  # a labelled picture asks for each key several times
def action_unit(code: int | str) -> ActionUnit:
    """The AU with this number (`12` or `"12"`). Raises FacsimError with the nearest known number."""
    text = str(code)
    if re.fullmatch(r"[0-9]{1,3}", text) and int(text) in _BY_CODE:
        return _BY_CODE[int(text)]
    hint = hint_nearest(text, (str(known) for known in _BY_CODE))
    raise FacsimError(f'no action unit "{text}"; expected a FACS number from 1 to 64.{hint}')


@lru_cache(maxsize=1024)
def lateral_keys(code: int | str) -> tuple[str, ...]:
    """The keys of an AU: `("12L", "12R")` for a lateral one, `("17",)` for a central one."""
    unit = action_unit(code)
    return (f"{unit.code}L", f"{unit.code}R") if unit.laterality == "lateral" else (str(unit.code),)


@lru_cache(maxsize=1024)
def split_key(key: str) -> tuple[ActionUnit, Side | None]:
    """The AU and the side that a key names; the side is None for central AUs.

    Raises FacsimError where the key is not one: an unknown number, a side on a central AU, none on a lateral one.
    """
    match = _KEY.fullmatch(key)
    if not match:
        raise FacsimError(
            f'"{key}" is not an action unit\'s key; expected a number and its side, such as "12L" or "17"'
        )
    unit = action_unit(match[1])
    if key not in lateral_keys(unit.code):
        expected = " or ".join(f'"{known}"' for known in lateral_keys(unit.code))
        raise FacsimError(f'"{key}" names AU {unit.code} ({unit.name}), which is {unit.laterality}; write {expected}')
    return unit, "L" if match[2] == "L" else "R" if match[2] else None


def mirrored_key(key: str) -> str:
    """The key that a mirrored picture shows in place of this one: sides, turns and tilts swap."""
    unit, side = split_key(key)
    if side is not None:
        return f"{unit.code}{'R' if side == 'L' else 'L'}"
    return str(_TURNED.get(unit.code, unit.code))


def intensity_of_letter(letter: str) -> float:
    """1.0 to 5.0 for A to E, upper or lower case. Raises FacsimError for anything else."""
    if len(letter) == 1 and letter.upper() in INTENSITY_LETTERS:
        return 1.0 + INTENSITY_LETTERS.index(letter.upper())
    raise FacsimError(f'found intensity "{letter}", expected a letter from A (trace) to E (maximum)')


def letter_of_intensity(intensity: float) -> str:
    """The letter nearest to an intensity, halves going up; empty for 0 to 0.5, which a coder would not score.

    Raises FacsimError outside [0, 5].
    """
    if not 0.0 <= intensity <= MAX_INTENSITY:
        raise FacsimError(f"found intensity {intensity:g}, expected a number from 0 (absent) to 5 (E)")
    return "" if intensity < 0.5 else INTENSITY_LETTERS[max(0, int(intensity + 0.5) - 1)]


@lru_cache(maxsize=1024)
def column_name(key: int | str) -> str:
    """`AU12L` for the key `12L`; `AU12`, the stronger of the sides, for the code `12`."""
    text = str(key)
    if re.fullmatch(r"[0-9]{1,3}", text):
        return f"AU{action_unit(text).code}"
    split_key(text)
    return f"AU{text}"


def column_names(codes: Iterable[int] | None = None) -> tuple[str, ...]:
    """Columns of these AUs, by code: `AU12`, `AU12L`, `AU12R` for lateral ones, `AU17` for central ones.

    Without `codes`, all AUs of the face; positions of head and eyes have columns of their own, in degrees.
    """
    face = (unit.code for unit in ACTION_UNITS if unit.region not in ("head", "gaze"))
    chosen = [action_unit(code).code for code in (face if codes is None else codes)]
    names = ((f"AU{code}", *(f"AU{key}" for key in lateral_keys(code))) for code in sorted(set(chosen)))
    return tuple(dict.fromkeys(name for group in names for name in group))


def key_of_column(column: str) -> str | None:
    """`12L` for `AU12L`, `17` for `AU17`; None for `AU12`, which sums up two keys.

    Raises FacsimError for names of no action unit's column.
    """
    match = _COLUMN.fullmatch(column)
    if not match:
        raise FacsimError(f'"{column}" is not the column of an action unit; expected a name such as "AU12" or "AU12L"')
    unit = action_unit(match[1].rstrip("LR"))
    if match[1] == str(unit.code) and unit.laterality == "lateral":
        return None
    return match[1] if split_key(match[1]) else None
