"""Controls are those of the scene's parameters, and read back what was set."""

import json
from dataclasses import replace

import pytest

from facsim.models.scene_parameters import PARAMETERS
from facsim.studio.controls import check_values, list_controls, read_controls
from facsim.studio.settings import GENDERS, Settings, compose


def test_every_parameter_has_a_control_or_a_place_of_its_own_on_the_page():
    left_out = set(PARAMETERS) - set(list_controls())
    assert {path for path in left_out if not path.startswith("action_units.")} == {
        "camera.yaw_deg",
        "camera.pitch_deg",
        "camera.roll_deg",
        "mirrored",
    }


@pytest.mark.parametrize("seed", range(40))
def test_every_control_has_a_value_that_it_can_be_given_again(seed):
    person = {"age_years": 3.0 + 2.0 * seed, "gender": GENDERS[seed % 2], "tone": 1 + seed % 10}
    values = read_controls(compose(Settings(seed=seed, **person)))
    assert set(values) == set(list_controls()) - {"light.kind"}
    assert json.loads(json.dumps(values)) == values
    again = compose(Settings(seed=seed + 1, set=check_values(values)))
    assert read_controls(again) == values


def test_what_is_set_is_read_back():
    said = {"hair.curl": 0.25, "eyes.iris": [0.1, 0.2, 0.3], "sensor.grey": True, "background.kind": "room"}
    found = read_controls(compose(Settings(set=check_values(said | {"identity.shape.nose-hump": -0.5}))))
    assert {path: found[path] for path in said} == said
    assert found["identity.shape.nose-hump"] == -0.5


def test_the_gaze_is_read_by_its_two_angles():
    scene = replace(compose(Settings()), gaze=(7.0, -3.0))
    found = read_controls(scene)
    assert (found["gaze.yaw_deg"], found["gaze.pitch_deg"]) == (7.0, -3.0)
