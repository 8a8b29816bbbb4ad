"""Datasets on disk: one file per format, its reader beside its writer, and the table of them.

    records = read_records("faces.zip")                     # the format is found by looking
    write_records(records, "faces.parquet", format="parquet")

A format's modules are loaded on use.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from facsim.errors import FormatError, hint_nearest
from facsim.formats.places import PlacedRecord
from facsim.formats.record import Record

__all__ = [
    "FORMATS",
    "Format",
    "PlacedRecord",
    "Record",
    "detect_format",
    "format_named",
    "index_records",
    "read_records",
    "write_records",
]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format's name, what it looks like, and where its reader, index and writer are (`package.module:function`)."""

    name: str
    summary: str
    reader: str
    indexer: str
    writer: str

    def read(self, path: str | os.PathLike[str]) -> Iterator[Record]:
        """The dataset's records. Raises FormatError."""
        return cast(Callable[..., Iterator[Record]], _resolved(self.reader))(path)

    def index(self, path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
        """The dataset's records with where their pictures lie, in the order of `read`. Raises FormatError."""
        return cast(Callable[..., Iterator[PlacedRecord]], _resolved(self.indexer))(path)

    def write(self, records: Iterable[Record], path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the records there, whole or not at all. Raises FormatError."""
        cast(Callable[..., None], _resolved(self.writer))(records, path, overwrite=overwrite)


FORMATS: Mapping[str, Format] = {
    entry.name: entry
    for entry in (
        Format(
            name="class_folder",
            summary="[split/]class/picture in a folder, .zip, .tar or .tar.gz, with metadata.parquet",
            reader="facsim.formats.class_folder:read_class_folder",
            indexer="facsim.formats.class_folder:index_class_folder",
            writer="facsim.formats.class_folder:write_class_folder",
        ),
        Format(
            name="fer2013",
            summary="CSV emotion,pixels,Usage: 48×48 grey, seven expressions",
            reader="facsim.formats.fer2013:read_fer2013",
            indexer="facsim.formats.fer2013:index_fer2013",
            writer="facsim.formats.fer2013:write_fer2013",
        ),
        Format(
            name="parquet",
            summary="Parquet file, or folder of them, as Hugging Face load_dataset shows it",
            reader="facsim.formats.parquet:read_parquet",
            indexer="facsim.formats.parquet:index_parquet",
            writer="facsim.formats.parquet:write_parquet",
        ),
    )
}
"""Every format, by name."""


def detect_format(path: str | os.PathLike[str]) -> str:
    """The name of the format of the dataset at `path`, by its content.

    Raises FormatError where there is nothing, or nothing that is known, saying what was found.
    """
    from facsim.formats.tree import opened, tree_kind, tree_names

    kind = tree_kind(path)
    if kind == "directory":
        return _folder_format(tree_names(path))
    if kind is not None:
        return "class_folder"
    with opened(path) as file:
        head = file.read(512)
    return _file_format(head, os.fspath(path))


def read_records(path: str | os.PathLike[str], format: str | None = None) -> Iterator[Record]:
    """The records of a dataset, in its own order; the format is detected unless it is named. Raises FormatError."""
    return format_named(format or detect_format(path)).read(path)


def index_records(path: str | os.PathLike[str], format: str | None = None) -> Iterator[PlacedRecord]:
    """The records of a dataset, in its own order, with where their pictures lie; no picture is read or copied.

    Names, labels and metadata are those of `read_records`, without metadata that are pictures themselves. Raises
    FormatError.
    """
    return format_named(format or detect_format(path)).index(path)


def write_records(
    records: Iterable[Record], path: str | os.PathLike[str], *, format: str, overwrite: bool = False
) -> None:
    """Write a dataset in the format of this name, whole or not at all. Raises FormatError."""
    format_named(format).write(records, path, overwrite=overwrite)


def format_named(name: str) -> Format:
    """The format of this name. Raises FormatError with the nearest known name."""
    if name not in FORMATS:
        raise FormatError(f'no format "{name}".{hint_nearest(name, FORMATS)}')
    return FORMATS[name]


def _resolved(target: str) -> object:
    module, _, function = target.partition(":")
    return getattr(importlib.import_module(module), function)


def _folder_format(names: Iterable[str]) -> str:
    """Parquet where there are tables other than the metadata of pictures; else a class folder's reader judges."""
    tables = [name for name in names if name.endswith(".parquet") and not name.endswith("metadata.parquet")]
    return "parquet" if tables else "class_folder"


def _file_format(head: bytes, path: str) -> str:
    if head.startswith(b"PAR1"):
        return "parquet"
    header = head.decode("utf-8", "replace").lstrip("\ufeff").splitlines()[:1]
    columns = {cell.strip() for cell in header[0].split(",")} if header else set[str]()
    if {"emotion", "pixels", "Usage"} <= columns:
        return "fer2013"
    if {"neutral", "contempt", "NF"} <= columns:
        raise FormatError(
            f"{path} holds FER+ votes and no pictures; read FER2013's pictures and relabel them "
            "(facsim.formats.ferplus.relabelled)"
        )
    known = "; ".join(f"{entry.name} ({entry.summary})" for entry in FORMATS.values())
    raise FormatError(f"{path} starts with {head[:16]!r}, which is no known format. Known: {known}")
