"""Where the 68 landmarks of the rows that stay lie, and whether they can: counted a shard at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from facsim.manifest import Manifest
from facsim.report.rows import Rows

__all__ = ["Check", "Landmarks", "landmark_batches", "landmarks"]

_NEEDED, _VISIBLE = ("landmarks_68", "width_px", "height_px"), "landmarks_68_visible"

# iBUG 300-W order (Sagonas et al. 2013), from 0; left and right are the subject's.
_RIGHT_EYE, _LEFT_EYE, _MOUTH = slice(36, 42), slice(42, 48), slice(48, 68)

_CHECKS = (
    "all 68 lie inside the picture",
    "the subject's right eye is left of the left eye, as seen",
    "the mouth is below the eyes",
)


@dataclass(frozen=True, kw_only=True)
class Check:
    """How many of how many rows pass one plausibility check."""

    name: str
    passed: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Landmarks:
    """68 landmarks over `n` rows: mean and standard deviation as fractions of the picture's sides, and checks.

    visible: mean share of landmarks that can be seen, None where the run does not say.
    """

    n: int
    mean: tuple[tuple[float, float], ...]
    sd: tuple[tuple[float, float], ...]
    visible: float | None
    checks: tuple[Check, ...]


@dataclass(kw_only=True)
class _Sums:
    """Over rows: how many, sums and sums of squares (68, 2) of scaled landmarks, checks passed, landmarks seen."""

    n: int = 0
    total: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((68, 2)))
    squares: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((68, 2)))
    passed: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(_CHECKS), dtype=np.int64))
    seen: int = 0
    asked: int = 0

    def add(self, points: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64]) -> None:
        """Landmarks (M, 68, 2) and picture sizes (M, 2), px."""
        scaled = points / sizes[:, None, :]
        self.n += len(points)
        self.total += scaled.sum(axis=0)
        self.squares += (scaled**2).sum(axis=0)
        self.passed += np.array([int(ok.sum()) for ok in _passed(points, scaled)])


def landmark_batches(run: Manifest, rows: Rows) -> Iterator[pa.RecordBatch]:
    """The columns that `landmarks` reads, a batch a shard; none where the run lacks one that is needed."""
    if not set(_NEEDED) <= rows.writers.keys():
        return
    names = [name for name in (*_NEEDED, _VISIBLE) if name in rows.writers]
    full = [f"{rows.writers[name]}.{name}" for name in names]
    for batch in run.batches([*dict.fromkeys(full)]):
        yield pa.RecordBatch.from_arrays([batch.column(name) for name in full], names=names)


def landmarks(batches: Iterable[pa.RecordBatch], kept: npt.NDArray[np.bool_]) -> Landmarks | None:
    """Where the 68 landmarks lie in the pictures that stay; None where none of them has landmarks and a size.

    batches: `landmarks_68`, `width_px`, `height_px` (px) and, where known, `landmarks_68_visible`, in the order of
    `kept`.
    """
    sums, start = _Sums(), 0
    for batch in batches:
        chosen = pa.array(kept[start : start + batch.num_rows])
        start += batch.num_rows
        for name in _NEEDED:
            chosen = pc.and_(chosen, batch.column(name).is_valid())  # type: ignore[attr-defined]
        held = batch.filter(chosen)
        if not held.num_rows:
            continue
        points = _flat(held.column(_NEEDED[0])).astype(np.float64).reshape(-1, 68, 2)
        sizes = np.stack([held.column(name).to_numpy(zero_copy_only=False) for name in _NEEDED[1:]], axis=1)
        sums.add(points, sizes.astype(np.float64))
        if _VISIBLE in held.schema.names:
            seen = _flat(held.column(_VISIBLE).drop_null())
            sums.seen, sums.asked = sums.seen + int(seen.sum()), sums.asked + seen.size
    return _found(sums) if sums.n else None


def _found(sums: _Sums) -> Landmarks:
    mean = sums.total / sums.n
    return Landmarks(
        n=sums.n,
        mean=_pairs(mean),
        sd=_pairs(np.sqrt(np.maximum(sums.squares / sums.n - mean**2, 0.0))),
        visible=sums.seen / sums.asked if sums.asked else None,
        checks=tuple(
            Check(name=name, passed=int(count), of=sums.n) for name, count in zip(_CHECKS, sums.passed, strict=True)
        ),
    )


def _flat(column: pa.Array) -> npt.NDArray[np.float32] | npt.NDArray[np.bool_]:
    """The values of an array of lists, one after another."""
    return column.flatten().to_numpy(zero_copy_only=False)  # type: ignore[attr-defined]


def _passed(points: npt.NDArray[np.float64], scaled: npt.NDArray[np.float64]) -> list[npt.NDArray[np.bool_]]:
    """Which rows pass each of `_CHECKS`."""
    eyes = points[:, _RIGHT_EYE.start : _LEFT_EYE.stop, 1].mean(axis=1)
    inside = ((scaled >= 0) & (scaled <= 1)).reshape(len(scaled), -1)
    return [
        np.asarray(inside.all(axis=1)),
        points[:, _RIGHT_EYE, 0].mean(axis=1) < points[:, _LEFT_EYE, 0].mean(axis=1),
        points[:, _MOUTH, 1].mean(axis=1) > eyes,
    ]


def _pairs(points: npt.NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), 5), round(float(y), 5)) for x, y in points)
