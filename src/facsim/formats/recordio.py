"""MXNet RecordIO, read without mxnet, which is no longer maintained [G]: records, their index, their image header.

A record is little-endian: magic `0xced7230a`, a word of a 3-bit flag and a 29-bit length, the data, and zeros up to a
multiple of 4 (dmlc-core, `recordio.h`). Where the data holds the magic at a multiple of 4 it is cut there and the magic
left out: flag 1 starts such a record, 2 goes on, 3 ends it; 0 is a whole one. An image record's data starts with
`IRHeader` (mxnet, `recordio.py`): uint32 flag, float32 label, uint64 id, uint64 id2, then `flag` more float32 labels.
"""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from facsim.errors import FormatError
from facsim.formats.places import Place, PlaceReader

__all__ = ["MAGIC", "ImageHeader", "image_record", "picture_of_record", "record_places", "record_span"]

MAGIC = 0xCED7230A
_MAGIC_BYTES = struct.pack("<I", MAGIC)
_PREFIX = struct.Struct("<II")
_HEADER = struct.Struct("<IfQQ")
_LENGTH_BITS = 29
_MOST_PARTS = 4096
_MOST_LABELS = 4096


@dataclass(frozen=True, kw_only=True)
class ImageHeader:
    """What stands before a picture: its labels (the header's one, or as many as `flag` says) and its two ids."""

    labels: tuple[float, ...]
    id: int
    id2: int


def record_places(file: Place) -> Iterator[Place]:
    """The records of a whole file, one after another. Raises FormatError, naming the byte, where there is none."""
    with PlaceReader() as reader:
        start = 0
        while start < file.length:
            span = record_span(reader, file, start)
            yield dataclasses.replace(file, kind="recordio", start=file.start + start, length=span)
            start += span


def record_span(reader: PlaceReader, file: Place, start: int) -> int:
    """Bytes of the record, padding and all its parts with it, that starts at `start`. Raises FormatError."""
    at, expected = start, (0, 1)
    for _ in range(_MOST_PARTS):
        flag, length = _prefix(reader, file, at)
        if flag not in expected:
            raise FormatError(f"{file.container.path}, byte {at}: a part with flag {flag}; expected one of {expected}")
        at += _PREFIX.size + length + -length % 4
        if at > file.length:
            raise FormatError(f"{file.container.path}, byte {start}: the record ends beyond the file")
        if flag in (0, 3):
            return at - start
        expected = (2, 3)
    raise FormatError(f"{file.container.path}, byte {start}: a record of more than {_MOST_PARTS} parts")


def _prefix(reader: PlaceReader, file: Place, at: int) -> tuple[int, int]:
    if not 0 <= at <= file.length - _PREFIX.size:
        raise FormatError(f"{file.container.path} has {file.length} bytes; no record starts at {at}")
    where = dataclasses.replace(file, kind="bytes", start=file.start + at, length=_PREFIX.size)
    magic, word = _PREFIX.unpack(reader.read(where))
    if magic != MAGIC:
        raise FormatError(f"{file.container.path}, byte {at}: {magic:#010x}; expected RecordIO's magic {MAGIC:#010x}")
    return word >> _LENGTH_BITS, word & ((1 << _LENGTH_BITS) - 1)


def image_record(data: bytes) -> tuple[ImageHeader, bytes]:
    """The header and the picture's bytes of one whole record, all its parts joined. Raises ValueError."""
    whole = _joined(data)
    if len(whole) < _HEADER.size:
        raise ValueError(f"{len(whole)} bytes of data; an image record has a header of {_HEADER.size}")
    flag, label, first, second = _HEADER.unpack_from(whole)
    end = _HEADER.size + 4 * flag
    if flag > _MOST_LABELS or end > len(whole):
        raise ValueError(f"its header announces {flag} labels, more than the record holds")
    labels = struct.unpack_from(f"<{flag}f", whole, _HEADER.size) if flag else (label,)
    return ImageHeader(labels=tuple(labels), id=first, id2=second), whole[end:]


def picture_of_record(data: bytes) -> bytes:
    """The picture's bytes of one whole record. Raises ValueError where it is damaged, or holds labels alone."""
    header, picture = image_record(data)
    if not all(math.isfinite(label) for label in header.labels):
        raise ValueError("its labels are not finite")
    return picture


def _joined(data: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        magic, word = _PREFIX.unpack_from(data, at)
        length = word & ((1 << _LENGTH_BITS) - 1)
        if magic != MAGIC or at + _PREFIX.size + length > len(data):
            raise ValueError(f"a damaged record (byte {at} of it)")
        parts.append(data[at + _PREFIX.size : at + _PREFIX.size + length])
        at += _PREFIX.size + length + -length % 4
    return _MAGIC_BYTES.join(parts)
