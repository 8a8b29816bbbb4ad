"""What people wear, at random: glasses by age, headwear by age and gender, and now and then something before the face.

The shares are round numbers chosen so that a few hundred draws show every piece; none was fitted to photographs.
Glasses and headwear stay with a person, an occluder belongs to the moment.
"""

import numpy as np

from facsim.models.appearance import Colour
from facsim.models.vectors import clamp
from facsim.models.worn import Glasses, Headwear, Occluder, Worn
from facsim.wearables import GLASSES_SHAPES, HANDS, HEADWEAR_KINDS, MASKS, OCCLUDER_KINDS

__all__ = ["sample_occluder", "sample_worn"]

_AGES = (3.0, 8.0, 18.0, 40.0, 55.0, 75.0)
_WITH_GLASSES = (0.03, 0.10, 0.18, 0.22, 0.36, 0.42)
"""Shares of people with glasses at those ages."""

_SUNGLASSES = 0.03
"""Share of adults' glasses that are dark: they hide the eyes, so they are rarer than in life."""

_HEADWEAR_SHARES = {
    "child": (0.03, 0.03, 0.01, 0.0, 0.005),
    "feminine": (0.012, 0.018, 0.012, 0.035, 0.012),
    "masculine": (0.045, 0.025, 0.02, 0.0, 0.006),
}
"""Shares with a cap, beanie, brimmed hat, hijab and tied scarf; between the genders they run straight."""

_SHAPE_SHARES = (0.20, 0.14, 0.14, 0.12, 0.10, 0.08, 0.12, 0.10)
_PLASTIC: tuple[Colour, ...] = (
    (0.012, 0.012, 0.013),
    (0.012, 0.012, 0.013),
    (0.05, 0.025, 0.012),
    (0.12, 0.055, 0.02),
    (0.02, 0.03, 0.07),
    (0.16, 0.015, 0.02),
    (0.30, 0.28, 0.26),
)
_METAL: tuple[Colour, ...] = ((0.55, 0.55, 0.57), (0.60, 0.45, 0.22), (0.10, 0.10, 0.11), (0.62, 0.42, 0.33))
_TINTS: tuple[Colour, ...] = ((0.35, 0.35, 0.38), (0.45, 0.30, 0.12), (0.25, 0.35, 0.25), (0.2, 0.28, 0.45))


def sample_worn(generator: np.random.Generator, *, age_years: float, masculine: float) -> Worn:
    """What a person of this apparent age and gender (0 feminine to 1 masculine) wears; nothing before the face."""
    glasses = _sample_glasses(generator, age_years, masculine)
    return Worn(glasses=glasses, headwear=_sample_headwear(generator, age_years, masculine))


def _uniform(generator: np.random.Generator, low: float, high: float) -> float:
    return float(generator.uniform(low, high))


def _pick(generator: np.random.Generator, colours: tuple[Colour, ...], spread: float = 0.15) -> Colour:
    """One of the colours, a little lighter or darker."""
    factor = np.exp(generator.normal(0.0, spread))
    red, green, blue = np.clip(np.array(colours[int(generator.integers(len(colours)))]) * factor, 0.004, 0.9)
    return (float(red), float(green), float(blue))


def _sample_glasses(generator: np.random.Generator, age: float, masculine: float) -> Glasses:
    if generator.random() >= np.interp(age, _AGES, _WITH_GLASSES):
        return Glasses()
    shares = np.array(_SHAPE_SHARES) * (1.0, 1.0, 1.0, 1.0, 1.0 - 0.95 * masculine, 1.0, 1.0, float(age > 16))
    shape = str(generator.choice(GLASSES_SHAPES[1:], p=shares / shares.sum()))
    dark = age > 16 and generator.random() < _SUNGLASSES
    wire = shape in ("aviator", "rimless") or (shape in ("round", "oval", "half_rim") and generator.random() < 0.5)
    return Glasses(
        shape=shape,
        thickness_dm=_uniform(generator, 0.013, 0.020) if wire else _uniform(generator, 0.026, 0.062),
        colour=_pick(generator, _METAL if wire else _PLASTIC),
        metal=1.0 if wire else 0.0,
        tint=_uniform(generator, 0.82, 0.97) if dark else _uniform(generator, 0.02, 0.10),
        tint_colour=_pick(generator, _TINTS),
        gradient=_uniform(generator, 0.2, 0.5) if dark and generator.random() < 0.5 else 0.0,
        reflection=_uniform(generator, 0.1, 1.0) ** 2,
        size=_uniform(generator, 0.92, 1.08) * (1.12 if dark else 1.0),
        slide_dm=max(0.0, float(generator.normal(0.0, 0.02))),
    )


def _cloth(generator: np.random.Generator) -> Colour:
    """A dyed cloth: any lightness from black to white, hues muted."""
    level, hue = np.exp(generator.uniform(np.log(0.015), np.log(0.6))), np.exp(generator.normal(0.0, 0.45, 3))
    red, green, blue = np.clip(level * hue, 0.006, 0.8)
    return (float(red), float(green), float(blue))


def _sample_headwear(generator: np.random.Generator, age: float, masculine: float) -> Headwear:
    feminine, mannish = (np.array(_HEADWEAR_SHARES[name]) for name in ("feminine", "masculine"))
    shares = np.array(_HEADWEAR_SHARES["child"]) if age < 14 else feminine + masculine * (mannish - feminine)
    place = int(np.searchsorted(shares.cumsum(), generator.random()))
    if place == len(shares):
        return Headwear()
    kind = HEADWEAR_KINDS[1 + place]
    turned = kind == "cap" and generator.random() < 0.12
    return Headwear(
        kind=kind,
        colour=_cloth(generator),
        second_colour=_cloth(generator),
        pattern=_uniform(generator, 0.3, 1.0) if generator.random() < 0.5 else 0.0,
        depth=_uniform(generator, 0.05, 0.6 if kind == "cap" else 0.9),
        brim_dm=_uniform(generator, 0.55, 0.8) if kind == "cap" else _uniform(generator, 0.45, 0.95),
        loose=_uniform(generator, 0.0, 0.9),
        turn_deg=180.0 if turned else clamp(generator.normal(0.0, 5.0), -15.0, 15.0),
    )


_OCCLUDER_SHARES = {
    **dict.fromkeys(MASKS, 0.12), **dict.fromkeys(HANDS, 0.11), "cup": 0.11, "phone": 0.11, "microphone": 0.10,
}  # fmt: skip
_MASK_COLOURS: tuple[Colour, ...] = ((0.33, 0.50, 0.62), (0.72, 0.73, 0.73), (0.02, 0.02, 0.022), (0.40, 0.58, 0.50))


def sample_occluder(generator: np.random.Generator, *, kind: str | None = None) -> Occluder:
    """Something before the face, of this kind or of any, each about as often; a place, a size and a turn a little off
    the usual ones."""
    shares = np.array([_OCCLUDER_SHARES[kind] for kind in OCCLUDER_KINDS[1:]])
    drawn = str(generator.choice(OCCLUDER_KINDS[1:], p=shares / shares.sum()))
    kind = drawn if kind is None else kind
    roam = 0.3 if kind in MASKS else 1.0
    return Occluder(
        kind=kind,
        x_dm=clamp(generator.normal(0.0, 0.07), -0.2, 0.2) * roam,
        y_dm=clamp(generator.normal(0.0, 0.07), -0.2, 0.2) * roam,
        size=1.0 + clamp(generator.normal(0.0, 0.06), -0.15, 0.15) * roam,
        turn_deg=0.0 if kind in MASKS else clamp(generator.normal(0.0, 9.0), -25.0, 25.0),
        low=1.0 if kind in MASKS and generator.random() < 0.2 else 0.0,
        left=bool(generator.random() < 0.5),
        colour=_pick(generator, _MASK_COLOURS) if kind == MASKS[0] else _cloth(generator),
        second_colour=_cloth(generator),
    )
