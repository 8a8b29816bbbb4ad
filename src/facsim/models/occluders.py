"""What stands before a face for the moment: a mask, a hand, a cup, a phone or a microphone, as patches."""

import numpy as np
from numpy.typing import NDArray

from facsim.models.glasses import find_ear_root
from facsim.models.hands import lay_hand, wrap_fingers
from facsim.models.head import Head
from facsim.models.landmarks import landmarks_68
from facsim.models.patches import PATCHES, STRAPS, find_tube
from facsim.models.relief import carve_relief
from facsim.models.worn import Occluder
from facsim.wearables import HANDS, MASKS

__all__ = ["fit_occluder"]

Floats = NDArray[np.floating]

_COLUMNS, _ROWS = PATCHES["sheet"].columns, PATCHES["sheet"].rows
_FACE_WIDTH_DM = 1.36
_AXIS_Z = -0.42
"""The upright line round which a mask is wrapped."""


def fit_occluder(head: Head, posed: Floats, occluder: Occluder) -> dict[str, Floats]:
    """The occluder's patches, head coordinates, before the `posed` vertices (V, 3) of a head."""
    marks = np.asarray(landmarks_68(head, posed), dtype=np.float64)
    scale = float(marks[16, 0] - marks[0, 0]) / _FACE_WIDTH_DM
    if occluder.kind in MASKS:
        return _fit_mask(head, posed, marks, occluder)
    if occluder.kind in HANDS:
        return lay_hand(_front(head, posed), occluder, scale)
    if occluder.kind == "cup":
        return _hold_cup(marks, occluder, scale)
    if occluder.kind == "phone":
        return _hold_phone(marks, occluder, scale)
    return {"sheet": _hold_microphone(marks, occluder, scale)}


def _front(head: Head, posed: Floats) -> Floats:
    """Skin of the face, throat and temples."""
    skin = posed[: head.arrays["piece_starts"][1]]
    return skin[(skin[:, 2] > -0.6) & (skin[:, 1] > -2.2)]


def _fit_mask(head: Head, posed: Floats, marks: Floats, mask: Occluder) -> dict[str, Floats]:
    sheet = _wrap_mask(_front(head, posed), marks, mask)
    patches = {"sheet": sheet}
    for name, (side, row) in zip(STRAPS, ((1.0, 1), (1.0, -2), (-1.0, 1), (-1.0, -2)), strict=True):
        corner = sheet[-1 if side > 0 else 0, row]
        ear = find_ear_root(head, posed, side) + np.array([0.0, -0.02 if row == 1 else -0.38, -0.12])
        t = np.linspace(0.0, 1.0, PATCHES[name].columns)[:, None]
        path = corner * (1.0 - t) + ear * t
        path[:, 0] += side * 0.05 * np.sin(np.pi * t[:, 0])
        patches[name] = find_tube(path, np.full((len(path), 2), 0.013), PATCHES[name].rows)
    return patches


def _wrap_mask(skin: Floats, marks: Floats, mask: Occluder) -> Floats:
    """(_COLUMNS, _ROWS, 3) cloth from cheek to cheek that spans what lies between nose and chin like a tent."""
    a = np.linspace(-1.0, 1.0, _COLUMNS)[:, None]
    row = np.linspace(0.0, 1.0, _ROWS)[None, :]
    nose, chin = marks[28:30].mean(axis=0), marks[8]
    high = nose[1] + mask.low * (marks[33, 1] - 0.06 - nose[1]) + mask.y_dm
    low = chin[1] - 0.05 + 0.3 * mask.y_dm
    top = high - (0.20 - 0.10 * mask.low) * np.abs(a) ** 1.5
    bottom = low + 0.34 * np.abs(a) ** 2.2
    y = top + (bottom - top) * row
    angle = np.deg2rad(66.0 * a) * np.ones_like(y)
    radius = _span(_radius(skin, angle, y), y)
    lift = 0.032 + 0.02 * (1.0 - np.abs(a) ** 3) * np.sin(np.pi * np.clip(row, 0.0, 1.0)) ** 0.5
    radius = radius + lift
    radius[:, -1] -= 0.03
    sheet = np.stack([radius * np.sin(angle), y, _AXIS_Z + radius * np.cos(angle)], axis=2)
    return sheet + np.array([mask.x_dm, 0.0, 0.0])


def _radius(skin: Floats, angle: Floats, y: Floats) -> Floats:
    """How far from the axis skin stands within some millimetres of each place."""
    turn = np.arctan2(skin[:, 0], skin[:, 2] - _AXIS_Z)
    far = np.hypot(skin[:, 0], skin[:, 2] - _AXIS_Z)
    relief = carve_relief(np.stack([turn, skin[:, 1], far], axis=1), fall=3.0, width=0.7)
    return relief.reach(angle.ravel(), y.ravel(), 0.045).reshape(angle.shape)


def _span(radius: Floats, y: Floats) -> Floats:
    """The radius pulled taut along each column (its upper hull), then smoothed across; never below what it covers."""
    taut = radius.copy()
    for first in range(radius.shape[1]):
        for last in range(first + 2, radius.shape[1]):
            share = (y[:, first : first + 1] - y[:, first:last]) / np.maximum(
                y[:, first : first + 1] - y[:, last : last + 1], 1e-6
            )
            line = radius[:, first : first + 1] * (1.0 - share) + radius[:, last : last + 1] * share
            taut[:, first:last] = np.maximum(taut[:, first:last], line)
    for _ in range(3):
        wide = np.pad(taut, ((1, 1), (0, 0)), mode="edge")
        taut = np.maximum(0.25 * wide[:-2] + 0.5 * wide[1:-1] + 0.25 * wide[2:], taut)
    return taut


def _turn_about(points: Floats, centre: Floats, turn_deg: float) -> Floats:
    """Points turned clockwise in a frontal picture."""
    angle = -np.deg2rad(turn_deg)
    c, s = np.cos(angle), np.sin(angle)
    return centre + (points - centre) @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def _revolve(profile: Floats, axis: Floats, foot: Floats) -> Floats:
    """(_COLUMNS, n, 3) the `profile` (n, 2) of radius and height turned round an axis that starts at `foot`."""
    axis = axis / np.linalg.norm(axis)
    aside = np.cross(axis, (0.0, 0.0, 1.0))
    aside = np.array([1.0, 0.0, 0.0]) if np.linalg.norm(aside) < 1e-6 else aside / np.linalg.norm(aside)
    back = np.cross(aside, axis)
    turn = np.linspace(-np.pi, np.pi, _COLUMNS)
    ring = np.cos(turn)[:, None] * back + np.sin(turn)[:, None] * aside
    return foot + profile[None, :, :1] * ring[:, None] + profile[None, :, 1:] * axis


def _hold_cup(marks: Floats, cup: Occluder, scale: float) -> dict[str, Floats]:
    """A cup whose rim touches the lower lip, held by four fingers from one side."""
    size, side = cup.size * scale, 1.0 if cup.left else -1.0
    tip = np.deg2rad(32.0)
    axis = np.array([0.0, np.cos(tip), -np.sin(tip)])
    inner = np.array([0.0, -np.sin(tip), -np.cos(tip)])
    lips = marks[[51, 57]].mean(axis=0) + np.array([cup.x_dm, cup.y_dm, 0.02])
    wide, tall = 0.40 * size, 0.95 * size
    foot = lips - inner * wide - axis * (tall - 0.02)
    heights = np.array([0.0, 0.0, 0.02, 0.06, 0.3, 0.6, 0.9, 0.98, 1.0, 0.98, 0.9, 0.5, 0.45])
    widths = np.array([0.0, 0.80, 0.86, 0.88, 0.92, 0.96, 0.99, 1.0, 0.98, 0.95, 0.94, 0.90, 0.0])
    body = _revolve(np.column_stack([widths * wide, heights * tall]), axis, foot)
    grip = np.linspace(1.9, 0.35, 10)
    paths = [
        foot + axis * tall * share
        + (0.94 * wide + 0.085 * size) * (np.cos(grip)[:, None] * -inner + np.sin(grip)[:, None] * (side, 0.0, 0.0))
        for share in (0.76, 0.57, 0.38, 0.20)
    ]  # fmt: skip
    patches = {"sheet": body, **wrap_fingers(np.stack(paths), 0.088 * size)}
    patches["palm"] = _grip_palm(foot + axis * tall * 0.5, np.array([side * (wide + 0.17 * size), -0.1, -0.1]), size)
    return {name: _turn_about(points, lips, cup.turn_deg) for name, points in patches.items()}


def _grip_palm(middle: Floats, aside: Floats, size: float) -> Floats:
    """The side of a hand that grips something, and the forearm below it."""
    along = np.linspace(-0.42, 3.2, PATCHES["palm"].columns)
    wide = np.interp(along, (-0.42, -0.36, -0.2, 0.5, 0.8, 3.2), (0.03, 0.12, 0.17, 0.20, 0.24, 0.36)) * size
    side = np.sign(aside[0])
    path = (
        middle
        + aside
        + np.stack([side * 0.42 * size * np.clip(along, 0.0, None) ** 1.1, -along * size, -0.05 * along * size], axis=1)
    )
    return find_tube(path, np.column_stack([wide, wide * 1.15]), PATCHES["palm"].rows, up=(0.0, 0.0, 1.0))


def _hold_phone(marks: Floats, phone: Occluder, scale: float) -> dict[str, Floats]:
    """A phone held up before the lower face, its back to the camera."""
    side = 1.0 if phone.left else -1.0
    size = phone.size * (0.5 + 0.5 * scale)
    centre = np.array([side * 0.12 + phone.x_dm, marks[33, 1] - 0.42 + phone.y_dm, marks[30, 2] + 0.35])
    half = np.array([0.37, 0.76]) * size
    turn = np.linspace(-np.pi, np.pi, _COLUMNS)
    power = 2.0 / 7.0
    round_ = np.stack(
        [np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power, np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power],
        axis=1,
    )
    shares = np.array([0.0, 0.35, 0.65, 0.88, 0.97, 1.0, 1.0, 1.0, 0.97, 0.88, 0.6, 0.3, 0.0])
    depths = np.array([1.0, 1.0, 1.0, 1.0, 0.9, 0.6, 0.0, -0.6, -0.9, -1.0, -1.0, -1.0, -1.0]) * 0.042
    flat = centre[:2] + round_[:, None] * (shares[None, :, None] * half)
    body = np.concatenate([flat, (centre[2] + depths)[None, :, None] * np.ones((_COLUMNS, 1, 1))], axis=2)
    reach = np.linspace(0.0, 1.0, 10)
    paths = []
    for height, length in ((0.10, 0.42), (-0.09, 0.48), (-0.28, 0.45), (-0.46, 0.34)):
        x = side * (half[0] + 0.10 - (0.06 + length * size) * reach)
        z = 0.13 * np.sin(np.minimum(reach * 3.0, 1.0) * np.pi / 2.0) + 0.0 * reach
        paths.append(centre + np.stack([x, (height + 0.10 * reach) * np.ones(10) * size, z - 0.01], axis=1))
    patches = {"sheet": body, **wrap_fingers(np.stack(paths), 0.085 * size)}
    grip = centre - np.array([0.0, 0.15 * size, 0.06])
    patches["palm"] = _grip_palm(grip, np.array([side * (half[0] + 0.12), 0.0, 0.0]), size)
    return {name: _turn_about(points, centre, phone.turn_deg) for name, points in patches.items()}


def _hold_microphone(marks: Floats, microphone: Occluder, scale: float) -> Floats:
    """A ball of mesh below the lips on a shaft that leads down and forwards."""
    size = microphone.size * (0.4 + 0.6 * scale)
    side = 1.0 if microphone.left else -1.0
    tip = marks[57] + (microphone.x_dm + 0.05 * side, microphone.y_dm - 0.02, 0.16 + 0.22 * size)
    axis = np.array([0.30 * side, -1.0, 0.22])
    turn = np.deg2rad([0.0, 25.0, 50.0, 75.0, 95.0, 120.0, 142.0])
    ball = np.column_stack([0.25 * np.sin(turn), 0.25 - 0.25 * np.cos(turn)])
    shaft = np.array([[0.175, 0.47], [0.16, 0.50], [0.15, 0.7], [0.125, 1.4], [0.11, 2.2], [0.0, 2.21]])
    return _turn_about(_revolve(np.concatenate([ball, shaft]) * size, axis, tip), tip, microphone.turn_deg)
