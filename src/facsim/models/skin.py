"""The colour and relief of skin and lips, for Warp kernels."""

# Warp reads `float(0.0)` as a variable and `0.0` as a constant, and compiles no tuples to search.
# ruff: noqa: UP018
# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

import warp as wp

from facsim.models.face_hair import beard_share, scalp_share
from facsim.models.lighting import Spot, ambient_light, light_matt, light_skin, lit_sides
from facsim.models.materials import Look
from facsim.models.noise import cell_noise, fold_seed, layered_noise, smooth_noise
from facsim.models.wrinkles import wrinkle_depth

__all__ = ["NECKLINE", "garment_share", "shade_skin"]

wp.set_module_options({"enable_backward": False})

NECKLINE = wp.constant(-1.62)
"""Height on the rest head at which clothes begin in front; they rise over the shoulders."""


@wp.struct
class _Grooves:
    """Wrinkles at a spot: 0 on smooth skin to about 1 in the deepest fold, and the normal that they leave."""

    depth: wp.float32
    normal: wp.vec3


@wp.func
def _spread(q: wp.vec3, centre: wp.vec3, width: wp.vec3) -> float:
    """A soft blob of height 1 on both sides of the face."""
    x = (wp.abs(q[0]) - centre[0]) / width[0]
    y = (q[1] - centre[1]) / width[1]
    z = (q[2] - centre[2]) / width[2]
    away = x * x + y * y + z * z
    if away > 16.0:  # e^-16 is no light that a picture shows
        return 0.0
    return wp.exp(-away)


@wp.func
def garment_share(look: Look, q: wp.vec3, foot: float) -> float:
    """Share of the place that clothes cover: a round neckline that rises behind."""
    edge = NECKLINE + look.collar - 0.25 * (q[2] + 0.3) + 0.16 * wp.min(wp.abs(q[0]), 1.0)
    behind = wp.smoothstep(-0.15, -0.75, q[2])
    edge += behind * wp.max(-1.35 + look.collar - edge, 0.0)
    soft = 0.02 + 0.5 * foot
    return 1.0 - wp.smoothstep(edge - soft, edge + soft, q[1])


@wp.func
def _melanin(look: Look, q: wp.vec3, foot: float) -> float:
    """Relative darkness of the pigment at `q`: mottling, freckles and moles; 0 is the mean."""
    field = fold_seed(look.person, 3)
    dark = 0.16 * look.mottling * layered_noise(field, q * 5.0, foot * 5.0)
    dark += 0.10 * look.pores * layered_noise(field + wp.uint32(7), q * 26.0, foot * 26.0)
    if look.freckles > 0.02 and q[2] > -0.4:
        place = _spread(q, wp.vec3(0.25, -0.2, 0.2), wp.vec3(0.38, 0.32, 0.6))
        freckle = cell_noise(field + wp.uint32(21), q * 27.0, look.freckles * (0.15 + 0.75 * place))
        soft = 0.10 + 12.0 * foot
        strength = wp.min(1.0, 0.28 / soft)
        dark += 0.55 * strength * (0.4 + 0.6 * freckle[1]) * (1.0 - wp.smoothstep(0.30 - soft, 0.30 + soft, freckle[0]))
    if look.moles > 0.02:
        mole = cell_noise(field + wp.uint32(37), q * 3.3, 0.16 * look.moles)
        size = 0.03 + 0.05 * mole[1]
        dark += 0.85 * (1.0 - wp.smoothstep(size, size + 0.02 + 3.3 * foot, mole[0]))
    return dark


@wp.func
def _flush(look: Look, q: wp.vec3, ears: float) -> float:
    """Relative strength of the blood at `q`: cheeks, nose, chin and ears above the rest."""
    cheeks = _spread(q, wp.vec3(0.40, -0.26, 0.1), wp.vec3(0.20, 0.17, 0.5))
    nose = _spread(q, wp.vec3(0.0, -0.36, 0.4), wp.vec3(0.15, 0.11, 0.25))
    chin = _spread(q, wp.vec3(0.0, -0.98, 0.25), wp.vec3(0.16, 0.12, 0.3))
    patch = layered_noise(fold_seed(look.person, 5), q * 4.0, 0.1)
    base = 0.9 * cheeks + 0.8 * nose + 0.35 * chin + 0.7 * ears
    return look.redness * (base * (1.0 + 0.35 * patch) + 0.22 * patch) + look.blush * cheeks * 1.2


@wp.func
def _skin_albedo(look: Look, spot: Spot, groove: float) -> wp.vec3:
    q = spot.rest
    dark = _melanin(look, q, spot.foot)
    red = _flush(look, q, spot.ears)
    circles = _spread(q, wp.vec3(0.27, -0.125, 0.1), wp.vec3(0.17, 0.06, 0.4))
    socket = _spread(q, wp.vec3(0.29, 0.075, 0.1), wp.vec3(0.20, 0.07, 0.4))
    circles = look.under_eye * (circles + 0.35 * socket)
    colour = look.skin
    # absorption: pigment takes blue first, blood takes green, folds gather both
    pigment = dark + 0.30 * circles + 0.65 * groove
    blood = red + 0.30 * circles + 0.14 * groove + 0.35 * spot.lids
    absorb = wp.vec3(
        0.55 * pigment + 0.04 * blood,
        0.80 * pigment + 0.52 * blood,
        1.00 * pigment + 0.42 * blood,
    )
    return wp.vec3(
        colour[0] * wp.exp(-absorb[0]),
        colour[1] * wp.exp(-absorb[1]),
        colour[2] * wp.exp(-absorb[2]),
    )


@wp.func
def _lip_albedo(look: Look, spot: Spot, skin: wp.vec3, lips: float) -> wp.vec3:
    if lips <= 0.0:
        return skin
    q = spot.rest
    field = fold_seed(look.person, 7)
    # fine vertical lines; lipstick lies over them
    lines = smooth_noise(field, wp.vec3(q[0] * 42.0, q[1] * 6.0, 1.0)) * wp.clamp(1.5 - spot.foot / 0.02, 0.0, 1.0)
    natural = look.lip * (1.0 + 0.14 * lines)
    painted = wp.lerp(natural, look.lipstick_colour, look.lipstick)
    return wp.lerp(skin, painted, lips)


@wp.func
def _paint_lids(look: Look, spot: Spot, albedo: wp.vec3) -> wp.vec3:
    """Eye shadow above the eye, and the roots of the lashes (and liner) along the lids' edges, the upper one more."""
    above = _spread(spot.rest, wp.vec3(0.32, 0.085, 0.1), wp.vec3(0.19, 0.075, 0.35))
    result = wp.lerp(albedo, look.shadow_colour, wp.min(look.shadow_paint * above, 0.85))
    width = 0.012 + 0.014 * look.lashes + 0.012 * look.liner + 0.3 * spot.foot
    upper = float(0.0)
    if spot.upper_edge < 4.0 * width:
        upper = wp.exp(-(spot.upper_edge / width) * (spot.upper_edge / width)) * (
            0.50 + 0.50 * look.lashes + 0.4 * look.liner
        )
    width = 0.008 + 0.006 * look.liner + 0.2 * spot.foot
    lower = float(0.0)
    if spot.lower_edge < 4.0 * width:
        lower = wp.exp(-(spot.lower_edge / width) * (spot.lower_edge / width)) * (
            0.20 + 0.30 * look.lashes + 0.4 * look.liner
        )
    return result * (1.0 - wp.min(wp.max(upper, lower), 0.92))


@wp.func
def _carve(look: Look, spot: Spot) -> _Grooves:
    """The wrinkles at a spot: how deep, and the normal that they carve."""
    step = wp.max(0.006, 0.35 * spot.foot)
    local = wp.transpose(look.turn) * spot.normal
    across = wp.normalize(wp.cross(wp.vec3(0.0, 1.0, 0.0), local) + wp.vec3(1.0e-4, 0.0, 0.0))
    along = wp.cross(local, across)
    carved = spot.rest[2] > -0.7 and spot.rest[1] < 0.7
    depths = wp.vec3(0.0, 0.0, 0.0)
    # a loop, so that a GPU's program has the wrinkles in one place
    for k in range(3):
        q = spot.rest
        if k == 1:
            q = q + across * step
        if k == 2:
            q = q + along * step
        if k == 0 or carved:
            depths[k] = wrinkle_depth(look, q)
    found = _Grooves()
    found.depth = depths[0]
    found.normal = spot.normal
    if carved:
        slope_x = (depths[1] - depths[0]) / step
        slope_y = (depths[2] - depths[0]) / step
        # depth grows into the skin, so the surface rises against the slope
        bump = (across * slope_x + along * slope_y) * 0.0085
        # wet lips would sparkle where their lines are finer than a pixel
        bump = bump * (1.0 - wp.smoothstep(0.25, 0.75, spot.lips) * wp.smoothstep(0.006, 0.018, spot.foot))
        found.normal = wp.normalize(spot.normal + look.turn * bump)
    return found


@wp.func
def _pore_normal(look: Look, spot: Spot, normal: wp.vec3, lips: float) -> wp.vec3:
    fade = wp.clamp(1.4 - spot.foot * 22.0, 0.0, 1.0) * look.pores * 0.10
    if fade < 0.004:
        return normal
    field = fold_seed(look.person, 13)
    p = spot.rest * 38.0
    if lips > 0.5:
        p = wp.vec3(p[0] * 1.6, p[1] * 0.3, p[2])
    bump = wp.vec3(smooth_noise(field, p), smooth_noise(field + wp.uint32(1), p), smooth_noise(field + wp.uint32(2), p))
    return wp.normalize(normal + bump * fade)


@wp.func
def _cloth(look: Look, spot: Spot) -> wp.vec3:
    q = spot.rest
    weave = smooth_noise(fold_seed(look.person, 17), q * 9.0)
    stripe = wp.smoothstep(-0.2, 0.2, wp.sin(q[1] * 18.0 + 0.6 * weave))
    albedo = wp.lerp(look.garment, look.garment_second, look.garment_pattern * stripe) * (1.0 + 0.12 * weave)
    return light_matt(look, spot, spot.normal, albedo, 0.1)


@wp.func
def _gloss(look: Look, spot: Spot, sleek: wp.vec3, lips: float, cover: float) -> wp.vec3:
    """Highlights on skin: a broad oily sheen, tighter on forehead and nose, and wet lips."""
    q = spot.rest
    zone = _spread(q, wp.vec3(0.0, 0.1, 0.3), wp.vec3(0.26, 0.55, 0.4))
    oil = look.sheen * (0.55 + 0.7 * zone) * (1.0 - cover)
    wet = lips * wp.max(look.wetness, 0.8 * look.lipstick)
    shade = spot.shade * spot.shade
    broad = lit_sides(look, spot, sleek, shade, 0.52, 0.028) * (1.1 * oil)
    # where the lips meet, neither sees the lamp
    wet = wet * wp.smoothstep(0.3, 0.85, spot.open)
    tight = lit_sides(look, spot, sleek, shade, wp.lerp(0.36, 0.25, lips), 0.03) * (
        0.5 * oil * (1.0 - lips) + 1.3 * wet
    )
    grazing = 1.0 - wp.max(wp.dot(sleek, spot.view), 0.0)
    facing = 0.018 + 0.12 * grazing * grazing * grazing * grazing
    mirror = sleek * (2.0 * wp.dot(sleek, spot.view)) - spot.view
    around = ambient_light(look, mirror) * (facing * spot.open * spot.open * (0.35 + 0.65 * oil + 0.8 * wet))
    return broad + tight + around


@wp.func
def shade_skin(look: Look, spot: Spot) -> wp.vec3:
    """Light that leaves the outer skin at a spot: skin, lips, brows, beard, scalp or clothes."""
    q = spot.rest
    cloth = float(0.0)
    if q[1] < -1.1:
        cloth = garment_share(look, q, spot.foot)
    if cloth > 0.98:
        return _cloth(look, spot)
    grooves = _carve(look, spot)
    lips = wp.smoothstep(0.25, 0.75, spot.lips)
    albedo = _skin_albedo(look, spot, grooves.depth)
    albedo = _lip_albedo(look, spot, albedo, lips)
    albedo = _paint_lids(look, spot, albedo)
    beard = beard_share(look, q, spot.lips, spot.foot)
    brow = spot.brow
    scalp = scalp_share(look, q, spot.ears, spot.foot)
    albedo = wp.lerp(albedo, wp.cw_mul(albedo, wp.vec3(0.42, 0.46, 0.52)), beard[0])
    # single hairs of a black beard shine, so that it is no ink
    standing = look.beard_colour * beard[2] + wp.vec3(0.010, 0.009, 0.008) * (beard[2] * beard[2])
    albedo = wp.lerp(albedo, standing, beard[1])
    albedo = wp.lerp(albedo, look.brow_colour, brow)
    albedo = wp.lerp(albedo, look.hair, scalp)
    cover = wp.max(wp.max(beard[1], brow), scalp)
    creased = grooves.normal
    fine = _pore_normal(look, spot, creased, lips)
    # a sheen follows the face; broken up by every pore it looks like scars
    sleek = wp.normalize(creased * 0.8 + fine * 0.2)
    colour = light_skin(look, spot, fine, albedo) + _gloss(look, spot, sleek, lips, cover)
    if cloth > 0.02:
        return wp.lerp(colour, _cloth(look, spot), cloth)
    return colour
