"""Landmarks of the rows that stay: means, what can be seen, and checks that fail where indices or sizes are wrong."""

import numpy as np
import pyarrow as pa
import pytest

from facsim.report.landmarks import landmark_batches, landmarks
from facsim.report.rows import rows_of


def batch(points, *, width=64, height=64, **more):
    """A batch of rows with these landmarks (a list of (68, 2), or None)."""
    columns = {
        "landmarks_68": pa.array([None if row is None else row.ravel().tolist() for row in points]),
        "width_px": pa.array([width] * len(points)),
        "height_px": pa.array([height] * len(points)),
        **{name: pa.array(values) for name, values in more.items()},
    }
    return pa.RecordBatch.from_pydict(columns)


def test_landmarks_of_an_upright_face_pass_every_check(run):
    rows = rows_of(run)
    found = landmarks(landmark_batches(run, rows), rows.kept)
    assert [check.passed for check in found.checks] == [38, 38, 38]
    assert found.visible == pytest.approx(0.97, abs=0.02)


def test_mirrored_landmark_indices_fail_the_check_of_the_eyes(face_points):
    mirrored = face_points.copy()
    mirrored[36:48] = face_points[[*range(42, 48), *range(36, 42)]]
    found = landmarks([batch([mirrored])], np.array([True]))
    assert {check.name: check.passed for check in found.checks} == {
        "all 68 lie inside the picture": 1,
        "the subject's right eye is left of the left eye, as seen": 0,
        "the mouth is below the eyes": 1,
    }


def test_a_landmark_outside_the_picture_is_found(face_points):
    assert landmarks([batch([face_points], width=50)], np.array([True])).checks[0].passed == 0


def test_batches_together_say_what_numpy_says_of_what_stays_and_has_landmarks(face_points):
    generator = np.random.default_rng(0)
    points = [face_points + generator.normal(0, 2, (68, 2)) for _ in range(9)]
    batches = [batch(points[:4]), batch([*points[4:], None])]
    kept = np.array([True, False, True, True, True, True, False, True, True, True])
    found = landmarks(batches, kept)
    expected = np.stack([one for one, stays in zip(points, kept[:9], strict=True) if stays]) / 64
    assert found.n == 7 and found.visible is None
    assert np.allclose(found.mean, expected.mean(axis=0), atol=1e-5)
    assert np.allclose(found.sd, expected.std(axis=0), atol=1e-5)


def test_what_can_be_seen_is_counted_of_the_rows_that_say(face_points):
    seen = [[True] * 68, [False] * 34 + [True] * 34, None]
    found = landmarks([batch([face_points] * 3, landmarks_68_visible=seen)], np.array([True, True, True]))
    assert found.n == 3 and found.visible == 0.75


@pytest.mark.parametrize("kept", [True, False])
def test_of_rows_without_landmarks_nothing_is_said(kept):
    assert landmarks([batch([None])], np.array([kept])) is None
    assert landmarks([], np.zeros(0, dtype=bool)) is None
