"""Caps, beanies, hats and scarves on a posed head, from the grid that its hair is bound to.

Crowns follow the skull down to a hem that rises and falls round the head; a hijab frames the face, keeps the ears in
and falls on the shoulders. Hair above a hem is pressed under the cloth.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from facsim.models.camera import NECK_PIVOT, View, torso_shares
from facsim.models.hair import HairShell
from facsim.models.head import Head
from facsim.models.landmarks import landmarks_68
from facsim.models.patches import PATCHES
from facsim.models.vectors import measure_lengths
from facsim.models.worn import Headwear

__all__ = ["fit_headwear", "press_hair"]

Floats = NDArray[np.floating]

_COLUMNS, _ROWS = PATCHES["cloth"].columns, PATCHES["cloth"].rows
_BRIM_COLUMNS = PATCHES["brim"].columns
_CENTRE = np.array([0.0, 0.25, -0.6])
_CROWN_DM = 1.05
"""Height of the adult skull's top over the eyes, on which headwear has its usual size."""

# Heights of the hem over the eyes at 0, 30, 60, 90, 120, 150 and 180 degrees from the front, at depth 0 and at 1.
_HEMS = {
    "cap": ((0.66, 0.60, 0.42, 0.24, 0.12, 0.04, 0.02), (0.44, 0.40, 0.28, 0.16, 0.06, -0.06, -0.10)),
    "beanie": ((0.70, 0.66, 0.52, 0.30, 0.10, -0.10, -0.20), (0.36, 0.34, 0.24, 0.02, -0.22, -0.40, -0.48)),
    "brimmed_hat": ((0.70, 0.66, 0.54, 0.42, 0.34, 0.28, 0.26), (0.50, 0.48, 0.38, 0.28, 0.18, 0.12, 0.10)),
    "tied_scarf": ((0.76, 0.70, 0.50, 0.20, -0.10, -0.42, -0.55), (0.52, 0.48, 0.34, 0.06, -0.22, -0.48, -0.58)),
}


def fit_headwear(head: Head, shell: HairShell, posed: Floats, headwear: Headwear, view: View) -> dict[str, Floats]:
    """The headwear's patches, head coordinates, on `posed` vertices (V, 3); `view` says how shoulders lie under it."""
    if headwear.kind == "hijab":
        return {"cloth": _bend_with_shoulders(_wrap_face(head, posed, headwear), view)}
    skull = _skull_columns(shell, posed)
    if headwear.kind == "brimmed_hat":
        return _build_hat(skull, headwear)
    cloth = _cover_skull(skull, headwear)
    return {"cloth": cloth, "brim": _build_visor(cloth, headwear)} if headwear.kind == "cap" else {"cloth": cloth}


def _azimuths() -> Floats:
    """Of the cloth's columns, from the nape over the subject's right and the face."""
    return np.linspace(-180.0, 180.0, _COLUMNS, endpoint=False)


def _skull_columns(shell: HairShell, posed: Floats) -> Floats:
    """(_COLUMNS, n, 3) the skull from the crown down, a column for each of the cloth's azimuths."""
    nodes = (shell.weights @ posed).reshape(len(shell.azimuths_deg), -1, 3)
    place = np.interp(_azimuths(), shell.azimuths_deg, np.arange(len(nodes)))
    low = np.minimum(place.astype(int), len(nodes) - 2)
    share = (place - low)[:, None, None]
    return nodes[low] * (1.0 - share) + nodes[low + 1] * share


def _hem_heights(headwear: Headwear, crown: float) -> Floats:
    high, low = (np.array(row) for row in _HEMS[headwear.kind])
    line = np.interp(np.abs(_azimuths()), np.arange(0.0, 181.0, 30.0), high + headwear.depth * (low - high))
    return line * crown / _CROWN_DM


def _sample_columns(skull: Floats, hem: Floats, rows: int) -> Floats:
    """(_COLUMNS, rows, 3) the skull from the hem's heights up to the crown, evenly along each column."""
    planes = np.ascontiguousarray(skull.transpose(2, 0, 1))
    lengths = np.zeros((_COLUMNS, planes.shape[2]))
    measure_lengths(planes[:, :, 1:] - planes[:, :, :-1]).cumsum(axis=1, out=lengths[:, 1:])
    rise = 1e-4 * np.arange(lengths.shape[1]) - np.minimum.accumulate(planes[1], axis=1)
    ends = [np.interp(-height, up, length) for height, up, length in zip(hem, rise, lengths, strict=True)]
    at = np.linspace(ends, 0.0, rows, axis=1)
    found = [[np.interp(*one) for one in zip(at, lengths, plane, strict=True)] for plane in planes]
    return np.array(found).transpose(1, 2, 0)


def _outwards(points: Floats) -> Floats:
    """Unit directions from the middle of the skull; level below it."""
    away = points - _CENTRE
    away[..., 1] = np.maximum(away[..., 1], 0.0)
    return away / np.maximum(measure_lengths(np.moveaxis(away, -1, 0)), 1e-6)[..., None]


def _fold_hem(cloth: Floats, skin: Floats) -> Floats:
    """The cloth with a row before its hem that turns in to the skin, which closes the gap."""
    inner = 0.8 * skin[:, :1] + 0.2 * cloth[:, :1]
    return np.concatenate([inner, cloth], axis=1)


def _cover_skull(skull: Floats, headwear: Headwear) -> Floats:
    """(_COLUMNS, _ROWS, 3) a cap's, beanie's or scarf's cloth."""
    crown = float(skull[:, 0, 1].mean())
    skin = _sample_columns(skull, _hem_heights(headwear, crown), _ROWS - 1)
    t = np.linspace(0.0, 1.0, _ROWS - 1)[None, :]
    angle = np.deg2rad(_azimuths() - headwear.turn_deg)[:, None]
    if headwear.kind == "cap":
        # a stiff front stands up, the rest lies closer
        stand = 0.05 + 0.05 * headwear.loose + 0.07 * np.clip(np.cos(angle), 0.0, None) * np.sin(np.pi * t) ** 0.7
        lift = 0.025 + stand * (0.4 + 0.6 * np.minimum(t * 4.0, 1.0))
    elif headwear.kind == "beanie":
        cuff = 0.035 * (1.0 - _smooth(0.24, 0.30, t))
        top = 0.03 + 0.30 * headwear.loose * _smooth(0.45, 1.0, t)
        lift = 0.055 + cuff + top * _smooth(0.2, 0.6, t) + 0.004 * np.sin(angle * 36.0) * (1.0 - t)
    else:
        folds = 0.012 * np.sin(angle * 9.0 + 5.0 * t) + 0.008 * np.sin(angle * 17.0 - 9.0 * t)
        lift = 0.045 + 0.06 * headwear.loose * np.sin(np.pi * t) + folds * np.sin(np.pi * np.clip(t * 1.4, 0.0, 1.0))
    # over the ears' roots cloth stands off a little
    side = np.exp(-(((np.abs(np.abs(_azimuths())[:, None]) - 100.0) / 25.0) ** 2))
    lift = lift + 0.07 * side * _smooth(0.35, -0.1, skin[:, :, 1])
    return _fold_hem(skin + _outwards(skin) * lift[:, :, None], skin)


def _smooth(low: float, high: float, x: Floats) -> Floats:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _build_visor(cloth: Floats, headwear: Headwear) -> Floats:
    """A cap's visor: from the hem forwards, arched down at its sides, with a thin edge."""
    a = np.linspace(-1.0, 1.0, _BRIM_COLUMNS)
    place = a * 58.0 + headwear.turn_deg
    base = np.stack([np.interp(place, _azimuths(), cloth[:, 1, axis], period=360.0) for axis in range(3)], axis=1)
    turn = np.deg2rad(headwear.turn_deg)
    ahead = np.array([np.sin(turn), 0.0, np.cos(turn)])
    reach = headwear.brim_dm * np.clip(1.0 - np.abs(a) ** 2.6, 0.0, None) ** 0.5
    reach = reach + 0.25 * (1.0 - np.cos(a * np.deg2rad(58.0))) * (1.0 - np.abs(a) ** 6)
    drop = 0.30 * reach + 0.16 * a**2 * np.minimum(reach / 0.4, 1.0)
    base = base - 0.02 * ahead + np.array([0.0, 0.01, 0.0])
    rows = [
        base + ahead * (share * reach)[:, None] - np.array([0.0, 1.0, 0.0]) * (share**1.3 * drop + sink)[:, None]
        for share, sink in ((0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 0.022), (0.0, 0.03))
    ]
    return np.stack(rows, axis=1)


def _build_hat(skull: Floats, headwear: Headwear) -> dict[str, Floats]:
    """A crown with an upright wall and a dented top, and a brim all round."""
    crown = float(skull[:, 0, 1].mean())
    skin = _sample_columns(skull, _hem_heights(headwear, crown), 2)[:, 0]
    ring = skin + _outwards(skin.copy()) * (0.05 + 0.06 * headwear.loose)
    centre = ring.mean(axis=0)
    height = crown + 0.16 + 0.25 * headwear.loose - centre[1]
    t = np.array([0.0, 0.12, 0.3, 0.5, 0.68, 0.82, 0.92, 0.98, 1.0, 1.0, 0.97, 0.94, 0.93])
    inside = np.array([0.0, 0.0, 0.02, 0.04, 0.06, 0.08, 0.11, 0.16, 0.26, 0.40, 0.60, 0.82, 1.0])
    wall = centre + (ring - centre)[:, None] * (1.0 - inside)[None, :, None] * np.array([1.0, 0.0, 1.0])
    lean = (ring[:, None, 1] - centre[1]) * (1.0 - t)[None, :]
    wall[:, :, 1] = centre[1] + lean + height * t[None, :]
    return {"cloth": _fold_hem(wall, skin[:, None]), "brim": _build_brim(ring, headwear)}


def _build_brim(ring: Floats, headwear: Headwear) -> Floats:
    place = np.linspace(-180.0, 180.0, _BRIM_COLUMNS)
    angle = np.deg2rad(place)
    base = np.stack([np.interp(place, _azimuths(), ring[:, axis], period=360.0) for axis in range(3)], axis=1)
    away = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=1)
    reach = headwear.brim_dm * (0.62 + 0.06 * np.cos(2.0 * angle))
    rise = reach * (0.16 * np.sin(angle) ** 2 - 0.22 * np.cos(angle) ** 2)
    up = np.array([0.0, 1.0, 0.0])
    rows = [
        base + away * (share * reach - inset)[:, None] + up * (share**1.5 * rise - sink)[:, None]
        for share, inset, sink in (
            (0.0, 0.02, 0.0), (0.55, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 0.0, 0.02), (0.0, 0.03, 0.02),
        )
    ]  # fmt: skip
    return np.stack(rows, axis=1)


_WRAP_CENTRE = np.array([0.0, -0.15, -0.5])
_EDGE_TURNS = (0.0, 35.0, 62.0, 90.0, 118.0, 150.0, 180.0)
_REACH_DEG = ((0.0, 95.0, 125.0, 150.0, 180.0), (175.0, 172.0, 140.0, 100.0, 80.0))
"""By the angle round the face from the top: how far back the cloth goes, from the face's axis."""


def _wrap_face(head: Head, posed: Floats, headwear: Headwear) -> Floats:
    """(_COLUMNS, _ROWS, 3) a hijab: from an edge round the face outwards, over all that lies beneath."""
    edge = _face_edge(head, posed, headwear)
    axis = edge - _WRAP_CENTRE
    start = np.arccos(np.clip(axis[:, 2] / np.linalg.norm(axis, axis=1), -1.0, 1.0))
    turn = np.arctan2(axis[:, 0], axis[:, 1])
    end = np.deg2rad(np.interp(np.degrees(np.abs(turn)), *_REACH_DEG))
    t = np.linspace(0.0, 1.0, _ROWS - 1)[None, :] ** 1.25
    tilt = start[:, None] + (np.maximum(end, start + 0.25) - start)[:, None] * t
    sine = np.sin(tilt)
    rays = np.stack([sine * np.sin(turn)[:, None], sine * np.cos(turn)[:, None], np.cos(tilt)], axis=2)
    skin = posed[: head.arrays["piece_starts"][1]]
    radius = _support(rays, skin[skin[:, 1] > -2.1] - _WRAP_CENTRE)
    radius[:, 0] = np.maximum(np.linalg.norm(axis, axis=1), radius[:, 0])
    radius = _relax(radius)
    folds = 0.018 * np.sin(9.0 * turn[:, None] + 6.0 * t) + 0.012 * np.sin(17.0 * turn[:, None] - 11.0 * t)
    lift = 0.045 + (0.05 + 0.10 * headwear.loose) * np.minimum(t * 3.0, 1.0) + folds * np.minimum(t * 2.5, 1.0)
    cloth = _WRAP_CENTRE + rays * (radius + lift)[:, :, None]
    inner = _WRAP_CENTRE + axis * 0.985
    return np.concatenate([inner[:, None], cloth], axis=1)


def _face_edge(head: Head, posed: Floats, headwear: Headwear) -> Floats:
    """(_COLUMNS, 3) where the cloth frames the face, from under the chin over the subject's right, the forehead and
    the left."""
    marks = landmarks_68(head, posed)
    top = np.array([0.0, 0.80 - 0.18 * headwear.depth, marks[27, 2] - 0.10])
    scale = float(marks[16, 0] - marks[0, 0]) / 1.36
    top[1] *= scale
    temple = np.array([0.40 * scale, 0.62 * top[1] / 0.71, marks[19, 2] - 0.05])
    brow = np.array([0.585 * scale, 0.30 * scale, -0.22])
    sides = []
    for side, jaw in ((-1.0, (1, 3, 5, 7)), (1.0, (15, 13, 11, 9))):
        cheek = [marks[j] * (0.955, 1.0, 1.0) + (0.0, 0.0, 0.10) for j in jaw[:3]]
        under = marks[jaw[3]] * (1.0, 1.0, 1.0) + (0.0, -0.03, -0.02)
        sides.append([temple * (side, 1, 1), brow * (side, 1, 1), *cheek, under])
    chin = marks[8] + (0.0, -0.045, -0.04)
    ring = np.array([chin, *sides[0][::-1], top, *sides[1], chin])
    away = ring - _WRAP_CENTRE
    angle = np.unwrap(np.arctan2(away[:, 0], away[:, 1]))
    at = np.linspace(angle[0], angle[-1], _COLUMNS, endpoint=False)
    order = slice(None) if angle[-1] > angle[0] else slice(None, None, -1)
    loop = np.stack([np.interp(at, angle[order], ring[order, axis]) for axis in range(3)], axis=1)
    for _ in range(2):
        loop = 0.25 * np.roll(loop, 1, axis=0) + 0.5 * loop + 0.25 * np.roll(loop, -1, axis=0)
    return loop


def _support(rays: Floats, skin: Floats) -> Floats:
    """(columns, rows) how far out skin lies near each unit ray from the middle."""
    far = np.linalg.norm(skin, axis=1)
    tree = KDTree(skin / far[:, None])
    near = tree.query_ball_point(rays.reshape(-1, 3), 2.0 * np.sin(np.deg2rad(4.0)), return_sorted=False)
    ends = np.cumsum([len(one) for one in near])
    starts = np.append(0, ends[:-1])
    heights = np.append(far[np.concatenate(near).astype(int)], 0.0)
    found = np.where(ends > starts, np.maximum.reduceat(heights, starts), 0.0).reshape(rays.shape[:2])
    # the lowest rays leave the body: their cloth lies as far out as its neighbour's
    for row in range(1, rays.shape[1]):
        found[:, row] = np.where(found[:, row] > 0.0, found[:, row], found[:, row - 1])
    return found


def _relax(radius: Floats) -> Floats:
    """Smoothed along columns and rows, never below what it covers."""
    result = radius
    for _ in range(4):
        across = 0.25 * np.roll(result, 1, axis=0) + 0.5 * result + 0.25 * np.roll(result, -1, axis=0)
        along = np.pad(across, ((0, 0), (1, 1)), mode="edge")
        result = np.maximum(0.25 * along[:, :-2] + 0.5 * along[:, 1:-1] + 0.25 * along[:, 2:], radius)
    return result


def _bend_with_shoulders(points: Floats, view: View) -> Floats:
    """Points that stand, once turned with the skull, where the neck's bend would put them."""
    pivot = np.asarray(NECK_PIVOT)
    away = points - pivot
    share = torso_shares(points.reshape(-1, 3)).reshape(points.shape[:-1])[..., None]
    world = (away @ view.turn.T) * (1.0 - share) + (away @ view.torso_turn.T) * share
    return pivot + world @ view.turn


def press_hair(hair: Floats, cloth: Floats) -> NDArray[np.float32]:
    """Hair (n, 3) pulled under a crown's `cloth` above its hem, and let free below it."""
    if not hair.any():
        return hair.astype(np.float32)
    away = hair - _CENTRE
    far = measure_lengths(away.T)
    grid = cloth[:, 1:] - _CENTRE
    reach = measure_lengths(grid.transpose(2, 0, 1))
    heights = np.degrees(np.arctan2(grid[..., 1], np.hypot(grid[..., 0], grid[..., 2])))
    column = (np.degrees(np.arctan2(away[:, 0], away[:, 2])) + 180.0) * (_COLUMNS / 360.0)
    rise = np.degrees(np.arctan2(away[:, 1], np.hypot(away[:, 0], away[:, 2])))
    column = np.rint(column).astype(int) % _COLUMNS
    limit = np.empty(len(hair))
    order = column.argsort(kind="stable")
    for c, mine in enumerate(np.split(order, np.searchsorted(column[order], np.arange(1, _COLUMNS)))):
        limit[mine] = np.interp(rise[mine], heights[c], reach[c])
    # a strand that ended just below the hem would cross the cloth above it
    below = np.maximum(heights[column, 0] - rise - 6.0, 0.0)
    limit += 0.004 * below + 0.0006 * below**2
    share = np.minimum(1.0, (limit - 0.03) / np.maximum(far, 1e-6))
    return (_CENTRE + away * share[:, None]).astype(np.float32)
