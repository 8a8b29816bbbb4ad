"""Groups of copies within and across sets, and which of them cross sets or carry labels that contradict each other.

A set is reduced to hashes as it is read, 100 bytes a picture or so. Pictures are in one group where their pixels are
equal, or, within `distance` bits, where their perceptual hashes are near the group's first (see `hashing`).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from facsim.curate.dedupe import owners_of
from facsim.curate.hashing import hamming_distance, key_digests, perceptual_hash, pixel_hash
from facsim.errors import FacsimError
from facsim.formats.record import Record
from facsim.pictures import PictureError, decode_picture

__all__ = ["Group", "HashedSet", "Member", "duplicate_groups", "hashed_set", "summary_of"]

_BATCH_ROWS = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class HashedSet:
    """One set's N pictures: names, labels (null: none given), digests of their pixels (`NO_KEY` where they could not be
    read) and perceptual hashes uint64 (N,).

    problems: reason of `facsim.sample.REASONS` → pictures that could not be decoded.
    """

    name: str
    ids: pa.ChunkedArray
    labels: pa.ChunkedArray
    exact: NDArray[np.bytes_]
    near: NDArray[np.uint64]
    problems: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, kw_only=True)
class Member:
    """One picture of a group: its set, its name there, its label, and how far it is from the group's first."""

    set: str
    id: str
    label: str | None
    distance_bits: int

    def to_json(self) -> dict[str, Any]:
        """`{set, id, label, distance_bits}`."""
        return {"set": self.set, "id": self.id, "label": self.label, "distance_bits": self.distance_bits}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Two or more pictures that are copies; `exact` where all have the same pixels."""

    members: tuple[Member, ...]
    exact: bool

    @property
    def crossing(self) -> bool:
        """Whether it has pictures of more than one set."""
        return len({member.set for member in self.members}) > 1

    @property
    def labels(self) -> tuple[str, ...]:
        """The different labels in it, by name."""
        return tuple(sorted({member.label for member in self.members if member.label is not None}))

    @property
    def conflicting(self) -> bool:
        """Whether its pictures are labelled otherwise than one another."""
        return len(self.labels) > 1

    def to_json(self) -> dict[str, Any]:
        """`{exact, crossing, labels, conflicting, members}`."""
        return {
            "exact": self.exact,
            "crossing": self.crossing,
            "labels": list(self.labels),
            "conflicting": self.conflicting,
            "members": [member.to_json() for member in self.members],
        }


def hashed_set(name: str, records: Iterable[Record]) -> HashedSet:
    """The hashes of the records' pictures, read one at a time; one that cannot be decoded is counted and is no copy."""
    ids, labels, exact, near, problems = [], [], [], [], Counter[str]()
    left = iter(records)
    while rows := [_hashed(record, problems) for record in itertools.islice(left, _BATCH_ROWS)]:
        names, said, keys, hashes = zip(*rows, strict=True)
        ids.append(pa.array(names, pa.string()))
        labels.append(pa.array(said, pa.string()).dictionary_encode())
        exact.append(key_digests(keys))
        near.append(np.array(hashes, dtype=np.uint64))
    return HashedSet(
        name=name,
        ids=pa.chunked_array(ids, pa.string()),
        labels=pa.chunked_array(labels, pa.dictionary(pa.int32(), pa.string())),
        exact=np.concatenate([key_digests(()), *exact]),
        near=np.concatenate([np.zeros(0, dtype=np.uint64), *near]),
        problems=dict(problems),
    )


def _hashed(record: Record, problems: Counter[str]) -> tuple[str, str | None, str | None, int]:
    """Name, label and both hashes; a picture that cannot be decoded has no first one, and is counted."""
    try:
        array = decode_picture(record.image).array
    except PictureError as error:
        problems[error.reason] += 1
        return record.name, record.expression, None, 0
    return record.name, record.expression, pixel_hash(array), perceptual_hash(array)


def duplicate_groups(sets: Sequence[HashedSet], *, distance: int = 0) -> tuple[Group, ...]:
    """Every group of copies, in the order of their first pictures; `distance` 0 keeps to equal pixels.

    Raises FacsimError where two sets have one name.
    """
    if len({entry.name for entry in sets}) < len(sets):
        raise FacsimError(f"found sets of the same name among {[entry.name for entry in sets]}; name each once")
    exact = np.concatenate([key_digests(()), *(entry.exact for entry in sets)])
    near = np.concatenate([np.zeros(0, dtype=np.uint64), *(entry.near for entry in sets)])
    owners = owners_of(exact, near, distance)
    _, place, sizes = np.unique(owners, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(sizes[place] > 1)
    members = dict[int, list[int]]()
    for row, owner in zip(rows.tolist(), owners[rows].tolist(), strict=True):
        members.setdefault(owner, []).append(row)
    starts = np.cumsum([0, *(len(entry.ids) for entry in sets)])
    return tuple(_group(group, sets, starts, exact, near) for group in members.values())


def _group(
    rows: Sequence[int],
    sets: Sequence[HashedSet],
    starts: NDArray[np.int64],
    exact: NDArray[np.bytes_],
    near: NDArray[np.uint64],
) -> Group:
    """`starts`: the first row of each set, and the end."""
    first, found = rows[0], list[Member]()
    for row in rows:
        at = int(np.searchsorted(starts, row, side="right")) - 1
        entry, own = sets[at], row - int(starts[at])
        distance = 0 if exact[row] == exact[first] else hamming_distance(int(near[row]), int(near[first]))
        found.append(
            Member(set=entry.name, id=entry.ids[own].as_py(), label=entry.labels[own].as_py(), distance_bits=distance)
        )
    return Group(members=tuple(found), exact=len({bytes(exact[row]) for row in rows}) == 1)


def summary_of(groups: Sequence[Group]) -> dict[str, int]:
    """Counts: groups, pictures beyond each group's first, groups that cross sets, that conflict, and that do both."""
    sizes = np.array([len(group.members) for group in groups], dtype=np.int64)
    return {
        "groups": len(groups),
        "repeats": int((sizes - 1).sum()),
        "conflicting": sum(group.conflicting for group in groups),
        "crossing": sum(group.crossing for group in groups),
        "crossing_conflicting": sum(group.crossing and group.conflicting for group in groups),
    }
