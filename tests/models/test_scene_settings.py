"""Scenes with parameters fixed or drawn anew."""

import dataclasses
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.errors import RecipeError
from facsim.models.identity import Identity
from facsim.models.scene import Scene
from facsim.models.scene_parameters import PARAMETERS
from facsim.models.scene_settings import check_settings, draw_settings, set_scene
from facsim.models.scene_text import read_scene, write_scene

SCENE = Scene(identity=Identity(age_years=30, gender=0.5, ancestry=(0, 0, 1)))


def put(given, *, sample="s", person="p"):
    return set_scene(SCENE, check_settings(given), sample=sample, person=person)


def many(path, setting, count=200):
    checked = check_settings({path: setting})
    return [draw_settings(checked, sample=str(i), person=str(i))[path] for i in range(count)]


def test_a_value_is_what_the_scene_gets_and_nothing_else_changes():
    made = put({"hair.curl": 0.8, "sensor.grey": True})
    assert made == replace(SCENE, hair=replace(SCENE.hair, curl=0.8), sensor=replace(SCENE.sensor, grey=True))


def test_a_list_is_drawn_from_evenly():
    drawn = many("light.key.elevation_deg", [10, 40, 70])
    assert {drawn.count(value) for value in (10.0, 40.0, 70.0)} <= set(range(45, 90))


def test_a_range_is_drawn_from_evenly():
    drawn = many("camera.yaw_deg", {"low": -30, "high": 30})
    assert min(drawn) >= -30
    assert max(drawn) <= 30
    assert 80 < sum(value > 0 for value in drawn) < 120


def test_a_range_of_whole_numbers_holds_both_ends():
    assert set(many("sensor.jpeg_quality", {"low": 50, "high": 52})) == {50, 51, 52}


def test_a_list_of_three_numbers_is_a_colour_and_a_list_of_lists_a_choice():
    assert put({"eyes.iris": [0.1, 0.2, 0.3]}).eyes.iris == (0.1, 0.2, 0.3)
    assert set(many("eyes.iris", [[0, 0, 0], [1, 1, 1]])) == {(0.0, 0.0, 0.0), (1.0, 1.0, 1.0)}
    assert all(r == g == b for r, g, b in many("eyes.iris", {"low": [0, 0, 0], "high": [1, 1, 1]}))


def test_none_is_written_as_a_word():
    assert put({"sensor.jpeg_quality": "none"}).sensor.jpeg_quality is None


def test_action_units_sliders_and_gaze_go_by_name():
    made = put({"action_units.12L": 3, "identity.shape.nose-hump": 0.4, "gaze.pitch_deg": 5})
    assert made.action_units == {"12L": 3.0}
    assert made.identity.shape == {"nose-hump": 0.4}
    assert made.gaze == (0.0, 5.0)


def test_a_kind_of_light_brings_its_lamps_and_backdrop_and_other_settings_go_on_top():
    made = put({"light.kind": "flash", "light.key.azimuth_deg": 60})
    assert made.light.kind == "flash"
    assert made.light.key.azimuth_deg == 60
    assert made.light.key.elevation_deg <= 14
    assert put({"light.kind": "flash"}, sample="t").light != put({"light.kind": "flash"}).light


def test_a_kind_of_beard_brings_its_densities_and_other_settings_go_on_top():
    made = put({"beard.kind": "full", "beard.chin": 0.2})
    assert made.beard.kind == "full"
    assert made.beard.cheeks >= 0.8
    assert made.beard.chin == 0.2
    assert made.beard.colour == SCENE.brows.colour


def test_a_style_of_hair_brings_its_cut_and_keeps_its_colour():
    made = put({"hair.style": "bob with fringe", "hair.grey": 0.5})
    assert made.hair.fringe > 0
    assert made.hair.colour == SCENE.hair.colour
    assert made.hair.grey == 0.5


def test_nested_tables_are_the_same_as_dotted_paths():
    assert check_settings({"hair": {"curl": 0.2}, "light": {"key": {"softness": 0.1}}}) == check_settings(
        {"hair.curl": 0.2, "light.key.softness": 0.1}
    )


def test_one_setting_does_not_change_what_another_draws():
    alone, both = {"skin.sheen": {"low": 0, "high": 1}}, {"skin.pores": [0, 1], "skin.sheen": {"low": 0, "high": 1}}
    assert put(alone).skin.sheen == put(both).skin.sheen


def test_a_person_keeps_their_hair_from_picture_to_picture_and_the_light_changes():
    wanted = {"hair.curl": {"low": 0, "high": 1}, "light.key.softness": {"low": 0.1, "high": 0.9}}
    one, other = put(wanted, sample="a"), put(wanted, sample="b")
    assert one.hair == other.hair
    assert one.light != other.light
    assert put(wanted, person="q").hair != one.hair


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hair.curll": 1}, 'Did you mean "hair.curl"'),
        ({"identity.age_years": 40}, "apparent_age_years, which is planned"),
        ({"hair": 3}, '"hair", which is a group'),
        ({"hair.curl": 1.5}, "expected 0 to 1"),
        ({"hair.curl": float("nan")}, "expected 0 to 1"),
        ({"hair.curl": 10**400}, "expected 0 to 1"),
        ({"hair.curl": True}, "expected 0 to 1"),
        ({"hair.pressed": 1}, "expected true or false"),
        ({"hair.pressed": {"low": False, "high": True}}, "has no range"),
        ({"hair.curl": {"low": 1, "high": 0}}, "expected low to be at most high"),
        ({"hair.curl": {"low": 1}}, "low and high"),
        ({"hair.curl": []}, "one or more"),
        ({"light.kind": "windw"}, 'Did you mean "window"'),
        ({"eyes.iris": [0.1, 0.2]}, "three numbers"),
        ({"eyes.iris": [0.1, 0.2, 2]}, "expected 0 to 1"),
        ({"seed": 1.5}, "whole number"),
        ({"sensor.jpeg_quality": {"low": "none", "high": 90}}, "at most high"),
        ({"hair.curl": 0.1, "hair": {"curl": 0.2}}, "twice"),
        ("hair", "expected paths"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_set_is_refused(given, message):
    with pytest.raises(RecipeError, match=message):
        check_settings(given)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["none", "window"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["low", "high", "curl", "key"]) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
PATHS = st.sampled_from([*PARAMETERS, "hair", "light.key", "identity", "identity.gender", ""]) | st.text(max_size=12)


@given(st.dictionaries(PATHS, JSON, max_size=3))
@settings(max_examples=400, deadline=None)
def test_any_settings_make_a_scene_or_a_recipe_error(given):
    try:
        checked = check_settings(given)
    except RecipeError:
        return
    assert check_settings(checked) == checked
    made = set_scene(SCENE, checked, sample="s", person="p")
    assert read_scene(write_scene(made)) == made


def good(entry):
    """A strategy of settings that this parameter may have."""
    number = st.floats(entry.low, entry.high)
    one = {
        "number": number,
        "integer": st.integers(int(entry.low), int(entry.high)),
        "yes or no": st.booleans(),
        "text": st.sampled_from(entry.values or ("",)),
        "colour": st.lists(number, min_size=3, max_size=3),
    }[entry.kind]
    return one | st.lists(one, min_size=1, max_size=3)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_setting_within_its_range_is_taken(data):
    path = data.draw(st.sampled_from(list(PARAMETERS)))
    checked = check_settings({path: data.draw(good(PARAMETERS[path]))})
    made = set_scene(SCENE, checked, sample="s", person="p")
    assert dataclasses.is_dataclass(made)
    assert read_scene(write_scene(made)) == made
