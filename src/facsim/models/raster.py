"""Visibility of triangle meshes, by Warp kernels: which triangle each sub-pixel sample sees, and how deep.

One thread takes one (picture, triangle) and walks the samples in its bounding box, eight at a time; the nearest
triangle wins by an atomic minimum over `depth bits << 32 | triangle`. A minimum does not depend on order, so the result
has the same bits for every batch, worker count and rerun. Ties in depth go to the lower triangle number.

Samples: `2 S x 2 S` for a picture of S pixels, each pixel's four on a rotated grid, which smooths near-horizontal and
near-vertical edges better than a regular one.
"""

# Warp compiles no tuples to search.
# ruff: noqa: SIM109
# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportAssignmentType=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportInvalidTypeForm=false, reportOperatorIssue=false

import numpy as np
import warp as wp

from facsim.models.coverage import BLOCK, meet_block
from facsim.models.tresses import Ends, strand_kept

__all__ = [
    "BOTH_SIDES",
    "EMPTY",
    "FRONT_ONLY",
    "SAMPLES_PER_AXIS",
    "SHADOWLESS",
    "STRANDS",
    "THIN_STRANDS",
    "Faces",
    "barycentric_at",
    "depth_of",
    "interpolate_normals",
    "rasterise",
    "sample_position",
    "vertex_fans",
]

wp.set_module_options({"enable_backward": False})

SAMPLES_PER_AXIS = 2

FRONT_ONLY = wp.constant(0)
BOTH_SIDES = wp.constant(1)
SHADOWLESS = wp.constant(2)
STRANDS = wp.constant(3)
THIN_STRANDS = wp.constant(4)
"""Kinds of triangles; all but the first are drawn on both sides. The light's depth map leaves out `SHADOWLESS` ones,
which are thinner than its cells. `STRANDS` and `THIN_STRANDS` are drawn only where `strand_kept` finds hair; the light
passes through thin ones, whose shadow is that of the strands beneath."""

EMPTY = 1 << 62
"""What a sample holds that sees no triangle: larger than every packed (depth, triangle)."""

_BOX_SLACK = wp.constant(0.01)
"""Samples by which a triangle's box is grown, so that rounding leaves no crack between neighbours."""


@wp.func
def sample_position(column: int, row: int, grid: int) -> wp.vec2:
    """Where sample (column, row) lies, in units of samples: rotated within its pixel for `grid` 1, at the centre for
    0."""
    x = 0.5
    y = 0.5
    if grid == 1:
        y = 0.25 + 0.5 * float(column % 2)
        x = 0.75 - 0.5 * float(row % 2)
    return wp.vec2(float(column) + x, float(row) + y)


@wp.func
def barycentric_at(a: wp.vec3, b: wp.vec3, c: wp.vec3, p: wp.vec2) -> wp.vec3:
    """The weights of the screen points `a`, `b`, `c` at `p`; they add up to 1 and are negative outside."""
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    u = ((b[0] - p[0]) * (c[1] - p[1]) - (b[1] - p[1]) * (c[0] - p[0])) / area
    v = ((c[0] - p[0]) * (a[1] - p[1]) - (c[1] - p[1]) * (a[0] - p[0])) / area
    return wp.vec3(u, v, 1.0 - u - v)


@wp.func
def depth_of(packed: wp.int64) -> float:
    """The depth, from 0 (near) to 1, that a sample holds; 1 where it is empty."""
    if packed >= wp.int64(EMPTY):
        return 1.0
    return wp.cast(wp.int32(packed >> wp.int64(32)), wp.float32)


@wp.struct
class Faces:
    """Triangles as vertex numbers, anticlockwise from outside; `kinds` says how each is drawn; `uv` per vertex."""

    triangles: wp.array(dtype=wp.vec3i)
    kinds: wp.array(dtype=wp.uint8)
    uv: wp.array(dtype=wp.vec2)


@wp.func
def _first_cell(low: float, margin: float) -> int:
    """The first cell, 0 or more, whose sample lies at `low` or beyond when samples keep `margin` from the borders."""
    return wp.max(wp.max(int(wp.floor(low)), int(wp.ceil(low - 1.0 + margin - _BOX_SLACK))), 0)


@wp.func
def _last_cell(high: float, margin: float, side: int) -> int:
    return wp.min(wp.min(int(wp.floor(high)), int(wp.floor(high - margin + _BOX_SLACK))), side - 1)


@wp.kernel
def _cover(
    screen: wp.array2d(dtype=wp.vec3),
    faces: Faces,
    hair: Ends,
    grid: int,
    visible: wp.array3d(dtype=wp.int64),
):
    picture, t = wp.tid()
    corners = faces.triangles[t]
    kind = int(faces.kinds[t])
    a = screen[picture, corners[0]]
    b = screen[picture, corners[1]]
    c = screen[picture, corners[2]]
    # Screen y runs down, so a triangle that faces the viewer has a negative signed area.
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if wp.abs(area) < 1.0e-9 or (area > 0.0 and kind == FRONT_ONLY):
        return
    if grid == 0 and (kind == THIN_STRANDS or kind == SHADOWLESS):
        return
    # Cells whose sample can lie inside: samples keep `margin` from their cell's border, and most triangles of a small
    # picture lie between samples.
    margin = 0.5
    if grid == 1:
        margin = 0.25
    side = visible.shape[1]
    left = _first_cell(wp.min(a[0], wp.min(b[0], c[0])), margin)
    right = _last_cell(wp.max(a[0], wp.max(b[0], c[0])), margin, side)
    if left > right:
        return
    top = _first_cell(wp.min(a[1], wp.min(b[1], c[1])), margin)
    bottom = _last_cell(wp.max(a[1], wp.max(b[1], c[1])), margin, side)
    if top > bottom:
        return
    inverse = 1.0 / area
    ux = (b[1] - c[1]) * inverse
    uy = (c[0] - b[0]) * inverse
    vx = (c[1] - a[1]) * inverse
    vy = (a[0] - c[0]) * inverse
    u_plane = wp.vec3(ux, uy, a[2])
    v_plane = wp.vec3(vx, vy, b[2])
    store = 1
    if kind >= STRANDS:
        store = 0
    span = wp.vec4i(left, right, grid, store)
    for row in range(top, bottom + 1):
        for column in range(left - left % 2, right + 1, BLOCK):
            met = meet_block(visible, wp.vec4i(picture, row, column, t), span, u_plane, v_plane, c)
            if met != 0 and kind >= STRANDS:
                for lane in range(BLOCK):
                    if (met >> lane) & 1 == 1:
                        p = sample_position(column + lane, row, grid)
                        u = ux * (p[0] - c[0]) + uy * (p[1] - c[1])
                        v = vx * (p[0] - c[0]) + vy * (p[1] - c[1])
                        w = 1.0 - u - v
                        at = faces.uv[corners[0]] * u + faces.uv[corners[1]] * v + faces.uv[corners[2]] * w
                        if strand_kept(hair, picture, at[0], at[1]):
                            bits = wp.cast(u * a[2] + v * b[2] + w * c[2], wp.int32)
                            packed = (wp.int64(bits) << wp.int64(32)) | wp.int64(t)
                            wp.atomic_min(visible, picture, row, column + lane, packed)


@wp.kernel
def _average_normals(
    points: wp.array2d(dtype=wp.vec3),
    triangles: wp.array(dtype=wp.vec3i),
    first: wp.array(dtype=wp.int32),
    fans: wp.array(dtype=wp.int32),
    normals: wp.array2d(dtype=wp.vec3),
):
    picture, vertex = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    for slot in range(first[vertex], first[vertex + 1]):
        corners = triangles[fans[slot]]
        a = points[picture, corners[0]]
        total += wp.cross(points[picture, corners[1]] - a, points[picture, corners[2]] - a)
    normals[picture, vertex] = wp.normalize(total)


def vertex_fans(triangles: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Which triangles touch each vertex: int32 (count + 1,) first slots and int32 (3 T,) triangle numbers."""
    corners = np.asarray(triangles, dtype=np.int64).reshape(-1)
    order = np.argsort(corners, kind="stable")
    first = np.searchsorted(corners[order], np.arange(count + 1))
    return first.astype(np.int32), (order // 3).astype(np.int32)


def interpolate_normals(points: wp.array, triangles: wp.array, fans: tuple[wp.array, wp.array]) -> wp.array:
    """Unit normals (B, V) of vec3: the area-weighted mean over the triangles that touch each vertex of `points` (B,
    V)."""
    normals = wp.empty_like(points)
    wp.launch(
        _average_normals,
        dim=points.shape,
        inputs=[points, triangles, fans[0], fans[1]],
        outputs=[normals],
        device=points.device,
    )
    return normals


def rasterise(screen: wp.array, faces: Faces, hair: Ends, *, side: int, grid: int) -> wp.array:
    """What each sample sees: int64 (B, side, side), `EMPTY` or `depth bits << 32 | triangle`.

    `screen`: (B, V) of vec3, x to the right and y down in units of samples, depth from 0 (near) to 1, affine on the
    screen. `hair`: how the ends of `STRANDS` are drawn, per picture. `grid`: 1 for the rotated grid of
    pictures, 0 for the light's depth map, with samples in the middle of their cells.
    """
    visible = wp.full((screen.shape[0], side, side), value=EMPTY, dtype=wp.int64, device=screen.device)
    wp.launch(
        _cover,
        dim=(screen.shape[0], faces.triangles.shape[0]),
        inputs=[screen, faces, hair, grid],
        outputs=[visible],
        device=screen.device,
    )
    return visible
