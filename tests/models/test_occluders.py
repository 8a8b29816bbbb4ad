"""Occluders: drawn before the face, and true about what they hide."""

from dataclasses import replace

import numpy as np
import pytest

from facsim.models.appearance import Hair, Skin
from facsim.models.drawing import Drawing, draw
from facsim.models.identity import Identity
from facsim.models.scene import Scene, Sensor, mirror_scene
from facsim.models.shading import DRAWN_PARTS
from facsim.models.worn import Occluder, Worn
from facsim.wearables import HANDS, MASKS, OCCLUDER_KINDS

KINDS = OCCLUDER_KINDS[1:]
PLAIN = Identity(age_years=30.0, gender=0.2, ancestry=(0.0, 0.0, 1.0))
BARE = Scene(identity=PLAIN, hair=Hair(length_dm=0.0), sensor=Sensor(jpeg_quality=None, noise=0.0, blur=0.0))
SMILE = {"6L": 3.0, "6R": 3.0, "12L": 4.0, "12R": 4.0, "25": 3.0, "26": 3.0}


def behind(kind: str, **more: float) -> Scene:
    return replace(BARE, worn=Worn(occluder=Occluder(kind=kind, **more)))  # type: ignore[arg-type]


def part(drawing: Drawing, name: str) -> np.ndarray:
    return drawing.parts == DRAWN_PARTS.index(name)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_as_its_part(kind: str) -> None:
    drawing = draw([behind(kind)], size_px=112)[0]
    assert part(drawing, "mask" if kind in MASKS else "occluder").mean() > 0.02


@pytest.mark.parametrize("units", [{}, SMILE], ids=["at rest", "laughing"])
@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_hides_nose_tip_and_mouth_and_no_eye(kind: str, units: dict[str, float]) -> None:
    drawing = draw([replace(behind(kind), action_units=units)], size_px=112)[0]
    assert not drawing.landmarks_68_visible[30:36].any()
    assert not drawing.landmarks_68_visible[48:].any()
    assert drawing.landmarks_68_visible[36:48].all()
    assert not part(drawing, "lips").any()
    assert drawing.occlusion >= 26 / 68


def test_a_lowered_mask_shows_the_nose() -> None:
    drawing = draw([behind("surgical_mask", low=1.0)], size_px=112)[0]
    assert drawing.landmarks_68_visible[30]
    assert not drawing.landmarks_68_visible[51]


def test_a_hand_at_the_mouth_hides_most_of_it() -> None:
    drawing = draw([behind("hand_mouth")], size_px=112)[0]
    assert drawing.landmarks_68_visible[48:].sum() <= 8
    assert drawing.landmarks_68_visible[36:48].sum() >= 11


def test_a_cup_hides_the_lips_middle() -> None:
    assert not draw([behind("cup")], size_px=112)[0].landmarks_68_visible[[57, 66]].any()


def test_a_hand_has_the_skin_of_its_person() -> None:
    pale, dark = (replace(behind("hand_cheek"), skin=Skin(albedo=a)) for a in ((0.6, 0.4, 0.3), (0.1, 0.05, 0.03)))
    one, other = draw([pale, dark], size_px=96)
    light = [float(d.picture[part(d, "occluder")].mean()) for d in (one, other)]
    assert light[1] < 0.85 * light[0]


@pytest.mark.parametrize("kind", HANDS)
def test_the_left_hand_comes_from_the_left(kind: str) -> None:
    one, other = draw([behind(kind), behind(kind, left=True)], size_px=96)
    sides = [np.nonzero(part(drawing, "occluder"))[1].mean() for drawing in (one, other)]
    assert sides[0] < 48 < sides[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_mirrored_occluder_is_the_flipped_picture(kind: str) -> None:
    scene = behind(kind, x_dm=0.08, turn_deg=0.0 if kind in MASKS else 8.0)
    one, other = draw([scene, mirror_scene(scene)], size_px=112)
    assert (one.parts[:, ::-1] == other.parts).mean() > 0.96


def test_an_occluder_moves_where_it_is_told_to() -> None:
    low, high = draw([behind("microphone"), behind("microphone", y_dm=0.4)], size_px=96)
    rows = [np.nonzero(part(drawing, "occluder"))[0].min() for drawing in (low, high)]
    assert rows[1] < rows[0] - 5
