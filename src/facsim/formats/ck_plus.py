"""CK+ [G]: sequences of frames `cohn-kanade-images/S005/001/*.png`, from neutral to the peak, and one label for some
of them, `Emotion/S005/001/*_emotion.txt`, named for the last frame.

A record is the last frame of a sequence, with its label where it has one: 593 sequences, 327 of them labelled; the
others have expression None and are counted so. `ck_plus_neutral` adds the first frame of every sequence as neutral.
Classes are `LABEL_ORDERS["ck_plus"]`. `identity_id` is the subject. It comes under an agreement that forbids
redistribution; nothing is fetched.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator

from facsim.errors import FacsimError, FormatError
from facsim.expressions import expression_at
from facsim.formats.files import Files, files_at, some
from facsim.formats.places import PlacedRecord, read_placed
from facsim.formats.record import Record

__all__ = ["index_ck_plus", "index_ck_plus_neutral", "read_ck_plus", "read_ck_plus_neutral"]

_FRAME = re.compile(r"(?:.*/)?cohn-kanade-images/(?P<sequence>S[0-9]{3}/[0-9]{3})/(?P<leaf>[^/]+)\.png", re.IGNORECASE)
_LABEL = re.compile(r"(?:.*/)?Emotion/(?P<sequence>S[0-9]{3}/[0-9]{3})/(?P<leaf>[^/]+)_emotion\.txt", re.IGNORECASE)


def read_ck_plus(path: str | os.PathLike[str]) -> Iterator[Record]:
    """The last frame of each sequence. Raises FormatError for what is not as the layout says."""
    return read_placed(index_ck_plus(path))


def read_ck_plus_neutral(path: str | os.PathLike[str]) -> Iterator[Record]:
    """The first frame of each sequence, as neutral, and the last. Raises FormatError as `read_ck_plus`."""
    return read_placed(index_ck_plus_neutral(path))


def index_ck_plus(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_ck_plus` gives, with where each picture lies."""
    files = files_at(path)
    frames, labels = _sequences(files)
    for sequence in sorted(frames.keys() | labels.keys()):
        yield _peak(files, sequence, frames.get(sequence, []), labels.get(sequence))


def index_ck_plus_neutral(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_ck_plus_neutral` gives, with where each picture lies."""
    files = files_at(path)
    frames, labels = _sequences(files)
    for sequence in sorted(frames.keys() | labels.keys()):
        found = frames.get(sequence, [])
        if len(found) > 1:
            yield _record(files, found[0], sequence, "neutral")
        yield _peak(files, sequence, found, labels.get(sequence))


def _sequences(files: Files) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Frames in their order and the label file of each sequence."""
    frames: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    for name in sorted(files.places):
        if found := _FRAME.fullmatch(name):
            frames.setdefault(found["sequence"].upper(), []).append(name)
        elif found := _LABEL.fullmatch(name):
            sequence = found["sequence"].upper()
            if sequence in labels:
                raise FormatError(f"{files.where} has {labels[sequence]} and {name}; expected one label a sequence")
            labels[sequence] = name
    if not frames:
        raise FormatError(
            f"{files.where} holds {some(files.places)}, no frame of a sequence; expected "
            "cohn-kanade-images/S005/001/*.png, and Emotion/S005/001/*_emotion.txt beside"
        )
    return frames, labels


def _peak(files: Files, sequence: str, frames: list[str], label: str | None) -> PlacedRecord:
    if label is None:
        return _record(files, frames[-1], sequence, None)
    stem = label.rpartition("/")[2].removesuffix("_emotion.txt")
    named = [name for name in frames if name.rpartition("/")[2].lower() == f"{stem}.png".lower()]
    missing = f"cohn-kanade-images/{sequence}/{stem}.png"
    return _record(files, named[0] if named else missing, sequence, _expression(files, label))


def _record(files: Files, name: str, sequence: str, expression: str | None) -> PlacedRecord:
    subject = sequence.partition("/")[0]
    return PlacedRecord(
        name=name,
        place=files.place(name),
        expression=expression,
        metadata={"identity_id": subject, "sequence": sequence},
    )


def _expression(files: Files, label: str) -> str:
    """The class, which is written as a float: `   3.0000000e+00`."""
    where = f"{label} in {files.where}"
    if files.places[label].length > 1024:
        raise FormatError(f"{where} has {files.places[label].length} bytes; expected one number")
    text = files.data(label).decode("latin-1").strip()
    try:
        value = float(text)
        return expression_at(int(value) if math.isfinite(value) and value == int(value) else -1, order="ck_plus")
    except (ValueError, FacsimError) as error:
        raise FormatError(f"{where} says {text[:40]!r}; expected a class from 0 (neutral) to 7 (surprise)") from error
