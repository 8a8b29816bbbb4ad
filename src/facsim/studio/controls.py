"""What the page can set in a scene: a control for each of `facsim.models.scene_parameters.PARAMETERS`, and its value.

Nothing is listed here: what the parameters gain, the page gains. Action units and the turn of the head are not among
the controls, since the page has its own for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from facsim.errors import FacsimError
from facsim.models.scene import Scene
from facsim.models.scene_parameters import PARAMETERS, Parameter
from facsim.models.scene_settings import check_settings

__all__ = ["check_values", "list_controls", "read_controls"]

_ELSEWHERE = ("camera.yaw_deg", "camera.pitch_deg", "camera.roll_deg", "mirrored")
_GAZE = {"gaze.yaw_deg": 0, "gaze.pitch_deg": 1}


@lru_cache(maxsize=1)
def list_controls() -> Mapping[str, Parameter]:
    """Path -> parameter, of those that have a control."""
    return {
        path: entry
        for path, entry in PARAMETERS.items()
        if path not in _ELSEWHERE and not path.startswith("action_units.")
    }


def check_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Path -> value, as `facsim.models.scene_settings` has them.

    Raises FacsimError where there is no such control, where the value is not one of its own, and for the choices and
    ranges that a recipe may write: a picture has one value of each.
    """
    for path in values:
        if path in _ELSEWHERE or path.startswith("action_units."):
            raise FacsimError(f'"set" has "{path}"; say the turn of the head in pose_deg and action units in coding')
    found = check_settings(values, place="set")
    for path, value in found.items():
        flat = isinstance(value, list) and not any(isinstance(entry, list) for entry in value)
        if isinstance(value, Mapping) or (isinstance(value, list) and not (flat and PARAMETERS[path].kind == "colour")):
            raise FacsimError(f'"set" has choices or a range for "{path}"; expected one value')
    return found


def read_controls(scene: Scene) -> dict[str, Any]:
    """Path -> value of this scene, for every control that is a value of it; colours as lists, "none" for what is not
    there."""
    found = {path: _read(scene, path) for path in list_controls() if path != "light.kind"}
    return {path: list(value) if isinstance(value, tuple) else value for path, value in found.items()}


def _read(scene: Scene, path: str) -> Any:
    if path in _GAZE:
        return scene.gaze[_GAZE[path]]
    value: Any = scene
    parts = path.split(".")
    for place, name in enumerate(parts):
        if isinstance(value, Mapping):
            return value.get(".".join(parts[place:]), 0.0)
        value = getattr(value, name)
    return "none" if value is None else value
