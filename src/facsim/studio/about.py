"""What the page can offer: action units, expressions, lights, and a control for every value of a scene."""

from collections.abc import Mapping
from typing import Any

from facsim import __version__
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.facs import ActionUnit, split_key
from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.appearance import MONK_TONES
from facsim.models.staging import LIGHT_KINDS
from facsim.prototypes import PROTOTYPES
from facsim.studio.controls import Control, list_controls
from facsim.studio.settings import GENDERS, LIMITS, SIZES_PX

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
    "background": "Background",
    "sensor": "Sensor",
    "seed": "Detail",
}
"""Headings of the groups of controls; a group that is not here is headed by its own name."""

_UNITS: Mapping[str, str] = {"deg": "°", "dm": "dm", "px": "px", "ev": "EV", "kelvin": "K"}


def describe_studio() -> dict[str, Any]:
    """All that the page needs to lay itself out, as plain JSON."""
    units = dict.fromkeys(split_key(key)[0] for key in SUPPORTED_AUS)
    return {
        "version": __version__,
        "units": [_describe_unit(unit) for unit in units],
        "expressions": [{"name": name, "variants": len(PROTOTYPES[name])} for name in EIGHT_EXPRESSIONS],
        "lights": list(LIGHT_KINDS),
        "genders": list(GENDERS),
        "tones": [f"#{tone}" for tone in MONK_TONES],
        "sizes_px": list(SIZES_PX),
        "limits": LIMITS,
        "controls": [_describe_control(control) for control in list_controls().values()],
    }


def _describe_unit(unit: ActionUnit) -> dict[str, Any]:
    keys = [key for key in SUPPORTED_AUS if split_key(key)[0] == unit]
    return {"code": unit.code, "name": unit.name, "region": unit.region, "muscles": list(unit.muscles), "keys": keys}


def _describe_control(control: Control) -> dict[str, Any]:
    group, _, rest = control.path.partition(".")
    words = (rest.removeprefix("shape.") or group).replace(".", " ").replace("_", " ").replace("-", " ")
    stem, _, last = words.rpartition(" ")
    unit = _UNITS.get(last, "")
    # a lamp's `kelvin` is the name of its warmth, other units follow the name
    label = f"{stem} warmth" if last == "kelvin" else stem if unit else words
    return {
        "path": control.path,
        "group": _GROUPS.get(group, group.replace("_", " ").capitalize()),
        "label": label.strip(),
        "unit": unit,
        "kind": control.kind,
        "low": control.low,
        "high": control.high,
        "step": 1 if control.whole else _step(control),
        "choices": list(control.choices),
        "optional": control.optional,
    }


def _step(control: Control) -> float:
    """A two-hundredth of the range, rounded down to 1, 2 or 5 times a power of ten."""
    wide = (control.high - control.low) / 200.0
    power = 10.0 ** int(f"{wide:e}".partition("e")[2])
    return round(next(power * lead for lead in (5, 2, 1) if power * lead <= wide * 1.0001), 12)
