"""Renders with all that is known of them, as arrays: what label models learn from.

A run is decoded once into a folder of arrays beside it (`cache`), which later trainings map into memory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from facsim.errors import ManifestError
from facsim.label_maps import decode_parts
from facsim.manifest import Manifest, open_manifest
from facsim.pictures import decode_picture
from facsim.sample import seed_for

__all__ = ["Faces", "load_faces"]

_HELD_OUT = 10
"""Of every ten people, one is held out, by the hash of the identity: nobody is on both sides."""

_LISTS = {"landmarks_68": (68, 2), "landmarks_5": (5, 2), "landmarks_68_visible": (68,), "apparent_ancestry": (3,)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Faces:
    """N renders of one size.

    `pictures` uint8 (N, S, S, 3); `parts` uint8 (N, S, S), numbers of `facsim.label_maps`, or None; `columns` float32
    (N,) or (N, …) arrays by column name (texts as the index of their sorted values, whose names are in `names`),
    NaN where null; `person` int64 (N,) numbers the people from 0; `origin` says what the renders are, `fingerprint`
    which.
    """

    pictures: npt.NDArray[np.uint8]
    parts: npt.NDArray[np.uint8] | None
    columns: Mapping[str, npt.NDArray[np.float32]]
    names: Mapping[str, tuple[str, ...]]
    person: npt.NDArray[np.int64]
    held_out: npt.NDArray[np.bool_]
    origin: str
    fingerprint: str

    def __len__(self) -> int:
        return len(self.pictures)


def load_faces(
    run_url: str, *, columns: Sequence[str], parts: bool = False, cache: str | os.PathLike[str] | None = None
) -> Faces:
    """The renders of the run at `run_url` with these columns; people held out are the same in every call.

    Text columns come as numbers. Decoded pictures are kept in `cache` (default: `faces` in the run's own folder).
    Raises ManifestError where the run has no pictures, lacks a column, or where its pictures differ in size.
    """
    run = open_manifest(run_url)
    image = _found(run, "image")
    full = {name: _found(run, name) for name in dict.fromkeys(["identity_id", *columns])}
    step = image.split(".")[0]
    fingerprint = run.step(step).fingerprint
    folder = Path(cache) if cache is not None else Path(run_url) / "faces"
    pictures = _decoded(run, image, folder / f"pictures-{fingerprint[:16]}.npy", parts=False)
    drawn = _decoded(run, _found(run, "parts"), folder / f"parts-{fingerprint[:16]}.npy", parts=True) if parts else None
    table = run.table(list(full.values()))
    identities = table.column(full["identity_id"]).to_pylist()
    people = {identity: index for index, identity in enumerate(dict.fromkeys(identities))}
    held = {identity: seed_for(identity, "labellers/held out") % _HELD_OUT == 0 for identity in people}
    arrays, names = _arrays(table, {name: full[name] for name in columns})
    return Faces(
        pictures=pictures,
        parts=drawn,
        columns=arrays,
        names=names,
        person=np.array([people[identity] for identity in identities], dtype=np.int64),
        held_out=np.array([held[identity] for identity in identities], dtype=bool),
        origin=f"{len(pictures)} renders of {len(people)} invented people, no photograph",
        fingerprint=hashlib.sha256(json.dumps([fingerprint, run.num_rows]).encode()).hexdigest(),
    )


def _found(run: Manifest, column: str) -> str:
    full = run.find(column)
    if full is None:
        raise ManifestError(
            f'{run.folder.root} has no column "{column}"; label models learn from renders: run '
            "recipes/labels/people.toml, or a recipe like it with a render step"
        )
    return full


def _decoded(run: Manifest, column: str, file: Path, *, parts: bool) -> npt.NDArray[np.uint8]:
    """The run's pictures or part maps as one memory-mapped array, decoded where that has not been done."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}.part")
        _decode_into(run, column, temporary, parts=parts)
        os.replace(temporary, file)
    found = np.load(file, mmap_mode="r")
    if len(found) != run.num_rows:
        raise ManifestError(f"{file} holds {len(found)} pictures, expected {run.num_rows}; delete it")
    return found


def _decode_into(run: Manifest, column: str, file: Path, *, parts: bool) -> None:
    held: npt.NDArray[np.uint8] | None = None
    at = 0
    for batch in run.batches([column]):
        for entry in batch.column(column).to_pylist():
            if entry is None:
                raise ManifestError(f"row {at} of {column} has no picture; label models learn from whole runs")
            array = decode_parts(entry["bytes"]) if parts else decode_picture(entry["bytes"]).array
            if held is None:
                held = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=(run.num_rows, *array.shape))
            if array.shape != held.shape[1:]:
                raise ManifestError(f"row {at} of {column} is {array.shape}, expected {held.shape[1:]} as the first is")
            held[at] = array
            at += 1
    if held is not None:
        held.flush()


def _arrays(
    table: pa.Table, full: Mapping[str, str]
) -> tuple[dict[str, npt.NDArray[np.float32]], dict[str, tuple[str, ...]]]:
    arrays: dict[str, npt.NDArray[np.float32]] = {}
    names: dict[str, tuple[str, ...]] = {}
    for name, column in full.items():
        values = table.column(column)
        if pa.types.is_string(values.type):
            known = tuple(sorted({value for value in values.to_pylist() if value is not None}))
            index: Mapping[Any, float] = {value: float(at) for at, value in enumerate(known)}
            names[name] = known
            arrays[name] = np.array([index.get(value, np.nan) for value in values.to_pylist()], dtype=np.float32)
        elif pa.types.is_list(values.type) or pa.types.is_fixed_size_list(values.type):
            arrays[name] = np.array(values.to_pylist(), dtype=np.float32).reshape(-1, *_LISTS.get(name, (-1,)))
        else:
            plain = [np.nan if value is None else float(value) for value in values.to_pylist()]
            arrays[name] = np.array(plain, dtype=np.float32)
    return arrays, names
