"""One row of a manifest: its id, its seeds, and what is said of it when it is sick.

All randomness in facsim comes from here: `seed_for(sample_id, purpose)` for one sample, `uniforms` for a column of
them. Both are functions of their arguments alone, so a picture is the same whatever batch, shard, worker or rank
draws it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "REASONS",
    "Problem",
    "Sample",
    "generator_for",
    "ingested_id",
    "planned_id",
    "seed_for",
    "uniforms",
]

REASONS: Mapping[str, str] = {
    "animated": "the picture has more than one frame",
    "bad_vote": "a voter gave no expression, or scores that are no distribution over the eight",
    "crashed": "the worker died on this sample, alone",
    "empty": "the file holds no bytes",
    "missing_input": "an earlier step has no value for this sample",
    "no_face": "no face was found",
    "no_place": "the face's points or box lie in one place, or nowhere near the picture",
    "not_a_picture": "the bytes are not a picture in a known format",
    "several_faces": "more than one face was found where only one was wanted",
    "too_large": "the picture's declared size is over the limit",
    "truncated": "the picture ends before its data does",
    "unreadable": "the file could not be read",
    "unsupported_mode": "the picture's colour mode is not one that can be read faithfully",
    "zero_sized": "the picture has no pixels",
}
"""Why a sample has no result in a step: the closed list, each with what it means."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why one sample has no result; `reason` is one of `REASONS`, `detail` is for a person."""

    reason: str
    detail: str = ""

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise ValueError(f"problem reason {self.reason!r} is not one of {sorted(REASONS)}")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One row as a stage sees it: its id and the values of the columns that the stage reads, by short name."""

    sample_id: str
    values: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.values[column]


def planned_id(seed: int, round_index: int, index: int) -> str:
    """The id of row `index` of a plan: 32 hexadecimal digits of blake2b over (seed, round, index)."""
    return hashlib.blake2b(f"plan/{seed}/{round_index}/{index}".encode(), digest_size=16).hexdigest()


def ingested_id(relative_path: str, content_sha256: str) -> str:
    """The id of an ingested picture: 32 hexadecimal digits of blake2b over its relative path and content hash."""
    return hashlib.blake2b(f"ingest/{relative_path}/{content_sha256}".encode(), digest_size=16).hexdigest()


def seed_for(sample_id: str, purpose: str) -> int:
    """A 64-bit seed that depends on the sample and the purpose and on nothing else."""
    return int.from_bytes(hashlib.blake2b(f"{sample_id}/{purpose}".encode(), digest_size=8).digest(), "little")


def generator_for(sample_id: str, purpose: str) -> np.random.Generator:
    """A NumPy generator seeded with `seed_for(sample_id, purpose)` (Philox, a counter-based generator)."""
    return np.random.Generator(np.random.Philox(key=seed_for(sample_id, purpose)))


def uniforms(seed: int, purpose: str, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Uniform numbers in [0, 1), one for each index: the vectorised, counter-based form of `seed_for`.

    SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) of a key hashed from (seed, purpose) and a counter, so that entry
    `i` is the same however many indices are drawn, and in whatever order. Shape and order are those of `indices`.
    """
    key = np.uint64(seed_for(f"{seed}", purpose))
    with np.errstate(over="ignore"):
        state = key + (indices.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
