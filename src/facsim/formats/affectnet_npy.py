"""AffectNet's later release [G]: `[train_set/ | val_set/]images/N.jpg` and, for each, `annotations/N_exp.npy`,
`N_val.npy`, `N_aro.npy`, `N_lnd.npy`.

Classes 0–7 are `LABEL_ORDERS["affectnet_8"]`; 8–10 are no expressions: such pictures have expression None and the word
in `dataset_class`. A picture without annotations has expression None; annotations without a picture are a record whose
picture is missing. Valence, arousal and landmarks go into metadata. Official validation sizes: 3,500 of seven classes,
4,000 of eight. It comes under an agreement that forbids redistribution; nothing is fetched.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from facsim.errors import FormatError
from facsim.formats.affectnet_csv import affectnet_class
from facsim.formats.files import Files, files_at, some
from facsim.formats.places import PlacedRecord, PlaceReader, read_placed
from facsim.formats.record import Record

__all__ = ["index_affectnet_npy", "read_affectnet_npy"]

_PICTURE = re.compile(r"(?P<root>(?:.*/)?)images/(?P<number>[0-9]{1,9})\.(?:jpg|jpeg|png)")
_LABEL = re.compile(r"(?P<root>(?:.*/)?)annotations/(?P<number>[0-9]{1,9})_exp\.npy")
_HEADER = re.compile(
    rb"\{'descr': '([<>|=][fiuUS])([0-9]{1,4})', 'fortran_order': (?:True|False), 'shape': \(([0-9, ]{0,40})\), \}\s*"
)
_LARGEST = 1 << 16  # bytes: 68 points are under 2 kB
_VALUES = (("val", "valence"), ("aro", "arousal"))


def read_affectnet_npy(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each picture or annotation, by number. Raises FormatError for what is not as the layout says."""
    return read_placed(index_affectnet_npy(path))


def index_affectnet_npy(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_affectnet_npy` gives, with where each picture lies."""
    files = files_at(path)
    pictures = {(found["root"], int(found["number"])): name for name, found in _matches(files, _PICTURE)}
    labels = {(found["root"], int(found["number"])): name for name, found in _matches(files, _LABEL)}
    if not pictures.keys() & labels.keys():
        raise FormatError(
            f"{files.where} holds {some(files.places)}: {len(pictures)} pictures images/N.jpg and {len(labels)} "
            "annotations/N_exp.npy, none for the same N; expected both"
        )
    with PlaceReader() as reader:
        for root, number in sorted(pictures.keys() | labels.keys()):
            name = pictures.get((root, number), f"{root}images/{number}.jpg")
            expression, metadata = _labels(files, reader, f"{root}annotations/{number}")
            yield PlacedRecord(
                name=name, place=files.place(name), expression=expression, split=_split(root), metadata=metadata
            )


def _matches(files: Files, pattern: re.Pattern[str]) -> Iterator[tuple[str, re.Match[str]]]:
    return ((name, found) for name in files.places if (found := pattern.fullmatch(name)))


def _split(root: str) -> str | None:
    return root.rstrip("/").rpartition("/")[2] or None


def _labels(files: Files, reader: PlaceReader, stem: str) -> tuple[str | None, dict[str, Any]]:
    metadata: dict[str, Any] = {}
    expression, word = None, "no annotation"
    if f"{stem}_exp.npy" in files.places:
        expression, word = affectnet_class(_class_text(files, reader, f"{stem}_exp.npy"), f"{stem}_exp.npy")
    if word:
        metadata["dataset_class"] = word
    for suffix, key in _VALUES:
        if f"{stem}_{suffix}.npy" in files.places:
            metadata[key] = _floats(files, reader, f"{stem}_{suffix}.npy", count=1)[0]
    if f"{stem}_lnd.npy" in files.places:
        metadata["facial_landmarks"] = _floats(files, reader, f"{stem}_lnd.npy", count=136)
    return expression, metadata


def _class_text(files: Files, reader: PlaceReader, name: str) -> str:
    """The class as digits, whether the array holds text (as released) or a number."""
    found = _values(files, reader, name)
    if len(found) != 1:
        raise FormatError(f"{name} in {files.where} holds {len(found)} values; expected one class")
    return found[0].removesuffix(".0")


def _floats(files: Files, reader: PlaceReader, name: str, *, count: int) -> list[float]:
    found = _values(files, reader, name)
    try:
        numbers = [float(text) for text in found]
    except ValueError as error:
        raise FormatError(f"{name} in {files.where} holds no numbers: {error}") from error
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise FormatError(f"{name} in {files.where} holds {len(numbers)} values; expected {count} finite numbers")
    return numbers


def _values(files: Files, reader: PlaceReader, name: str) -> list[str]:
    """The values of the array in a .npy file, as text."""
    place = files.places[name]
    if place.length > _LARGEST:
        raise FormatError(f"{name} in {files.where} has {place.length} bytes; an annotation has at most {_LARGEST}")
    try:
        return _parsed(reader.read(place))
    except (ValueError, TypeError, OverflowError) as error:
        raise FormatError(f"{name} in {files.where} is no array of numbers or text: {error}") from error


def _parsed(data: bytes) -> list[str]:
    """The values of a .npy file (NumPy's NEP 1) of one plain type, as text.

    Raises ValueError, TypeError or OverflowError for any other bytes. NumPy's own reader compiles a damaged header as
    Python, and raises whatever that does.
    """
    begins = 10 if data[6:7] == b"\x01" else 12
    ends = begins + int.from_bytes(data[8:begins], "little")
    header = _HEADER.fullmatch(data[begins:ends])
    if data[:6] != b"\x93NUMPY" or header is None or ends > len(data):
        raise ValueError(f"it starts with {data[:40]!r}")
    count = math.prod(int(size) for size in header[3].split(b",") if size.strip())
    kind, size = header[1].decode("ascii"), int(header[2])
    if kind[1] not in "US":
        return [
            str(value) for value in np.frombuffer(data, np.dtype(f"{kind}{size}"), count=count, offset=ends).tolist()
        ]
    width = size * (4 if kind[1] == "U" else 1)
    if ends + count * width > len(data):
        raise ValueError(f"{len(data) - ends} bytes for {count} texts of {width}")
    coding = "latin-1" if kind[1] == "S" else "utf-32-be" if kind[0] == ">" else "utf-32-le"
    starts = range(ends, ends + count * width, width) if width else ()
    return [data[start : start + width].decode(coding).rstrip("\0") for start in starts]
