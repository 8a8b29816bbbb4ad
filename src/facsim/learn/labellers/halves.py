"""Parts of a labelled collection by file name alone, so that a teacher and what it labels never share a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from facsim.learn.data import is_chooser

__all__ = ["PARTS", "half_of"]


def half_of(name: str) -> str:
    """ "first" or "second": by `sha256("half/" + file name) mod 2`, which says nothing about the fixed cut."""
    digest = hashlib.sha256(f"half/{PurePosixPath(name).name}".encode()).digest()
    return ("first", "second")[int.from_bytes(digest, "big") % 2]


PARTS: Mapping[str, Callable[[str], bool]] = {
    "all": lambda name: not is_chooser(name),
    "first": lambda name: not is_chooser(name) and half_of(name) == "first",
    "second": lambda name: not is_chooser(name) and half_of(name) == "second",
}
"""Part -> whether a picture of this file name is in it. None holds the fixed cut, on which choices are made."""
