"""Eyes, teeth, gums, tongue and the mouth's lining, for Warp kernels."""

# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

import warp as wp

from facsim.models.lighting import Spot, ambient_light, light_matt, light_skin, lit_sides
from facsim.models.materials import Look
from facsim.models.noise import fold_seed, smooth_noise

__all__ = ["shade_eye", "shade_gums", "shade_lining", "shade_teeth", "shade_tongue"]

wp.set_module_options({"enable_backward": False})


@wp.func
def _iris_albedo(look: Look, angle: float, turn: float, soft: float) -> wp.vec3:
    """Colour of the iris at `angle` degrees from the optical axis and `turn` radians round it."""
    field = fold_seed(look.person, 53)
    along = angle / look.iris_deg
    x = wp.cos(turn)
    y = wp.sin(turn)
    spokes = smooth_noise(field, wp.vec3(x * 9.0, y * 9.0, along * 1.5))
    spokes += 0.6 * smooth_noise(field + wp.uint32(1), wp.vec3(x * 21.0, y * 21.0, along * 3.0))
    inner = 1.0 - wp.smoothstep(look.pupil_deg + 1.0, look.pupil_deg + 8.0, angle)
    colour = look.iris * (1.0 + 0.35 * spokes)
    colour = wp.lerp(colour, wp.cw_mul(colour, wp.vec3(1.5, 1.15, 0.7)), inner * 0.6)
    ring = wp.smoothstep(look.iris_deg - 7.0, look.iris_deg - 0.5, angle)
    colour = wp.lerp(colour, look.iris_ring, 0.75 * ring)
    pupil = 1.0 - wp.smoothstep(look.pupil_deg - soft, look.pupil_deg + soft, angle)
    return wp.lerp(colour, wp.vec3(0.004, 0.004, 0.004), pupil)


@wp.func
def _white_albedo(look: Look, angle: float, turn: float) -> wp.vec3:
    field = fold_seed(look.person, 59)
    x = wp.cos(turn) * angle
    y = wp.sin(turn) * angle
    corner = wp.smoothstep(30.0, 62.0, wp.abs(x))
    branch = 1.0 - wp.abs(smooth_noise(field, wp.vec3(x * 0.12, y * 0.35, 0.5)))
    vein = wp.pow(wp.clamp(branch, 0.0, 1.0), 8.0) * corner
    red = look.veins * (0.30 * corner + 0.55 * vein) + 0.10 * corner
    return wp.vec3(0.47, 0.45 * (1.0 - 0.5 * red), 0.43 * (1.0 - 0.55 * red))


@wp.func
def _mirror_spot(mirror: wp.vec3, towards: wp.vec3, softness: float, blur: float) -> float:
    """Brightness of a lamp's mirror image on a wet ball: constant energy, as large as lamp and pixel make it."""
    radius = wp.sqrt(softness * softness + blur * blur)
    away = wp.acos(wp.clamp(wp.dot(mirror, towards), -1.0, 1.0))
    inside = 1.0 - wp.smoothstep(0.75 * radius, 1.25 * radius, away)
    return inside * wp.min(0.028 / (3.14159 * radius * radius), 2.5)


@wp.func
def shade_eye(look: Look, spot: Spot, cornea: wp.vec3, lid: float, lash: float) -> wp.vec3:
    """Light that leaves an eyeball.

    `cornea` is the normal of the wet surface over the iris, `lid` how much the upper lid hangs over the place and
    `lash` the cover of the lashes (both 0–1).
    """
    x = spot.uv[0] - 0.5
    y = spot.uv[1] - 0.5
    angle = wp.sqrt(x * x + y * y) * 180.0
    turn = wp.atan2(y, x)
    # a pixel's width in degrees on a ball of 1.2 cm radius
    soft = wp.clamp(spot.foot / 0.12 * 57.3 * 0.5, 0.6, 6.0)
    iris = 1.0 - wp.smoothstep(look.iris_deg - 1.0 - soft, look.iris_deg + 0.5 + soft, angle)
    white = _white_albedo(look, angle, turn)
    albedo = wp.lerp(white, _iris_albedo(look, angle, turn, soft), iris)
    dimmed = spot
    dimmed.open = spot.open * (1.0 - 0.68 * lid)
    dimmed.shade = spot.shade * (1.0 - 0.65 * lid)
    matt = light_skin(look, dimmed, spot.normal, albedo)
    # the cornea gathers light on the side of the iris away from the lamp
    local = wp.transpose(look.turn) * look.key
    gathered = wp.max(-(local[0] * x + local[1] * y) * 180.0 / look.iris_deg, 0.0) * iris
    matt = matt * (1.0 + 0.9 * gathered * dimmed.shade)
    wet = wp.normalize(wp.lerp(spot.normal, cornea, iris))
    mirror = wet * (2.0 * wp.dot(wet, spot.view)) - spot.view
    blur = 0.06 + 1.1 * spot.foot / 0.12
    gleam = look.key_colour * (
        _mirror_spot(mirror, look.key, look.key_softness, blur) * wp.min(1.0, 0.35 + dimmed.shade)
    )
    gleam += look.fill_colour * (_mirror_spot(mirror, look.fill, look.fill_softness, blur) * 0.7)
    gleam += ambient_light(look, mirror) * 0.035
    gleam = gleam * (1.0 - 0.6 * lid)
    return (matt + gleam) * (1.0 - lash)


@wp.func
def _mouth_depth(look: Look, q: wp.vec3) -> float:
    """How much light comes in through the lips: 1 at the front teeth, nearly 0 at the throat."""
    return wp.smoothstep(-0.32, 0.16, q[2])


@wp.func
def shade_teeth(look: Look, spot: Spot) -> wp.vec3:
    """Light that leaves teeth: off-white, a dark line between neighbours, yellower at the gum, darker at the back."""
    front = _mouth_depth(look, spot.rest)
    along = spot.uv[0] - wp.floor(spot.uv[0])
    gap = wp.min(along, 1.0 - along)
    narrow = 0.05 + 4.0 * spot.foot
    line = (1.0 - wp.smoothstep(0.0, narrow, gap)) * wp.min(1.0, 0.14 / narrow)
    edge = wp.smoothstep(0.55, 0.35, spot.uv[1])
    albedo = wp.cw_mul(look.teeth, wp.vec3(1.0, 1.0 - 0.06 * edge, 1.0 - 0.16 * edge)) * (1.0 - 0.5 * line)
    dimmed = spot
    # teeth scatter light within, so that shadows on them are pale
    dimmed.open = wp.sqrt(spot.open) * front
    dimmed.shade = (0.45 + 0.55 * spot.shade) * front
    wet = lit_sides(look, spot, spot.normal, spot.shade * front, 0.28, 0.04) * (0.7 * front)
    return light_matt(look, dimmed, spot.normal, albedo, 0.6) + wet


@wp.func
def _flesh(look: Look, spot: Spot, albedo: wp.vec3, gloss: float) -> wp.vec3:
    front = wp.smoothstep(-0.95, 0.15, spot.rest[2])
    dimmed = spot
    dimmed.open = wp.sqrt(spot.open) * front * front
    dimmed.shade = spot.shade * front * front
    wet = lit_sides(look, spot, spot.normal, dimmed.shade, 0.32, 0.035) * (gloss * front)
    return light_skin(look, dimmed, spot.normal, albedo) + wet


@wp.func
def shade_gums(look: Look, spot: Spot) -> wp.vec3:
    """Light that leaves the gums."""
    return _flesh(look, spot, wp.cw_mul(look.tongue, wp.vec3(0.95, 0.85, 0.85)), 0.5)


@wp.func
def shade_tongue(look: Look, spot: Spot) -> wp.vec3:
    """Light that leaves the tongue: rough on top."""
    grain = smooth_noise(fold_seed(look.person, 61), spot.rest * 45.0)
    return _flesh(look, spot, look.tongue * (1.0 + 0.12 * grain), 0.5)


@wp.func
def shade_lining(look: Look, spot: Spot) -> wp.vec3:
    """Light that leaves the inside of the mouth and of the sockets."""
    return _flesh(look, spot, wp.vec3(0.11, 0.024, 0.02), 0.25)
