"""Pictures composed of faces say where the faces are."""

import numpy as np
import pytest
import torch

from facsim.learn.labellers.composites import compose, photographed
from facsim.learn.labellers.detector import DetectTask, matched_faces
from facsim.models.detect_net import BOX_UNIT_PX, CELL_PX, DetectNet, DetectNetConfig, read_boxes

from .drawn_faces import drawn_faces


@pytest.fixture
def faces():
    return drawn_faces()


def test_the_eyes_of_each_composed_face_lie_in_its_box(faces):
    found = 0
    for seed in range(60):
        one = compose(faces, 0, np.arange(12), size_px=128, generator=np.random.default_rng(seed))
        assert one.picture.shape == (128, 128, 3)
        for left, top, right, bottom in np.clip(one.boxes, 0, 128).round().astype(int):
            part = one.picture[top:bottom, left:right].astype(int)
            if part.size and min(part.shape[:2]) > 24:
                found += bool(((part[..., 2] - part[..., 0] > 100) | (part[..., 0] - part[..., 2] > 150)).any())
    assert found >= 30


def test_there_are_pictures_with_no_face_and_with_several(faces):
    drawn = [compose(faces, 0, np.arange(12), size_px=64, generator=np.random.default_rng(s)) for s in range(80)]
    counts = {len(one.boxes) for one in drawn}
    assert {0, 1, 2, 3} <= counts


def test_a_composite_is_a_function_of_its_seed(faces):
    task = DetectTask(faces=faces)
    one, other = (task.composites(task.training, seed=5) for _ in range(2))
    assert all(np.array_equal(a.picture, b.picture) for a, b in zip(one, other, strict=True))


def test_what_is_examined_does_not_depend_on_the_other_rows(faces):
    task = DetectTask(faces=faces)
    whole, alone = task.composites(task.held_out, seed=None), task.composites(task.held_out[1:2], seed=None)
    assert np.array_equal(whole[1].picture, alone[0].picture)


def test_a_worse_camera_keeps_the_pictures_shape(faces):
    for seed in range(40):
        found = photographed(faces.pictures[0], np.random.default_rng(seed))
        assert found.shape == (64, 64, 3) and found.dtype == np.uint8


def outputs_for(targets):
    """What a network that is right would give."""
    return torch.cat([(targets["middle"] * 24 - 10)[:, None], targets["boxes"]], dim=1)


def test_right_maps_cost_little_and_find_every_face(faces):
    task = DetectTask(faces=faces)
    rows = np.tile(task.held_out, 4)
    _, targets = task.batch(rows, seed=None)
    right = outputs_for(targets)
    assert float(task.loss(right, targets)) < 0.01 * float(task.loss(torch.zeros_like(right), targets))
    scores, boxes = read_boxes(right)
    said = [box[score > 0.5].numpy() for score, box in zip(scores, boxes, strict=True)]
    found = matched_faces(said, [one.boxes for one in task.composites(rows, seed=None)])
    assert found["recall"] > 0.95 and found["precision"] > 0.95 and found["mean_overlap"] > 0.95


def test_an_examination_of_right_maps_finds_the_faces_and_nothing_else(faces):
    task = DetectTask(faces=faces)
    _, targets = task.batch(task.held_out, seed=None)
    found = task.examine({"outputs": outputs_for(targets).numpy()})
    assert found["recall"] > 0.8 and found["precision"] > 0.95 and found["mean_overlap"] > 0.95


def test_a_box_is_read_about_its_cells_middle():
    maps = torch.zeros(1, 5, 4, 4)
    maps[0, :, 1, 2] = torch.tensor([20.0, 0.25, 0.0, 0.0, np.log(0.5)])
    scores, boxes = read_boxes(maps)
    middle = 2.5 * CELL_PX + 0.25 * BOX_UNIT_PX, 1.5 * CELL_PX
    half = BOX_UNIT_PX / 2, BOX_UNIT_PX / 4
    expected = [middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]]
    assert torch.allclose(boxes[0, 1, 2], torch.tensor(expected))
    assert scores[0, 1, 2] > 0.99


def test_the_network_takes_any_multiple_of_32_px():
    network = DetectNet(DetectNetConfig(widths=(4, 4, 8, 8), neck=8)).eval()
    assert network(torch.zeros(2, 3, 96, 160)).shape == (2, 5, 12, 20)


def test_a_box_counts_for_one_face_only():
    true = [np.array([[0.0, 0, 10, 10], [20, 0, 30, 10]])]
    said = [np.array([[0.0, 0, 10, 10], [1, 0, 10, 10]])]
    assert matched_faces(said, true) == {"recall": 0.5, "precision": 0.5, "mean_overlap": 1.0}
