"""What a drawn person looks like apart from the shape of the head: skin, beard, eyes, brows, mouth, make-up, hair,
clothes.

Plain numbers, so that a scene travels as JSON. Every colour is a linear-light RGB albedo in 0–1 (not sRGB);
`linear_from_hex` makes one from a web colour. Shares and strengths run from 0 (none) to 1 (as strong as it is drawn)
unless said otherwise.
"""

import math
from dataclasses import dataclass

__all__ = [
    "MONK_TONES",
    "Beard",
    "Brows",
    "Colour",
    "Eyes",
    "Garment",
    "Hair",
    "MakeUp",
    "Mouth",
    "Skin",
    "individual_typology_angle",
    "linear_from_hex",
]

Colour = tuple[float, float, float]
"""Linear-light red, green and blue in 0–1."""

MONK_TONES = (
    "f6ede4",
    "f3e7db",
    "f7ead0",
    "eadaba",
    "d7bd96",
    "a07e56",
    "825c43",
    "604134",
    "3a312a",
    "292420",
)
"""The Monk Skin Tone scale, 1 to 10, as sRGB (Monk, "Monk Skin Tone Scale", 2019; skintone.google)."""


@dataclass(frozen=True, kw_only=True)
class Skin:
    """Skin: `albedo` is its mean colour, `redness` the blood in cheeks, nose and ears, `age_lines` wrinkles at rest,
    `folds` how deep the folds are that action units make (0 none, as in smooth young skin; 1.2 the deepest)."""

    albedo: Colour = (0.55, 0.33, 0.23)
    redness: float = 0.35
    mottling: float = 0.4
    freckles: float = 0.0
    moles: float = 0.2
    sheen: float = 0.4
    pores: float = 0.5
    age_lines: float = 0.1
    folds: float = 0.65
    under_eye: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Beard:
    """Facial hair: `kind` names what it was drawn as, `stubble` is the shade of a shaven beard, the next three are
    densities by place; `cheek_line` is how high it grows on the cheeks, from -1 (along the jaw) over 0 (usual) to 1."""

    kind: str = "clean"
    stubble: float = 0.0
    moustache: float = 0.0
    chin: float = 0.0
    cheeks: float = 0.0
    cheek_line: float = 0.0
    colour: Colour = (0.03, 0.02, 0.015)


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """Eyes: `iris_deg` and `pupil_deg` are radii seen from the ball's centre; `veins` redden the white; `lashes` is
    their density."""

    iris: Colour = (0.10, 0.05, 0.02)
    iris_ring: Colour = (0.02, 0.012, 0.008)
    iris_deg: float = 24.5
    pupil_deg: float = 10.0
    veins: float = 0.2
    lashes: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Brows:
    """Brows: painted hairs; `thickness` 1 is the usual width, from 0.5 to 1.6; `joined` is hair between them; `arch`
    runs from 0 (straight) to 1 (high), `slant` from -1 (outer ends low) to 1 (outer ends high)."""

    colour: Colour = (0.03, 0.02, 0.015)
    density: float = 0.8
    thickness: float = 1.0
    joined: float = 0.0
    arch: float = 0.45
    slant: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Mouth:
    """Lips and what lies behind them: `lip` is the lips' own colour, `wetness` their gloss."""

    lip: Colour = (0.42, 0.16, 0.13)
    wetness: float = 0.4
    teeth: Colour = (0.68, 0.62, 0.50)
    tongue: Colour = (0.45, 0.15, 0.14)


@dataclass(frozen=True, kw_only=True)
class MakeUp:
    """Make-up, each as a strength with its colour; `liner` darkens the lids' edges."""

    lipstick: float = 0.0
    lipstick_colour: Colour = (0.45, 0.04, 0.06)
    shadow: float = 0.0
    shadow_colour: Colour = (0.10, 0.06, 0.05)
    liner: float = 0.0
    blush: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Hair:
    """Hair of the head.

    `style` names what it was drawn as (`facsim.models.hair_styles.HAIR_STYLES`); the numbers are what is drawn.
    `length_dm` runs from 0 (shaven) by 0.08 (buzz cut), 1 (to the chin) to 3 (past the shoulders), `lift_dm` is how
    far it stands off the scalp, `receding` how far the hairline has gone back, `thinning` how bare the crown is,
    `fringe` how far hair comes down the forehead (1 = to the brows), `opening_deg` where long hair starts beside the
    face, `parting` from -1 (subject's right) to 1, `parted` 1 where its line shows the scalp, `curl` how coiled,
    `swept` how far it is combed back from the forehead, `fade` how much closer the sides are cut, `cords` 1 for
    braids and locs. `tied` is `loose`, `ponytail` or `bun`. `pressed` hair lies flat under a hat, `hidden` hair is
    not drawn (`facsim.models.hair_styles.tuck_hair` and `hide_hair`).
    """

    style: str = "side part"
    colour: Colour = (0.03, 0.02, 0.013)
    grey: float = 0.0
    length_dm: float = 0.4
    lift_dm: float = 0.12
    receding: float = 0.0
    fringe: float = 0.0
    opening_deg: float = 62.0
    parting: float = 0.3
    curl: float = 0.1
    parted: float = 0.0
    swept: float = 0.0
    fade: float = 0.4
    thinning: float = 0.0
    cords: float = 0.0
    tied: str = "loose"
    pressed: bool = False
    hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class Garment:
    """What covers the shoulders: a colour, a second one for its pattern, and the height of its collar in dm."""

    colour: Colour = (0.12, 0.14, 0.2)
    pattern_colour: Colour = (0.3, 0.3, 0.3)
    pattern: float = 0.0
    collar_dm: float = 0.0


def linear_from_hex(text: str) -> Colour:
    """The linear-light colour of a web colour such as `"d7bd96"` (IEC 61966-2-1)."""
    values = [int(text[i : i + 2], 16) / 255.0 for i in (0, 2, 4)]
    red, green, blue = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return (red, green, blue)


def individual_typology_angle(albedo: Colour) -> float:
    """ITA in degrees of a linear-light colour, atan2(L* - 50, b*) (Chardon et al., Int. J. Cosmetic Science 13,
    1991).

    Above 55 very light, 41 light, 28 intermediate, 10 tan, -30 brown, below dark. CIELAB under D65.
    """
    red, green, blue = albedo
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.0888
    lightness = 116.0 * _lab_curve(y) - 16.0
    return math.degrees(math.atan2(lightness - 50.0, 200.0 * (_lab_curve(y) - _lab_curve(z))))


def _lab_curve(t: float) -> float:
    return t ** (1.0 / 3.0) if t > 216.0 / 24389.0 else t * 841.0 / 108.0 + 4.0 / 29.0
