"""Scenes as JSON text and back: what is written with every picture, and enough to draw it again."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from typing import Any

from facsim.errors import FacsimError
from facsim.models.identity import Identity
from facsim.models.scene import Scene

__all__ = ["read_scene", "write_scene"]


def write_scene(scene: Scene) -> str:
    """The scene as JSON, one line, all fields, numbers as they are (so that it draws the same bits)."""
    return json.dumps(scene, default=vars, separators=(",", ":"), allow_nan=False)


def read_scene(text: str) -> Scene:
    """The scene that `write_scene` wrote. Raises FacsimError where the text is not one."""
    try:
        data = json.loads(text)
        older = {"person_seed": data["seed"]}  # one seed fed all, up to version 3 of `render`
        return _revived(Scene, {**older, **data, "identity": _revived(Identity, data["identity"])})
    except (ValueError, KeyError, TypeError) as error:
        raise FacsimError(
            f"this is not a scene: {error}; expected what the `scene` column of a rendered run holds"
        ) from error


def _revived(kind: Any, value: Any) -> Any:
    """`value`, plain JSON, as the dataclass, tuple or mapping that the annotation `kind` says."""
    if value is None or isinstance(value, Identity):
        return value
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return kind(**{name: _revived(hints[name], entry) for name, entry in value.items()})
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return value if not isinstance(value, list) else tuple(value)
    if origin is tuple:
        return tuple(value)
    return dict(value) if isinstance(value, Mapping) else value
