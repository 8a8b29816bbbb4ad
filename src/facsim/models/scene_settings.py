"""Scenes with some parameters fixed or drawn anew: `{"sensor.grey": True, "hair.curl": [0.1, 0.8]}`.

A setting maps a path of `facsim.models.scene_parameters` to what the parameter shall be:

    "hair.curl" = 0.8                              this value, for every picture
    "light.key.elevation_deg" = [10, 40, 70]       one of these, evenly
    "camera.yaw_deg" = { low = -30, high = 30 }    anything between, evenly (whole numbers where it is one)

A colour is a list of three numbers, a choice of colours a list of such lists; a range of colours runs straight from
one to the other. A parameter that may be absent (`sensor.jpeg_quality`) takes `"none"`.

Each path has a generator of its own, seeded by the person for what stays with a person and by the sample for the
rest: a person stays that person, and no setting changes what another one or anything else is drawn as.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from facsim.errors import RecipeError, hint_nearest
from facsim.models.casting_hair import grow_beard
from facsim.models.hair_styles import style_hair, tuck_hair
from facsim.models.scene import Scene
from facsim.models.scene_parameters import PARAMETERS, PLANNED, Parameter, belongs_to_person
from facsim.models.staging import sample_light
from facsim.sample import generator_for

__all__ = ["check_settings", "draw_settings", "set_scene"]

_NONE = "none"
_GROUPS = frozenset(".".join(path.split(".")[:k]) for path in PARAMETERS for k in range(1, path.count(".") + 1))
_GAZE = ("yaw_deg", "pitch_deg")


def check_settings(settings: Mapping[str, Any], *, place: str = "scene") -> dict[str, Any]:
    """The settings by dotted path, in order, numbers as the parameters have them; nested tables are taken apart.

    Raises RecipeError, naming `place` and the path, for an unknown path, a wrong type and a value out of range.
    """
    if not isinstance(settings, Mapping):
        raise RecipeError(f"{place} is {settings!r}; expected paths and what they shall be, such as hair.curl = 0.8")
    found: dict[str, Any] = {}
    for path, value in _flattened(settings, ""):
        if path in found:
            raise RecipeError(f'{place} gives "{path}" twice; keep one')
        found[path] = _checked(_parameter(path, place), value, f'{place} "{path}"')
    return dict(sorted(found.items()))


def draw_settings(settings: Mapping[str, Any], *, sample: str, person: str) -> dict[str, Any]:
    """A value for each path of checked settings; `sample` and `person` seed what belongs to them."""
    return {path: _drawn(PARAMETERS[path], setting, _seed(path, sample, person)) for path, setting in settings.items()}


def set_scene(scene: Scene, settings: Mapping[str, Any], *, sample: str, person: str) -> Scene:
    """The scene with what checked settings say, and all else as it was; presets come first."""
    values = draw_settings(settings, sample=sample, person=person)
    for path, preset in _PRESETS.items():
        if path in values:
            scene = preset(scene, values.pop(path), _seed(f"{path}/preset", sample, person))
    for path, value in values.items():
        scene = _put(scene, path.split("."), value)
    return scene


def _light_up(scene: Scene, kind: str, generator: np.random.Generator) -> Scene:
    light, background = sample_light(generator, kind=kind)
    return replace(scene, light=light, background=background)


def _style(scene: Scene, style: str, generator: np.random.Generator) -> Scene:
    was, hair = scene.hair, style_hair(style, generator)
    hair = tuck_hair(hair) if was.pressed else hair  # a hat stays on
    return replace(scene, hair=replace(hair, colour=was.colour, grey=was.grey, hidden=was.hidden))


def _beard(scene: Scene, kind: str, generator: np.random.Generator) -> Scene:
    return replace(scene, beard=grow_beard(generator, kind, colour=scene.brows.colour))


_PRESETS: Mapping[str, Callable[[Scene, str, np.random.Generator], Scene]] = {
    "light.kind": _light_up,
    "hair.style": _style,
    "beard.kind": _beard,
}
"""Names that stand for many parameters: from a scene, the name and a generator to the scene with all of them."""


def _seed(path: str, sample: str, person: str) -> np.random.Generator:
    return generator_for(person if belongs_to_person(path) else sample, f"render/scene-settings/{path}")


def _flattened(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        path = f"{prefix}{name}"
        if path in _GROUPS and isinstance(value, Mapping):
            yield from _flattened(value, f"{path}.")
        else:
            yield path, value


def _parameter(path: str, place: str) -> Parameter:
    if path in PLANNED:
        raise RecipeError(
            f'{place} cannot set "{path}": it follows {PLANNED[path]}, which is planned; set that instead'
        )
    if path in _GROUPS:
        inside = [known for known in PARAMETERS if known.startswith(f"{path}.")]
        raise RecipeError(f'{place} sets "{path}", which is a group; set what is in it, such as "{inside[0]}"')
    if path not in PARAMETERS:
        raise RecipeError(f'{place} has no parameter "{path}".{hint_nearest(path, PARAMETERS)} docs/scene.md lists all')
    return PARAMETERS[path]


def _checked(parameter: Parameter, setting: Any, place: str) -> Any:
    if isinstance(setting, Mapping):
        return _checked_range(parameter, setting, place)
    if isinstance(setting, list | tuple) and not (parameter.kind == "colour" and _is_flat(setting)):
        if not setting:
            raise RecipeError(f"{place} is an empty list of choices; give one or more")
        return [_value(parameter, entry, place) for entry in setting]
    return _value(parameter, setting, place)


def _is_flat(setting: list[Any] | tuple[Any, ...]) -> bool:
    return not any(isinstance(entry, list | tuple) for entry in setting)


def _checked_range(parameter: Parameter, setting: Mapping[str, Any], place: str) -> dict[str, Any]:
    if set(setting) != {"low", "high"}:
        raise RecipeError(
            f"{place} is {dict(setting)!r}; a range has low and high, such as {{ low = 0.2, high = 0.6 }}"
        )
    if parameter.kind not in ("number", "integer", "colour"):
        raise RecipeError(f"{place} is {parameter.kind}, which has no range; expected a value or a list of choices")
    ends = {name: _value(parameter, setting[name], f"{place}, {name},") for name in ("low", "high")}
    if _NONE in (ends["low"], ends["high"]) or (parameter.kind != "colour" and ends["low"] > ends["high"]):
        raise RecipeError(f"{place} runs from {ends['low']} to {ends['high']}; expected low to be at most high")
    return ends


def _value(parameter: Parameter, value: Any, place: str) -> Any:
    """The value as the parameter has it: float, int, bool, str or a list of three floats."""
    if parameter.optional and value == _NONE:
        return _NONE
    if parameter.kind == "colour":
        return _colour(parameter, value, place)
    if parameter.kind == "yes or no":
        if not isinstance(value, bool):
            raise RecipeError(f"{place} is {value!r}; expected true or false")
        return value
    if parameter.kind == "text":
        if not isinstance(value, str) or value not in parameter.values:
            raise RecipeError(f"{place} is {value!r}.{hint_nearest(str(value), parameter.values)}")
        return value
    return _number(parameter, value, place)


def _number(parameter: Parameter, value: Any, place: str) -> float | int:
    kinds = int if parameter.kind == "integer" else int | float
    good = isinstance(value, kinds) and not isinstance(value, bool)
    if not good or not parameter.low <= value <= parameter.high:  # NaN is within nothing
        what = "a whole number from " if parameter.kind == "integer" else ""
        none = f', or "{_NONE}"' if parameter.optional else ""
        raise RecipeError(f"{place} is {value!r}; expected {what}{parameter.low:.10g} to {parameter.high:.10g}{none}")
    return int(value) if parameter.kind == "integer" else float(value)


def _colour(parameter: Parameter, value: Any, place: str) -> list[float]:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise RecipeError(f"{place} is {value!r}; expected a colour, three numbers such as [0.2, 0.1, 0.05]")
    return [float(_number(parameter, channel, place)) for channel in value]


def _drawn(parameter: Parameter, setting: Any, generator: np.random.Generator) -> Any:
    if isinstance(setting, Mapping):
        return _between(parameter, setting["low"], setting["high"], generator)
    if isinstance(setting, list) and not (parameter.kind == "colour" and _is_flat(setting)):
        return _plain(parameter, setting[int(generator.integers(len(setting)))])
    return _plain(parameter, setting)


def _plain(parameter: Parameter, value: Any) -> Any:
    if parameter.kind == "colour":
        return tuple(value)
    return None if parameter.optional and value == _NONE else value


def _between(parameter: Parameter, low: Any, high: Any, generator: np.random.Generator) -> Any:
    if parameter.kind == "integer":
        return int(generator.integers(low, high + 1))
    share = float(generator.random())
    if parameter.kind == "colour":
        return tuple((1.0 - share) * a + share * b for a, b in zip(low, high, strict=True))
    return (1.0 - share) * low + share * high


def _put(value: Any, parts: list[str], new: Any) -> Any:
    """`value`, a dataclass, a mapping or the gaze, with `new` at the end of the path."""
    if not parts:
        return new
    name, rest = parts[0], parts[1:]
    if isinstance(value, Mapping):
        return {**value, ".".join(parts): new}
    if isinstance(value, tuple):
        return tuple(new if known == name else old for known, old in zip(_GAZE, value, strict=True))
    return replace(value, **{name: _put(getattr(value, name), rest, new)})
