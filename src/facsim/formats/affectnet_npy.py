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
    rb"\{'descr': '([<>|=][fiuUS][0-9]{1,4})', 'fortran_order': (?:True|False), 'shape': \(([0-9, ]{0,40})\), \}\s*"
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
            metadata[key] = _floats(files, reader, f"{stem}_{suffix}.npy", counts=(1,))[0]
    if f"{stem}_lnd.npy" in files.places:
        metadata["facial_landmarks"] = _floats(files, reader, f"{stem}_lnd.npy", counts=(136,))
    return expression, metadata


def _class_text(files: Files, reader: PlaceReader, name: str) -> str:
    """The class as digits, whether the array holds text (as released) or a number."""
    array = _array(files, reader, name)
    if array.size != 1:
        raise FormatError(f"{name} in {files.where} holds {array.size} values; expected one class")
    try:
        value = array.reshape(-1)[0].item()
    except ValueError as error:
        raise FormatError(f"{name} in {files.where} holds no text: {error}") from error
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _floats(files: Files, reader: PlaceReader, name: str, *, counts: tuple[int, ...]) -> list[float]:
    try:
        array = _array(files, reader, name).astype(np.float64).reshape(-1)
    except (ValueError, TypeError) as error:
        raise FormatError(f"{name} in {files.where} holds no numbers: {error}") from error
    if array.size not in counts or not np.isfinite(array).all():
        raise FormatError(f"{name} in {files.where} holds {array.size} values; expected {counts[0]} finite numbers")
    return [float(value) for value in array]


def _array(files: Files, reader: PlaceReader, name: str) -> np.ndarray[Any, Any]:
    """The array in a .npy file of numbers or text; never a pickle."""
    place = files.places[name]
    if place.length > _LARGEST:
        raise FormatError(f"{name} in {files.where} has {place.length} bytes; an annotation has at most {_LARGEST}")
    try:
        return _parsed(reader.read(place))
    except (ValueError, TypeError) as error:
        raise FormatError(f"{name} in {files.where} is no array of numbers or text: {error}") from error


def _parsed(data: bytes) -> np.ndarray[Any, Any]:
    """The array of a .npy file (NumPy's NEP 1, versions 1 to 3) of one plain type. Raises ValueError, TypeError.

    NumPy's own reader compiles a damaged header as Python, and raises whatever that does.
    """
    width = 2 if data[6:7] == b"\x01" else 4
    begins = 8 + width
    ends = begins + int.from_bytes(data[8:begins], "little")
    header = _HEADER.fullmatch(data[begins:ends])
    if data[:6] != b"\x93NUMPY" or header is None or ends > len(data):
        raise ValueError(f"it starts with {data[:40]!r}")
    shape = [int(size) for size in header[2].split(b",") if size.strip()]
    return np.frombuffer(data, np.dtype(header[1].decode("ascii")), count=math.prod(shape), offset=ends)
