"""What the page may ask for, and that the picture is `facsim.render`'s."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import facsim
from facsim.errors import FacsimError
from facsim.models.drawing import draw
from facsim.studio.settings import Settings, compose, read_json, read_settings

FULL = {
    "turn": 3, "page": "a", "size_px": 48, "seed": 5, "age_years": 61, "gender": "masculine", "ancestry": [1, 1, 2],
    "tone": 8, "coding": {"12": 4, "12R": 2.5, "25": 1}, "pose_deg": [20, -5, 3], "expression": "happiness",
    "set": {"hair.curl": 0.9, "light.kind": "window", "sensor.jpeg_quality": "none", "gaze.yaw_deg": 4},
}  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def test_what_is_left_out_is_the_default():
    assert read_settings({}) == Settings()


def test_everything_can_be_said():
    found = read_settings(FULL)
    assert found.coding == {"12L": 4.0, "12R": 2.5, "25": 1.0}
    assert found.ancestry == (0.25, 0.25, 0.5)
    assert found.set["sensor.jpeg_quality"] == "none"


def test_the_picture_is_that_of_render():
    found = read_settings(FULL)
    drawn = draw([compose(found)], size_px=48)[0]
    rendered = facsim.render(
        found.coding,
        apparent_age_years=61,
        apparent_gender="masculine",
        apparent_ancestry=(0.25, 0.25, 0.5),
        skin_tone_monk=8,
        yaw_deg=20,
        pitch_deg=-5,
        roll_deg=3,
        scene=FULL["set"],
        size_px=48,
        seed=5,
    )
    assert (drawn.picture == rendered.picture).all()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"sed": 1}, 'Did you mean "seed"'),
        ({"seed": -1}, "whole number from 0"),
        ({"seed": True}, "whole number"),
        ({"turn": 1.5}, "whole number"),
        ({"size_px": 4096}, "one of 48, 112, 224, 448"),
        ({"age_years": 200}, "number from 3 to 90"),
        ({"age_years": float("nan")}, "number from 3 to 90"),
        ({"tone": "4"}, "whole number from 1 to 10"),
        ({"gender": "other"}, "feminine, masculine"),
        ({"ancestry": [0, 0, 0]}, "above 0"),
        ({"ancestry": [1, 0]}, "3 numbers"),
        ({"pose_deg": [0, 0, 1e9]}, "number from"),
        ({"coding": {"99": 1}}, "no action unit"),
        ({"coding": {"12L": 6}}, "from 0 to 5"),
        ({"coding": {"8": 1}}, "cannot show"),
        ({"coding": "6+12"}, "an object"),
        ({"expression": "joy"}, "one of anger"),
        ({"page": "x" * 41}, "40 characters"),
        ({"set": []}, "an object"),
        ({"set": {"hair.crul": 1}}, 'Did you mean "hair.curl"'),
        ({"set": {"hair.curl": 3}}, "expected 0 to 1"),
        ({"set": {"hair.curl": [0.1, 0.2]}}, "one value"),
        ({"set": {"hair.curl": {"low": 0, "high": 1}}}, "one value"),
        ({"set": {"camera.yaw_deg": 3}}, "pose_deg"),
        ({"set": {"action_units.12L": 3}}, "coding"),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_expected(said, message):
    with pytest.raises(FacsimError, match=message):
        read_settings(said)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"nul", b'{"seed": NaN}', b"\xff\xfe", b"[" * 60000, b"9" * 5000])
def test_bodies_that_are_no_object_are_refused(body):
    with pytest.raises(FacsimError):
        read_settings(read_json(body))


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from([*FULL, "other"]), JSON, max_size=5))
def test_any_json_is_read_or_refused_and_never_fails_otherwise(said):
    try:
        found = read_settings(read_json(json.dumps(said).encode()))
    except FacsimError:
        return
    assert isinstance(found, Settings)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_fail_otherwise(body):
    try:
        read_settings(read_json(body))
    except FacsimError:
        return
