"""The surface that hair lies on: columns from the crown down over the skull and on below it, how far hair stands off
them, and where it ends.

Columns are read at equal steps of length from the crown, so that a lock may wander over them by azimuth and length.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facsim.models.appearance import Hair
from facsim.models.hair_styles import BRIM_HEIGHT, PRESSED_LIFT_DM
from facsim.models.hairlines import hairline_heights, smooth_step, step_share
from facsim.models.vectors import measure_lengths

__all__ = [
    "PARTING_DEG",
    "REACH_DM",
    "SKULL_CENTRE",
    "STEPS_DM",
    "Drapery",
    "drape_columns",
    "is_ball",
    "look_up",
    "ring_noise",
    "step_columns",
]

SKULL_CENTRE = np.array([0.0, 0.25, -0.6])
"""The middle of the skull that columns are hung round."""
REACH_DM = 4.6
"""How far columns are followed from the crown."""
PARTING_DEG = 28.0
"""Azimuth of a parting where `Hair.parting` is 1."""
STEPS_DM = np.linspace(0.0, REACH_DM, 30)
"""Lengths from the crown at which columns are read."""
_AWAY_FROM = (SKULL_CENTRE - np.array([0.0, 0.1, 0.0]))[:, None, None]
_BEHIND = smooth_step(0.3, 0.12, STEPS_DM)
# rings of lumps that lie round the steps, how far each step is on to the next ring, and how near the crown is
_RINGS = np.linspace(0.0, 14.99, len(STEPS_DM))
_LOW = _RINGS.astype(int)
_SHARE = _RINGS - _LOW
_NEAR = np.minimum(np.linspace(0.0, 6.0, len(STEPS_DM)), 1.0)

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drapery:
    """C columns round the head (the last is the first again) at M steps from the crown to `REACH_DM`."""

    surface: Floats
    """(7, C, M) where hair without any lift would lie, the unit vector off the head there, and how far hair stands off,
    dm: in one table, which is read in one go."""
    hems: Floats
    """(C,) length from the crown to where hair ends."""
    roots: Floats
    """(C,) length from the crown to the hairline."""
    azimuths_deg: Floats
    """(C,) -180 (nape) over 0 (front) to 180."""


def drape_columns(
    skull: Floats, heights: Floats, azimuths_deg: Floats, hair: Hair, generator: np.random.Generator
) -> Drapery:
    """Lay hair over columns of the skull (C, n, 3) whose heights on the rest head are (C, n)."""
    heights, places = _let_fall(np.ascontiguousarray(skull.transpose(2, 0, 1)), heights, hair)
    lengths = np.zeros(heights.shape)
    measure_lengths(places[:, :, 1:] - places[:, :, :-1]).cumsum(axis=1, out=lengths[:, 1:])
    at = step_columns(lengths, np.broadcast_to(STEPS_DM, (len(lengths), len(STEPS_DM))))
    read = look_up(np.concatenate([places, heights[None]]), at)
    places, rest = read[:3], read[3]
    hairline = hairline_heights(azimuths_deg, hair.receding)
    hem = _hem_heights(azimuths_deg, hairline, hair)
    hem = hem + min(0.03, 0.03 * hair.length_dm + 0.008) * ring_noise(generator, 1, len(hem), waves=21)[0]
    away = places - _AWAY_FROM
    away[1] = np.maximum(away[1], 0.0)
    away /= np.maximum(measure_lengths(away), 1e-6)
    at = step_columns(-heights, -np.stack([hem, hairline], axis=1))
    hems, roots = look_up(lengths[None], at)[0].T
    # a hem that has receded to the crown has no length: nothing is divided by it
    hems = np.maximum(hems, 1e-6)
    lift = _lift(hair, rest, (hairline, hem), places) + _lumps(hair, generator, rest)
    lift = _round_off(lift, hair, STEPS_DM / hems[:, None]) * _part(hair, azimuths_deg)
    lift = _press(lift, rest) if hair.pressed else lift
    return Drapery(
        surface=np.concatenate([places, away, lift[None]]),
        hems=hems,
        roots=roots,
        azimuths_deg=azimuths_deg,
    )


def step_columns(table: Floats, wanted: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Where values (C, k) lie in rows that grow (C, n): the index below, counted through all rows, and the share of the
    way to the next."""
    rows, steps = table.shape
    # one search for all rows, which are set apart by more than any value spans
    row = np.arange(rows)[:, None]
    apart = (2.0 * max(float(np.abs(table).max()), float(np.abs(wanted).max())) + 1.0) * row
    found = np.searchsorted((table + apart).ravel(), (wanted + apart).ravel(), side="right").reshape(wanted.shape)
    low = np.minimum(np.maximum(found, steps * row + 1), steps * row + steps - 1) - 1
    below, above = table.take(low), table.take(low + 1)
    return low, np.minimum(np.maximum((wanted - below) / np.maximum(above - below, 1e-9), 0.0), 1.0)


def look_up(values: Floats, at: tuple[NDArray[np.intp], Floats]) -> Floats:
    """(d, C, k): `values` (d, C, n) between their steps, at places from `step_columns`."""
    low, share = at
    rows = values.reshape(len(values), -1)
    return rows.take(low, axis=1) * (1.0 - share) + rows.take(low + 1, axis=1) * share


def ring_noise(generator: np.random.Generator, rings: int, columns: int, *, waves: int) -> Floats:
    """(rings, columns) smooth noise round rings whose last column is their first, of deviation about 1."""
    heights = generator.normal(0.0, 1.0 / np.sqrt(waves), (rings, 2, waves))
    sines, cosines = _list_waves(columns, waves)
    return heights[:, 0] @ sines + heights[:, 1] @ cosines


@lru_cache(maxsize=8)
def _list_waves(columns: int, waves: int) -> tuple[Floats, Floats]:
    turn = np.arange(1, waves + 1)[:, None] * np.linspace(0.0, 2.0 * np.pi, columns)
    return np.sin(turn), np.cos(turn)


def _let_fall(skull: Floats, heights: Floats, hair: Hair) -> tuple[Floats, Floats]:
    """Columns (3, C, n) continued below the skull: heights on the rest head and places, falling straight where hair is
    long."""
    centre = SKULL_CENTRE[::2, None, None]
    aside = skull[::2] - centre
    radial = measure_lengths(aside)
    widest = np.maximum.accumulate(radial, axis=1)
    loose = hair.tied == "loose"
    free = step_share(0.45, 1.1, hair.length_dm) if loose else 0.0
    widen = (radial + free * (widest - radial)) / np.maximum(radial, 1e-6)
    places = skull.copy()
    places[::2] = centre + aside * widen
    below = np.repeat(places[:, :, -1:], 4, axis=2)
    steps = np.array([0.5, 1.1, 1.9, 3.2])
    below[1] -= steps
    return np.concatenate([heights, heights[:, -1:] - steps], axis=1), np.concatenate([places, below], axis=2)


def _hem_heights(azimuths: Floats, line: Floats, hair: Hair) -> Floats:
    """(C,) y on the rest head at which each column ends."""
    a = np.abs(azimuths)
    side = smooth_step(hair.opening_deg - 12.0, hair.opening_deg + 4.0, a)
    drop = max(hair.length_dm - 0.25, 0.0) if hair.tied == "loose" else 0.0
    front = 1.0 - smooth_step(36.0, 60.0, a)
    # a parting lets the fringe hang deeper on its wider side
    lean = 1.0 + 0.25 * hair.parting * np.sin(np.deg2rad(azimuths))
    return line - 0.02 - drop * side - np.clip(hair.fringe * lean, 0.0, 1.1) * front * (line - 0.26)


def _lift(hair: Hair, rest: Floats, ends: tuple[Floats, Floats], places: Floats) -> Floats:
    """(C, M) distance from the scalp: thin at the hairline, full above; free ends keep theirs."""
    line, hem = ends
    rise = smooth_step(0.0, 0.42 - 0.30 * hair.swept, rest - line[:, None])
    loose = 1.0 if hair.tied == "loose" else 0.0
    hanging = loose * smooth_step(-0.1, 0.5, -hem)[:, None] * np.ones_like(rest)
    fringe = 0.6 * hair.fringe * smooth_step(0.12, 0.3, line - hem)[:, None]
    full = np.maximum(rise, np.clip(0.75 * hanging + fringe, 0.0, 1.0))
    sides = 1.0 - hair.fade * smooth_step(0.95, 0.55, rest)
    lift = 0.010 + hair.lift_dm * full * sides
    # over the ears, which the columns pass under
    long = step_share(0.55, 0.9, hair.length_dm) * loose
    if long > 0.0:
        beside = np.exp(-(((np.abs(np.arctan2(places[0], places[2] + 0.6)) - 1.62) / 0.5) ** 2))
        over_ears = smooth_step(0.55, -0.05, rest) * (1.0 - 0.45 * smooth_step(-0.3, -1.2, rest))
        lift = np.maximum(lift, (0.19 - 0.06 * hair.cords) * long * beside * over_ears)
    if hair.tied == "bun":
        # a knot at the back of the crown
        knot = SKULL_CENTRE + np.array([0.0, 1.02, -0.28])
        lift = lift + 0.55 * np.exp(-((measure_lengths(places - knot[:, None, None]) / 0.3) ** 4))
    return lift


def _lumps(hair: Hair, generator: np.random.Generator, rest: Floats) -> Floats:
    """(C, M) lumps of hair, smooth both ways, larger the more it curls."""
    rings = ring_noise(generator, 16, len(rest), waves=13).T * 0.5
    noise = rings[:, _LOW] * (1.0 - _SHARE) + rings[:, _LOW + 1] * _SHARE
    size = (0.008 + 0.07 * hair.curl * (1.0 - hair.cords)) * min(1.0, hair.length_dm * 2.0)
    return size * _NEAR * noise * min(1.0, 0.25 + 6.0 * hair.lift_dm)


def _round_off(lift: Floats, hair: Hair, share: Floats) -> Floats:
    """Lifts of hair that stands up by itself: a ball that closes towards its hem."""
    ball = is_ball(hair)
    return lift * (1.0 - 0.8 * ball * smooth_step(0.72, 1.0, share)) if ball > 0.0 else lift


def _part(hair: Hair, azimuths: Floats) -> Floats | float:
    """(C, M) share of the lift that a parting leaves: none on its line, which runs from the forehead to the crown."""
    if hair.parted == 0.0:
        return 1.0
    aside = np.abs(np.deg2rad(azimuths - PARTING_DEG * hair.parting))[:, None] * np.minimum(STEPS_DM, 0.9)
    return 1.0 - 0.8 * hair.parted * (1.0 - smooth_step(0.0, 0.2, aside)) * (1.0 - _BEHIND)


def is_ball(hair: Hair) -> float:
    """How far hair stands up by itself: 1 for an afro and short curls, 0 for what lies or hangs."""
    short, curly = step_share(1.0, 0.8, hair.length_dm), step_share(0.5, 0.72, hair.curl)
    return short * curly * (1.0 - hair.cords) * (hair.tied == "loose")


def _press(lift: Floats, rest: Floats) -> Floats:
    """Lifts as a hat leaves them: flat above its brim, free from 0.2 dm below it."""
    flat = smooth_step(BRIM_HEIGHT - 0.2, BRIM_HEIGHT, rest)
    return lift + flat * (np.clip(lift, 0.0, PRESSED_LIFT_DM) - lift)
