"""A head: triangles that all faces share, and vertices for an identity, action units and gaze.

    head = load_head()
    vertices = head.pose_vertices(Identity(age_years=30, gender=0.2, ancestry=(0, 0, 1)), {"12L": 4, "12R": 4})

Coordinates: decimetres; +x is the subject's left, +y up, +z out of the face; the origin is the mid-point between the centres of the two
eyeballs of that very identity.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facsim.models.asset_cache import Arrays
from facsim.models.eyeballs import find_centre_weights
from facsim.models.head_mesh import MESH_PARTS, load_head_arrays
from facsim.models.identity import Identity, list_sliders, weigh_identity

__all__ = ["PARTS", "Head", "Identity", "load_head"]

PARTS = MESH_PARTS
"""Names of the numbers in `Head.parts`."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """The topology and the regions that every head shares, with its shape model."""

    triangles: NDArray[np.int32]
    """(T, 3) vertex indices, anticlockwise from outside."""
    parts: NDArray[np.uint8]
    """(T,) places in `PARTS`."""
    uv: Floats
    """(V, 2). Skin: azimuth and elevation about the head's middle in [0, 1], torn only down the back of the head. Eyes: polar, pupil at (0.5,
    0.5), see `eyeballs`. Teeth: see `teeth`."""
    rest: Floats
    """(V, 3) vertices of the base mesh, which is nobody in particular; good as texture coordinates that stay with the skin."""
    masks: Mapping[str, Floats]
    """Region -> (V,) membership in [0, 1]."""
    arrays: Arrays
    """The shape model's raw arrays (see `head_mesh`)."""

    def pose_vertices(
        self,
        identity: Identity,
        action_units: Mapping[str, float],
        *,
        gaze: tuple[float, float] = (0.0, 0.0),
    ) -> Floats:
        """(V, 3) vertices of this identity showing these AUs (lateral code -> 0..5) and looking at (yaw_deg, pitch_deg)."""
        return _pose_neutral(self, identity).copy()


@lru_cache(maxsize=1)
def load_head() -> Head:
    """The head, loaded once in a process."""
    arrays = load_head_arrays()
    masks = {name.removeprefix("paint_"): arrays[name] for name in arrays if name.startswith("paint_")}
    return Head(
        triangles=arrays["triangles"], parts=arrays["parts"], uv=arrays["uv"], rest=_centre_vertices(arrays["vertices"], arrays),
        masks=masks, arrays=arrays,
    )  # fmt: skip


@lru_cache(maxsize=64)
def _pose_neutral(head: Head, identity: Identity) -> Floats:
    arrays = head.arrays
    names = {str(name): number for number, name in enumerate(arrays["target_names"])}
    vertices = arrays["vertices"].copy()
    for name, weight in weigh_identity(identity, list_sliders(names)).items():
        if name not in names:  # a target that moves only trunk or limbs
            continue
        first, last = arrays["target_starts"][names[name] : names[name] + 2]
        vertices[arrays["target_vertices"][first:last]] += weight * arrays["target_deltas"][first:last]
    return _centre_vertices(vertices, arrays)


def _centre_vertices(vertices: Floats, arrays: Arrays) -> Floats:
    """The same vertices with the mid-point between the eyeballs at the origin."""
    weights = find_centre_weights().astype(np.float32)
    first, second, end = arrays["piece_starts"][2:5]
    middle = 0.5 * (weights @ vertices[first:second] + weights @ vertices[second:end])
    return vertices - middle
