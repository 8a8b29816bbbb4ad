"""Hair, beard and brows at random, plausible for an apparent age, gender, ancestry and skin tone.

Styles go by the relative shares of `facsim.models.hair_styles`, beards and brows by those below: round numbers chosen
so that a few hundred people show every one; none was fitted to photographs.
"""

from dataclasses import dataclass, replace

import numpy as np

from facsim.models.appearance import Beard, Brows, Colour, Hair
from facsim.models.hair_styles import HAIR_STYLES, HairStyle, style_hair
from facsim.models.vectors import clamp

__all__ = ["BEARD_KINDS", "Traits", "grow_beard", "sample_beard", "sample_brows", "sample_hair"]

_GREY: Colour = (0.23, 0.225, 0.22)

Span = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What the parts of a person are drawn from."""

    age: float
    masculine: float
    ancestry: tuple[float, float, float]
    """Weights of African, Asian and European."""
    tone: float
    """Place on the Monk scale, 1 to 10."""

    @property
    def adult(self) -> float:
        """0 to the age of 14, 1 from 20."""
        return clamp((self.age - 14.0) / 6.0, 0.0, 1.0)

    @property
    def balding(self) -> float:
        """How far a man of this age may have lost his hair: 0 at 20, 1 from 65."""
        return clamp((self.age - 20.0) / 45.0, 0.0, 1.0) * self.masculine


def sample_hair(generator: np.random.Generator, traits: Traits, *, colour: Colour, grey: float) -> Hair:
    """Hair of a style that this person might wear, in their colour."""
    coiled = generator.random() < traits.ancestry[0] * 0.85
    curl = float(generator.uniform(0.65, 1.0)) if coiled else float(generator.beta(1.3, 3.5))
    shares = np.array([_share(name, style, traits, coiled) for name, style in HAIR_STYLES.items()])
    style = list(HAIR_STYLES)[int(generator.choice(len(shares), p=shares / shares.sum()))]
    hair = style_hair(style, generator)
    low, high = HAIR_STYLES[style].curl
    receding = clamp(generator.normal(0.05 + 0.4 * traits.balding, 0.18), 0.0, 0.6) * traits.adult
    recedes = hair.receding == 0.0 and traits.masculine > 0.5 and hair.fringe < 0.3
    return replace(
        hair,
        colour=colour,
        grey=grey,
        curl=curl if low <= curl <= high else hair.curl,
        receding=receding if recedes else hair.receding,
    )


def _share(name: str, style: HairStyle, traits: Traits, coiled: bool) -> float:
    """The style's relative share among people of these traits."""
    man = traits.masculine
    grown = man * style.man + (1.0 - man) * style.woman
    # girls and boys wear what women and men may wear
    small = style.child * (man * min(1.0, 3.0 * style.man + 0.1) + (1.0 - man) * min(1.0, 3.0 * style.woman + 0.1))
    share = traits.adult * grown + (1.0 - traits.adult) * small
    if name in ("receding", "shaved"):
        share *= 0.12 + 1.9 * traits.balding**1.5
    if style.length_dm[0] > 1.5 and traits.age > 55.0:
        share *= 0.4
    return share * (style.coiled if coiled else style.straight)


@dataclass(frozen=True, kw_only=True)
class _BeardKind:
    share: float
    stubble: Span
    moustache: Span = (0.0, 0.0)
    chin: Span = (0.0, 0.0)
    cheeks: Span = (0.0, 0.0)
    cheek_line: Span = (0.0, 0.0)


_KINDS = {
    "clean": _BeardKind(share=0.40, stubble=(0.03, 0.30)),
    "stubble": _BeardKind(
        share=0.24, stubble=(0.5, 1.0), moustache=(0.05, 0.25), chin=(0.05, 0.25), cheeks=(0.0, 0.18)
    ),
    "moustache": _BeardKind(share=0.05, stubble=(0.05, 0.4), moustache=(0.7, 1.0)),
    "goatee": _BeardKind(share=0.05, stubble=(0.1, 0.5), chin=(0.6, 1.0), moustache=(0.0, 0.3)),
    "circle": _BeardKind(share=0.08, stubble=(0.1, 0.6), moustache=(0.6, 1.0), chin=(0.6, 1.0)),
    "chin strap": _BeardKind(
        share=0.03,
        stubble=(0.2, 0.5),
        moustache=(0.0, 0.2),
        chin=(0.6, 0.95),
        cheeks=(0.6, 0.95),
        cheek_line=(-1.0, -0.7),
    ),
    "boxed": _BeardKind(
        share=0.08,
        stubble=(0.4, 0.8),
        moustache=(0.6, 0.95),
        chin=(0.7, 1.0),
        cheeks=(0.55, 0.9),
        cheek_line=(-0.5, -0.15),
    ),
    "full": _BeardKind(
        share=0.08, stubble=(0.5, 0.9), moustache=(0.8, 1.0), chin=(0.9, 1.0), cheeks=(0.8, 1.0), cheek_line=(0.0, 0.35)
    ),
}
BEARD_KINDS: tuple[str, ...] = tuple(_KINDS)
"""What `Beard.kind` may be."""


def sample_beard(generator: np.random.Generator, traits: Traits, *, colour: Colour, grey: float) -> Beard:
    """A grown man's beard or shaven shade; none for women and children."""
    if traits.masculine * traits.adult < 0.5 or traits.age < 17:
        return Beard()
    shares = np.array([kind.share for kind in _KINDS.values()])
    name = BEARD_KINDS[int(generator.choice(len(shares), p=shares / shares.sum()))]
    tint = _mix(colour, _GREY, min(1.0, 1.15 * grey))
    return grow_beard(generator, name, colour=tint, dense=1.0 - 0.45 * traits.ancestry[1])


def grow_beard(generator: np.random.Generator, name: str, *, colour: Colour, dense: float = 1.0) -> Beard:
    """A beard of one of `BEARD_KINDS` in this colour; `dense` is a factor on how densely it grows."""
    kind = _KINDS[name]
    return Beard(
        kind=name,
        stubble=float(generator.uniform(*kind.stubble)) * dense,
        moustache=float(generator.uniform(*kind.moustache)) * dense,
        chin=float(generator.uniform(*kind.chin)) * dense,
        cheeks=float(generator.uniform(*kind.cheeks)) * dense,
        cheek_line=float(generator.uniform(*kind.cheek_line)),
        colour=colour,
    )


def sample_brows(generator: np.random.Generator, traits: Traits, *, colour: Colour, grey: float) -> Brows:
    """Brows a little darker than the hair, of any usual shape; fuller on men, thinner on children and the old."""
    shade = 0.55 if sum(colour) > 0.3 else 0.85
    joined = generator.random() < 0.06 * traits.masculine * traits.adult
    child, man = 1.0 - traits.adult, traits.masculine
    plucked = generator.random() < 0.3 * traits.adult * (1.0 - man)
    thickness = generator.normal(0.82 + 0.28 * man - 0.12 * child - 0.2 * plucked, 0.13)
    return Brows(
        colour=_mix(_mix(colour, (0.0, 0.0, 0.0), 1.0 - shade), _GREY, 0.6 * grey),
        density=clamp(generator.normal(0.72 - 0.2 * child - 0.2 * (traits.age > 65), 0.12), 0.35, 1.0),
        thickness=clamp(thickness, 0.45, 1.5),
        joined=float(generator.uniform(0.3, 1.0)) if joined else 0.0,
        arch=clamp(generator.normal(0.55 - 0.25 * man + 0.15 * plucked, 0.2), 0.0, 1.0),
        slant=clamp(generator.normal(0.0, 0.35), -1.0, 1.0),
    )


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (1.0 - share) * np.asarray(one) + share * np.asarray(other)
    return (float(red), float(green), float(blue))
