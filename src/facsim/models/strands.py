"""Light on strands of hair, for Warp kernels: two highlights that lie across the strands, and streaks along them."""

# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false, reportAttributeAccessIssue=false
# Warp reads `float(0.0)` as a variable and `0.0` as a constant.

import warp as wp

from facsim.models.hair import OUTER
from facsim.models.lighting import Spot, ambient_light, rim_share
from facsim.models.materials import Look
from facsim.models.noise import fold_seed, hash_unit
from facsim.models.strand_field import blend_field
from facsim.models.tresses import CORNROWS, Ends, lock_number, lock_offset, shell_texel

__all__ = ["shade_hair"]

wp.set_module_options({"enable_backward": False})

_OUTER_FROM = wp.constant(0.5 * OUTER)


@wp.func
def _glint(tangent: wp.vec3, towards: wp.vec3, view: wp.vec3, sharpness: float) -> float:
    """Kajiya and Kay's highlight of a cylinder (SIGGRAPH 1989), by the half vector."""
    half = wp.normalize(towards + view)
    along = wp.dot(tangent, half)
    return wp.pow(wp.sqrt(wp.max(1.0 - along * along, 0.0)), sharpness)


@wp.func
def _strand_light(spot: Spot, tangent: wp.vec3, towards: wp.vec3, streak: float) -> wp.vec3:
    """(diffuse, white gloss, coloured gloss) of one lamp."""
    along = wp.dot(tangent, towards)
    around = wp.sqrt(wp.max(1.0 - along * along, 0.0))
    facing = wp.clamp(0.45 + 0.75 * wp.dot(spot.normal, towards), 0.0, 1.0)
    shifted = wp.normalize(tangent + spot.normal * (0.16 * streak - 0.06))
    other = wp.normalize(tangent + spot.normal * (0.16 * streak + 0.12))
    return wp.vec3(
        around * facing,
        _glint(shifted, towards, spot.view, 40.0) * facing,
        _glint(other, towards, spot.view, 12.0) * facing,
    )


@wp.func
def _streaks(ends: Ends, picture: int, spot: Spot) -> wp.vec3:
    """(streak from -1 dark to 1 light, how deep in the hair from 0.5 to 1, place across a lock from -1 to 1)."""
    tress = ends.tresses[picture]
    u = spot.uv[0]
    t = spot.uv[1]
    lock = lock_number(u)
    if lock >= 0:
        off = wp.clamp(lock_offset(tress, lock, u, t), -1.0, 1.0)
        own = hash_unit(fold_seed(tress.seed, 92), lock, 1, 0)
        x = u * tress.lock_across + 37.0 * float(lock)
        fine = blend_field(ends.field, 0, x, t * tress.lock_along + 11.0 * float(lock)) - 0.5
        if tress.cord > 0.5:
            # a braid's strands cross over every centimetre
            weave = wp.sin(t * 4.0 * tress.lock_along + 2.2 * wp.abs(off))
            return wp.vec3(0.22 * weave - 0.5 * off * off + 0.3 * (own - 0.5), 1.0, off)
        return wp.vec3(0.9 * fine + 0.4 * (own - 0.5) - 0.2 * off * off, 0.8 + 0.2 * wp.min(1.0, 2.5 * t), off)
    at = shell_texel(tress, u, t)
    fine = blend_field(ends.field, 0, at[0], at[1]) - 0.5
    coarse = blend_field(ends.field, 0, at[0] * 0.13, at[1] * 0.4) - 0.5
    coils = blend_field(ends.field, 1, at[0] * 1.3, at[1] * 3.2) - 0.5
    streak = wp.lerp(0.8 * fine + 0.6 * coarse, 0.8 * coils + 0.4 * coarse, tress.coil)
    deep = wp.where(u > _OUTER_FROM, 0.96, 0.84)
    if tress.cord > 0.5:
        streak = 0.4 * wp.cos(CORNROWS * u) - 0.1 + 0.15 * wp.sin(t * 4.0 * tress.lock_along)
    return wp.vec3(streak, deep, 0.0)


@wp.func
def shade_hair(look: Look, spot: Spot, tangent: wp.vec3, ends: Ends, picture: int) -> wp.vec3:
    """Light that leaves the hair; `tangent` runs along the strands, `spot.uv` is as `facsim.models.tresses` says."""
    found = _streaks(ends, picture, spot)
    # some light goes through hair, the more the fairer it is
    shade = wp.lerp(spot.shade, 1.0, 0.2 + 0.3 * wp.min(1.0, 4.0 * look.hair[1]))
    streak = found[0]
    # what is seen as one strand is a bundle of hairs, of which about as many are grey as elsewhere; a few grey ones
    # among dark ones hardly show
    share = look.hair_grey * look.hair_grey
    grey = share * (1.0 + 0.9 * (1.0 - share) * streak)
    colour = wp.lerp(look.hair, wp.vec3(0.22, 0.216, 0.212), wp.clamp(grey, 0.0, 1.0))
    colour = colour * (wp.max(1.0 + 0.6 * streak, 0.2) * found[1])
    aside = wp.cross(tangent, spot.normal)
    lock = spot
    lock.normal = wp.normalize(spot.normal + aside * (0.35 * streak + 0.8 * found[2]))
    key = _strand_light(lock, tangent, look.key, streak)
    fill = _strand_light(lock, tangent, look.fill, streak)
    rim = _strand_light(lock, tangent, look.rim, streak)
    gloss = 0.012 * (1.0 - 0.75 * look.hair_curl) * found[1]
    tinted = colour * 0.7 + wp.vec3(0.002, 0.0016, 0.0012)
    light = wp.cw_mul(look.key_colour, colour * key[0] + wp.vec3(gloss * key[1]) + tinted * key[2] * 0.5) * shade
    light += (
        wp.cw_mul(look.fill_colour, colour * fill[0] + wp.vec3(gloss * fill[1]) + tinted * fill[2] * 0.5) * spot.open
    )
    light += (
        wp.cw_mul(
            look.rim_colour * rim_share(spot, spot.normal),
            colour * rim[0] + wp.vec3(gloss * rim[1]) + tinted * rim[2] * 0.5,
        )
        * spot.open
    )
    return light + wp.cw_mul(colour * 0.9, ambient_light(look, spot.normal)) * (spot.open * spot.open)
