"""Turns of the head as three angles, and what they become when the picture itself is turned or mirrored."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["angles_of", "turned_angles", "turns_of"]

Floats = NDArray[np.floating]


def turns_of(angles_deg: Floats) -> NDArray[np.float64]:
    """(N, 3, 3) turns of yaw, pitch and roll (N, 3) in degrees: `facsim.models.camera.rotation_matrix` of many."""
    yaw, pitch, roll = np.radians(np.asarray(angles_deg, dtype=np.float64)).T
    one, none = np.ones_like(yaw), np.zeros_like(yaw)
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    return _stacked(cy, none, sy, none, one, none, -sy, none, cy) @ (
        _stacked(one, none, none, none, cp, sp, none, -sp, cp) @ _stacked(cr, sr, none, -sr, cr, none, none, none, one)
    )


def angles_of(turns: Floats) -> NDArray[np.float64]:
    """(N, 3) yaw, pitch and roll in degrees of turns (N, 3, 3); the pitch is within 90 degrees."""
    pitch = np.arcsin(np.clip(turns[:, 1, 2], -1.0, 1.0))
    yaw = np.arctan2(turns[:, 0, 2], turns[:, 2, 2])
    roll = np.arctan2(-turns[:, 1, 0], turns[:, 1, 1])
    return np.degrees(np.stack([yaw, pitch, roll], axis=1))


def turned_angles(angles_deg: Floats, clockwise_deg: Floats) -> NDArray[np.float64]:
    """(N, 3) yaw, pitch and roll of heads whose pictures are turned clockwise by `clockwise_deg` (N,).

    A turned picture is a camera turned the other way, which is not roll alone where the head is turned or raised.
    """
    count = len(clockwise_deg)
    spun = np.concatenate([np.zeros((count, 2)), np.asarray(clockwise_deg, dtype=np.float64)[:, None]], axis=1)
    return angles_of(turns_of(spun) @ turns_of(angles_deg))


def _stacked(*entries: Floats) -> NDArray[np.float64]:
    return np.stack(entries, axis=-1).reshape(-1, 3, 3).astype(np.float64)
