"""Part maps are learnt as they are drawn, sides included."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from facsim.label_maps import PART_NAMES
from facsim.learn.labellers.parsing import MERGED, PARSED_PARTS, ParseTask, part_overlaps
from facsim.models.parse_net import ParseNet, ParseNetConfig

from .drawn_faces import drawn_faces

LEFT, RIGHT = PARSED_PARTS.index("eye_left"), PARSED_PARTS.index("eye_right")


@pytest.fixture
def faces():
    return drawn_faces()


def task_of(faces):
    task = ParseTask(faces=faces, weights=np.ones(len(PARSED_PARTS), dtype=np.float32))
    return replace(task, crop=replace(task.crop, strength=0.0, windowed=0.0, jitter=0.0))


def test_every_part_is_learnt_or_goes_with_another_that_is():
    assert set(PARSED_PARTS) | set(MERGED) == set(PART_NAMES)
    assert set(MERGED.values()) <= set(PARSED_PARTS)


def test_the_subjects_left_eye_is_at_the_right_mirrored_or_not(faces):
    task = task_of(faces)
    _, parts = task.batch(np.tile(task.training, 4), seed=2)
    for one in parts:
        left, right = (torch.nonzero(one == part)[:, 1].float().mean() for part in (LEFT, RIGHT))
        assert left > right


def test_overlaps_by_hand():
    true = np.zeros((1, 2, 4), dtype=np.int64)
    true[0, :, 2:] = 1
    said = true.copy()
    said[0, 0, 1] = 1
    found = part_overlaps(said, true)
    assert np.isclose(found[f"iou_{PARSED_PARTS[0]}"], 3 / 4)
    assert np.isclose(found[f"iou_{PARSED_PARTS[1]}"], 4 / 5)
    assert np.isclose(found["mean_iou"], (3 / 4 + 4 / 5) / 2)


def test_right_maps_cost_nothing(faces):
    task = task_of(faces)
    _, parts = task.batch(task.held_out, seed=None)
    right = 30 * torch.nn.functional.one_hot(parts, len(PARSED_PARTS)).permute(0, 3, 1, 2).float()
    assert float(task.loss(right, parts)) < 1e-3
    assert task.examine({"outputs": right.numpy()})["mean_iou"] == 1


def test_the_network_gives_a_map_of_the_pictures_size():
    network = ParseNet(ParseNetConfig(classes=5, widths=(4, 8, 8), neck=8)).eval()
    assert network(torch.zeros(2, 3, 56, 56)).shape == (2, 5, 56, 56)
