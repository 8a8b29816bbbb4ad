"""Fakes and law checks for authors of stages.

    from facsim.testing import check_laws, planned_samples
    check_laws(MyStage(), planned_samples(12))

`Painted` is a source that draws coloured patterns in no time, `Answering` a teacher of a wanted skill;
`Crashing` and `Failing` misbehave on request. They are real stages and go through the real machine.
"""

from __future__ import annotations

import math
import os
import pickle
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import tomli_w

from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.facs import column_name, column_names, key_of_column, mirrored_key
from facsim.pictures import decode_picture, encode_png
from facsim.plan import Plan, plan_table
from facsim.recipe import Step, build_step, step_table
from facsim.sample import Problem, Sample, generator_for
from facsim.stage import Determinism, Resources, Row, Stage, TableStage, Work
from facsim.work import checked_rows, judged_batch

__all__ = [
    "Answering",
    "Crashing",
    "Failing",
    "Painted",
    "TableScan",
    "check_laws",
    "check_mirrors",
    "check_table_laws",
    "mirrored_row",
    "planned_samples",
]


@dataclass(frozen=True, kw_only=True)
class Painted:
    """A fake source: a square of noise tinted by expression, with a few labels; exact, and fast."""

    size_px: int = 16

    name: ClassVar[str] = "painted"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()

    @property
    def reads(self) -> tuple[str, ...]:
        """What the plan asks for."""
        return ("expression_target",)

    @property
    def writes(self) -> tuple[str, ...]:
        """A picture, its size and two action units."""
        return ("image", "width_px", "height_px", "AU12", "AU4", "yaw_deg")

    @property
    def resources(self) -> Resources:
        """One core."""
        return Resources(batch=4)

    @property
    def weights(self) -> tuple[str, ...]:
        """None."""
        return ()

    def open(self, device: str) -> Work:
        """The painter."""
        return lambda samples: [self._paint(sample) for sample in samples]

    def _paint(self, sample: Sample) -> Row:
        generator = generator_for(sample.sample_id, "painted")
        tint = sum(sample["expression_target"].encode()) % 200
        picture = generator.integers(tint // 2, 56 + tint, (self.size_px, self.size_px, 3)).astype(np.uint8)
        return {
            "image": {"bytes": encode_png(picture), "path": f"{sample.sample_id}.png"},
            "width_px": self.size_px,
            "height_px": self.size_px,
            "AU12": 3.0 if sample["expression_target"] == "happiness" else 0.0,
            "AU4": float(np.float32(generator.uniform(0, 5))),
            "yaw_deg": float(np.float32(generator.normal(0, 10))),
        }


@dataclass(frozen=True, kw_only=True)
class Answering:
    """A fake teacher: scores over the eight, whose first class is the target as often as `skill` says.

    name_seed: two of different seeds err apart. sick: ids that start with it are a Problem, "" for none.
    """

    skill: float = 0.8
    name_seed: int = 0
    sick: str = ""

    name: ClassVar[str] = "answering"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    reads: ClassVar[tuple[str, ...]] = ("expression_target",)
    writes: ClassVar[tuple[str, ...]] = ("expression_scores",)
    resources: ClassVar[Resources] = Resources(batch=4)
    weights: ClassVar[tuple[str, ...]] = ()

    def open(self, device: str) -> Work:
        """The teacher."""
        return lambda samples: [self._answer(sample) for sample in samples]

    def _answer(self, sample: Sample) -> Row | Problem:
        if self.sick and sample.sample_id.startswith(self.sick):
            return Problem(reason="no_face", detail="a fake teacher that sees none")
        generator = generator_for(sample.sample_id, f"answering {self.name_seed}")
        target = EIGHT_EXPRESSIONS.index(sample["expression_target"])
        first = target if generator.random() < self.skill else int(generator.integers(len(EIGHT_EXPRESSIONS)))
        scores = generator.uniform(0, 0.3, len(EIGHT_EXPRESSIONS))
        scores[first] = generator.uniform(0.4, 3.0)
        return {"expression_scores": np.round(scores / scores.sum(), 6).astype(np.float32).tolist()}


@dataclass(frozen=True, kw_only=True)
class Crashing:
    """A stage whose process dies, at once and without a word, on the samples whose ids start with `prefix`."""

    prefix: str = "0"

    name: ClassVar[str] = "crashing"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    reads: ClassVar[tuple[str, ...]] = ("image",)
    writes: ClassVar[tuple[str, ...]] = ("face_luminance",)
    resources: ClassVar[Resources] = Resources(batch=4)
    weights: ClassVar[tuple[str, ...]] = ()

    def open(self, device: str) -> Work:
        """Work that kills its process on the chosen samples."""

        def work(samples: Sequence[Sample]) -> list[Row | Problem]:
            if any(sample.sample_id.startswith(self.prefix) for sample in samples):
                os._exit(139)
            return [{"face_luminance": 0.5} for _ in samples]

        return work


@dataclass(frozen=True, kw_only=True)
class Failing:
    """A stage with a bug: it raises on every batch."""

    name: ClassVar[str] = "failing"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    reads: ClassVar[tuple[str, ...]] = ("image",)
    writes: ClassVar[tuple[str, ...]] = ("face_luminance",)
    resources: ClassVar[Resources] = Resources()
    weights: ClassVar[tuple[str, ...]] = ()

    def open(self, device: str) -> Work:
        """Work that raises ZeroDivisionError."""
        return lambda samples: [{"face_luminance": 1 / (len(samples) * 0)}]


def planned_samples(count: int, *, seed: int = 0, values: Sequence[Mapping[str, Any]] | None = None) -> list[Sample]:
    """Samples of a small plan, with the plan's columns; `values` adds others, one mapping a sample."""
    rows = plan_table(Plan(count=count, seed=seed)).to_pylist()
    more = values or [{}] * count
    return [Sample(sample_id=row["sample_id"], values={**row, **extra}) for row, extra in zip(rows, more, strict=True)]


def check_laws(stage: Stage, samples: Sequence[Sample], *, device: str = "cpu") -> None:
    """Raise AssertionError or LawBroken, naming the law, unless the stage keeps the laws on these samples.

    Laws 1 to 6 of the architecture: one result a sample, in order; keys exactly `writes`; batching changes nothing,
    at the level that the stage declares; values fit the dictionary; pickle and TOML round trips; and, for a stage that
    `mirrors` and reads a picture, that the flipped picture's row is the mirrored row.
    """
    whole = checked_rows(stage, samples, stage.open(device)(samples))
    again = stage.open(device)
    alone = [checked_rows(stage, [sample], again([sample]))[0] for sample in samples]
    for sample, ours, theirs in zip(samples, whole, alone, strict=True):
        assert _agree(stage.determinism, ours, theirs), f"law 3: {stage.name}: {sample.sample_id} depends on its batch"
    backwards = list(again(list(reversed(samples))))
    for sample, ours, theirs in zip(samples, whole, reversed(backwards), strict=True):
        assert _agree(stage.determinism, ours, theirs), f"law 1: {stage.name}: {sample.sample_id} depends on the order"
    _check_round_trips(stage)
    if stage.mirrors and "image" in stage.reads:
        check_mirrors(stage, samples, device=device)


def check_mirrors(stage: Stage, samples: Sequence[Sample], *, device: str = "cpu") -> None:
    """Raise AssertionError unless law 6 holds: the row of a flipped picture is the mirrored row."""
    work = stage.open(device)
    plain, flipped = work(samples), work([_flipped(sample) for sample in samples])
    for sample, ours, theirs in zip(samples, plain, flipped, strict=True):
        expected = ours if isinstance(ours, Problem) else mirrored_row(ours, _width(sample))
        same = _agree(stage.determinism, expected, theirs)
        assert same, f"law 6: {stage.name}: {sample.sample_id} does not mirror"


def _width(sample: Sample) -> int:
    return decode_picture(sample["image"]["bytes"]).array.shape[1]


def _flipped(sample: Sample) -> Sample:
    array = np.ascontiguousarray(decode_picture(sample["image"]["bytes"]).array[:, ::-1])
    image = {**sample["image"], "bytes": encode_png(array)}
    return Sample(sample_id=sample.sample_id, values={**sample.values, "image": image})


_KEYS = {column: key_of_column(column) for column in column_names()}
_SIDED = {column: column_name(mirrored_key(key)) for column, key in _KEYS.items() if key is not None}
_NEGATED = ("yaw_deg", "roll_deg", "gaze_yaw_deg")
_FLIP_5 = (1, 0, 2, 4, 3)
# iBUG's 68 points seen in a mirror: jaw, brows, bridge, nostrils, eyes, outer lips, inner lips.
_FLIP_68 = (
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1),
)  # fmt: skip


def mirrored_row(row: Row, width_px: int) -> Row:
    """The row of the picture flipped left to right: sides swapped, yaw and roll negated, points mirrored."""
    return {name: _mirrored_value(row, name, width_px) for name in row}


def _mirrored_value(row: Row, name: str, width_px: int) -> Any:
    value = row[name]
    if name in _NEGATED and value is not None:
        return -value
    if name in _SIDED:
        return row.get(_SIDED[name], value)
    if name in ("landmarks_68", "landmarks_5") and value is not None:
        points = np.asarray(value, dtype=float).reshape(-1, 2)[list(_FLIP_68 if name == "landmarks_68" else _FLIP_5)]
        return (points * [-1.0, 1.0] + [width_px, 0.0]).ravel().tolist()
    if name == "landmarks_68_visible" and value is not None:
        return [value[place] for place in _FLIP_68]
    return value


def _check_round_trips(stage: Stage | TableStage) -> None:
    assert pickle.loads(pickle.dumps(stage)) == stage, f"law 5: {stage.name} does not survive pickle"
    step = Step(name=stage.name, use=stage.name, stage=stage)
    table = tomllib.loads(tomli_w.dumps(step_table(step)))
    assert build_step(table) == step, f"law 5: {stage.name} does not survive recipe → TOML → recipe"


def _agree(level: Determinism, ours: Row | Problem, theirs: Row | Problem) -> bool:
    if isinstance(ours, Problem) or isinstance(theirs, Problem):
        return ours == theirs
    if level.level == "exact":
        return all(_same(ours[name], theirs[name]) for name in ours)
    return all(_close(ours[name], theirs[name], level.tolerance) for name in ours)


def _same(ours: Any, theirs: Any) -> bool:
    return np.array_equal(ours, theirs) if isinstance(ours, np.ndarray) else bool(ours == theirs)


def _close(ours: Any, theirs: Any, tolerance: float) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, abs_tol=tolerance)
    if isinstance(ours, list | tuple | np.ndarray) and isinstance(theirs, list | tuple | np.ndarray):
        return len(ours) == len(theirs) and all(_close(a, b, tolerance) for a, b in zip(ours, theirs, strict=True))
    return bool(ours == theirs)


@dataclass(frozen=True, kw_only=True)
class TableScan:
    """A `Scan` over rows in memory, cut into batches of `size`."""

    rows: Sequence[Mapping[str, Any]]
    size: int = 5

    @property
    def num_rows(self) -> int:
        """Rows there are."""
        return len(self.rows)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows' `sample_id`, `problem` and `columns`."""
        for start in range(0, len(self.rows), self.size):
            part = self.rows[start : start + self.size]
            names = ("sample_id", "problem", *columns)
            yield pa.RecordBatch.from_pydict({name: pa.array([row.get(name) for row in part]) for name in names})


def check_table_laws(stage: TableStage, rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise AssertionError or LawBroken unless a table stage keeps laws 1 to 3 and 5 on these rows."""
    tables = [pa.Table.from_batches(list(stage.judge(TableScan(rows=rows, size=size)))) for size in (1, 4, len(rows))]
    for table in tables:
        assert table.num_rows == len(rows), f"law 1: {stage.name} judged {table.num_rows} of {len(rows)} rows"
        for batch in table.to_batches():
            judged_batch(stage, batch)  # law 2
        assert table.to_pylist() == tables[0].to_pylist(), f"law 3: {stage.name} depends on how its rows are batched"
    _check_round_trips(stage)
