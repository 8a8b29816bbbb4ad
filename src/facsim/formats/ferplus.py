"""FER+: ten raters' votes for the pictures of FER2013, read and turned into a label or a distribution.

Two layouts: Microsoft's `fer2013new.csv` (`Usage,Image name,neutral,…,contempt,unknown,NF`, rows in the order of
FER2013's CSV, no image name where the picture was removed), and the same votes joined to file names
(`path,neutral,…,NF`). Votes: Barsoum, Zhang, Canton Ferrer and Zhang, "Training deep networks for facial expression
recognition with crowd-sourced label distribution", ICMI 2016; MIT licence.

The rules are the authors' own (microsoft/FERPlus, src/ferplus.py): an option with a single vote is dropped as an
outlier. `majority_expression` is then the option with more than half of the votes left. `soft_expressions` is the
distribution of the votes left over the eight expressions, where one of them is first; the authors' further pruning of
the tail is left out, so no vote of two raters or more is hidden.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from facsim.errors import FormatError
from facsim.expressions import label_order
from facsim.formats.fer2013 import USAGES, csv_rows
from facsim.formats.record import Record

__all__ = [
    "VOTE_COLUMNS",
    "FerPlusVotes",
    "majority_expression",
    "read_ferplus_votes",
    "relabelled",
    "soft_expressions",
]

_EXPRESSIONS = label_order("ferplus").expressions
VOTE_COLUMNS = (*_EXPRESSIONS, "unknown", "NF")
"""The vote columns, in the files' order: the eight expressions, `unknown`, and `NF` for no face."""


@dataclass(frozen=True, kw_only=True)
class FerPlusVotes:
    """One row: the picture's name or path (None where FER+ removed it), its usage, and votes by `VOTE_COLUMNS`."""

    name: str | None
    usage: str | None
    votes: Mapping[str, int]


def read_ferplus_votes(path: str | os.PathLike[str]) -> Iterator[FerPlusVotes]:
    """The rows of either layout. Raises FormatError, naming the row, for anything that is not as the layouts say."""
    for number, row in enumerate(csv_rows(path, expected=VOTE_COLUMNS)):
        where = f"{path}, row {number + 1}"
        if "path" not in row and "Image name" not in row:
            raise FormatError(f"{path} names no pictures; expected a column path, or Usage and Image name")
        usage = row.get("Usage")
        if usage is not None and usage not in USAGES:
            raise FormatError(f"{where}: Usage {usage[:40]!r}; expected one of {', '.join(USAGES)}")
        votes = {column: _count(row[column], column, where) for column in VOTE_COLUMNS}
        yield FerPlusVotes(name=row.get("path", row.get("Image name")) or None, usage=usage, votes=votes)


def majority_expression(votes: Mapping[str, int]) -> str | None:
    """The expression with more than half of the votes, once single votes are dropped; None where there is none.

    None too where the majority is for `unknown` or `NF`.
    """
    kept = _without_outliers(votes)
    total = sum(kept.values())
    return next((name for name in _EXPRESSIONS if 2 * kept.get(name, 0) > total), None)


def soft_expressions(votes: Mapping[str, int]) -> Mapping[str, float] | None:
    """The votes for the eight expressions as a distribution that sums to 1, single votes dropped.

    None where no vote is left, or where `unknown` or `NF` has at least as many as every expression.
    """
    kept = _without_outliers(votes)
    of_expressions = {name: kept.get(name, 0) for name in _EXPRESSIONS}
    total = sum(of_expressions.values())
    if total == 0 or max(kept.get("unknown", 0), kept.get("NF", 0)) >= max(of_expressions.values()):
        return None
    return {name: count / total for name, count in of_expressions.items()}


def relabelled(records: Iterable[Record], votes: Iterable[FerPlusVotes]) -> Iterator[Record]:
    """The FER2013 records with FER+'s majority as expression; none is left out.

    Matched by name: paths with the joined layout and a class folder, `fer0000000.png` with `fer2013new.csv` and
    FER2013's CSV; a run's record by the `source_path` that it was ingested from. A record without votes or majority
    gets expression None. Metadata gains `ferplus_votes` (mapping by `VOTE_COLUMNS`) and, where there is one,
    `expression_soft`.
    """
    found = {row.name: row.votes for row in votes if row.name is not None}
    for record in records:
        counts = found.get(record.name) or found.get(str(record.metadata.get("source_path")))
        if counts is None:
            yield dataclasses.replace(record, expression=None)
            continue
        soft = soft_expressions(counts)
        added = {"ferplus_votes": dict(counts)} | ({"expression_soft": dict(soft)} if soft else {})
        yield dataclasses.replace(record, expression=majority_expression(counts), metadata={**record.metadata, **added})


def _without_outliers(votes: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in votes.items() if count > 1}


def _count(text: str, column: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise FormatError(f"{where}: {text[:40]!r} votes for {column}; expected a whole number")
    return int(text)
