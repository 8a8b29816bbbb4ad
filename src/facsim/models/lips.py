"""Lips: sealed unless an AU parts them, open at least as far as AU25 asks, and never behind the teeth.

The rings around the mouth form a polar grid; its columns on the upper lip are paired with those on the lower lip, and
the gap between them is set by moving both lips half the way each, together with the skin around them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.models.asset_cache import Arrays
from facsim.models.teeth import ARCH_COLUMNS

__all__ = ["CONTACT_ROW", "MouthRig", "build_mouth_rig", "clear_teeth", "part_lips"]

Floats = NDArray[np.floating]

CONTACT_ROW = 2
"""The row of the mouth's rings where the lips touch."""

# The share of the lips' movement that each ring takes along.
_FOLLOW = (1.0, 1.0, 1.0, 0.97, 0.92, 0.82, 0.72, 0.58, 0.4, 0.2)
_FOLLOW_INSIDE = (1.0, 0.75, 0.4, 0.15)
_CORNERS = (0, 14)
_COLUMNS = 38
# Sealed lips overlap by this much (decimetres), so that no light falls between them.
_OVERLAP = 0.006
# Lips stay this far in front of the crowns (decimetres).
_CLEARANCE = 0.018
_CROWN_ROW = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class MouthRig:
    """The mouth's polar grid and its teeth."""

    rings: NDArray[np.int32]
    """(14, 38) vertices: 10 rings of the face from the lips' inner edge outwards, then 4 of the mouth's lining
    inwards."""
    follow: Floats
    """(14,) share of the lips' movement that each ring takes."""
    upper: NDArray[np.bool_]
    """(38,) columns on the upper lip; corners belong to neither."""
    opposite: Floats
    """(38, 38): row j gives the other lip beside column j."""
    profile: Floats
    """(38,) how far a column takes part in opening: 1 at the middle, 0 at the corners."""
    crowns: tuple[slice, slice]
    """Vertices of the middle of the crowns, upper and lower arch."""


def build_mouth_rig(arrays: Arrays) -> MouthRig:
    """The mouth of the head."""
    contact = arrays["vertices"][arrays["rings_mouth"][CONTACT_ROW]]
    x = contact[:, 0].astype(np.float64)
    upper = np.arange(_COLUMNS) > _CORNERS[1]
    arches = [int(start) + _CROWN_ROW * ARCH_COLUMNS for start in arrays["piece_starts"][4:6]]
    half = np.abs(x[list(_CORNERS)]).max()
    return MouthRig(
        rings=np.concatenate([arrays["rings_mouth"], arrays["rings_mouth_inner"]]),
        follow=np.array(_FOLLOW + _FOLLOW_INSIDE, dtype=np.float32),
        upper=upper,
        opposite=_pair_lips(x, upper),
        profile=np.sqrt(np.clip(1.0 - (x / half) ** 2, 0.0, 1.0)).astype(np.float32),
        crowns=(slice(arches[0], arches[0] + ARCH_COLUMNS), slice(arches[1], arches[1] + ARCH_COLUMNS)),
    )


def _pair_lips(x: NDArray[np.float64], upper: NDArray[np.bool_]) -> Floats:
    opposite = np.zeros((_COLUMNS, _COLUMNS), dtype=np.float32)
    corner = np.isin(np.arange(_COLUMNS), _CORNERS)
    for column in range(_COLUMNS):
        others = np.flatnonzero(corner | (upper != upper[column]))
        others = np.array([column]) if corner[column] else others[np.argsort(x[others])]
        for other, basis in zip(others, np.eye(len(others)), strict=True):
            opposite[column, other] = np.interp(x[column], x[others], basis)
    return opposite


def part_lips(vertices: Floats, *, rig: MouthRig, seal: float, least: float) -> None:
    """Bring the lips together, in place, by a share `seal` (0 to 1) of the gap, else open them `least` decimetres or
    more."""
    contact = vertices[rig.rings[CONTACT_ROW]]
    apart = np.where(rig.upper, 1.0, -1.0).astype(np.float32)[:, None] * (contact - rig.opposite @ contact)
    gap = apart[:, 1]
    wanted = (
        np.where(gap < least * rig.profile, least * rig.profile, gap) * (1.0 - seal) - _OVERLAP * seal * rig.profile
    )
    change = -seal * apart
    change[:, 1] = wanted - gap
    half = np.where(rig.upper, 0.5, -0.5).astype(np.float32)[:, None] * change
    half[list(_CORNERS)] = 0.0
    vertices[rig.rings] += rig.follow[:, None, None] * half


def clear_teeth(vertices: Floats, *, rig: MouthRig) -> None:
    """Push lips and the front of the mouth's lining, in place, out to the surface of the teeth."""
    for columns, crown in zip((rig.upper, ~rig.upper), rig.crowns, strict=True):
        ids = rig.rings[:, columns]
        arch = vertices[crown]
        front = np.interp(vertices[ids][..., 0], arch[:, 0], arch[:, 2], left=-np.inf, right=-np.inf)
        vertices[ids, 2] = np.maximum(vertices[ids, 2], (front + _CLEARANCE).astype(np.float32))
