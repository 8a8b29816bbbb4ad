"""Groups of copies within and across sets, and which of them cross sets or carry labels that contradict each other.

A set is reduced to hashes as it is read, 100 bytes a picture or so. Pictures are in one group where their pixels are
equal, or, within `distance` bits, where their perceptual hashes are near the group's first (see `hashing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from facsim.curate.dedupe import owners_of
from facsim.curate.hashing import hamming_distance, key_digests, perceptual_hash, pixel_hash
from facsim.errors import FacsimError
from facsim.formats.record import Record
from facsim.pictures import PictureError, decode_picture

__all__ = ["Group", "HashedSet", "Member", "duplicate_groups", "hashed_set", "summary_of"]


@dataclass(frozen=True, kw_only=True)
class HashedSet:
    """One set's pictures: names, labels (None: none given), pixel hashes (None: not readable) and perceptual hashes.

    problems: reason of `facsim.sample.REASONS` → pictures that could not be decoded.
    """

    name: str
    ids: tuple[str, ...]
    labels: tuple[str | None, ...]
    exact: tuple[str | None, ...]
    near: tuple[int, ...]
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
    for record in records:
        ids.append(record.name)
        labels.append(record.expression)
        try:
            array = decode_picture(record.image).array
        except PictureError as error:
            problems[error.reason] += 1
            exact.append(None)
            near.append(0)
        else:
            exact.append(pixel_hash(array))
            near.append(perceptual_hash(array))
    return HashedSet(
        name=name, ids=tuple(ids), labels=tuple(labels), exact=tuple(exact), near=tuple(near), problems=dict(problems)
    )


def duplicate_groups(sets: Sequence[HashedSet], *, distance: int = 0) -> tuple[Group, ...]:
    """Every group of copies, in the order of their first pictures; `distance` 0 keeps to equal pixels.

    Raises FacsimError where two sets have one name.
    """
    if len({entry.name for entry in sets}) < len(sets):
        raise FacsimError(f"found sets of the same name among {[entry.name for entry in sets]}; name each once")
    exact = [key for entry in sets for key in entry.exact]
    near = [value for entry in sets for value in entry.near]
    places = [(entry, row) for entry in sets for row in range(len(entry.ids))]
    owners = owners_of(key_digests(exact), np.array(near, dtype=np.uint64), distance)
    rows_of: dict[int, list[int]] = {}
    for row, owner in enumerate(owners.tolist()):
        rows_of.setdefault(owner, []).append(row)
    return tuple(_group(rows, places, exact, near) for rows in rows_of.values() if len(rows) > 1)


def _group(
    rows: Sequence[int], places: Sequence[tuple[HashedSet, int]], exact: Sequence[str | None], near: Sequence[int]
) -> Group:
    first = rows[0]
    return Group(
        members=tuple(
            Member(
                set=places[row][0].name,
                id=places[row][0].ids[places[row][1]],
                label=places[row][0].labels[places[row][1]],
                distance_bits=0 if exact[row] == exact[first] else hamming_distance(near[row], near[first]),
            )
            for row in rows
        ),
        exact=len({exact[row] for row in rows}) == 1,
    )


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
