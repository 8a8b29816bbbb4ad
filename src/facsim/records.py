"""A run's rows as records: what formats write and what learning reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from facsim.columns import COLUMNS, KEY_COLUMNS, split_name
from facsim.dataset import Dataset, open_dataset
from facsim.facs import column_names
from facsim.formats.parquet import picture_rows
from facsim.formats.places import PlacedRecord, container_at
from facsim.formats.record import Record, kept_together
from facsim.formats.terms import Terms, carried_terms, check_commercial
from facsim.label_maps import MAP_NAMES
from facsim.manifest import Manifest, StepRecord

__all__ = [
    "EXACT_STAGES",
    "LEARNING_COLUMNS",
    "WHOLE_UNITS",
    "check_run_commercial",
    "exact_column",
    "metadata_columns",
    "row_terms",
    "run_index",
    "run_index_of",
    "run_origin",
    "run_records",
    "run_records_at",
    "run_terms",
    "step_origins",
]

# A record holds its split itself; verdicts and what they go by say nothing about the rows that stay; `scene` is of use
# in a run folder alone.
_NOT_METADATA = (
    *("image", "split", "scene", "source_place"),
    *("accepted", "reason", "perceptual_hash", "duplicate_of", "duplicate_distance", "duplicate_conflict"),
)

LEARNING_COLUMNS = (
    *("identity_id", "split_group", "expression_soft"),
    *("apparent_age_years", "apparent_gender", "apparent_ancestry", "skin_tone_monk", "ita_deg", "face_luminance"),
    *("image_frame", "yaw_deg", "pitch_deg", "roll_deg", "crop_scale"),
    *("light_kind", "light_ratio", "background_kind"),
    *("glasses", "sunglasses", "headwear", "occluder", "occlusion"),
    *("hair_style", "hair_length", "hair_covered", "beard", "make_up"),
)
"""What learning reads of a row beside picture and label: who is shown, the soft label, what groups are made of."""

WHOLE_UNITS = tuple(name for name in column_names() if name[-1].isdigit())
"""What it reads besides where action units are learnt, too: of those with sides, the stronger."""


def metadata_columns(dataset: Dataset, *, maps: bool = False) -> dict[str, str]:
    """Short name → full name of every column that goes into an exported table; the latest step writing a name wins.

    Left out are pictures, splits (which a record holds itself), verdicts and what they go by, `scene`, unless they are
    asked for `maps` (`facsim.label_maps`), and places in a picture that was cut anew since (`facsim.labels.crop`).
    """
    without = (*_NOT_METADATA, *(() if maps else MAP_NAMES))
    found: dict[str, str] = {}
    for step in dataset.run.steps():
        writes = dataset.run.step(step).writes
        if _CUT in writes:
            found = {name: full for name, full in found.items() if not _of_pixels(name)}
        found |= {name: f"{step}.{name}" for name in writes if name not in without and name not in KEY_COLUMNS}
    return found


EXACT_STAGES = ("plan", "render")
"""Stages that write what was asked for and drawn, not what a model reads off a picture."""


def exact_column(run: Manifest, column: str) -> str | None:
    """The full name of a column: what was drawn goes before what a model reads off the drawing; else the latest."""
    exact = [step for step in run.steps() if column in run.step(step).writes and run.step(step).stage in EXACT_STAGES]
    return f"{exact[-1]}.{column}" if exact else run.find(column)


_CUT = "image_matrix"
"""What a step writes that gives the picture other pixels."""


def _of_pixels(name: str) -> bool:
    """Whether a column's values are places or sizes in the picture, or a map of it."""
    column = COLUMNS.get(name)
    return name in MAP_NAMES or (column is not None and column.unit.startswith("px"))


def run_records(dataset: Dataset, *, columns: Sequence[str] | None = None, maps: bool = False) -> Iterator[Record]:
    """A record for each row that stays, named `<sample_id>.<suffix>`, its columns (short names) as metadata.

    columns: the short names wanted; None takes all of `metadata_columns`, with `maps` or without.
    """
    wanted = _wanted(metadata_columns(dataset, maps=maps), columns)
    split = dataset.run.find("split")
    for batch in dataset.batches([*wanted.values(), *([split] if split else [])]):
        yield from _batch_records(batch, wanted, split)


def run_index(
    dataset: Dataset, *, columns: Sequence[str] | None = None, exact: Sequence[str] = ()
) -> Iterator[PlacedRecord]:
    """What `run_records` gives, with where each picture lies in its shard; no picture is read or copied.

    exact: short names of which what was drawn counts, where it is known (`exact_column`).
    """
    drawn = {name: full for name in exact if (full := exact_column(dataset.run, name))}
    wanted = _wanted(metadata_columns(dataset) | drawn, columns)
    split = dataset.run.find("split")
    step = split_name(dataset.image)[0]
    for shard, (rows, batch) in enumerate(dataset.labels([*wanted.values(), *([split] if split else [])])):
        container = container_at(dataset.run.shard_url(step, shard))
        places, files = picture_rows(container)
        for row, values in zip(rows, batch.to_pylist(), strict=True):
            yield PlacedRecord(place=places[row], **_fields(values, files[row], wanted, split))


def _wanted(known: Mapping[str, str], columns: Sequence[str] | None) -> dict[str, str]:
    """Short name → full name of what is read of a row; a `split_group` lies in what the run kept of its input."""
    wanted = {name: full for name, full in known.items() if columns is None or name in columns}
    if columns is not None and "split_group" in columns and "source_metadata" in known:
        wanted["split_group"] = known["source_metadata"]
    return wanted


def _fields(row: dict[str, Any], file_name: str | None, wanted: dict[str, str], split: str | None) -> dict[str, Any]:
    """What a record has but its picture."""
    return {
        "name": f"{row['sample_id']}{PurePosixPath(file_name or 'x.png').suffix}",
        "expression": row["expression"],
        "split": row.get(split) if split else None,
        "metadata": {"sample_id": row["sample_id"], **{name: _value(name, row[full]) for name, full in wanted.items()}},
    }


def _value(name: str, value: Any) -> Any:
    return kept_together({"source_metadata": value}) if name == "split_group" else value


def check_run_commercial(run: Manifest) -> None:
    """Nothing where the terms of every ingested picture, and of every model that labelled, allow commercial use.

    Raises FormatError naming sources, models and their terms.
    """
    check_commercial(run_terms(run))


def run_terms(run: Manifest) -> list[tuple[str, Terms]]:
    """What the run stands on besides facsim: (an input or `step "…"`, its terms), inputs first; nothing of renders."""
    return [*_source_terms(run), *_labelling_terms(run)]


def row_terms(run: Manifest) -> Callable[[Mapping[str, Any]], tuple[Terms, ...]]:
    """The function from a record's metadata to its terms: its picture's, where it was not drawn, and those of every
    model that labelled the run."""
    labels = tuple(dict.fromkeys(terms for _, terms in _labelling_terms(run)))
    unsaid = (_unrecorded("pictures"),) if "source_input" in run.step("plan").writes else ()

    def terms(metadata: Mapping[str, Any]) -> tuple[Terms, ...]:
        carried = carried_terms(metadata)
        return (*(unsaid if carried is None else carried), *labels)

    return terms


def _labelling_terms(run: Manifest) -> Iterator[tuple[str, Terms]]:
    for name in run.steps():
        record = run.step(name)
        if record.terms is None and (model := record.configuration.get("model")):
            yield f'step "{name}"', _unrecorded(str(model))
        yield from ((f'step "{name}"', found) for found in record.terms or ())


def _unrecorded(name: str) -> Terms:
    return Terms(name=name, agreement="not recorded by the facsim that made the run")


def _source_terms(run: Manifest) -> Iterator[tuple[str, Terms]]:
    written = run.step("plan").writes
    if "source_input" not in written:
        return
    if "source_terms" not in written:
        yield "inputs", _unrecorded("pictures")
        return
    columns = [f"plan.{name}" for name in ("source_input", "source_dataset", "source_terms", "source_commercial")]
    found = {tuple(row.values())[1:] for batch in run.batches(columns) for row in batch.to_pylist()}
    for source, name, terms, commercial in sorted(found, key=str):
        yield str(source), Terms(name=str(name), agreement=str(terms), commercial=str(commercial))


def run_origin(dataset: Dataset, *, name: str) -> str:
    """What a run's pictures come from, in words: its `name`, and in brackets what its steps stand on, if anything."""
    said = "; ".join(f"{step}: {words}" for step, words in step_origins(dataset.run))
    return f"{name} ({said})" if said else name


def step_origins(run: Manifest) -> list[tuple[str, str]]:
    """(step, what its values stand on, in words) of every step that stands on anything."""
    return [(step, words) for step in run.steps() if (words := _stands_on(run.step(step)))]


def _stands_on(record: StepRecord) -> str:
    """What a step's values stand on: its weights, and the terms of those that are not facsim's own."""
    return ", ".join([*record.weights, *(f"{found.name}, {found.text}" for found in record.terms or ())])


def run_records_at(url: str) -> Iterator[Record]:
    """The records of the run folder at `url`, with `LEARNING_COLUMNS` and `source_path`, where known."""
    return run_records(open_dataset(url), columns=(*LEARNING_COLUMNS, "source_path"))


def run_index_of(dataset: Dataset, *, units: bool = False) -> Iterator[PlacedRecord]:
    """`run_index` as learning reads it: with `LEARNING_COLUMNS` and, with `units`, `WHOLE_UNITS`, where known; of
    renders as they were drawn."""
    asked = WHOLE_UNITS if units else ()
    return run_index(dataset, columns=(*LEARNING_COLUMNS, *asked), exact=asked)


def _batch_records(batch: pa.RecordBatch, wanted: dict[str, str], split: str | None) -> Iterator[Record]:
    for row in batch.to_pylist():
        picture = row["image"]
        yield Record(image=picture["bytes"], **_fields(row, picture["path"], wanted, split))
