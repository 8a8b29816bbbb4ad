"""Pictures of one set that lie in another, or twice in their own: themselves, or nearly (`facsim.learn.signatures`)."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.learn.data import Pictures
from facsim.learn.signatures import NEAR_BITS, Signatures, find_neighbours, signatures_of

__all__ = ["PAIRS_KEPT", "Copies", "CopyPair", "copies_between", "copies_within"]

PAIRS_KEPT = 100
"""Pairs that an audit names, the exact ones first, then the least alike, up to half of them where there are more exact
ones than there is room for; the counts are of all."""

_BLOCK = 2048  # pictures compared at a time: what is held does not grow with the set


@dataclass(frozen=True, kw_only=True)
class CopyPair:
    """A picture and the one that it repeats, by row and name; `distance` in bits of 256, 0 where their pixels agree."""

    row: int
    other_row: int
    name: str
    other: str
    is_exact: bool
    distance: int
    mirrored: bool
    same_label: bool

    def to_json(self) -> dict[str, Any]:
        """`{name, other, exact, distance_bits, mirrored, same_label}`."""
        return {
            "name": self.name,
            "other": self.other,
            "exact": self.is_exact,
            "distance_bits": self.distance,
            "mirrored": self.mirrored,
            "same_label": self.same_label,
        }


@dataclass(frozen=True, kw_only=True)
class Copies:
    """How many of `n` pictures repeat another exactly, how many others nearly, how many of all those bear another label
    than the picture that they are nearest to, and some of the pairs."""

    n: int
    exact: int
    near: int
    conflicting: int
    pairs: tuple[CopyPair, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "n": self.n,
            "exact": self.exact,
            "near": self.near,
            "near_bits": NEAR_BITS,
            "conflicting_labels": self.conflicting,
            "pairs": [pair.to_json() for pair in self.pairs],
        }


def copies_between(one: Pictures, other: Pictures) -> Copies:
    """Pictures of `one` that `other` holds too, both of one shape."""
    return _counted(one, _nearest(one, other, own=False))


def copies_within(pictures: Pictures) -> Copies:
    """Pictures that repeat an earlier one of their own set."""
    return _counted(pictures, _nearest(pictures, pictures, own=True))


def _counted(pictures: Pictures, pairs: Iterator[CopyPair]) -> Copies:
    counts = Counter[str]()
    exact: list[CopyPair] = []
    near: list[tuple[int, int, CopyPair]] = []  # a heap: the most alike first
    for pair in pairs:
        counts["exact" if pair.is_exact else "near"] += 1
        counts["conflicting"] += not pair.same_label
        if pair.is_exact:
            exact += [pair] if len(exact) < PAIRS_KEPT else []
        else:
            (heapq.heappush if len(near) < PAIRS_KEPT else heapq.heappushpop)(near, (pair.distance, -pair.row, pair))
    shown = [pair for _, _, pair in sorted(near, key=lambda entry: (-entry[0], -entry[1]))]
    shown = shown[: max(PAIRS_KEPT // 2, PAIRS_KEPT - len(exact))]
    return Copies(
        n=len(pictures),
        exact=counts["exact"],
        near=counts["near"],
        conflicting=counts["conflicting"],
        pairs=(*exact[: PAIRS_KEPT - len(shown)], *shown),
    )


def _nearest(one: Pictures, other: Pictures, *, own: bool) -> Iterator[CopyPair]:
    """The nearest pair of each picture of `one` that has any; within a set, an earlier picture alone is one."""
    known, rows_of = _distinct(other)
    first = _first_rows(other.hashes)
    labels = one.labels, other.labels
    for at in range(0, len(one), _BLOCK):
        asked = int(np.searchsorted(rows_of, at + _BLOCK)) if own else len(known)  # the earlier ones
        best = _near(np.asarray(one.images[at : at + _BLOCK]), (known[:asked], rows_of[:asked]), at, own=own)
        for row in range(at, min(at + _BLOCK, len(one))):
            twin = first.get(int(one.hashes[row]))
            if twin is not None and (not own or twin < row):
                best[row] = (twin, 0, False)
            if row in best:
                place, distance, mirrored = best[row]
                yield CopyPair(
                    row=row,
                    other_row=place,
                    name=one.ids[row],
                    other=other.ids[place],
                    is_exact=bool(one.hashes[row] == other.hashes[place]),
                    distance=distance,
                    mirrored=mirrored,
                    same_label=labels[0][row] == labels[1][place],
                )


def _distinct(pictures: Pictures) -> tuple[Signatures, NDArray[np.int64]]:
    """The distinct signatures, in the order of the first row of each, and these rows.

    A set that is one picture a hundred thousand times is then no hundred thousand pairs for each of its rows.
    """
    starts = range(0, len(pictures), _BLOCK)
    every = np.concatenate([signatures_of(np.asarray(pictures.images[at : at + _BLOCK])) for at in starts])
    values, rows = np.unique(every, axis=0, return_index=True)
    order = np.argsort(rows)
    return np.ascontiguousarray(values[order]), rows[order].astype(np.int64)


def _near(
    images: NDArray[np.uint8], known: tuple[Signatures, NDArray[np.int64]], start: int, *, own: bool
) -> dict[int, tuple[int, int, bool]]:
    """Row → the nearest known row, its distance and whether it is mirrored."""
    found = find_neighbours(images, known[0])
    best: dict[int, tuple[int, int, bool]] = {}
    rows = zip(found.test + start, known[1][found.training], found.distance, found.mirrored, strict=True)
    for row, place, distance, mirrored in rows:  # by row, then distance
        if int(row) not in best and (not own or place < row):
            best[int(row)] = (int(place), int(distance), bool(mirrored))
    return best


def _first_rows(hashes: NDArray[np.uint64]) -> dict[int, int]:
    values, rows = np.unique(hashes, return_index=True)
    return dict(zip(values.tolist(), rows.tolist(), strict=True))
