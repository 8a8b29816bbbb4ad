"""Wrinkles as grooves drawn on the rest head: how deep the skin is folded at a place, by region.

Places are in the coordinates of `Head.rest` (decimetres), so that a line stays on the same skin for every identity
and pose. The numbers below were read off that mesh: eyes at (±0.31, 0, 0), brows at y 0.2, mouth corners at (±0.27,
-0.67), chin at y -1.1.
"""

# Warp reads `float(0.0)` as a variable and `0.0` as a constant, and compiles no tuples to search.
# ruff: noqa: UP018
# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

import warp as wp

from facsim.models.materials import WRINKLE_REGIONS, Look
from facsim.models.noise import fold_seed, smooth_noise

__all__ = ["wrinkle_depth"]

wp.set_module_options({"enable_backward": False})

_FOREHEAD = wp.constant(WRINKLE_REGIONS.index("forehead_inner"))
_FOREHEAD_LEFT = wp.constant(WRINKLE_REGIONS.index("forehead_outer_left"))
_FOREHEAD_RIGHT = wp.constant(WRINKLE_REGIONS.index("forehead_outer_right"))
_GLABELLA = wp.constant(WRINKLE_REGIONS.index("glabella"))
_NOSE = wp.constant(WRINKLE_REGIONS.index("nose"))
_CROW_LEFT = wp.constant(WRINKLE_REGIONS.index("crow_left"))
_CROW_RIGHT = wp.constant(WRINKLE_REGIONS.index("crow_right"))
_FOLD_LEFT = wp.constant(WRINKLE_REGIONS.index("nasolabial_left"))
_FOLD_RIGHT = wp.constant(WRINKLE_REGIONS.index("nasolabial_right"))
_UNDER_LEFT = wp.constant(WRINKLE_REGIONS.index("under_eye_left"))
_UNDER_RIGHT = wp.constant(WRINKLE_REGIONS.index("under_eye_right"))
_CHIN = wp.constant(WRINKLE_REGIONS.index("chin"))
_CORNER_LEFT = wp.constant(WRINKLE_REGIONS.index("corner_left"))
_CORNER_RIGHT = wp.constant(WRINKLE_REGIONS.index("corner_right"))
_LIPS = wp.constant(WRINKLE_REGIONS.index("lips"))
_NECK = wp.constant(WRINKLE_REGIONS.index("neck"))


@wp.func
def _window(x: float, low: float, high: float, soft: float) -> float:
    """1 inside [low, high], falling to 0 over `soft` outside."""
    return wp.smoothstep(low - soft, low, x) * (1.0 - wp.smoothstep(high, high + soft, x))


@wp.func
def _bell(x: float, width: float) -> float:
    t = x / width
    return wp.exp(-t * t)


@wp.func
def _rows(phase: float) -> float:
    """Narrow grooves at whole numbers, broad ridges between."""
    wave = 0.5 + 0.5 * wp.cos(6.2831853 * phase)
    return wave * wave * wave


@wp.func
def _forehead(look: Look, q: wp.vec3, field: wp.uint32) -> float:
    outer = look.wrinkles[_FOREHEAD_RIGHT]
    if q[0] > 0.0:
        outer = look.wrinkles[_FOREHEAD_LEFT]
    aside = wp.abs(q[0])
    inner = look.wrinkles[_FOREHEAD] * (1.0 - wp.smoothstep(0.16, 0.34, aside))
    weight = wp.max(inner, outer * wp.smoothstep(0.04, 0.22, aside) * (1.0 - wp.smoothstep(0.44, 0.60, aside)))
    window = _window(q[1], 0.31, 0.60, 0.07)
    if weight * window < 0.01:
        return 0.0
    # inner raising lifts the lines in the middle, outer raising over the brows' arches
    bend = 0.05 * wp.cos(q[0] * 9.0) * (outer - look.wrinkles[_FOREHEAD])
    wander = 0.022 * smooth_noise(field, wp.vec3(q[0] * 5.0, q[1] * 3.0, 0.5))
    broken = 0.75 + 0.45 * smooth_noise(field + wp.uint32(1), wp.vec3(q[0] * 7.0, q[1] * 11.0, 2.5))
    return weight * window * wp.min(broken, 1.0) * _rows((q[1] - bend + wander) / 0.092)


@wp.func
def _glabella(look: Look, q: wp.vec3, field: wp.uint32) -> float:
    weight = look.wrinkles[_GLABELLA] * _window(q[1], 0.09, 0.27, 0.07)
    if weight < 0.01 or wp.abs(q[0]) > 0.16:
        return 0.0
    sway = 0.012 * smooth_noise(field + wp.uint32(2), wp.vec3(q[1] * 9.0, 0.3, 0.7))
    line = 0.052 + 0.12 * wp.max(q[1] - 0.12, 0.0) + sway
    uneven = 1.0 + 0.35 * smooth_noise(field + wp.uint32(3), wp.vec3(wp.sign(q[0]) * 3.0, 0.5, 0.5))
    return weight * uneven * _bell(wp.abs(q[0]) - line, 0.017)


@wp.func
def _nose(look: Look, q: wp.vec3) -> float:
    aside = wp.abs(q[0])
    weight = look.wrinkles[_NOSE] * _window(q[1], -0.10, 0.06, 0.06) * (1.0 - wp.smoothstep(0.10, 0.17, aside))
    if weight < 0.01:
        return 0.0
    return weight * _rows((q[1] + 0.55 * aside) / 0.056)


@wp.func
def _crow(weight: float, q: wp.vec3, field: wp.uint32) -> float:
    if weight < 0.01 or wp.abs(q[0]) < 0.43 or wp.abs(q[1]) > 0.3:
        return 0.0
    away = wp.abs(q[0]) - 0.44
    out = wp.sqrt(away * away + wp.max(-q[2] - 0.02, 0.0) * wp.max(-q[2] - 0.02, 0.0))
    angle = wp.atan2(q[1] - 0.005, out + 0.02)
    reach = wp.sqrt(out * out + q[1] * q[1])
    wander = 0.08 * smooth_noise(field + wp.uint32(4), wp.vec3(reach * 14.0, q[0] * 3.0, 0.5))
    window = _window(reach, 0.05, 0.16, 0.07) * _window(angle, -0.75, 0.7, 0.25)
    return weight * window * _rows(angle / 0.36 + 0.5 + wander)


@wp.func
def _fold(weight: float, q: wp.vec3) -> float:
    if weight < 0.01 or q[1] > -0.26 or q[1] < -0.92 or q[2] < -0.25:
        return 0.0
    down = wp.clamp((-0.34 - q[1]) / 0.36, 0.0, 1.4)
    line = 0.19 + 0.16 * wp.pow(down, 0.85) - 0.05 * wp.max(down - 1.0, 0.0)
    window = _window(q[1], -0.70, -0.36, 0.12)
    side = wp.abs(q[0]) - line
    width = 0.042
    if side > 0.0:
        width = 0.026
    return 0.8 * weight * window * _bell(side, width)


@wp.func
def _under_eye(weight: float, q: wp.vec3) -> float:
    aside = wp.abs(q[0])
    if weight < 0.01 or q[1] > 0.0 or q[1] < -0.34 or aside < 0.12 or aside > 0.55:
        return 0.0
    x = (aside - 0.30) / 1.35
    radius = wp.sqrt(x * x + q[1] * q[1])
    window = _window(aside, 0.20, 0.42, 0.08) * wp.smoothstep(0.02, 0.08, -q[1])
    return weight * window * wp.max(_bell(radius - 0.105, 0.013), 0.6 * _bell(radius - 0.165, 0.022))


@wp.func
def _chin(look: Look, q: wp.vec3, field: wp.uint32) -> float:
    weight = look.wrinkles[_CHIN]
    if weight < 0.01 or q[1] > -0.74 or q[2] < -0.1:
        return 0.0
    x = q[0] / 0.24
    y = (q[1] + 0.95) / 0.15
    window = 1.0 - wp.smoothstep(0.4, 1.0, wp.sqrt(x * x + y * y))
    dimples = wp.clamp(0.45 + 0.9 * smooth_noise(field + wp.uint32(5), q * 19.0), 0.0, 1.0)
    crease = _bell(q[1] + 0.845 - 0.25 * q[0] * q[0], 0.024) * (1.0 - wp.smoothstep(0.14, 0.24, wp.abs(q[0])))
    return weight * wp.max(0.7 * window * dimples, 0.8 * crease)


@wp.func
def _corner(weight: float, q: wp.vec3) -> float:
    """An arc beside the corner of the mouth, drawn out downwards."""
    if weight < 0.01 or q[1] > -0.55 or q[1] < -0.85 or q[2] < -0.25:
        return 0.0
    x = wp.abs(q[0]) - 0.25
    y = q[1] + 0.685
    turn = wp.atan2(y, x)
    window = _window(turn, -0.95, 0.75, 0.4)
    reach = wp.sqrt(x * x + 0.4 * y * y)
    return weight * window * _bell(reach - 0.056, 0.014)


@wp.func
def _purse(weight: float, q: wp.vec3, field: wp.uint32) -> float:
    """Lines that run out from puckered lips."""
    if weight < 0.01 or q[1] > -0.42 or q[1] < -0.98 or wp.abs(q[0]) > 0.4 or q[2] < 0.0:
        return 0.0
    x = q[0] / 1.5
    y = q[1] + 0.68
    reach = wp.sqrt(x * x + y * y)
    turn = wp.atan2(y, x)
    wander = 0.12 * smooth_noise(field + wp.uint32(6), wp.vec3(reach * 12.0, turn, 0.5))
    return 0.45 * weight * _window(reach, 0.05, 0.11, 0.06) * _rows(turn / 0.32 + wander)


@wp.func
def _neck(weight: float, q: wp.vec3) -> float:
    """Cords of the platysma, from the jaw to the collar bones."""
    if weight < 0.01 or q[1] > -1.05 or q[2] < -0.7:
        return 0.0
    side = wp.abs(q[0]) - 0.16 - 0.12 * (-1.05 - q[1])
    return 0.8 * weight * wp.smoothstep(-1.08, -1.2, q[1]) * wp.max(_bell(side, 0.035), _bell(side - 0.2, 0.03))


@wp.func
def wrinkle_depth(look: Look, q: wp.vec3) -> float:
    """How deep in a groove the rest place `q` lies: 0 on smooth skin, about 1 in the deepest fold of full strength."""
    if q[2] < -0.7 or q[1] > 0.7:
        return 0.0
    if q[1] < -1.1:
        return _neck(look.wrinkles[_NECK], q)
    field = fold_seed(look.person, 31)
    crow = look.wrinkles[_CROW_RIGHT]
    fold = look.wrinkles[_FOLD_RIGHT]
    under = look.wrinkles[_UNDER_RIGHT]
    corner = look.wrinkles[_CORNER_RIGHT]
    if q[0] > 0.0:
        crow = look.wrinkles[_CROW_LEFT]
        fold = look.wrinkles[_FOLD_LEFT]
        under = look.wrinkles[_UNDER_LEFT]
        corner = look.wrinkles[_CORNER_LEFT]
    total = float(0.0)
    if q[1] > 0.2:
        total = _forehead(look, q, field)
    total = wp.max(total, _glabella(look, q, field))
    total = wp.max(total, _nose(look, q))
    total = wp.max(total, _crow(crow, q, field))
    total = wp.max(total, _under_eye(under, q))
    total = wp.max(total, _fold(fold, q))
    total = wp.max(total, _corner(corner, q))
    total = wp.max(total, _purse(look.wrinkles[_LIPS], q, field))
    return wp.max(total, _chin(look, q, field))
