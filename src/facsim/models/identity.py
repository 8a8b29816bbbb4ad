"""Who a head is: the numbers that stay across expression, pose and light, and how to draw them at random.

Age, gender and ancestry drive MakeHuman's macro targets; `shape` drives its local ones through two-sided sliders
(`nose-hump` at +0.5 is half of `nose-hump-incr`, at -0.5 half of `nose-hump-decr`).
"""

import bisect
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from facsim.errors import FacsimError, hint_nearest
from facsim.models.vectors import clamp

__all__ = ["Identity", "list_sliders", "roaming_sliders", "sample_identity", "weigh_identity"]

_ANCESTRIES = ("african", "asian", "caucasian")
# Years at MakeHuman's age targets (its own mapping of the age slider: 1, 10, 25 and 90 years).
_AGES = (("baby", 1.0), ("child", 10.0), ("young", 25.0), ("old", 90.0))
_LEVELS = (("min", 0.0), ("average", 0.5), ("max", 1.0))

_MACRO = re.compile(r"(african|asian|caucasian|universal)-")
_OPPOSITES = (
    ("decr", "incr"), ("down", "up"), ("in", "out"), ("backward", "forward"), ("concave", "convex"),
    ("compress", "uncompress"), ("l", "r"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Everything about a head that stays across expression, pose and light."""

    age_years: float
    """Apparent age, 3 to 90."""
    gender: float
    """0 feminine to 1 masculine."""
    ancestry: tuple[float, float, float]
    """Weights of MakeHuman's African, Asian and European targets; they sum to 1."""
    weight: float = 0.5
    """0 lean, 0.5 average, 1 heavy."""
    muscle: float = 0.5
    """0 slack, 0.5 average, 1 muscular."""
    shape: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Slider (see `list_sliders`) -> position in [-1, 1]; sliders left out stand at 0."""

    def __post_init__(self) -> None:
        bounds = {"age_years": (3.0, 90.0), "gender": (0.0, 1.0), "weight": (0.0, 1.0), "muscle": (0.0, 1.0)}
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise FacsimError(f"Identity has {name} = {getattr(self, name)}; expected {low:g} to {high:g}.")
        if min(self.ancestry) < 0.0 or abs(sum(self.ancestry) - 1.0) > 1e-3:
            raise FacsimError(f"Identity has ancestry = {self.ancestry}; expected three weights >= 0 that sum to 1.")


def list_sliders(targets: Iterable[str]) -> dict[str, tuple[str | None, str | None]]:
    """Slider -> its targets at -1 and at +1, for the local targets among these names; a missing end is None.

    A slider is named for its positive end (`nose-point-up`), or just for the part where that end is `incr`
    (`nose-hump`).
    """
    sliders: dict[str, tuple[str | None, str | None]] = {}
    for target in targets:
        if "/" in target or "-" not in target or _MACRO.match(target):
            continue
        stem, end = target.rsplit("-", 1)
        pair = next((pair for pair in _OPPOSITES if end in pair), None)
        name = target if pair is None else stem if pair[1] in ("incr", "r") else f"{stem}-{pair[1]}"
        low, high = sliders.get(name, (None, None))
        sliders[name] = (target, high) if pair is not None and end == pair[0] else (low, target)
    return sliders


def weigh_identity(identity: Identity, sliders: Mapping[str, tuple[str | None, str | None]]) -> dict[str, float]:
    """Target -> weight for this identity. FacsimError on an unknown slider, naming the nearest."""
    weights = _weigh_macro(identity)
    for name, position in identity.shape.items():
        if name not in sliders:
            raise FacsimError(f'Identity.shape has "{name}", which is no slider.{hint_nearest(name, sliders)}')
        target = sliders[name][position > 0.0]
        if target is not None and position != 0.0:
            weights[target] = weights.get(target, 0.0) + min(abs(position), 1.0)
    return weights


def _weigh_macro(identity: Identity) -> dict[str, float]:
    ages = _blend(identity.age_years, _AGES)
    genders = {"female": 1.0 - identity.gender, "male": identity.gender}
    muscles, masses = _blend(identity.muscle, _LEVELS), _blend(identity.weight, _LEVELS)
    weights: dict[str, float] = {}
    for (gender, a), (age, b) in itertools.product(genders.items(), ages.items()):
        for ancestry, c in zip(_ANCESTRIES, identity.ancestry, strict=True):
            weights[f"{ancestry}-{gender}-{age}"] = a * b * c
        for (muscle, m), (mass, n) in itertools.product(muscles.items(), masses.items()):
            weights[f"universal-{gender}-{age}-{muscle}muscle-{mass}weight"] = a * b * m * n
    return {name: weight for name, weight in weights.items() if weight > 0.0}


def _blend(value: float, anchors: tuple[tuple[str, float], ...]) -> dict[str, float]:
    """Linear interpolation weights of the anchors around `value`."""
    places = [place for _, place in anchors]
    upper = min(max(bisect.bisect_left(places, value), 1), len(places) - 1)
    share = min(max((value - places[upper - 1]) / (places[upper] - places[upper - 1]), 0.0), 1.0)
    return {anchors[upper - 1][0]: 1.0 - share, anchors[upper][0]: share}


# How far sliders roam: the standard deviation of a slider's position; `?-` stands for both sides, which differ a
# little. Sliders that are not here stay at 0: they repeat another one, or shape what hair and clothes cover.
_ROAM: Mapping[str, float] = {
    "head-angle-out": 0.12, "head-fat": 0.15, "head-scale-horiz": 0.15, "head-scale-vert": 0.12,
    "head-scale-depth": 0.12,
    "forehead-nubian": 0.15, "forehead-scale-vert": 0.17, "forehead-temple": 0.17, "forehead-trans-forward": 0.12,
    "eyebrows-angle-up": 0.17, "eyebrows-trans-forward": 0.23, "eyebrows-trans-up": 0.25,
    "?-eye-trans-up": 0.14, "?-eye-trans-out": 0.17, "?-eye-push1-out": 0.14, "?-eye-scale": 0.22, "?-eye-bag": 0.22,
    "?-eye-bag-height": 0.22, "?-eye-corner1-up": 0.25, "?-eye-corner2-up": 0.25, "?-eye-eyefold-up": 0.22,
    "?-eye-eyefold-angle-up": 0.22, "?-eye-eyefold-convex": 0.25, "?-eye-epicanthus-out": 0.17, "?-eye-height2": 0.17,
    "nose-hump": 0.19, "nose-curve-convex": 0.17, "nose-point-up": 0.17, "nose-base-up": 0.15, "nose-greek": 0.13,
    "nose-width1": 0.17, "nose-width2": 0.17, "nose-width3": 0.17, "nose-volume": 0.15, "nose-point-width": 0.17,
    "nose-nostrils-width": 0.15, "nose-nostrils-angle-up": 0.13, "nose-septumangle": 0.13, "nose-flaring": 0.15,
    "nose-scale-horiz": 0.15, "nose-scale-vert": 0.15, "nose-scale-depth": 0.15, "nose-trans-up": 0.13,
    "mouth-scale-horiz": 0.25, "mouth-scale-vert": 0.17, "mouth-trans-up": 0.25, "mouth-upperlip-volume": 0.29,
    "mouth-lowerlip-volume": 0.29, "mouth-upperlip-height": 0.22, "mouth-lowerlip-height": 0.22,
    "mouth-cupidsbow": 0.29, "mouth-cupidsbow-width": 0.25, "mouth-philtrum-volume": 0.22, "mouth-upperlip-width": 0.22,
    "mouth-lowerlip-width": 0.22,
    "mouth-laugh-lines-out": 0.22, "mouth-angles-up": 0.09,
    "chin-bones": 0.17, "chin-cleft": 0.17, "chin-height": 0.17, "chin-jaw-drop": 0.17, "chin-prominent": 0.17,
    "chin-width": 0.2, "chin-prognathism": 0.1,
    "?-cheek-bones": 0.2, "?-cheek-inner": 0.17, "?-cheek-trans-up": 0.15, "?-cheek-volume": 0.2,
    "?-ear-flap": 0.15, "?-ear-lobe": 0.2, "?-ear-scale": 0.2, "?-ear-scale-vert": 0.17, "?-ear-wing": 0.2,
    "?-ear-rot-forward": 0.12, "neck-scale-horiz": 0.12, "neck-scale-depth": 0.1, "neck-double": 0.1,
}  # fmt: skip
# Where sliders stand on average, where MakeHuman's mean adult is not the published one. Its eyes are small and close
# set: outer canthi 84 mm apart and pupils 59, where Farkas has 88 and 91 (women, men; Anthropometry of the Head and
# Face, 1994) and Dodgson 63 (SPIE 5291, 2004); its mouth is 47 mm wide, his 50 and 55. Its brows are high: their middle
# 24 mm above the eye, where the upper edge is at 25 and the middle about 21 (McKinney, Mossie and Zirkle, Aesthetic
# Plastic Surgery 15, 1991). There they frowned beside FER2013's neutral faces, by MediaPipe's landmarks, and stand
# about a millimetre higher now.
_MEAN: Mapping[str, float] = {
    "?-eye-trans-out": 0.42, "?-eye-scale": 0.45, "eyebrows-trans-up": -0.27, "mouth-scale-horiz": 0.25,
}  # fmt: skip
# Both sides of a pair share all but this much of their movement; the `asym` targets add the rest of a face's
# crookedness.
_SIDE_SHARE = 0.2
_CROOKED = tuple(f"asym-{part}" for part in ("brown-1", "cheek-1", "eye-2", "jaw-1", "mouth-1", "nose-1", "temple-1"))
_CROOKED_ROAM = 0.1
_OUTLINES = ("oval", "round", "square", "rectangular", "diamond", "triangular", "invertedtriangular")


def sample_identity(
    generator: np.random.Generator, *, age_years: float, gender: float, ancestry: tuple[float, float, float]
) -> Identity:
    """An identity of this age, gender and ancestry with a build and features of its own, slightly asymmetric."""
    weight, muscle = generator.normal((0.5, 0.5), (0.2, 0.15))
    return Identity(
        age_years=float(age_years),
        gender=float(gender),
        ancestry=ancestry,
        weight=round(clamp(weight, 0.02, 0.98), 4),
        muscle=round(clamp(muscle, 0.1, 0.95), 4),
        shape=_draw_shape(generator),
    )


def roaming_sliders() -> tuple[str, ...]:
    """Names of the sliders that `sample_identity` moves, both sides of a pair, in the order that it draws them."""
    sides = [(f"l{name[1:]}", f"r{name[1:]}") if name.startswith("?") else (name,) for name in _ROAM]
    return (*(name for pair in sides for name in pair), *_CROOKED, *(f"head-{outline}" for outline in _OUTLINES))


def _draw_shape(generator: np.random.Generator) -> dict[str, float]:
    shape: dict[str, float] = {}
    roams = np.array([*_ROAM.values()])[:, None]
    for name, (both, left, right) in zip(_ROAM, generator.normal(0.0, roams, (len(roams), 3)).tolist(), strict=True):
        both += _MEAN.get(name, 0.0)
        if name.startswith("?"):
            shape[f"l{name[1:]}"] = float(both + _SIDE_SHARE * left)
            shape[f"r{name[1:]}"] = float(both + _SIDE_SHARE * right)
        else:
            shape[name] = float(both)
    for name, position in zip(_CROOKED, generator.normal(0.0, _CROOKED_ROAM, len(_CROOKED)), strict=True):
        shape[name] = float(position)
    shape[f"head-{generator.choice(_OUTLINES)}"] = float(0.5 * generator.beta(1.2, 2.0))
    return {name: round(clamp(position, *_reach(name)), 4) for name, position in shape.items()}


@cache
def _reach(slider: str) -> tuple[float, float]:
    """How far a slider may go: half its way to either side of where it stands on average."""
    mean = _MEAN.get(re.sub("^[lr]-", "?-", slider), 0.0)
    return max(mean - 0.5, -1.0), min(mean + 0.5, 1.0)
