"""Places as text, relative to their input, for a run's rows: `["shard.tar", "bytes", 512, 3041]`.

The text names a file and a position, no stamp: a run goes by the picture's SHA-256, so a copy of the input serves as
well. A picture that is a file of its own needs no text.
"""

from __future__ import annotations

import json
import os
from typing import Any, cast

from facsim.errors import FormatError
from facsim.formats.places import Container, Place, container_at, missing_place

__all__ = ["Locator", "place_text"]


def place_text(place: Place, *, source: str, name: str) -> str | None:
    """The text for a place in the input `source`; None where it is the whole file `name` in it."""
    root = source if "://" in source else os.path.realpath(source)
    path = place.container.path
    if path == f"{root.rstrip('/')}/{name}" and place.kind == "bytes" and place.start == 0:
        return None
    inside = path.removeprefix(root.rstrip("/") + "/")
    where = "" if place.kind == "missing" or path in (root, source, os.path.abspath(source)) else inside
    return json.dumps([where, place.kind, place.start, place.length, *place.extra], separators=(",", ":"))


class Locator:
    """Finds places again from their texts; it looks at each file once."""

    def __init__(self) -> None:
        self._containers: dict[str, Container] = {}

    def place(self, text: str | None, *, source: str, name: str) -> Place:
        """The place that `place_text` described. Raises FormatError where its file is gone, or the text is damaged."""
        if text is None:
            return Place(container=container_at(_joined(source, name)), kind="whole", start=0, length=0)
        where, kind, start, length, *extra = _parts(text)
        if kind == "missing":
            return missing_place(_joined(source, name))
        path = _joined(source, where) if where else source
        if path not in self._containers:
            self._containers[path] = container_at(path)
        return Place(container=self._containers[path], kind=kind, start=start, length=length, extra=tuple(extra))


def _parts(text: str) -> list[Any]:
    try:
        found: Any = json.loads(text)
    except ValueError:
        found = None
    parts = cast(list[object], found) if isinstance(found, list) else []
    texts, numbers = parts[:2], parts[2:]
    is_place = all(isinstance(part, str) for part in texts) and all(type(part) is int for part in numbers)
    if len(numbers) < 2 or not is_place:
        raise FormatError(f"{text[:80]!r} is no place in an input; plan the run again with another --out")
    return parts


def _joined(source: str, name: str) -> str:
    is_whole = name.startswith("/") or "://" in name
    return name if is_whole else f"{source.rstrip('/')}/{name}"
