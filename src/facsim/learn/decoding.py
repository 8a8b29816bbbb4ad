"""Encoded pictures into arrays of one size, with the hash of each and the reason why one could not be used.

Light to import: the processes that decode import this, and neither torch nor SciPy.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facsim.curate.hashing import pixel_hash
from facsim.errors import FormatError
from facsim.formats.places import Place, PlaceReader
from facsim.pictures import PictureError, decode_picture

__all__ = [
    "Decoded",
    "Piece",
    "Shape",
    "Source",
    "blank_images",
    "crashed",
    "decode_piece",
    "half_hash",
    "image_shape",
    "joined",
    "landed",
]

_WEIGHTS_BT601 = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow's "L" and JPEG's luma


class Shape(Protocol):
    """How pictures are held: `facsim.learn.data.PictureShape`."""

    @property
    def size_px(self) -> int:
        """Side, pixels."""
        ...

    @property
    def colour(self) -> str:
        """`grey` or `rgb`."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A picture to decode: its name, for messages, and its encoded bytes or where they lie."""

    name: str
    at: Place | bytes


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Pictures that are decoded together: number among the pieces, and the file and offset to write the array to."""

    number: int
    sources: tuple[Source, ...]
    path: str | None = None
    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """Pictures as decoded, row i of every field being picture i.

    `images` uint8 (N, S, S[, 3]), black where there is no picture, or no rows where they were written to a file;
    `hashes` uint64 (N,), `half_hash` of each before any resizing; `reasons` a word from
    `facsim.pictures.PICTURE_REASONS` or "crashed" each, "" where the picture is good; `crc` CRC-32 of the array.
    """

    images: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    reasons: tuple[str, ...]
    crc: int = 0


def image_shape(shape: Shape) -> tuple[int, ...]:
    """(S, S) or (S, S, 3)."""
    return (shape.size_px, shape.size_px, *((3,) if shape.colour == "rgb" else ()))


def blank_images(count: int, shape: Shape) -> NDArray[np.uint8]:
    """`count` black pictures, uint8 (count, S, S[, 3])."""
    return np.zeros((count, *image_shape(shape)), dtype=np.uint8)


def half_hash(array: NDArray[np.uint8]) -> int:
    """The first 64 bits of `facsim.curate.hashing.pixel_hash` of a decoded picture (H, W, 3) uint8."""
    return int(pixel_hash(array)[:16], 16)


def decode_piece(piece: Piece, shape: Shape, reader: PlaceReader) -> Decoded:
    """The piece's pictures, written to its file where it names one.

    Raises FormatError, naming the picture, where its bytes cannot be read, and OSError where they cannot be written.
    """
    images = blank_images(len(piece.sources), shape)
    hashes, reasons = np.zeros(len(piece.sources), dtype=np.uint64), list[str]()
    for row, source in enumerate(piece.sources):
        images[row], hashes[row], reason = _decoded(_bytes_of(source, reader), shape)
        reasons.append(reason)
    return landed(Decoded(images=images, hashes=hashes, reasons=tuple(reasons), crc=zlib.crc32(images.data)), piece)


def crashed(shape: Shape) -> Decoded:
    """What stands for a picture whose decoding ended the process."""
    return Decoded(images=blank_images(1, shape), hashes=np.zeros(1, np.uint64), reasons=("crashed",))


def joined(parts: Sequence[Decoded]) -> Decoded:
    """The parts as one."""
    images = np.concatenate([part.images for part in parts])
    return Decoded(
        images=images,
        hashes=np.concatenate([part.hashes for part in parts]),
        reasons=tuple(reason for part in parts for reason in part.reasons),
        crc=zlib.crc32(images.data),
    )


def landed(found: Decoded, piece: Piece) -> Decoded:
    """The pictures of a piece, written to its file where it names one, and then without the array."""
    if piece.path is None:
        return found
    left, offset = found.images.data.cast("B"), piece.offset
    with open(piece.path, "r+b", buffering=0) as file:
        while left:
            written = os.pwrite(file.fileno(), left, offset)
            left, offset = left[written:], offset + written
    return replace(found, images=found.images[:0])


def _bytes_of(source: Source, reader: PlaceReader) -> bytes:
    if isinstance(source.at, bytes):
        return source.at
    try:
        return reader.read(source.at)
    except FormatError as error:
        raise FormatError(f'"{source.name}": {error}') from error


def _decoded(data: bytes, shape: Shape) -> tuple[NDArray[np.uint8], int, str]:
    try:
        array = decode_picture(data).array
    except PictureError as error:
        return blank_images(1, shape)[0], 0, error.reason
    return _fitted(array, shape), half_hash(array), ""


def _fitted(array: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """The central square of a uint8 `hwc` RGB picture, in its colour and size (Pillow's antialiased bicubic)."""
    height, width = array.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = array[top : top + side, left : left + side]
    if shape.colour == "grey":
        square = np.rint(square.astype(np.float32) @ _WEIGHTS_BT601).astype(np.uint8)
    if side == shape.size_px:
        return np.ascontiguousarray(square)
    size = (shape.size_px, shape.size_px)
    return np.asarray(Image.fromarray(np.ascontiguousarray(square)).resize(size, Image.Resampling.BICUBIC))
