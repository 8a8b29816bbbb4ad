"""Hair of the head: two shells of columns from the crown down, over the skull and, where it is long, falling from it,
and locks that lie on them.

The grid is bound to the head's vertices once (each node a few weights), so it follows every identity. A style then
says how far each column comes down, how far it stands off and where it falls free (`facsim.models.drapery`), and where
locks lie (`facsim.models.locks`). Strands are cut from these surfaces as they are drawn (`facsim.models.tresses`).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from facsim.models.appearance import Hair
from facsim.models.drapery import SKULL_CENTRE, STEPS_DM, Drapery, drape_columns, is_ball, look_up, step_columns
from facsim.models.hairlines import smooth_step
from facsim.models.locks import LOCK, LOCK_POINTS, LOCKS, lay_locks, lock_topology

__all__ = ["COLUMNS", "OUTER", "ROWS", "THIN_TRIANGLES", "HairShell", "bind_shell", "drape_hair", "hair_topology"]

COLUMNS = 48
"""Columns round the head; one more closes the ring at the nape."""
ROWS = 16
"""Nodes of a column, from the crown to the hem."""

OUTER = 10.0
"""Added to u on the outer shell."""
THIN_TRIANGLES = 2 * COLUMNS * (ROWS - 1) + 2 * LOCKS * (LOCK_POINTS - 1)
"""Triangles of the outer shell and of the locks."""

_SKULL_NODES = 30
_LOWEST_DEG = -52.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class HairShell:
    """How the columns hang on a head: weights ((COLUMNS + 1) * nodes, V) and the nodes' heights on the rest head."""

    weights: csr_matrix
    heights: Floats
    """(COLUMNS + 1, nodes) y on the rest head, falling along each column."""
    azimuths_deg: Floats
    """(COLUMNS + 1,) from -180 (nape) over 0 (front) to 180."""


def hair_topology() -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The hair's triangles (T, 3), numbered from 0, and per vertex (u, t), as `facsim.models.tresses` reads them.

    `THIN_TRIANGLES`, those of the locks and of the outer shell, come last: their shadow is the inner shell's.
    """
    inner, grid = _shell_topology()
    ribbons, lengths = lock_topology()
    triangles = np.concatenate([inner, ribbons + 2 * len(grid), inner + len(grid)])
    uv = np.concatenate([grid, grid + np.array([OUTER, 0.0]), lengths + np.array([LOCK, 0.0])])
    return triangles.astype(np.int32), uv.astype(np.float32)


def _shell_topology() -> tuple[NDArray[np.int32], Floats]:
    column, row = np.meshgrid(np.arange(COLUMNS), np.arange(ROWS - 1), indexing="ij")
    here = (column * ROWS + row).ravel()
    beside = here + ROWS
    triangles = np.concatenate([np.stack([here, here + 1, beside + 1], 1), np.stack([here, beside + 1, beside], 1)])
    u, t = np.meshgrid(np.linspace(0.0, 1.0, COLUMNS + 1), np.linspace(0.0, 1.0, ROWS), indexing="ij")
    return triangles.astype(np.int32), np.stack([u.ravel(), t.ravel()], axis=1)


def bind_shell(rest: np.ndarray, triangles: np.ndarray, ears: np.ndarray, mirror: np.ndarray) -> HairShell:
    """Hang the columns on a rest head (V, 3): rays from the middle of the skull find the skin; ears (V,) are passed
    over. `mirror` (V,) is each vertex's counterpart: both sides are bound alike."""
    azimuths = np.linspace(-180.0, 180.0, COLUMNS + 1)
    elevations = np.linspace(90.0, _LOWEST_DEG, _SKULL_NODES)
    smooth = triangles[(ears[triangles] < 0.05).all(axis=1)]
    rows, columns, values = [], [], []
    for c, azimuth in enumerate(azimuths):
        for e, elevation in enumerate(elevations):
            corners, shares = _find_skin(rest, smooth, -abs(azimuth), elevation)
            corners = mirror[corners] if azimuth > 0.0 else corners
            rows += [c * _SKULL_NODES + e] * len(corners)
            columns += list(corners)
            values += list(shares)
    weights = csr_matrix((values, (rows, columns)), shape=(len(azimuths) * _SKULL_NODES, len(rest)))
    heights = np.minimum.accumulate((weights @ rest)[:, 1].reshape(len(azimuths), _SKULL_NODES), axis=1)
    heights -= np.arange(_SKULL_NODES) * 1e-4
    return HairShell(weights=weights, heights=heights, azimuths_deg=azimuths)


def _find_skin(
    rest: np.ndarray, triangles: np.ndarray, azimuth: float, elevation: float
) -> tuple[np.ndarray, np.ndarray]:
    """Corners and shares of the outermost skin in a direction; over an ear, the mean of the skin found before and
    behind it."""
    hit = _cast_ray(rest, triangles, azimuth, elevation)
    if hit is not None:
        return hit
    for spread in range(4, 40, 4):
        pair = [_cast_ray(rest, triangles, azimuth + side * spread, elevation) for side in (-1, 1)]
        if pair[0] is not None and pair[1] is not None:
            return np.concatenate([pair[0][0], pair[1][0]]), 0.5 * np.concatenate([pair[0][1], pair[1][1]])
    raise AssertionError("no skin on either side of an ear: the head is not closed there")


def _cast_ray(
    rest: np.ndarray, triangles: np.ndarray, azimuth: float, elevation: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """The farthest triangle along a ray from the middle of the skull (Moeller and Trumbore, 1997)."""
    a, e = np.deg2rad([azimuth, min(elevation, 89.9)])
    ray = np.array([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)])
    corner = rest[triangles[:, 0]].astype(np.float64)
    edge1, edge2 = rest[triangles[:, 1]] - corner, rest[triangles[:, 2]] - corner
    p = np.cross(ray, edge2)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1.0 / (edge1 * p).sum(axis=1)
        away = SKULL_CENTRE - corner
        u = (away * p).sum(axis=1) * inverse
        q = np.cross(away, edge1)
        v = (q @ ray) * inverse
        distance = (edge2 * q).sum(axis=1) * inverse
        inside = (u >= -1e-6) & (v >= -1e-6) & (u + v <= 1.0 + 1e-6) & (distance > 0.2) & (distance < 1.8)
    if not inside.any():
        return None
    best = int(np.where(inside, distance, -1.0).argmax())
    return triangles[best], np.array([1.0 - u[best] - v[best], u[best], v[best]])


def drape_hair(
    shell: HairShell, vertices: np.ndarray, hair: Hair, generator: np.random.Generator, *, mirrored: bool = False
) -> NDArray[np.float32]:
    """The hair's vertices (`hair_topology` numbers them), head coordinates: two shells, then locks; what a style lacks
    lies in one point. `mirrored` lays what `hair` on the head flipped left to right would be, flipped back."""
    if hair.length_dm < 0.03 or hair.hidden:
        return np.zeros((2 * (COLUMNS + 1) * ROWS + 2 * LOCKS * LOCK_POINTS, 3), dtype=np.float32)
    order = -1 if mirrored else 1
    skull = (shell.weights @ vertices).reshape(COLUMNS + 1, _SKULL_NODES, 3)[::order]
    skull[:, :, 0] *= order
    styled = replace(hair, parting=-hair.parting) if mirrored else hair
    drapery = drape_columns(skull, shell.heights[::order], shell.azimuths_deg, styled, generator)
    shells = [layer[:, ::order].reshape(3, -1) for layer in _lay_shells(drapery, styled)]
    locks = lay_locks(drapery, styled, generator)
    planes = np.concatenate([*shells, locks], axis=1)
    planes[0] *= order
    return planes.T.astype(np.float32, order="C")


def _lay_shells(drapery: Drapery, hair: Hair) -> tuple[Floats, Floats]:
    """(3, COLUMNS + 1, ROWS) the inner and the outer shell, crown to hem."""
    t = np.linspace(0.0, 1.0, ROWS)
    at = step_columns(np.broadcast_to(STEPS_DM, drapery.surface.shape[1:]), drapery.hems[:, None] * t)
    surface = look_up(drapery.surface, at)
    places, away, lift = surface[:3], surface[3:6], surface[6]
    over = 0.012 + 0.10 * hair.lift_dm + 0.05 * hair.curl * min(1.0, 2.0 * hair.lift_dm)
    over = over + is_ball(hair) * (0.05 - over)
    if hair.pressed:
        over = min(over, 0.012)
    return places + away * lift, places + away * (lift + over * smooth_step(0.0, 0.3, lift / 0.03))
