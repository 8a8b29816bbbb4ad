"""Worn things in scenes: as text, mirrored, and absent."""

from dataclasses import replace

import numpy as np

from facsim.models.appearance import Hair
from facsim.models.drawing import draw
from facsim.models.identity import Identity
from facsim.models.scene import Scene, Sensor, mirror_scene
from facsim.models.scene_text import read_scene, write_scene
from facsim.models.worn import Glasses, Headwear, Occluder, Worn

PLAIN = Identity(age_years=30.0, gender=0.2, ancestry=(0.0, 0.0, 1.0))
BARE = Scene(identity=PLAIN, hair=Hair(length_dm=0.0), sensor=Sensor(jpeg_quality=None, noise=0.0, blur=0.0))
DRESSED = replace(BARE, worn=Worn(glasses=Glasses(shape="aviator", tint=0.5, gradient=0.4)))


def test_a_dressed_scene_survives_its_text() -> None:
    worn = Worn(
        glasses=Glasses(shape="cat_eye", colour=(0.1, 0.02, 0.3)),
        headwear=Headwear(kind="cap", turn_deg=20.0),
        occluder=Occluder(kind="cup", left=True, x_dm=0.1),
    )
    scene = replace(BARE, worn=worn)
    assert read_scene(write_scene(scene)) == scene


def test_a_bare_scene_has_the_same_bits_beside_a_dressed_one() -> None:
    alone = draw([BARE], size_px=64)[0]
    beside = draw([DRESSED, BARE], size_px=64)[1]
    assert np.array_equal(alone.picture, beside.picture)
    assert np.array_equal(alone.parts, beside.parts)


def test_nothing_worn_hides_nothing() -> None:
    assert draw([BARE], size_px=64)[0].occlusion == 0.0


def test_mirroring_twice_gives_the_scene_back() -> None:
    worn = Worn(headwear=Headwear(kind="cap", turn_deg=20.0), occluder=Occluder(kind="hand_cheek", x_dm=0.2))
    scene = replace(BARE, worn=worn)
    assert mirror_scene(mirror_scene(scene)) == scene
    assert mirror_scene(scene).worn.occluder.left


def test_a_mirrored_pair_of_glasses_is_the_flipped_picture() -> None:
    scene = replace(DRESSED, camera=replace(DRESSED.camera, yaw_deg=20.0, roll_deg=5.0))
    one, other = draw([scene, mirror_scene(scene)], size_px=112)
    apart = np.abs(one.picture[:, ::-1].astype(float) - other.picture.astype(float)).mean(axis=2)
    assert apart.mean() < 4.0
    assert (one.parts[:, ::-1] == other.parts).mean() > 0.95
