"""Pictures that are crops of a face, with the face cut out upright: what copies are found by that were cut anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facsim.learn.data import Pictures, take
from facsim.models.face_crop import pick_five, upright_matrix
from facsim.models.face_points import find_points, whole_boxes
from facsim.models.labeller import load_reader
from facsim.models.resampling import cut_out, is_sound

__all__ = ["UprightFaces", "take_faces", "upright_faces"]

_ROWS = 32
_TEMPLATE = "tight"


@dataclass(frozen=True, kw_only=True, eq=False)
class UprightFaces:
    """`pictures` cut anew, of the same size; `found` bool (N,) says where a face was: others are as they came."""

    pictures: Pictures
    found: NDArray[np.bool_]


def upright_faces(
    pictures: Pictures, *, device: str = "cpu", on_done: Callable[[int, int], None] | None = None
) -> UprightFaces:
    """The faces of pictures that are crops of one each, upright and framed as `facsim.labels.crop` frames them.

    Points are found by facsim's own landmark model, in two looks. `on_done` is told of pictures done, and of all.
    """
    reader = load_reader("landmarks", device=device)
    size = pictures.shape.size_px
    faces = np.array(pictures.images)
    found = np.zeros(len(pictures), dtype=bool)
    for at in range(0, len(pictures), _ROWS):
        arrays = [_rgb(picture) for picture in faces[at : at + _ROWS]]
        boxes = whole_boxes(arrays, float(reader.settings["box_scale"]))
        for row, points in enumerate(find_points(reader, arrays, boxes, device=device, rows=_ROWS), start=at):
            if points is not None and (face := _cut(arrays[row - at], points.points, size)) is not None:
                faces[row], found[row] = face if faces.ndim == 4 else face[..., 0], True
        if on_done is not None:
            on_done(min(at + _ROWS, len(pictures)), len(pictures))
    frames = tuple(_TEMPLATE if one else None for one in found)
    attributes = {**pictures.attributes, "image_frame": frames}
    return UprightFaces(pictures=replace(pictures, images=faces, attributes=attributes), found=found)


def take_faces(faces: UprightFaces, rows: NDArray[np.int64]) -> UprightFaces:
    """Those of `rows`, in that order."""
    return UprightFaces(pictures=take(faces.pictures, rows), found=faces.found[rows])


def _rgb(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def _cut(picture: NDArray[np.uint8], points: NDArray[np.float64], size_px: int) -> NDArray[np.uint8] | None:
    matrix = upright_matrix(pick_five(points), template=_TEMPLATE, size_px=size_px)
    if not np.isfinite(matrix).all() or not is_sound(matrix, picture.shape, size_px=size_px):
        return None
    return cut_out(picture, matrix, size_px=size_px)
