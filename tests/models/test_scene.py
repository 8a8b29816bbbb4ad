"""Scenes are plain values."""

import json
from dataclasses import asdict

import numpy as np

from facsim.models.casting import sample_person
from facsim.models.identity import Identity
from facsim.models.scene import Scene, mirror_scene
from facsim.models.staging import sample_scene

IDENTITY = Identity(age_years=30.0, gender=0.2, ancestry=(0.0, 0.0, 1.0))


def stage(seed: int) -> Scene:
    generator = np.random.default_rng(seed)
    person = sample_person(generator, IDENTITY, skin_tone_monk=4)
    return sample_scene(generator, identity=IDENTITY, action_units={"12L": 3.0, "6R": 2.0}, person=person)


def test_a_sampled_scene_travels_as_json() -> None:
    scene = stage(1)
    assert json.loads(json.dumps(asdict(scene)))["camera"]["yaw_deg"] == scene.camera.yaw_deg


def test_the_same_generator_gives_the_same_scene() -> None:
    assert stage(5) == stage(5)


def test_mirroring_twice_changes_nothing() -> None:
    scene = stage(2)
    assert mirror_scene(mirror_scene(scene)) == scene


def test_mirroring_swaps_the_sides_of_action_units() -> None:
    assert mirror_scene(stage(3)).action_units == {"12R": 3.0, "6L": 2.0}
