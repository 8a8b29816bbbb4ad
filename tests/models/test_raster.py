"""Visibility of hand-made triangles."""

from itertools import pairwise

import numpy as np
import pytest
import warp as wp

from facsim.models.raster import EMPTY, Ends, Faces, rasterise, vertex_fans

SIDE = 16


def look(points: list[tuple[float, float, float]], triangles: list[tuple[int, int, int]], kind: int = 1) -> np.ndarray:
    """What each sample of a 16 x 16 grid sees: the triangle, or -1."""
    faces = Faces()
    faces.triangles = wp.array(np.array(triangles, dtype=np.int32), dtype=wp.vec3i, device="cpu")
    faces.kinds = wp.array(np.full(len(triangles), kind, dtype=np.uint8), device="cpu")
    faces.uv = wp.zeros(len(points), dtype=wp.vec2, device="cpu")
    screen = wp.array(np.array([points], dtype=np.float32), dtype=wp.vec3, device="cpu")
    visible = rasterise(screen, faces, Ends(), side=SIDE, grid=0).numpy()[0]
    return np.where(visible >= EMPTY, -1, visible & 0xFFFFFFFF)


SQUARE = [(2.0, 2.0, 0.5), (2.0, 12.0, 0.5), (12.0, 12.0, 0.5), (12.0, 2.0, 0.5)]


def test_two_triangles_cover_their_square_without_a_crack() -> None:
    seen = look(SQUARE, [(0, 1, 2), (0, 2, 3)])
    inside = np.zeros((SIDE, SIDE), dtype=bool)
    inside[2:12, 2:12] = True
    assert ((seen >= 0) == inside).all()


def test_the_nearer_triangle_wins_whatever_the_order() -> None:
    near = [(x, y, 0.25) for x, y, _ in SQUARE]
    front_last = look(SQUARE + near, [(0, 1, 2), (4, 5, 6)])
    front_first = look(SQUARE + near, [(4, 5, 6), (0, 1, 2)])
    assert (front_last[front_last >= 0] == 1).all()
    assert (front_first[front_first >= 0] == 0).all()


def test_a_tie_in_depth_goes_to_the_lower_number() -> None:
    seen = look(SQUARE + SQUARE, [(0, 1, 2), (4, 5, 6)])
    assert (seen[seen >= 0] == 0).all()


@pytest.mark.parametrize(("kind", "drawn"), [(0, False), (1, True)])
def test_the_back_of_a_triangle_is_drawn_only_where_asked(kind: int, drawn: bool) -> None:
    assert (look(SQUARE, [(2, 1, 0)], kind).max() >= 0) == drawn


def test_what_lies_outside_the_depth_range_is_not_seen() -> None:
    beyond = [(x, y, 1.5) for x, y, _ in SQUARE]
    assert look(beyond, [(0, 1, 2)]).max() == -1


def test_fans_list_the_triangles_round_each_vertex() -> None:
    first, fans = vertex_fans(np.array([[0, 1, 2], [0, 2, 3]]), 4)
    assert [sorted(fans[a:b].tolist()) for a, b in pairwise(first)] == [
        [0, 1],
        [0],
        [0, 1],
        [1],
    ]
