"""What lies behind the subject, out of focus, as a function of place: for Warp kernels."""

# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false

import warp as wp

from facsim.models.materials import Look
from facsim.models.noise import fold_seed, hash_unit, layered_noise, smooth_noise
from facsim.models.scene import BACKGROUND_KINDS

__all__ = ["shade_backdrop"]

wp.set_module_options({"enable_backward": False})

_GRADIENT = wp.constant(BACKGROUND_KINDS.index("gradient"))
_BOKEH = wp.constant(BACKGROUND_KINDS.index("bokeh"))
_ROOM = wp.constant(BACKGROUND_KINDS.index("room"))
_FOLIAGE = wp.constant(BACKGROUND_KINDS.index("foliage"))


@wp.func
def _tint(field: wp.uint32, number: int) -> wp.vec3:
    """A colour for thing `number`: warm, cool or neutral, of mean 1."""
    warm = hash_unit(field, number, 5, 1) - 0.5
    green = hash_unit(field, number, 5, 2) - 0.5
    return wp.vec3(1.0 + 0.7 * warm, 1.0 + 0.25 * green, 1.0 - 0.7 * warm)


@wp.func
def _wash(look: Look, field: wp.uint32, x: float, y: float) -> wp.vec3:
    """A wall in uneven light: from the far tone to the near one along a slant."""
    turn = 6.2831853 * hash_unit(field, 1, 1, 1)
    along = 0.5 + 0.75 * ((x - 0.5) * wp.cos(turn) + (y - 0.5) * wp.sin(turn))
    uneven = smooth_noise(field, wp.vec3(x * 2.1, y * 2.1, 0.5)) * 0.22 * look.backdrop_contrast
    return wp.lerp(look.backdrop_far, look.backdrop_near, wp.clamp(along + uneven, 0.0, 1.0))


@wp.func
def _bokeh(look: Look, field: wp.uint32, x: float, y: float) -> wp.vec3:
    colour = _wash(look, field, x, y)
    for number in range(11):
        cx = 1.3 * hash_unit(field, number, 2, 1) - 0.15
        cy = 1.2 * hash_unit(field, number, 2, 2) - 0.1
        radius = look.backdrop_scale * (0.25 + 0.5 * hash_unit(field, number, 2, 3))
        away = wp.sqrt((x - cx) * (x - cx) + (y - cy) * (y - cy))
        inside = 1.0 - wp.smoothstep(0.75 * radius, 1.05 * radius, away)
        bright = look.backdrop_contrast * (0.15 + 1.6 * wp.pow(hash_unit(field, number, 2, 4), 3.0))
        colour += wp.cw_mul(_tint(field, number), look.backdrop_near) * (inside * bright)
    return colour


@wp.func
def _room(look: Look, field: wp.uint32, x: float, y: float) -> wp.vec3:
    """Upright and lying boxes (windows, doors, frames, shelves), lighter or darker than the wall."""
    colour = _wash(look, field, x, y)
    soft = 0.02 + 0.10 * look.backdrop_scale
    for number in range(6):
        cx = 1.2 * hash_unit(field, number, 3, 1) - 0.1
        cy = 1.0 * hash_unit(field, number, 3, 2)
        half_x = look.backdrop_scale * (0.15 + 0.7 * hash_unit(field, number, 3, 3))
        half_y = look.backdrop_scale * (0.3 + 1.4 * hash_unit(field, number, 3, 4))
        inside = (1.0 - wp.smoothstep(half_x - soft, half_x + soft, wp.abs(x - cx))) * (
            1.0 - wp.smoothstep(half_y - soft, half_y + soft, wp.abs(y - cy))
        )
        level = hash_unit(field, number, 3, 5)
        factor = wp.lerp(0.25, 1.0, level * 1.6)
        if level > 0.8:
            factor = 2.6
        target = wp.cw_mul(_tint(field, number), look.backdrop_near) * factor
        colour = wp.lerp(colour, target, inside * look.backdrop_contrast)
    return colour


@wp.func
def _foliage(look: Look, field: wp.uint32, x: float, y: float) -> wp.vec3:
    scale = 1.0 / wp.max(look.backdrop_scale, 0.05)
    mass = layered_noise(field, wp.vec3(x * scale, y * scale, 0.5), 0.15 * scale)
    colour = wp.lerp(look.backdrop_far, look.backdrop_near, wp.clamp(0.5 + look.backdrop_contrast * mass, 0.0, 1.0))
    gap = layered_noise(field + wp.uint32(9), wp.vec3(x * scale * 1.4, y * scale * 1.4, 3.5), 0.2 * scale)
    return colour + look.backdrop_near * (look.backdrop_contrast * 1.8 * wp.smoothstep(0.30, 0.6, gap))


@wp.func
def shade_backdrop(look: Look, x: float, y: float) -> wp.vec3:
    """Light from behind the subject at (x, y), in shares of the picture from its upper left corner."""
    field = fold_seed(look.seed, 71)
    across = 0.5 + look.mirror * (x - 0.5)
    if look.backdrop == _GRADIENT:
        return _wash(look, field, across, y)
    if look.backdrop == _BOKEH:
        return _bokeh(look, field, across, y)
    if look.backdrop == _ROOM:
        return _room(look, field, across, y)
    if look.backdrop == _FOLIAGE:
        return _foliage(look, field, across, y)
    shade = smooth_noise(field, wp.vec3(across * 1.7, y * 1.7, 0.5))
    return look.backdrop_near * (1.0 + 0.06 * look.backdrop_contrast * shade)
