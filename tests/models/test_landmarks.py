"""Landmarks lie where iBUG's numbering says, on the skin, and mirror with the face."""

import numpy as np
import pytest

from facsim.models.head import load_head
from facsim.models.identity import Identity
from facsim.models.landmarks import find_landmarks, landmarks_5, landmarks_68

PLAIN = Identity(age_years=30, gender=0.5, ancestry=(0.0, 0.0, 1.0))
MIRRORED = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1), 45, 44, 43, 42, 47, 46]
MIRRORED += [39, 38, 37, 36, 41, 40, *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65]


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    head = load_head()
    return landmarks_68(head, head.pose_vertices(PLAIN, {}))


def test_jaw_brows_and_lips_run_from_the_subjects_right_to_the_left(points):
    for run in (range(1, 16), range(17, 27), range(31, 36), range(48, 55), range(60, 65)):
        assert np.all(np.diff(points[list(run), 0]) > 0), run


def test_lower_lips_run_back_from_left_to_right(points):
    for run in (range(54, 60), range(64, 68)):
        assert np.all(np.diff(points[list(run), 0]) < 0), run


def test_brows_eyes_nose_mouth_and_chin_follow_each_other_downwards(points):
    heights = [points[rows, 1].mean() for rows in (range(17, 27), range(36, 48), [30], [33], [51], [57], [8])]
    assert np.all(np.diff(heights) < 0)


def test_the_tip_of_the_nose_is_the_foremost_landmark(points):
    assert points[:, 2].argmax() == 30


def test_upper_lid_points_lie_above_lower_ones(points):
    assert (points[[37, 38, 43, 44], 1] > points[[41, 40, 47, 46], 1]).all()


def test_landmarks_of_a_symmetric_face_are_mirror_images(points):
    assert np.abs(points[MIRRORED] * [-1, 1, 1] - points).max() < 1e-4


def test_landmarks_are_points_of_triangles():
    corners, shares = find_landmarks(load_head())
    assert corners.shape == shares.shape == (68, 3)
    assert shares.min() > -1e-5 and np.allclose(shares.sum(axis=1), 1.0, atol=1e-5)


def test_five_points_name_the_subjects_sides(points):
    head = load_head()
    left_eye, right_eye, nose, left_mouth, right_mouth = landmarks_5(head, head.pose_vertices(PLAIN, {}))
    assert left_eye[0] > nose[0] > right_eye[0] and left_mouth[0] > right_mouth[0]
    assert np.array_equal(nose, points[30])
