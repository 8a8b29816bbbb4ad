"""What the page asks for: settings as JSON, read with care, and the scene that they say.

    {"turn": 7, "size_px": 224, "seed": 3, "age_years": 60, "gender": "feminine", "ancestry": [0, 0.5, 0.5], "tone": 8,
     "coding": {"12L": 4, "12R": 4}, "pose_deg": [20, 0, 0], "set": {"hair.curl": 0.9, "light.kind": "window"}}

Every key may be left out; `set` holds values by the paths of docs/scene.md. A picture is that of `facsim.render` with
the same arguments, to the bit. Whatever else is said is refused with the nearest known name.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from facsim.coding import lateral_intensities
from facsim.errors import FacsimError, hint_nearest
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.models.action_units import check_action_units
from facsim.models.scene import Scene
from facsim.models.scene_parameters import PARAMETERS
from facsim.models.scene_settings import set_scene
from facsim.sources.render import PersonKey, compose_scene
from facsim.studio.controls import check_values

__all__ = ["GENDERS", "LIMITS", "SIZES_PX", "Settings", "compose", "read_json", "read_settings"]

GENDERS = ("feminine", "masculine")
SIZES_PX = (48, 112, 224, 448)
_LAST_SEED = 2**31 - 1

_TURNS = ("camera.yaw_deg", "camera.pitch_deg", "camera.roll_deg")
LIMITS: Mapping[str, tuple[float, float]] = {
    "age_years": (3.0, 90.0),
    **{path.partition(".")[2]: (PARAMETERS[path].low, PARAMETERS[path].high) for path in _TURNS},
}
"""What the numbers of a face may be: those of `facsim.render`."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One picture as it is asked for; `turn` counts a page's requests."""

    turn: int = 0
    page: str = ""
    size_px: int = 224
    seed: int = 0
    age_years: float = 30.0
    gender: str = "feminine"
    ancestry: tuple[float, float, float] = (0.2, 0.3, 0.5)
    tone: int = 4
    coding: Mapping[str, float] = field(default_factory=dict)
    pose_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    expression: str | None = None
    """The expression whose prototype the coding is; it names the picture and changes nothing in it."""
    set: Mapping[str, Any] = field(default_factory=dict)


def compose(settings: Settings) -> Scene:
    """The scene that the settings say: that of `facsim.render`."""
    who = f"render/{settings.seed}"
    key = PersonKey(
        identity_id=who,
        age_years=settings.age_years,
        gender=settings.gender,
        ancestry=settings.ancestry,
        tone=settings.tone,
    )
    scene = compose_scene(key, settings.coding, pose_deg=settings.pose_deg, seed=settings.seed)
    return set_scene(scene, settings.set, sample=who, person=who)


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object that a request's body holds. FacsimError where it is none, or holds NaN or an infinity."""
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FacsimError(f"this is not JSON: {str(error)[:120]}; expected an object") from error
    if not isinstance(found, dict):
        raise FacsimError(f"found JSON of type {type(found).__name__}; expected an object")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def read_settings(data: Mapping[str, Any]) -> Settings:
    """The settings that a request asks for. FacsimError at the first thing that is not as it should be."""
    known = {entry.name for entry in fields(Settings)}
    for name in data:
        if name not in known:
            raise FacsimError(f'settings have no "{name[:80]}".{hint_nearest(name[:80], known)}')
    return Settings(**{name: _READERS[name](name, value) for name, value in data.items()})


def _read_number(name: str, value: Any, limits: tuple[float, float]) -> float:
    low, high = limits
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not low <= value <= high or not math.isfinite(value):
        raise FacsimError(f'"{name}" is {_shown(value)}; expected a number from {low:g} to {high:g}')
    return float(value)


def _read_whole(name: str, value: Any, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise FacsimError(f'"{name}" is {_shown(value)}; expected a whole number from {low} to {high}')
    return value


def _read_numbers(name: str, value: Any, limits: tuple[tuple[float, float], ...]) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != len(limits):
        raise FacsimError(f'"{name}" is {_shown(value)}; expected {len(limits)} numbers')
    return tuple(_read_number(name, entry, limit) for entry, limit in zip(value, limits, strict=True))


def _read_one_of(name: str, value: Any, known: tuple[Any, ...]) -> Any:
    if isinstance(value, bool) or value not in known:
        raise FacsimError(f'"{name}" is {_shown(value)}; expected one of {", ".join(map(str, known))}')
    return known[known.index(value)]


def _read_age(name: str, value: Any) -> float:
    return _read_number(name, value, LIMITS["age_years"])


def _read_seed(name: str, value: Any) -> int:
    return _read_whole(name, value, 0, _LAST_SEED)


def _read_tone(name: str, value: Any) -> int:
    return _read_whole(name, value, 1, 10)


def _read_turn(name: str, value: Any) -> int:
    return _read_whole(name, value, 0, 2**53)


def _read_page(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 40:
        raise FacsimError(f'"{name}" is {_shown(value)}; expected a text of at most 40 characters')
    return value


def _read_size(name: str, value: Any) -> int:
    return _read_one_of(name, value, SIZES_PX)


def _read_gender(name: str, value: Any) -> str:
    return _read_one_of(name, value, GENDERS)


def _read_expression(name: str, value: Any) -> str | None:
    return None if value is None else _read_one_of(name, value, EIGHT_EXPRESSIONS)


def _read_ancestry(name: str, value: Any) -> tuple[float, float, float]:
    """Weights of any sum above 0, made to sum to 1."""
    weights = np.array(_read_numbers(name, value, ((0.0, 100.0),) * 3))
    if weights.sum() <= 1e-6:
        raise FacsimError(f'"{name}" is {_shown(value)}; expected three weights of which one is above 0')
    african, asian, european = (float(weight) for weight in weights / weights.sum())
    return (african, asian, european)


def _read_coding(name: str, value: Any) -> dict[str, float]:
    """A coding by key, of AUs that the head can show."""
    if not isinstance(value, dict):
        raise FacsimError(f'"{name}" is {_shown(value)}; expected an object such as {{"12L": 3}}')
    plain = {key[:20]: _read_number(f"{name}.{key[:20]}", entry, (0.0, 5.0)) for key, entry in value.items()}
    return check_action_units(lateral_intensities(plain))


def _read_pose(name: str, value: Any) -> tuple[float, float, float]:
    yaw, pitch, roll = _read_numbers(name, value, (LIMITS["yaw_deg"], LIMITS["pitch_deg"], LIMITS["roll_deg"]))
    return (yaw, pitch, roll)


def _read_set(name: str, value: Any) -> dict[str, Any]:
    """Values by path."""
    if not isinstance(value, dict):
        raise FacsimError(f'"{name}" is {_shown(value)}; expected an object such as {{"hair.curl": 0.5}}')
    return check_values(value)


def _shown(value: Any) -> str:
    return json.dumps(value)[:60]


_READERS: Mapping[str, Any] = {
    "turn": _read_turn,
    "page": _read_page,
    "size_px": _read_size,
    "seed": _read_seed,
    "age_years": _read_age,
    "gender": _read_gender,
    "ancestry": _read_ancestry,
    "tone": _read_tone,
    "coding": _read_coding,
    "pose_deg": _read_pose,
    "expression": _read_expression,
    "set": _read_set,
}
