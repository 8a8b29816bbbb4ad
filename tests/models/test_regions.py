"""Regions of the face: soft, in range, in place, mirrored."""

import numpy as np
import pytest

from facsim.models.head import load_head

NAMES = ["brow_left", "brow_right", "lips", "eyelids", "scalp", "beard", "cheek_left", "nose", "ears", "forehead"]
NAMES += ["glabella", "crow_feet_right", "nasolabial_left", "nose_bridge", "chin", "undereye_left", "neck", "torso"]


@pytest.mark.parametrize("name", NAMES)
def test_a_region_is_filled_and_lies_between_0_and_1(name):
    mask = load_head().masks[name]
    assert mask.dtype == np.float32 and mask.min() >= 0.0 and 0.6 < mask.max() <= 1.0


@pytest.mark.parametrize("name", ["brow", "cheek", "crow_feet", "nasolabial", "undereye"])
def test_left_and_right_of_a_region_are_mirror_images(name):
    head = load_head()
    left, right = head.masks[f"{name}_left"], head.masks[f"{name}_right"]
    off_middle = np.abs(head.rest[:, 0]) > 1e-4
    assert np.abs(left[head.arrays["mirror"]] - right)[off_middle].max() < 1e-4


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ("forehead", "brow"),
        ("brow", "eyelids"),
        ("nose", "lips"),
        ("lips", "chin"),
        ("neck", "torso"),
    ],
)
def test_regions_follow_each_other_down_the_face(upper, lower):
    head = load_head()
    above, below = (np.average(head.rest[:, 1], weights=head.masks[name]) for name in (upper, lower))
    assert above > below


def test_brows_are_long_and_thin():
    head = load_head()
    brow = head.rest[head.masks["brow_left"] > 0.3]
    spread = np.ptp(brow, axis=0)
    assert spread[0] > 0.3 and spread[1] < 0.13


def test_eyes_and_teeth_belong_to_no_region_of_skin():
    head = load_head()
    inside = np.unique(head.triangles[(head.parts >= 1) & (head.parts <= 4)])
    assert max(head.masks[name][inside].max() for name in head.masks) == 0.0
