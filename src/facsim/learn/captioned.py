"""Captions of a run's rows, written and read, and joined to pictures."""

from __future__ import annotations

import io
import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from facsim.captions import CAPTION_COLUMNS, caption_of
from facsim.dataset import Dataset
from facsim.errors import FormatError
from facsim.facs import column_names
from facsim.learn.data import Pictures, chooser_split, take
from facsim.models.weights import write_whole
from facsim.tables import read_columns, table_bytes

__all__ = [
    "CaptionedPictures",
    "Captions",
    "joined",
    "read_captions",
    "run_captions",
    "split_captioned",
    "write_captions",
]

Captions = Mapping[str, tuple[str, ...]]
"""Sample id -> its captions, in order."""

_SUFFIXES = (".jsonl", ".parquet")


@dataclass(frozen=True, kw_only=True)
class CaptionedPictures:
    """Pictures, and for each in turn its captions, at least one."""

    pictures: Pictures
    captions: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.captions)


def run_captions(
    dataset: Dataset, *, per_picture: int = 1, seed: int = 0, detail: str = "mixed"
) -> dict[str, tuple[str, ...]]:
    """`per_picture` captions of every row that stays, by sample id, in the run's order (`facsim.captions`)."""
    found = {name: full for name in _wanted(dataset) if (full := dataset.run.find(name))}
    captions: dict[str, tuple[str, ...]] = {}
    for held in dataset.table(list(found.values())).to_pylist():
        row = {"expression": held["expression"], **{name: held[full] for name, full in found.items()}}
        sample = held["sample_id"]
        captions[sample] = tuple(
            caption_of(row, sample_id=sample, seed=seed, number=number, detail=detail) for number in range(per_picture)
        )
    return captions


def write_captions(path: str | os.PathLike[str], captions: Captions) -> int:
    """How many captions were written to `path`, a line or row each: `sample_id`, `number`, `caption`.

    JSON lines or Parquet, by the suffix. Raises FormatError for another suffix.
    """
    file = Path(path)
    _check_suffix(file)
    rows = [
        {"sample_id": sample, "number": number, "caption": text}
        for sample, texts in captions.items()
        for number, text in enumerate(texts)
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".parquet":
        schema = pa.schema([("sample_id", pa.string()), ("number", pa.int32()), ("caption", pa.string())])
        write_whole(file, table_bytes(pa.Table.from_pylist(rows, schema=schema)))
    else:
        write_whole(file, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode())
    return len(rows)


def read_captions(path: str | os.PathLike[str]) -> dict[str, tuple[str, ...]]:
    """The captions of a file with `sample_id` and `caption`, as `write_captions` makes it or anybody else.

    Raises FormatError where the file cannot be read or a row lacks one of the two.
    """
    file = Path(path)
    _check_suffix(file)
    try:
        if file.suffix == ".parquet":
            rows: list[Any] = read_columns(io.BytesIO(file.read_bytes()), ["sample_id", "caption"]).to_pylist()
        else:
            rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise FormatError(f"{file} cannot be read ({error}); expected rows of sample_id and caption") from error
    held: defaultdict[str, list[str]] = defaultdict(list)
    for place, row in enumerate(rows):
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("sample_id", "caption")):
            raise FormatError(f"{file}, row {place}: found {row!r}, expected a sample_id and a caption, both text")
        held[row["sample_id"]].append(row["caption"])
    return {sample: tuple(texts) for sample, texts in held.items()}


def joined(pictures: Pictures, captions: Captions) -> CaptionedPictures:
    """The pictures that have captions, with them; a picture is found by its id, or by that less its suffix.

    Pictures without captions are left out, counted as `uncaptioned`. Raises FormatError where none has any.
    """
    names = [name if name in captions else str(PurePosixPath(name).with_suffix("")) for name in pictures.ids]
    rows = [row for row, name in enumerate(names) if captions.get(name)]
    if not rows:
        raise FormatError(
            f"found no caption for any of {len(pictures)} pictures (the first is {pictures.ids[0]}), expected sample "
            "ids that are theirs"
        )
    kept = take(pictures, np.array(rows, dtype=np.int64))
    if missing := len(pictures) - len(rows):
        kept = replace(kept, left_out={**kept.left_out, "uncaptioned": missing})
    return CaptionedPictures(pictures=kept, captions=tuple(tuple(captions[names[row]]) for row in rows))


def _wanted(dataset: Dataset) -> Sequence[str]:
    """Columns to read: those of single action units only where there is no coding as text."""
    units = column_names() if dataset.run.find("action_units") else ()
    return [name for name in CAPTION_COLUMNS if name != "expression" and name not in units]


def _check_suffix(file: Path) -> None:
    if file.suffix not in _SUFFIXES:
        raise FormatError(f'found "{file.name}", expected a name that ends in {" or ".join(_SUFFIXES)}')


def split_captioned(captioned: CaptionedPictures) -> tuple[CaptionedPictures, CaptionedPictures]:
    """Two parts: what to train on, and the tenth to measure on, cut by identity where that is known."""
    by_name = dict(zip(captioned.pictures.ids, captioned.captions, strict=True))
    training, held = (
        CaptionedPictures(pictures=part, captions=tuple(by_name[name] for name in part.ids))
        for part in chooser_split(captioned.pictures)
    )
    return training, held
