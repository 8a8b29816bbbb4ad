"""Displacement fields of the action units: one dense (V, 3) field for each key at its maximum, on the rest head."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from facsim.facs import lateral_keys
from facsim.models.asset_cache import Arrays
from facsim.models.head_mesh import MESH_PARTS
from facsim.models.motions import JOINT_MOTIONS, MOTIONS, Bump, Motion, Region
from facsim.models.neutral import expand_target

__all__ = ["build_motion_fields"]

Floats = NDArray[np.floating]

# Lateral AUs that are cut out of symmetric targets fade over this half-width either side of the midline (decimetres).
_MIDLINE = 0.14
# The mouth line of the rest head (its lips meet at y = -0.669), and how softly skin beside the mouth is cut there.
_MOUTH_Y, _MOUTH_SOFT = -0.669, 0.06
_CHIN_Y = -0.95
_MOUTH_CORNER_COLUMNS = (0, 14)


def build_motion_fields(arrays: Arrays, rest: Floats) -> Mapping[str, Floats]:
    """AU key -> (V, 3) displacement in decimetres at intensity 5. Right sides are exact mirror images of left ones.

    What two AUs move beside what each moves alone goes by both keys, as in `1L+4L` (see `movement_shares`).
    """
    shares, skin = _weigh_regions(arrays, rest), _find_soft_tissue(arrays)
    fields: dict[str, Floats] = {}
    for codes, motion in [((code,), motion) for code, motion in MOTIONS.items()] + list(JOINT_MOTIONS.items()):
        whole = _sum_motion(motion, arrays, rest=rest, shares=shares, skin=skin)
        keys = ["+".join(sided) for sided in zip(*map(lateral_keys, codes), strict=True)]
        if len(keys) == 2:
            left = whole * _weigh_left(rest)[:, None]
            fields[keys[0]], fields[keys[1]] = left, _mirror_field(left, arrays)
        else:
            fields[keys[0]] = 0.5 * (whole + _mirror_field(whole, arrays))
    return fields


def _sum_motion(
    motion: Motion, arrays: Arrays, *, rest: Floats, shares: Mapping[Region, Floats], skin: Floats
) -> Floats:
    field = np.zeros_like(rest)
    for shift in motion.shifts:
        field += shift.weight * expand_target(arrays, shift.target) * shares[shift.region][:, None]
    for bump in motion.bumps:
        field += _sculpt(bump, rest) * (skin * shares[bump.region])[:, None]
    return field


def _sculpt(bump: Bump, rest: Floats) -> Floats:
    away = (rest - np.array(bump.centre, dtype=np.float32)) / np.array(bump.spread, dtype=np.float32)
    fall = np.exp(-0.5 * (away**2).sum(axis=1, keepdims=True))
    return fall * np.array(bump.move, dtype=np.float32)


def _weigh_left(rest: Floats) -> Floats:
    """1 on the subject's left, 0 on the right, a smooth step that sums to 1 with its mirror image at the midline."""
    t = np.clip(0.5 + 0.5 * rest[:, 0] / _MIDLINE, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _weigh_regions(arrays: Arrays, rest: Floats) -> Mapping[Region, Floats]:
    above = _weigh_upper(arrays, rest)
    neck = np.clip((_CHIN_Y - rest[:, 1]) / 0.2, 0.0, 1.0)
    return {"all": np.ones_like(above), "upper": above, "lower": 1.0 - above, "neck": neck}


def _weigh_upper(arrays: Arrays, rest: Floats) -> Floats:
    """1 above the line between the lips, 0 below; the lips' own rings are cut exactly at the corners."""
    t = np.clip(0.5 + 0.5 * (rest[:, 1] - _MOUTH_Y) / _MOUTH_SOFT, 0.0, 1.0)
    above = (t * t * (3.0 - 2.0 * t)).astype(np.float32)
    for rings in (arrays["rings_mouth"], arrays["rings_mouth_inner"]):
        right, left = _MOUTH_CORNER_COLUMNS
        above[rings[:7, right + 1 : left].ravel()] = 0.0
        above[rings[:7, left + 1 :].ravel()] = 1.0
        above[rings[:7, [right, left]].ravel()] = 0.5
    lower_arch = arrays["piece_starts"][5]
    above[lower_arch:] = 0.0
    return above


def _find_soft_tissue(arrays: Arrays) -> Floats:
    soft = np.zeros(len(arrays["vertices"]), dtype=np.float32)
    parts = [MESH_PARTS.index("skin"), MESH_PARTS.index("mouth_interior")]
    soft[arrays["triangles"][np.isin(arrays["parts"], parts)].ravel()] = 1.0
    return soft


def _mirror_field(field: Floats, arrays: Arrays) -> Floats:
    return field[arrays["mirror"]] * np.array([-1.0, 1.0, 1.0], dtype=np.float32)
