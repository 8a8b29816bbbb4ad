"""Which test pictures a model has seen, themselves or nearly so.

Beside the weights lie a hash of each training picture's pixels (8 bytes) and its signature (32 bytes,
`facsim.learn.signatures`), and the same of the pictures that the checkpoint was chosen on, where it was chosen.
Two sets of pictures are compared without any model by `find_pairs`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError, WeightsError
from facsim.learn.data import Pictures, take
from facsim.learn.signatures import (
    NEAR_BITS,
    SIGNATURE_WORDS,
    Signatures,
    find_neighbours,
    near_bits,
    signatures_of,
)
from facsim.learn.upright_faces import UprightFaces
from facsim.models.weights import write_whole

__all__ = [
    "HASHES_FILE",
    "SELECTION_HASHES_FILE",
    "SELECTION_SIGNATURES_FILE",
    "SIGNATURES_FILE",
    "Pair",
    "SeenPictures",
    "find_pairs",
    "load_chosen_on",
    "load_seen",
    "load_training_hashes",
    "load_training_signatures",
    "near_by_face",
    "near_in",
    "near_pool",
    "save_chosen_on",
    "save_training_hashes",
    "save_training_signatures",
    "seen_in",
]

HASHES_FILE = "training_hashes.npy"
SIGNATURES_FILE = "training_signatures.npy"
SELECTION_HASHES_FILE = "selection_hashes.npy"
SELECTION_SIGNATURES_FILE = "selection_signatures.npy"


def save_training_hashes(folder: str | os.PathLike[str], hashes: NDArray[np.uint64]) -> None:
    """Write the distinct `facsim.learn.data.pixel_hash` values of the training pictures, sorted: 8 bytes each."""
    _write(Path(folder) / HASHES_FILE, np.unique(hashes))


def save_training_signatures(
    folder: str | os.PathLike[str], images: NDArray[np.uint8], *, others: Sequence[Signatures] = ()
) -> None:
    """Write the distinct signatures of training pictures uint8 (N, S, S[, 3]) and `others`, sorted: 32 bytes each."""
    _write(Path(folder) / SIGNATURES_FILE, np.unique(np.concatenate([signatures_of(images), *others]), axis=0))


def load_training_hashes(folder: str | os.PathLike[str]) -> NDArray[np.uint64] | None:
    """The sorted hashes uint64 (M,) that lie beside a model, or None where none do.

    Raises WeightsError where the file is damaged.
    """
    return _read(folder, HASHES_FILE, ())


def load_training_signatures(folder: str | os.PathLike[str]) -> Signatures | None:
    """The signatures uint64 (M, 4) that lie beside a model, or None where none do (an older facsim kept none).

    Raises WeightsError where the file is damaged.
    """
    return _read(folder, SIGNATURES_FILE, (SIGNATURE_WORDS,))


def seen_in(hashes: NDArray[np.uint64], training: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of `hashes` (N,) are among `training` (M,): bool (N,)."""
    return np.isin(hashes, training)


def near_in(images: NDArray[np.uint8], training: Signatures, *, distance: int = NEAR_BITS) -> NDArray[np.bool_]:
    """Which of `images` uint8 (N, S, S[, 3]) are near-duplicates of pictures with signatures `training`: bool (N,).

    `distance` as in `find_neighbours`; of faces cut alike `facsim.learn.signatures.near_bits`.
    """
    near = np.zeros(len(images), dtype=bool)
    near[find_neighbours(images, training, distance=distance).test] = True
    return near


def near_pool(pool: Pictures, test: Pictures) -> NDArray[np.bool_]:
    """Which pictures of a pool are near-duplicates of test pictures: bool (N,), N being the pool's."""
    near = np.zeros(len(pool), dtype=bool)
    bits = near_bits(pool.frame)
    near[find_neighbours(test.images, signatures_of(pool.images), distance=bits).training] = True
    return near


def near_by_face(pool: UprightFaces, test: UprightFaces) -> NDArray[np.bool_]:
    """Which faces of a pool are near-duplicates of test faces, where both were found: bool (N,), N being the pool's."""
    near = np.zeros(len(pool.found), dtype=bool)
    near[[training for _, training in _near_faces(pool, test)]] = True
    return near


@dataclass(frozen=True, kw_only=True)
class SeenPictures:
    """What a model has seen: hashes uint64 (M,) and signatures (M, 4), each None where it does not say."""

    hashes: NDArray[np.uint64] | None = None
    signatures: Signatures | None = None

    def exact(self, pictures: Pictures) -> NDArray[np.bool_] | None:
        """Which of the pictures it has seen: bool (N,); None where unknown."""
        return None if self.hashes is None else seen_in(pictures.hashes, self.hashes)

    def near(self, pictures: Pictures) -> NDArray[np.bool_] | None:
        """Which others of the pictures are near-duplicates of such: bool (N,); None where unknown."""
        exact = self.exact(pictures)
        if exact is None or self.signatures is None:
            return None
        return near_in(pictures.images, self.signatures, distance=near_bits(pictures.frame)) & ~exact

    def known(self, pictures: Pictures) -> NDArray[np.bool_]:
        """Which of the pictures it has seen, themselves or nearly so: bool (N,); none of them where unknown."""
        found = np.zeros(len(pictures), dtype=bool)
        for part in (self.exact(pictures), self.near(pictures)):
            found |= part if part is not None else False
        return found

    def counts(self, pictures: Pictures) -> tuple[int | None, int | None]:
        """How many of the pictures it has seen, and how many others nearly."""
        exact, near = self.exact(pictures), self.near(pictures)
        return None if exact is None else int(exact.sum()), None if near is None else int(near.sum())


def load_seen(folder: str | os.PathLike[str]) -> SeenPictures:
    """What lies beside a model's weights of what it has seen. Raises WeightsError where a file is damaged."""
    return SeenPictures(hashes=load_training_hashes(folder), signatures=load_training_signatures(folder))


def save_chosen_on(folder: str | os.PathLike[str], parts: Sequence[SeenPictures]) -> None:
    """Write what a checkpoint was chosen on, as far as it is known; empty files say that it was chosen on nothing."""
    hashes = [part.hashes for part in parts if part.hashes is not None]
    signatures = [part.signatures for part in parts if part.signatures is not None]
    place, empty = Path(folder), np.zeros(0, dtype=np.uint64)
    _write(place / SELECTION_HASHES_FILE, np.unique(np.concatenate([empty, *hashes])))
    bare = empty.reshape(0, SIGNATURE_WORDS)
    _write(place / SELECTION_SIGNATURES_FILE, np.unique(np.concatenate([bare, *signatures]), axis=0))


def load_chosen_on(folder: str | os.PathLike[str]) -> SeenPictures:
    """What a checkpoint was chosen on, unknown where an older facsim wrote it. Raises WeightsError as `load_seen`."""
    return SeenPictures(
        hashes=_read(folder, SELECTION_HASHES_FILE, ()),
        signatures=_read(folder, SELECTION_SIGNATURES_FILE, (SIGNATURE_WORDS,)),
    )


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A test and a training picture, by row and name, that are the same (`exact`, distance 0) or nearly so.

    `by_face` where only the faces, cut out upright, are near.
    """

    test_row: int
    training_row: int
    test: str
    training: str
    exact: bool
    distance: int
    mirrored: bool
    by_face: bool = False

    def to_json(self) -> dict[str, Any]:
        """`{test, training, exact, distance_bits, mirrored, by_face}`."""
        return {
            "test": self.test,
            "training": self.training,
            "exact": self.exact,
            "distance_bits": self.distance,
            "mirrored": self.mirrored,
            "by_face": self.by_face,
        }


def find_pairs(
    training: Pictures, test: Pictures, *, faces: tuple[UprightFaces, UprightFaces] | None = None
) -> tuple[Pair, ...]:
    """Every pair of a test picture and a training picture that are copies, exact or near, by test picture.

    `faces` are those of the two sets, cut out upright: a pair may be near by these alone. Raises FacsimError where the
    two are not held in one shape.
    """
    if training.shape != test.shape:
        raise FacsimError(
            f"found training pictures {training.shape} and test pictures {test.shape}, expected one shape"
        )
    near = _near_pairs(training, test)
    by_face = {} if faces is None else _near_faces(*faces)
    found = {**{pair: (*how, True) for pair, how in by_face.items()}, **{p: (*how, False) for p, how in near.items()}}
    exact = set(_equal(test.hashes, training.hashes))
    return tuple(
        _pair((training, test), pair, pair in exact, *found.get(pair, (0, False, False)))
        for pair in sorted(exact | found.keys())
    )


_How = tuple[int, bool]  # the distance in bits, and whether one of the two is mirrored


def _near_pairs(training: Pictures, test: Pictures) -> dict[tuple[int, int], _How]:
    """(test row, training row) of near-duplicates."""
    bits = near_bits(training.frame)
    found = find_neighbours(test.images, signatures_of(training.images), distance=bits)
    rows = zip(found.test, found.training, found.distance, found.mirrored, strict=True)
    return {(int(t), int(k)): (int(bits), bool(mirrored)) for t, k, bits, mirrored in rows}


def _near_faces(training: UprightFaces, test: UprightFaces) -> dict[tuple[int, int], _How]:
    """The same of faces alone, where both were found."""
    kept = [np.flatnonzero(held.found) for held in (training, test)]
    near = _near_pairs(take(training.pictures, training.found), take(test.pictures, test.found))
    return {(int(kept[1][t]), int(kept[0][k])): how for (t, k), how in near.items()}


def _equal(hashes: NDArray[np.uint64], training: NDArray[np.uint64]) -> Sequence[tuple[int, int]]:
    """(row of `hashes`, row of `training`) of every pair that is equal."""
    order = np.argsort(training, kind="stable")
    first, last = (np.searchsorted(training[order], hashes, side) for side in ("left", "right"))
    return [(row, int(order[k])) for row in np.flatnonzero(last > first).tolist() for k in range(first[row], last[row])]


def _pair(
    sets: tuple[Pictures, Pictures],
    rows: tuple[int, int],
    exact: bool,
    distance: int,
    mirrored: bool,
    by_face: bool,
) -> Pair:
    (training, test), (test_row, training_row) = sets, rows
    return Pair(
        test_row=test_row,
        training_row=training_row,
        test=test.ids[test_row],
        training=training.ids[training_row],
        exact=exact,
        distance=0 if exact else distance,
        mirrored=mirrored and not exact,
        by_face=by_face and not exact,
    )


def _write(file: Path, array: NDArray[np.uint64]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_whole(file, buffer.getvalue())


def _read(folder: str | os.PathLike[str], name: str, row: tuple[int, ...]) -> NDArray[np.uint64] | None:
    """The array uint64 (M, *row) of a file in a model's folder or beside its weights; None where there is none."""
    place = Path(folder)
    file = (place if place.is_dir() else place.parent) / name
    if not file.exists():
        return None
    try:
        array = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise WeightsError(f"{file} cannot be read ({error}); train the model again") from error
    if array.dtype != np.uint64 or array.ndim != 1 + len(row) or array.shape[1:] != row:
        wanted = ", ".join(["M", *map(str, row)])
        raise WeightsError(
            f"{file} holds {array.dtype} {array.shape}, expected uint64 ({wanted}); train the model again"
        )
    return array
