"""How a picture's hair is cut from its surfaces, for Warp kernels: which samples of a shell or a lock are hair.

Hair has two kinds of surface. Shells, an inner and an outer one, go round the skull: their u is (0–1) round the head,
plus `OUTER` on the outer one, and their t runs from the crown (0) to the hem (1). Locks are ribbons: their u is `LOCK`
plus the lock's number plus the place across it (0–1), their t runs from root to tip.
"""

# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false, reportInvalidTypeForm=false, reportIndexIssue=false, reportAssignmentType=false

import warp as wp

from facsim.models.hair import OUTER
from facsim.models.locks import LOCK
from facsim.models.strand_field import read_field

__all__ = ["CORNROWS", "Ends", "Tress", "lock_number", "lock_offset", "shell_texel", "strand_kept"]

wp.set_module_options({"enable_backward": False})

CORNROWS = wp.constant(6.2831853 * 34.0)
"""Rows of braids round the head, in radians per unit of u."""

_OUTER_FROM = wp.constant(0.5 * OUTER)
_OUTER = wp.constant(OUTER)
_LOCK = wp.constant(LOCK)
_LOCK_FROM = wp.constant(0.5 * LOCK)


@wp.struct
class Tress:
    """One picture's hair: where and how finely it reads the strands' tile, and where its surfaces thin out.

    `across`, `along`: texels of the tile per unit of a shell's u and t; `lock_across`, `lock_along` likewise on a lock.
    `fray`: share of t over which hems thin out. `coil`: 0 strands, 1 coils. `outer`: share of the outer shell that is
    hair. `crown`: share lost at the crown. `waves`, `sway`: how often and how far (in widths) a lock swings. `cord`:
    1 where locks are braids. `inner`: share of the inner shell that is hair. `flip`: 1 where u runs the other way.
    `warp`, `ripples`: how far (texels) and how often strands of a shell wave. `part`: u of the parting's line, below 0
    where there is none.
    """

    seed: wp.int32
    across: wp.float32
    along: wp.float32
    lock_across: wp.float32
    lock_along: wp.float32
    fray: wp.float32
    coil: wp.float32
    inner: wp.float32
    outer: wp.float32
    crown: wp.float32
    waves: wp.float32
    sway: wp.float32
    cord: wp.float32
    flip: wp.float32
    warp: wp.float32
    ripples: wp.float32
    part: wp.float32


@wp.struct
class Ends:
    """How hair is cut, per picture, and the tile that it is cut from (see `facsim.models.strand_field`)."""

    tresses: wp.array(dtype=Tress)
    field: wp.array3d(dtype=wp.float32)


@wp.func
def lock_number(u: float) -> int:
    """A lock's number from its u, -1 on a shell."""
    if u < _LOCK_FROM:
        return -1
    return int(wp.floor(u - _LOCK))


@wp.func
def lock_offset(tress: Tress, lock: int, u: float, t: float) -> float:
    """Place across a lock from its own middle line, -1 to 1 at the edges of its strands; beyond them outside."""
    middle = 0.5 + tress.sway * wp.sin(6.2831853 * tress.waves * t + 2.399963 * float(lock + (tress.seed & 255)))
    # a lock is narrow at its root, full below it and pointed at its tip; a braid keeps its width
    taper = wp.min(1.0, 0.55 + 2.5 * t) * wp.sqrt(wp.clamp((1.0 - t) * 1.7, 0.0, 1.0))
    taper = wp.lerp(taper, wp.clamp((1.0 - t) * 18.0, 0.0, 1.0), tress.cord)
    return (u - _LOCK - float(lock) - middle) / wp.max((0.5 - tress.sway) * taper, 1.0e-3)


@wp.func
def shell_texel(tress: Tress, u: float, t: float) -> wp.vec2:
    """Where a shell's (u, t) lies in the tile of strands: (across, along)."""
    round_head = wp.lerp(u, 1.0 - u, tress.flip)
    bent = wp.sin(6.2831853 * (t * tress.ripples + 3.0 * wp.sin(round_head * 23.0 + float(tress.seed & 15))))
    x = round_head * tress.across + tress.warp * bent
    return wp.vec2(x + float(tress.seed & 255), t * tress.along + float((tress.seed >> 8) & 255))


@wp.func
def strand_kept(ends: Ends, picture: int, u: float, t: float) -> bool:
    """Whether there is hair at (u, t) of a shell or a lock."""
    tress = ends.tresses[picture]
    lock = lock_number(u)
    if lock >= 0:
        off = wp.abs(lock_offset(tress, lock, u, t))
        if off > 1.0:
            return False
        if tress.cord > 0.5:
            return True
        rank = read_field(
            ends.field, 0, u * tress.lock_across + 37.0 * float(lock), t * tress.lock_along + 11.0 * float(lock)
        )
        return rank > 0.75 * off * off + 0.8 * t * t * t - 0.25
    outside = u > _OUTER_FROM
    if tress.part >= 0.0:
        aside = wp.abs(wp.where(outside, u - _OUTER, u) - tress.part) * 5.5 * t
        if aside < 0.010 and t > 0.25:
            return False
    if tress.cord > 0.5 and wp.cos(CORNROWS * u) < -0.9:
        return False
    cover = wp.clamp((1.0 - t) / tress.fray, 0.0, 1.0) * (1.0 - tress.crown * (1.0 - wp.smoothstep(0.1, 0.5, t)))
    cover = cover * wp.where(outside, tress.outer, tress.inner)
    if cover > 0.995:
        return True
    at = shell_texel(tress, u, t)
    x = at[0]
    y = at[1]
    fine = read_field(ends.field, 0, x, y)
    coarse = read_field(ends.field, 0, x * 0.13, y * 0.4)
    rank = wp.lerp(0.5 * (fine + coarse), read_field(ends.field, 1, x * 1.3, y * 3.2), tress.coil)
    return rank > 1.0 - 1.004 * cover
