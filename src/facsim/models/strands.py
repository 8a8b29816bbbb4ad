"""Light on strands of hair, for Warp kernels: two highlights that lie across the strands, and streaks along them."""

# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

import warp as wp

from facsim.models.lighting import Spot, ambient_light, rim_share
from facsim.models.materials import Look
from facsim.models.noise import fold_seed, smooth_noise

__all__ = ["shade_hair"]

wp.set_module_options({"enable_backward": False})


@wp.func
def _glint(tangent: wp.vec3, towards: wp.vec3, view: wp.vec3, sharpness: float) -> float:
    """Kajiya and Kay's highlight of a cylinder (SIGGRAPH 1989), by the half vector."""
    half = wp.normalize(towards + view)
    along = wp.dot(tangent, half)
    return wp.pow(wp.sqrt(wp.max(1.0 - along * along, 0.0)), sharpness)


@wp.func
def _strand_light(look: Look, spot: Spot, tangent: wp.vec3, towards: wp.vec3, streak: float) -> wp.vec3:
    """(diffuse, white gloss, coloured gloss) of one lamp."""
    along = wp.dot(tangent, towards)
    around = wp.sqrt(wp.max(1.0 - along * along, 0.0))
    facing = wp.clamp(0.45 + 0.75 * wp.dot(spot.normal, towards), 0.0, 1.0)
    shifted = wp.normalize(tangent + spot.normal * (0.10 * streak - 0.06))
    other = wp.normalize(tangent + spot.normal * (0.10 * streak + 0.12))
    return wp.vec3(
        around * facing,
        _glint(shifted, towards, spot.view, 70.0) * facing,
        _glint(other, towards, spot.view, 16.0) * facing,
    )


@wp.func
def shade_hair(look: Look, spot: Spot, tangent: wp.vec3) -> wp.vec3:
    """Light that leaves the hair; `tangent` runs along the strands, `spot.uv` is (round the head, crown to hem)."""
    field = fold_seed(look.seed, 83)
    wave = look.hair_curl * smooth_noise(
        field, wp.vec3(spot.uv[0] * 30.0, spot.uv[1] * 14.0 + 3.0 * look.hair_length, 0.5)
    )
    u = spot.uv[0] * 190.0 + 5.0 * wave
    fade = wp.clamp(1.5 - spot.foot / 0.03, 0.0, 1.0)
    streak = 0.55 * smooth_noise(field, wp.vec3(u * 0.28, spot.uv[1] * 2.0, 1.5))
    streak += 0.40 * fade * smooth_noise(field + wp.uint32(1), wp.vec3(u, spot.uv[1] * 3.5, 2.5))
    finer = wp.clamp(1.5 - spot.foot / 0.012, 0.0, 1.0)
    streak += 0.35 * finer * smooth_noise(field + wp.uint32(3), wp.vec3(u * 2.7, spot.uv[1] * 5.0, 4.5))
    if look.hair_curl > 0.4:
        coil = smooth_noise(field + wp.uint32(2), spot.rest * 16.0) + 0.8 * fade * smooth_noise(field, spot.rest * 37.0)
        streak = wp.lerp(streak, coil, wp.min(2.0 * (look.hair_curl - 0.4), 1.0))
    grey = wp.smoothstep(0.2, -0.2, streak * 0.8 + 0.75 - 1.5 * look.hair_grey)
    colour = wp.lerp(look.hair, wp.vec3(0.23, 0.225, 0.22), grey * wp.min(look.hair_grey * 3.0, 1.0))
    colour = colour * (1.0 + 0.75 * streak) * (0.65 + 0.35 * wp.smoothstep(0.0, 0.25, spot.uv[1]))
    lock = spot
    lock.normal = wp.normalize(spot.normal + wp.cross(tangent, spot.normal) * (0.55 * streak))
    key = _strand_light(look, lock, tangent, look.key, streak)
    fill = _strand_light(look, lock, tangent, look.fill, streak)
    rim = _strand_light(look, lock, tangent, look.rim, streak)
    gloss = 0.045 * (1.0 - 0.75 * look.hair_curl)
    tinted = colour * 0.9 + wp.vec3(0.01, 0.008, 0.006)
    light = wp.cw_mul(look.key_colour, colour * key[0] + wp.vec3(gloss * key[1]) + tinted * key[2] * 0.5) * spot.shade
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
