"""How light leaves a surface: wrapped diffuse with a warm terminator, two highlights, ambient from six sides.

Functions for Warp kernels. Radiance is in linear light; a white matt surface that faces a lamp of colour 1 shows 1.
"""

# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

import warp as wp

from facsim.models.materials import Look

__all__ = ["Spot", "ambient_light", "highlight", "light_matt", "light_skin", "lit_sides", "rim_share"]

wp.set_module_options({"enable_backward": False})


@wp.struct
class Spot:
    """A visible place.

    `rest` lies on the rest head, `world` in the world; `normal` and `view` (to the camera) are unit vectors, `foot`
    is a pixel's width there in dm. `shade` is the share of the key light that arrives, `open` the share of the
    surroundings that it sees, `border` 1 at the sides of the head and on hair and 0 in the face. `upper_edge`,
    `lower_edge`: distance to the lids' edges on the rest head, at most 0.2. `brow`: share that brow hair covers.
    """

    rest: wp.vec3
    world: wp.vec3
    normal: wp.vec3
    view: wp.vec3
    uv: wp.vec2
    foot: wp.float32
    shade: wp.float32
    open: wp.float32
    part: wp.int32
    lips: wp.float32
    lids: wp.float32
    ears: wp.float32
    border: wp.float32
    upper_edge: wp.float32
    lower_edge: wp.float32
    brow: wp.float32


@wp.func
def ambient_light(look: Look, normal: wp.vec3) -> wp.vec3:
    """Irradiance from the six sides at a normal: Valve's ambient cube (McTaggart, "Half-Life 2 / Valve Source
    Shading", 2004)."""
    x = normal[0] * normal[0]
    y = normal[1] * normal[1]
    z = normal[2] * normal[2]
    side = look.left
    if normal[0] > 0.0:
        side = look.right
    height = look.below
    if normal[1] > 0.0:
        height = look.above
    depth = look.behind
    if normal[2] > 0.0:
        depth = look.front
    return side * x + height * y + depth * z


@wp.func
def _wrap(cosine: float, width: float) -> float:
    """Diffuse light that reaches `width` beyond the terminator, of the same total energy."""
    if cosine <= -width:
        return 0.0
    lit = (cosine + width) / (1.0 + width)
    return lit * wp.pow(lit, 0.5 * width) / (1.0 + 0.5 * width)


@wp.func
def _blood(cosine: float, softness: float) -> wp.vec3:
    """Diffuse light on skin: red travels furthest under it, so the terminator is wide in red and narrow in blue."""
    soft = 0.5 * softness
    return wp.vec3(_wrap(cosine, 0.24 + soft), _wrap(cosine, 0.15 + soft), _wrap(cosine, 0.11 + soft))


@wp.func
def highlight(normal: wp.vec3, towards: wp.vec3, view: wp.vec3, roughness: float, reflectance: float) -> float:
    """Mirror-like reflection of a lamp: GGX (Walter et al., 2007) with Kelemen's visibility and Schlick's Fresnel."""
    cosine = wp.dot(normal, towards)
    if cosine <= 0.0:
        return 0.0
    half = wp.normalize(towards + view)
    nh = wp.max(wp.dot(normal, half), 0.0)
    lh = wp.max(wp.dot(towards, half), 0.1)
    a2 = roughness * roughness * roughness * roughness
    d = nh * nh * (a2 - 1.0) + 1.0
    grazing = (1.0 - lh) * (1.0 - lh)
    fresnel = reflectance + (1.0 - reflectance) * grazing * grazing * (1.0 - lh)
    return wp.min(a2 / (d * d) * 0.25 * fresnel / (lh * lh), 6.0) * cosine


@wp.func
def rim_share(spot: Spot, normal: wp.vec3) -> float:
    """Share of the rim light that a place gets: it comes from behind and casts no shadow, so only outlines catch it."""
    if spot.border <= 0.0:
        return 0.0
    return spot.border * (1.0 - wp.smoothstep(0.25, 0.7, wp.dot(normal, spot.view)))


@wp.func
def lit_sides(look: Look, spot: Spot, normal: wp.vec3, shade: float, roughness: float, reflectance: float) -> wp.vec3:
    """Highlights of all three lamps, `roughness` widened by each lamp's own size; `shade` is the key's share."""
    view = spot.view
    key = highlight(normal, look.key, view, wp.min(roughness + 0.35 * look.key_softness, 0.9), reflectance)
    fill = highlight(normal, look.fill, view, wp.min(roughness + 0.35 * look.fill_softness, 0.9), reflectance)
    light = look.key_colour * (key * shade) + look.fill_colour * (fill * spot.open)
    share = rim_share(spot, normal)
    if share > 0.0:
        rim = highlight(normal, look.rim, view, wp.min(roughness + 0.35 * look.rim_softness, 0.9), reflectance)
        light += look.rim_colour * (rim * share)
    return light


@wp.func
def light_matt(look: Look, spot: Spot, normal: wp.vec3, albedo: wp.vec3, wrap: float) -> wp.vec3:
    """Light that leaves a matt surface such as cloth, teeth or a tongue."""
    light = look.key_colour * (_wrap(wp.dot(normal, look.key), wrap) * spot.shade)
    light += look.fill_colour * (_wrap(wp.dot(normal, look.fill), wrap + 0.5 * look.fill_softness) * spot.open)
    share = spot.open * rim_share(spot, normal)
    if share > 0.0:
        light += look.rim_colour * (_wrap(wp.dot(normal, look.rim), wrap) * share)
    return wp.cw_mul(albedo, light + ambient_light(look, normal) * spot.open)


@wp.func
def light_skin(look: Look, spot: Spot, fine: wp.vec3, albedo: wp.vec3) -> wp.vec3:
    """Diffuse light that leaves skin whose detailed normal is `fine`: detail shows less in red, which is blurred
    beneath."""
    smooth = spot.normal
    light = wp.vec3(0.0, 0.0, 0.0)
    s = spot.shade
    if s > 0.0:
        key_smooth = _blood(wp.dot(smooth, look.key), look.key_softness)
        key_fine = _blood(wp.dot(fine, look.key), look.key_softness)
        # the edge of a shadow glows red for the same reason
        shade = wp.vec3(s, s, s)
        if s < 1.0:
            shade = wp.vec3(wp.pow(s, 0.84), s, wp.pow(s, 1.06))
        detail = wp.vec3(0.45, 0.8, 0.95)
        key = key_smooth + wp.cw_mul(detail, key_fine - key_smooth)
        light = wp.cw_mul(wp.cw_mul(look.key_colour, key), shade)
    light += wp.cw_mul(look.fill_colour, _blood(wp.dot(fine, look.fill), look.fill_softness)) * wp.sqrt(spot.open)
    rim = spot.open * rim_share(spot, smooth)
    if rim > 0.0:
        light += wp.cw_mul(look.rim_colour, _blood(wp.dot(fine, look.rim), look.rim_softness)) * rim
    # light that bounces between walls of skin comes out redder: occlusion is tinted by the albedo
    # (Jimenez et al., "Practical Realtime Strategies for Accurate Indirect Occlusion", 2016, simplified)
    o = spot.open
    bounced = wp.vec3(wp.pow(o, 0.75), wp.pow(o, 0.95), o)
    light += wp.cw_mul(ambient_light(look, fine), bounced)
    return wp.cw_mul(albedo, light)
