"""The slots that worn things are drawn in."""

import numpy as np
import pytest

from facsim.models.patches import PATCHES, WORN_STUFFS, count_vertices, fill_patches, find_tube, patch_topology


def test_the_patches_are_few_enough_to_be_carried() -> None:
    assert count_vertices() <= 2500


def test_every_vertex_belongs_to_a_triangle() -> None:
    triangles, places, stuffs = patch_topology()
    assert np.array_equal(np.unique(triangles), np.arange(count_vertices()))
    assert len(places) == count_vertices()
    assert set(stuffs) == set(range(len(WORN_STUFFS)))


def test_a_tube_is_closed_round_and_a_sheet_is_not() -> None:
    _, _, stuffs = patch_topology()
    sheet = PATCHES["sheet"]
    assert (stuffs == WORN_STUFFS.index("sheet")).sum() == 2 * (sheet.columns - 1) * (sheet.rows - 1)
    palm = PATCHES["palm"]
    assert (stuffs == WORN_STUFFS.index("palm")).sum() == 2 * (palm.columns - 1) * palm.rows


def test_a_patch_that_is_not_used_lies_in_one_point() -> None:
    cloth = PATCHES["cloth"]
    points = fill_patches({"cloth": np.ones((cloth.columns, cloth.rows, 3))})
    assert (points == 1.0).all(axis=1).sum() == cloth.columns * cloth.rows
    assert (points == 0.0).all(axis=1).sum() == len(points) - cloth.columns * cloth.rows


def test_a_tube_keeps_its_distance_from_its_path() -> None:
    path = np.column_stack([np.linspace(0.0, 1.0, 5), np.zeros(5), np.zeros(5)])
    tube = find_tube(path, np.full((5, 2), 0.1), 8)
    assert np.linalg.norm(tube - path[:, None], axis=2) == pytest.approx(0.1)
