"""AffectNet's older release [G]: lists such as `training.csv` and `validation.csv` with the columns
`subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal`, and pictures
in numbered folders that the first column names.

Classes 0–7 are `LABEL_ORDERS["affectnet_8"]`; 8 none, 9 uncertain and 10 no face are no expressions: such rows have
expression None and the word in `dataset_class`. A row's split is its list's name. Box, landmarks, valence and arousal
go into metadata. Official validation sizes: 3,500 of seven classes, 4,000 of eight. It comes under an agreement that
forbids redistribution; nothing is fetched.
"""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from facsim.errors import FormatError
from facsim.expressions import label_order
from facsim.formats.files import Files, check_once, csv_table, files_at, some
from facsim.formats.places import PlacedRecord, read_placed
from facsim.formats.record import Record

__all__ = ["COLUMNS", "affectnet_class", "index_affectnet_csv", "read_affectnet_csv"]

COLUMNS = ("subDirectory_filePath", "expression", "valence", "arousal")
"""Columns that a list must have; the box and the landmarks may be missing."""

_BOX = ("face_x", "face_y", "face_width", "face_height")
_PROBED = 200
_ORDER = label_order("affectnet_8")


def read_affectnet_csv(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each row of each list. Raises FormatError, naming the line, for what is not as the layout says."""
    return read_placed(index_affectnet_csv(path))


def index_affectnet_csv(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_affectnet_csv` gives, with where each picture lies; one that is listed and not there is `missing`."""
    files = files_at(path)
    seen: set[str] = set()
    for listed in _lists(files):
        root = _root(files, listed)
        split = listed.rpartition("/")[2].removesuffix(".csv")
        for number, row in csv_table(files.lines(listed), f"{listed} in {files.where}", COLUMNS):
            where = f"{listed} in {files.where}, line {number}"
            name = root + row["subDirectory_filePath"]
            check_once(name, seen, where)
            expression, metadata = _labels(row, where)
            yield PlacedRecord(
                name=name, place=files.place(name), expression=expression, split=split, metadata=metadata
            )


def affectnet_class(text: str, where: str) -> tuple[str | None, str | None]:
    """(expression, what else the class says) of an index 0–10. Raises FormatError for any other text."""
    index = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1
    if index in _ORDER.excluded:
        return None, _ORDER.excluded[index]
    if not 0 <= index < len(_ORDER.expressions):
        raise FormatError(f"{where}: class {text[:40]!r}; expected 0 (neutral) to 7 (contempt), or 8, 9 or 10")
    return _ORDER.expressions[index], None


def _lists(files: Files) -> list[str]:
    """The files whose first line has the layout's columns."""
    tables = [name for name in sorted(files.places) if name.endswith(".csv")]
    found = [name for name in tables if "subDirectory_filePath" in next(files.lines(name), "")]
    if not found:
        raise FormatError(
            f"{files.where} holds {some(tables)} as .csv files, none with a column subDirectory_filePath; expected "
            f"training.csv or validation.csv with {','.join(COLUMNS)}"
        )
    return found


def _root(files: Files, listed: str) -> str:
    """The folders before the list's paths: those under which most of its first rows are there."""
    rows = csv_table(files.lines(listed), f"{listed} in {files.where}", COLUMNS)
    wanted = {row["subDirectory_filePath"] for _, row in itertools.islice(rows, _PROBED)}
    depths = {path.count("/") + 1 for path in wanted}
    counts: Counter[str] = Counter()
    for name in files.places:
        parts = name.split("/")
        for depth in depths:
            if "/".join(parts[-depth:]) in wanted:
                counts["".join(f"{part}/" for part in parts[:-depth])] += 1
    if not counts:
        raise FormatError(
            f"{files.where} holds none of the first {len(wanted)} pictures that {listed} lists (the first is "
            f'"{min(wanted, default="")}"); unpack the pictures beside it'
        )
    return max(sorted(counts), key=lambda root: counts[root])


def _labels(row: Mapping[str, str], where: str) -> tuple[str | None, Mapping[str, Any]]:
    expression, word = affectnet_class(row["expression"], where)
    metadata: dict[str, Any] = {name: _number(row[name], name, where) for name in ("valence", "arousal")}
    if word:
        metadata["dataset_class"] = word
    if all(row.get(name) for name in _BOX):
        left, top, width, height = (_number(row[name], name, where) for name in _BOX)
        metadata["face_box"] = [left, top, left + width, top + height]
    if row.get("facial_landmarks"):
        points = row["facial_landmarks"].split(";")
        metadata["facial_landmarks"] = [_number(point, "facial_landmarks", where) for point in points if point]
    return expression, metadata


def _number(text: str, column: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(f"{where}: {column} {text[:40]!r}; expected a number")
    return value
