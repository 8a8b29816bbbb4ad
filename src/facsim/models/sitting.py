"""A scene's geometry: the posed head with its hair, its landmarks, its folds and the view that frames it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.models.action_units import wrinkle_weights
from facsim.models.camera import View, frame_face
from facsim.models.dressing import Dressed, cover_hair, dress_head
from facsim.models.face_crop import pick_five
from facsim.models.hair import HairShell, drape_hair
from facsim.models.head import Head
from facsim.models.headwear import press_hair
from facsim.models.landmarks import landmarks_68
from facsim.models.scene import Scene

__all__ = ["Sitting", "sit_for"]

# How deep each region's lines are in a face at rest when `Skin.age_lines` is 1.
_LINES_AT_REST: Mapping[str, float] = {
    "forehead_inner": 0.5,
    "forehead_outer_left": 0.45,
    "forehead_outer_right": 0.45,
    "glabella": 0.2,
    "crow_left": 0.65,
    "crow_right": 0.65,
    "nasolabial_left": 0.8,
    "nasolabial_right": 0.8,
    "under_eye_left": 0.85,
    "under_eye_right": 0.85,
    "corner_left": 0.6,
    "corner_right": 0.6,
    "lips": 0.25,
    "neck": 0.6,
    "chin": 0.1,
}

_SWALLOWED = 0.65
"""How much of a line at rest goes into a full fold at the same place."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sitting:
    """A scene with its posed geometry, head coordinates, and the view that frames it."""

    scene: Scene
    points: NDArray[np.float32]
    """(V, 3) the head's vertices, then the hair's."""
    landmarks: NDArray[np.float64]
    """(68, 3)."""
    five: NDArray[np.float64]
    """(5, 3)."""
    view: View
    wrinkles: Mapping[str, float]
    """Region -> depth of its folds, 0 to about 1."""
    dressed: Dressed


def sit_for(scene: Scene, head: Head, shell: HairShell, *, size_px: int) -> Sitting:
    """Pose the scene's head, hang its hair and frame it."""
    vertices = head.pose_vertices(scene.identity, scene.action_units, gaze=scene.gaze)
    marks = landmarks_68(head, vertices)
    landmarks = marks.astype(np.float64)
    view = frame_face(scene.camera, landmarks, size_px=size_px)
    dressed = dress_head(head, shell, scene, vertices, view)
    worn_hair = cover_hair(scene.hair, scene.worn.headwear)
    strands = np.random.default_rng([scene.seed, 1])
    hair = drape_hair(shell, vertices, worn_hair, strands, mirrored=scene.mirrored)
    if dressed.crown is not None:
        hair = press_hair(hair, dressed.crown)
    return Sitting(
        scene=scene,
        points=np.concatenate([vertices, hair]).astype(np.float32),
        landmarks=landmarks,
        five=pick_five(marks).astype(np.float64),
        view=view,
        wrinkles=_fold_skin(scene),
        dressed=dressed,
    )


def _fold_skin(scene: Scene) -> dict[str, float]:
    """Folds of the AUs, as deep as the skin folds, over the lines that stay at rest, which a fold partly swallows."""
    lines, depth = scene.skin.age_lines, scene.skin.folds
    folds = wrinkle_weights(scene.action_units)
    regions = set(folds) | set(_LINES_AT_REST)
    made = {name: depth * folds.get(name, 0.0) for name in regions}
    return {
        name: fold + lines * _LINES_AT_REST.get(name, 0.0) * (1.0 - _SWALLOWED * min(fold, 1.0))
        for name, fold in made.items()
    }
