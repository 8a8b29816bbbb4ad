"""Cutting a face out of a picture: the five-point templates, the similarity that fits them, and boxes.

A crop is a matrix (2, 3) that takes places in the picture, in pixels from the top left corner of the top left pixel,
to places in the crop. Five points are `landmarks_5`: the subject's left eye (right in the picture), right eye, nose
tip, left and right mouth corner.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError, hint_nearest

__all__ = [
    "TEMPLATES",
    "cut_square",
    "fit_box",
    "fit_similarity",
    "invert",
    "moved",
    "pick_five",
    "square_about",
    "template_points",
    "upright_matrix",
]

Floats = NDArray[np.floating]

_ARCFACE = np.array(
    [[73.5318, 51.5014], [38.2946, 51.6963], [56.0252, 71.7366], [70.7299, 92.2041], [41.5493, 92.3655]]
)
"""Where ArcFace puts them in 112 px (Deng et al. 2019; InsightFace's `arcface_dst`), in this order."""


def _zoomed(zoom: float, middle_y: float) -> Floats:
    """ArcFace's points larger or smaller about their middle, which comes to (56, middle_y)."""
    return (_ARCFACE - _ARCFACE.mean(axis=0)) * zoom + [56.0, middle_y]


TEMPLATES: Mapping[str, Floats] = {
    "arcface": _ARCFACE,
    "wide": _zoomed(0.88, 58.0),
    "tight": _zoomed(1.10, 58.0),
}
"""(5, 2) places in a crop of 112 px. `arcface`: what recognition networks read; dropped chins are cut off. `wide`: from
the forehead to a dropped jaw, what facsim's own label models read. `tight`: from the brows to the chin, as FER2013's
pictures are framed, what classifiers of expressions that learnt from them read. The last two are our own."""


def template_points(name: str, *, size_px: int = 112) -> Floats:
    """(5, 2) float64 places of the template in a crop of `size_px`. Raises FacsimError for an unknown name."""
    if name not in TEMPLATES:
        raise FacsimError(f'no template is called "{name}".{hint_nearest(name, TEMPLATES)}')
    return TEMPLATES[name] * (size_px / 112)


def fit_similarity(points: Floats, template: Floats) -> Floats:
    """The matrices (N, 2, 3) of the similarities that bring `points` (N, 5, 2) nearest to `template` (5, 2) or
    (N, 5, 2).

    Least squares over turn, one scale and shift, without mirroring (Umeyama 1991). Points in one place give a crop of
    scale 0: the caller refuses faces of no size.
    """
    source, target = np.asarray(points, float), np.broadcast_to(template, points.shape)
    source_mean, target_mean = source.mean(axis=1, keepdims=True), target.mean(axis=1, keepdims=True)
    a, b = source - source_mean, target - target_mean
    spread = np.maximum((a**2).sum(axis=(1, 2)), 1e-12)
    cosine = (a * b).sum(axis=(1, 2)) / spread
    sine = (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).sum(axis=1) / spread
    turn = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], axis=1)
    shift = target_mean[:, 0] - (turn @ source_mean[:, 0, :, None])[..., 0]
    return np.concatenate([turn, shift[..., None]], axis=2)


def upright_matrix(points: Floats, *, template: str, size_px: int, margin: float = 0.0) -> NDArray[np.float64]:
    """The matrix (2, 3) from a picture to its face of `size_px`, where `points` (5, 2) come to the template's, with
    room of `margin`, a share of the side, all round. Raises FacsimError for an unknown template."""
    inner = 1 / (1 + 2 * margin)
    target = (template_points(template, size_px=size_px) - size_px / 2) * inner + size_px / 2
    return np.asarray(fit_similarity(points[None], target)[0], dtype=np.float64)


def fit_box(boxes: Floats, *, scale: float, size_px: int) -> Floats:
    """The matrices (N, 2, 3) of upright square crops of `size_px` about `boxes` (N, 4): left, top, right, bottom.

    The crop's side is `scale` times the box's larger side.
    """
    box = np.asarray(boxes, float)
    centre = (box[:, :2] + box[:, 2:]) / 2
    side = np.maximum((box[:, 2:] - box[:, :2]).max(axis=1), 1e-6) * scale
    zoom = size_px / side
    matrices = np.zeros((len(box), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = zoom
    matrices[:, :, 2] = size_px / 2 - centre * zoom[:, None]
    return matrices


def invert(matrices: Floats) -> Floats:
    """The matrices (N, 2, 3) of the ways back."""
    linear = np.linalg.inv(matrices[:, :, :2])
    return np.concatenate([linear, -linear @ matrices[:, :, 2:]], axis=2)


def moved(points: Floats, matrices: Floats) -> Floats:
    """`points` (N, K, 2) taken through `matrices` (N, 2, 3)."""
    return points @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, None, :, 2]


def pick_five(points: Floats) -> Floats:
    """`landmarks_5` of iBUG's 68 points (68, 2 or 3): the eyes are the middles of their corners."""
    eyes = [points[[42, 45]].mean(axis=0), points[[36, 39]].mean(axis=0)]
    return np.stack([*eyes, points[30], points[54], points[48]])


def square_about(box: Floats, *, scale: float, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """The square left, top, right, bottom in whole px about a `box` (4,) of a picture (H, W, …): its side `scale` times
    the box's larger side, but no longer than the picture where the box is not. It may reach beyond the picture.

    None where the box is none, its middle is not in the picture, or it is more than twice as long as the picture.
    """
    longer, middle = max(shape[:2]), (box[:2] + box[2:]) / 2
    reach = float((box[2:] - box[:2]).max())
    inside = (middle >= 0).all() and (middle < shape[1::-1]).all()  # false of what is not a number
    if not (inside and (box[2:] > box[:2]).all() and reach <= 2 * longer):
        return None
    side = max(round(max(min(reach * scale, longer), reach)), 1)
    left, top = (round(float(place) - side / 2) for place in middle)
    return left, top, left + side, top + side


def cut_square(picture: NDArray[np.uint8], square: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """The picture's own pixels uint8 (S, S, 3) in the square left, top, right, bottom px; outside the picture uint8
    (H, W, 3) its border goes on."""
    left, top, right, bottom = square
    rows = np.clip(np.arange(top, bottom), 0, picture.shape[0] - 1)
    columns = np.clip(np.arange(left, right), 0, picture.shape[1] - 1)
    return picture[rows[:, None], columns]
