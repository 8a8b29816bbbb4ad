"""One picture a face: the faces that a run found, cut out of its pictures, as a folder that can be ingested.

A run's rows are fixed by its plan, so a photograph of five people stays one row, with five boxes in `faces_listed`.
What is cut out is a collection of its own (`facsim.formats.face_crops`), whose ingestion has a row for each face.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim import __version__
from facsim.errors import ManifestError
from facsim.formats.face_crops import FaceCrop, write_face_crops
from facsim.manifest import Manifest, open_manifest
from facsim.models.face_crop import cut_square, square_about
from facsim.picture_memory import PICTURES
from facsim.pictures import PictureError, encode_png
from facsim.products import OnProgress, Progress

__all__ = ["CROP_SCALE", "crop_faces"]

CROP_SCALE = 2.0
"""Side of a crop over the larger side of the detector's box: from over the hair to under the chin, with room for a head
that is tilted by 45 degrees."""

_ORIGIN = {
    "source_input": "picture_input",
    "source_format": "picture_format",
    "source_sha256": "picture_sha256",
    "expression_given": "picture_expression",
    "split": "split",
    "source_dataset": "source_dataset",
    "source_terms": "source_terms",
    "source_commercial": "source_commercial",
}
"""What a run says of a picture's origin, by column, and what the list calls it; terms keep the names that ingestion
takes up again."""

_SIDES = ("left", "top", "right", "bottom")


def crop_faces(url: str, out: str, *, on_progress: OnProgress | None = None) -> dict[str, Any]:
    """Cut out every face of the run at `url` into the folder `out`, whole or not at all; returns the account.

    The account: `pictures` that faces were cut out of, `faces`, `left_out` pictures by why (a step's problem,
    `rejected` by the run's verdict, `not_searched`), `faces_left_out` faces by why. Raises ManifestError where the run
    has no list of faces, FormatError where there is something at `out`, or no face.
    """
    run = open_manifest(url)
    cutter = _Cutter(columns=_columns(run), total=run.num_rows)
    crops = cutter.crops(run, on_progress or (lambda _: None))
    write_face_crops(crops, out, account=lambda: {"facsim": __version__, "run": url, **cutter.account()})
    return cutter.account()


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """Full names of the columns that are read; `accepted` None: every row stays. `problems` are in the steps' order."""

    image: str
    faces: str
    found: str
    problems: tuple[str, ...]
    accepted: str | None
    origin: Mapping[str, str]
    path: str | None
    metadata: str | None

    @property
    def all(self) -> list[str]:
        """Every name once."""
        optional = [name for name in (self.accepted, self.path, self.metadata) if name]
        names = [self.image, self.faces, self.found, *self.problems, *optional, *self.origin]
        return [*dict.fromkeys(names)]


def _columns(run: Manifest) -> _Columns:
    faces = run.find("faces_listed")
    if faces is None:
        raise ManifestError(
            f'{run.folder.root} has no list of faces; add a step `use = "detect"` to its recipe and run it again, or, '
            "where an earlier facsim searched for faces, `facsim redo detect` first"
        )
    step = faces.partition(".")[0]
    image = run.step(step).bindings["image"]
    known = {name: f"plan.{name}" for name in run.step("plan").writes}
    return _Columns(
        image=image,
        faces=faces,
        found=f"{step}.faces_found",
        problems=(f"{image.partition('.')[0]}.problem", f"{step}.problem"),
        accepted=run.find("accepted"),
        origin={known[name]: said for name, said in _ORIGIN.items() if name in known},
        path=known.get("source_path"),
        metadata=known.get("source_metadata"),
    )


@dataclass(kw_only=True)
class _Cutter:
    """Cuts row after row, and counts what came of each."""

    columns: _Columns
    total: int
    done: int = 0
    pictures: int = 0
    faces: int = 0
    left_out: Counter[str] = field(default_factory=Counter[str])
    faces_left_out: Counter[str] = field(default_factory=Counter[str])

    def account(self) -> dict[str, Any]:
        """What was counted so far."""
        return {
            "crop_scale": CROP_SCALE,
            "pictures": self.pictures,
            "faces": self.faces,
            "left_out": dict(sorted(self.left_out.items())),
            "faces_left_out": dict(sorted(self.faces_left_out.items())),
        }

    def crops(self, run: Manifest, on_progress: OnProgress) -> Iterator[FaceCrop]:
        """A crop for each face, picture after picture."""
        for batch in run.batches(self.columns.all):
            for row in batch.to_pylist():
                yield from self._of_row(row)
                self.done += 1
                on_progress(Progress(step="crops", done=self.done, total=self.total, unit="pictures"))

    def _of_row(self, row: Mapping[str, Any]) -> Iterator[FaceCrop]:
        why = self._fault(row)
        if why is None:
            try:
                picture = PICTURES.decoded(row[self.columns.image]["bytes"]).array
            except PictureError as error:
                why = error.reason
            else:
                yield from self._of_picture(row, picture)
                return
        self.left_out[why] += 1

    def _fault(self, row: Mapping[str, Any]) -> str | None:
        """Why nothing is cut out of the picture of this row."""
        problem = next((row[name] for name in self.columns.problems if row[name]), None)
        if problem:
            return str(problem)
        if self.columns.accepted and not row[self.columns.accepted]:
            return "rejected"
        return None if row[self.columns.faces] else "not_searched"

    def _of_picture(self, row: Mapping[str, Any], picture: NDArray[np.uint8]) -> Iterator[FaceCrop]:
        before = self.faces
        listed: Sequence[Mapping[str, float]] = row[self.columns.faces]
        if beyond := row[self.columns.found] - len(listed):
            self.faces_left_out["not_listed"] += beyond
        for number, face in enumerate(listed, 1):
            box = [face[side] for side in _SIDES]
            square = square_about(np.array(box), scale=CROP_SCALE, shape=picture.shape)
            if square is None:
                self.faces_left_out["no_place"] += 1
                continue
            self.faces += 1
            said = {"face": number, "faces": row[self.columns.found], "face_box": box, "face_score": face["score"]}
            image = encode_png(cut_square(picture, square))
            yield FaceCrop(
                name=row["sample_id"], image=image, said={**said, "crop_box": list(square), **self._origin(row)}
            )
        self.pictures += self.faces > before

    def _origin(self, row: Mapping[str, Any]) -> dict[str, Any]:
        known = {said: row[name] for name, said in self.columns.origin.items()}
        text = row[self.columns.metadata] if self.columns.metadata else None
        return {
            "picture": str(row[self.columns.path] if self.columns.path else row["sample_id"]),
            "split_group": f"photograph/{known.get('picture_sha256') or row['sample_id']}",
            "picture_sample_id": row["sample_id"],
            **known,
            "picture_metadata": None if text is None else json.loads(text),
        }
