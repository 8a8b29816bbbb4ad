"""RAF-DB, basic expressions [S]: `EmoLabel/list_patition_label.txt` with lines `train_00001.jpg 5`, and the aligned
pictures `Image/aligned/train_00001_aligned.jpg`, 100×100.

Classes are those of `facsim.expressions.LABEL_ORDERS["raf_db"]`, from 1. Official sizes: 12,271 train, 3,068 test. It
comes under an agreement that forbids redistribution; nothing is fetched.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from facsim.errors import FacsimError, FormatError
from facsim.expressions import expression_at
from facsim.formats.files import Files, check_found, check_once, files_at
from facsim.formats.places import PlacedRecord, read_placed
from facsim.formats.record import Record

__all__ = ["index_raf_db", "read_raf_db"]

_LIST = "list_patition_label.txt"
_LINE = re.compile(r"(?P<stem>(?P<split>train|test)_[0-9]{1,9})\.jpg\s+(?P<label>[0-9]{1,3})")


def read_raf_db(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each line of the list. Raises FormatError, naming the line, for what is not as the layout says."""
    return read_placed(index_raf_db(path))


def index_raf_db(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_raf_db` gives, with where each picture lies; one that is listed and not there is `missing`."""
    files = files_at(path)
    listed = files.one(_LIST)
    root = listed.removesuffix(_LIST).removesuffix("EmoLabel/")
    lines = list(_lines(files, listed))
    pictures = [f"{root}Image/aligned/{stem}_aligned.jpg" for stem, _, _ in lines]
    check_found(files, pictures, listed)
    for (_, split, expression), name in zip(lines, pictures, strict=True):
        yield PlacedRecord(name=name, place=files.place(name), expression=expression, split=split)


def _lines(files: Files, listed: str) -> Iterator[tuple[str, str, str]]:
    """(stem, split, expression) of each line."""
    seen: set[str] = set()
    for number, line in enumerate(files.lines(listed), 1):
        where = f"{listed} in {files.where}, line {number}"
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise FormatError(f"{where}: {line[:60]!r}; expected such as 'train_00001.jpg 5'")
        check_once(found["stem"], seen, where)
        yield found["stem"], found["split"], _expression(found["label"], where)


def _expression(label: str, where: str) -> str:
    try:
        return expression_at(int(label), order="raf_db")
    except FacsimError as error:
        raise FormatError(f"{where}: {error}") from error
