"""Hair of the head as a shell: a grid of columns from the crown down, over the skull and, where it is long, falling
from it.

The grid is bound to the head's vertices once (each node a few weights), so it follows every identity. A style then
says how far each column comes down, how far it stands off and where it falls free. Strands, ragged ends and gloss are
drawn in the shader.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from facsim.models.appearance import Hair
from facsim.models.hair_styles import BRIM_HEIGHT, PRESSED_LIFT_DM

__all__ = ["COLUMNS", "ROWS", "HairShell", "bind_shell", "drape_hair", "shell_topology"]

COLUMNS = 64
"""Columns round the head; one more closes the ring at the nape."""
ROWS = 20
"""Nodes of a column, from the crown to the hem."""

_CENTRE = np.array([0.0, 0.25, -0.6])
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


def shell_topology() -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The shell's triangles (T, 3), numbered from 0, and per vertex (u, t): round the head and from crown (0) to hem
    (1)."""
    column, row = np.meshgrid(np.arange(COLUMNS), np.arange(ROWS - 1), indexing="ij")
    here = (column * ROWS + row).ravel()
    beside = here + ROWS
    triangles = np.concatenate([np.stack([here, here + 1, beside + 1], 1), np.stack([here, beside + 1, beside], 1)])
    u, t = np.meshgrid(np.linspace(0.0, 1.0, COLUMNS + 1), np.linspace(0.0, 1.0, ROWS), indexing="ij")
    return triangles.astype(np.int32), np.stack([u.ravel(), t.ravel()], axis=1).astype(np.float32)


def bind_shell(rest: np.ndarray, triangles: np.ndarray, ears: np.ndarray) -> HairShell:
    """Hang the columns on a rest head (V, 3): rays from the middle of the skull find the skin; ears (V,) are passed
    over."""
    azimuths = np.linspace(-180.0, 180.0, COLUMNS + 1)
    elevations = np.linspace(90.0, _LOWEST_DEG, _SKULL_NODES)
    smooth = triangles[(ears[triangles] < 0.05).all(axis=1)]
    rows, columns, values = [], [], []
    for c, azimuth in enumerate(azimuths):
        for e, elevation in enumerate(elevations):
            corners, shares = _find_skin(rest, smooth, azimuth, elevation)
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
        away = _CENTRE - corner
        u = (away * p).sum(axis=1) * inverse
        q = np.cross(away, edge1)
        v = (q @ ray) * inverse
        distance = (edge2 * q).sum(axis=1) * inverse
        inside = (u >= -1e-6) & (v >= -1e-6) & (u + v <= 1.0 + 1e-6) & (distance > 0.2) & (distance < 1.8)
    if not inside.any():
        return None
    best = int(np.where(inside, distance, -1.0).argmax())
    return triangles[best], np.array([1.0 - u[best] - v[best], u[best], v[best]])


@lru_cache(maxsize=1)
def _hairline_table() -> Floats:
    """Heights of the hairline at 0, 1 … 180 degrees for receding 0 (first row) and 1 (second): as `face_hair` paints
    it."""
    a = np.arange(181.0)
    step = _smoothstep
    y = 0.76 - 0.05 * step(10.0, 32.0, a) - 0.33 * step(34.0, 60.0, a) - 0.42 * step(56.0, 74.0, a)
    y = y + 0.14 * step(82.0, 92.0, a) - 0.62 * step(103.0, 150.0, a)
    temples = np.exp(-(((a - 38.0) / 16.0) ** 2))
    return np.stack([y, 0.28 * temples, 0.32 * (1.0 - step(45.0, 80.0, a))])


def _smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _hairline(azimuths: Floats, receding: float) -> Floats:
    base, temples, crown = (np.interp(np.abs(azimuths), np.arange(181.0), row) for row in _hairline_table())
    return base + receding * (temples + crown * max(receding - 0.2, 0.0))


def drape_hair(shell: HairShell, vertices: np.ndarray, hair: Hair, generator: np.random.Generator) -> np.ndarray:
    """The shell's vertices ((COLUMNS + 1) * ROWS, 3) float32, head coordinates; all in one point where there is no
    hair."""
    if hair.length_dm < 0.12 or hair.hidden:
        return np.zeros(((COLUMNS + 1) * ROWS, 3), dtype=np.float32)
    skull = (shell.weights @ vertices).reshape(COLUMNS + 1, _SKULL_NODES, 3)
    columns = _let_fall(skull, shell.heights, hair)
    hem = _hem_heights(shell.azimuths_deg, hair)
    hem = hem + min(0.03, 0.03 * hair.length_dm + 0.008) * _ring_noise(generator, 21)
    return _stand_off(columns, hem, hair, generator).reshape(-1, 3).astype(np.float32)


def _hem_heights(azimuths: Floats, hair: Hair) -> Floats:
    """(COLUMNS + 1,) y on the rest head at which each column ends."""
    a = np.abs(azimuths)
    line = _hairline(azimuths, hair.receding)
    side = _smoothstep(hair.opening_deg - 12.0, hair.opening_deg + 4.0, a)
    drop = 0.0 if hair.tied else max(hair.length_dm - 0.25, 0.0)
    front = 1.0 - _smoothstep(36.0, 60.0, a)
    # a parting lets the fringe hang deeper on its wider side
    lean = 1.0 + 0.25 * hair.parting * np.sin(np.deg2rad(azimuths))
    return line - 0.03 - drop * side - np.clip(hair.fringe * lean, 0.0, 1.1) * front * (line - 0.24)


def _let_fall(skull: np.ndarray, heights: Floats, hair: Hair) -> tuple[Floats, Floats]:
    """Columns continued below the skull: heights on the rest head and places, falling straight where hair is long."""
    radial = np.linalg.norm(skull[:, :, [0, 2]] - _CENTRE[[0, 2]], axis=2)
    widest = np.maximum.accumulate(radial, axis=1)
    free = 0.0 if hair.tied else float(_smoothstep(0.45, 1.1, np.array(hair.length_dm)))
    widen = (radial + free * (widest - radial)) / np.maximum(radial, 1e-6)
    places = skull.copy()
    places[:, :, [0, 2]] = _CENTRE[[0, 2]] + (skull[:, :, [0, 2]] - _CENTRE[[0, 2]]) * widen[:, :, None]
    below = np.repeat(places[:, -1:], 4, axis=1)
    steps = np.array([0.5, 1.1, 1.9, 3.2])
    below[:, :, 1] -= steps
    return np.concatenate([heights, heights[:, -1:] - steps], axis=1), np.concatenate([places, below], axis=1)


def _stand_off(columns: tuple[Floats, Floats], hem: Floats, hair: Hair, generator: np.random.Generator) -> np.ndarray:
    heights, places = columns
    t = np.linspace(0.0, 1.0, ROWS)
    result = np.empty((COLUMNS + 1, ROWS, 3))
    lumps = _grid_noise(generator) * (0.02 + 0.10 * hair.curl) * min(1.0, hair.length_dm * 2.0)
    for c in range(COLUMNS + 1):
        length = np.concatenate([[0.0], np.linalg.norm(np.diff(places[c], axis=0), axis=1).cumsum()])
        end = np.interp(-hem[c], -heights[c], length)
        for axis in range(3):
            result[c, :, axis] = np.interp(t * end, length, places[c, :, axis])
    away = result - (_CENTRE + np.array([0.0, -0.1, 0.0]))
    away[:, :, 1] = np.maximum(away[:, :, 1], 0.0)
    away /= np.maximum(np.linalg.norm(away, axis=2, keepdims=True), 1e-6)
    lift = _lift_profile(hair, t, hem) + lumps * np.minimum(t * 3.0, 1.0)
    return result + away * (_press(lift, result[:, :, 1]) if hair.pressed else lift)[:, :, None]


def _press(lift: Floats, heights: Floats) -> Floats:
    """Lifts as a hat leaves them: flat above its brim, free from 0.2 dm below it."""
    flat = _smoothstep(BRIM_HEIGHT - 0.2, BRIM_HEIGHT, heights)
    return lift + flat * (np.clip(lift, 0.0, PRESSED_LIFT_DM) - lift)


def _lift_profile(hair: Hair, t: Floats, hem: Floats) -> Floats:
    """(COLUMNS + 1, ROWS) distance from the scalp: thin at the hairline, full above; free ends keep theirs."""
    hanging = _smoothstep(0.25, -0.15, -hem)[:, None] if hair.tied else _smoothstep(-0.1, 0.5, -hem)[:, None]
    fringe = hair.fringe * _smoothstep(-0.6, -0.3, -hem)[:, None]
    taper = 1.0 - _smoothstep(0.45, 1.0, t)[None, :]
    free = np.clip((0.0 if hair.tied else 1.0) * hanging + 0.5 * fringe, 0.0, 1.0)
    return 0.012 + hair.lift_dm * (taper + (1.0 - taper) * 0.75 * free)


def _ring_noise(generator: np.random.Generator, waves: int) -> Floats:
    """(COLUMNS + 1,) smooth noise round the ring, of deviation about 1."""
    turn = np.linspace(0.0, 2.0 * np.pi, COLUMNS + 1)
    phase, height = generator.uniform(0.0, 2.0 * np.pi, waves), generator.normal(0.0, 1.0, waves)
    return (height[:, None] * np.sin(np.arange(1, waves + 1)[:, None] * turn + phase[:, None])).sum(axis=0) / np.sqrt(
        waves / 2
    )


def _grid_noise(generator: np.random.Generator) -> Floats:
    """(COLUMNS + 1, ROWS) lumps of hair, smooth both ways, of deviation about 0.5."""
    rings = np.stack([_ring_noise(generator, 13) for _ in range(6)], axis=0) * 0.5
    at = np.linspace(0.0, 5.0, ROWS)
    low = np.minimum(at.astype(int), 4)
    share = at - low
    share = (share * share * (3.0 - 2.0 * share))[:, None]
    return (rings[low] * (1.0 - share) + rings[low + 1] * share).T
