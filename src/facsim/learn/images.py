"""Pictures that stand in for an array and are not held: rows of a file on disk, or decoded whenever asked for.

They have an array's `shape`, `dtype`, `ndim` and length, and are indexed along their first axis as one is, by a number,
a slice, positions or a mask; what comes out is an array. `numpy.asarray` reads all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.learn.decode_pool import DecodePool
from facsim.learn.decoding import Decoded, Piece, Shape, Source, image_shape
from facsim.learn.limits import memory_bytes

__all__ = ["FileImages", "ImageRows", "StreamedImages", "rows_of"]

_PIECE_BYTES = 1 << 21  # of decoded pictures: a piece is a few milliseconds of work, so that all workers have some


class _Images(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Any: ...


class _NotHeld(ABC):
    """What all of them have in common with an array. Its class gives the `shape`, and reads rows by `[]`."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """(N, S, S) or (N, S, S, 3)."""

    @property
    def ndim(self) -> int:
        """3 or 4."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """uint8."""
        return np.dtype(np.uint8)

    @property
    def nbytes(self) -> int:
        """Bytes, were they held."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def __getitem__(self, rows: Any) -> NDArray[np.uint8]: ...

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[:] if dtype is None else self[:].astype(dtype)


class ImageRows(_NotHeld):
    """Some rows of images, in any order, read when they are asked for."""

    def __init__(self, images: _Images, positions: NDArray[np.int64]) -> None:
        self._images, self._positions = images, positions

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, S, S) or (N, S, S, 3)."""
        return (len(self._positions), *self._images.shape[1:])

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        return np.asarray(self._images[self._positions[rows]])

    @property
    def readers(self) -> int:
        """How many threads may well ask at once: 1 where nothing is decoded."""
        return self._images.readers if isinstance(self._images, StreamedImages) else 1

    @property
    def source(self) -> object:
        """What they are rows of."""
        return self._images

    def rows(self, positions: NDArray[np.int64]) -> ImageRows:
        """Some of these rows."""
        return ImageRows(self._images, self._positions[positions])


class FileImages(_NotHeld):
    """Pictures that lie in a file, which is mapped for as long as one reading takes: no page of it stays in memory."""

    def __init__(self, mapped: np.memmap[Any, np.dtype[np.uint8]]) -> None:
        """Of the array that a map of the file shows. Raises OSError where the file cannot be opened again."""
        self._file, self._offset = open(str(mapped.filename), "rb"), mapped.offset  # noqa: SIM115  # until they are gone
        self._shape = mapped.shape

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, S, S) or (N, S, S, 3)."""
        return self._shape

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        mapped = np.memmap(self._file, dtype=np.uint8, mode="r", offset=self._offset, shape=self._shape)
        return np.array(mapped[rows])


class StreamedImages(_NotHeld):
    """Pictures of a set that fits neither memory nor the cache: decoded by `workers` processes whenever asked for.

    `readers` is how many threads may well ask at once, `pool` the processes.
    """

    def __init__(self, sources: Sequence[Source], shape: Shape, *, workers: int) -> None:
        self._sources, self._shape, self.readers = sources, shape, workers
        self.pool = DecodePool(shape, workers=workers)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, S, S) or (N, S, S, 3)."""
        return (len(self._sources), *image_shape(self._shape))

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        positions = np.arange(len(self))[rows]
        if positions.ndim == 0:
            return self._read(positions[None])[0]
        return self._read(positions)

    def _read(self, positions: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Raises FormatError, naming the picture, where one is gone, changed or no longer what it was."""
        images = np.empty((len(positions), *image_shape(self._shape)), dtype=np.uint8)
        each = max(1, min(_PIECE_BYTES // max(1, images[:1].nbytes), len(positions) // 4))
        pieces = [
            Piece(
                number=start, sources=tuple(self._sources[i] for i in positions[start : start + each]), wants="images"
            )
            for start in range(0, len(positions), each)
        ]
        for piece, found in self.pool.run(pieces, into=images):
            _check_good(found, piece)
        return images

    def close(self) -> None:
        """End the processes; they start again when they are needed."""
        self.pool.close()


def rows_of(images: NDArray[np.uint8], positions: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The pictures at `positions`: an array where `images` is one and where they are few enough to be held, else
    `ImageRows`, which is passed on as the array that it stands in for.
    """
    whole: object = images
    if isinstance(whole, ImageRows) and isinstance(whole.source, StreamedImages | FileImages):
        return cast(NDArray[np.uint8], whole.rows(positions))
    if isinstance(whole, StreamedImages | FileImages):
        return cast(NDArray[np.uint8], ImageRows(whole, positions))
    is_on_disk = isinstance(whole, np.memmap | ImageRows)
    if not is_on_disk or len(positions) * images[:1].nbytes <= memory_bytes():
        return np.asarray(images[positions])
    return cast(
        NDArray[np.uint8], whole.rows(positions) if isinstance(whole, ImageRows) else ImageRows(images, positions)
    )


def _check_good(found: Decoded, piece: Piece) -> None:
    for source, reason in zip(piece.sources, found.reasons, strict=True):
        if reason:
            raise FacsimError(f'"{source.name}" could be decoded when it was first read and is now {reason}; load anew')
