"""A face's coding: which action units it shows, how strongly, on which side; its text form, its columns, its sense.

A coding is a plain mapping from *keys* (`12L`, `12R`, `17`; see `facsim.facs`) to intensities above 0 and up to 5:
the form in which renderers, labels and columns hold it. An action unit that is not a key is absent.

The text form is that of FACS coders, AUs joined by `+`:

    6+12C+R12D    AU 6 on both sides; AU 12 at C on the left and, said more precisely, at D on the right
    L14B          AU 14 at B on the left side only (left and right are the subject's)
    12@2.5        AU 12 at 2.5 on both sides: any number above 0 and up to 5, where a letter is too coarse
    0             no action unit, FACS's code for a neutral face

A number without a letter says *present, intensity not coded*, and is read as C (3.0), the middle of FACS's scale.
Case and blanks around `+` do not matter, and `AU12` is read as `12`. `format_coding` writes letters for 1 to 5 and
numbers with `@` otherwise, so that `parse_coding(format_coding(x)) == x` exactly, for every coding x.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from facsim.errors import FacsimError
from facsim.facs import (
    INTENSITY_LETTERS,
    MAX_INTENSITY,
    ActionUnit,
    action_unit,
    column_name,
    intensity_of_letter,
    lateral_keys,
    mirrored_key,
    split_key,
)

__all__ = [
    "UNCODED_INTENSITY",
    "coding_columns",
    "conflicts",
    "format_coding",
    "lateral_intensities",
    "mirrored",
    "parse_coding",
]

UNCODED_INTENSITY = 3.0
"""What a number without a letter means: C, the middle of the scale. FACS itself leaves such an intensity open."""

_TOKEN = re.compile(r"(?:AU)?([LR]?)([0-9]{1,3})(?:([A-E])|@([0-9]+(?:\.[0-9]+)?(?:E-?[0-9]+)?))?")
_EXPECTED = "expected AUs joined by +, such as 6+12C+R12D, L14B or 12@2.5"


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One AU of a text: its unit, the key of its side (None: both, or central) and its intensity."""

    unit: ActionUnit
    key: str | None
    intensity: float


def parse_coding(text: str) -> dict[str, float]:
    """The coding that a text such as `6+12C+R12D` says, by key, in FACS order.

    Raises FacsimError, pointing at the part at fault: an unknown AU, letter or number, a side on a central AU, an AU
    said twice, or nothing at all (a face without AUs is `0`).
    """
    if text.strip() == "0":
        return {}
    tokens = text.split("+")
    parts = [_parse_part(token.strip(), where=_where(index, text)) for index, token in enumerate(tokens)]
    return lateral_intensities(_merged(parts, text))


def _where(index: int, text: str) -> str:
    """Which part of which text, for messages; long texts are cut."""
    shown = text if len(text) <= 60 else f"{text[:57]}…"
    return f'part {index + 1} of "{shown}"'


def _parse_part(token: str, *, where: str) -> _Part:
    match = _TOKEN.fullmatch(token.upper())
    if not match:
        raise FacsimError(f'{where}: found "{token[:20]}", {_EXPECTED}{_remedy(token.upper())}')
    side, code, letter, number = match.groups()
    try:
        unit = action_unit(code)
        key = _sided_key(unit, side)
        intensity = intensity_of_letter(letter) if letter else float(number) if number else UNCODED_INTENSITY
        return _Part(unit=unit, key=key, intensity=_checked(intensity))
    except FacsimError as error:
        raise FacsimError(f"{where}: {error}") from error


def _sided_key(unit: ActionUnit, side: str) -> str | None:
    if not side:
        return None
    if unit.laterality == "central":
        raise FacsimError(f"AU {unit.code} ({unit.name}) is central and has no side; write {unit.code}")
    return f"{unit.code}{side}"


def _remedy(token: str) -> str:
    """What to do about some common slips; empty where nothing particular is known."""
    slip = re.fullmatch(r"(?:AU)?([0-9]{1,3})([LR])(.{0,8})", token)
    if slip:
        return f"; write the side first, {slip[2]}{slip[1]}{slip[3]}"
    if re.fullmatch(r"[TB][0-9]{1,3}[A-E]?", token):
        return "; codes for the top or bottom lip alone are not known here, leave T and B out"
    if not token:
        return "; write 0 for a face without action units, and no + at the ends"
    return ""


def _checked(intensity: float) -> float:
    if 0.0 < intensity <= MAX_INTENSITY:
        return float(intensity)
    raise FacsimError(f"found intensity {intensity:g}, expected a number above 0 and up to 5; leave absent AUs out")


def _merged(parts: Iterable[_Part], text: str) -> dict[str, float]:
    """Intensities by key; parts with a side overrule the part for both sides. No key may be said twice."""
    both, sided = dict[str, float](), dict[str, float]()
    for part in parts:
        said = both if part.key is None else sided
        for key in lateral_keys(part.unit.code) if part.key is None else (part.key,):
            if key in said:
                raise FacsimError(f'"{text[:60]}" says AU {key} twice; say it once')
            said[key] = part.intensity
    for unit in {split_key(key)[0].code: split_key(key)[0] for key in both}.values():
        if all(key in sided for key in lateral_keys(unit.code)):
            raise FacsimError(f'"{text[:60]}" says AU {unit.code} for both sides and again for each; leave one out')
    return both | sided


def format_coding(coding: Mapping[str, float]) -> str:
    """The text of a coding, such as `6C+L12C+R12D`: in FACS order, one part where both sides are equal, `0` for none.

    Raises FacsimError for keys and intensities that `lateral_intensities` refuses.
    """
    checked = lateral_intensities(coding)
    codes = dict.fromkeys(split_key(key)[0].code for key in checked)
    return "+".join(part for code in codes for part in _format_unit(code, checked)) or "0"


def _format_unit(code: int, coding: Mapping[str, float]) -> Iterable[str]:
    values = [coding.get(key, 0.0) for key in lateral_keys(code)]
    if len(set(values)) == 1:
        return (f"{code}{_format_intensity(values[0])}",)
    return tuple(f"{side}{code}{_format_intensity(value)}" for side, value in zip("LR", values, strict=True) if value)


def _format_intensity(value: float) -> str:
    return INTENSITY_LETTERS[int(value) - 1] if value.is_integer() else f"@{value!r}"


def lateral_intensities(intensities: Mapping[str, float] | Mapping[int, float]) -> dict[str, float]:
    """A checked coding from intensities by code (`12`, `"12"`: both sides) or key (`"12L"`), in FACS order.

    A key overrules its code, and zeros are left out, so that `{12: 2, "12R": 0}` is AU 12 on the left alone. Raises
    FacsimError for unknown AUs and for intensities outside [0, 5].
    """
    by_key = dict[str, float]()
    for name, intensity in sorted(intensities.items(), key=lambda item: str(item[0])[-1:] in ("L", "R")):
        if not (intensity == 0 or 0 < intensity <= MAX_INTENSITY):
            raise FacsimError(f"AU {name}: found intensity {intensity:g}, expected a number from 0 (absent) to 5 (E)")
        for key in _keys_named(name):
            by_key[key] = float(intensity)
    return {key: by_key[key] for key in sorted(by_key, key=_place) if by_key[key] > 0}


def _keys_named(name: str | int) -> tuple[str, ...]:
    text = str(name)
    return (text,) if text[-1:] in ("L", "R") and split_key(text) else lateral_keys(text)


def _place(key: str) -> tuple[int, str]:
    unit, side = split_key(key)
    return unit.code, side or ""


def mirrored(coding: Mapping[str, float]) -> dict[str, float]:
    """The coding that the mirrored picture shows: left and right swapped, turns and tilts of head and eyes too."""
    return lateral_intensities({mirrored_key(key): intensity for key, intensity in coding.items()})


def coding_columns(coding: Mapping[str, float], codes: Iterable[int]) -> dict[str, float]:
    """Values of the columns of `codes`: `AU12L`, `AU12R` and `AU12`, the stronger of them; 0.0 where absent.

    Raises FacsimError where the coding has an AU that is not among `codes`: a column would be missing for it.
    """
    checked, wanted = lateral_intensities(coding), tuple(codes)
    left_out = [key for key in checked if split_key(key)[0].code not in wanted]
    if left_out:
        raise FacsimError(f"the coding has AU {', '.join(left_out)}, for which no column is asked; add it to `codes`")
    values = dict[str, float]()
    for column, keys in _columns_of(wanted):
        sides = {side: checked.get(key, 0.0) for key, side in keys}
        values |= {column: max(sides.values())} | sides
    return values


@lru_cache(maxsize=16)
def _columns_of(codes: tuple[int, ...]) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """For each code, ascending: its column, and its keys with theirs."""
    return tuple(
        (column_name(code), tuple((key, column_name(key)) for key in lateral_keys(code))) for code in sorted(codes)
    )


_EXCLUDED_PAIRS: Mapping[tuple[int, int], str] = {
    (5, 41): "the muscle that raises the lid cannot be slack",
    (5, 42): "a widened eye is not a slit",
    (5, 43): "43 slackens the muscle that 5 contracts",
    (5, 45): "an eye that closes is not widened",
    (5, 46): "an eye that closes is not widened",
    (43, 45): "closed for longer than a blink is 43, else 45",
    (43, 46): "a wink is a closure of its own; code one",
    (45, 46): "a closure is meant (46) or not (45)",
    (18, 28): "the lips are pushed out or sucked in",
    (22, 28): "the lips are turned out or sucked in",
    (22, 24): "the lips are turned out or pressed together",
    (24, 25): "pressed lips do not part",
    (24, 27): "pressed lips do not stretch open",
    (26, 27): "both say how far the jaw is open; code the one",
    (33, 35): "cheeks are blown out or sucked in",
    (34, 35): "cheeks are puffed out or sucked in",
    (38, 39): "nostrils are wide or narrow",
    (51, 52): "the head turns one way",
    (53, 54): "the head moves one way",
    (55, 56): "the head tilts one way",
    (57, 58): "the head moves one way",
    (61, 62): "the eyes turn one way",
    (63, 64): "the eyes move one way",
}
"""AUs that one side of one still picture cannot both show, with the reason. FACS marks many more as hard to tell
apart; these are the ones that the definitions themselves exclude."""

_OPPOSED_PAIRS: Mapping[tuple[int, int], str] = {
    (12, 15): "the corner of the mouth is pulled up or down",
    (13, 15): "the corner of the mouth is pulled up or down",
    (12, 18): "the corners of the mouth are drawn apart or together",
    (18, 20): "the corners of the mouth are drawn apart or together",
    (16, 24): "the lower lip is drawn down or pressed to the upper one",
    (16, 28): "the lower lip is drawn down or sucked in",
}
"""AUs whose muscles pull the same skin opposite ways: both show together, as blends do, but not both strongly."""

_STRONG = 4.0
"""D: severe or extreme."""

_REQUIRED: Mapping[int, tuple[int, str]] = {27: (25, "a mouth stretched open has parted lips")}
"""AUs that entail another. A dropped jaw (26) does not: FACS codes it with closed lips too."""


def conflicts(coding: Mapping[str, float]) -> tuple[str, ...]:
    """Why no face can show this coding, one sentence for each reason; empty where nothing speaks against it.

    Each reason starts with the two keys, as in `5L with 43L: …`. AUs that exclude each other count at any intensity,
    those that pull against each other only where both are D or more; side by side, so that `L5+R43` (one eye wide,
    the other closed) is odd but possible. Renderers draw such codings all the same, by rules of their own.
    """
    present = lateral_intensities(coding)
    reasons = _clashes(set(present), _EXCLUDED_PAIRS)
    reasons += _clashes({key for key, value in present.items() if value >= _STRONG}, _OPPOSED_PAIRS)
    for code, (needed, reason) in _REQUIRED.items():
        if str(code) in present and str(needed) not in present:
            reasons.append(f"{code} without {needed}: {reason}")
    return tuple(reasons)


def _clashes(shown: set[str], pairs: Mapping[tuple[int, int], str]) -> list[str]:
    return [
        f"{key} with {other}: {reason}"
        for (first, second), reason in pairs.items()
        for key, other in _side_by_side(first, second)
        if key in shown and other in shown
    ]


def _side_by_side(first: int, second: int) -> Iterable[tuple[str, str]]:
    """The keys of two AUs on the same side; a central AU is beside both sides of a lateral one."""
    one, other = lateral_keys(first), lateral_keys(second)
    return [(one[side % len(one)], other[side % len(other)]) for side in range(max(len(one), len(other)))]
