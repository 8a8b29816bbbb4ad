"""Faces' boxes by YuNet (Wu, Peng and Yu 2023, YuNet: A Tiny Millisecond-level Face Detector), from its ONNX file.

The file of OpenCV's model zoo, or one with its sides left open; run with onnxruntime, and decoded here as OpenCV's
FaceDetectorYN does. Its weights have seen photographs (WIDER FACE); they are never shipped with facsim.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import MissingExtra, WeightsError
from facsim.models.boxes import strongest
from facsim.models.face_finder import FoundFace
from facsim.models.resampling import fitted_into

__all__ = ["YUNET_SCORE", "decode_yunet", "find_with_yunet", "open_yunet"]

_STRIDES = (8, 16, 32)
_KINDS = ("cls", "obj", "bbox", "kps")
_OVERLAP = 0.3  # FaceDetectorYN's own

YUNET_SCORE = 0.6
"""The least score of a face where nothing else is asked for."""

_FOREHEAD = 0.22
"""A box of the 68 landmarks starts at the brows: the share of YuNet's that lies above them, on average of 120 renders;
the other three sides differ by 2 % at most."""


def open_yunet(path: str | os.PathLike[str]) -> Any:
    """An onnxruntime session, one thread. Raises MissingExtra, or WeightsError for a file that is not YuNet's."""
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state  # pyright: ignore[reportAttributeAccessIssue]
    except ImportError as error:
        raise MissingExtra('found no onnxruntime, which YuNet needs; pip install "facsim[onnx]"') from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    except (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile) as error:
        raise WeightsError(f"{path} cannot be opened as an ONNX model: {error}") from error
    names = {output.name for output in session.get_outputs()}
    missing = [name for name in _names() if name not in names]
    if missing:
        raise WeightsError(f"{path} has no outputs {', '.join(missing)}; expected a YuNet of 2022 or later")
    return session


def find_with_yunet(
    session: Any, pictures: Sequence[NDArray[np.uint8]], *, search_px: int, least_score: float
) -> list[list[FoundFace]]:
    """The faces of each picture uint8 (H, W, 3), strongest first, boxes cut to begin at the brows; each picture is
    looked at in a square of `search_px`, a multiple of 32."""
    fixed = session.get_inputs()[0].shape[2]
    side = fixed if isinstance(fixed, int) else search_px
    found: list[list[FoundFace]] = []
    for picture in pictures:
        square, matrix = fitted_into(picture, size_px=side, ground=0)
        planes = np.ascontiguousarray(square[:, :, ::-1].transpose(2, 0, 1)[None], dtype=np.float32)  # BGR, 0–255
        arrays = session.run(list(_names()), {session.get_inputs()[0].name: planes})
        named = {name: array[0] for name, array in zip(_names(), arrays, strict=True)}
        scores, boxes, _ = decode_yunet(named, side)
        found.append(_faces(scores, boxes, matrix, least_score))
    return found


def decode_yunet(
    outputs: Mapping[str, NDArray[np.float32]], side: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Scores (K,), boxes (K, 4) left, top, right, bottom px and points (K, 5, 2) px in facsim's order (the subject's
    left eye first) of all K anchors of a square of `side` px."""
    scores, boxes, points = list[NDArray[np.float64]](), list[NDArray[np.float64]](), list[NDArray[np.float64]]()
    for stride in _STRIDES:
        cells = side // stride
        down, across = np.divmod(np.arange(cells * cells), cells)
        corner = np.stack([across, down], axis=1).astype(np.float64)
        shares = [np.clip(outputs[f"{kind}_{stride}"][:, 0].astype(np.float64), 0, 1) for kind in ("cls", "obj")]
        box = outputs[f"bbox_{stride}"].astype(np.float64)
        middle, half = (corner + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride / 2
        five = (outputs[f"kps_{stride}"].astype(np.float64).reshape(-1, 5, 2) + corner[:, None]) * stride
        scores.append(np.sqrt(shares[0] * shares[1]))
        boxes.append(np.concatenate([middle - half, middle + half], axis=1))
        points.append(five[:, [1, 0, 2, 4, 3]])
    return np.concatenate(scores), np.concatenate(boxes), np.concatenate(points)


def _names() -> tuple[str, ...]:
    return tuple(f"{kind}_{stride}" for kind in _KINDS for stride in _STRIDES)


def _faces(
    scores: NDArray[np.float64], boxes: NDArray[np.float64], matrix: NDArray[np.float64], least_score: float
) -> list[FoundFace]:
    scores = np.round(scores, 4)
    chosen = scores >= least_score
    scores, boxes = scores[chosen], boxes[chosen]
    back = (boxes - np.tile(matrix[:, 2], 2)) / np.tile(matrix[[0, 1], [0, 1]], 2)
    back[:, 1] += _FOREHEAD * (back[:, 3] - back[:, 1])
    return [FoundFace(box=back[at], score=float(scores[at])) for at in strongest(boxes, scores, overlap=_OVERLAP)]
