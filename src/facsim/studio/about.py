"""What the page can offer: action units, expressions, lights, and a control for every value of a scene."""

from collections.abc import Mapping
from typing import Any

from facsim import __version__
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.facs import ActionUnit, split_key
from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.appearance import MONK_TONES
from facsim.models.scene_parameters import Parameter
from facsim.models.staging import white_light
from facsim.studio.controls import list_controls
from facsim.studio.settings import GENDERS, LIMITS, SIZES_PX
from facsim.variants import PROTOTYPES

__all__ = ["describe_studio"]

_GROUPS: Mapping[str, str] = {
    "identity": "Features",
    "skin": "Skin",
    "beard": "Beard",
    "eyes": "Eyes",
    "brows": "Brows",
    "mouth": "Lips and teeth",
    "make_up": "Make-up",
    "hair": "Hair",
    "worn": "Worn",
    "garment": "Clothes",
    "light": "Light",
    "camera": "Camera",
    "gaze": "Gaze",
    "background": "Background",
    "sensor": "Sensor",
    "person_seed": "Detail of the person",
    "seed": "Detail of the moment",
}
"""Headings of the groups of controls; a group that is not here is headed by its own name."""

_OFFERED: Mapping[str, tuple[float, float]] = {
    "camera.distance_dm": (3.0, 30.0),
    "camera.crop_scale": (0.8, 2.4),
    "camera.shift_x": (-0.2, 0.2),
    "camera.shift_y": (-0.2, 0.2),
    "sensor.exposure_ev": (-2.0, 2.0),
    "sensor.contrast": (0.5, 2.0),
    "sensor.blur": (0.0, 0.02),
    "sensor.noise": (0.0, 0.1),
    "light.strength": (0.0, 4.0),
    "yaw_deg": (-60.0, 60.0),
    "pitch_deg": (-40.0, 40.0),
    "roll_deg": (-45.0, 45.0),
}
"""What sliders run through where a parameter's whole range would leave the usual values a few pixels."""

_UNITS: Mapping[str, str] = {"deg": "°", "share": "", "linear RGB": "", "factors": "", "FACS, A–E = 1–5": ""}
_KINDS: Mapping[str, str] = {
    "number": "number",
    "integer": "number",
    "yes or no": "flag",
    "text": "choice",
    "colour": "colour",
}


def describe_studio() -> dict[str, Any]:
    """All that the page needs to lay itself out, as plain JSON."""
    units = dict.fromkeys(split_key(key)[0] for key in SUPPORTED_AUS)
    return {
        "version": __version__,
        "units": [_describe_unit(unit) for unit in units],
        "expressions": [{"name": name, "variants": len(PROTOTYPES[name])} for name in EIGHT_EXPRESSIONS],
        "whites": [[kelvin, *white_light(kelvin).tolist()] for kelvin in range(2500, 10001, 250)],
        "genders": list(GENDERS),
        "tones": [f"#{tone}" for tone in MONK_TONES],
        "sizes_px": list(SIZES_PX),
        "limits": {**LIMITS, **{name: _OFFERED[name] for name in LIMITS if name in _OFFERED}},
        "controls": [_describe_control(control) for control in list_controls().values()],
    }


def _describe_unit(unit: ActionUnit) -> dict[str, Any]:
    keys = [key for key in SUPPORTED_AUS if split_key(key)[0] == unit]
    return {"code": unit.code, "name": unit.name, "region": unit.region, "muscles": list(unit.muscles), "keys": keys}


def _describe_control(parameter: Parameter) -> dict[str, Any]:
    group, _, rest = parameter.path.partition(".")
    low, high = _OFFERED.get(parameter.path, (parameter.low, parameter.high))
    return {
        "path": parameter.path,
        "group": _GROUPS.get(group, group.replace("_", " ").capitalize()),
        "label": _label(rest.removeprefix("shape.") or group),
        "meaning": parameter.meaning,
        "unit": _UNITS.get(parameter.unit, parameter.unit),
        "kind": _KINDS[parameter.kind],
        "low": low,
        "high": high,
        "step": 1 if parameter.kind == "integer" else _step(high - low),
        "choices": list(parameter.values),
        "optional": parameter.optional,
    }


def _label(name: str) -> str:
    """`key.azimuth_deg` as words, without the unit, which stands beside the value; sliders' `l-` and `r-` as sides."""
    side = {"l-": "left ", "r-": "right "}.get(name[:2], "")
    words = name[2:] if side else name
    for end in ("_deg", "_dm", "_ev"):
        words = words.removesuffix(end)
    return side + words.replace(".", " ").replace("_", " ").replace("-", " ")


def _step(wide: float) -> float:
    """A two-hundredth of the range, rounded down to 1, 2 or 5 times a power of ten."""
    least = wide / 200.0
    power = 10.0 ** int(f"{least:e}".partition("e")[2])
    return round(next(power * lead for lead in (5, 2, 1) if power * lead <= least * 1.0001), 12)
