# pyright: basic
"""The metadata of records as an Arrow table: one row a record, one column a key, types from the values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa

from facsim.errors import FormatError

__all__ = ["joined_tables", "metadata_table"]


def metadata_table(
    rows: Sequence[Mapping[str, Any]], *, reserved: Collection[str] = (), schema: pa.Schema | None = None
) -> pa.Table:
    """The rows as a table: columns in order of first appearance, null where a row lacks the key.

    Given a schema, exactly its columns with its types. Raises FormatError for a key that is reserved (the format
    writes a column of that name itself) or not in the schema, and for values that do not go together in one column.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row))
    taken = sorted(set(keys) & set(reserved))
    if taken:
        raise FormatError(f"metadata has the key(s) {', '.join(taken)}, which the format writes itself; rename them")
    if schema is None:
        return _table({key: _column(key, [row.get(key) for row in rows], None) for key in keys}, len(rows))
    strange = sorted(set(keys) - set(schema.names))
    if strange:
        raise FormatError(
            f"metadata has the key(s) {', '.join(strange)}, which were in none of the first records; "
            "give the first record every key, or pass a table with all columns"
        )
    columns = {field.name: _column(field.name, [row.get(field.name) for row in rows], field.type) for field in schema}
    return _table(columns, len(rows))


def joined_tables(tables: Sequence[pa.Table]) -> pa.Table:
    """The tables one below the other; integers widen to floats and missing columns become null.

    Raises FormatError where one column holds values of types that do not go together.
    """
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise FormatError(f"a metadata key holds values of different types: {error}; give it one type") from error


def _column(key: str, values: list[Any], type: pa.DataType | None) -> pa.Array:
    try:
        return pa.array(values, type=type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise FormatError(f'the values of metadata "{key}" do not fit one Arrow type: {error}') from error


def _table(columns: Mapping[str, pa.Array], rows: int) -> pa.Table:
    if columns:
        return pa.table(dict(columns))
    return pa.table({"": pa.nulls(rows)}).select([])
