"""Named hair styles: the numbers that each one presets, whom it suits, and how hair is worn under hats and scarves.

The shares are round numbers chosen so that a few hundred people show every style; none was fitted to photographs.

A hat's maker calls `tuck_hair` for what leaves hair to be seen (caps, hats, bands) and `hide_hair` for what leaves
none (headscarves, hoods); both keep all else of the hair, so that its roots at temples and nape stay as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from facsim.errors import FacsimError
from facsim.models.appearance import Hair

__all__ = ["BRIM_HEIGHT", "HAIR_STYLES", "PRESSED_LIFT_DM", "HairStyle", "hide_hair", "style_hair", "tuck_hair"]

BRIM_HEIGHT = 0.45
"""y on the rest head (dm above the eyes) from which tucked hair lies flat; below it, hair is as it was by 0.2 dm
lower. The brow ridge is at about 0.3, the hairline at about 0.76."""

PRESSED_LIFT_DM = 0.035
"""No hair stands farther off the scalp than this above `BRIM_HEIGHT` when it is tucked."""

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class HairStyle:
    """A style: from and to of what `Hair` holds, and who wears it.

    `man`, `woman` and `child` are relative shares; `coiled` multiplies them for coiled hair (curl above 0.6),
    `straight` for straighter hair.
    """

    length_dm: Range
    lift_dm: Range
    fringe: Range = (0.0, 0.0)
    curl: Range = (0.0, 1.0)
    swept: Range = (0.0, 0.0)
    fade: Range = (0.0, 0.3)
    receding: Range = (0.0, 0.0)
    thinning: Range = (0.0, 0.0)
    parting: Range = (-1.0, 1.0)
    opening_deg: Range = (54.0, 76.0)
    parted: float = 0.0
    cords: float = 0.0
    tied: str = "loose"
    man: float = 0.0
    woman: float = 0.0
    child: float = 0.0
    coiled: float = 1.0
    straight: float = 1.0


_STYLES = {
    "shaved": HairStyle(
        length_dm=(0.0, 0.02), lift_dm=(0.0, 0.0), receding=(0.0, 0.8), man=0.5, woman=0.01, coiled=1.6
    ),
    "buzz cut": HairStyle(
        length_dm=(0.06, 0.11), lift_dm=(0.008, 0.02), fade=(0.2, 0.8), man=0.9, woman=0.02, child=0.35, coiled=1.8
    ),
    "receding": HairStyle(
        length_dm=(0.10, 0.4),
        lift_dm=(0.02, 0.06),
        receding=(0.35, 0.95),
        thinning=(0.2, 0.8),
        fade=(0.0, 0.3),
        man=0.9,
        woman=0.01,
    ),
    "crop": HairStyle(
        length_dm=(0.18, 0.30),
        lift_dm=(0.04, 0.09),
        fringe=(0.0, 0.25),
        fade=(0.3, 0.8),
        man=1.6,
        woman=0.04,
        child=1.2,
        coiled=0.7,
    ),
    "side part": HairStyle(
        length_dm=(0.30, 0.50),
        lift_dm=(0.08, 0.16),
        fringe=(0.0, 0.2),
        curl=(0.0, 0.5),
        fade=(0.2, 0.6),
        parted=1.0,
        man=1.5,
        woman=0.05,
        child=0.7,
        coiled=0.0,
    ),
    "quiff": HairStyle(
        length_dm=(0.35, 0.60),
        lift_dm=(0.12, 0.22),
        curl=(0.0, 0.5),
        swept=(0.75, 1.0),
        fade=(0.6, 0.9),
        man=1.0,
        woman=0.06,
        child=0.2,
        coiled=0.0,
    ),
    "curly short": HairStyle(
        length_dm=(0.35, 0.7),
        lift_dm=(0.16, 0.32),
        curl=(0.6, 0.9),
        fringe=(0.0, 0.35),
        fade=(0.1, 0.5),
        man=0.7,
        woman=0.25,
        child=0.5,
        coiled=2.0,
        straight=0.4,
    ),
    "afro": HairStyle(
        length_dm=(0.5, 0.8),
        lift_dm=(0.36, 0.75),
        curl=(0.85, 1.0),
        fade=(0.0, 0.15),
        man=0.5,
        woman=0.5,
        child=0.5,
        coiled=3.0,
        straight=0.0,
    ),
    "pixie": HairStyle(
        length_dm=(0.35, 0.5),
        lift_dm=(0.09, 0.16),
        fringe=(0.35, 0.8),
        curl=(0.0, 0.5),
        fade=(0.0, 0.3),
        man=0.12,
        woman=0.6,
        child=0.5,
        coiled=0.3,
    ),
    "bowl": HairStyle(
        length_dm=(0.50, 0.72),
        lift_dm=(0.10, 0.16),
        fringe=(0.75, 1.0),
        curl=(0.0, 0.35),
        opening_deg=(44.0, 56.0),
        man=0.2,
        woman=0.2,
        child=0.8,
        coiled=0.0,
    ),
    "bob": HairStyle(
        length_dm=(0.95, 1.35),
        lift_dm=(0.10, 0.17),
        curl=(0.0, 0.5),
        fringe=(0.0, 0.0),
        parted=1.0,
        woman=0.9,
        child=0.5,
        man=0.06,
        coiled=0.3,
    ),
    "bob with fringe": HairStyle(
        length_dm=(0.9, 1.35),
        lift_dm=(0.10, 0.16),
        curl=(0.0, 0.35),
        fringe=(0.7, 1.0),
        woman=0.6,
        child=0.5,
        coiled=0.1,
    ),
    "long straight": HairStyle(
        length_dm=(1.8, 3.2),
        lift_dm=(0.07, 0.13),
        curl=(0.0, 0.2),
        parted=1.0,
        woman=1.3,
        child=0.9,
        man=0.08,
        coiled=0.25,
    ),
    "long with fringe": HairStyle(
        length_dm=(1.8, 3.0),
        lift_dm=(0.07, 0.13),
        curl=(0.0, 0.35),
        fringe=(0.6, 1.0),
        woman=0.6,
        child=0.4,
        coiled=0.1,
    ),
    "long wavy": HairStyle(
        length_dm=(1.6, 3.0),
        lift_dm=(0.11, 0.2),
        curl=(0.3, 0.6),
        parted=1.0,
        woman=1.1,
        child=0.5,
        man=0.07,
        coiled=0.2,
    ),
    "long curly": HairStyle(
        length_dm=(1.2, 2.4),
        lift_dm=(0.22, 0.42),
        curl=(0.7, 1.0),
        parted=1.0,
        woman=0.7,
        child=0.4,
        man=0.05,
        coiled=2.2,
        straight=0.4,
    ),
    "ponytail": HairStyle(
        length_dm=(1.2, 2.6), lift_dm=(0.03, 0.06), tied="ponytail", swept=(0.9, 1.0), woman=0.8, child=0.8, man=0.03
    ),
    "bun": HairStyle(
        length_dm=(1.0, 2.0), lift_dm=(0.03, 0.07), tied="bun", swept=(0.9, 1.0), woman=0.55, child=0.2, man=0.05
    ),
    "braids": HairStyle(
        length_dm=(1.4, 2.6),
        lift_dm=(0.04, 0.08),
        curl=(0.8, 1.0),
        cords=1.0,
        woman=1.0,
        child=0.8,
        man=0.2,
        coiled=2.5,
        straight=0.0,
    ),
    "locs": HairStyle(
        length_dm=(0.6, 1.8),
        lift_dm=(0.08, 0.16),
        curl=(0.8, 1.0),
        cords=0.8,
        woman=0.4,
        man=0.5,
        child=0.1,
        coiled=2.2,
        straight=0.0,
    ),
}
HAIR_STYLES: Mapping[str, HairStyle] = MappingProxyType(_STYLES)
"""Style -> its numbers, from the shortest to the longest."""


def style_hair(style: str, generator: np.random.Generator | None = None) -> Hair:
    """Hair of a named style, its numbers drawn from the style's ranges, or in their middle. FacsimError on an unknown
    style."""
    if style not in HAIR_STYLES:
        raise FacsimError(f'there is no hair style "{style}"; expected one of {", ".join(HAIR_STYLES)}.')
    chosen = HAIR_STYLES[style]
    drawn: dict[str, Any] = {name: _draw(getattr(chosen, name), generator) for name in _DRAWN}
    return Hair(style=style, parted=chosen.parted, cords=chosen.cords, tied=chosen.tied, **drawn)


_DRAWN = ("length_dm", "lift_dm", "fringe", "curl", "swept", "fade", "receding", "thinning", "parting", "opening_deg")


def _draw(span: Range, generator: np.random.Generator | None) -> float:
    low, high = span
    return 0.5 * (low + high) if generator is None else float(generator.uniform(low, high))


def tuck_hair(hair: Hair) -> Hair:
    """`hair` under a hat: flat against the head above `BRIM_HEIGHT`, no fringe, nothing tied up on top; what hangs
    below stays."""
    tied = "ponytail" if hair.tied == "bun" else hair.tied
    return replace(hair, pressed=True, fringe=0.0, tied=tied)


def hide_hair(hair: Hair) -> Hair:
    """`hair` under a headscarf or hood: none of it is drawn, but for the roots painted on the scalp."""
    return replace(hair, hidden=True)
