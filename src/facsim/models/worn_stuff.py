"""Cloth, skin of hands, paper, glaze and glass of worn and held things, for Warp kernels."""

# Warp reads `float(0.0)` as a variable and `0.0` as a constant, and compiles no tuples to search.
# ruff: noqa: UP018, SIM109
# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false, reportIndexIssue=false, reportReturnType=false

import warp as wp

from facsim.models.lighting import Spot, ambient_light, light_matt, light_skin, lit_sides
from facsim.models.materials import Look
from facsim.models.noise import cell_noise, fold_seed, layered_noise, smooth_noise
from facsim.models.outfit import Outfit
from facsim.wearables import HEADWEAR_KINDS, OCCLUDER_KINDS

__all__ = ["shade_hand", "shade_headwear", "shade_thing"]

wp.set_module_options({"enable_backward": False})

_CAP = wp.constant(HEADWEAR_KINDS.index("cap"))
_BEANIE = wp.constant(HEADWEAR_KINDS.index("beanie"))
_HAT = wp.constant(HEADWEAR_KINDS.index("brimmed_hat"))
_SURGICAL = wp.constant(OCCLUDER_KINDS.index("surgical_mask"))
_CLOTH_MASK = wp.constant(OCCLUDER_KINDS.index("cloth_mask"))
_CUP = wp.constant(OCCLUDER_KINDS.index("cup"))
_PHONE = wp.constant(OCCLUDER_KINDS.index("phone"))
_MICROPHONE = wp.constant(OCCLUDER_KINDS.index("microphone"))


@wp.func
def _on_head(look: Look, world: wp.vec3) -> wp.vec3:
    """A place that turns with the head, in head coordinates, mirrored where the scene is."""
    local = wp.transpose(look.turn) * (world - look.pivot) + look.pivot
    return wp.vec3(local[0] * look.mirror, local[1], local[2])


@wp.func
def _fade(look_foot: float, size: float) -> float:
    """1 where detail of this size (dm) is wider than pixels, 0 where it is finer."""
    return wp.clamp(1.6 - 1.6 * look_foot / size, 0.0, 1.0)


@wp.func
def _line(x: float, width: float, soft: float) -> float:
    """1 on the whole numbers, `width` wide, with soft edges."""
    away = wp.abs(x - wp.floor(x + 0.5))
    return 1.0 - wp.smoothstep(width, width + soft, away)


@wp.func
def _bend(normal: wp.vec3, look: Look, tilt: wp.vec3) -> wp.vec3:
    """The normal leaned by a tilt given in head coordinates."""
    return wp.normalize(normal + look.turn * wp.vec3(tilt[0] * look.mirror, tilt[1], tilt[2]))


@wp.func
def shade_headwear(look: Look, outfit: Outfit, spot: Spot, brim: bool) -> wp.vec3:
    """Light that leaves a cap, a hat or a scarf; `spot.uv` runs round the head and from the hem to the crown."""
    field = fold_seed(look.person, 91)
    q = _on_head(look, spot.world)
    u = wp.where(look.mirror < 0.0, 1.0 - spot.uv[0], spot.uv[0])
    v = spot.uv[1]
    albedo = outfit.cloth
    normal = spot.normal
    weave = 0.10 * _fade(spot.foot, 0.02) * smooth_noise(field, q * 60.0)
    weave += 0.10 * layered_noise(field + wp.uint32(3), q * 7.0, spot.foot * 7.0)
    kind = outfit.headwear
    if kind == _CAP:
        if brim and outfit.cloth_pattern > 0.5:
            albedo = outfit.cloth_second
        if not brim:
            seam = _line(u * 6.0 + 0.5, 0.02, 0.06 + 4.0 * spot.foot) * wp.smoothstep(0.1, 0.2, v)
            weave -= 0.22 * seam
            if outfit.cloth_pattern > 0.75 and wp.abs(u - 0.5) < 0.1667:
                albedo = outfit.cloth_second
    elif kind == _BEANIE:
        rib = wp.sin(u * 2.0 * 3.14159 * 84.0)
        knit = _fade(spot.foot, 0.04)
        weave += knit * (0.20 * rib + 0.08 * smooth_noise(field, wp.vec3(u * 170.0, v * 60.0, 0.5)))
        across = wp.normalize(wp.cross(wp.vec3(0.0, 1.0, 0.0), normal) + wp.vec3(1.0e-5, 0.0, 0.0))
        normal = wp.normalize(normal + across * (0.35 * knit * wp.cos(u * 2.0 * 3.14159 * 84.0)))
        weave -= 0.35 * _line((v - 0.30) * 0.5, 0.012, 0.02)
        stripe = 1.0 - wp.smoothstep(0.055, 0.07, wp.abs(v - 0.52))
        albedo = wp.lerp(albedo, outfit.cloth_second, stripe * wp.where(outfit.cloth_pattern > 0.5, 1.0, 0.0))
    elif kind == _HAT:
        if not brim:
            band = wp.smoothstep(0.05, 0.07, v) * (1.0 - wp.smoothstep(0.25, 0.27, v))
            albedo = wp.lerp(albedo, outfit.cloth_second, band)
    elif outfit.cloth_pattern > 0.05:
        dots = cell_noise(field + wp.uint32(5), q * 7.0, 0.9)
        flower = 1.0 - wp.smoothstep(0.20, 0.26 + 7.0 * spot.foot, dots[0] * (1.0 + 0.5 * dots[1]))
        albedo = wp.lerp(albedo, outfit.cloth_second, flower * outfit.cloth_pattern)
    if kind > _HAT:
        tilt = 0.16 * smooth_noise(field + wp.uint32(9), wp.vec3(u * 22.0, v * 3.0, 0.5))
        normal = _bend(normal, look, wp.vec3(tilt, 0.6 * tilt, 0.0))
    albedo = albedo * wp.clamp(1.0 + weave, 0.3, 1.6)
    cloth = spot
    cloth.normal = normal
    sheen = lit_sides(look, cloth, normal, spot.shade, 0.75, 0.03) * 0.5
    return light_matt(look, cloth, normal, albedo, 0.25) + sheen


@wp.func
def shade_hand(look: Look, spot: Spot, finger: bool) -> wp.vec3:
    """Light that leaves the skin of a hand, in the tone of the face, or the sleeve beyond its wrist; `spot.uv` runs
    along a finger, or from the knuckles to the elbow, and round it."""
    field = fold_seed(look.person, 95)
    q = _on_head(look, spot.world)
    patch = layered_noise(field, q * 6.0, spot.foot * 6.0)
    fine = 0.05 * _fade(spot.foot, 0.03) * smooth_noise(field + wp.uint32(2), q * 42.0)
    u = spot.uv[0]
    if not finger and u > 0.72:
        cuff = wp.smoothstep(0.72, 0.735, u) * (0.9 + 0.2 * smooth_noise(field, q * 5.0))
        return light_matt(look, spot, spot.normal, look.garment * cuff, 0.25)
    joints = float(0.0)
    nail = float(0.0)
    if finger:
        # blood gathers over the joints; the nail lies on the side that faces up
        joints = wp.exp(-wp.pow((u - 0.40) / 0.06, 2.0)) + wp.exp(-wp.pow((u - 0.68) / 0.05, 2.0))
        across = wp.abs(spot.uv[1] - 0.286) / 0.13
        along = wp.abs(u - 0.845) / 0.075
        round_ = wp.pow(across, 3.0) + wp.pow(along, 3.0)
        nail = 1.0 - wp.smoothstep(0.85, 1.15 + 8.0 * spot.foot, round_)
    blood = look.redness * (0.35 * joints + 0.25 * patch + 0.2) + 0.25
    dark = 0.10 * look.mottling * patch + fine + 0.10 * joints
    albedo = wp.vec3(
        look.skin[0] * wp.exp(-0.55 * dark - 0.04 * blood),
        look.skin[1] * wp.exp(-0.80 * dark - 0.30 * blood),
        look.skin[2] * wp.exp(-1.00 * dark - 0.26 * blood),
    )
    albedo = wp.lerp(albedo, wp.cw_mul(look.skin, wp.vec3(1.02, 0.86, 0.86)) * 0.9 + wp.vec3(0.05, 0.035, 0.035), nail)
    albedo = albedo * (1.0 - 0.12 * joints * _fade(spot.foot, 0.04))
    normal = spot.normal
    rough = wp.lerp(0.52, 0.34, nail)
    gloss = lit_sides(look, spot, normal, spot.shade, rough, 0.028 + 0.02 * nail) * (0.5 + 0.7 * look.sheen)
    return light_skin(look, spot, normal, albedo) + gloss * spot.open


@wp.func
def shade_thing(look: Look, outfit: Outfit, spot: Spot, strap: bool) -> wp.vec3:
    """Light that leaves a mask, a cup, a phone or a microphone."""
    field = fold_seed(look.seed, 97)
    kind = outfit.occluder
    u = wp.where(look.mirror < 0.0, 1.0 - spot.uv[0], spot.uv[0])
    v = spot.uv[1]
    q = _on_head(look, spot.world)
    normal = spot.normal
    out = normal * (2.0 * wp.dot(normal, spot.view)) - spot.view
    if kind == _SURGICAL or kind == _CLOTH_MASK:
        albedo = wp.where(strap, outfit.stuff * 0.5 + wp.vec3(0.35), outfit.stuff)
        if not strap:
            crease = smooth_noise(field, wp.vec3(u * 5.0, v * 9.0, 0.5))
            fold = float(0.0)
            if kind == _SURGICAL:
                fold = _line(v * 4.6 + 0.12 * crease, 0.03, 0.10 + 5.0 * spot.foot)
                normal = _bend(normal, look, wp.vec3(0.0, -0.5 * fold, 0.0))
                edge = wp.smoothstep(0.07, 0.05, v) + wp.smoothstep(0.95, 0.97, v)
                albedo = wp.lerp(albedo, wp.vec3(0.75, 0.76, 0.76), wp.min(edge, 1.0) * 0.6)
            else:
                fold = 0.8 * _line(u - 0.5, 0.004, 0.012)
                prints = cell_noise(field + wp.uint32(5), q * 9.0, 0.8)
                dot = 1.0 - wp.smoothstep(0.2, 0.26 + 9.0 * spot.foot, prints[0])
                albedo = wp.lerp(albedo, outfit.stuff_second, dot * 0.8)
            normal = _bend(normal, look, wp.vec3(0.10 * crease, 0.14 * crease, 0.0))
            albedo = albedo * (1.0 - 0.22 * fold + 0.05 * _fade(spot.foot, 0.02) * smooth_noise(field, q * 70.0))
        return light_matt(look, spot, normal, albedo, 0.3) + lit_sides(look, spot, normal, spot.shade, 0.8, 0.03) * 0.4
    if kind == _CUP:
        albedo = outfit.stuff
        inside = wp.smoothstep(0.70, 0.76, v)
        albedo = wp.lerp(albedo, wp.vec3(0.7, 0.69, 0.66), inside)
        albedo = wp.lerp(albedo, wp.vec3(0.03, 0.014, 0.006), wp.smoothstep(0.90, 0.92, v))
        band = wp.smoothstep(0.36, 0.38, v) * (1.0 - wp.smoothstep(0.47, 0.49, v))
        albedo = wp.lerp(albedo, outfit.stuff_second, band)
        glaze = lit_sides(look, spot, normal, spot.shade, 0.28, 0.045)
        glaze += ambient_light(look, out) * (0.035 * spot.open)
        return light_matt(look, spot, normal, albedo, 0.1) + glaze
    if kind == _PHONE:
        albedo = outfit.stuff
        rim = wp.smoothstep(0.30, 0.34, v) * (1.0 - wp.smoothstep(0.64, 0.68, v))
        albedo = wp.lerp(albedo, outfit.stuff_second, rim)
        glass = lit_sides(look, spot, normal, spot.shade, 0.22, 0.05)
        glass += ambient_light(look, out) * (0.06 * spot.open)
        return light_matt(look, spot, normal, albedo, 0.05) + glass
    mesh = wp.sin(u * 2.0 * 3.14159 * 26.0) * wp.sin(v * 120.0) * _fade(spot.foot, 0.03)
    ball = 1.0 - wp.smoothstep(0.50, 0.52, v)
    albedo = wp.lerp(outfit.stuff, outfit.stuff_second * (0.55 + 0.45 * mesh), ball)
    metal = lit_sides(look, spot, normal, spot.shade, 0.42, 0.06 + 0.45 * ball) * (0.6 + 0.4 * mesh * ball)
    return light_matt(look, spot, normal, albedo, 0.05) + metal * spot.open
