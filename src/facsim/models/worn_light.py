"""Light on worn things and through lenses, for Warp kernels."""

# Warp reads `float(0.0)` as a variable and `0.0` as a constant, and compiles no tuples to search.
# ruff: noqa: UP018
# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false, reportIndexIssue=false, reportReturnType=false

import warp as wp

from facsim.models.head import PARTS
from facsim.models.lighting import Spot, ambient_light, light_matt, lit_sides
from facsim.models.materials import Look
from facsim.models.outfit import Outfit
from facsim.models.patches import OUTLINE, WORN_STUFFS
from facsim.models.worn_stuff import shade_hand, shade_headwear, shade_thing
from facsim.wearables import HEADWEAR_KINDS, MASKS, OCCLUDER_KINDS, SCARVES

__all__ = ["WORN_PARTS", "glasses_shade", "see_through", "shade_worn", "worn_part"]

wp.set_module_options({"enable_backward": False})

WORN_PARTS = ("glasses", "lens", "hat", "headscarf", "mask", "occluder")
"""Parts of a picture's part map that are worn or held; `lens` only where it swallows most of the light."""

_FRAME = wp.constant(len(PARTS) + WORN_STUFFS.index("frame"))
_HEADWEAR = wp.constant(len(PARTS) + WORN_STUFFS.index("headwear"))
_BRIM = wp.constant(len(PARTS) + WORN_STUFFS.index("brim"))
_PALM = wp.constant(len(PARTS) + WORN_STUFFS.index("palm"))
_FINGER = wp.constant(len(PARTS) + WORN_STUFFS.index("finger"))
_TUBE = wp.constant(len(PARTS) + WORN_STUFFS.index("tube"))
_FIRST_SCARF = wp.constant(HEADWEAR_KINDS.index(SCARVES[0]))
_LAST_MASK = wp.constant(OCCLUDER_KINDS.index(MASKS[-1]))
_OPAQUE = wp.constant(0.4)
"""A lens that lets less light pass hides what is behind it."""

_POINTS = wp.constant(OUTLINE)
_CURVE_DM = wp.constant(1.3)
"""Radius of a lens's front: about four dioptres of base curve."""


@wp.func
def _meet_lens(outfit: Outfit, start: wp.vec3, end: wp.vec3, side: float) -> wp.vec3:
    """Where a line from `start` to `end` (world) meets one lens's plane: outwards, up, and how far inside the outline
    (negative outside, and where the plane does not lie between the two)."""
    into = wp.transpose(outfit.lens_turn)
    first = into * (start - outfit.lens_origin)
    last = into * (end - outfit.lens_origin)
    first = wp.vec3(first[0] * side, first[1], first[2])
    last = wp.vec3(last[0] * side, last[1], last[2])
    n = outfit.lens_normal
    h0 = wp.dot(first - outfit.lens_centre, n)
    h1 = wp.dot(last - outfit.lens_centre, n)
    if h0 * h1 >= 0.0:
        return wp.vec3(0.0, 0.0, -1.0)
    local = first + (last - first) * (h0 / (h0 - h1)) - outfit.lens_centre
    a = local[0] * n[2] - local[2] * n[0]
    b = local[1]
    turn = wp.atan2(b, a) * (float(_POINTS) / 6.2831853)
    if turn < 0.0:
        turn += float(_POINTS)
    low = int(wp.floor(turn))
    share = turn - float(low)
    low = low % _POINTS
    radius = wp.lerp(outfit.lens_outline[low], outfit.lens_outline[(low + 1) % _POINTS], share)
    return wp.vec3(a, b, radius - wp.sqrt(a * a + b * b))


@wp.func
def _swallow(outfit: Outfit, up: float) -> wp.vec3:
    """Share of light by channel that a lens lets pass at a height in it."""
    fall = wp.clamp(0.5 - 0.5 * up / outfit.lens_outline[_POINTS // 4], 0.0, 1.0)
    dark = outfit.tint * (1.0 - outfit.gradient * fall)
    return wp.vec3(1.0 - dark) + outfit.tint_colour * (0.08 * dark)


@wp.func
def _rim_shade(outfit: Outfit, hit: wp.vec3, softness: float) -> float:
    """Share of a lamp's light that passes a rim, from where its way meets the lens's plane (`_meet_lens`). The light's
    depth map is too coarse for rims."""
    # a wide lamp sees past a thin rim: its shadow is wider then, and lighter
    soft = 0.008 + 0.25 * softness
    aside = wp.abs(hit[2])
    if outfit.rim <= 0.0 or aside >= outfit.rim + soft:
        return 1.0
    above = wp.smoothstep(-0.42, -0.18, hit[1] / wp.max(wp.sqrt(hit[0] * hit[0] + hit[1] * hit[1]), 1.0e-4))
    deep = wp.min(1.0, (2.0 * outfit.rim + 0.008) / (outfit.rim + soft)) * wp.max(above, outfit.rim_below)
    return 1.0 - 0.85 * deep * (1.0 - wp.smoothstep(outfit.rim - soft, outfit.rim + soft, aside))


@wp.func
def glasses_shade(look: Look, outfit: Outfit, spot: Spot) -> float:
    """Share of the key's light that lenses and rims leave on its way to a spot; frames have no rims' shadow."""
    left = float(1.0)
    if outfit.glazed == 0:
        return left
    for k in range(2):
        hit = _meet_lens(outfit, spot.world, spot.world + look.key * 3.0, 1.0 - 2.0 * float(k))
        if spot.part != _FRAME:
            left = left * _rim_shade(outfit, hit, look.key_softness)
        if hit[2] > -0.02:
            left_over = _swallow(outfit, hit[1])
            left = left * wp.lerp(1.0, left_over[1], wp.smoothstep(-0.02, 0.03, hit[2]))
    return left


@wp.func
def _lens_pass(outfit: Outfit, eye: wp.vec3, world: wp.vec3) -> float:
    """Share of light that lenses leave between the camera and `world`, without soft edges."""
    left = float(1.0)
    for k in range(2):
        hit = _meet_lens(outfit, eye, world, 1.0 - 2.0 * float(k))
        if hit[2] > 0.0:
            left = left * _swallow(outfit, hit[1])[1]
    return left


@wp.func
def _mirrored_light(look: Look, outfit: Outfit, hit: wp.vec3, side: float, view: wp.vec3) -> wp.vec3:
    """What a lens mirrors: the key as a window of its size, and the surroundings."""
    n = outfit.lens_normal + wp.vec3(hit[0] / _CURVE_DM, hit[1] / _CURVE_DM, 0.0)
    normal = wp.normalize(outfit.lens_turn * wp.vec3(n[0] * side, n[1], n[2]))
    facing = wp.max(wp.dot(normal, view), 0.0)
    out = normal * (2.0 * wp.dot(normal, view)) - view
    fresnel = 0.035 + 0.965 * wp.pow(1.0 - facing, 5.0)
    local = look.key_frame * out
    half = wp.max(look.key_softness, 0.05)
    soft = 0.35 * half
    window = float(0.0)
    if local[2] > 0.0:
        window = (1.0 - wp.smoothstep(half - soft, half + soft, wp.abs(local[0]))) * (
            1.0 - wp.smoothstep(half - soft, half + soft, wp.abs(local[1]))
        )
    lamp = look.key_colour * (window * wp.min(1.0 / (half * half), 40.0))
    light = (lamp + ambient_light(look, out)) * (fresnel * outfit.reflection)
    return light * (0.7 / wp.max(0.7, wp.max(light[0], wp.max(light[1], light[2]))))


@wp.func
def see_through(look: Look, outfit: Outfit, world: wp.vec3, foot: float, light: wp.vec3) -> wp.vec3:
    """Light from `world` as it comes through whatever lens stands before it."""
    eye = wp.vec3(0.0, 0.0, look.distance)
    result = light
    for k in range(2):
        side = 1.0 - 2.0 * float(k)
        hit = _meet_lens(outfit, eye, world, side)
        soft = 0.5 * foot
        if hit[2] > -soft:
            cover = wp.smoothstep(-soft, soft, hit[2])
            pane = wp.cw_mul(result, _swallow(outfit, hit[1]))
            pane += _mirrored_light(look, outfit, hit, side, wp.normalize(eye - world))
            # the ground edge of the glass
            edge = (1.0 - wp.smoothstep(0.006, 0.014 + foot, hit[2])) * 0.35
            pane = pane * (1.0 - edge) + look.front * (0.10 * edge)
            result = wp.lerp(result, pane, cover)
    return result


@wp.func
def _shade_frame(look: Look, outfit: Outfit, spot: Spot) -> wp.vec3:
    """Light that leaves a frame of plastic or of metal."""
    out = spot.normal * (2.0 * wp.dot(spot.normal, spot.view)) - spot.view
    if outfit.metal > 0.5:
        # a wire thinner than a pixel shows all its normals at once
        rough = wp.min(0.28 + 14.0 * spot.foot, 0.6)
        gloss = lit_sides(look, spot, spot.normal, spot.shade, rough, 0.55)
        mirrored = ambient_light(look, out) * spot.open
        return wp.cw_mul(outfit.frame, gloss + mirrored) + light_matt(look, spot, spot.normal, outfit.frame * 0.25, 0.1)
    light = light_matt(look, spot, spot.normal, outfit.frame, 0.1)
    facing = 1.0 - wp.max(wp.dot(spot.normal, spot.view), 0.0)
    light += ambient_light(look, out) * (spot.open * (0.03 + 0.35 * wp.pow(facing, 5.0)))
    return light + lit_sides(look, spot, spot.normal, spot.shade, wp.min(0.32 + 10.0 * spot.foot, 0.6), 0.045)


@wp.func
def shade_worn(look: Look, outfit: Outfit, spot: Spot) -> wp.vec3:
    """Light that leaves a worn thing."""
    if spot.part == _FRAME:
        return _shade_frame(look, outfit, spot)
    if spot.part == _HEADWEAR or spot.part == _BRIM:
        return shade_headwear(look, outfit, spot, spot.part == _BRIM)
    if spot.part == _PALM or spot.part == _FINGER:
        return shade_hand(look, spot, spot.part == _FINGER)
    return shade_thing(look, outfit, spot, spot.part == _TUBE)


@wp.func
def worn_part(outfit: Outfit, look: Look, spot: Spot) -> int:
    """The place in `WORN_PARTS` of a worn thing, or of a dark lens before the spot; -1 where there is neither."""
    if outfit.glazed > 0 and _lens_pass(outfit, wp.vec3(0.0, 0.0, look.distance), spot.world) < _OPAQUE:
        return 1
    if spot.part == _FRAME:
        return 0
    if spot.part == _HEADWEAR or spot.part == _BRIM:
        return wp.where(outfit.headwear >= _FIRST_SCARF, 3, 2)
    if spot.part > _BRIM:
        return wp.where(outfit.occluder <= _LAST_MASK, 4, 5)
    return -1
