import io
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

import facsim
from facsim.coding import parse_coding
from facsim.errors import FacsimError, ManifestError, RecipeError
from facsim.models.drawing import draw
from facsim.models.scene_text import read_scene, write_scene
from facsim.plan import Plan, plan_table
from facsim.recipe import parse_recipe, recipe_text
from facsim.runner import run
from facsim.sample import Sample
from facsim.sources.render import Render
from facsim.testing import check_laws, planned_samples

SIZE = 48


def pixels(row):
    return np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))


@pytest.fixture(scope="module")
def rows():
    return Render(size_px=SIZE).open("cpu")(planned_samples(21))


def test_a_row_holds_a_picture_of_the_size_asked(rows):
    assert all(pixels(row).shape == (SIZE, SIZE, 3) for row in rows)
    assert len({row["image"]["bytes"] for row in rows}) == len(rows)


def test_the_action_units_of_the_text_are_those_of_the_columns_and_of_the_scene(rows):
    for row in rows:
        coding = parse_coding(row["action_units"])
        assert coding == {key: value for key, value in read_scene(row["scene"]).action_units.items() if value}
        assert all(row[f"AU{key}"] == value for key, value in coding.items())


def test_the_scene_column_draws_the_same_bits_again(rows):
    for row in rows[:4]:
        assert np.array_equal(draw([read_scene(row["scene"])], size_px=SIZE)[0].picture, pixels(row))


def test_a_scene_survives_its_text(rows):
    text = rows[0]["scene"]
    assert write_scene(read_scene(text)) == text


def test_a_scene_of_one_seed_has_it_for_both(rows):
    held = json.loads(rows[0]["scene"])
    assert held.pop("person_seed") != held["seed"]
    scene = read_scene(json.dumps(held))
    assert scene.person_seed == scene.seed == held["seed"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"identity": {}}', '{"identity": null, "colour": 3}'])
def test_what_is_no_scene_is_refused(text):
    with pytest.raises(FacsimError, match="not a scene"):
        read_scene(text)


def test_landmarks_lie_in_the_face_box_and_the_eyes_above_the_mouth(rows):
    for row in rows:
        points = np.array(row["landmarks_68"]).reshape(68, 2)
        left, top, right, bottom = row["face_box"]
        assert (points >= np.array([left, top]) - 1e-3).all()
        assert (points <= np.array([right, bottom]) + 1e-3).all()
        five = np.array(row["landmarks_5"]).reshape(5, 2)
        assert five[:2, 1].max() < five[3:, 1].min()


def test_pictures_of_one_identity_show_one_person_in_many_scenes():
    table = plan_table(Plan(count=7, pictures_per_identity=7)).to_pylist()
    drawn = Render(size_px=SIZE).open("cpu")([Sample(sample_id=row["sample_id"], values=row) for row in table])
    scenes = [read_scene(row["scene"]) for row in drawn]
    assert len({repr(scene.identity) for scene in scenes}) == 1
    assert len({repr((scene.skin, scene.eyes, scene.brows, scene.hair, scene.person_seed)) for scene in scenes}) == 1
    assert len({repr((scene.light, scene.camera)) for scene in scenes}) == len({scene.seed for scene in scenes}) == 7


def test_expressions_show_their_own_action_units():
    drawn = Render(size_px=16).open("cpu")(samples := planned_samples(140))
    shown = Counter()
    for sample, row in zip(samples, drawn, strict=True):
        for unit in ("AU12", "AU4", "AU15", "AU9"):
            shown[sample["expression_target"], unit] += row[unit] >= 1
    assert shown["happiness", "AU12"] == 20
    assert shown["anger", "AU4"] >= 18  # a shout's brows may hardly be drawn
    assert shown["sadness", "AU15"] >= 16  # a withdrawn face hardly shows it
    assert shown["neutral", "AU12"] == shown["surprise", "AU4"] == 0


def test_domains_differ_in_camera_and_grey():
    samples = planned_samples(8)
    drawn = {name: Render(size_px=16, domain=name).open("cpu")(samples) for name in ("studio", "web", "fer2013")}
    scenes = {name: [read_scene(row["scene"]) for row in rows] for name, rows in drawn.items()}
    assert max(abs(scene.camera.roll_deg) for scene in scenes["studio"]) <= 6
    assert all(scene.sensor.grey for scene in scenes["fer2013"])
    assert np.std([scene.camera.yaw_deg for scene in scenes["web"]]) > 5
    # the person is the identity's, whatever the domain
    assert [scene.skin for scene in scenes["studio"]] == [scene.skin for scene in scenes["fer2013"]]


def test_unknown_domains_are_refused_with_the_nearest():
    with pytest.raises(RecipeError, match="fer2013"):
        Render(domain="fer2031")


def test_intensity_and_pose_scale_what_is_drawn():
    samples = planned_samples(8)
    plain, strong = Render(size_px=16).open("cpu")(samples), Render(size_px=16, intensity=1.5).open("cpu")(samples)
    still = Render(size_px=16, pose=0.0).open("cpu")(samples)
    assert sum(row["AU25"] + row["AU4"] for row in strong) > sum(row["AU25"] + row["AU4"] for row in plain)
    assert all(row["yaw_deg"] == row["pitch_deg"] == row["roll_deg"] == 0 for row in still)


def test_grey_is_grey():
    assert all(
        np.ptp(pixels(row), axis=2).max() == 0 for row in Render(size_px=16, grey=True).open("cpu")(planned_samples(3))
    )


def test_workers_change_no_bit(tmp_path):
    recipe = parse_recipe('[plan]\ncount = 12\nrows_per_shard = 5\n[[step]]\nuse = "render"\nsize_px = 32')
    one = run(recipe, str(tmp_path / "a"), executor="serial").column("render.image")
    assert one == run(recipe, str(tmp_path / "b"), workers=2).column("render.image")


@pytest.mark.parametrize("settings", [{"size_px": 4}, {"size_px": 5000}, {"intensity": -1.0}, {"pose": 3.0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(RecipeError, match="expected"):
        Render(**settings)


def test_one_face_is_one_call():
    made = facsim.render("6+12D", apparent_age_years=60, skin_tone_monk=8, yaw_deg=20, size_px=64)
    assert made.picture.shape == (64, 64, 3)
    assert (made.labels["AU12L"], made.labels["AU12R"], made.labels["yaw_deg"]) == (4.0, 4.0, 20)
    again = facsim.render("6+12D", apparent_age_years=60, skin_tone_monk=8, yaw_deg=20, size_px=64)
    assert np.array_equal(made.picture, again.picture)


def test_what_the_head_cannot_show_is_refused():
    with pytest.raises(FacsimError, match="19"):
        facsim.render("19C", size_px=32)


@pytest.mark.parametrize(
    ("looks", "message"),
    [
        ({"apparent_gender": "male"}, "masculine"),
        ({"apparent_age_years": 1}, "3 to 90"),
        ({"skin_tone_monk": 0}, "1 .lightest"),
    ],
)
def test_looks_out_of_range_are_refused(looks, message):
    with pytest.raises(FacsimError, match=message):
        facsim.render("12C", size_px=32, **looks)


SCENE = """
[plan]
count = 6
[[step]]
use = "render"
size_px = 16
[step.scene]
camera.yaw_deg = { low = -30, high = 30 }
"sensor.grey" = true
"hair.length_dm" = [0, 2]
"""


def test_a_recipe_sets_the_scene_and_survives_its_text():
    recipe = parse_recipe(SCENE)
    assert parse_recipe(recipe_text(recipe)) == recipe
    check_laws(recipe.steps[0].stage, planned_samples(3))


def test_what_is_set_is_drawn_labelled_and_all_that_changes():
    samples = planned_samples(6)
    plain, made = Render(size_px=16).open("cpu")(samples), parse_recipe(SCENE).steps[0].stage.open("cpu")(samples)
    for before, after in zip(plain, made, strict=True):
        scene, untouched = read_scene(after["scene"]), read_scene(before["scene"])
        assert abs(after["yaw_deg"]) <= 30
        assert scene.hair.length_dm in (0.0, 2.0)
        assert np.ptp(pixels(after), axis=2).max() == 0
        assert (scene.light, scene.skin, scene.action_units) == (
            untouched.light,
            untouched.skin,
            untouched.action_units,
        )


def test_other_scene_settings_make_a_step_stale(tmp_path):
    run(parse_recipe(SCENE), str(tmp_path), executor="serial")
    with pytest.raises(ManifestError, match="hair"):
        run(parse_recipe(SCENE.replace("[0, 2]", "[0, 1]")), str(tmp_path), executor="serial")


def test_one_call_sets_the_scene_too():
    made = facsim.render("12C", size_px=32, scene={"sensor.grey": True, "camera.crop_scale": 1.0})
    assert np.ptp(made.picture, axis=2).max() == 0
    assert read_scene(made.labels["scene"]).camera.crop_scale == 1.0
    with pytest.raises(RecipeError, match=r"hair\.curl"):
        facsim.render(scene={"hair.curll": 1})


def occluders_of(**settings):
    rows = Render(size_px=24, **settings).open("cpu")(planned_samples(70))
    return Counter(read_scene(row["scene"]).worn.occluder.kind for row in rows)


def test_hands_come_with_expressions_and_not_where_nobody_asks_for_them():
    assert set(occluders_of(occluders=0.0, hands=0.0)) == {"none"}
    assert set(occluders_of(occluders=0.0, domain="studio")) == {"none"}
    many = occluders_of(occluders=0.0, hands=2.0, domain="fer2013")
    assert 5 <= sum(count for kind, count in many.items() if kind.startswith("hand_")) <= 35


def test_without_variety_everybody_shows_the_same():
    rows = Render(size_px=24, variety=0.0).open("cpu")(planned_samples(42))
    assert len({row["action_units"] for row in rows}) == 7


@pytest.mark.parametrize("setting", [{"hands": -0.1}, {"hands": 2.5}, {"variety": 1.5}])
def test_shares_out_of_range_are_refused_with_their_names(setting):
    with pytest.raises(RecipeError, match=f"render.{next(iter(setting))}"):
        Render(**setting)
