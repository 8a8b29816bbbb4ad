"""Faces' points, read off pictures by the native landmark network: look roughly, then again at what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from facsim.models.classifier import read_pictures
from facsim.models.face_crop import fit_box, fit_similarity, invert, moved, pick_five, template_points
from facsim.models.labeller import Labeller
from facsim.models.landmark_outputs import LandmarkOutputs, read_outputs
from facsim.models.pose import turned_angles
from facsim.models.resampling import cut_out, is_sound

__all__ = ["FacePoints", "box_of", "find_points", "whole_boxes"]

Floats = NDArray[np.floating]

_MOST_UPRIGHT_DEG = 75.0
_EYES = (36, 45)


@dataclass(frozen=True, kw_only=True, eq=False)
class FacePoints:
    """Of one face: `points` float64 (68, 2) px of the picture; `visible` float64 (68,), how surely each is seen;
    `angles_deg` (3,) yaw, pitch, roll; `error`, how far off the points are thought to be, as a share of the distance
    between the outer corners of the eyes."""

    points: NDArray[np.float64]
    visible: NDArray[np.float64]
    angles_deg: NDArray[np.float64]
    error: float


def find_points(
    labeller: Labeller,
    pictures: Sequence[NDArray[np.uint8]],
    boxes: Floats,
    *,
    passes: int = 2,
    device: str = "cpu",
    rows: int = 1,
) -> list[FacePoints | None]:
    """The points of the faces about which `boxes` (N, 4) lie, roughly as the box of the 68 landmarks would, one face of
    each of the pictures uint8 (H, W, 3); None where a box is no place in its picture.

    The first look is at the box, each further one at the points found before, turned upright. `rows` as in
    `facsim.models.classifier.read_pictures`.
    """
    size, scale = labeller.preprocessing.size_px, float(labeller.settings["box_scale"])
    matrices = np.asarray(fit_box(boxes, scale=scale, size_px=size), dtype=np.float64)
    sound = np.array([is_sound(m, p.shape, size_px=size) for m, p in zip(matrices, pictures, strict=True)], dtype=bool)
    places = np.flatnonzero(sound).tolist()
    found: list[FacePoints | None] = [None] * len(pictures)
    if not places:
        return found
    chosen, matrices = [pictures[at] for at in places], matrices[places]
    points, outputs = _look(labeller, chosen, matrices, device, rows)
    for _ in range(passes - 1):
        matrices = _about(points, scale, size)
        points, outputs = _look(labeller, chosen, matrices, device, rows)
    for at, one in enumerate(_read(points, outputs, matrices, size)):
        found[places[at]] = one
    return found


def whole_boxes(pictures: Sequence[NDArray[np.uint8]], scale: float) -> NDArray[np.float64]:
    """(N, 4) boxes whose crop at `scale` is the whole of each picture, or the square about its middle that holds it."""
    sizes = np.array([picture.shape[1::-1] for picture in pictures], dtype=np.float64).reshape(-1, 2)
    half = sizes.max(axis=1, keepdims=True) / (2 * scale)
    return np.concatenate([sizes / 2 - half, sizes / 2 + half], axis=1)


def box_of(points: Floats) -> NDArray[np.float64]:
    """(4,) left, top, right, bottom of points (K, 2)."""
    return np.concatenate([points.min(axis=0), points.max(axis=0)]).astype(np.float64)


def _look(
    labeller: Labeller, pictures: Sequence[NDArray[np.uint8]], matrices: Floats, device: str, rows: int
) -> tuple[NDArray[np.float64], LandmarkOutputs]:
    size = labeller.preprocessing.size_px
    crops = np.stack([cut_out(p, m, size_px=size) for p, m in zip(pictures, matrices, strict=True)])
    with torch.inference_mode():
        found = read_pictures(labeller.network, labeller.preprocessing, crops, device=device, rows=rows)
        outputs = read_outputs(found.float().cpu())
    places = outputs.points.numpy().astype(np.float64) * size
    return np.asarray(moved(places, invert(matrices)), dtype=np.float64), outputs


def _about(points: NDArray[np.float64], scale: float, size_px: int) -> NDArray[np.float64]:
    """The matrices of crops about these points, turned so that the face is upright."""
    five = np.stack([pick_five(one) for one in points])
    fitted = fit_similarity(five, template_points("arcface"))
    most = np.radians(_MOST_UPRIGHT_DEG)
    angle = np.clip(np.arctan2(fitted[:, 1, 0], fitted[:, 0, 0]), -most, most)
    turn = np.stack([np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], 1)
    upright = points @ turn.transpose(0, 2, 1)
    boxes = np.concatenate([upright.min(axis=1), upright.max(axis=1)], axis=1)
    cut = np.asarray(fit_box(boxes, scale=scale, size_px=size_px), dtype=np.float64)
    return np.concatenate([cut[:, :, :2] @ turn, cut[:, :, 2:]], axis=2)


def _read(
    points: NDArray[np.float64], outputs: LandmarkOutputs, matrices: NDArray[np.float64], size_px: int
) -> list[FacePoints]:
    clockwise = np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 1, 1]))
    angles = turned_angles(outputs.angles_deg.numpy(), -clockwise)
    visible = outputs.visible_logits.sigmoid().numpy().astype(np.float64)
    places = outputs.points.numpy()
    apart = np.linalg.norm(places[:, _EYES[0]] - places[:, _EYES[1]], axis=1)
    spread = outputs.log_spread.exp().numpy().mean(axis=1) / np.maximum(apart, 0.05)
    return [
        FacePoints(points=points[at], visible=visible[at], angles_deg=angles[at], error=float(spread[at]))
        for at in range(len(points))
    ]
