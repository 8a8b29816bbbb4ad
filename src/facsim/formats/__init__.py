"""Datasets on disk: one file per format, its reader beside its writer, and the table of them.

    records = read_records("faces.zip")                     # the format is found by looking
    write_records(records, "faces.parquet", format="parquet")

A format's modules are loaded on use.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from facsim.errors import FormatError, hint_nearest
from facsim.formats.places import PlacedRecord
from facsim.formats.record import Record

__all__ = [
    "FORMATS",
    "Format",
    "PlacedRecord",
    "Record",
    "detect_format",
    "format_named",
    "index_records",
    "read_records",
    "write_records",
]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format's name, what it looks like, and where its reader, index and writer are (`package.module:function`).

    `writer` is empty where facsim reads the format only; `takes_all` says whether every picture beside those that
    records hold should be one of them.
    """

    name: str
    summary: str
    reader: str
    indexer: str
    writer: str = ""
    takes_all: bool = True

    def read(self, path: str | os.PathLike[str]) -> Iterator[Record]:
        """The dataset's records. Raises FormatError."""
        return cast(Callable[..., Iterator[Record]], _resolved(self.reader))(path)

    def index(self, path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
        """The dataset's records with where their pictures lie, in the order of `read`. Raises FormatError."""
        return cast(Callable[..., Iterator[PlacedRecord]], _resolved(self.indexer))(path)

    def write(self, records: Iterable[Record], path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the records there, whole or not at all. Raises FormatError, also where facsim does not write it."""
        if not self.writer:
            known = ", ".join(entry.name for entry in FORMATS.values() if entry.writer)
            raise FormatError(f"facsim reads {self.name} and does not write it; expected one of {known}")
        cast(Callable[..., None], _resolved(self.writer))(records, path, overwrite=overwrite)


def _format(name: str, module: str, summary: str, *, writes: bool = False, takes_all: bool = True) -> Format:
    place = f"facsim.formats.{module}"
    return Format(
        name=name,
        summary=summary,
        reader=f"{place}:read_{name}",
        indexer=f"{place}:index_{name}",
        writer=f"{place}:write_{name}" if writes else "",
        takes_all=takes_all,
    )


FORMATS: Mapping[str, Format] = {
    entry.name: entry
    for entry in (
        _format(
            "class_folder",
            "class_folder",
            "[split/]class/picture in a folder, .zip, .tar or .tar.gz, with metadata.parquet",
            writes=True,
        ),
        _format("fer2013", "fer2013", "CSV emotion,pixels,Usage: 48×48 grey, seven expressions", writes=True),
        _format(
            "parquet",
            "parquet",
            "Parquet file, or folder of them, as Hugging Face load_dataset shows it",
            writes=True,
        ),
        _format("webdataset", "webdataset", "tar shards of key.jpg with key.cls or key.json", writes=True),
        _format("pictures", "pictures", "pictures in folders to any depth or an archive, without labels"),
        _format("face_crops", "face_crops", "what `facsim crops` writes: face_crops.jsonl and crops/; a record a face"),
        _format("fer2013_folder", "known_folders", "FER2013 as split/class/*.jpg, 48×48"),
        _format("ferplus", "ferplus_set", "FER+: fer2013.csv and fer2013new.csv in a folder"),
        _format("raf_db", "rafdb", "RAF-DB basic: EmoLabel/list_patition_label.txt, Image/aligned/*.jpg"),
        _format("affectnet_csv", "affectnet_csv", "AffectNet: training.csv, validation.csv and the pictures"),
        _format("affectnet_npy", "affectnet_npy", "AffectNet: images/N.jpg and annotations/N_exp.npy"),
        _format(
            "ck_plus",
            "ck_plus",
            "CK+: cohn-kanade-images and Emotion; the last frame of each sequence",
            takes_all=False,
        ),
        _format("ck_plus_neutral", "ck_plus", "CK+ with first frames as neutral", takes_all=False),
        _format("expw", "expw", "ExpW: label.lst and the pictures; a record a face"),
        _format("sfew", "known_folders", "SFEW: Train/ and Val/ of class folders"),
        _format("digiface", "digiface", "DigiFace-1M: <subject>/<k>.png, or its zips in a folder"),
        _format("dcface", "dcface", "DCFace: record/file.rec with file.idx and list.txt, or pictures"),
        _format("emonet_face", "emonet_face", "EmoNet-Face BIG: Parquet with image, prompt, demographics, annotations"),
        _format(
            "ffhq",
            "numbered",
            "FFHQ: images1024x1024 or thumbnails128x128, with ffhq-dataset-v2.json",
            takes_all=False,
        ),
        _format("celeba_hq", "numbered", "CelebA-HQ: folders of N.jpg"),
    )
}
"""Every format, by name."""


def detect_format(path: str | os.PathLike[str]) -> str:
    """The name of the format of the dataset at `path`, by its content.

    Raises FormatError where there is nothing, or nothing that is known, saying what was found; and where it could be
    several, naming them.
    """
    from facsim.formats.detection import detected_format

    return detected_format(path, {entry.name: entry.summary for entry in FORMATS.values()})


def read_records(path: str | os.PathLike[str], format: str | None = None) -> Iterator[Record]:
    """The records of a dataset, in its own order; the format is detected unless it is named. Raises FormatError."""
    return format_named(format or detect_format(path)).read(path)


def index_records(path: str | os.PathLike[str], format: str | None = None) -> Iterator[PlacedRecord]:
    """The records of a dataset, in its own order, with where their pictures lie; no picture is read or copied.

    Names, labels and metadata are those of `read_records`, without metadata that are pictures themselves. Raises
    FormatError.
    """
    return format_named(format or detect_format(path)).index(path)


def write_records(
    records: Iterable[Record], path: str | os.PathLike[str], *, format: str, overwrite: bool = False
) -> None:
    """Write a dataset in the format of this name, whole or not at all. Raises FormatError."""
    format_named(format).write(records, path, overwrite=overwrite)


def format_named(name: str) -> Format:
    """The format of this name. Raises FormatError with the nearest known name."""
    if name not in FORMATS:
        raise FormatError(f'no format "{name}".{hint_nearest(name, FORMATS)}')
    return FORMATS[name]


def _resolved(target: str) -> object:
    module, _, function = target.partition(":")
    return getattr(importlib.import_module(module), function)
