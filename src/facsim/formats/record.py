"""The one thing that every format reads and writes: a picture with its name, expression, split and metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from facsim.errors import FormatError

__all__ = ["Record", "check_name", "check_record", "kept_together"]

_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # control characters and lone surrogates


@dataclass(frozen=True, kw_only=True)
class Record:
    """One picture of a dataset on disk.

    `name` is a relative path with `/`, unique in its dataset; `image` the encoded bytes exactly as found, not yet
    decoded and perhaps not even a picture; `expression` a canonical name (`facsim.expressions`) or None where the
    dataset gives none; `split` the dataset's own word for the split, or None; `metadata` whatever else it says, in
    values that JSON holds: `identity_id` who is shown, `split_group` what stays together in a split, such as
    the faces of one photograph, `dataset_class` a label that is no expression, `unreadable` why
    a picture that is listed has no bytes.
    Raises FormatError where the name is not a plain relative path or the split is not a plain name.
    """

    name: str
    image: bytes
    expression: str | None = None
    split: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        check_record(self.name, self.split)


def kept_together(metadata: Mapping[str, Any]) -> str | None:
    """What a picture stays together with in a split: who is shown, else its `split_group`; either may also lie in the
    `source_metadata` that a run kept of its input. None where neither is known."""
    if (found := _together(metadata)) is not None:
        return found
    kept = metadata.get("source_metadata")
    return _together(_said_in(kept)) if isinstance(kept, str) else None


def _together(said: Mapping[str, Any]) -> str | None:
    if (identity := said.get("identity_id")) is not None:
        return str(identity)
    return str(group) if (group := said.get("split_group")) else None


def _said_in(text: str) -> Mapping[str, Any]:
    if '"identity_id"' not in text and '"split_group"' not in text:
        return {}
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def check_record(name: str, split: str | None) -> None:
    """Nothing where both are as a record's must be. Raises FormatError where the name is no plain relative path or the
    split no plain name.
    """
    check_name(name)
    if split is not None and ("/" in split or check_name(split) != split):
        raise FormatError(f'split "{split}" of record "{name}" is not a plain name')


def check_name(name: str) -> str:
    """`name` itself, where it is a relative path with `/` that stays in its folder on every system.

    Raises FormatError, naming it, where it is empty, absolute, has `..`, `.` or empty parts, a backslash, a drive
    letter or control characters, or a part longer than 255 bytes.
    """
    fault = _name_fault(name)
    if fault:
        raise FormatError(f"the name {name!r} {fault}; a name is a plain relative path such as happiness/0001.png")
    return name


def _name_fault(name: str) -> str:
    if not name:
        return "is empty"
    if name.startswith("/") or name[1:2] == ":":
        return "is an absolute path"
    if "\\" in name:
        return "has a backslash"
    if _NOT_TEXT.search(name):
        return "has control characters or is not valid text"
    return _part_fault(name.split("/"))


def _part_fault(parts: list[str]) -> str:
    if ".." in parts:
        return 'leads out of its folder (it has "..")'
    if "" in parts or "." in parts:
        return "has an empty part"
    if any(len(part) > 63 and len(part.encode()) > 255 for part in parts):  # a letter has at most 4 bytes
        return "has a part longer than 255 bytes"
    return ""
