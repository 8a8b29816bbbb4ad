"""Duplicates: `Hash` gives every picture an exact and a perceptual hash, `Dedupe` names what repeats what.

Renders repeat only by accident; collections of photographs repeat often (FER2013's training and public test splits
hold 1,273 groups of exact duplicates). Rejecting is left to `select`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from facsim.curate.hashing import (
    NO_KEY,
    key_digests,
    perceptual_hash,
    pixel_hash,
    repeated_digests,
    repeated_near,
)
from facsim.errors import RecipeError
from facsim.picture_memory import PICTURES
from facsim.pictures import PictureError
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Scan, Work

__all__ = ["Dedupe", "Hash", "owners_of"]

_BATCH_ROWS = 1000  # verdicts together


@dataclass(frozen=True, kw_only=True)
class Hash:
    """Hash pictures: blake2b of their pixels, and a 64-bit DCT hash that survives compression and resizing."""

    name: ClassVar[str] = "hash"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    reads: ClassVar[tuple[str, ...]] = ("image",)
    writes: ClassVar[tuple[str, ...]] = ("pixel_hash", "perceptual_hash")
    resources: ClassVar[Resources] = Resources(batch=64)
    weights: ClassVar[tuple[str, ...]] = ()

    def open(self, device: str) -> Work:
        """The hasher; nothing is loaded."""
        return lambda samples: [_hashes(sample) for sample in samples]


def _hashes(sample: Sample) -> Row | Problem:
    try:
        array = PICTURES.decoded(sample["image"]["bytes"]).array
    except PictureError as error:
        return Problem(reason=error.reason, detail=error.detail)
    return {"pixel_hash": pixel_hash(array), "perceptual_hash": perceptual_hash(array)}


@dataclass(frozen=True, kw_only=True)
class Dedupe:
    """Name the sample that each later sample repeats: the same pixels, or hashes within `distance` bits of 64.

    distance: 0 keeps to exact duplicates. 4 finds copies that were recompressed or resized (at most 4 bits under JPEG
    of quality 50, on FER2013's training split); at 10 different aligned faces begin to meet, those of renders, which
    share a head, at 4 (10 of 3,000, cut by `crop`). Distances are even.
    labels: a column of labels; where it is named, `duplicate_conflict` says of every picture whether copies of it are
    labelled otherwise.
    """

    distance: int = 0
    labels: str = ""

    name: ClassVar[str] = "dedupe"
    version: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if not 0 <= self.distance <= 16:
            raise RecipeError(f"dedupe.distance is {self.distance}; expected 0 to 16 bits")

    @property
    def reads(self) -> tuple[str, ...]:
        """The hashes, and the labels where conflicts are looked for."""
        return ("pixel_hash", "perceptual_hash", *((self.labels,) if self.labels else ()))

    @property
    def writes(self) -> tuple[str, ...]:
        """What each row repeats, and whether copies are labelled otherwise where that was asked."""
        return ("duplicate_of", "duplicate_distance", *(("duplicate_conflict",) if self.labels else ()))

    def judge(self, scan: Scan) -> Iterator[pa.RecordBatch]:
        """For every row the first kept sample that it repeats and how far it is from it, or nulls."""
        rows = _gathered(scan)
        owners = owners_of(rows.exact, rows.near, self.distance)
        sources = np.unique(owners[owners != np.arange(len(owners))])
        ids = _ids_at(scan, sources)
        conflicting = _conflicting(owners, _codes(scan, self.labels)) if self.labels else None
        for start in range(0, len(owners), _BATCH_ROWS):
            part = np.arange(start, min(start + _BATCH_ROWS, len(owners)))
            of, single = owners[part], owners[part] == part
            columns = {
                "duplicate_of": ids.take(pa.array(np.searchsorted(sources, of), pa.int64(), mask=single)),
                "duplicate_distance": pa.array(_distances(rows, part, of), pa.int16(), mask=single),
            }
            if conflicting is not None:
                columns["duplicate_conflict"] = pa.array(conflicting[of], mask=rows.exact[part] == NO_KEY)
            yield pa.RecordBatch.from_pydict(columns)


@dataclass(frozen=True, kw_only=True)
class _Hashed:
    """All rows: `exact` bytes (N,), digests of pixel hashes, `NO_KEY` for a sample with a problem; `near` uint64 (N,),
    perceptual hashes, 0 for none. 24 bytes a row.
    """

    exact: NDArray[np.bytes_]
    near: NDArray[np.uint64]


def owners_of(exact: NDArray[np.bytes_], near: NDArray[np.uint64], distance: int) -> NDArray[np.int64]:
    """For each row the first row that it repeats, itself where there is none: int64 (n,).

    exact: `key_digests` of pixel hashes, `NO_KEY` for a picture that could not be read, which repeats nothing. near:
    perceptual hashes, used where `distance` is not 0.
    """
    first = repeated_digests(exact)
    return _widened(first, near, distance) if distance else first


def _gathered(scan: Scan) -> _Hashed:
    """The hashes of all rows."""
    exact, near = [key_digests(())], [np.zeros(0, dtype=np.uint64)]
    for batch in scan.batches(("pixel_hash", "perceptual_hash")):
        sick, keys = batch.column("problem").to_pylist(), batch.column("pixel_hash").to_pylist()
        exact.append(key_digests(None if why else key for why, key in zip(sick, keys, strict=True)))
        hashes = batch.column("perceptual_hash").cast(pa.uint64()).fill_null(0)
        near.append(hashes.to_numpy(zero_copy_only=False).astype(np.uint64))
    return _Hashed(exact=np.concatenate(exact), near=np.concatenate(near))


def _codes(scan: Scan, label: str) -> NDArray[np.int32]:
    """Which of its values the column has in each row, by first appearance, −1 for none: int32 (n,).

    Apart from the hashes: a sample whose label has a problem is a picture still.
    """
    known, found = dict[Any, int](), [np.zeros(0, dtype=np.int32)]
    for batch in scan.batches((label,)):
        values = batch.column(label).to_pylist()
        codes = [-1 if value is None else known.setdefault(value, len(known)) for value in values]
        found.append(np.array(codes, dtype=np.int32))
    return np.concatenate(found)


def _ids_at(scan: Scan, rows: NDArray[np.int64]) -> pa.Array:
    """The ids of some rows, which come in order: read again, so that no others are held."""
    found, start = [pa.array([], pa.string())], 0
    for batch in scan.batches(()) if rows.size else ():
        first, last = np.searchsorted(rows, (start, start + batch.num_rows))
        found.append(batch.column("sample_id").take(pa.array(rows[first:last] - start)).cast(pa.string()))
        start += batch.num_rows
    return pa.concat_arrays(found)


def _conflicting(owners: NDArray[np.int64], labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """For each owner whether its group has more than one label: bool (n,)."""
    given = labels >= 0
    least, most = np.full(len(owners), np.iinfo(np.int32).max, dtype=np.int32), np.full(len(owners), -1, dtype=np.int32)
    np.minimum.at(least, owners[given], labels[given])
    np.maximum.at(most, owners[given], labels[given])
    return least < most


def _widened(first: NDArray[np.int64], near: NDArray[np.uint64], distance: int) -> NDArray[np.int64]:
    """Exact repeats, and near ones among the rows that repeat nothing exactly; a repeat of a repeat goes to its source.

    A hash of 0 is a sick sample's or a picture of one grey: it is near to nothing.
    """
    kept = np.flatnonzero((first == np.arange(len(first))) & (near != 0))
    owners = np.arange(len(first), dtype=np.int64)
    owners[kept] = kept[repeated_near(near[kept], distance=distance)]
    return owners[first]


def _distances(rows: _Hashed, some: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int16]:
    """Bits between some rows and as many others, 0 where their pixels are equal."""
    bits = np.bitwise_count(rows.near[some] ^ rows.near[others]).astype(np.int16)
    return np.where(rows.exact[some] == rows.exact[others], np.int16(0), bits)
