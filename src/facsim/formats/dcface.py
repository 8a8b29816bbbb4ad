"""DCFace [S]: pictures of people made by diffusion, without labels of expression, in MXNet RecordIO or as files.

`record/file.rec` with `file.idx` (a line a record: key, tab, byte) and `list.txt` (a line a record: index, tab, path),
which names the pictures; without a list they are named by their keys. Or the pictures converted from it,
`<subject>/<k>.png`. `identity_id` is the record's label, or the folder. Records of labels alone, which face-recognition
sets begin with, are no pictures. Decoded pictures are RGB. Official sizes: 0.5 and 1.2 million. The repository has no
licence file.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from itertools import chain

from facsim.errors import FormatError
from facsim.formats.class_layout import is_ignored
from facsim.formats.files import Files, check_once, files_at
from facsim.formats.places import Place, PlacedRecord, PlaceReader, read_placed
from facsim.formats.record import Record
from facsim.formats.recordio import image_record, record_places, record_span
from facsim.formats.tree import walk_places

__all__ = ["index_dcface", "read_dcface"]

_INDEX_LINE = re.compile(r"([0-9]{1,12})\t([0-9]{1,15})")
_LIST_LINE = re.compile(r"([0-9]{1,12})\t(?:.*\t)?([^\t]+)")
_PICTURE = re.compile(r"(?:.*/)?(?P<subject>[0-9]{1,8})/[0-9]{1,8}\.(?:png|jpg|jpeg)")


def read_dcface(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each picture. Raises FormatError, naming the byte, line or file, for what is not as laid out."""
    return read_placed(index_dcface(path))


def index_dcface(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_dcface` gives, with where each picture lies."""
    first = next((name for name, _ in walk_places(path) if name.endswith(".rec")), None)
    return _loose(path) if first is None else _packed(files_at(path))


def _packed(files: Files) -> Iterator[PlacedRecord]:
    listed = files.one(*{name for name in files.places if name.endswith(".rec")})
    file = files.places[listed]
    if file.kind != "bytes":
        raise FormatError(f"{listed} is packed in {files.where}; unpack it: records are read where they lie")
    names = _names(files, listed)
    seen: set[str] = set()
    with PlaceReader() as reader:
        for key, place in _records(files, listed, file):
            record = _record(reader, key, place, names)
            if record is not None:
                check_once(record.name, seen, f"record {key} of {listed} in {files.where}")
                yield record
    if not seen:
        raise FormatError(f"{listed} in {files.where} holds no picture; expected records with an image")


def _records(files: Files, listed: str, file: Place) -> Iterator[tuple[int, Place]]:
    """(key, place) of each record: as the index has them, else one after another."""
    index = f"{listed.removesuffix('.rec')}.idx"
    if index not in files.places:
        yield from enumerate(record_places(file))
        return
    with PlaceReader() as reader:
        for number, line in enumerate(files.lines(index), 1):
            found = _INDEX_LINE.fullmatch(line)
            if found is None:
                raise FormatError(f"{index} in {files.where}, line {number}: {line[:60]!r}; expected key, tab, byte")
            start = int(found[2])
            span = record_span(reader, file, start)
            yield int(found[1]), dataclasses.replace(file, kind="recordio", start=file.start + start, length=span)


def _record(reader: PlaceReader, key: int, place: Place, names: Mapping[int, str]) -> PlacedRecord | None:
    """The picture of one record; None where it holds labels alone."""
    where = f"{place.container.path}, byte {place.start}"
    try:
        header, picture = image_record(reader.read(dataclasses.replace(place, kind="bytes")))
        identity = str(int(header.labels[0]))
    except (ValueError, OverflowError, IndexError) as error:
        raise FormatError(f"{where}: {error}") from error
    if not picture:
        return None
    return PlacedRecord(name=names.get(key, f"{key:08d}.jpg"), place=place, metadata={"identity_id": identity})


def _names(files: Files, listed: str) -> dict[int, str]:
    """Key → the name that `list.txt` gives it."""
    folder = listed.rpartition("/")[0]
    above = folder.rpartition("/")[0]
    known = [f"{place}/list.txt".lstrip("/") for place in dict.fromkeys((folder, above))]
    found: dict[int, str] = {}
    for name in (name for name in known if name in files.places):
        for number, line in enumerate(files.lines(name), 1):
            entry = _LIST_LINE.fullmatch(line)
            where = f"{name} in {files.where}, line {number}"
            if entry is None:
                raise FormatError(f"{where}: {line[:60]!r}; expected index, tab, path")
            if int(entry[1]) in found:
                raise FormatError(f"{where}: index {entry[1]} a second time; expected each once")
            found[int(entry[1])] = entry[2].strip().lstrip("/").removeprefix("./")
        return found
    return found


def _loose(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    pictures = ((name, place) for name, place in walk_places(path) if not is_ignored(name))
    first = next(pictures, None)
    if first is None:
        raise FormatError(f"{path} holds no .rec file and no pictures; expected record/file.rec or <subject>/<k>.png")
    for name, place in chain([first], pictures):
        found = _PICTURE.fullmatch(name)
        if found is None:
            raise FormatError(f'"{name}" in {path} is not DCFace\'s; expected record/file.rec or <subject>/<k>.png')
        yield PlacedRecord(name=name, place=place, metadata={"identity_id": found["subject"]})
