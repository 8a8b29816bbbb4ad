"""The pictures of a set, decoded, wherever there is room for them: in memory, on disk, or nowhere.

    up to $FACSIM_MEMORY_GB (2)        an array
    else, and up to $FACSIM_CACHE_GB   a read-only map of a file in the cache (`facsim.learn.picture_cache`)
    else                               `facsim.learn.images.StreamedImages`: decoded whenever they are asked for

The pictures, their hashes and the reasons of those that are left out are the same each way. Decoding whenever asked
suits files, zips and tars; Parquet (a run's shards too) and a gzipped tar hold no picture by itself, and each one that
is asked for out of order costs a row group, or the way there: give those room in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.learn.decode_pool import DecodePool, available_workers, decoded_by_threads
from facsim.learn.decoding import Decoded, Piece, Shape, Source, blank_images, image_shape
from facsim.learn.images import FileImages, StreamedImages
from facsim.learn.limits import memory_bytes
from facsim.learn.picture_cache import content_key, fits_cache, kept_pictures
from facsim.models.asset_cache import find_cache_folder, load_cached

__all__ = ["MANY", "OnDecoded", "read_pictures"]

MANY = 1000
"""From this many pictures on a set is decoded by processes, and worth keeping: fewer take a second."""

_PIECE_ROWS = 64

OnDecoded = Callable[[int, int], None]
"""Called with the pictures that are done and all there are."""


class _Decode(Protocol):
    """What decodes pieces, in any order; their pictures come with them, or are in `into` where that is given."""

    def __call__(
        self, pieces: Iterator[Piece], into: NDArray[np.uint8] | None = None
    ) -> Iterator[tuple[Piece, Decoded]]: ...


def read_pictures(
    sources: Sequence[Source],
    shape: Shape,
    *,
    cache: bool = False,
    workers: int | None = None,
    most_held: int | None = None,
    on_decoded: OnDecoded | None = None,
) -> Decoded:
    """The pictures of `sources`, decoded by `workers` (as many as there are processors); with `cache`, kept on disk.

    Of pictures that are kept, no more than `most_held` bytes (by default `memory_bytes`) are held in memory.
    Raises FormatError, naming the picture, where one cannot be read, and FacsimError where a set that is too large for
    memory cannot be kept because the cache cannot be written.
    """
    count = workers or available_workers()
    decode = _decoder(sources, shape, on_decoded, workers=count)
    nbytes = len(sources) * int(np.prod(image_shape(shape)))
    key = content_key(sources, shape) if cache and len(sources) else None
    if key is not None and fits_cache(nbytes):
        try:
            return _held(kept_pictures(sources, shape, key=key, decode=decode), most_held)
        except OSError as error:
            if nbytes > memory_bytes():
                raise FacsimError(_unwritable(nbytes, error)) from error
    if nbytes <= memory_bytes():
        return _in_memory(sources, shape, decode)
    streamed = StreamedImages(sources, shape, workers=count)
    decode = _decoder(sources, shape, on_decoded, workers=count, pool=streamed.pool)
    return _with_hashes(streamed, sources, key=key, decode=decode)


def _unwritable(nbytes: int, error: OSError) -> str:
    return (
        f"{nbytes / 1e9:.1f} GB of decoded pictures cannot be kept in {find_cache_folder()}: {error}; make room there, "
        "set FACSIM_CACHE to a folder on another disk, or set FACSIM_CACHE_GB=0 to decode them anew in every epoch"
    )


def _decoder(
    sources: Sequence[Source],
    shape: Shape,
    on_decoded: OnDecoded | None,
    *,
    workers: int,
    pool: DecodePool | None = None,
) -> _Decode:
    """What decodes pieces: threads for few pictures and for those in memory already, else processes, of `pool` where
    one is given.
    """
    by_threads = len(sources) < MANY or any(isinstance(source.at, bytes) for source in sources)

    def decode(pieces: Iterator[Piece], into: NDArray[np.uint8] | None = None) -> Iterator[tuple[Piece, Decoded]]:
        if by_threads:
            yield from _told(decoded_by_threads(pieces, shape, workers=workers))
        elif pool is not None:
            yield from _told(pool.run(pieces, into=into))
        else:
            with DecodePool(shape, workers=workers) as own:
                yield from _told(own.run(pieces, into=into))

    def _told(found: Iterator[tuple[Piece, Decoded]]) -> Iterator[tuple[Piece, Decoded]]:
        done = 0
        for piece, decoded in found:
            done += len(piece.sources)
            if on_decoded is not None:
                on_decoded(done, len(sources))
            yield piece, decoded

    return decode


def _held(found: Decoded, most: int | None) -> Decoded:
    """In memory where there is room; where the room was set, without a page of the file in memory otherwise."""
    if found.images.nbytes <= (memory_bytes() if most is None else most):
        return replace(found, images=np.array(found.images))
    if most is None or not isinstance(found.images, np.memmap):
        return found
    return replace(found, images=cast(NDArray[np.uint8], FileImages(found.images)))


def _pieces(sources: Sequence[Source], *, wants: str = "all") -> Iterator[Piece]:
    for start in range(0, len(sources), _PIECE_ROWS):
        yield Piece(number=start, sources=tuple(sources[start : start + _PIECE_ROWS]), wants=wants)


def _in_memory(sources: Sequence[Source], shape: Shape, decode: _Decode) -> Decoded:
    images = blank_images(len(sources), shape)
    hashes, reasons = np.zeros(len(sources), dtype=np.uint64), [""] * len(sources)
    for piece, found in decode(_pieces(sources), images):
        rows = slice(piece.number, piece.number + len(piece.sources))
        hashes[rows], reasons[rows] = found.hashes, found.reasons
        if len(found.images):
            images[rows] = found.images
    return Decoded(images=images, hashes=hashes, reasons=tuple(reasons))


def _with_hashes(images: StreamedImages, sources: Sequence[Source], *, key: str | None, decode: _Decode) -> Decoded:
    """Decoded once for the hashes and reasons, which are kept, and then again whenever a picture is asked for."""

    def first_pass() -> dict[str, NDArray[np.generic]]:
        hashes, reasons = np.zeros(len(sources), dtype=np.uint64), [""] * len(sources)
        for piece, found in decode(_pieces(sources, wants="hashes")):
            rows = slice(piece.number, piece.number + len(piece.sources))
            hashes[rows], reasons[rows] = found.hashes, found.reasons
        return {"hashes": hashes, "reasons": np.array(reasons, dtype=np.str_)}

    found = first_pass() if key is None else load_cached("picture-hashes", key=key, build=first_pass)
    return Decoded(
        images=cast(NDArray[np.uint8], images),
        hashes=found["hashes"].astype(np.uint64),
        reasons=tuple(found["reasons"].tolist()),
    )
