"""Align: the face cut out upright, in one frame for every model that reads faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from facsim.errors import RecipeError
from facsim.models.face_crop import upright_matrix
from facsim.models.resampling import cut_out, is_sound
from facsim.picture_memory import PICTURES
from facsim.pictures import Picture, PictureError, encode_png
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["Align", "Cut", "check_cut", "cut_face", "float_list", "picture_value"]

_SIDES_PX = (16, 1024)


@dataclass(frozen=True, kw_only=True)
class Align:
    """Cut the face out by its five points.

    template: `arcface`, what recognition networks read; `wide`, from the forehead to a dropped jaw, what facsim's label
    models read; `tight`, from the brows to the chin, as FER2013's pictures are framed. size_px: side of the aligned
    face. margin: room added on every side, as a share of that side (0 is the template as it is). given: `landmarks`,
    five points; or `aligned`, where pictures are aligned faces already: their very bytes pass, and nothing is cut.
    """

    template: Literal["arcface", "wide", "tight"] = "wide"
    size_px: int = 112
    margin: float = 0.0
    given: Literal["landmarks", "aligned"] = "landmarks"

    name: ClassVar[str] = "align"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False  # to within a level a pixel: resampling rounds (tests/labels/test_align.py)
    determinism: ClassVar[Determinism] = Determinism()
    writes: ClassVar[tuple[str, ...]] = ("face_aligned", "align_template", "align_matrix")
    resources: ClassVar[Resources] = Resources(batch=32)
    weights: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        check_cut(self.name, self.size_px, self.margin)

    @property
    def reads(self) -> tuple[str, ...]:
        """The picture, and the five points where it is cut by them."""
        return ("image",) if self.given == "aligned" else ("image", "landmarks_5")

    def open(self, device: str) -> Work:
        """The cutter; nothing is loaded."""
        work = self._passed if self.given == "aligned" else self._cut
        return lambda samples: [work(sample) for sample in samples]

    def _passed(self, sample: Sample) -> Row | Problem:
        try:
            PICTURES.decoded(sample["image"]["bytes"])
        except PictureError as error:
            return Problem(reason=error.reason, detail=error.detail)
        same = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        return {"face_aligned": sample["image"], "align_template": "given", "align_matrix": float_list(same)}

    def _cut(self, sample: Sample) -> Row | Problem:
        points = np.asarray(sample["landmarks_5"], dtype=np.float64).reshape(5, 2)
        cut = cut_face(sample, points, template=self.template, size_px=self.size_px, margin=self.margin)
        if isinstance(cut, Problem):
            return cut
        return {
            "face_aligned": picture_value(sample, cut.face),
            "align_template": self.template,
            "align_matrix": float_list(cut.matrix),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """An aligned face uint8 (size_px, size_px, 3) RGB, and the matrix (2, 3) from places in the picture to its own."""

    face: NDArray[np.uint8]
    matrix: NDArray[np.float64]


def check_cut(stage: str, size_px: int, margin: float) -> None:
    """Raise RecipeError where no face is cut to this size and margin."""
    low, high = _SIDES_PX
    if not low <= size_px <= high or not -0.3 <= margin <= 2:
        raise RecipeError(
            f"found {stage}.size_px = {size_px} and margin = {margin}; expected {low} to {high} px, and -0.3 to 2 of "
            "the side"
        )


def cut_face(
    sample: Sample, points: NDArray[np.floating], *, template: str, size_px: int, margin: float
) -> Cut | Problem:
    """The face of a sample's `image` with its five `points` (5, 2), in px, where the template has them.

    `margin` is room on every side, as a share of `size_px`. A Problem where the picture cannot be read, or where the
    points are no face in it.
    """
    matrix = upright_matrix(points, template=template, size_px=size_px, margin=margin)
    coarsest = 1.0 / max(float(np.linalg.det(matrix[:, :2])) ** 0.5, 1e-6) if np.isfinite(matrix).all() else 1.0
    try:
        picture = PICTURES.decoded(sample["image"]["bytes"], most_reduction=int(min(coarsest, 8)))
    except PictureError as error:
        return Problem(reason=error.reason, detail=error.detail)
    reduced = matrix @ np.diag([picture.reduction, picture.reduction, 1.0])
    if not _apart(points) or not is_sound(reduced, picture.array.shape, size_px=size_px):
        return Problem(reason="no_place", detail=f"five points at {points.round(1).tolist()}")
    return Cut(face=cut_out(picture.array, reduced, size_px=size_px), matrix=matrix)


def picture_value(sample: Sample, face: NDArray[np.uint8]) -> dict[str, Any]:
    """The face as a column holds it: a PNG, and a file name; steps that follow need not decode it."""
    data = encode_png(face)
    PICTURES.encoded(data, Picture(array=face, kind="png"))
    return {"bytes": data, "path": f"{sample.sample_id}.png"}


def _apart(points: NDArray[np.floating]) -> bool:
    """Whether the points span at least a pixel, as a face must."""
    return bool(np.isfinite(points).all() and (points.max(axis=0) - points.min(axis=0)).max() >= 1.0)


def float_list(values: NDArray[np.floating]) -> list[float]:
    """The values as a column of float32 holds them, row by row."""
    return [float(np.float32(value)) for value in values.ravel()]
