"""Hair painted on skin: brows as strokes, lashes' roots, stubble and beard, and the scalp under the hair.

Shares from 0 (bare skin) to 1 (hair) at a place of the rest head (see `facsim.models.wrinkles` for its landmarks).
`foot` is the width that one pixel covers there, in decimetres: strokes finer than that are averaged, not sampled.
"""

# Warp reads `float(0.0)` as a variable and `0.0` as a constant, and compiles no tuples to search.
# ruff: noqa: UP018
# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false, reportIndexIssue=false

import warp as wp

from facsim.models.hairlines import FOREHEAD_HEIGHT, HAIRLINE_STEPS, RECEDING
from facsim.models.materials import Look
from facsim.models.noise import fold_seed, hash_unit, smooth_noise

__all__ = ["beard_share", "brow_share", "hairline_height", "scalp_share"]

wp.set_module_options({"enable_backward": False})


_Steps = wp.types.matrix(shape=(len(HAIRLINE_STEPS), 3), dtype=wp.float32)
_Row = wp.types.vector(length=len(RECEDING), dtype=wp.float32)
_FOREHEAD = wp.constant(FOREHEAD_HEIGHT)
_STEPS = wp.constant(_Steps(*[value for row in HAIRLINE_STEPS for value in row]))
_RECEDING = wp.constant(_Row(*RECEDING))
_BROW_CELL = wp.constant(0.0135)
"""Side of the cells that hold one brow hair each, in decimetres."""


@wp.func
def hairline_height(azimuth_deg: float, receding: float) -> float:
    """`facsim.models.hairlines.hairline_heights` at one azimuth."""
    a = wp.abs(azimuth_deg)
    y = float(_FOREHEAD)
    for row in range(5):
        y += _STEPS[row, 0] * wp.smoothstep(_STEPS[row, 1], _STEPS[row, 2], a)
    away = (a - _RECEDING[1]) / _RECEDING[2]
    crown = 1.0 - wp.smoothstep(_RECEDING[4], _RECEDING[5], a)
    return y + receding * (
        _RECEDING[0] * wp.exp(-away * away) + _RECEDING[3] * crown * wp.max(receding - _RECEDING[6], 0.0)
    )


@wp.func
def _azimuth(q: wp.vec3) -> float:
    return wp.atan2(q[0], q[2] + 0.6) * 57.29578


@wp.func
def scalp_share(look: Look, q: wp.vec3, ears: float, foot: float) -> float:
    """Share of the skin at `q` that shows hair roots."""
    if q[1] < -0.8 or q[2] > 0.3:
        return 0.0
    edge = hairline_height(_azimuth(q), look.hair_receding)
    if q[1] < edge - 0.18:  # lower than the raggedness reaches
        return 0.0
    field = fold_seed(look.person, 41)
    ragged = 0.05 * smooth_noise(field, q * 16.0) + 0.03 * smooth_noise(field + wp.uint32(1), q * 43.0)
    inside = wp.smoothstep(-0.10, 0.06, q[1] - edge + ragged)
    crown = look.hair_thinning * wp.smoothstep(0.95, 1.15, q[1])
    grain = 0.22 * wp.clamp(1.6 - foot / 0.02, 0.0, 1.0) * smooth_noise(field + wp.uint32(2), q * 75.0)
    share = wp.min(0.9, 0.42 + 5.0 * look.hair_length) * (1.0 - 0.8 * crown)
    if wp.abs(_azimuth(q) - look.hair_part) < 60.0:
        aside = wp.abs(_azimuth(q) - look.hair_part) * 0.01745 * wp.length(wp.vec2(q[0], q[2] + 0.6))
        share = share * (0.25 + 0.75 * wp.smoothstep(0.0, 0.04, aside))
    return wp.clamp(inside * (1.0 - ears) * (share + grain), 0.0, 0.95)


@wp.func
def _brow_line(look: Look, aside: float) -> float:
    """Height of the middle of a brow at a distance from the middle of the face."""
    along = wp.clamp((aside - 0.085) / 0.43, -0.2, 1.2)
    rise = (0.018 + 0.05 * look.brow_arch) * wp.smoothstep(-0.05, 0.62, along)
    fall = (0.02 + 0.085 * look.brow_arch) * wp.smoothstep(0.60, 1.15, along)
    return 0.164 + rise - fall + 0.028 * look.brow_slant * (along - 0.35)


@wp.func
def _brow_body(look: Look, aside: float, y: float) -> float:
    """How densely hairs are rooted at a place: 0 outside the brow, 1 in its middle."""
    along = (aside - 0.085) / 0.43
    half = 0.043 * look.brow_thickness * (1.0 - 0.62 * wp.smoothstep(0.40, 1.0, along))
    across = wp.abs(y - _brow_line(look, aside)) / half
    ends = wp.smoothstep(-0.08, 0.16, along) * (1.0 - wp.smoothstep(0.86, 1.05, along))
    if look.brow_joined > 0.0:
        ends = wp.max(ends, 0.5 * look.brow_joined * (1.0 - wp.smoothstep(0.06, 0.12, aside)))
    return (1.0 - wp.smoothstep(0.35, 1.15, across)) * ends


@wp.func
def _hair_cover(field: wp.uint32, look: Look, column: int, row: int, aside: float, y: float, foot: float) -> float:
    """Cover of one brow hair, rooted in its own cell of a lattice, at (aside, y)."""
    x0 = (float(column) + hash_unit(field, column, row, 1)) * _BROW_CELL
    y0 = (float(row) + hash_unit(field, column, row, 2)) * _BROW_CELL
    if _brow_body(look, x0, y0) < 0.10 + 0.62 * hash_unit(field, column, row, 3):
        return 0.0
    # hairs stand up at the inner end, lie along the brow further out and lean towards its middle line
    along = (x0 - 0.085) / 0.43
    lean = 0.22 + 1.15 * wp.smoothstep(-0.08, 0.40, along) + 6.0 * (y0 - _brow_line(look, x0))
    lean += 0.55 * (hash_unit(field, column, row, 4) - 0.5) + 0.25 * wp.smoothstep(0.6, 1.0, along)
    length = (0.036 + 0.026 * hash_unit(field, column, row, 5)) * (0.8 + 0.2 * wp.smoothstep(0.0, 0.4, along))
    dx = wp.sin(lean)
    dy = wp.cos(lean)
    t = wp.clamp(((aside - x0) * dx + (y - y0) * dy) / length, 0.0, 1.0)
    away = wp.sqrt((aside - x0 - dx * length * t) * (aside - x0 - dx * length * t)
                   + (y - y0 - dy * length * t) * (y - y0 - dy * length * t))  # fmt: skip
    width = (0.0022 + 0.0014 * hash_unit(field, column, row, 6)) * (1.15 - 0.8 * t)
    soft = wp.max(0.0018, 0.5 * foot)
    return (1.0 - wp.smoothstep(width - soft, width + soft, away)) * wp.min(1.0, 1.6 * width / soft)


@wp.func
def brow_share(look: Look, q: wp.vec3, foot: float) -> float:
    """Share of the skin at `q` that brow hair covers: hairs one by one where a pixel can show them, their mean
    elsewhere."""
    aside = wp.abs(q[0])
    if q[1] < 0.02 or q[1] > 0.36 or aside > 0.62 or q[2] < -0.4:
        return 0.0
    field = fold_seed(look.person, 43) + wp.uint32(7 + int(wp.sign(q[0])))
    ragged = 0.012 * smooth_noise(field, wp.vec3(aside * 30.0, q[1] * 30.0, 0.5))
    mean = 0.85 * wp.pow(_brow_body(look, aside, q[1] + ragged), 0.8) * look.brow_density
    fine = wp.clamp(1.8 - foot / 0.009, 0.0, 1.0)
    if fine < 0.02:
        return mean
    bare = float(1.0)
    column = int(wp.floor(aside / _BROW_CELL))
    row = int(wp.floor(q[1] / _BROW_CELL))
    # hairs root in the brow's body alone; a cell is as wide as its line may wander in it
    reach = 0.05 * look.brow_thickness + 0.8 * _BROW_CELL
    for dx in range(-5, 2):
        x = (float(column + dx) + 0.5) * _BROW_CELL
        if x < 0.55 and (x > 0.04 or look.brow_joined > 0.0):
            line = _brow_line(look, x)
            for dy in range(-5, 4):
                if wp.abs((float(row + dy) + 0.5) * _BROW_CELL - line) < reach:
                    bare = bare * (1.0 - 0.85 * _hair_cover(field, look, column + dx, row + dy, aside, q[1], foot))
    hairs = wp.min(1.0 - bare, 0.97) * (0.35 + 0.65 * look.brow_density)
    return wp.clamp(wp.lerp(mean, 0.25 * mean + 0.9 * hairs, fine), 0.0, 0.97)


@wp.func
def _beard_strands(look: Look, field: wp.uint32, q: wp.vec3, foot: float) -> float:
    """Strands of a beard, -1 between them to 1 on them: out and down on the upper lip, down elsewhere, short where the
    beard is; 0 where a pixel is wider than they are."""
    aside = wp.abs(q[0])
    lip = wp.smoothstep(-0.72, -0.60, q[1]) * (1.0 - wp.smoothstep(0.24, 0.36, aside))
    turn = 0.12 + 0.85 * lip
    across = (aside - 0.1) * wp.cos(turn) + (q[1] + 0.6) * wp.sin(turn)
    along = (aside - 0.1) * wp.sin(turn) - (q[1] + 0.6) * wp.cos(turn)
    across += 0.012 * smooth_noise(field, q * 18.0)  # no two lie quite alike
    full = wp.max(look.moustache, wp.max(look.beard_chin, look.beard_cheeks))
    short = 1.0 + 3.0 * wp.smoothstep(0.7, 0.2, full)
    total = float(0.0)
    # the third coordinate tells the sides apart
    fine = wp.clamp(1.9 - 95.0 * foot, 0.0, 1.0)
    if fine > 0.0:
        p = wp.vec3(across * 120.0, along * 15.0 * short, q[2] * 90.0 + q[0] * 50.0)
        total += 0.75 * fine * smooth_noise(field + wp.uint32(1), p)
    tufts = wp.clamp(1.9 - 36.0 * foot, 0.0, 1.0)
    if tufts > 0.0:
        p = wp.vec3(across * 44.0, along * 8.0 * short, q[2] * 34.0 + q[0] * 19.0)
        total += 0.45 * tufts * smooth_noise(field + wp.uint32(2), p)
    return total


@wp.func
def beard_share(look: Look, q: wp.vec3, lips: float, foot: float) -> wp.vec3:
    """Shares of the skin at `q`: shaven shadow, and standing hair; and how light the hair is there, about 1."""
    if q[1] > 0.15 or q[1] < -1.45 or look.stubble + look.moustache + look.beard_chin + look.beard_cheeks < 0.01:
        return wp.vec3(0.0, 0.0, 1.0)
    field = fold_seed(look.person, 47)
    aside = wp.abs(q[0])
    wander = 0.05 * smooth_noise(field, q * 11.0) + 0.03 * smooth_noise(field + wp.uint32(1), q * 31.0)
    # from the sideburn down to beside the mouth, then along the jaw; the neck is bare below
    high = wp.clamp(q[2] * 2.0 + 1.0, 0.0, 1.0)
    cheek_line = -0.02 - 0.66 * wp.smoothstep(-0.50, 0.08, q[2])
    cheek_line += look.beard_line * (0.12 + 0.22 * high) * wp.where(look.beard_line < 0.0, 1.0, 0.6)
    jaw = wp.smoothstep(-0.04, 0.08, cheek_line - q[1] + wander) * wp.smoothstep(0.22, 0.34, aside)
    jawbone = 0.28 * wp.smoothstep(-0.05, -0.5, q[2])
    jaw = jaw * wp.smoothstep(-0.78, -0.70, q[2]) * wp.smoothstep(-1.34, -1.12, q[1] - jawbone + wander)
    droop = 0.10 * wp.smoothstep(0.14, 0.33, aside)
    lip_top = wp.smoothstep(-0.46 - droop, -0.52 - droop, q[1]) * (1.0 - wp.smoothstep(0.24, 0.34, aside + wander))
    tache = lip_top * wp.smoothstep(-0.80, -0.66, q[1]) * wp.smoothstep(0.0, 0.1, q[2])
    # round the chin in a bow: a tuft under the lip, bare on both sides of it, up to the corners of the mouth
    tuft = (aside + 0.5 * wander) / 0.075
    bow = -0.84 + 0.10 * wp.exp(-tuft * tuft) + 0.20 * wp.smoothstep(0.14, 0.30, aside)
    below = wp.smoothstep(bow + 0.05, bow - 0.11, q[1] + 0.6 * wander) * wp.smoothstep(-1.26, -1.08, q[1] + wander)
    chin = below * (1.0 - wp.smoothstep(0.22, 0.38, aside + wander)) * wp.smoothstep(-0.25, 0.0, q[2])
    sides = wp.smoothstep(0.20, 0.28, aside + 0.4 * wander) * (1.0 - wp.smoothstep(0.29, 0.41, aside + wander))
    chin = wp.max(
        chin,
        sides * wp.smoothstep(-0.57, -0.71, q[1]) * wp.smoothstep(-1.2, -1.0, q[1]) * wp.smoothstep(-0.3, -0.1, q[2]),
    )
    bare = 1.0 - wp.smoothstep(0.15, 0.5, lips)
    grain = wp.clamp(1.6 - foot / 0.02, 0.0, 1.0) * smooth_noise(field + wp.uint32(2), q * 70.0)
    area = wp.max(wp.max(jaw, tache), chin) * bare
    shaven = wp.clamp(area * look.stubble * (0.42 + 0.3 * grain), 0.0, 0.8)
    hair = wp.max(wp.max(jaw * look.beard_cheeks, tache * look.moustache), chin * look.beard_chin) * bare
    if hair < 0.02:
        return wp.vec3(shaven, 0.0, 1.0)
    strand = _beard_strands(look, field + wp.uint32(3), q, foot)
    # few hairs stand at the edges; where they are dense, shade lies between them
    cover = 0.96 * wp.smoothstep(0.0, 0.55, 1.25 * hair - 0.20 + 0.5 * strand)
    return wp.vec3(shaven, cover, wp.clamp(0.80 + 0.55 * strand, 0.30, 1.30))
