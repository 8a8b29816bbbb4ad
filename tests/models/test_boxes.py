"""Overlaps of boxes, and which stand for the others."""

import numpy as np

from facsim.models.boxes import outside_heads, overlaps, strongest


def test_overlap_is_intersection_over_union_by_hand():
    one, other = np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 1, 3, 3], [0, 0, 2, 2], [5, 5, 6, 6]])
    assert np.allclose(overlaps(one, other), [[1 / 7, 1, 0]])


def test_an_empty_box_overlaps_nothing():
    assert overlaps(np.array([[1.0, 1, 1, 1]]), np.array([[1.0, 1, 1, 1]]))[0, 0] == 0


def test_of_boxes_in_one_place_the_strongest_stays():
    boxes = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [30, 30, 40, 40]])
    assert strongest(boxes, np.array([0.5, 0.9, 0.7]), overlap=0.4).tolist() == [1, 2]


def test_no_boxes_leave_none():
    assert strongest(np.zeros((0, 4)), np.zeros(0), overlap=0.4).tolist() == []


def test_what_stays_does_not_depend_on_the_order():
    generator = np.random.default_rng(0)
    low = generator.uniform(0, 50, (40, 2))
    boxes = np.concatenate([low, low + generator.uniform(5, 30, (40, 2))], axis=1)
    scores = np.round(generator.random(40), 1)
    order = generator.permutation(40)
    one, other = strongest(boxes, scores, overlap=0.3), strongest(boxes[order], scores[order], overlap=0.3)
    assert np.array_equal(boxes[one], boxes[order][other])


def test_a_box_within_a_stronger_one_goes():
    boxes = np.array([[0.0, 0, 30, 30], [10, 10, 18, 18]])
    assert strongest(boxes, np.array([0.9, 0.8]), overlap=0.4).tolist() == [0, 1]
    assert strongest(boxes, np.array([0.9, 0.8]), overlap=0.4, inside=0.5).tolist() == [0]


def test_a_small_box_on_a_larger_ones_head_is_part_of_it():
    face, ear, hat, far, child = [0, 0, 40, 40], [44, 10, 50, 16], [15, -14, 23, -6], [80, 10, 86, 16], [44, 0, 60, 16]
    boxes = np.array([ear, face, hat, far, child], dtype=float)
    assert outside_heads(boxes, room=0.4, small=0.25).tolist() == [False, True, False, True, True]
    assert outside_heads(boxes, room=0.0, small=0.25).all()


def test_the_largest_box_and_none_are_no_parts():
    boxes = np.array([[0.0, 0, 40, 40], [10, 10, 14, 14], [11, 11, 12, 12]])
    assert outside_heads(boxes, room=0.4, small=0.25).tolist() == [True, False, False]
    assert outside_heads(np.zeros((0, 4)), room=0.4, small=0.25).tolist() == []
