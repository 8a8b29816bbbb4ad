"""Plain pictures, in folders to any depth or an archive, without labels: every file that is not known not to matter.

Files that are no pictures become problems when they are decoded, as in class folders; archives among the pictures are
refused, since their pictures would be missed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from facsim.errors import FormatError
from facsim.formats.class_layout import is_ignored
from facsim.formats.places import PlacedRecord, read_placed
from facsim.formats.record import Record
from facsim.formats.tree import walk_places

__all__ = ["ARCHIVE_SUFFIXES", "index_pictures", "read_pictures"]

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".rec", ".parquet", ".7z", ".rar")
"""Ends of names (lower case) of files that hold pictures themselves."""


def read_pictures(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each file, by name (a tar's in the tar's order), without an expression. Raises FormatError."""
    return read_placed(index_pictures(path))


def index_pictures(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_pictures` gives, with where each picture lies."""
    found = False
    for name, place in walk_places(path):
        if is_ignored(name):
            continue
        if name.lower().endswith(ARCHIVE_SUFFIXES):
            raise FormatError(f'"{name}" in {path} holds pictures itself; give its own path, or unpack it')
        found = True
        yield PlacedRecord(name=name, place=place)
    if not found:
        raise FormatError(f"{path} holds no pictures; expected files such as faces/0001.png")
