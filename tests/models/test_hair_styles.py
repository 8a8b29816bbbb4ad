"""Every style is drawn, and hair goes under hats and scarves."""

from dataclasses import replace

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.models.appearance import Hair
from facsim.models.camera import Camera
from facsim.models.drawing import draw
from facsim.models.hair import COLUMNS, ROWS, HairShell, bind_shell, drape_hair
from facsim.models.hair_styles import BRIM_HEIGHT, HAIR_STYLES, PRESSED_LIFT_DM, hide_hair, style_hair, tuck_hair
from facsim.models.head import PARTS, Head, load_head
from facsim.models.identity import Identity
from facsim.models.scene import Scene, Sensor, mirror_scene
from facsim.models.scene_text import read_scene, write_scene

BUSHY = Hair(length_dm=1.5, lift_dm=0.4, curl=0.9, fringe=0.8)

PLAIN = Identity(age_years=30.0, gender=0.5, ancestry=(0.0, 0.0, 1.0))
HAIR_PART = PARTS.index("hair") + 1


def scene_of(hair: Hair, *, yaw_deg: float = 0.0) -> Scene:
    camera = Camera(yaw_deg=yaw_deg, crop_scale=1.9, shift_y=0.1)
    return Scene(identity=PLAIN, hair=hair, camera=camera, sensor=Sensor(noise=0.0, jpeg_quality=None), seed=5)


def hair_share(hair: Hair) -> float:
    return float((draw([scene_of(hair)], size_px=64)[0].parts == HAIR_PART).mean())


@pytest.mark.parametrize("style", [style for style in HAIR_STYLES if style != "shaved"])
def test_every_style_draws_hair_and_leaves_a_face(style: str) -> None:
    assert 0.02 < hair_share(style_hair(style)) < 0.6


def test_a_shaved_head_shows_no_hair() -> None:
    assert hair_share(style_hair("shaved")) == 0.0


@pytest.mark.parametrize("style", ["side part", "long curly", "braids", "ponytail"])
def test_a_mirrored_scene_is_the_mirrored_picture(style: str) -> None:
    scene = scene_of(replace(style_hair(style), parting=0.7), yaw_deg=25.0)
    plain, other = (one.picture.astype(int) for one in draw([scene, mirror_scene(scene)], size_px=128))
    assert np.abs(plain - other[:, ::-1]).mean() < 3.5  # the samples of a pixel are not symmetric


def test_styles_survive_json() -> None:
    for number, style in enumerate(HAIR_STYLES):
        scene = scene_of(style_hair(style, np.random.default_rng(number)))
        assert read_scene(write_scene(scene)) == scene


def test_an_unknown_style_is_named_with_those_known() -> None:
    with pytest.raises(FacsimError, match=r"mohican.*buzz cut"):
        style_hair("mohican")


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


@pytest.fixture(scope="module")
def shell(head: Head) -> HairShell:
    return bind_shell(head.rest, head.triangles, head.masks["ears"], head.arrays["mirror"])


def drape(shell: HairShell, head: Head, hair: Hair) -> np.ndarray:
    return drape_hair(shell, head.rest, hair, np.random.default_rng(0))[: (COLUMNS + 1) * ROWS]


def test_tucked_hair_lies_flat_above_the_brim_and_still_hangs_below(shell: HairShell, head: Head) -> None:
    points = drape(shell, head, tuck_hair(BUSHY))
    scalp = drape(shell, head, tuck_hair(replace(BUSHY, lift_dm=0.0, curl=0.0)))
    above = scalp[:, 1] > BRIM_HEIGHT + 0.1
    assert np.linalg.norm(points - scalp, axis=1)[above].max() < PRESSED_LIFT_DM + 0.02
    assert points[:, 1].min() < -1.0


def test_hidden_hair_has_no_extent(shell: HairShell, head: Head) -> None:
    assert np.ptp(drape(shell, head, hide_hair(BUSHY))) == 0.0
