"""From what each sample sees to light: the kernel that shades every pixel of a batch, once per surface that the pixel
shows.

Samples of one pixel that see the same part at about the same depth are shaded together, at their mean place; those on
an eyeball one by one, since an iris is a few pixels wide. Colours are linear light; nothing here knows of exposure
(see `facsim.models.develop`).
"""

# Warp reads `float(0.0)` as a variable and `0.0` as a constant, and compiles no tuples to search.
# ruff: noqa: UP018, RUF046, SIM109
# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportAssignmentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false, reportInvalidTypeForm=false, reportOperatorIssue=false

import warp as wp

from facsim.models.backdrop import shade_backdrop
from facsim.models.eye_mouth import shade_eye, shade_gums, shade_lining, shade_teeth, shade_tongue
from facsim.models.face_hair import brow_share
from facsim.models.head import PARTS
from facsim.models.lighting import Spot
from facsim.models.materials import Look
from facsim.models.outfit import Outfit
from facsim.models.raster import EMPTY, barycentric_at, depth_of, sample_position
from facsim.models.skin import garment_share, shade_skin
from facsim.models.strands import shade_hair
from facsim.models.tresses import Ends
from facsim.models.worn_light import WORN_PARTS, glasses_shade, see_through, shade_worn, worn_part

__all__ = ["DRAWN_PARTS", "Mesh", "shade_pictures"]

wp.set_module_options({"enable_backward": False})

DRAWN_PARTS = ("background", *PARTS, "lips", "brows", "neck", "garment", *WORN_PARTS)
"""What a pixel of a picture's part map shows: the mesh's parts from 1 on, skin split into face, lips, brows, neck and
garment, then worn things; `lens` only where it swallows most of the light."""

_SKIN = wp.constant(PARTS.index("skin"))
_EYE_LEFT = wp.constant(PARTS.index("eye_left"))
_EYE_RIGHT = wp.constant(PARTS.index("eye_right"))
_TEETH = wp.constant(PARTS.index("teeth"))
_GUMS = wp.constant(PARTS.index("gums"))
_TONGUE = wp.constant(PARTS.index("tongue"))
_HAIR = wp.constant(PARTS.index("hair"))
_LIPS = wp.constant(DRAWN_PARTS.index("lips"))
_BROWS = wp.constant(DRAWN_PARTS.index("brows"))
_NECK = wp.constant(DRAWN_PARTS.index("neck"))
_GARMENT = wp.constant(DRAWN_PARTS.index("garment"))
_WORN = wp.constant(len(PARTS))
_FIRST_WORN = wp.constant(DRAWN_PARTS.index(WORN_PARTS[0]))
_APART = wp.constant(0.12)
"""Samples of one part that lie farther apart than this (dm) are two surfaces, such as nose and cheek behind it."""


@wp.struct
class Mesh:
    """A batch of posed heads: topology and rest attributes shared, the rest per picture (first axis)."""

    triangles: wp.array(dtype=wp.vec3i)
    parts: wp.array(dtype=wp.uint8)
    rest: wp.array(dtype=wp.vec3)
    uv: wp.array(dtype=wp.vec2)
    paint: wp.array(dtype=wp.vec4)
    edges: wp.array(dtype=wp.vec2)
    world: wp.array2d(dtype=wp.vec3)
    normals: wp.array2d(dtype=wp.vec3)
    screen: wp.array2d(dtype=wp.vec3)
    visible: wp.array3d(dtype=wp.int64)
    shadow: wp.array3d(dtype=wp.int64)
    outfits: wp.array(dtype=Outfit)
    hair: Ends


@wp.func
def _shares(mesh: Mesh, look: Look, picture: int, corners: wp.vec3i, at: wp.vec2) -> wp.vec3:
    """Perspective-correct weights of a triangle's corners at a place on the screen, kept inside the triangle."""
    a = mesh.screen[picture, corners[0]]
    b = mesh.screen[picture, corners[1]]
    c = mesh.screen[picture, corners[2]]
    flat = barycentric_at(a, b, c, at)
    u = wp.clamp(flat[0], 0.0, 1.0) * (1.0 - a[2])
    v = wp.clamp(flat[1], 0.0, 1.0) * (1.0 - b[2])
    w = wp.clamp(flat[2], 0.0, 1.0) * (1.0 - c[2])
    total = u + v + w
    return wp.vec3(u / total, v / total, w / total)


@wp.func
def _sample_world(look: Look, side: int, column: int, row: int, depth: float) -> wp.vec3:
    """World position of a sample."""
    distance = look.near / (1.0 - depth)
    x = (float(column) + 0.5) * 0.5 - look.centre_x
    y = (float(row) + 0.5) * 0.5 - look.centre_y
    return wp.vec3(x * distance / look.focal, -y * distance / look.focal, look.distance - distance)


@wp.func
def _openness(mesh: Mesh, look: Look, picture: int, at: wp.vec2, spot: Spot, radius: float) -> float:
    """Share of the surroundings not hidden by what stands within `radius` (dm), from the depth of the samples around.

    The horizon is probed at ten fixed places (after McGuire et al., "The Alchemy Screen-Space Ambient Obscurance
    Algorithm", 2011).
    """
    side = mesh.visible.shape[1]
    reach = radius * 2.0 * look.focal / (look.distance - spot.world[2])
    hidden = float(0.0)
    for tap in range(10):
        share = wp.sqrt((float(tap) + 0.6) / 10.0)
        turn = 2.39996 * float(tap) + 0.7
        column = int(at[0] + wp.cos(turn) * share * reach)
        row = int(at[1] + wp.sin(turn) * share * reach)
        if column >= 0 and row >= 0 and column < side and row < side:
            packed = mesh.visible[picture, row, column]
            if packed < wp.int64(EMPTY):
                away = _sample_world(look, side, column, row, depth_of(packed)) - spot.world
                far = wp.length(away)
                rise = wp.dot(away, spot.normal) / wp.max(far, 0.01)
                near = wp.clamp(1.6 - far / (1.6 * radius), 0.0, 1.0)
                hidden += wp.max(rise - 0.12, 0.0) * near
    return wp.clamp(1.0 - 0.16 * hidden, 0.12, 1.0)


@wp.func
def _key_shade(mesh: Mesh, look: Look, picture: int, world: wp.vec3, normal: wp.vec3) -> float:
    """Share of the key light that arrives: percentage-closer filtering over sixteen places of the light's depth map."""
    facing = wp.dot(normal, look.key)
    if facing < -0.45:
        return 0.0
    side = mesh.shadow.shape[1]
    texel = 2.0 * look.shadow_half / float(side)
    # lifted off its own surface, more at grazing light
    lifted = world + normal * (0.015 + 1.4 * texel * (1.0 - wp.max(facing, 0.0)))
    local = look.key_frame * (lifted - look.shadow_centre)
    x = (local[0] / look.shadow_half * 0.5 + 0.5) * float(side)
    y = (0.5 - local[1] / look.shadow_half * 0.5) * float(side)
    depth = 0.5 - local[2] / (4.0 * look.shadow_half)
    spread = wp.clamp(0.35 * look.key_softness / texel, 1.3, 7.0)
    width = (0.012 + 0.35 * spread * texel) / (4.0 * look.shadow_half)
    lit = float(0.0)
    for tap in range(16):
        share = wp.sqrt((float(tap) + 0.5) / 16.0) * spread
        turn = 2.39996 * float(tap)
        column = int(wp.floor(x + wp.cos(turn) * share))
        row = int(wp.floor(y + wp.sin(turn) * share))
        if column < 0 or row < 0 or column >= side or row >= side:
            lit += 1.0
        else:
            hit = depth_of(mesh.shadow[picture, row, column])
            lit += 1.0 - wp.clamp((depth - hit) / width, 0.0, 1.0)
    return wp.smoothstep(0.0, 1.0, lit / 16.0)


@wp.func
def _lid_above(mesh: Mesh, look: Look, picture: int, at: wp.vec2, foot: float) -> float:
    """Distance (dm, at most 0.2) on the screen from an eye's sample up to whatever covers the eye."""
    side = mesh.visible.shape[1]
    up = look.turn * wp.vec3(0.0, 1.0, 0.0)
    step = wp.max(0.5, 0.009 / foot)
    for k in range(1, 20):
        column = int(at[0] + up[0] * step * float(k))
        row = int(at[1] - up[1] * step * float(k))
        if column < 0 or row < 0 or column >= side or row >= side:
            return 0.2
        packed = mesh.visible[picture, row, column]
        if packed < wp.int64(EMPTY):
            part = int(mesh.parts[int(packed & wp.int64(0xFFFFFFFF))])
            if part != _EYE_LEFT and part != _EYE_RIGHT:
                return (float(k) - 0.5) * step * foot * 0.5
        if float(k) * step * foot * 0.5 > 0.2:
            return 0.2
    return 0.2


@wp.func
def _strand_tangent(mesh: Mesh, picture: int, corners: wp.vec3i) -> wp.vec3:
    """Direction from crown to hem on a triangle of the hair."""
    ta = mesh.uv[corners[0]]
    tb = mesh.uv[corners[1]] - ta
    tc = mesh.uv[corners[2]] - ta
    edge1 = mesh.world[picture, corners[1]] - mesh.world[picture, corners[0]]
    edge2 = mesh.world[picture, corners[2]] - mesh.world[picture, corners[0]]
    return wp.normalize(
        (edge2 * tb[0] - edge1 * tc[0]) * wp.sign(tb[0] * tc[1] - tc[0] * tb[1]) + wp.vec3(1.0e-6, 0.0, 0.0)
    )


@wp.func
def _cornea_normal(mesh: Mesh, picture: int, corners: wp.vec3i, spot: Spot) -> wp.vec3:
    """The eyeball's normal tilted outwards as on the cornea, whose radius is 7.8 mm where the ball's is 12."""
    ta = mesh.uv[corners[0]]
    tb = mesh.uv[corners[1]] - ta
    tc = mesh.uv[corners[2]] - ta
    edge1 = mesh.world[picture, corners[1]] - mesh.world[picture, corners[0]]
    edge2 = mesh.world[picture, corners[2]] - mesh.world[picture, corners[0]]
    turned = wp.sign(tb[0] * tc[1] - tc[0] * tb[1])
    across = wp.normalize((edge1 * tc[1] - edge2 * tb[1]) * turned)
    along = wp.normalize((edge2 * tb[0] - edge1 * tc[0]) * turned)
    tilt = across * (spot.uv[0] - 0.5) + along * (spot.uv[1] - 0.5)
    # uv measures the angle from the axis in half turns
    return wp.normalize(spot.normal + tilt * (3.14159 * (12.0 / 7.8 - 1.0)))


@wp.func
def _towards_viewer(mesh: Mesh, picture: int, corners: wp.vec3i, normal: wp.vec3) -> wp.vec3:
    """The normal of the side that is seen: worn things are thin, or wound either way."""
    a = mesh.screen[picture, corners[0]]
    b = mesh.screen[picture, corners[1]] - a
    c = mesh.screen[picture, corners[2]] - a
    if b[0] * c[1] - c[0] * b[1] > 0.0:
        return -normal
    return normal


@wp.func
def _find_spot(mesh: Mesh, look: Look, picture: int, triangle: int, at: wp.vec2) -> Spot:
    corners = mesh.triangles[triangle]
    w = _shares(mesh, look, picture, corners, at)
    spot = Spot()
    spot.part = int(mesh.parts[triangle])
    spot.rest = mesh.rest[corners[0]] * w[0] + mesh.rest[corners[1]] * w[1] + mesh.rest[corners[2]] * w[2]
    spot.rest = wp.vec3(spot.rest[0] * look.mirror, spot.rest[1], spot.rest[2])
    spot.world = (
        mesh.world[picture, corners[0]] * w[0]
        + mesh.world[picture, corners[1]] * w[1]
        + mesh.world[picture, corners[2]] * w[2]
    )
    normal = (
        mesh.normals[picture, corners[0]] * w[0]
        + mesh.normals[picture, corners[1]] * w[1]
        + mesh.normals[picture, corners[2]] * w[2]
    )
    spot.uv = mesh.uv[corners[0]] * w[0] + mesh.uv[corners[1]] * w[1] + mesh.uv[corners[2]] * w[2]
    paint = mesh.paint[corners[0]] * w[0] + mesh.paint[corners[1]] * w[1] + mesh.paint[corners[2]] * w[2]
    edges = mesh.edges[corners[0]] * w[0] + mesh.edges[corners[1]] * w[1] + mesh.edges[corners[2]] * w[2]
    spot.upper_edge = edges[0]
    spot.lower_edge = edges[1]
    spot.lips = paint[0]
    spot.lids = paint[1]
    spot.ears = paint[2]
    spot.border = wp.max(wp.smoothstep(0.42, 0.64, wp.abs(spot.rest[0])), wp.smoothstep(0.05, -0.35, spot.rest[2]))
    if spot.part == _HAIR:
        spot.border = 1.0
    if spot.part >= _WORN:
        spot.border = 1.0
        normal = _towards_viewer(mesh, picture, corners, normal)
    spot.view = wp.normalize(wp.vec3(0.0, 0.0, look.distance) - spot.world)
    spot.foot = (look.distance - spot.world[2]) / look.focal
    # a normal that points away from the camera would light the rim of a silhouette from behind
    back = wp.dot(normal, spot.view)
    if back < 0.02:
        normal = -normal if spot.part == _HAIR and back < 0.0 else normal + spot.view * (0.02 - back)
    spot.normal = wp.normalize(normal)
    spot.open = paint[3]
    spot.brow = 0.0
    if spot.part == _SKIN:
        spot.brow = brow_share(look, spot.rest, spot.foot)
    return spot


@wp.func
def _shade_spot(mesh: Mesh, look: Look, picture: int, triangle: int, at: wp.vec2, found: Spot) -> wp.vec3:
    spot = found
    near = _openness(mesh, look, picture, at, spot, 0.13)
    spot.shade = _key_shade(mesh, look, picture, spot.world, spot.normal)
    if mesh.outfits.shape[0] > 0:
        spot.shade = spot.shade * glasses_shade(look, mesh.outfits[picture], spot)
    part = spot.part
    if part == _HAIR:
        spot.open = _openness(mesh, look, picture, at, spot, 0.3)
        return shade_hair(look, spot, _strand_tangent(mesh, picture, mesh.triangles[triangle]), mesh.hair, picture)
    wide = _openness(mesh, look, picture, at, spot, 0.45)
    if part == _EYE_LEFT or part == _EYE_RIGHT:
        # brow, nose and brims hide the surroundings from an eye; what light skin throws back makes up for most of it
        bounce = wp.min(2.0 * (0.299 * look.skin[0] + 0.587 * look.skin[1] + 0.114 * look.skin[2]), 1.0)
        spot.open = near * (1.0 - (1.0 - wide) * (1.0 - bounce))
        above = _lid_above(mesh, look, picture, at, spot.foot)
        # the lashes' line is as thick as this, and never thinner than half a pixel
        line = 0.008 + 0.016 * look.lashes + 0.010 * look.liner
        lash = (0.45 + 0.5 * look.lashes) * (
            1.0 - wp.smoothstep(line - 0.5 * spot.foot, line + 0.008 + 0.5 * spot.foot, above)
        )
        cornea = _cornea_normal(mesh, picture, mesh.triangles[triangle], spot)
        return shade_eye(look, spot, cornea, wp.exp(-above / 0.045), lash)
    if part == _SKIN:
        # the three see the same hollows, and skin throws light into its own: their product alone is too dark, as
        # averaged faces show (benchmarks/gap.py)
        spot.open = wp.pow(spot.open * near * wide, 0.65)
        return shade_skin(look, spot)
    spot.open = near * wide
    if part >= _WORN:
        return shade_worn(look, mesh.outfits[picture], spot)
    if part == _TEETH:
        return shade_teeth(look, spot)
    if part == _GUMS:
        return shade_gums(look, spot)
    if part == _TONGUE:
        return shade_tongue(look, spot)
    return shade_lining(look, spot)


@wp.func
def _drawn_part(mesh: Mesh, look: Look, picture: int, spot: Spot) -> int:
    if mesh.outfits.shape[0] > 0:
        worn = worn_part(mesh.outfits[picture], look, spot)
        if worn >= 0:
            return _FIRST_WORN + worn
    if spot.part != _SKIN:
        return spot.part + 1
    if spot.lips > 0.5:
        return _LIPS
    if garment_share(look, spot.rest, spot.foot) > 0.5:
        return _GARMENT
    if spot.brow > 0.35:
        return _BROWS
    if spot.rest[1] < -0.85 - 0.6 * wp.max(spot.rest[2], -0.5) or spot.rest[2] < -0.9:
        return _NECK
    return 1


@wp.func
def _glaze(mesh: Mesh, look: Look, picture: int, at: wp.vec2, distance: float, light: wp.vec3) -> wp.vec3:
    """Light from a sample's place, so far from the camera, as it comes through the lenses before it."""
    if mesh.outfits[picture].glazed == 0:
        return light
    x = (at[0] * 0.5 - look.centre_x) * distance / look.focal
    y = (look.centre_y - at[1] * 0.5) * distance / look.focal
    world = wp.vec3(x, y, look.distance - distance)
    return see_through(look, mesh.outfits[picture], world, look.distance / look.focal, light)


@wp.kernel
def _shade(
    looks: wp.array(dtype=Look),
    mesh: Mesh,
    light: wp.array3d(dtype=wp.vec3),
    parts: wp.array3d(dtype=wp.uint8),
):
    picture, row, column = wp.tid()
    look = looks[picture]
    size = light.shape[1]
    done = int(0)
    total = wp.vec3(0.0, 0.0, 0.0)
    best = int(0)
    kind = int(0)
    for first in range(4):
        if (done >> first) & 1 == 0:
            packed = mesh.visible[picture, 2 * row + first // 2, 2 * column + first % 2]
            at = sample_position(2 * column + first % 2, 2 * row + first // 2, 1)
            count = int(1)
            done = done | (1 << first)
            if packed >= wp.int64(EMPTY):
                for other in range(first + 1, 4):
                    if mesh.visible[picture, 2 * row + other // 2, 2 * column + other % 2] >= wp.int64(EMPTY):
                        count += 1
                        done = done | (1 << other)
                if count > best:
                    kind = 0
                    best = count
                x = (float(column) + 0.5) / float(size)
                y = (float(row) + 0.5) / float(size)
                behind = shade_backdrop(look, x, y)
                if mesh.outfits.shape[0] > 0:
                    behind = _glaze(mesh, look, picture, at, 60.0, behind)
                total += behind * (0.25 * float(count))
            else:
                triangle = int(packed & wp.int64(0xFFFFFFFF))
                part = int(mesh.parts[triangle])
                distance = look.near / (1.0 - depth_of(packed))
                if part != _EYE_LEFT and part != _EYE_RIGHT:
                    for other in range(first + 1, 4):
                        beside = mesh.visible[picture, 2 * row + other // 2, 2 * column + other % 2]
                        if beside < wp.int64(EMPTY) and (done >> other) & 1 == 0:
                            same = int(mesh.parts[int(beside & wp.int64(0xFFFFFFFF))]) == part
                            if same and wp.abs(look.near / (1.0 - depth_of(beside)) - distance) < _APART:
                                at += sample_position(2 * column + other % 2, 2 * row + other // 2, 1)
                                count += 1
                                done = done | (1 << other)
                at = at / float(count)
                spot = _find_spot(mesh, look, picture, triangle, at)
                seen = _shade_spot(mesh, look, picture, triangle, at, spot)
                if mesh.outfits.shape[0] > 0:
                    seen = _glaze(mesh, look, picture, at, distance, seen)
                total += seen * (0.25 * float(count))
                if count > best:
                    best = count
                    kind = _drawn_part(mesh, look, picture, spot)
    light[picture, row, column] = total
    parts[picture, row, column] = wp.uint8(kind)


def shade_pictures(looks: wp.array, mesh: Mesh, *, size_px: int) -> tuple[wp.array, wp.array]:
    """Linear light (B, S, S) of vec3, RGB, and places in `DRAWN_PARTS` (B, S, S) uint8, for pictures of S =
    `size_px`."""
    device = looks.device
    light = wp.empty((looks.shape[0], size_px, size_px), dtype=wp.vec3, device=device)
    parts = wp.empty((looks.shape[0], size_px, size_px), dtype=wp.uint8, device=device)
    wp.launch(_shade, dim=light.shape, inputs=[looks, mesh], outputs=[light, parts], device=device)
    return light, parts
