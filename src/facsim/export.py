"""Export: the rows that stay, in a format that others read. The only place in which rejected rows are left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from facsim.dataset import dataset_of, open_dataset
from facsim.dataset_card import Census, card_place, card_text, check_licence
from facsim.errors import FormatError, RecipeError, hint_nearest
from facsim.formats import FORMATS, write_records
from facsim.formats.placement import placed_file
from facsim.formats.record import Record
from facsim.formats.terms import STANDS_ON, terms_list
from facsim.manifest import Manifest
from facsim.products import OnProgress, Progress
from facsim.records import row_terms, run_records

__all__ = ["Export", "export_run"]


_WRITTEN = tuple(name for name, entry in FORMATS.items() if entry.writer)
_HOLDS_MAPS = ("parquet",)
"""Formats that take depth, normals and parts along."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """`[export]`: the run's dataset beside its rounds.

    format: a name from `facsim.formats.FORMATS`. name: the file or folder to make in the run's folder; its suffix
    chooses folder or archive (`dataset`, `dataset.zip`, `dataset.tar`, `dataset.parquet`, `fer.csv`).
    """

    format: str = "class_folder"
    name: str = "dataset"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise RecipeError(f'export.format is "{self.format}".{hint_nearest(self.format, _WRITTEN)}')
        if self.format not in _WRITTEN:
            raise RecipeError(f'export.format is "{self.format}", which is only read; expected {", ".join(_WRITTEN)}')
        if not self.name or "/" in self.name or self.name in ("rounds", "model", "products", "..", "."):
            raise RecipeError(f'export.name is "{self.name}"; expected a plain name such as "dataset"')

    @property
    def makes(self) -> str:
        """The file or folder in the run's folder."""
        return self.name

    def make(self, run: Manifest, *, on_progress: OnProgress) -> dict[str, Any]:
        """Write the dataset; returns its counts. Raises FormatError where the run is on an object store."""
        if not run.folder.is_local:
            raise FormatError(f"{run.folder.root} is not on a local disk; export it with `facsim export RUN --to PATH`")
        for leftover in (self.name, f"{self.name}.md"):  # no product.json says that they are whole
            run.folder.remove(leftover)
        return _write(run, run.folder.path(self.name), self.format, on_progress)


def export_run(
    url: str, to: str, *, format: str = "class_folder", licence: str = "", on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """Write the run at `url` to the path `to`, and its card (`facsim.dataset_card`); returns counts by expression.

    `licence` is the one that its maker gives it, such as cc-by-4.0. Raises FormatError, ManifestError.
    """
    if format not in FORMATS:
        raise FormatError(f'no format is called "{format}".{hint_nearest(format, FORMATS)}')
    check_licence(licence)
    return _write(open_dataset(url).run, to, format, on_progress or (lambda _: None), licence=licence)


def _write(run: Manifest, to: str, form: str, on_progress: OnProgress, *, licence: str = "") -> dict[str, Any]:
    census = Census()
    dataset, terms = dataset_of(run), row_terms(run)

    def counted() -> Iterator[Record]:
        for record in run_records(dataset, maps=form in _HOLDS_MAPS):
            standing = json.dumps(terms_list(terms(record.metadata)), ensure_ascii=False)
            told = replace(record, metadata={**record.metadata, STANDS_ON: standing})
            census.add(told)
            yield told
            on_progress(Progress(step="export", done=census.count, total=run.num_rows))

    write_records(counted(), to, format=form)
    card = card_text(run, census, name=_title(to), form=form, licence=licence)
    with placed_file(card_place(to), overwrite=True) as file:
        file.write(card.encode())
    on_progress(Progress(step="export", done=run.num_rows, total=run.num_rows))
    return {"format": form, "records": census.count, "by_expression": census.by_expression}


_SUFFIXES = (".zip", ".tar", ".gz", ".tgz", ".csv", ".parquet")


def _title(to: str) -> str:
    """The dataset's name, as its card has it: the last part of the path without what says how it is packed."""
    name = PurePath(to)
    while name.suffix in _SUFFIXES:
        name = name.with_suffix("")
    return name.name
