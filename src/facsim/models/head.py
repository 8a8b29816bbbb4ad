"""A head: triangles that all faces share, and vertices for an identity, action units and gaze.

    head = load_head()
    who = Identity(age_years=30, gender=0.2, ancestry=(0, 0, 1))
    vertices = head.pose_vertices(who, {"12L": 4, "12R": 4, "25": 2}, gaze=(10, 0))

Coordinates: decimetres; +x is the subject's left, +y up, +z out of the face; the origin is the mid-point between the
centres of the two eyeballs of that very identity. Left and right are the subject's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facsim.models.action_units import movement_shares
from facsim.models.asset_cache import Arrays
from facsim.models.eyelids import EyeRig, build_eye_rigs, find_eye, open_eyes, plan_opening, turn_eyeball
from facsim.models.face_motion import build_motion_fields
from facsim.models.head_mesh import MESH_PARTS, load_head_arrays
from facsim.models.identity import Identity
from facsim.models.lips import (
    MouthRig,
    build_mouth_rig,
    clear_teeth,
    cover_lower_teeth,
    lower_tongue,
    part_lips,
    plan_parting,
)
from facsim.models.neutral import ShapeModel, build_shape_model, centre_vertices, shape_neutral
from facsim.models.regions import build_masks

__all__ = ["PARTS", "Head", "load_head"]

PARTS = MESH_PARTS
"""Names of the numbers in `Head.parts`."""

Floats = NDArray[np.floating]

_EYES_APART_REST = 0.61554
# Sealed lips hide the teeth, which then stand back so that no lip movement runs into them (decimetres).
_TEETH_BACK = 0.12


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """The topology and the regions that every head shares, with its shape model."""

    triangles: NDArray[np.int32]
    """(T, 3) vertex indices, anticlockwise from outside."""
    parts: NDArray[np.uint8]
    """(T,) places in `PARTS`."""
    uv: NDArray[np.float32]
    """(V, 2). Skin: azimuth and elevation about the head's middle in [0, 1], torn only down the back of the head.
    Eyes: polar with the pupil at (0.5, 0.5), see `eyeballs`. Teeth: see `teeth`."""
    rest: NDArray[np.float32]
    """(V, 3) vertices of the base mesh, which is nobody in particular: coordinates that stay with the skin."""
    masks: Mapping[str, NDArray[np.float32]]
    """Region -> (V,) membership in [0, 1]."""
    arrays: Arrays
    """The raw arrays (see `head_mesh`)."""
    shapes: ShapeModel
    motions: Mapping[str, Floats]
    """AU key, or the two keys of AUs that meet (`1L+4L`), -> (V, 3) displacement at intensity 5 on the base mesh."""
    eyes: tuple[EyeRig, EyeRig]
    """Left and right."""
    mouth: MouthRig

    def pose_vertices(
        self,
        identity: Identity,
        action_units: Mapping[str, float],
        *,
        gaze: tuple[float, float] = (0.0, 0.0),
    ) -> NDArray[np.float32]:
        """(V, 3) vertices of this identity showing these AUs (key -> 0..5) and looking `gaze`.

        `gaze` is (yaw_deg towards the subject's left, pitch_deg upwards). FacsimError on an AU that is not supported.
        """
        shares = movement_shares(action_units)
        relaxed = _shape_neutral(self, identity)
        scale = _measure_scale(relaxed, self)
        vertices = (relaxed + scale * _sum_motions(self, shares)).astype(np.float32)
        for rig, side in zip(self.eyes, "LR", strict=True):
            opening = plan_opening(shares, side)
            open_eyes(vertices, relaxed, rig=rig, opening=opening, pitch_deg=gaze[1])
            turn_eyeball(vertices, rig=rig, gaze=gaze)
        _set_mouth(vertices, self, action_units=action_units, scale=scale)
        return vertices


@lru_cache(maxsize=1)
def load_head() -> Head:
    """The head, loaded once in a process."""
    arrays = load_head_arrays()
    eyes = build_eye_rigs(arrays)
    rest = centre_vertices(arrays["vertices"], eyes).astype(np.float32)
    return Head(
        triangles=arrays["triangles"], parts=arrays["parts"], uv=arrays["uv"], rest=rest,
        masks=build_masks(arrays, rest), arrays=arrays, shapes=build_shape_model(arrays, eyes),
        motions=build_motion_fields(arrays, rest), eyes=eyes, mouth=build_mouth_rig(arrays),
    )  # fmt: skip


@lru_cache(maxsize=64)
def _shape_neutral(head: Head, identity: Identity) -> Floats:
    return shape_neutral(identity, head.shapes)


def _measure_scale(relaxed: Floats, head: Head) -> float:
    """How large this face is beside the base mesh: distance between the eyes."""
    left, right = (find_eye(relaxed, rig)[0] for rig in head.eyes)
    return float(np.linalg.norm(left - right)) / _EYES_APART_REST


def _sum_motions(head: Head, shares: Mapping[str, float]) -> Floats:
    total = np.zeros_like(head.rest)
    for key, share in shares.items():
        total += np.float32(share) * head.motions[key]
    return total


def _set_mouth(vertices: Floats, head: Head, *, action_units: Mapping[str, float], scale: float) -> None:
    """Seal or part the lips, in place, and keep lips and teeth apart."""
    parting = plan_parting(action_units, scale=scale)
    part_lips(vertices, rig=head.mouth, parting=parting)
    if parting.seal < 1.0:
        cover_lower_teeth(vertices, rig=head.mouth, action_units=action_units, scale=scale)
    lower_tongue(vertices, rig=head.mouth)
    if parting.seal == 1.0:
        vertices[head.arrays["piece_starts"][4] :, 2] -= _TEETH_BACK
    else:
        clear_teeth(vertices, rig=head.mouth)
