"""Rows on their way into a run: in a temporary file, so that memory does not grow with their number."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator

import pyarrow as pa

__all__ = ["Spool"]

_MOST_ROWS = 1000  # of a batch that is read back


class Spool:
    """Record batches of one schema in a temporary file, which goes when the spool does; `num_rows` of them in all."""

    def __init__(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
        self._file = tempfile.TemporaryFile(prefix="facsim-rows-")  # noqa: SIM115  # it lives as long as the spool
        self.schema = schema
        self.num_rows = 0
        options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
        with pa.ipc.new_stream(self._file, schema, options=options) as stream:
            for batch in batches:
                self.num_rows += batch.num_rows
                for start in range(0, batch.num_rows, _MOST_ROWS):
                    stream.write_batch(batch.slice(start, _MOST_ROWS))

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, a batch at a time, in order."""
        self._file.seek(0)
        # no thread that the interpreter could meet at its end (`facsim.tables`)
        with pa.ipc.open_stream(self._file, options=pa.ipc.IpcReadOptions(use_threads=False)) as stream:
            yield from stream
