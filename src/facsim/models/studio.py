"""What every picture shares, ready on one device: the head's and the hair's topology, rest attributes and static
shade.

`open_studio` builds it once per process and device; the slow parts come from facsim's cache folder.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import warp as wp
from scipy.sparse import csr_matrix

from facsim.models.asset_cache import Arrays, load_cached
from facsim.models.camera import torso_shares
from facsim.models.eyelids import EDGE_ROW
from facsim.models.hair import THIN_TRIANGLES, HairShell, bind_shell, hair_topology
from facsim.models.head import PARTS, Head, load_head
from facsim.models.kernels import load_kernels
from facsim.models.patches import RIM_TRIANGLES, count_vertices, patch_topology
from facsim.models.raster import (
    BOTH_SIDES,
    EMPTY,
    FRONT_ONLY,
    SHADOWLESS,
    STRANDS,
    THIN_STRANDS,
    Faces,
    rasterise,
    vertex_fans,
)
from facsim.models.strand_field import build_field
from facsim.models.tresses import Ends

__all__ = ["Studio", "measure_openness", "open_studio"]

_DIRECTIONS = 96
_SIDE = 256
_HALF_DM = 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Studio:
    """Device arrays for a mesh of V = head + hair + worn patches' vertices, and the hair's hold on the head."""

    head: Head
    shell: HairShell
    device: str
    faces: Faces  # pyright: ignore[reportGeneralTypeIssues]
    bare_faces: Faces  # pyright: ignore[reportGeneralTypeIssues]
    """The triangles before the patches': all that a batch needs in which nobody wears anything."""
    parts: wp.array
    rest: wp.array
    paint: wp.array
    edges: wp.array
    torso: wp.array
    fans: tuple[wp.array, wp.array]
    strands: wp.array


@lru_cache(maxsize=4)
def open_studio(device: str) -> Studio:
    """The studio on a Warp device (`"cpu"`, `"cuda:0"`)."""
    load_kernels(device)
    head = load_head()
    settled = load_cached("studio", key=_settings_key(head), build=lambda: _settle(head))
    hair, strands = hair_topology()
    count = len(head.rest)
    patches, places, stuffs = patch_topology()
    triangles = np.concatenate([head.triangles, hair + count, patches + count + len(strands)])
    parts = np.concatenate([head.parts, np.full(len(hair), PARTS.index("hair")), len(PARTS) + stuffs]).astype(np.uint8)
    rest = np.concatenate([head.rest, settled["hair_rest"], np.zeros((count_vertices(), 3), np.float32)])
    total = len(rest)
    faces = _place_faces(triangles, parts, np.concatenate([head.uv, strands, places]), device)
    return Studio(
        head=head,
        shell=_read_shell(settled),
        device=device,
        faces=faces,
        bare_faces=_first_faces(faces, len(head.triangles) + len(hair)),
        parts=wp.array(parts, dtype=wp.uint8, device=device),
        rest=wp.array(rest.astype(np.float32), dtype=wp.vec3, device=device),
        paint=wp.array(_paint(head, settled["openness"], total), dtype=wp.vec4, device=device),
        edges=wp.array(_measure_edges(head, total), dtype=wp.vec2, device=device),
        torso=wp.array(np.append(torso_shares(head.rest), np.zeros(total - count, np.float32)), device=device),
        fans=_place_fans(triangles, total, device),
        strands=wp.array(build_field(), dtype=wp.float32, device=device),
    )


def _place_fans(triangles: np.ndarray, count: int, device: str) -> tuple[wp.array, wp.array]:
    first, fans = vertex_fans(triangles, count)
    return wp.array(first, device=device), wp.array(fans, device=device)


def _place_faces(triangles: np.ndarray, parts: np.ndarray, uv: np.ndarray, device: str) -> Faces:  # pyright: ignore[reportGeneralTypeIssues]
    kinds = np.full(len(parts), int(FRONT_ONLY), dtype=np.uint8)
    kinds[parts == PARTS.index("lashes")] = int(BOTH_SIDES)
    hair = np.flatnonzero(parts == PARTS.index("hair"))
    kinds[hair] = int(STRANDS)
    kinds[hair[-THIN_TRIANGLES:]] = int(THIN_STRANDS)
    worn = np.flatnonzero(parts >= len(PARTS))
    kinds[worn] = int(BOTH_SIDES)
    kinds[worn[:RIM_TRIANGLES]] = int(SHADOWLESS)
    faces = Faces()
    faces.triangles = wp.array(triangles.astype(np.int32), dtype=wp.vec3i, device=device)
    faces.kinds = wp.array(kinds, device=device)
    faces.uv = wp.array(uv.astype(np.float32), dtype=wp.vec2, device=device)
    return faces


def _first_faces(faces: Faces, count: int) -> Faces:  # pyright: ignore[reportGeneralTypeIssues]
    first = Faces()
    first.triangles, first.kinds, first.uv = faces.triangles[:count], faces.kinds[:count], faces.uv
    return first


def _paint(head: Head, openness: np.ndarray, count: int) -> np.ndarray:
    """(count, 4) float32: lips, lids, ears, and openness; hair is open and unpainted."""
    paint = np.zeros((count, 4), dtype=np.float32)
    paint[:, 3] = 1.0
    known = len(head.rest)
    paint[:known, :3] = np.stack([head.masks[name] for name in ("lips", "eyelids", "ears")], axis=1)
    # lids unfold when they close, so what the open eye hides is not dark for good
    lids = np.clip(paint[:known, 1] * 1.5, 0.0, 1.0)
    paint[:known, 3] = openness + (np.maximum(openness, 0.85) - openness) * lids
    return paint


def _measure_edges(head: Head, count: int) -> np.ndarray:
    """(count, 2) float32: each vertex's distance on the rest head to the nearer upper and lower lid's edge, at most
    0.2 dm."""
    edges = np.full((count, 2), 0.2, dtype=np.float32)
    ring = head.arrays["rings_eye"][EDGE_ROW]
    for side in (ring, head.arrays["mirror"][ring]):
        points = head.rest[side]
        corner, other = points[points[:, 0].argmin()], points[points[:, 0].argmax()]
        chord = corner[1] + (points[:, 0] - corner[0]) / (other[0] - corner[0]) * (other[1] - corner[1])
        for which, chosen in enumerate((points[:, 1] >= chord - 1e-6, points[:, 1] <= chord + 1e-6)):
            away = np.linalg.norm(head.rest[:, None] - points[chosen][None], axis=2).min(axis=1)
            edges[: len(away), which] = np.minimum(edges[: len(away), which], away)
    return edges


def _settings_key(head: Head) -> str:
    shape = hashlib.blake2b(head.rest.tobytes() + head.triangles.tobytes(), digest_size=8)
    for name in ("studio.py", "hair.py", "raster.py"):
        shape.update((Path(__file__).parent / name).read_bytes())
    return shape.hexdigest()


def _settle(head: Head) -> dict[str, np.ndarray]:
    shell = bind_shell(head.rest, head.triangles, head.masks["ears"], head.arrays["mirror"])
    weights = shell.weights
    return {
        "openness": measure_openness(head.rest, head.triangles),
        "weights": weights.data,
        "columns": weights.indices,
        "starts": weights.indptr,
        "heights": shell.heights,
        "azimuths_deg": shell.azimuths_deg,
        "hair_rest": np.zeros((len(hair_topology()[1]), 3), dtype=np.float32),
        "count": np.array(len(head.rest)),
    }


def _read_shell(settled: Arrays) -> HairShell:
    starts = settled["starts"]
    weights = csr_matrix(
        (settled["weights"], settled["columns"], starts), shape=(len(starts) - 1, int(settled["count"]))
    )
    return HairShell(weights=weights, heights=settled["heights"], azimuths_deg=settled["azimuths_deg"])


def measure_openness(rest: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """float32 (V,) in 0–1: the cosine-weighted share of directions from which each vertex of a mesh is seen, seen
    itself from far away by `_DIRECTIONS` depth maps."""
    directions = _spread_directions(_DIRECTIONS)
    normals = _vertex_normals(rest, triangles)
    seen, weight = np.zeros(len(rest)), np.full(len(rest), 1e-6)
    for towards in directions:
        facing = np.clip(normals @ towards, 0.0, None)
        seen += facing * _lit_from(rest + 0.02 * normals, rest, triangles, towards)
        weight += facing
    return (seen / weight).astype(np.float32)


def _lit_from(points: np.ndarray, rest: np.ndarray, triangles: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """float64 (N,): 1 where a point sees the direction, falling to 0 over 4 mm of depth behind what hides it."""
    helper = np.array([0.0, 1.0, 0.0]) if abs(towards[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(helper, towards)
    right /= np.linalg.norm(right)
    frame = np.stack([right, -np.cross(towards, right), -towards]) / (2.0 * _HALF_DM)
    screen = (rest @ frame.T + (0.0, 0.0, 0.5)).astype(np.float32)
    screen[:, :2] = (screen[:, :2] + 0.5) * _SIDE
    faces = _place_faces(triangles, np.zeros(len(triangles), dtype=np.uint8), np.zeros((len(rest), 2)), "cpu")
    visible = rasterise(wp.array(screen[None], dtype=wp.vec3, device="cpu"), faces, Ends(), side=_SIDE, grid=0).numpy()[
        0
    ]
    depth = np.where(visible >= EMPTY, 1.0, (visible >> 32).astype(np.int32).view(np.float32))
    local = points @ frame.T + (0.0, 0.0, 0.5)
    cell = np.clip(((local[:, :2] + 0.5) * _SIDE).astype(int), 0, _SIDE - 1)
    return np.clip(1.0 - (local[:, 2] - depth[cell[:, 1], cell[:, 0]]) * (2.0 * _HALF_DM / 0.04), 0.0, 1.0)


def _spread_directions(count: int) -> np.ndarray:
    """(count, 3) unit vectors spread evenly over the sphere by the golden angle."""
    z = 1.0 - (2.0 * np.arange(count) + 1.0) / count
    turn = np.arange(count) * np.pi * (3.0 - np.sqrt(5.0))
    flat = np.sqrt(1.0 - z * z)
    return np.stack([flat * np.cos(turn), z, flat * np.sin(turn)], axis=1)


def _vertex_normals(rest: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (rest[triangles[:, i]].astype(np.float64) for i in range(3))
    face = np.cross(b - a, c - a)
    total = np.zeros((len(rest), 3))
    for corner in range(3):
        np.add.at(total, triangles[:, corner], face)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
