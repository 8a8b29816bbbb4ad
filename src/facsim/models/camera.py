"""The camera: how a posed head lies in the picture, and where its points fall.

Head coordinates: +x the subject's left, +y up, +z out of the face, decimetres, origin between the eyes. World
coordinates are the camera's, turned to +x right in the picture, +y up, +z towards the camera, with the origin of the
head at 0.

Signs: `yaw_deg` positive turns the subject to their left (the nose goes right in the picture); `pitch_deg` positive
looks up; `roll_deg` positive tips the head to the subject's left (clockwise in the picture). The head is rolled
first, then pitched, then turned. Flipping a picture negates yaw and roll and keeps pitch.
"""

from dataclasses import dataclass

import numpy as np

__all__ = [
    "NEAR_SHARE",
    "NECK_PIVOT",
    "Camera",
    "View",
    "frame_face",
    "place_head",
    "project_points",
    "rotation_matrix",
    "torso_shares",
]

NECK_PIVOT = (0.0, -0.75, -0.75)
"""About where the skull turns on the neck, in head coordinates (between the mastoids)."""


NEAR_SHARE = 0.45
"""The near plane's distance as a share of the head's: depth is 1 - near / distance, which is affine on the screen."""

_NOSE_TIP = 30
"""Among the 68 points."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Pose, distance and framing.

    `torso_follow` is the share of the head's turn that the shoulders make too. `crop_scale` is the side of the
    picture over the larger side of the landmarks' box: 1.05 crops from brows to chin, 1.6 shows hair and collar.
    `shift_x`, `shift_y` move the face right and down, in shares of the picture. `nose_share` is how far across from the
    middle of the box (0) to the tip of the nose (1) the place lies that is framed: it differs on a turned head.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    torso_follow: float = 0.4
    distance_dm: float = 9.0
    crop_scale: float = 1.25
    shift_x: float = 0.0
    shift_y: float = 0.0
    nose_share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class View:
    """Where a head stands and how it projects: `x_px = centre_x + focal * x / (distance - z)`, y likewise and down."""

    turn: np.ndarray
    torso_turn: np.ndarray
    distance: float
    focal: float
    centre_x: float
    centre_y: float


def rotation_matrix(yaw_deg: float, pitch_deg: float, roll_deg: float) -> np.ndarray:
    """The 3x3 float64 turn from head to world coordinates for these angles (see the module's signs)."""
    yaw, pitch, roll = np.deg2rad([yaw_deg, pitch_deg, roll_deg])
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    turn = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    nod = np.array([[1.0, 0.0, 0.0], [0.0, cp, sp], [0.0, -sp, cp]])
    tip = np.array([[cr, sr, 0.0], [-sr, cr, 0.0], [0.0, 0.0, 1.0]])
    return turn @ nod @ tip


def place_head(points: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Points (N, 3) of the head in world coordinates: turned about the neck, which then keeps its place."""
    pivot = np.asarray(NECK_PIVOT)
    return (points - pivot) @ turn.T + pivot


def project_points(world: np.ndarray, view: View) -> np.ndarray:
    """Pixel positions (N, 2) float64, x right and y down, of world points (N, 3); pixel i covers [i, i + 1)."""
    scale = view.focal / (view.distance - world[:, 2])
    return np.stack([view.centre_x + scale * world[:, 0], view.centre_y - scale * world[:, 1]], axis=1)


def frame_face(camera: Camera, landmarks: np.ndarray, *, size_px: int) -> View:
    """The view that crops round the face: `landmarks` are the 68 points (68, 3) of the posed head, head coordinates."""
    turn = rotation_matrix(camera.yaw_deg, camera.pitch_deg, camera.roll_deg)
    follow = camera.torso_follow
    torso = rotation_matrix(camera.yaw_deg * follow, camera.pitch_deg * follow * 0.5, camera.roll_deg * follow * 0.5)
    world = place_head(landmarks, turn)
    plane = View(turn=turn, torso_turn=torso, distance=camera.distance_dm, focal=1.0, centre_x=0.0, centre_y=0.0)
    flat = project_points(world, plane)
    low, high = flat.min(axis=0), flat.max(axis=0)
    focal = size_px / (camera.crop_scale * float((high - low).max()))
    middle = (low + high) / 2.0
    middle[0] += camera.nose_share * (flat[_NOSE_TIP, 0] - middle[0])
    centre = size_px * (0.5 + np.array([camera.shift_x, camera.shift_y])) - focal * middle
    return View(
        turn=turn,
        torso_turn=torso,
        distance=camera.distance_dm,
        focal=focal,
        centre_x=float(centre[0]),
        centre_y=float(centre[1]),
    )


def torso_shares(rest: np.ndarray) -> np.ndarray:
    """float32 (V,): 0 where a vertex turns with the skull, 1 where with the shoulders; between them the neck bends."""
    t = np.clip((-0.95 - rest[:, 1]) / 1.0, 0.0, 1.0)
    return (t * t * (3.0 - 2.0 * t)).astype(np.float32)
