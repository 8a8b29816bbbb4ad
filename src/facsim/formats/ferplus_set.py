"""FER+ as a dataset [S]: a folder with FER2013's `fer2013.csv` (or `icml_face_data.csv`) and FER+'s `fer2013new.csv`,
rows in the same order, 35,887 of them.

A record is a row of FER2013 with FER+'s majority as its expression, None where there is none or FER+ removed the
picture; the votes are in metadata (`facsim.formats.ferplus`).
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from itertools import zip_longest

from facsim.errors import FormatError
from facsim.formats.fer2013 import index_fer2013
from facsim.formats.ferplus import FerPlusVotes, majority_expression, read_ferplus_votes, soft_expressions
from facsim.formats.files import files_at
from facsim.formats.places import PlacedRecord, read_placed
from facsim.formats.record import Record
from facsim.formats.tree import tree_kind

__all__ = ["index_ferplus", "read_ferplus"]

_PICTURES, _VOTES = ("fer2013.csv", "icml_face_data.csv"), "fer2013new.csv"


def read_ferplus(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each row. Raises FormatError, naming the row, for what is not as the layout says."""
    return read_placed(index_ferplus(path))


def index_ferplus(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_ferplus` gives, with where each picture lies."""
    if tree_kind(path) != "directory":
        raise FormatError(f"{path} is no folder; expected one with {_PICTURES[0]} and {_VOTES}, unpacked")
    files, root = files_at(path), os.fspath(path).rstrip("/")
    pictures, votes = files.one(*_PICTURES), files.one(_VOTES)
    rows = zip_longest(index_fer2013(f"{root}/{pictures}"), read_ferplus_votes(f"{root}/{votes}"))
    for number, (record, found) in enumerate(rows, 1):
        if record is None or found is None:
            shorter = pictures if record is None else votes
            raise FormatError(f"{shorter} in {path} ends before row {number}; both have a row for every picture")
        yield _joined(record, found, f"row {number} of {votes} in {path}")


def _joined(record: PlacedRecord, votes: FerPlusVotes, where: str) -> PlacedRecord:
    if votes.usage is not None and votes.usage != record.split:
        raise FormatError(f"{where} is of {votes.usage}, FER2013's of {record.split}; expected the same order of rows")
    if votes.name is None:
        return dataclasses.replace(record, expression=None, metadata={"dataset_class": "removed by FER+"})
    if votes.name != record.name:
        raise FormatError(f"{where} names {votes.name}; expected {record.name}: the rows are not in FER2013's order")
    soft = soft_expressions(votes.votes)
    metadata = {"ferplus_votes": dict(votes.votes)} | ({"expression_soft": dict(soft)} if soft else {})
    return dataclasses.replace(record, expression=majority_expression(votes.votes), metadata=metadata)
