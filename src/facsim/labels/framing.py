"""Faces as a network wants them framed, from aligned faces or crops that are framed otherwise.

A frame is a template of `facsim.models.face_crop`: where the five points lie. They all stand upright about one middle,
so one frame is a box in another; where the picture ends before the box does, its border goes on. A picture is cut
alone, so that it never depends on its batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facsim.errors import RecipeError, hint_nearest
from facsim.models.face_crop import TEMPLATES, fit_similarity, invert, template_points
from facsim.picture_memory import PICTURES
from facsim.pictures import PictureError
from facsim.sample import Problem, Sample

__all__ = ["CROPS", "check_frame", "columns_of", "frame_face", "framed_faces"]

CROPS = ("face_aligned", "image")
"""What a label stage may read: what `align` made, or the picture itself where it is a crop of a face already."""

_CROPPED_AS = "tight"  # FER2013's framing, and that of most classified crops


def columns_of(crop: str) -> tuple[str, ...]:
    """The columns that a stage reads for this `crop`. Raises RecipeError for an unknown one."""
    if crop not in CROPS:
        raise RecipeError(f'found crop = "{crop}", expected one of {", ".join(CROPS)}.{hint_nearest(crop, CROPS)}')
    return ("face_aligned", "align_template") if crop == "face_aligned" else ("image",)


def check_frame(name: str) -> None:
    """Raise RecipeError unless `name` is a template's, or empty."""
    if name and name not in TEMPLATES:
        raise RecipeError(f'no frame is called "{name}", expected a template.{hint_nearest(name, TEMPLATES)}')


def framed_faces(
    samples: Sequence[Sample], *, crop: str, given: str, wanted: str, size_px: int
) -> tuple[NDArray[np.uint8], list[Problem | None]]:
    """The faces uint8 (N, size_px, size_px, 3) RGB in the frame `wanted`, and for each sample its problem or None.

    `given` is the frame that the pictures are in; empty: what `align` says of each, or `tight` for crops. Faces of sick
    samples are black.
    """
    faces = np.zeros((len(samples), size_px, size_px, 3), dtype=np.uint8)
    problems: list[Problem | None] = []
    for row, sample in enumerate(samples):
        found = _face(sample, crop, given, wanted, size_px)
        problems.append(found if isinstance(found, Problem) else None)
        if not isinstance(found, Problem):
            faces[row] = found
    return faces, problems


def _face(sample: Sample, crop: str, given: str, wanted: str, size_px: int) -> NDArray[np.uint8] | Problem:
    picture: Any = sample[crop]
    if picture is None:
        return Problem(reason="missing_input", detail=f"no {crop}")
    frame = given or (sample["align_template"] if crop == "face_aligned" else _CROPPED_AS)
    if frame not in TEMPLATES:
        return Problem(reason="missing_input", detail=f'align_template is "{frame}", expected a template or `given`')
    try:
        array = PICTURES.decoded(picture["bytes"]).array
    except PictureError as error:
        return Problem(reason=error.reason, detail=error.detail)
    return frame_face(array, given=frame, wanted=wanted, size_px=size_px)


def frame_face(picture: NDArray[np.uint8], *, given: str, wanted: str, size_px: int) -> NDArray[np.uint8]:
    """The face uint8 (size_px, size_px, 3) in the frame `wanted`, from a picture (H, W, 3) in the frame `given`.

    A picture that is not square stands in the middle of one, as high and wide as its longer side. Reducing filters
    (Pillow's triangle), so that no detail folds.
    """
    square = _squared(picture)
    side = square.shape[0]
    corners = np.asarray([0.0, float(size_px)])
    points = template_points(given, size_px=side)[None]
    back = invert(fit_similarity(points, template_points(wanted, size_px=size_px)))[0]
    left, right = back[0, 0] * corners + back[0, 2]
    top, bottom = back[1, 1] * corners + back[1, 2]
    box = (round(float(left), 6), round(float(top), 6), round(float(right), 6), round(float(bottom), 6))
    if (side, box) == (size_px, (0.0, 0.0, float(side), float(side))):
        return square
    border = max(0, math.ceil(max(-box[0], -box[1], box[2] - side, box[3] - side)))
    if border:
        square = np.pad(square, ((border, border), (border, border), (0, 0)), mode="edge")
    moved = (box[0] + border, box[1] + border, box[2] + border, box[3] + border)
    cut = Image.fromarray(square).resize((size_px, size_px), Image.Resampling.BILINEAR, box=moved)
    return np.asarray(cut)


def _squared(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    if height == width:
        return picture
    side = max(height, width)
    high, wide = side - height, side - width
    room = ((high // 2, high - high // 2), (wide // 2, wide - wide // 2), (0, 0))
    return np.pad(picture, room, mode="edge")
