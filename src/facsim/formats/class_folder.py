# pyright: basic
"""Class folders, `[split/]class/picture.png`, as a folder, .zip, .tar or .tar.gz: the reader and, below it, the writer.

This is what torchvision's `ImageFolder` and Hugging Face's `imagefolder` read. Beside the pictures, in each split's
folder or at the root where there are no splits, stands `metadata.parquet` with one row a picture: `file_name`
(relative to it) first, then `expression`, then whatever the records' metadata held.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from facsim.errors import FacsimError, FormatError
from facsim.expressions import EIGHT_EXPRESSIONS, expression_named
from facsim.formats.class_layout import PICTURE_SUFFIXES, ClassLayout, Placement, class_layout, is_ignored
from facsim.formats.metadata import joined_tables, metadata_table
from facsim.formats.placement import pack_tar, pack_zip, placed_file, placed_folder
from facsim.formats.places import Place, PlacedRecord
from facsim.formats.record import Record, check_name
from facsim.formats.tree import read_tree, tree_names, tree_places
from facsim.picture_headers import picture_suffix
from facsim.tables import open_parquet

__all__ = ["index_class_folder", "read_class_folder", "survey_class_folder", "write_class_folder"]

_METADATA_FILE = "metadata.parquet"
_RESERVED = ("file_name", "expression", "split")
_ROWS_A_TABLE = 4096
_Index = dict[str, tuple[pa.Table, int]]


def survey_class_folder(path: str | os.PathLike[str]) -> ClassLayout:
    """What is there, without reading a picture: placements, spellings and ignored files.

    Raises FormatError as `read_class_folder` does.
    """
    return class_layout(tree_names(path), where=os.fspath(path))


def read_class_folder(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each picture, sorted by name (a tar's in the tar's order), with the row of its `metadata.parquet`.

    Bytes are as found, decodable or not. Raises FormatError before the first record for anything wrong with the
    listing (see `facsim.formats.tree` and `facsim.formats.class_layout`) or the metadata.
    """
    names = tree_names(path)
    layout = class_layout(names, where=os.fspath(path))
    index = _metadata_index(path, names, layout)
    return (_record(name, data, layout, index) for name, data in read_tree(path, wanted=layout.placements.keys()))


def index_class_folder(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_class_folder` gives, with where each picture lies in place of its bytes. Raises FormatError."""
    places = tree_places(path)
    names = tuple(sorted(places))
    layout = class_layout(names, where=os.fspath(path))
    index = _metadata_index(path, names, layout)
    return (_placed(name, place, layout, index) for name, place in places.items() if name in layout.placements)


def _placed(name: str, place: Place, layout: ClassLayout, index: _Index) -> PlacedRecord:
    return PlacedRecord(place=place, **_fields(name, layout, index))


def _record(name: str, data: bytes, layout: ClassLayout, index: _Index) -> Record:
    return Record(image=data, **_fields(name, layout, index))


def _fields(name: str, layout: ClassLayout, index: _Index) -> dict[str, Any]:
    """What a record has but its picture."""
    placement = layout.placements[name]
    row = _row(index, name)
    expression, split = row.pop("expression", None), row.pop("split", None)
    _check_agreement(name, placement, expression, split)
    return {"name": name, "expression": placement.expression, "split": split or placement.split, "metadata": row}


def _check_agreement(name: str, placement: Placement, expression: object, split: object) -> None:
    if expression is not None and expression != placement.expression:
        raise FormatError(
            f'"{name}" lies in the folder of {placement.expression}, but {_METADATA_FILE} says expression '
            f"{expression!r}; make the two agree (canonical names: {', '.join(EIGHT_EXPRESSIONS)})"
        )
    if split is not None and split != (placement.split or split):
        raise FormatError(
            f'"{name}" lies in split {placement.split}, but {_METADATA_FILE} says {split!r}; make them agree'
        )


def _row(index: _Index, name: str) -> dict[str, Any]:
    """The row of one picture without its file name and without what is null; empty where there is none."""
    if name not in index:
        return {}
    table, place = index[name]
    row = {column: table[column][place].as_py() for column in table.column_names if column != "file_name"}
    return {column: value for column, value in row.items() if value is not None}


def _metadata_index(path: str | os.PathLike[str], names: tuple[str, ...], layout: ClassLayout) -> _Index:
    """Where each picture's row is: (table, row number) by the picture's name."""
    wanted = [name for name in names if PurePosixPath(name).name == _METADATA_FILE]
    index: _Index = {}
    for name, data in read_tree(path, wanted=wanted) if wanted else ():
        table = _metadata_read(f"{name} in {path}", data, most=len(layout.placements))
        folder = PurePosixPath(name).parent
        for place, file_name in enumerate(table["file_name"].to_pylist()):
            picture = str(folder / str(file_name))
            _check_row(picture, f"{name} in {path}", layout, index)
            index[picture] = (table, place)
    return index


def _check_row(picture: str, where: str, layout: ClassLayout, index: _Index) -> None:
    if picture not in layout.placements:
        raise FormatError(
            f'{where} has a row for "{picture}", which is not there; file_name is relative to {_METADATA_FILE}'
        )
    if picture in index:
        raise FormatError(f'{where} has a second row for "{picture}"; expected one a picture')


def _metadata_read(where: str, data: bytes, *, most: int) -> pa.Table:
    try:
        file = open_parquet(io.BytesIO(data))
        if "file_name" not in file.schema_arrow.names:
            raise FormatError(
                f"{where} has no column file_name; expected it first, with paths relative to {_METADATA_FILE}"
            )
        if file.metadata.num_rows > most:
            raise FormatError(f"{where} has {file.metadata.num_rows} rows for {most} pictures; expected one a picture")
        table = file.read(use_threads=False)
        table.validate(full=True)  # text that is not UTF-8 would fail only when its row is reached
        return table
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FormatError(f"{where} cannot be read: {error}") from error


def write_class_folder(
    records: Iterable[Record],
    path: str | os.PathLike[str],
    *,
    metadata: pa.Table | Sequence[Mapping[str, Any]] | None = None,
    overwrite: bool = False,
) -> None:
    """Write the records as `[split/]expression/name` with `metadata.parquet`: a folder, or by suffix an archive.

    Archives are `.zip`, `.tar`, `.tar.gz` or `.tgz`, and the same bytes for the same records. The picture's bytes are
    kept. A name loses folders that repeat the split or the class, and gains a suffix where it has none; other folders
    are joined to it with `-`. `metadata` holds a row for each record, in their order; by default it is taken from
    them. All of it appears at once at the end. Raises FormatError for a record without an expression, two that would
    have one name, metadata of another length, or something at `path` already.
    """
    pack = _packer(os.fspath(path))
    if pack is None:
        with placed_folder(path, overwrite=overwrite) as folder:
            _fill(folder, records, metadata)
        return
    with placed_file(path, overwrite=overwrite) as file, _spool(path) as spool:
        _fill(Path(spool), records, metadata)
        pack(Path(spool), file)


def _packer(path: str) -> Callable[[Path, BinaryIO], None] | None:
    if path.endswith(".zip"):
        return pack_zip
    if path.endswith((".tar.gz", ".tgz")):
        return functools.partial(pack_tar, gzipped=True)
    return pack_tar if path.endswith(".tar") else None


def _spool(path: str | os.PathLike[str]) -> tempfile.TemporaryDirectory[str]:
    """A folder on the disk that the archive will be on, where it is local: the system's own may be small."""
    place = None if "://" in os.fspath(path) else Path(path).absolute().parent
    return tempfile.TemporaryDirectory(prefix=".facsim-", dir=place)


def _fill(folder: Path, records: Iterable[Record], metadata: pa.Table | Sequence[Mapping[str, Any]] | None) -> None:
    written = _written(folder, records)
    if metadata is None:
        tables = [
            _described(chunk, metadata_table([item.metadata for item in chunk], reserved=_RESERVED))
            for chunk in _chunks(written)
        ]
    else:
        tables = [_described(list(written), _given_table(metadata))]
    if not tables:
        raise FormatError("there is no record to write; expected at least one")
    _write_metadata(folder, joined_tables(tables))


def _written(folder: Path, records: Iterable[Record]) -> Iterator[Record]:
    """The records under the names that they were written to."""
    seen: set[str] = set()
    for record in records:
        place = _place(record)
        if place in seen:
            raise FormatError(f'two records would be written as "{place}"; the second is "{record.name}": rename one')
        seen.add(place)
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(record.image)
        yield dataclasses.replace(record, name=place, image=b"")


def _place(record: Record) -> str:
    if record.expression not in EIGHT_EXPRESSIONS:
        raise FormatError(
            f'record "{record.name}" has expression {record.expression!r}; a class folder needs one of '
            f"{', '.join(EIGHT_EXPRESSIONS)}: leave such records out"
        )
    *folders, leaf = record.name.split("/")
    kept = [part for part in folders if part != record.split and not _spells(part, record.expression)]
    file_name = "-".join([*kept, leaf]) + _missing_suffix(record)
    place = check_name("/".join(part for part in (record.split, record.expression, file_name) if part))
    if is_ignored(place):
        raise FormatError(f'record "{record.name}" would be written as "{place}", which readers ignore; rename it')
    return place


def _spells(part: str, expression: str) -> bool:
    try:
        return expression_named(part) == expression
    except FacsimError:
        return False


def _missing_suffix(record: Record) -> str:
    if PurePosixPath(record.name).suffix.lower() in PICTURE_SUFFIXES:
        return ""
    suffix = picture_suffix(record.image)
    if suffix is None:
        raise FormatError(f'record "{record.name}" is not a picture by its name or its first bytes; leave it out')
    return suffix


def _chunks(records: Iterator[Record]) -> Iterator[list[Record]]:
    while chunk := list(itertools.islice(records, _ROWS_A_TABLE)):
        yield chunk


def _given_table(metadata: pa.Table | Sequence[Mapping[str, Any]]) -> pa.Table:
    if isinstance(metadata, Sequence):
        return metadata_table(metadata, reserved=_RESERVED)
    taken = sorted(set(metadata.column_names) & set(_RESERVED))
    if taken:
        raise FormatError(
            f"metadata has the column(s) {', '.join(taken)}, which are written from the records; drop them"
        )
    return metadata


def _described(records: list[Record], table: pa.Table) -> pa.Table:
    """The table with the columns that the records themselves give in front."""
    if table.num_rows != len(records):
        raise FormatError(
            f"metadata has {table.num_rows} rows for {len(records)} records; expected one a record, in order"
        )
    given = {
        "file_name": pa.array([record.name for record in records], pa.string()),
        "expression": pa.array([record.expression for record in records], pa.string()),
        "split": pa.array([record.split for record in records], pa.string()),
    }
    return pa.table(given | {name: table[name] for name in table.column_names})


def _write_metadata(folder: Path, table: pa.Table) -> None:
    """One `metadata.parquet` in each split's folder: Hugging Face ignores one above the splits."""
    splits = table["split"].to_pylist()
    for split in sorted({split or "" for split in splits}):
        rows = table.take([place for place, found in enumerate(splits) if (found or "") == split])
        names = [name.removeprefix(f"{split}/") for name in rows["file_name"].to_pylist()]
        rows = rows.set_column(0, "file_name", pa.array(names, pa.string()))
        pq.write_table(rows if any(splits) else rows.drop_columns(["split"]), folder / split / _METADATA_FILE)
