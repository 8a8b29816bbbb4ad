"""Eyeballs: two clean spheres with a slight cornea, in place of MakeHuman's 70-quad helper eyes.

Only the front of each eye is built. Its texture coordinates are polar: the pupil is at (0.5, 0.5) and a point at
angle `a` from the optical axis lies `a / 180 deg` away from it, so that iris and limbus are discs whatever the gaze.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["CORNEA_BULGE", "EYE_SECTORS", "LIMBUS_DEG", "build_eyeball", "find_centre_weights", "read_eyeball"]

EYE_SECTORS = 20
"""Vertices on each ring of an eyeball."""

LIMBUS_DEG = 24.0
"""Angle between optical axis and limbus: asin(5.9 mm / 14.5 mm). MakeHuman's eyeballs have a radius of 14 to 15 mm, an
adult's 12 (and 29 deg)."""

CORNEA_BULGE = 0.035
"""How far the cornea's apex stands out of the sphere, as a share of its radius (anatomically ~0.08; less keeps the
lids whole)."""

# Rings by angle from the optical axis (deg): dense at pupil and limbus, ending behind the lids' reach.
_RINGS_DEG = (6.0, 12.0, 18.0, 24.0, 34.0, 47.0, 64.0, 84.0, 104.0)

Floats = NDArray[np.float64]


def build_eyeball() -> tuple[Floats, NDArray[np.int32], NDArray[np.float32]]:
    """A unit eyeball looking along +z: (n, 3) vertices, (t, 3) triangles seen from outside, (n, 2) polar uv."""
    angle = np.radians(np.repeat(_RINGS_DEG, EYE_SECTORS))
    turn = np.tile(np.arange(EYE_SECTORS) * (2.0 * np.pi / EYE_SECTORS), len(_RINGS_DEG))
    angle, turn = np.append(0.0, angle), np.append(0.0, turn)
    ring = np.stack([np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), np.cos(angle)], axis=1)
    bulge = 1.0 + CORNEA_BULGE * np.clip(1.0 - (np.degrees(angle) / LIMBUS_DEG) ** 2, 0.0, None)
    around = angle[:, None] / np.pi * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return ring * bulge[:, None], _connect_rings(), (0.5 + around).astype(np.float32)


def _connect_rings() -> NDArray[np.int32]:
    here = np.arange(EYE_SECTORS)
    then = (here + 1) % EYE_SECTORS
    fans = [np.stack([np.zeros_like(here), 1 + here, 1 + then], axis=1)]
    for ring in range(len(_RINGS_DEG) - 1):
        inner, outer = 1 + ring * EYE_SECTORS, 1 + (ring + 1) * EYE_SECTORS
        fans.append(np.stack([inner + here, outer + here, outer + then], axis=1))
        fans.append(np.stack([inner + here, outer + then, inner + then], axis=1))
    return np.concatenate(fans).astype(np.int32)


def read_eyeball(helper: Floats) -> tuple[Floats, float]:
    """Centre (3,) and radius of the sphere that MakeHuman's (n, 3) helper eye vertices lie on."""
    centre = helper.mean(axis=0)
    return centre, float(np.linalg.norm(helper - centre, axis=1).mean())


def find_centre_weights() -> Floats:
    """Weights (n,) whose sum over a placed eyeball's vertices is its centre, whatever its place and size."""
    unit = build_eyeball()[0]
    conditions = np.concatenate([unit, np.ones((len(unit), 1))], axis=1)
    return np.asarray(np.linalg.pinv(conditions.T) @ np.array([0.0, 0.0, 0.0, 1.0]), dtype=np.float64)
