"""Pictures of a path, whatever lies there: a run folder, or a dataset in a format of `facsim.formats`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath

from facsim.dataset import Dataset, open_dataset
from facsim.errors import FormatError
from facsim.formats import detect_format, index_records, read_records
from facsim.formats.places import PlacedRecord
from facsim.formats.record import Record
from facsim.formats.terms import Terms, terms_of_rows
from facsim.formats.tree import tree_kind
from facsim.inputs import input_terms
from facsim.learn.data import LabelledRecord, Pictures, PictureShape, pictures_from
from facsim.learn.reading import OnDecoded
from facsim.manifest import open_manifest
from facsim.recipe import Input
from facsim.records import run_index_of, run_origin, run_records_at, run_terms
from facsim.storage import folder_at

__all__ = ["index_of", "is_run", "load_pictures", "records_of", "source_terms", "stated", "stated_by_run"]


def load_pictures(
    source: str | os.PathLike[str],
    *,
    size_px: int = 48,
    colour: str = "grey",
    split: str | None = None,
    classes: Sequence[str] | None = None,
    cache: bool | None = None,
    units: bool = False,
    on_decoded: OnDecoded | None = None,
) -> Pictures:
    """The labelled pictures at `source`, those of `split` alone where one is named, `size_px` square.

    With `units` a run's action units are among the attributes (a dataset's are, where it has any). `classes`, `cache`
    and `on_decoded` as in `facsim.learn.data.pictures_from`. Raises FormatError where there is nothing to read, no such
    split, a label outside the classes or a picture that cannot be read, and ManifestError where a run folder has no
    pictures or labels.
    """
    form = "" if is_run(source) else detect_format(source)  # once: it lists every file
    records = list(index_of(source, form, units=units))
    held = [record for record in records if split is None or record.split == split]
    if records and not held:
        known = sorted({record.split or "none" for record in records})
        raise FormatError(f'{source} has no split "{split}", expected one of {", ".join(known)}')
    shape = PictureShape(size_px=size_px, colour=colour)
    pictures = pictures_from(held, shape=shape, classes=classes, cache=cache, on_decoded=on_decoded)
    return stated(pictures, source, held, of=f", split {split}" if split else "", form=form)


def stated(
    pictures: Pictures,
    source: str | os.PathLike[str],
    records: Iterable[LabelledRecord],
    *,
    of: str = "",
    form: str = "",
) -> Pictures:
    """The pictures with the name and the terms of their source, `records` of it; `of` says in words which part, `form`
    its format where that is known."""
    name = PurePath(source).name
    if not is_run(source):
        terms = terms_of_rows((record.metadata for record in records), form=form or detect_format(source))
        return replace(pictures, origin=name + of, terms=terms)
    return stated_by_run(pictures, open_dataset(os.fspath(source)), name=name, of=of)


def stated_by_run(pictures: Pictures, dataset: Dataset, *, name: str, of: str = "") -> Pictures:
    """The pictures of a run, which is called `name`, with what it stands on."""
    terms = dict.fromkeys(terms for _, terms in run_terms(dataset.run))
    return replace(pictures, origin=run_origin(dataset, name=name) + of, terms=tuple(terms))


def source_terms(source: str) -> list[tuple[str, Terms]]:
    """(where, terms) of the pictures at `source`: what a run stands on besides facsim, or what rows or format say.

    Raises FormatError or ManifestError where there is nothing to read.
    """
    if is_run(source):
        return [(f"{source}, {of}", terms) for of, terms in run_terms(open_manifest(source))]
    return input_terms([Input(path=source)])


def records_of(source: str | os.PathLike[str]) -> Iterator[Record]:
    """The records at `source`; of a run folder, the rows that stay."""
    return run_records_at(os.fspath(source)) if is_run(source) else read_records(source)


def index_of(source: str | os.PathLike[str], form: str = "", *, units: bool = False) -> Iterator[PlacedRecord]:
    """The records at `source` with where their pictures lie; of a run folder, the rows that stay, with their action
    units where `units` asks for them.

    `form` is the format of what is no run, detected where it is empty.
    """
    if is_run(source):
        return run_index_of(open_dataset(os.fspath(source)), units=units)
    return index_records(source, form or None)


def is_run(source: str | os.PathLike[str]) -> bool:
    """Whether a run folder lies there."""
    return tree_kind(source) == "directory" and folder_at(source).exists("run.json")
