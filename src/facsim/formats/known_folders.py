"""Class folders of known datasets: FER2013's [S], `split/class/*.jpg` with the classes `angry disgust fear happy
neutral sad surprise`, and SFEW's [G], `Train/` and `Val/` of seven classes.

They are read as any class folder (`facsim.formats.class_folder`); naming them adds their terms and official sizes, and
refuses what cannot be them: another split, contempt, or, for FER2013, a picture that is not 48×48 by its header.
Official sizes: FER2013 28,709 / 3,589 / 3,589; SFEW 958 / 436.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterator

from facsim.errors import FormatError
from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.formats.class_folder import index_class_folder
from facsim.formats.places import PlacedRecord, read_placed
from facsim.formats.record import Record
from facsim.picture_headers import declared_size

__all__ = ["index_fer2013_folder", "index_sfew", "read_fer2013_folder", "read_sfew"]

_FER2013_SPLITS = ("train", "training", "test", "publictest", "privatetest", "val", "validation", "valid")
_SFEW_SPLITS = ("train", "val", "test")


def read_fer2013_folder(path: str | os.PathLike[str]) -> Iterator[Record]:
    """FER2013's class folders. Raises FormatError for what cannot be they."""
    return read_placed(index_fer2013_folder(path))


def index_fer2013_folder(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_fer2013_folder` gives, with where each picture lies."""
    records = _seven(index_class_folder(path), "FER2013", _FER2013_SPLITS)
    first = next(records, None)
    if first is None:
        return
    size = declared_size(first.image)
    if size not in ((48, 48), None):
        raise FormatError(f'"{first.name}" in {path} is {size} px; FER2013\'s pictures are 48×48: use class_folder')
    yield from itertools.chain([first], records)


def read_sfew(path: str | os.PathLike[str]) -> Iterator[Record]:
    """SFEW's class folders. Raises FormatError for what cannot be they."""
    return read_placed(index_sfew(path))


def index_sfew(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_sfew` gives, with where each picture lies."""
    return _seven(index_class_folder(path), "SFEW", _SFEW_SPLITS)


def _seven(records: Iterator[PlacedRecord], dataset: str, splits: Collection[str]) -> Iterator[PlacedRecord]:
    for record in records:
        if record.expression not in SEVEN_EXPRESSIONS:
            raise FormatError(f'"{record.name}" is of class {record.expression}; {dataset} has seven: use class_folder')
        if record.split is None or record.split.lower() not in splits:
            raise FormatError(
                f'"{record.name}" is in split {record.split}; {dataset} has {", ".join(splits)}: use class_folder'
            )
        yield record
