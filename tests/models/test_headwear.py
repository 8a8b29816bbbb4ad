"""Headwear: on the head, off the face, over the hair."""

from dataclasses import replace

import numpy as np
import pytest

from facsim.models.appearance import Hair
from facsim.models.camera import frame_face
from facsim.models.drawing import Drawing, draw
from facsim.models.head import load_head
from facsim.models.headwear import fit_headwear, press_hair
from facsim.models.identity import Identity
from facsim.models.landmarks import landmarks_68
from facsim.models.scene import Scene, Sensor, mirror_scene
from facsim.models.shading import DRAWN_PARTS
from facsim.models.studio import open_studio
from facsim.models.worn import Headwear, Worn
from facsim.wearables import HEADWEAR_KINDS, SCARVES

KINDS = HEADWEAR_KINDS[1:]
PEOPLE = {
    "adult": Identity(age_years=35.0, gender=0.3, ancestry=(0.2, 0.3, 0.5)),
    "child": Identity(age_years=6.0, gender=0.6, ancestry=(0.4, 0.4, 0.2)),
}
CLEAN = Sensor(jpeg_quality=None, noise=0.0, blur=0.0)
LONG = Hair(length_dm=1.6, lift_dm=0.25)


def wearing(kind: str, who: str = "adult", hair: Hair = LONG) -> Scene:
    scene = Scene(identity=PEOPLE[who], hair=hair, sensor=CLEAN, worn=Worn(headwear=Headwear(kind=kind)))
    return replace(scene, camera=replace(scene.camera, crop_scale=1.7, shift_y=0.1))


def part(drawing: Drawing, name: str) -> np.ndarray:
    return drawing.parts == DRAWN_PARTS.index(name)


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_and_leaves_the_face_free(kind: str, who: str) -> None:
    drawing = draw([wearing(kind, who)], size_px=112)[0]
    assert part(drawing, "headscarf" if kind in SCARVES else "hat").mean() > 0.03
    assert drawing.landmarks_68_visible[17:].sum() >= 49
    assert drawing.occlusion <= 0.25  # a hijab hides the outline of the jaw


@pytest.mark.parametrize("kind", KINDS)
def test_a_crown_lies_outside_the_skull(kind: str) -> None:
    studio, head = open_studio("cpu"), load_head()
    posed = head.pose_vertices(PEOPLE["adult"], {})
    view = frame_face(wearing(kind).camera, landmarks_68(head, posed), size_px=64)
    cloth = fit_headwear(head, studio.shell, posed, Headwear(kind=kind), view)["cloth"][:, 1:].reshape(-1, 3)
    scalp = posed[(head.rest[:, 1] > 0.75) & (head.rest[:, 2] < 0.2)]
    centre = np.array([0.0, 0.25, -0.6])
    for point in scalp[::7]:
        ray = (point - centre) / np.linalg.norm(point - centre)
        along = (cloth - centre) @ ray
        near = along > 0.995 * np.linalg.norm(cloth - centre, axis=1)
        if near.any():
            assert along[near].max() > np.linalg.norm(point - centre)


def test_a_hijab_hides_all_hair_and_both_ears() -> None:
    bare, covered = draw([wearing("none"), wearing("hijab")], size_px=112)
    assert part(bare, "hair").mean() > 0.1
    assert not part(covered, "hair").any()
    assert not covered.landmarks_68_visible[[0, 16]].any()


def test_hair_below_a_cap_stays() -> None:
    assert part(draw([wearing("cap")], size_px=112)[0], "hair").mean() > 0.02


def test_hair_is_pressed_under_the_crown_and_free_far_below() -> None:
    studio, head = open_studio("cpu"), load_head()
    posed = head.pose_vertices(PEOPLE["adult"], {})
    view = frame_face(wearing("cap").camera, landmarks_68(head, posed), size_px=64)
    cloth = fit_headwear(head, studio.shell, posed, Headwear(kind="beanie"), view)["cloth"]
    high, low = np.array([0.0, 2.0, -0.6]), np.array([0.9, -1.5, -0.6])
    pressed = press_hair(np.array([high, low]), cloth)
    assert pressed[0, 1] < cloth[..., 1].max()
    assert np.allclose(pressed[1], low, atol=1e-6)


def test_a_mirrored_turned_cap_is_the_flipped_picture() -> None:
    worn = Worn(headwear=Headwear(kind="cap", turn_deg=25.0))
    scene = replace(wearing("cap", hair=Hair(length_dm=0.0)), worn=worn)
    one, other = draw([scene, mirror_scene(scene)], size_px=112)
    assert (one.parts[:, ::-1] == other.parts).mean() > 0.96
