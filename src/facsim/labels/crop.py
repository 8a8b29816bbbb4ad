"""Crop: the aligned face takes the picture's place, for all that comes after: trainings, exports, reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from facsim.columns import COLUMNS
from facsim.labels.align import check_cut, cut_face, float_list, picture_value
from facsim.models.face_crop import moved, pick_five
from facsim.models.face_points import box_of
from facsim.models.vectors import clamp
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["Crop"]


@dataclass(frozen=True, kw_only=True)
class Crop:
    """Make the aligned face the picture, upright and framed alike in every row.

    `align` cuts a face for the steps that label it and leaves the picture alone; this makes a dataset of aligned faces:
    what is trained on, exported and shown from here on. Landmarks and box are given again, in the new picture; other
    columns in its pixels, and maps of it, that earlier steps wrote are left out of exports. Angles of the head stay
    those of the picture before. template: where the five points come to, as for `align`; `tight` is FER2013's framing.
    size_px: the side. margin: room added on every side, as a share of that side.

    The points are those of `landmarks_68`: of `detect`, or of `render`, which are exact. A network meets photographs by
    points that were found, so let it learn from such: put `detect` between.
    """

    template: Literal["arcface", "wide", "tight"] = "tight"
    size_px: int = 112
    margin: float = 0.0

    name: ClassVar[str] = "crop"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False  # to within a level a pixel, as `align`
    determinism: ClassVar[Determinism] = Determinism()
    reads: ClassVar[tuple[str, ...]] = ("image", "landmarks_68")
    writes: ClassVar[tuple[str, ...]] = (
        "image",
        "image_frame",
        "image_matrix",
        "width_px",
        "height_px",
        "landmarks_68",
        "landmarks_5",
        "face_box",
        "crop_scale",
    )
    resources: ClassVar[Resources] = Resources(batch=32)
    weights: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        check_cut(self.name, self.size_px, self.margin)

    def open(self, device: str) -> Work:
        """The cutter; nothing is loaded."""
        return self._rows

    def _rows(self, samples: Sequence[Sample]) -> list[Row | Problem]:
        return [self._row(sample) for sample in samples]

    def _row(self, sample: Sample) -> Row | Problem:
        points = np.asarray(sample["landmarks_68"], dtype=np.float64).reshape(68, 2)
        five = pick_five(points)
        cut = cut_face(sample, five, template=self.template, size_px=self.size_px, margin=self.margin)
        if isinstance(cut, Problem):
            return cut
        place = moved(points[None], cut.matrix[None])[0]
        return {
            "image": picture_value(sample, cut.face),
            "image_frame": self.template,
            "image_matrix": float_list(cut.matrix),
            "width_px": self.size_px,
            "height_px": self.size_px,
            "landmarks_68": float_list(place),
            "landmarks_5": float_list(pick_five(place)),
            "face_box": float_list(box_of(place)),
            "crop_scale": _scale(place, self.size_px),
        }


def _scale(points: NDArray[np.floating], size_px: int) -> float:
    """`crop_scale`, within what its column holds."""
    column = COLUMNS["crop_scale"]
    return clamp(size_px / max(float(np.ptp(points, axis=0).max()), 1e-6), column.low, column.high)
