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
from facsim.pictures import PictureError, decode_image

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
    """Pictures that are decoded together: number among the pieces, and the file and offset to write the array to.

    `wants` is what is asked for: `all`, or `images` or `hashes` alone, which costs less.
    """

    number: int
    sources: tuple[Source, ...]
    path: str | None = None
    offset: int = 0
    wants: str = "all"


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """Pictures as decoded, row i of every field being picture i.

    `images` uint8 (N, S, S[, 3]), black where there is no picture, or no rows where they were written elsewhere or not
    asked for; `hashes` uint64 (N,), `half_hash` of each before any resizing, 0 where not asked for; `reasons` a word
    from `facsim.pictures.PICTURE_REASONS` or "crashed" each, "" where the picture is good; `crc` CRC-32 of the array
    that was written to a file.
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
    images = blank_images(0 if piece.wants == "hashes" else len(piece.sources), shape)
    hashes, reasons = np.zeros(len(piece.sources), dtype=np.uint64), list[str]()
    for row, source in enumerate(piece.sources):
        image, hashes[row], reason = _decoded(_bytes_of(source, reader), shape, piece.wants)
        if image is not None:
            images[row] = image
        reasons.append(reason)
    return landed(Decoded(images=images, hashes=hashes, reasons=tuple(reasons)), piece)


def crashed(shape: Shape) -> Decoded:
    """What stands for a picture whose decoding ended the process."""
    return Decoded(images=blank_images(1, shape), hashes=np.zeros(1, np.uint64), reasons=("crashed",))


def joined(parts: Sequence[Decoded]) -> Decoded:
    """The parts as one."""
    return Decoded(
        images=np.concatenate([part.images for part in parts]),
        hashes=np.concatenate([part.hashes for part in parts]),
        reasons=tuple(reason for part in parts for reason in part.reasons),
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
    return replace(found, images=found.images[:0], crc=zlib.crc32(found.images.data))


def _bytes_of(source: Source, reader: PlaceReader) -> bytes:
    if isinstance(source.at, bytes):
        return source.at
    try:
        return reader.read(source.at)
    except FormatError as error:
        raise FormatError(f'"{source.name}": {error}') from error


def _decoded(data: bytes, shape: Shape, wants: str) -> tuple[NDArray[np.uint8] | None, int, str]:
    """What `wants` asks for of one picture: None and 0 stand for what it does not, or what there is not."""
    try:
        image = decode_image(data)
    except PictureError as error:
        return None, 0, error.reason
    is_toned = wants != "hashes" and shape.colour == "grey" and image.mode == "RGB"
    array = _array(image if image.mode == "RGB" else image.convert("RGB")) if is_toned or wants != "images" else None
    fitted = None if wants == "hashes" else _fitted(image, array, shape)
    return fitted, 0 if array is None or wants == "images" else half_hash(array), ""


def _array(image: Image.Image) -> NDArray[np.uint8]:
    """Read-only uint8 (H, W) of mode L or (H, W, 3) of RGB, without the copy that `numpy.array` makes of Pillow's."""
    pixels = np.frombuffer(image.tobytes(), dtype=np.uint8)
    return pixels.reshape(image.height, image.width, *((3,) if image.mode == "RGB" else ()))


def _fitted(image: Image.Image, array: NDArray[np.uint8] | None, shape: Shape) -> NDArray[np.uint8]:
    """The central square of a picture of mode RGB or L, in its colour and size (Pillow's antialiased bicubic).

    `array` is the picture as uint8 (H, W, 3), where that was made, and needed where grey is made of colours.
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    central = None if array is None else array[top : top + side, left : left + side]
    if central is not None and shape.colour == "rgb" and side == shape.size_px:
        return central
    if central is not None and shape.colour == "grey" and image.mode == "RGB":
        square = _grey(central)
    else:
        square = image if image.width == image.height else image.crop((left, top, left + side, top + side))
    if side != shape.size_px:
        square = square.resize((shape.size_px, shape.size_px), Image.Resampling.BICUBIC)
    return _array(square.convert("RGB") if shape.colour == "rgb" and square.mode == "L" else square)


def _grey(array: NDArray[np.uint8]) -> Image.Image:
    """Luma, rounded. By rows as a picture has them: how BLAS adds up, and so which way a tie falls, is by its shape."""
    luma = array.astype(np.float32) @ _WEIGHTS_BT601
    levels = np.rint(luma, out=luma).astype(np.uint8)
    return Image.frombuffer("L", levels.shape[::-1], levels, "raw", "L", 0, 1)  # half as dear as Image.fromarray
