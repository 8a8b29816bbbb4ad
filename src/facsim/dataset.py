"""A run as its readers see it: the rows that stay, their pictures and their labels.

Training, evaluation, export and reports read a run through this and never write to it. Which column holds the picture
and which the label is found by name, the latest step that writes it winning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from facsim.columns import split_name
from facsim.errors import ManifestError
from facsim.manifest import Manifest, open_manifest

__all__ = ["LABEL_COLUMNS", "Dataset", "dataset_of", "open_dataset"]

LABEL_COLUMNS = ("expression_label", "expression_target", "expression_given")
"""Where a hard label is looked for, in this order: decided, asked for, given with the input."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A finished run with the full names of its picture, label and verdict columns (verdict None: every row stays)."""

    run: Manifest
    image: str
    label: str
    accepted: str | None

    def batches(self, columns: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """The rows that stay, one batch a shard: `sample_id`, `image`, `expression`, then `columns` by full name.

        A row stays when no step had a problem with its picture or verdict, and it is accepted.
        """
        for batch in self.run.batches([*dict.fromkeys([self.image, *self._asked(columns)])]):
            names = ["sample_id", "image", "expression", *columns]
            arrays = [batch.column(name) for name in ("sample_id", self.image, self.label, *columns)]
            yield pa.RecordBatch.from_arrays(arrays, names=names).filter(self._stays(batch))

    def labels(self, columns: Sequence[str] = ()) -> Iterator[tuple[list[int], pa.RecordBatch]]:
        """`batches` without the pictures, which are not read: of each shard, first which of its rows stay."""
        for batch in self.run.batches([*dict.fromkeys(self._asked(columns))]):
            names = ["sample_id", "expression", *columns]
            arrays = [batch.column(name) for name in ("sample_id", self.label, *columns)]
            stays = self._stays(batch)
            rows = [row for row, stay in enumerate(stays.to_pylist()) if stay]
            yield rows, pa.RecordBatch.from_arrays(arrays, names=names).filter(stays)

    def _asked(self, columns: Sequence[str]) -> list[str]:
        """What is to be read of a row: its label, what says whether it stays, and `columns`."""
        return [self.label, self._sick, *([self.accepted] if self.accepted else []), *columns]

    @property
    def _sick(self) -> str:
        return f"{split_name(self.image)[0]}.problem"

    def _stays(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        stays = batch.column(self._sick).is_null()
        if self.accepted:
            stays = pc.and_(stays, pc.fill_null(batch.column(self.accepted), False))  # type: ignore[attr-defined]
        return stays

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Label columns of the rows that stay, without pictures: `sample_id`, `expression`, then `columns`."""
        kept = [batch.drop_columns(["image"]) for batch in self.batches(columns)]
        return pa.Table.from_batches(kept)


def dataset_of(run: Manifest) -> Dataset:
    """The run's dataset. Raises ManifestError where no step writes a picture or a label."""
    image = run.find("image")
    label = next((full for name in LABEL_COLUMNS if (full := run.find(name))), None)
    if image is None or label is None:
        lacking = "picture" if image is None else "label"
        raise ManifestError(
            f"{run.folder.root} has no {lacking} column; run a recipe with a source step in this folder first"
        )
    return Dataset(run=run, image=image, label=label, accepted=run.find("accepted"))


def open_dataset(url: str) -> Dataset:
    """The dataset of the run folder at `url`. Raises ManifestError."""
    return dataset_of(open_manifest(url))
