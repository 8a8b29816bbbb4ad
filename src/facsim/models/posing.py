"""Where the vertices of a batch stand in the world, on the screen and in the light's depth map: one Warp kernel."""

# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportAssignmentType=false, reportGeneralTypeIssues=false, reportInvalidTypeForm=false

from dataclasses import dataclass

import warp as wp

from facsim.models.materials import Look
from facsim.models.raster import SAMPLES_PER_AXIS

__all__ = ["SHADOW_SIDE", "Placed", "place_vertices"]

wp.set_module_options({"enable_backward": False})

SHADOW_SIDE = 256
"""Samples along a side of the light's depth map."""


@wp.kernel
def _place(
    looks: wp.array(dtype=Look),
    points: wp.array2d(dtype=wp.vec3),
    torso: wp.array(dtype=wp.float32),
    samples: float,
    shadow_side: float,
    world: wp.array2d(dtype=wp.vec3),
    screen: wp.array2d(dtype=wp.vec3),
    lit: wp.array2d(dtype=wp.vec3),
):
    picture, vertex = wp.tid()
    look = looks[picture]
    away = points[picture, vertex] - look.pivot
    share = torso[vertex]
    place = look.pivot + (look.turn * away) * (1.0 - share) + (look.torso_turn * away) * share
    world[picture, vertex] = place
    distance = wp.max(look.distance - place[2], 0.5 * look.near)
    scale = samples * look.focal / distance
    screen[picture, vertex] = wp.vec3(
        samples * look.centre_x + scale * place[0],
        samples * look.centre_y - scale * place[1],
        1.0 - look.near / distance,
    )
    local = look.key_frame * (place - look.shadow_centre)
    x = (local[0] / look.shadow_half * 0.5 + 0.5) * shadow_side
    y = (0.5 - local[1] / look.shadow_half * 0.5) * shadow_side
    lit[picture, vertex] = wp.vec3(x, y, 0.5 - local[2] / (4.0 * look.shadow_half))


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """Vertices (B, V) of vec3: in the world, on the screen in samples, and in the light's depth map."""

    world: wp.array
    screen: wp.array
    lit: wp.array


def place_vertices(looks: wp.array, points: wp.array, torso: wp.array, *, size_px: int) -> Placed:
    """Place `points` (B, V) of vec3, head coordinates; `torso` (V,) is `torso_shares`."""
    placed = Placed(world=wp.empty_like(points), screen=wp.empty_like(points), lit=wp.empty_like(points))
    wp.launch(
        _place,
        dim=points.shape,
        inputs=[looks, points, torso, float(SAMPLES_PER_AXIS), float(SHADOW_SIDE)],
        outputs=[placed.world, placed.screen, placed.lit],
        device=points.device,
    )
    return placed
