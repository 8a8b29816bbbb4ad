# pyright: basic
"""EmoNet-Face BIG [S]: Parquet files as Hugging Face serves them, with `image`, `prompt`, `demographics` and
`annotations`: made by text-to-image models, over 400,000 pictures, CC BY 4.0.

The annotations are weak labels of forty categories of its own. None is taken for one of the eight expressions: a
record's expression is None, and the three columns are kept in metadata.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator

from facsim.errors import FormatError
from facsim.formats.parquet import column_names, index_parquet
from facsim.formats.places import PlacedRecord, read_placed
from facsim.formats.record import Record

__all__ = ["COLUMNS", "index_emonet_face", "read_emonet_face"]

COLUMNS = ("image", "prompt", "demographics", "annotations")
"""Columns that every file has."""


def read_emonet_face(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each row. Raises FormatError, naming the file, where one lacks a column."""
    return read_placed(index_emonet_face(path))


def index_emonet_face(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_emonet_face` gives, with where each picture lies."""
    for file, names in column_names(path):
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise FormatError(
                f"{file} has the columns {', '.join(names)[:200]}; expected {', '.join(COLUMNS)}, missing: {missing}"
            )
    for record in index_parquet(path):
        yield dataclasses.replace(record, expression=None)
