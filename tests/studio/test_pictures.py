"""What goes to the page is the picture itself, and the code beside it draws it again."""

import io
import json
import struct

import numpy as np
import pytest
from PIL import Image

from facsim.models.action_units import SUPPORTED_AUS
from facsim.recipe import parse_recipe
from facsim.studio.controls import list_controls
from facsim.studio.pictures import SMALL_PX, pack_picture, png_file, python_text, take_picture, write_labels
from facsim.studio.recipes import recipe_text
from facsim.studio.settings import read_settings

SAID = {
    "turn": 9, "size_px": 224, "seed": 2, "coding": {"12L": 3.7, "12R": 2}, "pose_deg": [12, 0, 0], "tone": 9,
    "expression": "fear", "set": {"hair.curl": 0.7, "skin.albedo": [0.2, 0.1, 0.06], "sensor.grey": True},
}  # fmt: skip


@pytest.fixture(scope="module")
def taken():
    return take_picture(read_settings(SAID))


def test_the_packed_picture_holds_the_pixels_the_small_one_and_what_is_known(taken):
    packed = pack_picture(taken)
    length = struct.unpack("<I", packed[:4])[0]
    known, pixels = json.loads(packed[4 : 4 + length]), packed[4 + length :]
    assert len(pixels) == 3 * 224**2 + SMALL_PX**2
    assert (np.frombuffer(pixels[: 3 * 224**2], np.uint8).reshape(224, 224, 3) == taken.drawing.picture).all()
    assert known["turn"] == 9
    assert known["labels"]["action_units"] == "L12@3.7+R12B"
    assert known["values"]["hair.curl"] == 0.7


def test_the_png_is_one_and_the_picture(taken):
    assert Image.open(io.BytesIO(png_file(taken))).format == "PNG"
    assert (np.asarray(Image.open(io.BytesIO(png_file(taken))).convert("RGB")) == taken.drawing.picture).all()


def test_the_labels_are_json_with_the_scene_in_them(taken):
    labels = json.loads(write_labels(taken))
    assert labels["AU12L"] == 3.7
    assert labels["scene"]["hair"]["curl"] == 0.7
    assert len(labels["landmarks_68"]) == 136


def test_the_python_draws_the_picture_again(taken):
    scope = {}
    exec(python_text(taken.settings), scope)
    assert (scope["rendered"].picture == taken.drawing.picture).all()


def test_the_recipe_is_one_and_sets_what_was_set():
    recipe = parse_recipe(recipe_text(read_settings(SAID)))
    assert recipe.steps[0].stage.scene["hair.curl"] == 0.7
    assert recipe.plan.quotas["expression"] == {"fear": "100%"}


@pytest.mark.parametrize("age", [3, 12.5, 30, 59, 90])
def test_every_age_has_a_recipe(age):
    assert parse_recipe(recipe_text(read_settings({"age_years": age}))).plan is not None


def _somewhere(parameter, generator):
    """A value of the parameter, at an end of its range as often as not."""
    if parameter.kind == "yes or no":
        return bool(generator.random() < 0.5)
    if parameter.kind == "text":
        return str(generator.choice(parameter.values))
    if parameter.kind == "integer":
        return int(generator.integers(parameter.low, parameter.high + 1))
    ends = (parameter.low, parameter.high, generator.uniform(parameter.low, parameter.high))
    drawn = [float(generator.choice(ends)) for _ in range(3)]
    return drawn if parameter.kind == "colour" else drawn[0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", range(24))
def test_whatever_the_controls_allow_can_be_drawn(number):
    generator = np.random.default_rng(number)
    chosen = generator.choice(list(list_controls().values()), 30, replace=False)
    said = {control.path: _somewhere(control, generator) for control in chosen}
    pose = [float(generator.uniform(-end, end)) for end in (90, 60, 90)]
    coding = {str(key): 5.0 for key in generator.choice(SUPPORTED_AUS, 8, replace=False)}
    settings = read_settings({"seed": number, "size_px": 48, "set": said, "pose_deg": pose, "coding": coding})
    assert len(pack_picture(take_picture(settings))) > 3 * 48**2
