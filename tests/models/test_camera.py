"""Signs of pose, projection and framing, on points worked out by hand."""

import numpy as np

from facsim.models.camera import Camera, View, frame_face, place_head, project_points, rotation_matrix

AHEAD = np.array([0.0, 0.0, 1.0])
UP = np.array([0.0, 1.0, 0.0])
MIRROR = np.diag([-1.0, 1.0, 1.0])


def test_positive_yaw_turns_the_nose_to_the_right_of_the_picture() -> None:
    assert (rotation_matrix(30.0, 0.0, 0.0) @ AHEAD)[0] > 0.49


def test_positive_pitch_looks_up() -> None:
    assert (rotation_matrix(0.0, 30.0, 0.0) @ AHEAD)[1] > 0.49


def test_positive_roll_tips_the_crown_to_the_right_of_the_picture() -> None:
    assert (rotation_matrix(0.0, 0.0, 30.0) @ UP)[0] > 0.49


def test_mirroring_negates_yaw_and_roll() -> None:
    flipped = MIRROR @ rotation_matrix(20.0, 10.0, 5.0) @ MIRROR
    np.testing.assert_allclose(flipped, rotation_matrix(-20.0, 10.0, -5.0), atol=1e-12)


def test_the_neck_keeps_its_place_when_the_head_turns() -> None:
    pivot = np.array([[0.0, -0.75, -0.75]])
    np.testing.assert_allclose(place_head(pivot, rotation_matrix(40.0, 10.0, 5.0)), pivot)


def test_a_point_projects_where_the_formula_says() -> None:
    view = View(turn=np.eye(3), torso_turn=np.eye(3), distance=10.0, focal=100.0, centre_x=50.0, centre_y=60.0)
    np.testing.assert_allclose(project_points(np.array([[1.0, 2.0, 5.0]]), view), [[70.0, 20.0]])


def test_the_landmarks_fill_the_share_of_the_picture_that_was_asked_for() -> None:
    points = np.random.default_rng(0).normal(0.0, 0.4, (68, 3))
    camera = Camera(yaw_deg=20.0, crop_scale=1.25)
    view = frame_face(camera, points, size_px=100)
    flat = project_points(place_head(points, view.turn), view)
    np.testing.assert_allclose(np.ptp(flat, axis=0).max(), 80.0)
    np.testing.assert_allclose((flat.min(axis=0) + flat.max(axis=0)) / 2.0, 50.0)
