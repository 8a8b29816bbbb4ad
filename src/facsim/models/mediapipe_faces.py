"""Faces, their 68 points and pose by MediaPipe's face landmarker, from its `.task` file.

Needs the `mediapipe` package (`facsim[mediapipe]`) and the file, neither of which facsim ships. The model has seen
photographs. It says of no point whether it is seen, and gives no score.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import MissingExtra, WeightsError
from facsim.models.face_finder import FoundFace
from facsim.models.face_points import box_of
from facsim.models.pose import angles_of

__all__ = ["MESH_68", "find_with_mediapipe", "open_mediapipe"]

MESH_68: tuple[int, ...] = (
    127, 234, 93, 215, 58, 136, 150, 176, 152, 400, 379, 365, 288, 435, 323, 454, 356,  # jaw
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 197, 5, 1, 98, 97, 2, 326, 327,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 81, 13, 311, 308, 402, 14, 178,  # lips
)  # fmt: skip
"""The vertex of MediaPipe's face mesh (478 points) for each of iBUG's 68. Brows, eyes and lips are those that the mesh
names; jaw and nose those that lay nearest to the renderer's landmarks on 400 renders within 25 degrees of frontal."""

_MOST_FACES = 8


def open_mediapipe(path: str | os.PathLike[str], *, least_score: float = 0.5) -> Any:
    """MediaPipe's landmarker. Raises MissingExtra without the package, WeightsError for a file that it cannot open."""
    try:
        from mediapipe.tasks.python import BaseOptions, vision  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtra('found no mediapipe, which a .task file needs; pip install "facsim[mediapipe]"') from error
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=os.fspath(path)),
        num_faces=_MOST_FACES,
        min_face_detection_confidence=least_score,
        output_facial_transformation_matrixes=True,
    )
    try:
        return vision.FaceLandmarker.create_from_options(options)
    except (RuntimeError, ValueError, OSError) as error:
        raise WeightsError(f"{path} cannot be opened as MediaPipe's face landmarker: {error}") from error


def find_with_mediapipe(landmarker: Any, pictures: Sequence[NDArray[np.uint8]]) -> list[list[FoundFace]]:
    """The faces of each picture uint8 (H, W, 3), at most eight, in MediaPipe's order, with points and pose."""
    import mediapipe  # pyright: ignore[reportMissingImports]

    found: list[list[FoundFace]] = []
    for picture in pictures:
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        said = landmarker.detect(image)
        sizes = np.array(picture.shape[1::-1], dtype=np.float64)
        faces: list[FoundFace] = []
        for mesh, matrix in zip(said.face_landmarks, said.facial_transformation_matrixes, strict=True):
            points = np.array([(mesh[at].x, mesh[at].y) for at in MESH_68], dtype=np.float64) * sizes
            faces.append(FoundFace(box=box_of(points), score=None, points=points, angles_deg=_angles(matrix)))
        found.append(faces)
    return found


def _angles(matrix: Any) -> NDArray[np.float64]:
    """Yaw, pitch and roll of a transformation (4, 4), whose axes are those of `facsim.models.camera`."""
    turn = np.asarray(matrix, dtype=np.float64)[:3, :3]
    return angles_of((turn / np.linalg.norm(turn, axis=0))[None])[0]
