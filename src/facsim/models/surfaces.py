"""Surfaces behind the pixels of a picture: how far away, and which way they face.

Read from the very samples that the picture was shaded from. Of a pixel's four samples the nearest counts that lies on
what the larger part of the pixel shows (`Exposure.parts`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.models.camera import NEAR_SHARE, View
from facsim.models.head_mesh import MESH_PARTS

__all__ = ["Geometry", "Surfaces", "trace_surfaces"]

_EMPTY = 1 << 62
"""`facsim.models.raster.EMPTY`, repeated because that module loads Warp; a test compares them."""

_SKIN_NAMES = ("lips", "brows", "neck", "garment")
_GRAZING = 0.02
"""Interpolated normals that turn away from the camera, as on an outline, are tilted to face it by this cosine."""

Floats = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class Surfaces:
    """Maps of S x S pixels."""

    depth_dm: NDArray[np.float32]
    """(S, S) distance along the camera's axis; infinite where nothing is."""
    normals: NDArray[np.float32]
    """(S, S, 3) unit vectors, x right, y up, z to the camera, without wrinkles and pores; 0 where nothing is."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Geometry:
    """One picture's mesh as the rasteriser saw it."""

    triangles: NDArray[np.int32]
    """(T, 3)."""
    parts: NDArray[np.uint8]
    """(T,)."""
    screen: NDArray[np.float32]
    """(V, 3) in samples; depth from 0 to 1."""
    normals: NDArray[np.float32]
    """(V, 3) unit, world coordinates."""
    visible: NDArray[np.int64]
    """(2 S, 2 S)."""


def trace_surfaces(geometry: Geometry, view: View, parts: NDArray[np.uint8], names: tuple[str, ...]) -> Surfaces:
    """The surfaces that a picture shows; `parts` (S, S) are places in `names`."""
    packed, at = _choose_samples(geometry, parts, names)
    seen = packed < _EMPTY
    depth = (packed[seen] >> 32).astype(np.int32).view(np.float32).astype(np.float64)
    distance = np.full(packed.shape, np.inf)
    distance[seen] = view.distance * NEAR_SHARE / (1.0 - depth)
    normals = np.zeros((*packed.shape, 3), dtype=np.float32)
    normals[seen] = _face_camera(geometry, view, packed[seen] & 0xFFFFFFFF, at[seen], distance[seen])
    return Surfaces(depth_dm=distance.astype(np.float32), normals=normals)


def _choose_samples(
    geometry: Geometry, parts: NDArray[np.uint8], names: tuple[str, ...]
) -> tuple[NDArray[np.int64], Floats]:
    """(S, S) packed samples and (S, S, 2) their places in samples."""
    size = len(parts)
    four = geometry.visible.reshape(size, 2, size, 2).transpose(0, 2, 1, 3).reshape(size, size, 4)
    found = np.append(geometry.parts.astype(np.int64), -1)[np.where(four < _EMPTY, four & 0xFFFFFFFF, -1)]
    wanted = np.array([_mesh_part(name) for name in names])[parts][..., None]
    worn = len(MESH_PARTS)
    fits = (found == wanted) | ((wanted == worn) & (found >= worn))
    near = np.where(fits | ~fits.any(axis=2, keepdims=True), four, _EMPTY)
    chosen = near.argmin(axis=2)
    row, column = np.divmod(chosen, 2)
    # the rotated grid of `facsim.models.raster.sample_position`
    x = 2 * np.arange(size)[None, :] + column + 0.75 - 0.5 * row
    y = 2 * np.arange(size)[:, None] + row + 0.25 + 0.5 * column
    return np.take_along_axis(near, chosen[..., None], axis=2)[..., 0], np.stack([x, y], axis=2)


def _mesh_part(name: str) -> int:
    """The mesh's part that a drawn part lies on: -1 for none, `len(MESH_PARTS)` for worn things."""
    if name == "background":
        return -1
    if name in _SKIN_NAMES:
        return MESH_PARTS.index("skin")
    return MESH_PARTS.index(name) if name in MESH_PARTS else len(MESH_PARTS)


def _face_camera(geometry: Geometry, view: View, triangle: NDArray[np.int64], at: Floats, distance: Floats) -> Floats:
    """(N, 3) unit normals at places on triangles, on the side that is seen."""
    corners = geometry.triangles[triangle]
    screen = geometry.screen[corners].astype(np.float64)
    shares, back = _share_corners(screen, at)
    normals = (geometry.normals[corners] * shares[..., None]).sum(axis=1)
    normals = np.where(back[:, None], -normals, normals)
    towards = np.stack([(view.centre_x - 0.5 * at[:, 0]), (0.5 * at[:, 1] - view.centre_y)], axis=1) / view.focal
    towards = np.append(towards, np.ones((len(at), 1)), axis=1)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    lacking = np.maximum(_GRAZING - (normals * towards).sum(axis=1), 0.0)
    normals = normals + lacking[:, None] * towards
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _share_corners(screen: Floats, at: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """(N, 3) perspective-correct weights of the corners (N, 3, 3), and whether a triangle is seen from behind."""
    a, b, c = (screen[:, k, :2] - at for k in range(3))
    flat = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)], axis=1)
    area = flat.sum(axis=1)
    shares = np.clip(flat / area[:, None], 0.0, 1.0) * (1.0 - screen[:, :, 2])
    return shares / shares.sum(axis=1, keepdims=True), area > 0.0


def _cross(one: Floats, other: Floats) -> Floats:
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
