"""Faces' boxes in whole pictures, by the native detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.models.boxes import outside_heads, strongest
from facsim.models.classifier import read_pictures
from facsim.models.detect_net import CELL_PX, read_boxes
from facsim.models.labeller import Labeller
from facsim.models.resampling import fitted_into

__all__ = ["FoundFace", "faces_among", "find_faces"]

_CELLS = 4 * CELL_PX

_HEAD_ROOM, _HEAD_PART = 0.4, 0.25
"""A box less than a quarter as large as another, on that one's head, is an ear, a curl, a mouth or a knuckle: chosen on
renders, between second boxes in portraits and faces found among several of any size (docs/results.md)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundFace:
    """A face that a detector found: `box` float64 (4,) px, `score` in [0, 1] to 1e-4, None where the
    detector has none, and `points` (68, 2) where it gives them, with `angles_deg` (3,)."""

    box: NDArray[np.float64]
    score: float | None
    points: NDArray[np.float64] | None = None
    angles_deg: NDArray[np.float64] | None = None


def find_faces(
    labeller: Labeller,
    pictures: Sequence[NDArray[np.uint8]],
    *,
    search_px: int,
    least_score: float | None = None,
    device: str = "cpu",
    rows: int = 1,
) -> list[list[FoundFace]]:
    """The faces of each picture uint8 (H, W, 3), strongest first: those of at least `least_score`, by default the
    score that the detector itself asks for.

    Pictures are looked at in a square of `search_px`, a multiple of 32: faces whose landmarks span from about a twelfth
    of it on are found. `rows` as in `facsim.models.classifier.read_pictures`. Raises FacsimError for another size.
    """
    if search_px % _CELLS or search_px <= 0:
        raise FacsimError(f"found search_px = {search_px}, expected a multiple of {_CELLS}")
    fitted = [fitted_into(picture, size_px=search_px) for picture in pictures]
    with torch.inference_mode():
        squares = np.stack([square for square, _ in fitted])
        maps = read_pictures(labeller.network, labeller.preprocessing, squares, device=device, rows=rows).float().cpu()
    scores, boxes = (part.numpy().astype(np.float64) for part in read_boxes(maps))
    rules = dict(labeller.settings) | ({} if least_score is None else {"least_score": least_score})
    return [
        _faces(score.reshape(-1), box.reshape(-1, 4), matrix, rules)
        for score, box, (_, matrix) in zip(scores, boxes, fitted, strict=True)
    ]


def faces_among(
    scores: NDArray[np.floating], boxes: NDArray[np.floating], settings: Mapping[str, Any]
) -> NDArray[np.int64]:
    """Which of a picture's boxes (N, 4) of scores (N,) are faces, strongest first, by a detector's `settings`: those of
    at least its `least_score`, one of each place (`overlap`, `inside`), none a part of a larger one's head."""
    chosen = np.flatnonzero(np.round(scores, 4) >= float(settings["least_score"]))
    rules = {name: float(settings[name]) for name in ("overlap", "inside")}
    kept = chosen[strongest(boxes[chosen], np.round(scores[chosen], 4), **rules)]
    return kept[outside_heads(boxes[kept], room=_HEAD_ROOM, small=_HEAD_PART)]


def _faces(
    scores: NDArray[np.float64], boxes: NDArray[np.float64], matrix: NDArray[np.float64], rules: Mapping[str, Any]
) -> list[FoundFace]:
    back = (boxes - np.tile(matrix[:, 2], 2)) / np.tile(matrix[[0, 1], [0, 1]], 2)
    return [FoundFace(box=back[at], score=float(np.round(scores[at], 4))) for at in faces_among(scores, boxes, rules)]
