"""Parquet tables as bytes and back, on the thread that asks.

pyarrow's own threads outlive what they read: where one still stands when the interpreter ends, the process aborts with
its work done and an exit code of 134 (Arrow's issue 34314; seen here in one of some twenty short runs on busy cores).
So nothing here starts one: neither to decode nor, which is the default, to read ahead.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["open_parquet", "read_columns", "table_bytes"]

_ROW_GROUP_BYTES = 32 << 20


def open_parquet(source: Any, *, having: Sequence[str] = ()) -> pq.ParquetFile:
    """A Parquet file, of a binary file or an Arrow buffer, whose reads take `use_threads=False`. Raises ArrowException
    where it is none, ArrowInvalid where it lacks one of the columns `having`."""
    file = pq.ParquetFile(source, pre_buffer=False)
    if lacking := sorted(set(having) - set(file.schema_arrow.names)):
        raise pa.ArrowInvalid(f'it has no column "{lacking[0]}"')
    return file


def read_columns(source: Any, columns: Sequence[str] | None = None) -> pa.Table:
    """The whole table, or some of its columns in this order. Raises ArrowException on damage, ArrowInvalid where a
    column is not there."""
    if columns is None:
        return open_parquet(source).read(use_threads=False)
    wanted = list(columns)
    return open_parquet(source, having=wanted).read(columns=wanted, use_threads=False).select(wanted)


def table_bytes(table: pa.Table) -> bytes:
    """A table as Parquet bytes, row groups under 32 MB; the same bytes for the same table.

    Zstandard, which leaves encoded pictures at their size and shrinks labels.
    """
    rows = max(1, int(table.num_rows * _ROW_GROUP_BYTES / max(table.nbytes, 1)))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", row_group_size=min(rows, 65_536))
    return sink.getvalue()
