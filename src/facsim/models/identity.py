"""Who a head is: the numbers that stay across expression, pose and light, and how to draw them at random.

Age, gender and ancestry drive MakeHuman's macro targets; `shape` drives its local ones through two-sided sliders (`nose-hump` at +0.5
is half of `nose-hump-incr`, at -0.5 half of `nose-hump-decr`).
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from facsim.errors import FacsimError, hint_nearest

__all__ = ["Identity", "list_sliders", "sample_identity", "weigh_identity"]

ANCESTRIES = ("african", "asian", "caucasian")
# Years at MakeHuman's age targets (its own mapping of the age slider: 1, 10, 25 and 90 years).
_AGES = (("baby", 1.0), ("child", 10.0), ("young", 25.0), ("old", 90.0))
_LEVELS = (("min", 0.0), ("average", 0.5), ("max", 1.0))

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
    """Slider -> its targets at -1 and at +1, for the local targets among these names; a missing end is None."""
    sliders: dict[str, tuple[str | None, str | None]] = {}
    for target in targets:
        if "/" in target or re.match(r"(african|asian|caucasian|universal)-", target) or "-" not in target:
            continue
        stem, end = target.rsplit("-", 1)
        for low, high in _OPPOSITES:
            if end in (low, high):
                before = sliders.get(stem, (None, None))
                sliders[stem] = (target, before[1]) if end == low else (before[0], target)
                break
        else:
            sliders[target] = (None, target)
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
        for ancestry, c in zip(ANCESTRIES, identity.ancestry, strict=True):
            weights[f"{ancestry}-{gender}-{age}"] = a * b * c
        for (muscle, m), (mass, n) in itertools.product(muscles.items(), masses.items()):
            weights[f"universal-{gender}-{age}-{muscle}muscle-{mass}weight"] = a * b * m * n
    return {name: weight for name, weight in weights.items() if weight > 0.0}


def _blend(value: float, anchors: tuple[tuple[str, float], ...]) -> dict[str, float]:
    """Linear interpolation weights of the anchors around `value`."""
    places = [place for _, place in anchors]
    upper = int(np.clip(np.searchsorted(places, value), 1, len(places) - 1))
    share = float(np.clip((value - places[upper - 1]) / (places[upper] - places[upper - 1]), 0.0, 1.0))
    return {anchors[upper - 1][0]: 1.0 - share, anchors[upper][0]: share}
