"""What can be set in a scene: one control for each of its values, found in the scene's own types.

A control's `path` is where its value stands: `hair.length_dm` is `scene.hair.length_dm`. Nothing here lists what
there is, so that whatever `Scene` gains has a control: fields of dataclasses give numbers, flags, choices and colours;
their limits are `_LIMITS` where a person should be offered a round range, else those of scenes drawn at random.

Light has two values more, which stand for a lamp's colour: `light.key.strength`, its luminance, and
`light.key.kelvin`, its warmth.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from facsim.errors import FacsimError, hint_nearest
from facsim.models.appearance import Colour
from facsim.models.casting import sample_person
from facsim.models.identity import Identity, sample_identity
from facsim.models.scene import BACKGROUND_KINDS, Lamp, Scene
from facsim.models.staging import sample_scene, white_light

__all__ = ["Control", "list_controls", "read_controls", "set_controls"]

_DRAWS = 160
"""Scenes drawn to see what values there are."""

_MOST_COLOUR = 12.0
"""Channels of lamps stay below this, as `facsim.models.staging` has it; albedos stay below 1."""

_KELVIN = (2500.0, 10000.0)
_STRENGTH = (0.0, 4.0)

_ELSEWHERE = ("action_units", "gaze", "camera.yaw_deg", "camera.pitch_deg", "camera.roll_deg", "mirrored")
"""Values that the page sets by name and not by path, or that cannot be set."""

_IDENTITY_AGE = ("identity.age_years", "identity.gender", "identity.ancestry")
"""The person's own: given to the casting, so that skin and hair follow."""

_LIMITS: Mapping[str, tuple[float, float]] = {
    "camera.crop_scale": (0.9, 2.2),
    "camera.distance_dm": (4.0, 30.0),
    "camera.shift_x": (-0.2, 0.2),
    "camera.shift_y": (-0.2, 0.2),
    "camera.torso_follow": (0.0, 1.0),
    "sensor.exposure_ev": (-2.0, 2.0),
    "sensor.metering": (0.0, 1.0),
    "sensor.contrast": (0.5, 2.0),
    "sensor.saturation": (0.0, 2.0),
    "sensor.vignetting": (0.0, 0.8),
    "sensor.blur": (0.0, 0.015),
    "sensor.noise": (0.0, 0.08),
    "sensor.jpeg_quality": (10.0, 100.0),
    "sensor.resolution": (0.1, 1.0),
    "background.contrast": (0.0, 1.0),
    "background.scale": (0.05, 0.6),
    "identity.weight": (0.0, 1.0),
    "identity.muscle": (0.0, 1.0),
    "hair.length_dm": (0.0, 3.5),
    "hair.receding": (0.0, 1.1),
    "hair.parting": (-1.0, 1.0),
    "skin.folds": (0.0, 1.2),
    "skin.age_lines": (0.0, 1.2),
    "seed": (0.0, 2.0**31 - 1.0),
}
_LAMP_LIMITS: Mapping[str, tuple[float, float]] = {
    "azimuth_deg": (-180.0, 180.0),
    "elevation_deg": (-30.0, 90.0),
    "softness": (0.02, 0.8),
    "strength": _STRENGTH,
    "kelvin": _KELVIN,
}
_CHOICES: Mapping[str, tuple[str, ...]] = {"background.kind": BACKGROUND_KINDS}


@dataclass(frozen=True, kw_only=True)
class Control:
    """One value of a scene that can be set.

    `kind` is number, flag, choice or colour; `low` and `high` bound a number or a colour's channels, `whole` numbers
    have no fraction; `choices` are a choice's; where `optional`, None is a value too.
    """

    path: str
    kind: str
    low: float = 0.0
    high: float = 1.0
    whole: bool = False
    choices: tuple[str, ...] = ()
    optional: bool = False


@lru_cache(maxsize=1)
def list_controls() -> Mapping[str, Control]:
    """Path -> control, in the order of the scene's fields; lamps' strength and warmth after their other values."""
    seen: dict[str, list[Any]] = {}
    for scene in _drawn_scenes():
        for path, _, value in _walk(scene):
            seen.setdefault(path, []).append(value)
    types_of = {path: kind for scene in _drawn_scenes() for path, kind, _ in _walk(scene)}
    found = {path: _control(path, types_of[path], values) for path, values in seen.items()}
    return {path: control for path, control in found.items() if control is not None}


def read_controls(scene: Scene) -> dict[str, Any]:
    """Path -> value of this scene, for every control; colours as lists, features that are not said as 0."""
    known = list_controls()
    said = {path: value for path, _, value in _walk(scene)}
    return {path: _plain(said.get(path, 0.0)) for path in known}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def set_controls(scene: Scene, values: Mapping[str, Any]) -> Scene:
    """The scene with these values (path -> value) in place of its own.

    Raises FacsimError where there is no such control, or where the value is not one of its own.
    """
    for path, value in values.items():
        checked = _check(_known(path), value)
        scene = _set_lamp(scene, path, checked) if _is_lamp(path) else _replace(scene, path.split("."), checked)
    return scene


# finding


def _drawn_scenes() -> Iterator[Scene]:
    yield Scene(identity=_draw_identity(np.random.default_rng(0), 0))
    for number in range(_DRAWS):
        generator = np.random.default_rng([7, number])
        identity = _draw_identity(generator, number)
        person = sample_person(generator, identity, skin_tone_monk=1 + number % 10)
        yield sample_scene(generator, identity=identity, action_units={}, person=person)


def _draw_identity(generator: np.random.Generator, number: int) -> Identity:
    african, asian, european = (float(share) for share in generator.dirichlet([0.6, 0.6, 0.6]))
    age = 5.0 + 80.0 * float(generator.random())
    return sample_identity(generator, age_years=age, gender=float(number % 2), ancestry=(african, asian, european))


def _walk(value: Any, kind: Any = Scene, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(path, type, value) of every leaf of a dataclass, and what stands for a lamp's colour."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        for entry in dataclasses.fields(value):
            yield from _walk(getattr(value, entry.name), hints[entry.name], f"{path}.{entry.name}".lstrip("."))
        if _holds_colour(path):
            lamp = typing.cast(Lamp, value)
            strength = _luminance(lamp.colour)
            yield f"{path}.strength", float, strength
            yield f"{path}.kelvin", float, _kelvin_of(lamp.colour) if strength > 0.0 else 5800.0
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _walk(entry, float, f"{path}.{name}")
    else:
        yield path, kind, value


@lru_cache(maxsize=64)
def _hints(kind: type) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)


def _control(path: str, kind: Any, values: list[Any]) -> Control | None:
    """The control of a value of this type that was seen to be `values`; None where it is none that can be set."""
    if path in _ELSEWHERE or path in _IDENTITY_AGE or path.startswith("action_units."):
        return None
    optional = isinstance(kind, types.UnionType) and types.NoneType in typing.get_args(kind)
    plain = [value for value in values if value is not None]
    if kind is bool or all(isinstance(value, bool) for value in plain):
        return Control(path=path, kind="flag")
    if all(isinstance(value, str) for value in plain):
        return Control(path=path, kind="choice", choices=_CHOICES.get(path) or tuple(sorted(set(plain))))
    if kind == Colour:
        lamp = path.startswith("light.") or path in ("background.near", "background.far")
        return Control(path=path, kind="colour", high=_MOST_COLOUR if lamp else 2.0 if "balance" in path else 1.0)
    if all(isinstance(value, int | float) for value in plain):
        low, high = _limits(path, [float(value) for value in plain])
        whole = all(isinstance(value, int) for value in plain)
        return Control(path=path, kind="number", low=low, high=high, whole=whole, optional=optional)
    return None


def _limits(path: str, values: list[float]) -> tuple[float, float]:
    if path in _LIMITS:
        return _LIMITS[path]
    if path.startswith("identity.shape."):
        return (-1.0, 1.0)
    if path.startswith("light.") and path.rsplit(".", 1)[1] in _LAMP_LIMITS:
        return _LAMP_LIMITS[path.rsplit(".", 1)[1]]
    low, high = min(values), max(values)
    if low >= 0.0 and high <= 1.0:
        return (0.0, 1.0)
    step = 10.0 ** math.floor(math.log10(max(high - low, 1e-6)))
    return (math.floor(low / step) * step, math.ceil(high / step) * step)


# setting


def _known(path: str) -> Control:
    known = list_controls()
    if path not in known:
        raise FacsimError(f'a scene has no "{path[:80]}" that can be set.{hint_nearest(path[:80], known)}')
    return known[path]


def _check(control: Control, value: Any) -> Any:
    """The value as the scene holds it. FacsimError where it is of another type or outside the limits."""
    if control.kind == "flag" and isinstance(value, bool):
        return value
    if control.kind == "choice" and value in control.choices:
        return value
    if control.kind == "number" and _is_number(value, control):
        return value if control.whole else float(value)
    if control.kind == "colour" and _is_colour(value, control):
        return tuple(float(channel) for channel in value)
    if control.optional and value is None:
        return None
    raise FacsimError(f'"{control.path}" was given {str(value)[:60]}; expected {_expected(control)}')


def _is_number(value: Any, control: Control) -> bool:
    plain = isinstance(value, int if control.whole else int | float) and not isinstance(value, bool)
    return plain and control.low - 1e-9 <= value <= control.high + 1e-9


def _is_colour(value: Any, control: Control) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(_is_number(channel, control) for channel in value)


def _expected(control: Control) -> str:
    either = " or null" if control.optional else ""
    if control.kind == "choice":
        return f"one of {', '.join(control.choices)}"
    if control.kind == "flag":
        return "true or false"
    if control.kind == "colour":
        return f"three numbers from 0 to {control.high:g}"
    kind = "a whole number" if control.whole else "a number"
    return f"{kind} from {control.low:g} to {control.high:g}{either}"


def _replace(value: Any, path: list[str], new: Any) -> Any:
    """`value`, a dataclass or a mapping, with the entry at `path` exchanged."""
    head, *rest = path
    if isinstance(value, Mapping):
        return {**value, head: new}
    return replace(value, **{head: _replace(getattr(value, head), rest, new) if rest else new})


# lamps


def _holds_colour(path: str) -> bool:
    return path.startswith("light.") and path.count(".") == 1 and path != "light.ambient"


def _is_lamp(path: str) -> bool:
    return _holds_colour(path.rpartition(".")[0]) and path.rpartition(".")[2] in ("strength", "kelvin")


def _set_lamp(scene: Scene, path: str, value: float) -> Scene:
    """The scene with a lamp of another strength, in its colour, or of another warmth, as strong as it was."""
    place, _, what = path.rpartition(".")
    lamp = getattr(scene.light, place.partition(".")[2])
    strength = _luminance(lamp.colour)
    if what == "kelvin":
        colour = white_light(value) * strength
    else:
        colour = np.array(lamp.colour) / strength * value if strength > 0.0 else white_light(5800.0) * value
    red, green, blue = (float(channel) for channel in np.clip(colour, 0.0, _MOST_COLOUR))
    return _replace(scene, [*place.split("."), "colour"], (red, green, blue))


def _luminance(colour: Colour) -> float:
    return float(np.dot(colour, (0.2126, 0.7152, 0.0722)))


def _kelvin_of(colour: Colour) -> float:
    """The warmth that `white_light` gives this ratio of blue to red, within its range."""
    t = math.log(max(colour[2], 1e-6) / max(colour[0], 1e-6)) / 1.4
    t = 2.0 * t if t > 0.0 else t
    return float(np.clip(5800.0 * math.exp(np.clip(t / 0.38, -5.0, 5.0)), *_KELVIN))
