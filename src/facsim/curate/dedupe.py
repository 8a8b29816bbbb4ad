"""Duplicates: `Hash` gives every picture an exact and a perceptual hash, `Dedupe` names what repeats what.

Renders repeat only by accident; collections of photographs repeat often (FER2013's training and public test splits
hold 1,273 groups of exact duplicates). Rejecting is left to `select`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from facsim.curate.hashing import hamming_distance, perceptual_hash, pixel_hash, repeated_keys, repeated_near
from facsim.errors import RecipeError
from facsim.picture_memory import PICTURES
from facsim.pictures import PictureError
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Scan, Work

__all__ = ["Dedupe", "Hash", "owners_of"]


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
    of quality 50, on FER2013's training split); at 10 different aligned faces begin to meet. Distances are even.
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
        ids, exact, near = _gathered(scan)
        owners = owners_of(exact, near, self.distance)
        repeats = [int(place) if place != row else None for row, place in enumerate(owners)]
        columns = {
            "duplicate_of": pa.array([None if r is None else ids[r] for r in repeats], pa.string()),
            "duplicate_distance": pa.array(_distances(repeats, exact, near), pa.int16()),
        }
        if self.labels:
            labels = [v for batch in scan.batches((self.labels,)) for v in batch.column(self.labels).to_pylist()]
            columns["duplicate_conflict"] = pa.array(_conflicts(owners, labels, exact), pa.bool_())
        yield pa.RecordBatch.from_pydict(columns)


def owners_of(exact: Sequence[str | None], near: Sequence[int], distance: int) -> npt.NDArray[np.int64]:
    """For each row the first row that it repeats, itself where there is none: int64 (n,).

    exact: pixel hashes, None for a picture that could not be read, which repeats nothing. near: perceptual hashes; used
    where `distance` is not 0.
    """
    first = repeated_keys(exact)
    return _widened(first, near, distance) if distance else first


def _conflicts(
    owners: npt.NDArray[np.int64], labels: Sequence[str | None], exact: Sequence[str | None]
) -> list[bool | None]:
    """Whether the row's group has more than one label; None for a row without a picture."""
    said: dict[int, set[str]] = {}
    for owner, label in zip(owners.tolist(), labels, strict=True):
        said.setdefault(owner, set()).update(() if label is None else (label,))
    return [None if key is None else len(said[owner]) > 1 for owner, key in zip(owners.tolist(), exact, strict=True)]


def _gathered(scan: Scan) -> tuple[list[str], list[str | None], list[int]]:
    """Ids, pixel hashes (None for a sample with a problem) and perceptual hashes of all rows: 70 bytes a row."""
    ids: list[str] = []
    exact: list[str | None] = []
    near: list[int] = []
    for batch in scan.batches(("pixel_hash", "perceptual_hash")):
        problems = batch.column("problem").to_pylist()
        ids.extend(batch.column("sample_id").to_pylist())
        keys = batch.column("pixel_hash").to_pylist()
        exact.extend(None if sick else key for sick, key in zip(problems, keys, strict=True))
        near.extend(value or 0 for value in batch.column("perceptual_hash").to_pylist())
    return ids, exact, near


def _widened(first: npt.NDArray[np.int64], near: Sequence[int], distance: int) -> npt.NDArray[np.int64]:
    """Exact repeats, and near ones among the rows that repeat nothing exactly; a repeat of a repeat goes to its source.

    A hash of 0 is a sick sample's or a picture of one grey: it is near to nothing.
    """
    hashes = np.asarray(near, dtype=np.uint64)
    kept = np.flatnonzero((first == np.arange(len(first))) & (hashes != 0))
    owners = np.arange(len(first), dtype=np.int64)
    owners[kept] = kept[repeated_near(hashes[kept], distance=distance)]
    return owners[first]


def _distances(repeats: Sequence[int | None], exact: Sequence[str | None], near: Sequence[int]) -> list[int | None]:
    return [
        None if r is None else 0 if exact[r] == exact[row] else hamming_distance(near[r], near[row])
        for row, r in enumerate(repeats)
    ]
