"""Locks of hair: ribbons that run over the drapery from their roots, some of them single strands that fly away.

Each lock is one path by azimuth and length over `Drapery`, raised off it, as wide as a lock of the style is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.models.appearance import Hair
from facsim.models.drapery import PARTING_DEG, REACH_DM, SKULL_CENTRE, Drapery, is_ball
from facsim.models.hairlines import smooth_step, step_share
from facsim.models.vectors import cross_vectors, find_slopes, measure_lengths

__all__ = ["LOCK", "LOCKS", "LOCK_POINTS", "lay_locks", "lock_topology"]

LOCKS = 224
"""Locks of a head; where a style has fewer, the rest lie in one point."""
LOCK = 100.0
"""Added to u on locks."""
LOCK_POINTS = 8
"""Points along a lock."""

_TOWARDS = np.array([0.0, 0.0, 0.5])[:, None, None]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Paths:
    """Per lock, arrays (K,): azimuths (deg) and lengths from the crown (dm) at root and tip, how soon it has turned,
    and how far it stands off at root, middle and tip; `width` in dm, `slack` its sideways swing in degrees."""

    azimuth: Floats
    turned: Floats
    root: Floats
    tip: Floats
    soon: Floats
    raised: Floats
    """(K, 3)."""
    width: Floats
    slack: Floats


def lock_topology() -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Triangles (T, 3), numbered from 0, and per vertex (u, t): the lock's number plus the place across, and along."""
    lock, step = (grid.ravel() for grid in np.meshgrid(np.arange(LOCKS), np.arange(LOCK_POINTS - 1), indexing="ij"))
    here = 2 * (lock * LOCK_POINTS + step)
    triangles = np.concatenate([np.stack([here, here + 2, here + 3], 1), np.stack([here, here + 3, here + 1], 1)])
    number, t, side = np.meshgrid(
        np.arange(LOCKS), np.linspace(0.0, 1.0, LOCK_POINTS), np.array([0.02, 0.98]), indexing="ij"
    )
    return triangles.astype(np.int32), np.stack([(number + side).ravel(), t.ravel()], axis=1).astype(np.float64)


def lay_locks(drapery: Drapery, hair: Hair, generator: np.random.Generator) -> Floats:
    """(3, LOCKS * LOCK_POINTS * 2): both edges of every point of every lock."""
    draws = generator.random((LOCKS, 10))
    if hair.length_dm < 0.14:
        return np.zeros((3, LOCKS * LOCK_POINTS * 2))
    paths = _choose_paths(drapery, hair, draws)
    middle, away = _follow(drapery, paths) if hair.tied == "loose" else _gather(drapery, paths, hair)
    if hair.tied == "ponytail":
        middle = _hang_tail(middle, drapery, hair, draws)
    along = find_slopes(middle)
    # a lock lies on the head, but a thin one is never seen edge on
    facing = away + _TOWARDS
    across = cross_vectors(along, facing)
    across /= np.maximum(measure_lengths(across), 1e-9)
    half = 0.5 * paths.width[:, None] * across
    return np.stack([middle - half, middle + half], axis=3).reshape(3, -1)


def _choose_paths(drapery: Drapery, hair: Hair, draws: Floats) -> _Paths:
    if is_ball(hair) > 0.5:
        return _stand_out(drapery, hair, draws)
    azimuth = (draws[:, 0] * 2.0 - 1.0) * (40.0 + 100.0 * draws[:, 1])
    roots, hems = _at_azimuth(drapery, azimuth, drapery.roots), _at_azimuth(drapery, azimuth, drapery.hems)
    if hair.tied != "loose" or hair.swept > 0.5:
        return _sweep_back(hair, azimuth, roots, draws)
    return _let_hang(drapery, hair, azimuth, (roots, hems), draws)


def _let_hang(drapery: Drapery, hair: Hair, azimuth: Floats, ends: tuple[Floats, Floats], draws: Floats) -> _Paths:
    """Locks that fall from the crown, the parting or the top of the forehead."""
    roots, hems = ends
    long = step_share(0.5, 0.8, hair.length_dm)
    parted = np.sign(azimuth - PARTING_DEG * hair.parting)
    front = np.abs(azimuth) < hair.opening_deg
    fringed = front & (draws[:, 2] < 1.4 * hair.fringe)
    turned = azimuth + parted * (8.0 + 18.0 * draws[:, 3]) * (1.0 - long)
    aside = parted * np.maximum(np.abs(azimuth), hair.opening_deg + 2.0 + 30.0 * draws[:, 3])
    turned = np.where(front & ~fringed, turned + long * (aside - turned), turned)
    turned = np.where(fringed, azimuth + 14.0 * hair.parting * (draws[:, 3] - 0.2), turned)
    root = roots * (0.12 + 0.8 * draws[:, 4] ** 0.7)
    hem = _at_azimuth(drapery, turned, drapery.hems)
    reach = np.maximum(hem * (0.80 + 0.24 * draws[:, 5] ** 0.5), root + 0.15)
    near = np.minimum(root + np.maximum(hair.length_dm, 0.2) * (0.6 + 0.5 * draws[:, 5]), hem + 0.10)
    tip = np.where(fringed, hems * (0.86 + 0.16 * draws[:, 5]), long * reach + (1.0 - long) * near)
    soon = np.clip((0.8 * roots - root) / np.maximum(tip - root, 0.1), 0.12, 1.0)
    stray = draws[:, 6] < 0.14
    raised = np.stack(
        [-0.01 + 0.0 * root, 0.012 + 0.02 * draws[:, 7], 0.005 + (0.05 + 0.12 * hair.curl) * draws[:, 8]], 1
    )
    raised[:, 1:] += np.where(stray, 0.05, 0.0)[:, None] * draws[:, 8:9]
    return _Paths(
        azimuth=azimuth,
        turned=turned,
        root=root,
        tip=tip,
        soon=soon,
        raised=raised * min(1.0, 0.3 + 2.0 * hair.length_dm),
        width=_widths(hair, stray, draws),
        slack=(draws[:, 9] - 0.5) * (6.0 + 10.0 * hair.curl),
    )


def _sweep_back(hair: Hair, azimuth: Floats, roots: Floats, draws: Floats) -> _Paths:
    """Locks combed back from the hairline, or up to a knot."""
    tied = hair.tied != "loose"
    root = roots * (1.01 - (0.30 if tied else 0.55) * draws[:, 4] ** 2.0)
    length = np.maximum(hair.length_dm if not tied else 1.0, 0.25) * (0.7 + 0.5 * draws[:, 5])
    stray = draws[:, 6] < 0.1
    arch = 0.01 + (0.0 if tied else 0.35 * hair.lift_dm) * draws[:, 7] + np.where(stray, 0.05, 0.0) * draws[:, 8]
    return _Paths(
        azimuth=azimuth,
        turned=azimuth * (0.9 if tied else 0.8) + 20.0 * hair.parting * (draws[:, 3] - 0.3),
        root=root,
        tip=np.maximum(root - length, 0.06),
        soon=np.ones(len(root)),
        raised=np.stack([np.full(len(root), -0.012), arch, 0.4 * arch], 1),
        width=_widths(hair, stray, draws),
        slack=(draws[:, 9] - 0.5) * 8.0,
    )


def _stand_out(drapery: Drapery, hair: Hair, draws: Floats) -> _Paths:
    """Curls that stand off the head all round."""
    azimuth = (draws[:, 0] * 2.0 - 1.0) * 125.0
    hem = _at_azimuth(drapery, azimuth, drapery.hems)
    root = hem * (0.1 + 0.9 * np.sqrt(draws[:, 4]))
    size = 0.07 + 0.10 * draws[:, 5]
    raised = np.stack([-0.4 * size, 0.25 * size, 0.9 * size], 1) * min(1.0, 0.4 + 2.0 * hair.lift_dm)
    return _Paths(
        azimuth=azimuth,
        turned=azimuth + 8.0 * (draws[:, 3] - 0.5),
        root=root,
        tip=root + 0.10 * (draws[:, 7] - 0.35),
        soon=np.ones(len(root)),
        raised=raised,
        width=0.06 + 0.09 * draws[:, 8],
        slack=(draws[:, 9] - 0.5) * 14.0,
    )


def _widths(hair: Hair, stray: NDArray[np.bool_], draws: Floats) -> Floats:
    if hair.cords > 0.5:
        return 0.075 + 0.03 * draws[:, 7]
    usual = 0.05 + 0.04 * min(hair.length_dm, 1.0) + 0.06 * hair.curl
    return np.where(stray, 0.02, usual * (0.6 + 0.8 * draws[:, 7]))


def _at_azimuth(drapery: Drapery, azimuth: Floats, values: Floats) -> Floats:
    return np.interp(azimuth, drapery.azimuths_deg, values)


def _follow(drapery: Drapery, paths: _Paths) -> tuple[Floats, Floats]:
    """Places (3, K, N) of the locks' middle lines, and unit vectors off the head there."""
    s = np.linspace(0.0, 1.0, LOCK_POINTS)[None, :]
    turn = np.clip(s / paths.soon[:, None], 0.0, 1.0)
    turn = turn * (2.0 - turn)
    azimuth = paths.azimuth[:, None] + (paths.turned - paths.azimuth)[:, None] * turn
    azimuth = azimuth + paths.slack[:, None] * np.sin(2.4 * np.pi * s + paths.azimuth[:, None]) * s
    length = paths.root[:, None] + (paths.tip - paths.root)[:, None] * s
    raised = np.where(
        s < 0.5,
        paths.raised[:, :1] + (paths.raised[:, 1:2] - paths.raised[:, :1]) * 2.0 * s,
        paths.raised[:, 1:2] + (paths.raised[:, 2:] - paths.raised[:, 1:2]) * (2.0 * s - 1.0),
    )
    places, away, lift = _sample(drapery, azimuth, length)
    return places + away * (lift + raised), away


def _gather(drapery: Drapery, paths: _Paths, hair: Hair) -> tuple[Floats, Floats]:
    """`_follow` for hair that is drawn to a knot: straight ways over the head from the roots."""
    knot = (180.0, 0.95 if hair.tied == "ponytail" else 0.42)
    start, _, _ = _sample(drapery, paths.azimuth, paths.root)
    end = _sample(drapery, np.array([knot[0]]), np.array([knot[1]]))[0]
    s = np.linspace(0.0, 0.85, LOCK_POINTS)[None, :]
    chord = start[:, :, None] + (end - start)[:, :, None] * s - SKULL_CENTRE[:, None, None]
    azimuth = np.rad2deg(np.arctan2(chord[0], chord[2]))
    length = _find_length(drapery, azimuth, chord)
    places, away, lift = _sample(drapery, azimuth, length)
    raised = paths.raised[:, 1:2] * np.sin(np.pi * s) + paths.raised[:, :1] * (1.0 - s) * 0.8
    return places + away * (lift + 0.012 + raised), away


def _find_length(drapery: Drapery, azimuth: Floats, chord: Floats) -> Floats:
    """Length from the crown at which each azimuth's column is seen from the middle of the skull in a direction."""
    columns, steps = drapery.surface.shape[1:]
    flat = drapery.surface[:3] - SKULL_CENTRE[:, None, None]
    falls = np.maximum.accumulate(np.arctan2(np.hypot(flat[0], flat[2]), flat[1]), axis=1)
    wanted = np.arctan2(np.hypot(chord[0], chord[2]), chord[1])
    column = np.rint((azimuth + 180.0) / 360.0 * (columns - 1)).astype(int)
    table = falls[column]
    low = np.clip((table <= wanted[:, :, None]).sum(axis=2) - 1, 0, steps - 2)
    below = np.take_along_axis(table, low[:, :, None], axis=2)[:, :, 0]
    above = np.take_along_axis(table, low[:, :, None] + 1, axis=2)[:, :, 0]
    share = np.clip((wanted - below) / np.maximum(above - below, 1e-6), 0.0, 1.0)
    return (low + share) * (REACH_DM / (steps - 1))


def _sample(drapery: Drapery, azimuth: Floats, length: Floats) -> tuple[Floats, Floats, Floats]:
    """Places (3, …), ways off the head (3, …) and lifts (…) between columns and steps; lengths past the end go straight
    on."""
    columns, steps = drapery.surface.shape[1:]
    x = np.minimum(np.maximum((azimuth + 180.0) / 360.0, 0.0), 1.0) * (columns - 1)
    y = np.minimum(np.maximum(length / REACH_DM, 0.0), 1.0) * (steps - 1)
    c, m = np.minimum(x.astype(int), columns - 2), np.minimum(y.astype(int), steps - 2)
    fx, fy = x - c, y - m
    rows, here = drapery.surface.reshape(7, -1), c * steps + m
    near = rows.take(here, axis=1) * (1.0 - fy) + rows.take(here + 1, axis=1) * fy
    here = here + steps
    far = rows.take(here, axis=1) * (1.0 - fy) + rows.take(here + 1, axis=1) * fy
    found = near * (1.0 - fx) + far * fx
    return found[:3], found[3:6], found[6]


def _hang_tail(middle: Floats, drapery: Drapery, hair: Hair, draws: Floats) -> Floats:
    """An eighth of the locks hang from the knot at the back, over the shoulder that the parting leans to."""
    tail = np.flatnonzero(draws[:, 2] < 0.14)
    s = np.linspace(0.0, 1.0, LOCK_POINTS)[None, :]
    knot = _sample(drapery, np.array([180.0]), np.array([0.95]))[0]
    d = draws[tail]
    side = 0.55 * hair.parting * smooth_step(0.0, 0.7, s) + (d[:, 3:4] - 0.5) * (0.1 + 0.4 * s * (1.2 - s))
    back = -0.25 * np.sin(np.pi * np.minimum(s * 1.2, 1.0)) + 0.1 * (d[:, 4:5] - 0.5)
    down = 0.15 * np.sin(np.pi * np.minimum(2.0 * s, 1.0)) - (hair.length_dm + 0.4) * s**1.4 * (0.8 + 0.3 * d[:, 5:6])
    result = middle.copy()
    result[:, tail] = knot[:, :, None] + np.stack([side, down, back + 0.0 * side])
    return result
