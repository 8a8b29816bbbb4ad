"""WebDataset: tar shards in which files of one key lie one after another, `key.jpg`, `key.cls`, `key.json`: the reader
and, below it, the writer.

A tar, or a folder of them (`train-000000.tar`, whose split is what stands before the number). A sample is a picture
with, perhaps, `.json` (whose `expression`, or `label` where that is a word, is its label; the rest is metadata) and
`.cls` or `.txt`. A class written as a word is an expression; as an index it means nothing without the names, one a line
in `classnames.txt` or `classes.txt` beside the shards or in them: without it the index goes into `dataset_class` and
the expression is None.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from facsim.errors import FacsimError, FormatError
from facsim.expressions import EIGHT_EXPRESSIONS, expression_named, index_of
from facsim.formats.class_layout import PICTURE_SUFFIXES, is_ignored
from facsim.formats.files import Files, check_once
from facsim.formats.placement import placed_file, placed_folder
from facsim.formats.places import Place, PlacedRecord, PlaceReader, read_placed
from facsim.formats.record import Record, check_name
from facsim.formats.tree import tree_kind, walk_places
from facsim.picture_headers import picture_suffix

__all__ = ["index_webdataset", "read_webdataset", "write_webdataset"]

_CLASS_LISTS = ("classnames.txt", "classes.txt")
_LARGEST_NOTE = 1 << 20
_SHARD_SAMPLES, _SHARD_BYTES = 10_000, 512 << 20
_ORDER = "alphabetical_8"


@dataclass(kw_only=True)
class _Sample:
    """The files of one key, as they are met."""

    key: str
    files: dict[str, Place]


def read_webdataset(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each sample, in the shards' order. Raises FormatError, naming the sample."""
    return read_placed(index_webdataset(path))


def index_webdataset(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_webdataset` gives, with where each picture lies."""
    names = _class_names(path)
    seen: set[str] = set()
    with PlaceReader() as reader:
        for shard, split in _shards(path):
            for sample in _samples(shard):
                record = _record(reader, sample, (shard, split), names)
                check_once(record.name, seen, shard)
                yield record
    if not seen:
        raise FormatError(f"{path} holds no sample; expected tars of key.jpg with key.cls or key.json")


def _shards(path: str | os.PathLike[str]) -> list[tuple[str, str | None]]:
    """The path of each shard and the split that its name says."""
    kind = tree_kind(path)
    if kind == "tar":
        return [(os.fspath(path), None)]
    if kind != "directory":
        raise FormatError(f"{path} is neither a .tar nor a folder of them; WebDataset's shards are tars")
    names = sorted(name for name, _ in walk_places(path) if name.endswith((".tar", ".tar.gz", ".tgz")))
    if not names:
        raise FormatError(f"{path} holds no .tar; WebDataset's shards are tars")
    return [(f"{os.fspath(path).rstrip('/')}/{name}", _split_of(name)) for name in names]


def _split_of(name: str) -> str | None:
    found = re.match(r"([A-Za-z][A-Za-z_]*?)[-_.]*[0-9]", name.rpartition("/")[2])
    return found[1] if found else None


def _samples(shard: str) -> Iterator[_Sample]:
    """The files of one key that lie one after another; the key is the name up to the last folder's first dot."""
    sample: _Sample | None = None
    for name, place in walk_places(shard):
        folder, slash, leaf = name.rpartition("/")
        key, dot, suffix = leaf.partition(".")
        if not (key and dot) or leaf in _CLASS_LISTS:
            if is_ignored(name):
                continue
            raise FormatError(f'"{name}" in {shard} has no key and suffix; expected such as 000017.jpg')
        whole = f"{folder}{slash}{key}"
        if sample is None or sample.key != whole:
            if sample is not None:
                yield sample
            sample = _Sample(key=whole, files={})
        sample.files[suffix.lower()] = place
    if sample is not None:
        yield sample


def _record(
    reader: PlaceReader, sample: _Sample, given: tuple[str, str | None], classes: Sequence[str]
) -> PlacedRecord:
    shard, split = given
    where = f'sample "{sample.key}" in {shard}'
    pictures = [suffix for suffix in sample.files if f".{suffix.rpartition('.')[2]}" in PICTURE_SUFFIXES]
    if len(pictures) != 1:
        raise FormatError(f"{where} has the files {', '.join(sample.files)}; expected one picture")
    notes = _notes(reader, sample, where)
    expression = _expression(notes.pop("expression", None), where)
    label = notes.pop("label", None)
    if expression is None and label is not None:
        expression, notes = _labelled(label, notes, where)
    for suffix in ("cls", "txt") if expression is None else ():
        if suffix in sample.files:
            expression, notes = _class_of(_note(reader, sample.files[suffix], where), notes, classes, where=where)
            break
    own = notes.pop("split", None)
    name = notes.pop("name", None)
    return PlacedRecord(
        name=name if isinstance(name, str) else f"{sample.key}.{pictures[0]}",
        place=sample.files[pictures[0]],
        expression=expression,
        split=own if isinstance(own, str) else split,
        metadata=notes,
    )


def _notes(reader: PlaceReader, sample: _Sample, where: str) -> dict[str, Any]:
    if "json" not in sample.files:
        return {}
    try:
        found = json.loads(_note(reader, sample.files["json"], where))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: its .json cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise FormatError(f"{where}: its .json holds {type(found).__name__}; expected an object")
    return {key: value for key, value in cast(dict[str, Any], found).items() if value is not None}


def _note(reader: PlaceReader, place: Place, where: str) -> str:
    if place.length > _LARGEST_NOTE:
        raise FormatError(f"{where}: a label of {place.length} bytes; at most {_LARGEST_NOTE} are read")
    try:
        return reader.read(place).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{where}: a label that is not UTF-8 text: {error}") from error


def _expression(value: object, where: str) -> str | None:
    if value is None:
        return None
    try:
        return expression_named(str(value))
    except FacsimError as error:
        raise FormatError(f"{where}: {error}") from error


def _labelled(label: object, notes: dict[str, Any], where: str) -> tuple[str | None, dict[str, Any]]:
    """A `label` of the .json: a word is an expression, an index is kept as it is."""
    if isinstance(label, str) and not label.strip().isdigit():
        return _expression(label, where), notes
    return None, {**notes, "dataset_class": str(label)}


def _class_of(
    text: str, notes: dict[str, Any], classes: Sequence[str], *, where: str
) -> tuple[str | None, dict[str, Any]]:
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) < 10):
        try:
            return expression_named(word), notes
        except FacsimError:
            return None, {**notes, "dataset_class": word}  # a caption, or a class of its own
    if not classes:
        return None, {**notes, "dataset_class": word}
    if int(word) >= len(classes):
        raise FormatError(f"{where}: class {word}; expected 0 to {len(classes) - 1}, as the list of class names has")
    return _expression(classes[int(word)], where), notes


def _class_names(path: str | os.PathLike[str]) -> list[str]:
    """The class names by index, where a list of them lies beside the shards or in one."""
    places = {name: place for name, place in walk_places(path) if name in _CLASS_LISTS}
    files = Files(where=os.fspath(path), places=places)
    found = next((name for name in _CLASS_LISTS if name in places), None)
    return [line.strip() for line in files.lines(found) if line.strip()] if found else []


def write_webdataset(records: Iterable[Record], path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write the records as one `.tar`, or as a folder of `<split>-000000.tar` of up to 10,000 samples or 512 MB each.

    A sample is the picture, `.cls` (the index in the alphabetical order of the eight, for readers that want a number;
    `classnames.txt` in the folder, or in the tar, says so) and `.json` with name, expression, split and metadata. It
    appears at once at the end. Raises FormatError for two records of one key, metadata that JSON cannot hold, no
    records, or something at `path` already.
    """
    if os.fspath(path).endswith(".tar"):
        with placed_file(path, overwrite=overwrite) as file, _tar(file) as tar:
            _add(tar, _CLASS_LISTS[0], _class_list())
            for record in _checked(records):
                _add_sample(tar, record)
        return
    with placed_folder(path, overwrite=overwrite) as folder, contextlib.ExitStack() as stack:
        (folder / _CLASS_LISTS[0]).write_bytes(_class_list())
        shards = _Shards(folder=os.fspath(folder), stack=stack, open={})
        for record in _checked(records):
            shards.add(record)


@dataclass(kw_only=True)
class _Shards:
    """The open shard of each split: (number, samples, bytes, tar)."""

    folder: str
    stack: contextlib.ExitStack
    open: dict[str, tuple[int, int, int, tarfile.TarFile]]

    def add(self, record: Record) -> None:
        split = record.split or "train"
        number, samples, size, tar = self.open.get(split) or (0, 0, 0, self._tar(split, 0))
        if samples >= _SHARD_SAMPLES or (samples and size + len(record.image) > _SHARD_BYTES):
            tar.close()
            number, samples, size, tar = number + 1, 0, 0, self._tar(split, number + 1)
        _add_sample(tar, record)
        self.open[split] = (number, samples + 1, size + len(record.image), tar)

    def _tar(self, split: str, number: int) -> tarfile.TarFile:
        name = os.path.join(self.folder, f"{split}-{number:06d}.tar")
        return self.stack.enter_context(tarfile.open(name, mode="w", format=tarfile.PAX_FORMAT))


def _tar(file: BinaryIO) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)


def _class_list() -> bytes:
    return "".join(f"{name}\n" for name in EIGHT_EXPRESSIONS).encode()


def _checked(records: Iterable[Record]) -> Iterator[Record]:
    seen: set[str] = set()
    for record in records:
        key = _key(record)
        if key in seen:
            raise FormatError(f'two records would have the key "{key}"; the second is "{record.name}": rename one')
        seen.add(key)
        yield record
    if not seen:
        raise FormatError("there is no record to write; expected at least one")


def _key(record: Record) -> str:
    """The record's name without its suffix, in one word: WebDataset ends a key at the first dot."""
    stem = str(PurePosixPath(record.name).with_suffix(""))
    return check_name(stem.replace("/", "-").replace(".", "_"))


def _add_sample(tar: tarfile.TarFile, record: Record) -> None:
    key, suffix = _key(record), picture_suffix(record.image)
    if suffix is None:
        raise FormatError(f'record "{record.name}" is not a picture by its first bytes; leave it out')
    _add(tar, key + suffix, record.image)
    if record.expression is not None:
        _add(tar, f"{key}.cls", str(index_of(record.expression, order=_ORDER)).encode())
    _add(tar, f"{key}.json", _json(record))


def _json(record: Record) -> bytes:
    taken = {"name": record.name, "expression": record.expression, "split": record.split}
    if clash := sorted(set(record.metadata) & {*taken, "label"}):
        raise FormatError(f"metadata has the key(s) {', '.join(clash)}, which the format writes itself; rename them")
    held: Mapping[str, Any] = {key: value for key, value in taken.items() if value is not None} | dict(record.metadata)
    try:
        return json.dumps(held, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise FormatError(f'record "{record.name}": its metadata is nothing that JSON holds: {error}') from error


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
