"""Eyelids and gaze: lids are turned about the eyeball to an exact opening, so that every identity closes, widens and
squints alike.

An opening is given in shares of the identity's own relaxed aperture: the upper lid's edge stands at 1, the lower
lid's at 0. AU43 brings both to the same place, AU5 lifts the upper edge, AUs 6 and 7 lift the lower one, and both
follow the gaze up and down.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.models.asset_cache import Arrays
from facsim.models.eyeballs import CORNEA_BULGE, find_centre_weights
from facsim.models.vectors import measure_lengths

__all__ = [
    "EDGE_ROW",
    "EyeRig",
    "Opening",
    "build_eye_rigs",
    "find_eye",
    "open_eyes",
    "plan_opening",
    "turn_eyeball",
]

Floats = NDArray[np.floating]

EDGE_ROW = 3
"""The row of the eye's rings that is the lids' visible edge."""

# How much of the edge's turn the ring beyond it takes along: the lid slides whole, the skin towards brow and cheek
# stretches.
_FOLLOW = np.array([1.0, 1.0, 1.0, 1.0, 0.98, 0.95, 0.9, 0.8, 0.65, 0.5, 0.33, 0.15, 0.0], dtype=np.float32)[:, None]
# Lids keep at least this many eyeball radii from its centre: outside the cornea.
_CLEARANCE = 1.012 + CORNEA_BULGE
# Where the lids meet when the eye is shut: most of the way is the upper lid's.
_MEETING = 0.1
# Height over width of an eye at rest, and how strongly a face's own ratio is drawn to it: MakeHuman's lids droop on
# some faces and stare on others, which would read as AUs 7 and 5.
_REST_ASPECT, _REST_PULL = 0.43, 0.3
# Lids' share of the eye's turn up or down (the upper lid follows most: Becker and Fuchs, J. Neurophysiology 60, 1988,
# report a near match).
_UPPER_FOLLOWS, _LOWER_FOLLOWS = 0.75, 0.3


@dataclass(frozen=True, kw_only=True, eq=False)
class EyeRig:
    """One eye's vertices and how its lids are paired."""

    rings: NDArray[np.int32]
    """(13, 28) skin vertices from the lids' margin outwards."""
    ball: slice
    """The eyeball's vertices."""
    upper: NDArray[np.bool_]
    """(28,) columns that belong to the upper lid; the corners belong to neither."""
    opposite: Floats
    """(28, 28): row j gives the other lid's edge beside column j as weights on the edge's columns."""
    centre_weights: Floats
    """(n,) weights on the eyeball's vertices that give its centre."""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Where the edges of an eye's lids stand, in shares of the relaxed aperture from the lower lid (0) to the upper
    (1)."""

    upper: float = 1.0
    lower: float = 0.0


def build_eye_rigs(arrays: Arrays) -> tuple[EyeRig, EyeRig]:
    """The left and the right eye of the head, (left, right); columns mirror each other."""
    left = arrays["rings_eye"]
    starts = arrays["piece_starts"]
    x, y = arrays["vertices"][left[EDGE_ROW]][:, :2].T
    opposite, upper = _pair_lids(x.astype(np.float64), y.astype(np.float64))
    weights = find_centre_weights().astype(np.float32)
    balls = (slice(int(starts[2]), int(starts[3])), slice(int(starts[3]), int(starts[4])))
    return tuple(  # type: ignore[return-value]
        EyeRig(rings=rings, ball=ball, upper=upper, opposite=opposite, centre_weights=weights)
        for rings, ball in zip((left, arrays["mirror"][left]), balls, strict=True)
    )


def _pair_lids(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Floats, NDArray[np.bool_]]:
    """Weights that read the opposite edge at each column's x, and which columns are the upper lid's."""
    inner, outer = int(x.argmin()), int(x.argmax())
    chord = np.interp(x, [x[inner], x[outer]], [y[inner], y[outer]])
    upper = y > chord
    upper[[inner, outer]] = False
    lower = ~upper
    upper_or_corner = upper.copy()
    upper_or_corner[[inner, outer]] = True
    opposite = np.zeros((len(x), len(x)), dtype=np.float32)
    for column in range(len(x)):
        if column in (inner, outer):
            opposite[column, column] = 1.0
            continue
        others = np.flatnonzero(lower if upper[column] else upper_or_corner)
        others = others[np.argsort(x[others])]
        for other, basis in zip(others, np.eye(len(others)), strict=True):
            opposite[column, other] = np.interp(x[column], x[others], basis)
    return opposite, upper


def plan_opening(shares: Mapping[str, float], side: str) -> Opening:
    """The lids' opening under AUs given as shares of their maximum (key -> 0..1), for side "L" or "R"."""
    show = {code: shares.get(f"{code}{side}", 0.0) for code in (4, 5, 6, 7, 9, 43)}
    upper = 1.0 + 0.8 * show[5] - 0.19 * show[7] - 0.05 * show[4] - 0.07 * show[6]
    lower = 1.0 - (1.0 - 0.34 * show[7]) * (1.0 - 0.33 * show[6]) * (1.0 - 0.12 * show[9])
    closed = show[43]
    return Opening(upper=upper + closed * (_MEETING - upper), lower=lower + closed * (_MEETING - lower))


def open_eyes(vertices: Floats, relaxed: Floats, *, rig: EyeRig, opening: Opening, pitch_deg: float) -> None:
    """Turn one eye's lids, in place, to an `opening` of the aperture that `relaxed` (V, 3) has.

    As the lids close, their edges also come to the same distance from the eye, so that neither stands off the other.
    """
    centre, radius = find_eye(relaxed, rig)
    local = vertices[rig.rings] - centre
    elevation = np.arctan2(local[..., 1], local[..., 2])
    edge = relaxed[rig.rings[EDGE_ROW]] - centre
    opening = _scale_opening(opening, _rest_share(edge, rig))
    wanted = _place_edges(np.arctan2(edge[:, 1], edge[:, 2]), rig=rig, opening=opening, pitch_deg=pitch_deg)
    turn = _FOLLOW * (wanted - elevation[EDGE_ROW])
    reach = np.hypot(local[..., 1], local[..., 2])
    reach += _FOLLOW * (1.0 - _openness(opening)) * 0.5 * (rig.opposite @ reach[EDGE_ROW] - reach[EDGE_ROW])
    local[..., 1], local[..., 2] = reach * np.sin(elevation + turn), reach * np.cos(elevation + turn)
    vertices[rig.rings] = centre + _clear_eyeball(local, radius)


def _place_edges(edge: Floats, *, rig: EyeRig, opening: Opening, pitch_deg: float) -> Floats:
    """(28,) elevations in radians at which the lids' edges should stand."""
    beside = rig.opposite @ edge
    low, high = np.where(rig.upper, beside, edge), np.where(rig.upper, edge, beside)
    aperture = np.maximum(high - low, 0.0)
    share = np.where(rig.upper, opening.upper, opening.lower)
    follow = np.where(rig.upper, _UPPER_FOLLOWS, _LOWER_FOLLOWS) * _openness(opening) * np.radians(pitch_deg)
    return low + share * aperture + follow * aperture / aperture.max()


def _openness(opening: Opening) -> float:
    return min(max(opening.upper - opening.lower, 0.0), 1.0)


def _scale_opening(opening: Opening, share: float) -> Opening:
    return Opening(upper=share * opening.upper, lower=share * opening.lower)


def _rest_share(edge: Floats, rig: EyeRig) -> float:
    """How wide this eye stands at rest, as a share of the aperture that MakeHuman gave it; `edge` is (28, 3)."""
    height = np.abs(edge - rig.opposite @ edge)[rig.upper, 1].max()
    width = np.ptp(edge[:, 0])
    return float(np.clip((_REST_ASPECT * width / height) ** _REST_PULL, 0.85, 1.25))


def _clear_eyeball(local: Floats, radius: float) -> Floats:
    """Push lid vertices (13, 28, 3) out of the eyeball; row 0, tucked behind it, stays."""
    lift = np.maximum(1.0, _CLEARANCE * radius / measure_lengths(local.transpose(2, 0, 1)))[..., None]
    lift[0] = 1.0
    return local * lift


def find_eye(vertices: Floats, rig: EyeRig) -> tuple[Floats, float]:
    """Centre (3,) and radius of an eyeball, from its vertices."""
    ball = vertices[rig.ball]
    centre = rig.centre_weights @ ball
    return centre, float(np.linalg.norm(ball[-1] - centre))


def turn_eyeball(vertices: Floats, *, rig: EyeRig, gaze: tuple[float, float]) -> None:
    """Turn one eyeball, in place, to look `gaze` = (yaw_deg towards the subject's left, pitch_deg upwards)."""
    yaw, pitch = np.radians(gaze)
    around_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    centre, _ = find_eye(vertices, rig)
    vertices[rig.ball] = centre + (vertices[rig.ball] - centre) @ (around_y @ around_x).T.astype(np.float32)
