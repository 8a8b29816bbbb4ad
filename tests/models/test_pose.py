"""Angles of heads in turned pictures."""

import numpy as np

from facsim.models.camera import rotation_matrix
from facsim.models.pose import angles_of, turned_angles, turns_of


def some_angles(count=50):
    return np.random.default_rng(0).uniform(-1, 1, (count, 3)) * [70, 50, 60]


def test_turns_are_those_of_the_camera():
    angles = some_angles(5)
    assert np.allclose(turns_of(angles), [rotation_matrix(*row) for row in angles])


def test_angles_come_back_from_their_turns():
    angles = some_angles()
    assert np.allclose(angles_of(turns_of(angles)), angles)


def test_of_a_frontal_head_turning_the_picture_is_roll_alone():
    assert np.allclose(turned_angles(np.array([[0.0, 0.0, 5.0]]), np.array([20.0])), [[0, 0, 25]])


def test_turning_a_picture_there_and_back_changes_nothing():
    angles = some_angles()
    assert np.allclose(turned_angles(turned_angles(angles, np.full(50, 30.0)), np.full(50, -30.0)), angles)


def test_the_nose_of_a_turned_picture_points_where_the_pictures_nose_is_turned_to():
    """A picture turned clockwise by a quarter: what pointed right points down, so yaw becomes negative pitch."""
    found = turned_angles(np.array([[30.0, 0.0, 0.0]]), np.array([90.0]))
    assert np.allclose(found[0, :2], [0, -30], atol=1e-6)
