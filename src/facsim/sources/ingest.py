"""Ingest: pictures that exist already, decoded safely, turned upright, in RGB; or a problem with its reason.

A picture that needs nothing keeps its very bytes. What reading changed (an EXIF rotation applied, CMYK or 16 bits
converted, …) is written in `conversions`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from facsim.errors import FormatError, RecipeError
from facsim.formats.place_text import Locator
from facsim.formats.places import PlaceReader
from facsim.picture_memory import PICTURES
from facsim.pictures import MAX_PIXELS, MAX_SIDE_PX, PictureError, encode_picture, encoding_for
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
    version: ClassVar[int] = 2
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    reads: ClassVar[tuple[str, ...]] = ("source_input", "source_path", "source_place", "source_sha256")
    writes: ClassVar[tuple[str, ...]] = ("image", "width_px", "height_px", "conversions")
    resources: ClassVar[Resources] = Resources(batch=256)
    weights: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.max_side_px < 1 or self.max_pixels < 1:
            raise RecipeError("ingest.max_side_px and ingest.max_pixels must be 1 or more")

    def open(self, device: str) -> Work:
        """The reader. It keeps open the files that it has come to, so that an archive is gone through once a worker."""
        reader = PlaceReader()

        def work(samples: Sequence[Sample]) -> list[Row | Problem]:
            locator = Locator()
            return [self._row(sample, _bytes(sample, reader, locator)) for sample in samples]

        return work

    def _row(self, sample: Sample, data: bytes | Problem) -> Row | Problem:
        if isinstance(data, Problem):
            return data
        if hashlib.sha256(data).hexdigest() != sample["source_sha256"]:
            known = "changed" if sample["source_sha256"] else "could not be read, and can be now,"
            return Problem(reason="unreadable", detail=f"the picture's bytes {known} since the run was planned")
        try:
            picture = PICTURES.decoded(data, max_side_px=self.max_side_px, max_pixels=self.max_pixels)
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


def _bytes(sample: Sample, reader: PlaceReader, locator: Locator) -> bytes | Problem:
    """The picture of one row, read where it lies; nothing else of the input is."""
    text = sample.values.get("source_place")
    try:
        place = locator.place(text, source=sample["source_input"], name=sample["source_path"])
        return reader.read(place)
    except FormatError as error:
        return Problem(reason="unreadable", detail=str(error))
