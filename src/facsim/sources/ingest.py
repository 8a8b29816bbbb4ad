"""Ingest: pictures that exist already, decoded safely, turned upright, in RGB; or a problem with its reason.

A picture that needs nothing keeps its very bytes. What reading changed (an EXIF rotation applied, CMYK or 16 bits
converted, …) is written in `conversions`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from facsim.errors import RecipeError
from facsim.formats import read_records
from facsim.formats.tree import read_tree, tree_kind
from facsim.pictures import MAX_PIXELS, MAX_SIDE_PX, PictureError, decode_picture, encode_picture, encoding_for
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["Ingest"]

_KEPT_AS_FOUND = ("png", "jpeg", "webp")


@dataclass(frozen=True, kw_only=True)
class Ingest:
    """Read the pictures that `[[input]]` listed. max_side_px, max_pixels: pictures declared larger are refused."""

    max_side_px: int = MAX_SIDE_PX
    max_pixels: int = MAX_PIXELS

    name: ClassVar[str] = "ingest"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    reads: ClassVar[tuple[str, ...]] = ("source_input", "source_format", "source_path", "source_sha256")
    writes: ClassVar[tuple[str, ...]] = ("image", "width_px", "height_px", "conversions")
    resources: ClassVar[Resources] = Resources(batch=256)
    weights: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.max_side_px < 1 or self.max_pixels < 1:
            raise RecipeError("ingest.max_side_px and ingest.max_pixels must be 1 or more")

    def open(self, device: str) -> Work:
        """The reader; nothing is loaded."""
        return self._read_all

    def _read_all(self, samples: Sequence[Sample]) -> list[Row | Problem]:
        found: dict[str, bytes | Problem] = {}
        for (place, form), names in _by_input(samples).items():
            found.update({f"{place}\n{name}": data for name, data in _files(place, form, names)})
        gone = Problem(reason="unreadable", detail="the input no longer holds this file")
        return [self._row(s, found.get(f"{s['source_input']}\n{s['source_path']}", gone)) for s in samples]

    def _row(self, sample: Sample, data: bytes | Problem) -> Row | Problem:
        if isinstance(data, Problem):
            return data
        if hashlib.sha256(data).hexdigest() != sample["source_sha256"]:
            return Problem(reason="unreadable", detail="the file's bytes changed since the run was planned")
        try:
            picture = decode_picture(data, max_side_px=self.max_side_px, max_pixels=self.max_pixels)
        except PictureError as error:
            return Problem(reason=error.reason, detail=error.detail)
        height, width = picture.array.shape[:2]
        kept = not picture.notes and picture.kind in _KEPT_AS_FOUND
        kind = picture.kind if kept else encoding_for(width, height).kind
        return {
            "image": {
                "bytes": data if kept else encode_picture(picture.array),
                "path": str(PurePosixPath(sample["source_path"]).with_suffix(f".{kind}")),
            },
            "width_px": width,
            "height_px": height,
            "conversions": list(picture.notes),
        }


def _by_input(samples: Sequence[Sample]) -> Mapping[tuple[str, str], set[str]]:
    wanted: dict[tuple[str, str], set[str]] = {}
    for sample in samples:
        wanted.setdefault((sample["source_input"], sample["source_format"]), set()).add(sample["source_path"])
    return wanted


def _files(place: str, form: str, names: Collection[str]) -> Iterator[tuple[str, bytes | Problem]]:
    """(name, bytes) of the wanted files of one input; a file that cannot be read comes as a Problem."""
    if form != "class_folder":
        yield from ((record.name, record.image) for record in read_records(place, format=form) if record.name in names)
    elif "://" not in place and tree_kind(place) == "directory":
        yield from ((name, _file(Path(place, name))) for name in sorted(names))
    else:
        yield from read_tree(place, wanted=names)


def _file(path: Path) -> bytes | Problem:
    try:
        return path.read_bytes()
    except OSError as error:
        return Problem(reason="unreadable", detail=str(error))
