"""Glasses on a posed head: rims, bridge and temples as patches, and the lenses as outlines for the shader.

A pair is symmetric about its own middle and stands in its own frame: x to the subject's left, y up, z out, the origin
in the middle of the bridge. It is fitted to the face at rest and pushed forward where a raised cheek or a lowered brow
would touch it.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facsim.models.head import Head
from facsim.models.landmarks import landmarks_68
from facsim.models.patches import OUTLINE, find_tube
from facsim.models.worn import Glasses

__all__ = ["FRAME_CLEARANCE_DM", "Lenses", "find_ear_root", "find_outline", "fit_glasses", "lens_cover"]

FRAME_CLEARANCE_DM = 0.012
"""What stays between a frame and the skin."""

_FACE_WIDTH_DM = 1.36
"""Width of the adult head between the ears' landmarks that frames have their usual size on."""

_NEAR_DM = 0.045
"""Skin so far to the side of a point of the frame can still touch it."""

_AT_ONCE = 64  # vertices of skin that are held against the frame together
_TILT_DEG = 7.0  # lenses lean in towards the cheeks
_WRAP_DEG = 4.0  # and back towards the temples
_RIM_ROWS = 6

# Half-width, half-height, exponent of the superellipse, how far the outer top is drawn out and the inner bottom cut.
_OUTLINES = {
    "rectangular": (0.248, 0.158, 4.5, 0.03, 0.08),
    "square": (0.243, 0.200, 3.4, 0.04, 0.10),
    "round": (0.212, 0.208, 2.0, 0.0, 0.0),
    "oval": (0.238, 0.168, 2.2, 0.0, 0.03),
    "cat_eye": (0.240, 0.172, 2.5, 0.20, 0.06),
    "aviator": (0.258, 0.222, 2.35, 0.02, 0.20),
    "half_rim": (0.248, 0.155, 3.4, 0.03, 0.07),
    "rimless": (0.243, 0.158, 3.0, 0.0, 0.05),
}

_ANGLES = np.arange(OUTLINE) * (2.0 * np.pi / OUTLINE)
_COSINES, _SINES = np.cos(_ANGLES), np.sin(_ANGLES)

Floats = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lenses:
    """Both lenses in head coordinates; the right one mirrors the left in the glasses' frame."""

    origin: Floats
    """(3,) the frame's origin."""
    turn: Floats
    """(3, 3) from the glasses' frame to the head's."""
    centre: Floats
    """(3,) the left lens's middle in the glasses' frame."""
    normal: Floats
    """(3,) the left lens's normal in the glasses' frame, forwards."""
    outline: Floats
    """(OUTLINE,) its radius by angle, from outwards over the top."""


def find_outline(glasses: Glasses) -> Floats:
    """(OUTLINE,) radii in dm of the left lens by angle: 0 towards the temple, a quarter turn upwards."""
    width, height, power, flare, cut = _OUTLINES[glasses.shape]
    radius = (np.abs(_COSINES / width) ** power + np.abs(_SINES / height) ** power) ** (-1.0 / power)
    corner = np.clip(np.cos(_ANGLES - np.deg2rad(32.0)), 0.0, None) ** 3
    inner = np.clip(np.cos(_ANGLES - np.deg2rad(222.0)), 0.0, None) ** 3
    return glasses.size * radius * (1.0 + flare * corner - cut * inner)


def fit_glasses(head: Head, relaxed: Floats, posed: Floats, glasses: Glasses) -> tuple[dict[str, Floats], Lenses]:
    """The frame's patches and the lenses, head coordinates, on the `posed` vertices (V, 3) of a head that is `relaxed`
    (V, 3) when its face is at rest."""
    marks = landmarks_68(head, relaxed)
    scale = float(marks[16, 0] - marks[0, 0]) / _FACE_WIDTH_DM
    outline = find_outline(glasses) * (0.25 + 0.75 * scale)
    lenses = _place_lenses(head, (relaxed, posed), marks, (outline, glasses))
    patches = {**_build_rims(lenses, glasses), "bridge": _build_bridge(lenses, glasses)}
    if glasses.shape == "aviator":
        patches["top_bar"] = _build_bar(lenses, glasses)
    for side, name in ((1.0, "temple_left"), (-1.0, "temple_right")):
        patches[name] = _build_temple(head, posed, (lenses, glasses), side)
    return patches, lenses


def _place_lenses(head: Head, faces: tuple[Floats, Floats], marks: Floats, cut: tuple[Floats, Glasses]) -> Lenses:
    """Lenses beside the nose, as near to the face as the frame's clearance allows."""
    outline, glasses = cut
    height = float(0.45 * marks[27, 1] + 0.55 * marks[28, 1]) - glasses.slide_dm
    rest = float(np.interp(-height, -marks[27:31, 1], marks[27:31, 2])) - 0.012
    middle = float(0.5 * (marks[27, 0] + marks[28, 0]))
    tilt = np.deg2rad(_TILT_DEG)
    turn = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(tilt), np.sin(tilt)], [0.0, -np.sin(tilt), np.cos(tilt)]])
    wrap = np.deg2rad(_WRAP_DEG)
    normal = np.array([np.sin(wrap), 0.0, np.cos(wrap)])
    front = _front_skin(head)
    found: tuple[float, Floats] | None = None
    inner = float(outline[OUTLINE // 2])
    origin = np.array([middle, height, rest])
    back = _find_back(outline, normal, glasses)
    relaxed, posed = (_rank_skin((face[front] - origin) @ turn) for face in faces)
    for gap in (0.075, 0.09, 0.105, 0.12, 0.14):
        centre = np.array([gap + glasses.thickness_dm * 0.5 + inner, 0.045, -0.02])
        push = _clear_face(centre, back, relaxed)
        if found is None or push < found[0] - 0.005:
            found = (push, centre)
        if push <= 0.0:
            break
    assert found is not None
    push, centre = max(found[0], _clear_face(found[1], back, posed), 0.0), found[1]
    return Lenses(origin=origin + np.array([0.0, 0.0, push]), turn=turn, centre=centre, normal=normal, outline=outline)


@lru_cache(maxsize=4)
def _front_skin(head: Head) -> NDArray[np.int64]:
    """Vertices of the face that glasses may touch."""
    x, y, z = head.rest.T
    near = (np.abs(x) < 0.72) & (y > -0.6) & (y < 0.5) & (z > -0.35)
    near[head.arrays["piece_starts"][1] :] = False
    inside = np.zeros(len(near), dtype=bool)
    inside[head.triangles[head.parts == 0]] = True
    return np.flatnonzero(near & inside)


def _clear_face(centre: Floats, back: tuple[Floats, Floats, Floats], skin: Floats) -> float:
    """How far the pair must come forward for its rims and lenses, whose left middle is `centre`, to clear the skin, as
    `_rank_skin` has it; negative where it has room."""
    across, up, behind = back
    points = centre + across + up - behind
    at, depths = points[:, :2], points[:, 2]
    (left, low), (right, high) = at.min(axis=0) - _NEAR_DM, at.max(axis=0) + _NEAR_DM
    x, y = skin[:, 0], skin[:, 1]
    beside = skin[(x > left) & (x < right) & (y > low) & (y < high)]
    limits, hindmost, push = _NEAR_DM**2 - (at**2).sum(axis=1), depths.min(), -np.inf
    for start in range(0, len(beside), _AT_ONCE):
        here = beside[start : start + _AT_ONCE]
        if here[0, 2] - hindmost <= push:
            break  # skin from here on lies too far back to push
        # squared distances as one product: quicker than hypot on every pair
        far = (here[:, :2] ** 2).sum(axis=1)[:, None] - 2.0 * here[:, :2] @ at.T
        push = max(push, float(np.where(far < limits, here[:, 2:] - depths, -np.inf).max()))
    return push + FRAME_CLEARANCE_DM


def _rank_skin(skin: Floats) -> Floats:
    """(2 n, 3) skin (n, 3), glasses' frame, and its mirror image, so that one lens stands for both; the foremost
    first."""
    both = np.concatenate([skin, skin * (-1.0, 1.0, 1.0)])
    return both[(-both[:, 2]).argsort()]


def _find_back(outline: Floats, normal: Floats, glasses: Glasses) -> tuple[Floats, Floats, Floats]:
    """How far points on the back of the left rim and within it lie across (n, 3) and up (n, 3) from its middle, and
    behind it (3,), glasses' frame."""
    across, up = _spread_points(np.concatenate([share * outline for share in (1.0, 0.75, 0.45)]), normal)
    return across, up, normal * (0.5 * _rim_depth(glasses))


def _lens_points(lenses: Lenses, share: float, grown: Floats | float = 0.0) -> Floats:
    """(OUTLINE, 3) points at a share of the left lens's outline, grown by so many dm, glasses' frame."""
    across, up = _spread_points(share * lenses.outline + grown, lenses.normal)
    return lenses.centre + across + up


def _spread_points(radii: Floats, normal: Floats) -> tuple[Floats, Floats]:
    """(n, 3) across and (n, 3) up from a lens's middle, once or more round it at these radii."""
    rings = radii.reshape(-1, OUTLINE)
    sideways = np.array([normal[2], 0.0, -normal[0]])
    return (
        (rings * _COSINES).reshape(-1, 1) * sideways,
        (rings * _SINES).reshape(-1, 1) * np.array([0.0, 1.0, 0.0]),
    )


def _to_head(lenses: Lenses, points: Floats) -> Floats:
    return points @ lenses.turn.T + lenses.origin


def _rim_depth(glasses: Glasses) -> float:
    return glasses.thickness_dm if glasses.metal > 0.5 else max(0.032, 0.7 * glasses.thickness_dm)


def _build_rims(lenses: Lenses, glasses: Glasses) -> dict[str, Floats]:
    """Both rims as closed tubes; a half rim goes over the top only, and a rimless pair has none."""
    if glasses.shape == "rimless":
        return {}
    turn = np.arange(_RIM_ROWS) * (2.0 * np.pi / _RIM_ROWS)
    half = 0.5 * glasses.thickness_dm
    widths = np.full(OUTLINE, half)
    depths = np.full(OUTLINE, 0.5 * _rim_depth(glasses))
    if glasses.shape == "half_rim":
        held = np.clip((_SINES + 0.30) / 0.12, 0.0, 1.0)
        widths, depths = widths * held, depths * held
    elif glasses.metal < 0.5:
        # plastic rims are heavier above
        widths = widths * (1.0 + 0.25 * _SINES)
    rows = [_lens_points(lenses, 1.0, widths * np.cos(t)) + (depths * np.sin(t))[:, None] * lenses.normal for t in turn]
    left = np.stack(rows, axis=1)
    return {"rim_left": _to_head(lenses, left), "rim_right": _to_head(lenses, left * (-1.0, 1.0, 1.0))}


def _build_bridge(lenses: Lenses, glasses: Glasses) -> Floats:
    """An arch between the rims' inner edges."""
    number = round(OUTLINE * (0.44 if glasses.shape != "rimless" else 0.5))
    end = _lens_points(lenses, 1.0, 0.2 * glasses.thickness_dm)[number]
    t = np.linspace(-1.0, 1.0, 9)
    arch = 1.0 - t * t
    path = np.stack([end[0] * t, end[1] + 0.03 * arch, end[2] + 0.035 * arch], axis=1)
    wide = np.clip(0.55 * glasses.thickness_dm, 0.009, 0.028)
    return _to_head(lenses, find_tube(path, np.full((9, 2), wide) * (0.8, 1.0), 6))


def _build_bar(lenses: Lenses, glasses: Glasses) -> Floats:
    end = _lens_points(lenses, 1.0)[round(OUTLINE * 0.33)]
    t = np.linspace(-1.0, 1.0, 9)
    path = np.stack([end[0] * t, np.full(9, end[1]), end[2] + 0.02 * (1.0 - t * t)], axis=1)
    return _to_head(lenses, find_tube(path, np.full((9, 2), np.clip(0.4 * glasses.thickness_dm, 0.008, 0.02)), 6))


def _build_temple(head: Head, posed: Floats, pair: tuple[Lenses, Glasses], side: float) -> Floats:
    """From the hinge over the temple to the ear and down behind it, along the skull where it is wider."""
    lenses, glasses = pair
    ear = find_ear_root(head, posed, side)
    hinge = _lens_points(lenses, 1.0, 0.3 * glasses.thickness_dm)[round(OUTLINE * 0.055)]
    start = _to_head(lenses, hinge * (side, 1.0, 1.0))
    t = np.linspace(0.0, 1.0, 7)[:, None] ** np.array([1.0, 1.0, 1.0])
    path = start * (1.0 - t) + ear * t
    path[1, 2] = min(path[1, 2], start[2] - 0.03)
    hook = ear + np.array([[0.0, -0.03, -0.08], [0.0, -0.12, -0.15], [0.0, -0.24, -0.19]])
    path = np.concatenate([path, hook])
    tall = float(np.clip(0.75 * glasses.thickness_dm, 0.010, 0.036)) if glasses.metal < 0.5 else 0.011
    wide = 0.011 if glasses.metal < 0.5 else 0.009
    reach = _skull_reach(head, posed, path, side) + wide + FRAME_CLEARANCE_DM
    # the hinge stands out from the rim; from there the temple runs straight unless the head is wider
    out = side * path[:, 0] + 0.02 * np.minimum(np.arange(10), 1)
    path[:, 0] = side * np.maximum(out, np.where(np.arange(10) < 8, reach, out))
    radii = np.stack([np.full(10, wide), tall * np.array([1.0, 1.0, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.7])], axis=1)
    return find_tube(path, radii, 6)


def find_ear_root(head: Head, posed: Floats, side: float) -> Floats:
    """Where the ear's top meets the skull: a temple rests there."""
    top, front = _ear_vertices(head)[0 if side > 0 else 1]
    place = posed[top].astype(np.float64)
    return np.array([side * abs(posed[front, 0]), place[1] + 0.0, 0.5 * (place[2] + posed[front, 2])])


@lru_cache(maxsize=4)
def _ear_vertices(head: Head) -> tuple[tuple[int, int], tuple[int, int]]:
    """(highest, foremost of the upper half) vertex of the left and of the right ear."""
    found = []
    for side in (1.0, -1.0):
        ear = np.flatnonzero((head.masks["ears"] > 0.5) & (head.rest[:, 0] * side > 0.0))
        top = int(ear[head.rest[ear, 1].argmax()])
        upper = ear[head.rest[ear, 1] > head.rest[top, 1] - 0.15]
        found.append((top, int(upper[head.rest[upper, 2].argmax()])))
    return found[0], found[1]


def _skull_reach(head: Head, posed: Floats, path: Floats, side: float) -> Floats:
    """(n,) how far out the skin of the skull stands beside each point of a temple."""
    skin = posed[_side_skin(head, side)]
    gap = np.hypot(skin[:, None, 1] - path[None, :, 1], skin[:, None, 2] - path[None, :, 2])
    return np.where(gap < 0.075, side * skin[:, None, 0], -np.inf).max(axis=0)


@lru_cache(maxsize=8)
def _side_skin(head: Head, side: float) -> NDArray[np.int64]:
    x, y, z = head.rest.T
    near = (x * side > 0.3) & (y > -0.3) & (y < 0.4) & (z > -0.9) & (head.masks["ears"] < 0.1)
    near[head.arrays["piece_starts"][1] :] = False
    return np.flatnonzero(near)


def lens_cover(lenses: Lenses, points: Floats, eye: Floats) -> NDArray[np.bool_]:
    """(n,) whether the line from `eye` (3,), the camera, to each point (n, 3) goes through a lens; head coordinates."""
    covered = np.zeros(len(points), dtype=bool)
    start = (eye - lenses.origin) @ lenses.turn
    ends = (points - lenses.origin) @ lenses.turn
    across = np.array([lenses.normal[2], 0.0, -lenses.normal[0]])
    for side in (1.0, -1.0):
        mirror = np.array([side, 1.0, 1.0])
        away = (ends - start) * mirror
        height = (start * mirror - lenses.centre) @ lenses.normal
        share = -height / np.where(np.abs(away @ lenses.normal) < 1e-9, 1e-9, away @ lenses.normal)
        local = start * mirror + share[:, None] * away - lenses.centre
        a, b = local @ across, local[:, 1]
        turn = np.mod(np.arctan2(b, a) / (2.0 * np.pi), 1.0) * OUTLINE
        radius = np.interp(turn, np.arange(OUTLINE + 1), np.append(lenses.outline, lenses.outline[0]))
        covered |= (share > 0.0) & (share < 1.0) & (np.hypot(a, b) < radius)
    return covered
