"""Pictures that exist already, as the rows of a run: listed, hashed and named before any is decoded.

Rows are made in batches and go through a temporary file, so that a listing takes no more memory for a hundred thousand
pictures than for a thousand, but for an id of 16 bytes a picture, which finds the ones that come twice.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from facsim.columns import step_schema
from facsim.errors import FormatError
from facsim.formats.terms import (
    ROW_TERMS,
    Terms,
    carried_terms,
    check_commercial,
    terms_as_one,
    terms_from,
    terms_of_rows,
)
from facsim.recipe import INPUT_WRITES, Input, Recipe
from facsim.sample import ingested_id
from facsim.spool import Spool

__all__ = ["check_inputs_commercial", "input_batches", "input_table", "input_terms", "list_inputs", "recipe_terms"]

_BATCH_ROWS = 1000


def list_inputs(inputs: Sequence[Input]) -> Spool:
    """The rows of `input_batches`, on disk. Raises FormatError as it does."""
    return Spool(input_batches(inputs), step_schema(INPUT_WRITES))


def input_table(inputs: Sequence[Input]) -> pa.Table:
    """The rows of `input_batches` as one table; for small inputs only. Raises FormatError as it does."""
    return pa.Table.from_batches(input_batches(inputs), schema=step_schema(INPUT_WRITES))


def input_batches(inputs: Sequence[Input]) -> Iterator[pa.RecordBatch]:
    """One row for each picture of the inputs, in their order: key columns and `INPUT_WRITES`.

    A picture that is listed and cannot be read has a row without `source_sha256`; ingest counts it as unreadable.
    Raises FormatError where an input is not laid out as its format says, is empty, has no picture that can be read, or
    holds a file that another input holds too.
    """
    schema = step_schema(INPUT_WRITES)
    seen: dict[bytes, int] = {}
    rows = itertools.chain.from_iterable(_rows(inputs, number, seen) for number in range(len(inputs)))
    while batch := list(itertools.islice(rows, _BATCH_ROWS)):
        yield pa.RecordBatch.from_pylist(batch, schema=schema)


def check_inputs_commercial(inputs: Sequence[Input]) -> None:
    """Nothing where the terms of every input allow commercial use. Raises FormatError, naming inputs and terms."""
    check_commercial(input_terms(inputs))


def input_terms(inputs: Sequence[Input]) -> list[tuple[str, Terms]]:
    """(path, terms) of each input: what it says, else what its rows carry where facsim wrote them, else its format's.

    Raises FormatError for an unknown layout.
    """
    return [(entry.path, terms) for entry in inputs for terms in _terms_of(entry)]


def _terms_of(entry: Input) -> tuple[Terms, ...]:
    from facsim.formats import index_records

    form = _format_of(entry)
    if entry.terms:
        return (terms_from(entry.terms, form=form),)
    return terms_of_rows((record.metadata for record in index_records(entry.path, format=form)), form=form)


def recipe_terms(recipe: Recipe) -> list[tuple[str, Terms]]:
    """(an input or `step "…"`, its terms) of the recipe's inputs and of the models of its steps, whose terms come with
    their labels. Raises FormatError where an input's layout is not known."""
    labelling = [(f'step "{step.name}"', terms) for step in recipe.steps for terms in step.model_terms]
    return [*input_terms(recipe.inputs), *labelling]


def _format_of(entry: Input) -> str:
    from facsim.formats import detect_format, format_named  # only a run of inputs needs the formats

    return format_named(entry.format).name if entry.format else detect_format(entry.path)


def _rows(inputs: Sequence[Input], number: int, seen: dict[bytes, int]) -> Iterator[dict[str, Any]]:
    from facsim.formats import index_records
    from facsim.formats.place_text import place_text
    from facsim.formats.places import PlaceReader

    entry = inputs[number]
    form = _format_of(entry)
    terms = terms_from(entry.terms, form=form)
    found, readable, fault = 0, 0, ""
    with PlaceReader() as reader:
        for record in index_records(entry.path, format=form):
            if entry.split and record.split != entry.split:
                continue
            digest, why = _digest(reader, record.place)
            found, readable, fault = found + 1, readable + (digest is not None), fault or why
            sample_id = ingested_id(record.name, digest or "")
            _check_new(record.name, sample_id, number, seen, inputs)
            yield {
                **dict.fromkeys(("problem", "problem_detail")),
                "sample_id": sample_id,
                "source_path": record.name,
                "source_input": entry.path,
                "source_format": form,
                "source_sha256": digest,
                "split": record.split,
                "expression_given": record.expression,
                **_terms_columns(record.metadata, terms, overridden=bool(entry.terms)),
                "source_metadata": _metadata_text(record.metadata),
                "source_place": place_text(record.place, source=entry.path, name=record.name),
            }
    if not found:
        only = f' in split "{entry.split}"' if entry.split else ""
        raise FormatError(f"{entry.path} holds no pictures{only}; expected a folder, archive or table of pictures")
    if not readable:
        raise FormatError(f"none of the {found} pictures of {entry.path} can be read; the first: {fault}")


def _digest(reader: Any, place: Any) -> tuple[str | None, str]:
    """SHA-256 of the picture's bytes; None and why where it cannot be read."""
    try:
        return hashlib.sha256(reader.read(place)).hexdigest(), ""
    except FormatError as error:
        return None, str(error)


def _check_new(name: str, sample_id: str, number: int, seen: dict[bytes, int], inputs: Sequence[Input]) -> None:
    key = bytes.fromhex(sample_id)
    if key in seen:
        if seen[key] == number:
            raise FormatError(f"{inputs[number].path} holds {name} twice, with the same bytes; leave one out")
        raise FormatError(
            f"{name} is in {inputs[seen[key]].path} and again in {inputs[number].path}, with the same bytes; "
            "leave one of the inputs out"
        )
    seen[key] = number


def _terms_columns(metadata: Mapping[str, Any], terms: Terms, *, overridden: bool) -> dict[str, str]:
    """The terms of one picture: those that facsim wrote with it, unless the recipe says others; else the input's."""
    carried = None if overridden else carried_terms(metadata)
    found = terms if carried is None else terms_as_one(carried)
    return dict(zip(ROW_TERMS, (found.name, found.text, found.commercial), strict=True))


def _metadata_text(metadata: Mapping[str, Any]) -> str | None:
    """The metadata as JSON; what facsim kept so in an earlier run is taken up, not wrapped once more."""
    earlier = metadata.get("source_metadata")
    rest = {key: value for key, value in metadata.items() if key != "source_metadata"}
    held = {**_kept(earlier), **rest} if isinstance(earlier, str) else dict(metadata)
    return json.dumps(_plain(held), sort_keys=True, ensure_ascii=False, allow_nan=False) if held else None


def _kept(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"source_metadata": text}


def _plain(value: Any) -> Any:
    """The value in what JSON holds: numbers that are not finite become null, anything else text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)
