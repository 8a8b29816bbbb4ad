# pyright: basic
"""A dataset as Parquet, as Hugging Face's `load_dataset("parquet")` shows it: the reader and, below it, the writer.

Columns: `image`, a struct of `bytes` and `path` that decodes to a picture there, `name`, `expression` (a string: the
canonical name, not an index, so that no reader can take it in another order), `split`, then the metadata's keys, of
which those of the type of `image` are pictures too.
One `.parquet` file, or a folder with `train-00000.parquet`, … for each split, which `load_dataset(folder)` shows as
splits. Row groups stay under 32 MB; pictures are not compressed again; the same records give the same bytes.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from facsim.errors import FacsimError, FormatError
from facsim.expressions import EIGHT_EXPRESSIONS, expression_named
from facsim.formats.metadata import metadata_table
from facsim.formats.placement import placed_file, placed_folder
from facsim.formats.places import Container, Place, PlacedRecord, container_at
from facsim.formats.record import Record
from facsim.formats.tree import opened, tree_kind, tree_names
from facsim.tables import open_parquet

__all__ = ["column_names", "index_parquet", "picture_rows", "read_parquet", "write_parquet"]

_IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_RESERVED = ("image", "name", "expression", "split", "label")
_GROUP_BYTES = 24 << 20  # of encoded pictures; leaves room for the metadata under 32 MB
_GROUP_ROWS = 4096
_FILE_BYTES = 512 << 20  # where a folder goes on with the next file
_READ_ROWS = 64


def read_parquet(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each row of a file, or of a folder's `.parquet` files by name; `image` is also found as bytes alone.

    Expressions are read from `expression`, else from `label`: strings, or the indices of a Hugging Face ClassLabel.
    The split is the column's, else, in a folder, the file's (`train` of `train-00000.parquet`). A row's name is
    `name`, else the picture's path, else made from the row's number. Raises FormatError for files that are not
    Parquet, columns that are missing or of other types, pictures held as paths only, and expressions unknown.
    """
    return (record for file in _files(path) for record in _rows_of_file(*file, read=_rows))


def index_parquet(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_parquet` gives, with where each picture lies in place of its bytes; columns of bytes are not read.

    Raises FormatError, but for a picture held as a path only when it is read.
    """
    for file in _files(path):
        index = functools.partial(_placed_rows, container=container_at(file[0]))
        yield from _rows_of_file(*file, read=index)


def column_names(path: str | os.PathLike[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(file, its columns) of each `.parquet` file there. Raises FormatError where one cannot be read."""

    def names(file: pq.ParquetFile, shown: str, split: str | None) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield shown, tuple(file.schema_arrow.names)

    for file in _files(path):
        yield from _rows_of_file(*file, read=names)


def _files(path: str | os.PathLike[str]) -> list[tuple[str, str, str | None]]:
    """The path of each file, how it is shown, and the split that its name says."""
    if tree_kind(path) != "directory":
        return [(os.fspath(path), os.fspath(path), None)]
    names = [name for name in tree_names(path) if name.endswith(".parquet") and not name.endswith("metadata.parquet")]
    if not names:
        raise FormatError(f"{path} holds no .parquet file")
    folder = os.fspath(path).rstrip("/")
    return [(f"{folder}/{name}", name, _split_of(name)) for name in names]


def _rows_of_file(path: str, shown: str, split: str | None, *, read: Callable[..., Iterator[Any]]) -> Iterator[Any]:
    with opened(path) as source:
        try:
            yield from read(open_parquet(source), shown, split)
        except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError) as error:
            raise FormatError(f"{shown} is not Parquet that can be read: {error}") from error


def _split_of(name: str) -> str:
    return os.path.basename(name).removesuffix(".parquet").split("-")[0]


def _rows(file: pq.ParquetFile, shown: str, split: str | None) -> Iterator[Record]:
    schema = file.schema_arrow
    _check_columns(schema, shown)
    classes = _class_names(schema, shown)
    fallback = None if "split" in schema.names else split
    number = 0
    for batch in file.iter_batches(batch_size=_READ_ROWS, use_threads=False):
        for row in batch.to_pylist():
            yield _record(row, f"{shown}, row {number + 1}", _row_name(shown, split, number), (classes, fallback))
            number += 1


def _placed_rows(
    file: pq.ParquetFile, shown: str, split: str | None, *, container: Container
) -> Iterator[PlacedRecord]:
    schema = file.schema_arrow
    _check_columns(schema, shown)
    given = (_class_names(schema, shown), None if "split" in schema.names else split)
    wanted, number = _light_columns(schema), 0
    for group in range(file.num_row_groups):
        rows = file.read_row_group(group, columns=wanted, use_threads=False).to_pylist()
        for place in range(file.metadata.row_group(group).num_rows):
            row = rows[place] if wanted else {}
            row["image"] = {"bytes": b"", "path": (row.get("image") or {}).get("path")}
            found = _record(row, f"{shown}, row {number + 1}", _row_name(shown, split, number), given)
            yield PlacedRecord(
                name=found.name,
                place=_row_place(container, group, place),
                expression=found.expression,
                split=found.split,
                metadata=found.metadata,
            )
            number += 1


def picture_rows(container: Container) -> tuple[list[Place], list[str | None]]:
    """Where the picture of each row of a Parquet file with a column `image` lies, and the file name that it has there.

    Raises FormatError where the file cannot be read.
    """
    with opened(container.path) as source:
        try:
            file = open_parquet(source)
            names = file.read(columns=["image.path"], use_threads=False)["image"].to_pylist()
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        except (pa.ArrowException, OSError, LookupError, ValueError) as error:
            raise FormatError(f"{container.path} is not Parquet that can be read: {error}") from error
    return (
        [_row_place(container, group, row) for group, rows in enumerate(sizes) for row in range(rows)],
        [(name or {}).get("path") for name in names],
    )


def _row_place(container: Container, group: int, row: int) -> Place:
    return Place(container=container, kind="parquet", start=group, length=row)


def _light_columns(schema: pa.Schema) -> list[str]:
    """The columns without pictures; of `image`, its path."""
    light = [field.name for field in schema if field.name != "image" and not _holds_bytes(field.type)]
    image = schema.field("image").type
    return [*light, *(["image.path"] if pa.types.is_struct(image) and image.get_field_index("path") >= 0 else [])]


def _holds_bytes(type: pa.DataType) -> bool:
    if pa.types.is_struct(type):
        return any(_holds_bytes(field.type) for field in type)
    return pa.types.is_binary(type) or pa.types.is_large_binary(type)


def _check_columns(schema: pa.Schema, shown: str) -> None:
    found = schema.field("image").type if "image" in schema.names else None
    is_struct = found is not None and pa.types.is_struct(found) and found.get_field_index("bytes") >= 0
    if found is None or not (is_struct or pa.types.is_binary(found) or pa.types.is_large_binary(found)):
        raise FormatError(
            f"{shown} has the columns {', '.join(schema.names)[:200]} (image: {found}); "
            "expected a column image, a struct of bytes and path, or bytes alone"
        )


def _class_names(schema: pa.Schema, shown: str) -> Mapping[str, list[str]]:
    """Column → class names by index, for the ClassLabel columns that the file's Hugging Face features declare."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        labels = {name: found for name, found in features.items() if found.get("_type") == "ClassLabel"}
        wanted = [name for name in ("expression", "label") if name in labels]
        return {name: [expression_named(text) for text in labels[name]["names"]] for name in wanted}
    except (KeyError, TypeError, AttributeError):
        return {}
    except FacsimError as error:
        raise FormatError(f"{shown}: {error}") from error


def _row_name(shown: str, split: str | None, number: int) -> str:
    """What a row without a name is called: its number, in a folder after the name of its file."""
    return f"{number:07d}" if split is None else f"{shown.removesuffix('.parquet')}/{number:07d}"


def _record(row: dict[str, Any], where: str, unnamed: str, given: tuple[Mapping[str, list[str]], str | None]) -> Record:
    classes, split = given
    picture = row.pop("image")
    image, path = (picture.get("bytes"), picture.get("path")) if isinstance(picture, dict) else (picture, None)
    if image is None:
        raise FormatError(f"{where}: the picture is not in the file (path: {path!r}); embed its bytes when writing")
    label = "expression" if "expression" in row else "label"
    expression = _expression(row.pop(label, None), classes.get(label), where)
    name, found_split = row.pop("name", None) or path or unnamed, row.pop("split", None)
    metadata = {key: value for key, value in row.items() if value is not None}
    try:
        return Record(name=name, image=image, expression=expression, split=found_split or split, metadata=metadata)
    except (FormatError, TypeError, AttributeError) as error:
        raise FormatError(f"{where}: {error}") from error


def _expression(value: Any, classes: list[str] | None, where: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, int) and classes is not None and 0 <= value < len(classes):
        return classes[value]
    if not isinstance(value, str):
        raise FormatError(f"{where}: expression {value!r} is an index without class names; write names instead")
    try:
        return expression_named(value)
    except FacsimError as error:
        raise FormatError(f"{where}: {error}") from error


def write_parquet(
    records: Iterable[Record],
    path: str | os.PathLike[str],
    *,
    metadata_schema: pa.Schema | None = None,
    overwrite: bool = False,
) -> None:
    """Write the records to one file where `path` ends in `.parquet`, else to a folder with files for each split.

    `metadata_schema` gives the metadata's columns and types; by default they are those of each file's first records.
    It appears at once at the end. Raises FormatError for records of one name, an expression that is not canonical,
    metadata that does not fit, no records, or something at `path` already.
    """
    if os.fspath(path).endswith(".parquet"):
        tables = _tables(_groups(_checked(records), lambda record: ""), metadata_schema)
        with placed_file(path, overwrite=overwrite) as file, contextlib.ExitStack() as stack:
            _write_all(tables, stack, lambda _: contextlib.nullcontext(file))
        return
    groups = _groups(_checked(records), lambda record: record.split or "train")
    tables = _tables(_numbered(groups), metadata_schema)
    with placed_folder(path, overwrite=overwrite) as folder, contextlib.ExitStack() as stack:
        _write_all(tables, stack, lambda key: (folder / key).open("wb"))


def _checked(records: Iterable[Record]) -> Iterator[Record]:
    seen: set[str] = set()
    for record in records:
        if record.name in seen:
            raise FormatError(f'two records have the name "{record.name}"; names must be unique')
        if record.expression is not None and record.expression not in EIGHT_EXPRESSIONS:
            raise FormatError(
                f'record "{record.name}" has expression {record.expression!r}; expected one of '
                f"{', '.join(EIGHT_EXPRESSIONS)}, or None"
            )
        seen.add(record.name)
        yield record
    if not seen:
        raise FormatError("there is no record to write; expected at least one")


def _groups(records: Iterable[Record], key: Callable[[Record], str]) -> Iterator[tuple[str, list[Record]]]:
    """Records of one key, in their order, as many as go into one row group."""
    waiting: dict[str, list[Record]] = {}
    sizes: dict[str, int] = {}
    for record in records:
        name, size = key(record), _bytes_of(record)
        is_full = sizes.get(name, 0) + size > _GROUP_BYTES or len(waiting.get(name, ())) >= _GROUP_ROWS
        if is_full and waiting.get(name):
            yield name, waiting.pop(name)
            sizes[name] = 0
        waiting.setdefault(name, []).append(record)
        sizes[name] = sizes.get(name, 0) + size
    yield from waiting.items()


def _bytes_of(record: Record) -> int:
    """Encoded pictures: the record's, and maps among its metadata."""
    maps = (value.get("bytes") for value in record.metadata.values() if isinstance(value, dict))
    return len(record.image) + sum(len(data) for data in maps if isinstance(data, bytes))


def _numbered(groups: Iterable[tuple[str, list[Record]]]) -> Iterator[tuple[str, list[Record]]]:
    """The groups by the name of the file they go to: the split, and a number that grows every `_FILE_BYTES`."""
    sizes: dict[str, int] = {}
    for split, records in groups:
        sizes[split] = sizes.get(split, 0) + sum(_bytes_of(record) for record in records)
        yield f"{split}-{sizes[split] // _FILE_BYTES:05d}.parquet", records


def _tables(
    groups: Iterable[tuple[str, list[Record]]], metadata_schema: pa.Schema | None
) -> Iterator[tuple[str, pa.Table]]:
    """The groups as tables of one schema: the one given, else that of the first group."""
    schema = metadata_schema
    for key, records in groups:
        metadata = metadata_table([record.metadata for record in records], reserved=_RESERVED, schema=schema)
        schema = metadata.schema
        yield key, _table(records, metadata)


def _table(records: list[Record], metadata: pa.Table) -> pa.Table:
    images = [{"bytes": record.image, "path": record.name} for record in records]
    texts = {name: [getattr(record, name) for record in records] for name in ("name", "expression", "split")}
    columns = {"image": pa.array(images, _IMAGE_TYPE)}
    columns |= {name: pa.array(values, pa.string()) for name, values in texts.items()}
    columns |= {name: metadata[name] for name in metadata.column_names}
    table = pa.table(columns)
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": _features(table.schema)}})})


def _features(schema: pa.Schema) -> dict[str, dict[str, str]]:
    """The columns that `datasets` shall show as pictures; it infers the others itself."""
    return {field.name: {"_type": "Image"} for field in schema if field.type == _IMAGE_TYPE}


def _write_all(
    tables: Iterable[tuple[str, pa.Table]],
    stack: contextlib.ExitStack,
    sink: Callable[[str], AbstractContextManager[BinaryIO]],
) -> None:
    """Each table as one row group of the file of its key, which `sink(key)` opens."""
    writers: dict[str, pq.ParquetWriter] = {}
    for key, table in tables:
        if key not in writers:
            writers[key] = stack.enter_context(_writer(stack.enter_context(sink(key)), table.schema))
        writers[key].write_table(table, row_group_size=len(table))


def _writer(file: BinaryIO, schema: pa.Schema) -> pq.ParquetWriter:
    """zstd and dictionaries for all but the pictures' bytes, which do not shrink."""
    leaves: Any = [leaf for leaf in _leaves(schema) if not leaf.endswith(".bytes")]
    codecs: Any = dict.fromkeys(leaves, "zstd")
    return pq.ParquetWriter(file, schema, compression=codecs, use_dictionary=leaves, write_statistics=leaves)


def _leaves(schema: pa.Schema) -> list[str]:
    """The paths of the leaf columns as Parquet names them (`landmarks.list.element`)."""
    file = io.BytesIO()
    pq.write_table(schema.empty_table(), file)
    columns = open_parquet(file).schema
    return [columns.column(place).path for place in range(len(columns))]
