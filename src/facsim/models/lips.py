"""Lips: sealed unless an AU parts them, open at least as far as AU25 asks, round where the jaw drops, and never
behind the teeth. The tongue goes down with the jaw.

The rings around the mouth form a polar grid; its columns on the upper lip are paired with those on the lower lip, and
the gap between them is set by moving both lips half the way each, together with the skin around them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.models.action_units import share_of_maximum
from facsim.models.asset_cache import Arrays
from facsim.models.teeth import ARCH_COLUMNS

__all__ = [
    "CONTACT_ROW",
    "MouthRig",
    "Parting",
    "build_mouth_rig",
    "clear_teeth",
    "cover_lower_teeth",
    "lower_tongue",
    "part_lips",
    "plan_parting",
]

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
_EDGE_ROW = 3
_ARCH_ROWS = 5
# The lips' least gap in the middle at AU25, 26 and 27 of intensity 5 (decimetres; a jaw's full opening is about 0.5).
_LEAST_GAP: Mapping[str, float] = {"25": 0.12, "26": 0.2, "27": 0.35}
# How far the lower teeth stand above a lower lip that only hangs, and by how much more at AU16 and 22 of intensity 5.
_LOWER_TEETH_SHOWN = 0.018
_TEETH_BARED: Mapping[str, float] = {"16L": 0.05, "16R": 0.05, "22": 0.05}
# Half the width of the lips' middle over which that is measured.
_MIDDLE = 0.12
# How far the opening is drawn from the box that MakeHuman's jaw makes of it in to an ellipse, at AU26 and 27 of
# intensity 5, and how far from the peak of its funnel out to one, at AU22.
_ROUND: Mapping[str, float] = {"26": 0.7, "27": 0.95}
_FUNNEL = 0.6
# How much lower the tongue's sides lie than its middle (decimetres), and its root's share of the jaw's drop.
_TONGUE_ROUND, _TONGUE_ROOT = 0.05, 0.65


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
    edges: tuple[slice, slice]
    """Vertices of the biting edges, upper and lower arch."""
    lower_arch: slice
    """The lower teeth's and gum's vertices."""
    tongue: slice
    """The tongue's vertices."""
    overbite: float
    """How far the lower teeth's edges stand above the upper ones' on the base mesh, whose jaw is shut (dm)."""


@dataclass(frozen=True, kw_only=True)
class Parting:
    """What the lips should do: close by a share `seal` of their gap, else open `least` dm or more; the opening is
    drawn in to an ellipse by the share `roundness` and out to one by the share `funnel`."""

    seal: float = 1.0
    least: float = 0.0
    roundness: float = 0.0
    funnel: float = 0.0


def plan_parting(action_units: Mapping[str, float], *, scale: float) -> Parting:
    """What AUs (key -> 0..5) ask of the lips of a face `scale` times as large as the base mesh.

    An AU that parts the lips (25, 26, 27) wins over one that closes them (17, 23, 24, 28): such codings contradict
    themselves (`facsim.coding.conflicts`), and what is drawn are parted lips.
    """
    parting = {key: action_units.get(key, 0.0) for key in _LEAST_GAP}
    shares = {key: share_of_maximum(value) for key, value in parting.items()}
    return Parting(
        seal=max(0.0, 1.0 - max(parting.values())),
        least=scale * max(_LEAST_GAP[key] * share for key, share in shares.items()),
        roundness=max(most * shares[key] for key, most in _ROUND.items()),
        funnel=_FUNNEL * share_of_maximum(action_units.get("22", 0.0)),
    )


def build_mouth_rig(arrays: Arrays) -> MouthRig:
    """The mouth of the head."""
    contact = arrays["vertices"][arrays["rings_mouth"][CONTACT_ROW]]
    x = contact[:, 0].astype(np.float64)
    upper = np.arange(_COLUMNS) > _CORNERS[1]
    starts = [int(start) for start in arrays["piece_starts"]]
    crowns, edges = (
        tuple(slice(start + row * ARCH_COLUMNS, start + (row + 1) * ARCH_COLUMNS) for start in starts[4:6])
        for row in (_CROWN_ROW, _EDGE_ROW)
    )
    bite = [float(arrays["vertices"][edge, 1].mean()) for edge in edges]
    half = np.abs(x[list(_CORNERS)]).max()
    return MouthRig(
        rings=np.concatenate([arrays["rings_mouth"], arrays["rings_mouth_inner"]]),
        follow=np.array(_FOLLOW + _FOLLOW_INSIDE, dtype=np.float32),
        upper=upper,
        opposite=_pair_lips(x, upper),
        profile=np.sqrt(np.clip(1.0 - (x / half) ** 2, 0.0, 1.0)).astype(np.float32),
        crowns=(crowns[0], crowns[1]),
        edges=(edges[0], edges[1]),
        lower_arch=slice(starts[5], starts[5] + _ARCH_ROWS * ARCH_COLUMNS),
        tongue=slice(starts[1], starts[2]),
        overbite=bite[1] - bite[0],
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


def part_lips(vertices: Floats, *, rig: MouthRig, parting: Parting) -> None:
    """Bring the lips together or open them, in place, as `parting` says."""
    contact = vertices[rig.rings[CONTACT_ROW]]
    apart = np.where(rig.upper, 1.0, -1.0).astype(np.float32)[:, None] * (contact - rig.opposite @ contact)
    gap, seal = apart[:, 1], parting.seal
    opened = _round_opening(np.maximum(gap, parting.least * rig.profile), rig, parting)
    change = -seal * apart
    change[:, 1] = opened * (1.0 - seal) - _OVERLAP * seal * rig.profile - gap
    half = np.where(rig.upper, 0.5, -0.5).astype(np.float32)[:, None] * change
    half[list(_CORNERS)] = 0.0
    vertices[rig.rings] += rig.follow[:, None, None] * half


def _round_opening(gap: Floats, rig: MouthRig, parting: Parting) -> Floats:
    """(38,) gaps drawn towards those of an ellipse as high as the highest."""
    away = gap.max() * rig.profile - gap
    return (
        gap + np.float32(parting.roundness) * np.minimum(away, 0.0) + np.float32(parting.funnel) * np.maximum(away, 0.0)
    )


def cover_lower_teeth(vertices: Floats, *, rig: MouthRig, action_units: Mapping[str, float], scale: float) -> None:
    """Let the lower teeth go down, in place, behind a lip that hangs: a jaw's target takes the lip further than them,
    and a dropped jaw bares hardly any until AU16 or 22 moves the lip away."""
    contact = vertices[rig.rings[CONTACT_ROW][~rig.upper]]
    lip = contact[np.abs(contact[:, 0]) < _MIDDLE * scale, 1].mean()
    edge = vertices[rig.edges[1]]
    shown = edge[np.abs(edge[:, 0]) < _MIDDLE * scale, 1].mean() - lip
    bared = sum(most * share_of_maximum(action_units.get(key, 0.0)) for key, most in _TEETH_BARED.items())
    vertices[rig.lower_arch, 1] -= np.float32(max(0.0, shown - scale * (_LOWER_TEETH_SHOWN + bared)))


def lower_tongue(vertices: Floats, *, rig: MouthRig) -> None:
    """Round the tongue, in place, and let its root go down with the jaw: a jaw's target moves its tip alone."""
    tongue = vertices[rig.tongue]
    across, along = tongue[:, 0] / np.abs(tongue[:, 0]).max(), tongue[:, 2]
    depth = (along.max() - along) / np.ptp(along)
    upper, lower = (float(vertices[edge, 1].mean()) for edge in rig.edges)
    drop = max(0.0, upper - lower + rig.overbite)
    tongue[:, 1] -= _TONGUE_ROUND * across**2 + np.float32(_TONGUE_ROOT * drop) * np.minimum(1.0, 1.6 * depth)


def clear_teeth(vertices: Floats, *, rig: MouthRig) -> None:
    """Push lips and the front of the mouth's lining, in place, out to the surface of the teeth."""
    for columns, crown in zip((rig.upper, ~rig.upper), rig.crowns, strict=True):
        ids = rig.rings[:, columns]
        arch = vertices[crown]
        front = np.interp(vertices[ids][..., 0], arch[:, 0], arch[:, 2], left=-np.inf, right=-np.inf)
        vertices[ids, 2] = np.maximum(vertices[ids, 2], (front + _CLEARANCE).astype(np.float32))
