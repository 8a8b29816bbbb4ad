"""facsim.models.face_finder: which of a detector's boxes are faces."""

import numpy as np

from facsim.models.face_finder import faces_among

SETTINGS = {"least_score": 0.35, "overlap": 0.4, "inside": 0.45}
HEAD, NEIGHBOUR, EAR = [20.0, 20.0, 120.0, 120.0], [300.0, 20.0, 380.0, 100.0], [125.0, 60.0, 140.0, 80.0]


def test_the_strongest_box_of_a_place_is_a_face_and_a_part_of_its_head_is_none():
    shifted = [edge + 6.0 for edge in HEAD]
    boxes = np.array([shifted, NEIGHBOUR, HEAD, EAR])
    assert faces_among(np.array([0.6, 0.7, 0.9, 0.8]), boxes, SETTINGS).tolist() == [2, 1]


def test_a_weak_box_is_no_face_and_hides_none():
    boxes, scores = np.array([HEAD, EAR]), np.array([0.3, 0.8])
    assert faces_among(scores, boxes, SETTINGS).tolist() == [1]
    assert faces_among(scores, boxes, SETTINGS | {"least_score": 0.2}).tolist() == [0]


def test_scores_count_to_a_ten_thousandth():
    assert faces_among(np.array([0.349996]), np.array([HEAD]), SETTINGS).tolist() == [0]
    assert faces_among(np.zeros(0), np.zeros((0, 4)), SETTINGS).tolist() == []
