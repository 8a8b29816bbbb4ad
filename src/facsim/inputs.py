"""Pictures that exist already, as the rows of a run: listed, hashed and named before any is decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from facsim.columns import step_schema
from facsim.errors import FormatError
from facsim.recipe import INPUT_WRITES, Input
from facsim.sample import ingested_id

__all__ = ["input_table"]


def input_table(inputs: Sequence[Input]) -> pa.Table:
    """One row for each picture of the inputs, in their order: key columns and `INPUT_WRITES`.

    Raises FormatError where an input cannot be read, is empty, or holds a file that another input holds too.
    """
    seen: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    for entry in inputs:
        before = len(rows)
        rows.extend(_rows(entry, seen))
        if len(rows) == before:
            only = f' in split "{entry.split}"' if entry.split else ""
            raise FormatError(f"{entry.path} holds no pictures{only}; expected a folder, archive or table of pictures")
    return pa.Table.from_pylist(rows, schema=step_schema(INPUT_WRITES))


def _rows(entry: Input, seen: dict[str, str]) -> Iterator[dict[str, Any]]:
    from facsim.formats import detect_format, read_records  # only a run of inputs needs the formats

    form = entry.format or detect_format(entry.path)
    for record in read_records(entry.path, format=form):
        if entry.split and record.split != entry.split:
            continue
        digest = hashlib.sha256(record.image).hexdigest()
        sample_id = ingested_id(record.name, digest)
        if sample_id in seen:
            raise FormatError(
                f"{record.name} is in {seen[sample_id]} and again in {entry.path}, with the same bytes; "
                "leave one of the inputs out"
            )
        seen[sample_id] = entry.path
        yield {
            "sample_id": sample_id,
            "problem": None,
            "problem_detail": None,
            "source_path": record.name,
            "source_input": entry.path,
            "source_format": form,
            "source_sha256": digest,
            "split": record.split,
            "expression_given": record.expression,
        }
