"""Targets of landmarks turn, move and mirror with their crops."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from facsim.learn.labellers.cropping import MIRRORED_68
from facsim.learn.labellers.landmarks import LandmarkTask, landmark_errors
from facsim.models.landmark_outputs import LANDMARK_OUTPUTS, read_outputs

from .drawn_faces import drawn_faces


@pytest.fixture
def faces():
    return drawn_faces()


def batches(task, rows, seeds=range(8)):
    return [task.batch(rows, seed=seed) for seed in seeds]


def quiet(task):
    still = {"strength": 0.0, "windowed": 0.0}
    return replace(task, rough=replace(task.rough, **still), fine=replace(task.fine, **still))


def test_the_points_lie_on_the_eyes_whatever_the_crop(faces):
    task = quiet(LandmarkTask(faces=faces))
    for pictures, targets in batches(task, np.tile(task.training, 2)):
        for picture, points in zip(pictures, targets["points"].numpy(), strict=True):
            eyes = [points[first : first + 6].mean(axis=0) * 64 for first in (36, 42)]
            if min(eye.min() for eye in eyes) < 3 or max(eye.max() for eye in eyes) > 61:
                continue
            places = [picture[:, int(y), int(x)] for x, y in eyes]
            if float((picture[0] - picture[2]).abs().max()) > 0.1:  # not made grey
                assert all(abs(float(place[0] - place[2])) > 0.5 for place in places)


def test_what_is_hidden_is_on_the_other_side_of_a_mirrored_face(faces):
    task = quiet(LandmarkTask(faces=faces))
    _, targets = task.batch(np.tile(task.training, 8), seed=1)
    right = targets["visible"][:, :4].sum(dim=1) == 0
    left = targets["visible"][:, 13:17].sum(dim=1) == 0
    assert right.any() and left.any()
    assert bool((right | left).all())
    # yaw is negated just where the sides are swapped
    assert bool((targets["angles"][right & ~left, 0] > 0).all())
    assert bool((targets["angles"][left & ~right, 0] < 0).all())


def test_the_roll_is_that_of_the_crop(faces):
    faces.columns["yaw_deg"][:] = faces.columns["pitch_deg"][:] = faces.columns["roll_deg"][:] = 0
    task = quiet(LandmarkTask(faces=faces))
    _, targets = task.batch(np.tile(task.training, 4), seed=3)
    points = targets["points"].numpy()
    across = points[:, 42:48].mean(axis=1) - points[:, 36:42].mean(axis=1)
    seen = np.degrees(np.arctan2(across[:, 1], across[:, 0]))
    assert np.allclose(seen, targets["angles"][:, 2], atol=0.2)
    assert np.abs(seen).max() > 5


def test_exact_crops_are_the_same_every_time(faces):
    task = LandmarkTask(faces=faces)
    one, other = (task.batch(task.held_out, seed=None) for _ in range(2))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1]["points"], other[1]["points"])


def test_right_outputs_cost_less_than_wrong_ones(faces):
    task = LandmarkTask(faces=faces)
    _, targets = task.batch(task.training, seed=0)
    outputs = torch.zeros(len(task.training), LANDMARK_OUTPUTS)
    right = outputs.clone()
    right[:, :136] = ((targets["points"] - 0.5) / 0.25).flatten(1)
    right[:, 136:204] = targets["visible"] * 8 - 4
    right[:, 272:] = targets["angles"] / 45
    assert torch.allclose(read_outputs(right).points, targets["points"], atol=1e-5)
    assert float(task.loss(right, targets)) < 0.1 * float(task.loss(outputs, targets))


def test_examining_right_outputs_finds_no_error(faces):
    task = LandmarkTask(faces=faces)
    _, targets = task.batch(task.held_out, seed=None)
    right = torch.zeros(len(task.held_out), LANDMARK_OUTPUTS)
    right[:, :136] = ((targets["points"] - 0.5) / 0.25).flatten(1)
    right[:, 136:204] = targets["visible"] * 8 - 4
    right[:, 272:] = targets["angles"] / 45
    scores = task.examine({"outputs": right.numpy()})
    assert scores["nme_68"] < 1e-4
    assert scores["hidden_f1"] == 1
    assert scores["yaw_mae_deg"] < 1e-3


def test_the_error_is_a_share_of_the_distance_between_the_eyes_corners(faces):
    points = faces.columns["landmarks_68"][:1].astype(float)
    apart = np.linalg.norm(points[0, 36] - points[0, 45])
    assert np.allclose(landmark_errors(points + np.array([3.0, 4.0]), points), 5 / apart)


def test_mirroring_points_twice_changes_nothing():
    assert np.array_equal(MIRRORED_68[MIRRORED_68], np.arange(68))
