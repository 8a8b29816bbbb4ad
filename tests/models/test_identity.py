"""Identities: drawn reproducibly, visibly different, a little asymmetric, and refused where they make no sense."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.models.head import load_head
from facsim.models.identity import Identity, list_sliders, sample_identity
from facsim.models.landmarks import landmarks_68

EUROPEAN = (0.0, 0.0, 1.0)


def draw(seed: int, **changes) -> Identity:
    asked = {"age_years": 30.0, "gender": 0.5, "ancestry": EUROPEAN} | changes
    return sample_identity(np.random.default_rng(seed), **asked)


def test_the_same_seed_gives_the_same_identity():
    assert draw(1) == draw(1) and hash(draw(1)) == hash(draw(1)) and draw(1) != draw(2)


def test_an_identity_survives_json():
    who = draw(3)
    stored = json.loads(json.dumps(asdict(who)))
    assert Identity(**{**stored, "ancestry": tuple(stored["ancestry"])}) == who


def test_people_of_one_kind_differ_by_millimetres():
    head = load_head()
    faces = [landmarks_68(head, head.pose_vertices(draw(seed), {})) for seed in range(6)]
    for i in range(6):
        for j in range(i):
            assert np.linalg.norm(faces[i] - faces[j], axis=1).mean() > 0.015


def test_a_face_is_a_little_asymmetric():
    head = load_head()
    vertices = head.pose_vertices(draw(4), {})
    crooked = np.abs(vertices[head.arrays["mirror"]] * [-1, 1, 1] - vertices).max()
    assert 0.002 < crooked < 0.2


def test_a_child_is_smaller_and_an_adult_man_larger_than_a_woman():
    head = load_head()

    def height(**changes):
        points = landmarks_68(head, head.pose_vertices(Identity(ancestry=EUROPEAN, **changes), {}))
        return points[27, 1] - points[8, 1]

    assert height(age_years=6, gender=0.0) < height(age_years=30, gender=0.0) < height(age_years=30, gender=1.0)


def test_ancestry_changes_the_face():
    head = load_head()
    corners = [head.pose_vertices(Identity(age_years=30, gender=0.5, ancestry=tuple(row)), {}) for row in np.eye(3)]
    assert np.abs(corners[0] - corners[1]).max() > 0.05 and np.abs(corners[1] - corners[2]).max() > 0.05


def test_sliders_with_several_axes_are_kept_apart():
    names = ["nose-trans-up", "nose-trans-down", "nose-trans-in", "nose-trans-out", "nose-hump-incr", "nose-hump-decr"]
    assert list_sliders(names) == {
        "nose-trans-up": ("nose-trans-down", "nose-trans-up"),
        "nose-trans-out": ("nose-trans-in", "nose-trans-out"),
        "nose-hump": ("nose-hump-decr", "nose-hump-incr"),
    }


def test_every_slider_that_is_sampled_exists():
    sliders = list_sliders(str(name) for name in load_head().arrays["target_names"])
    assert set(draw(5).shape) <= set(sliders)


def test_an_unknown_slider_is_answered_with_the_nearest():
    who = Identity(age_years=30, gender=0.5, ancestry=EUROPEAN, shape={"nose-humps": 0.5})
    with pytest.raises(FacsimError, match='"nose-hump"'):
        load_head().pose_vertices(who, {})


@pytest.mark.parametrize("wrong", [{"age_years": 2.0}, {"gender": 1.2}, {"ancestry": (0.5, 0.5, 0.5)}])
def test_an_identity_out_of_range_is_refused(wrong):
    with pytest.raises(FacsimError, match="expected"):
        Identity(**({"age_years": 30.0, "gender": 0.5, "ancestry": EUROPEAN} | wrong))
