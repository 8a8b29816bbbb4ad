"""What is said of a scene, by column."""

import io
import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import facsim
from facsim.columns import COLUMNS, value_fault
from facsim.errors import RecipeError
from facsim.export import export_run
from facsim.label_maps import MAP_NAMES, PART_NAMES, decode_depth, decode_normals, decode_parts
from facsim.models.appearance import Beard, Hair, MakeUp
from facsim.models.casting_hair import BEARD_KINDS, grow_beard
from facsim.models.drawing import draw
from facsim.models.hair_styles import HAIR_STYLES
from facsim.models.identity import Identity
from facsim.models.scene import BACKGROUND_KINDS, Lamp, Light, Scene
from facsim.models.scene_parameters import PARAMETERS
from facsim.models.shading import DRAWN_PARTS
from facsim.models.staging import LIGHT_KINDS, sample_light, white_light
from facsim.models.worn import Headwear, Worn
from facsim.recipe import parse_recipe
from facsim.runner import run
from facsim.sources.render import Render
from facsim.sources.scene_labels import LABEL_COLUMNS, label_drawing
from facsim.testing import check_laws, planned_samples
from facsim.wearables import BEARD_NAMES, HAIR_NAMES

SCENE = Scene(identity=Identity(age_years=30, gender=0.5, ancestry=(0, 0, 1)))


@pytest.fixture(scope="module")
def drawing():
    return draw([SCENE], size_px=32)[0]


def labels(drawing, **parts):
    return label_drawing(replace(SCENE, **parts), drawing)


def test_the_labels_are_the_columns_promised_and_fit_the_dictionary(drawing):
    found = labels(drawing)
    assert tuple(sorted(found)) == tuple(sorted(LABEL_COLUMNS))
    assert not [fault for name, value in found.items() if (fault := value_fault(COLUMNS[name], value))]


def test_the_kinds_of_the_dictionary_are_those_that_are_drawn():
    assert COLUMNS["light_kind"].values == (*LIGHT_KINDS, "other")
    assert COLUMNS["background_kind"].values == BACKGROUND_KINDS


@pytest.mark.parametrize("kind", LIGHT_KINDS)
def test_sampled_light_is_called_by_its_kind_and_fits_the_dictionary(drawing, kind):
    for seed in range(20):
        light, background = sample_light(np.random.default_rng(seed), kind=kind)
        found = labels(drawing, light=light, background=background)
        assert found["light_kind"] == kind
        assert (found["light_azimuth_deg"], found["background_kind"]) == (light.key.azimuth_deg, background.kind)
        assert not [fault for name, value in found.items() if (fault := value_fault(COLUMNS[name], value))]


@pytest.mark.parametrize("kelvin", [2500, 3200, 5800, 7000, 10000])
def test_the_temperature_is_the_one_that_the_light_was_made_with(drawing, kelvin):
    red, green, blue = 1.7 * white_light(kelvin)
    light = Light(key=Lamp(colour=(float(red), float(green), float(blue))))
    assert labels(drawing, light=light)["light_temperature_k"] == pytest.approx(kelvin, rel=1e-3)


def test_no_key_has_no_temperature_and_no_ratio(drawing):
    found = labels(drawing, light=Light(key=Lamp(colour=(0.0, 0.0, 0.0))))
    assert found["light_temperature_k"] is None
    assert found["light_ratio"] == 1.0


def test_a_harder_light_has_a_higher_ratio(drawing):
    ratios = [labels(drawing, light=Light(key=Lamp(colour=(k, k, k))))["light_ratio"] for k in (0.5, 1.0, 3.0)]
    assert ratios == sorted(ratios)


@pytest.mark.parametrize(
    ("length", "name"), [(0.0, "bald"), (0.1, "cropped"), (0.5, "short"), (1.2, "medium"), (3.0, "long")]
)
def test_hair_is_named_by_its_length(drawing, length, name):
    assert labels(drawing, hair=Hair(length_dm=length))["hair_length"] == name


@pytest.mark.parametrize("kind", BEARD_KINDS)
def test_beards_are_named_by_where_they_show(drawing, kind):
    generator = np.random.default_rng(0)
    beards = [grow_beard(generator, kind, colour=(0.0, 0.0, 0.0)) for _ in range(20)]
    assert {labels(drawing, beard=beard)["beard"] for beard in beards} == {kind}


def test_a_beard_set_by_its_numbers_is_named_by_them(drawing):
    assert labels(drawing, beard=Beard(kind="clean", moustache=0.9))["beard"] == "moustache"


def test_hair_goes_by_its_style_covered_or_not(drawing):
    found = labels(drawing, hair=Hair(style="bob", hidden=True))
    assert (found["hair_style"], found["hair_covered"]) == ("bob", True)


@pytest.mark.parametrize(("kind", "covered"), [("none", False), ("cap", False), ("hijab", True)])
def test_a_hijab_covers_the_hair_and_a_cap_does_not(drawing, kind, covered):
    assert labels(drawing, worn=Worn(headwear=Headwear(kind=kind)))["hair_covered"] == covered


def test_names_of_the_vocabulary_are_those_that_are_drawn():
    assert tuple(HAIR_STYLES) == HAIR_NAMES
    assert BEARD_KINDS == BEARD_NAMES


@pytest.mark.parametrize(
    ("paint", "name"),
    [(MakeUp(), "none"), (MakeUp(lipstick=0.8, blush=0.02), "lipstick"), (MakeUp(liner=1, blush=1), "liner+blush")],
)
def test_make_up_is_named_where_it_shows(drawing, paint, name):
    assert labels(drawing, make_up=paint)["make_up"] == name


def test_the_five_points_of_a_frontal_face_are_seen_and_a_turned_heads_far_eye_is_not():
    frontal = facsim.render(size_px=64, scene={"hair.length_dm": 0}).labels
    assert frontal["landmarks_5_visible"] == [True] * 5
    turned = facsim.render(size_px=64, scene={"hair.length_dm": 0, "camera.yaw_deg": -75}).labels
    assert turned["landmarks_5_visible"][:2] == [True, False]


def test_one_call_carries_who_was_asked_for():
    made = facsim.render(size_px=16, apparent_age_years=60, skin_tone_monk=8).labels
    assert (made["apparent_age_years"], made["apparent_gender"], made["skin_tone_monk"]) == (60, "feminine", 8)


# anything that may be set


def extreme(entry):
    """A strategy of values at the ends of what this parameter may be."""
    ends = st.sampled_from([entry.low, entry.high])
    return {
        "number": ends,
        "integer": ends.map(int),
        "yes or no": st.booleans(),
        "text": st.sampled_from(entry.values or ("",)),
        "colour": st.lists(ends, min_size=3, max_size=3),
    }[entry.kind]


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_extreme_scenes_are_drawn_and_their_labels_fit_the_dictionary(data):
    paths = data.draw(st.lists(st.sampled_from(list(PARAMETERS)), min_size=1, max_size=12, unique=True))
    given_settings = {path: data.draw(extreme(PARAMETERS[path])) for path in paths}
    made = facsim.render(size_px=16, scene=given_settings, extra=MAP_NAMES)
    assert not [fault for name, value in made.labels.items() if (fault := value_fault(COLUMNS[name], value))]
    assert np.isfinite(made.labels["landmarks_68"]).all()
    assert np.isfinite(made.maps["normals"]).all()


# maps


def test_every_drawn_part_has_a_published_number():
    assert set(DRAWN_PARTS) <= set(PART_NAMES)


def test_maps_are_columns_only_when_asked_for():
    assert not set(MAP_NAMES) & set(Render().writes)
    assert Render(extra=("parts", "depth")).writes == (*Render().writes, "parts", "depth")


def test_a_renderer_with_maps_keeps_the_laws():
    check_laws(Render(size_px=32, extra=MAP_NAMES), planned_samples(4))


def test_encoded_maps_are_those_of_one_call():
    made = facsim.render("12D+25C", size_px=48, extra=MAP_NAMES)
    assert set(made.maps) == set(MAP_NAMES)
    assert {name: array.shape[:2] for name, array in made.maps.items()} == dict.fromkeys(MAP_NAMES, (48, 48))
    shown = {PART_NAMES[value] for value in np.unique(made.maps["parts"])}
    assert {"skin", "eye_left", "eye_right", "lips", "brows", "teeth", "hair"} <= shown


def test_maps_do_not_change_the_picture():
    assert np.array_equal(facsim.render(size_px=32).picture, facsim.render(size_px=32, extra=("normals",)).picture)


def test_a_run_holds_the_maps_and_a_class_folder_does_not(tmp_path):
    text = '[plan]\ncount = 7\n[[step]]\nuse = "render"\nsize_px = 24\nextra = ["depth", "normals", "parts"]\n'
    made = run(parse_recipe(text), str(tmp_path / "run"), executor="serial")
    decoders = {"depth": decode_depth, "normals": decode_normals, "parts": decode_parts}
    for name, decode in decoders.items():
        for value in made.column(f"render.{name}"):
            assert decode(value["bytes"]).shape[:2] == (24, 24)
            assert value["path"].endswith(f".{name}.png")
            assert Image.open(io.BytesIO(value["bytes"])).format == "PNG"
    export_run(str(tmp_path / "run"), str(tmp_path / "out"), format="class_folder")
    assert "depth" not in pq.read_schema(tmp_path / "out/metadata.parquet").names


def test_parquet_takes_the_maps_along_as_images(tmp_path):
    text = '[plan]\ncount = 7\n[[step]]\nuse = "render"\nsize_px = 24\nextra = ["depth"]\n'
    made = run(parse_recipe(text), str(tmp_path / "run"), executor="serial")
    export_run(str(tmp_path / "run"), str(tmp_path / "out.parquet"), format="parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert sorted(value["bytes"] for value in table["depth"].to_pylist()) == sorted(
        value["bytes"] for value in made.column("render.depth")
    )
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features == {"image": {"_type": "Image"}, "depth": {"_type": "Image"}}


@pytest.mark.parametrize(("extra", "message"), [(("dept",), 'Did you mean "depth"'), (("depth", "depth"), "once")])
def test_maps_that_are_not_there_are_refused(extra, message):
    with pytest.raises(RecipeError, match=message):
        Render(extra=extra)
    with pytest.raises(RecipeError, match=message):
        facsim.render(size_px=16, extra=extra)
