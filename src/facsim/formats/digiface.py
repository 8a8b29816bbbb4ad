"""DigiFace-1M [S]: rendered people, `<subject>/<k>.png`, 112×112, without labels of expression.

As a folder, as one of its zips (`subjects_0-1999_72_imgs.zip`, …), or as a folder in which the zips lie: 10,000
subjects of 72 pictures, and subjects 100000–199998 of 5. `identity_id` is the subject. Official sizes: 720,000 and
500,000. Its terms (R-UDA) are non-commercial, results included.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from facsim.errors import FormatError
from facsim.formats.class_layout import is_ignored
from facsim.formats.places import Place, PlacedRecord, read_placed
from facsim.formats.record import Record
from facsim.formats.tree import tree_kind, walk_places

__all__ = ["index_digiface", "read_digiface"]

_PICTURE = re.compile(r"(?:.*/)?(?P<subject>[0-9]{1,6})/(?P<number>[0-9]{1,3})\.png")


def read_digiface(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each picture, by name. Raises FormatError naming the first file that is not DigiFace-1M's."""
    return read_placed(index_digiface(path))


def index_digiface(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_digiface` gives, with where each picture lies; pictures in a zip are named `the.zip/subject/k.png`."""
    found = False
    for name, place in _pictures(path):
        picture = _PICTURE.fullmatch(name)
        if picture is None:
            raise FormatError(f'"{name}" in {path} is not DigiFace-1M\'s; expected such as 1999/71.png')
        found = True
        yield PlacedRecord(name=name, place=place, metadata={"identity_id": str(int(picture["subject"]))})
    if not found:
        raise FormatError(f"{path} holds no pictures; expected <subject>/<k>.png, or zips of them")


def _pictures(path: str | os.PathLike[str]) -> Iterator[tuple[str, Place]]:
    """The pictures of the folder or archive, those in its zips in their turn."""
    is_folder = tree_kind(path) == "directory"
    for name, place in walk_places(path):
        if is_ignored(name):
            continue
        if not (is_folder and name.lower().endswith(".zip")):
            yield name, place
            continue
        for member, inside in walk_places(f"{os.fspath(path).rstrip('/')}/{name}"):
            if not is_ignored(member):
                yield f"{name}/{member}", inside
