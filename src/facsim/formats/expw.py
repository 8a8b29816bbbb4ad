"""ExpW [G]: `label.lst`, a line a face, `image_name face_id top left right bottom confidence class`, and the pictures
that it names, in a folder such as `image/origin/`.

A record is a face: a picture with several has as many, named `picture.face0.jpg`, with the box (`face_box`: left, top,
right, bottom in px) and the detector's confidence in metadata; pictures are not cropped. Classes are
`LABEL_ORDERS["expw"]`, FER2013's order. Official size: 91,793 faces.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from facsim.errors import FacsimError, FormatError
from facsim.expressions import expression_at
from facsim.formats.class_layout import PICTURE_SUFFIXES
from facsim.formats.files import Files, check_found, check_once, files_at
from facsim.formats.places import PlacedRecord, read_placed
from facsim.formats.record import Record

__all__ = ["index_expw", "read_expw"]

_LIST = "label.lst"
_NUMBER = r"\s+(-?[0-9]{1,9}(?:\.[0-9]{1,9})?)"
_LINE = re.compile(r"(?P<name>\S.{0,254}?)\s+(?P<face>[0-9]{1,6})" + _NUMBER * 5 + r"\s+(?P<label>[0-9]{1,3})")


def read_expw(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each face. Raises FormatError, naming the line, for what is not as the layout says."""
    return read_placed(index_expw(path))


def index_expw(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_expw` gives, with where each picture lies; one that is listed and not there is `missing`."""
    files = files_at(path)
    listed = files.one(_LIST)
    found = _pictures(files)
    check_found(files, (found.get(line["name"], line["name"]) for _, line in _lines(files, listed)), listed)
    seen: set[str] = set()
    for where, line in _lines(files, listed):
        picture = found.get(line["name"], line["name"])
        name = PurePosixPath(picture)
        face = str(name.with_name(f"{name.stem}.face{int(line['face'])}{name.suffix}"))
        check_once(face, seen, where)
        yield _record(files, picture, face, line, where)


def _record(files: Files, picture: str, face: str, line: re.Match[str], where: str) -> PlacedRecord:
    top, left, right, bottom, confidence = (float(text) for text in line.groups()[2:7])
    return PlacedRecord(
        name=face,
        place=files.place(picture),
        expression=_expression(line["label"], where),
        metadata={"face_box": [left, top, right, bottom], "face_score_given": confidence, "picture": picture},
    )


def _pictures(files: Files) -> dict[str, str]:
    """Every picture by the last part of its name; one that occurs in two folders is refused."""
    found: dict[str, str] = {}
    for name in sorted(files.places):
        leaf = name.rpartition("/")[2]
        if PurePosixPath(leaf).suffix.lower() not in PICTURE_SUFFIXES:
            continue
        if leaf in found:
            raise FormatError(f"{files.where} has {found[leaf]} and {name}; the list names pictures without folders")
        found[leaf] = name
    return found


def _lines(files: Files, listed: str) -> Iterator[tuple[str, re.Match[str]]]:
    for number, line in enumerate(files.lines(listed), 1):
        where = f"{listed} in {files.where}, line {number}"
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise FormatError(
                f"{where}: {line[:80]!r}; expected image_name face_id top left right bottom confidence class"
            )
        yield where, found


def _expression(label: str, where: str) -> str:
    try:
        return expression_at(int(label), order="expw")
    except FacsimError as error:
        raise FormatError(f"{where}: {error}") from error
