"""What people wear, at random: glasses by age, headwear by age and gender, and now and then something before the face.

The shares are round numbers chosen so that a few hundred draws show every piece; none was fitted to photographs.
Glasses and headwear stay with a person, an occluder belongs to the moment.
"""

import numpy as np

from facsim.models.appearance import Colour
from facsim.models.worn import Glasses, Worn
from facsim.wearables import GLASSES_SHAPES

__all__ = ["sample_worn"]

_AGES = (3.0, 8.0, 18.0, 40.0, 55.0, 75.0)
_WITH_GLASSES = (0.03, 0.10, 0.18, 0.22, 0.36, 0.42)
"""Shares of people with glasses at those ages."""

_SUNGLASSES = 0.03
"""Share of adults' glasses that are dark: they hide the eyes, so they are rarer than in life."""

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
    return Worn(glasses=glasses)


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
