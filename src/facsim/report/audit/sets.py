"""The two sets of an audit as it reads them: labelled pictures, and of a run what was rejected and who wrote what."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

import numpy as np

from facsim.dataset import open_dataset
from facsim.errors import FormatError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.formats.places import PlacedRecord
from facsim.learn.attributes import attributes_of
from facsim.learn.data import Pictures, PictureShape, pictures_from
from facsim.learn.reading import OnDecoded
from facsim.learn.sources import index_of, is_run
from facsim.manifest import Manifest
from facsim.records import EXACT_STAGES, exact_column
from facsim.report.rows import rejections_of

__all__ = ["ATTRIBUTE_COLUMNS", "AuditedSet", "Writer", "read_set", "read_shaped"]

ATTRIBUTE_COLUMNS = ("apparent_age_years", "apparent_gender", "apparent_ancestry", "skin_tone_monk")
"""Columns that an audit counts people by."""

_SHAPE = PictureShape(size_px=48, colour="rgb")  # at which pictures are compared for copies, and their statistics taken
_MOST_HELD = 0  # bytes of pictures in memory: they are gone through by blocks, from where they are kept
_UNLABELLED = "unlabelled"
_UNCERTAIN = ("_sd", "_entropy", "_confidence", "_uncertainty", "_score")


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Which step of a run wrote a column; `is_exact` where it is what was drawn, not what a model reads off a picture.

    `uncertainty` holds the mean of each column in which that step says how sure it is.
    """

    step: str
    stage: str
    is_exact: bool
    weights: tuple[str, ...] = ()
    uncertainty: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, kw_only=True)
class AuditedSet:
    """One set: `pictures` are 48 px RGB, of a run the accepted ones; `records` where they lie.

    `classes` are the expressions that occur, in the usual order, none where nothing is labelled. `rejected` counts a
    run's other rows by reason, `weights` its steps' checksums by step; both are empty of what is no run.
    """

    name: str
    source: str
    split: str
    pictures: Pictures
    records: tuple[PlacedRecord, ...]
    classes: tuple[str, ...]
    is_run: bool = False
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])
    writers: Mapping[str, Writer] = field(default_factory=dict[str, Writer])
    weights: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def labels(self) -> tuple[str, ...]:
        """The expression of each picture; of none where the set is unlabelled, all the same word."""
        return self.pictures.labels

    def rows(self, expression: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Rows of the pictures of one expression, int64 (K,)."""
        return np.flatnonzero(np.array(self.labels) == expression).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        """What it is, plain JSON."""
        return {
            "source": self.source,
            "split": self.split or None,
            "pictures": len(self.pictures),
            "fingerprint": self.pictures.fingerprint,
            "classes": list(self.classes),
            "left_out": dict(self.pictures.left_out),
            "is_run": self.is_run,
            "rejected": dict(self.rejected),
        }


def read_set(source: str | os.PathLike[str], *, split: str = "", on_decoded: OnDecoded | None = None) -> AuditedSet:
    """The set at `source`, those pictures of `split` alone where one is named; of a run folder, the rows that stay.

    Where no picture is labelled, all of them are taken as they are. Raises FormatError where there is nothing to read.
    """
    records = _records(source, split)
    pictures = _pictures(records, _SHAPE, on_decoded)
    name = PurePath(os.fspath(source)).name
    found = AuditedSet(
        name=name + (f", {split}" if split else ""),
        source=os.fspath(source),
        split=split,
        pictures=replace(pictures, origin=name),
        records=records,
        classes=_classes(pictures),
    )
    return _with_run(found, open_dataset(found.source).run) if is_run(source) else found


def read_shaped(audited: AuditedSet, shape: PictureShape, *, on_decoded: OnDecoded | None = None) -> Pictures:
    """The same pictures, row by row, as a network reads them."""
    if shape == audited.pictures.shape:
        return audited.pictures
    return _pictures(audited.records, shape, on_decoded)


def _records(source: str | os.PathLike[str], split: str) -> tuple[PlacedRecord, ...]:
    records = tuple(index_of(source))
    held = tuple(record for record in records if not split or record.split == split)
    if records and not held:
        known = sorted({record.split or "none" for record in records})
        raise FormatError(f'{source} has no split "{split}", expected one of {", ".join(known)}')
    if not held:
        raise FormatError(f"{source} holds no pictures that stay, expected at least one")
    labelled = any(record.expression or record.metadata.get("expression_soft") for record in held)
    return held if labelled else tuple(replace(record, expression=_UNLABELLED) for record in held)


def _pictures(records: tuple[PlacedRecord, ...], shape: PictureShape, on_decoded: OnDecoded | None) -> Pictures:
    bare = records[0].expression == _UNLABELLED
    classes = (_UNLABELLED,) if bare else None
    return pictures_from(records, shape=shape, classes=classes, most_held=_MOST_HELD, on_decoded=on_decoded)


def _classes(pictures: Pictures) -> tuple[str, ...]:
    found = set(pictures.labels) - {_UNLABELLED}
    known = tuple(name for name in EIGHT_EXPRESSIONS if name in found)
    return (*known, *sorted(found - set(known)))


def _with_run(audited: AuditedSet, run: Manifest) -> AuditedSet:
    columns = {column: full for column in ATTRIBUTE_COLUMNS if (full := exact_column(run, column))}
    return replace(
        audited,
        pictures=_described(audited.pictures, run, columns),
        name=run.folder.root.rsplit("/", 1)[-1],
        is_run=True,
        rejected=rejections_of(run),
        writers={column: _writer(run, full) for column, full in columns.items()},
        weights={step: run.step(step).weights for step in run.steps() if run.step(step).weights},
    )


def _described(pictures: Pictures, run: Manifest, columns: Mapping[str, str]) -> Pictures:
    """The pictures with these columns of the run in place of the latest steps', where they are others."""
    other = {column: full for column, full in columns.items() if run.find(column) != full}
    if not other:
        return pictures
    rows = {row["sample_id"]: row for row in run.table([*other.values()]).to_pylist()}
    told = [{column: rows[PurePath(name).stem][full] for column, full in other.items()} for name in pictures.ids]
    return replace(pictures, attributes={**pictures.attributes, **attributes_of(told)})


def _writer(run: Manifest, full_name: str) -> Writer:
    step, _, column = full_name.partition(".")
    record = run.step(step)
    stems = (column, column.removesuffix("_years"), column.removesuffix("_monk"))
    said = [name for name in record.writes if any(name == stem + end for stem in stems for end in _UNCERTAIN)]
    means = {name: _mean(run.column(f"{step}.{name}")) for name in said}
    return Writer(
        step=step,
        stage=record.stage,
        is_exact=record.stage in EXACT_STAGES,
        weights=record.weights,
        uncertainty={name: mean for name, mean in means.items() if mean is not None},
    )


def _mean(values: list[Any]) -> float | None:
    numbers = [float(value) for value in values if isinstance(value, int | float) and value == value]
    return float(np.mean(numbers)) if numbers else None
