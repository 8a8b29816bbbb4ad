"""The aligned face takes the picture's place: its landmarks come along, and stale columns stay behind."""

from dataclasses import replace

import numpy as np
import pytest

from facsim.dataset import dataset_of
from facsim.errors import RecipeError
from facsim.export import export_run
from facsim.labels.align import Align
from facsim.labels.crop import Crop
from facsim.learn.sources import load_pictures
from facsim.models.face_crop import pick_five, template_points
from facsim.pictures import decode_picture, encode_png
from facsim.recipe import parse_recipe
from facsim.records import metadata_columns, run_records
from facsim.runner import run
from facsim.sample import Problem, Sample
from facsim.testing import check_laws

RECIPE = """
[plan]
count = 6

[[step]]
use = "render"
size_px = 64
extra = ["parts"]

[[step]]
use = "crop"
size_px = 48
"""


def face_points(turn_deg=0.0, scale=1.0):
    """68 landmarks of a face about (60, 70): the template's five points, and others scattered about them."""
    points = np.random.default_rng(0).uniform(-25, 25, (68, 2))
    eyes, nose, mouth = [[-16, -18], [16, -18]], [0, 4], [[-12, 22], [12, 22]]
    points[[36, 39]], points[[42, 45]] = eyes[0], eyes[1]
    points[30], points[48], points[54] = nose, mouth[0], mouth[1]
    cosine, sine = np.cos(np.deg2rad(turn_deg)), np.sin(np.deg2rad(turn_deg))
    return points @ np.array([[cosine, sine], [-sine, cosine]]) * scale + [60.0, 70.0]


def sample_of(points, side=140):
    picture = np.random.default_rng(1).integers(0, 255, (side, side, 3)).astype(np.uint8)
    return Sample(
        sample_id="ab" * 16,
        values={"image": {"bytes": encode_png(picture), "path": "a.png"}, "landmarks_68": points.ravel().tolist()},
    )


def row_of(sample, **settings):
    return Crop(**settings).open("cpu")([sample])[0]


@pytest.mark.parametrize("template", ["tight", "wide", "arcface"])
@pytest.mark.parametrize("turn_deg", [0.0, 35.0])
def test_the_landmarks_are_those_of_the_new_picture(template, turn_deg):
    points = face_points(turn_deg)
    row = row_of(sample_of(points), template=template, size_px=64)
    places = np.array(row["landmarks_68"]).reshape(68, 2)
    matrix = np.array(row["image_matrix"]).reshape(2, 3)
    np.testing.assert_allclose(places, points @ matrix[:, :2].T + matrix[:, 2], atol=1e-3)
    five = np.array(row["landmarks_5"]).reshape(5, 2)
    np.testing.assert_allclose(five, pick_five(places), atol=1e-3)
    assert np.linalg.norm(five - template_points(template, size_px=64), axis=1).max() < 0.1 * 64
    assert row["face_box"] == pytest.approx([*places.min(axis=0), *places.max(axis=0)], abs=1e-3)
    assert row["crop_scale"] == pytest.approx(64 / np.ptp(places, axis=0).max(), rel=1e-4)
    assert (row["width_px"], row["height_px"], row["image_frame"]) == (64, 64, template)
    assert decode_picture(row["image"]["bytes"]).array.shape == (64, 64, 3)


def test_it_cuts_the_face_that_align_cuts():
    sample = sample_of(face_points(10.0))
    five = pick_five(np.array(sample["landmarks_68"]).reshape(68, 2))
    aligned = Align(template="wide", size_px=112).open("cpu")(
        [Sample(sample_id=sample.sample_id, values={**sample.values, "landmarks_5": five.ravel().tolist()})]
    )[0]
    assert row_of(sample, template="wide", size_px=112)["image"]["bytes"] == aligned["face_aligned"]["bytes"]


@pytest.mark.parametrize(
    "points", [np.full((68, 2), 30.0), np.full((68, 2), np.nan), face_points() + 1e6, face_points(scale=1e-6)]
)
def test_points_in_one_place_or_nowhere_are_a_problem(points):
    found = row_of(sample_of(points))
    assert isinstance(found, Problem) and found.reason == "no_place"


def test_a_picture_that_cannot_be_read_is_a_problem():
    values = {**sample_of(face_points()).values, "image": {"bytes": b"\x89PNG\r\n\x1a\nrubbish", "path": "a"}}
    assert isinstance(row_of(Sample(sample_id="ab" * 16, values=values)), Problem)


def test_no_points_however_wild_raise():
    generator = np.random.default_rng(0)
    for _ in range(200):
        found = row_of(sample_of(generator.normal(60, 10 ** generator.uniform(-2, 4), (68, 2))), size_px=48)
        assert isinstance(found, Problem) or decode_picture(found["image"]["bytes"]).array.shape == (48, 48, 3)


def test_the_stage_keeps_the_laws():
    check_laws(Crop(), [sample_of(face_points()), sample_of(face_points(20.0)), sample_of(np.zeros((68, 2)))])


@pytest.mark.parametrize("settings", [{"size_px": 4}, {"size_px": 5000}, {"margin": -1.0}, {"margin": 9.0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(RecipeError, match=r"crop\.size_px"):
        Crop(**settings)


@pytest.fixture(scope="module")
def cropped(tmp_path_factory):
    return run(parse_recipe(RECIPE), str(tmp_path_factory.mktemp("cropped") / "run"), workers=1)


def test_what_is_trained_on_and_exported_is_the_aligned_face(cropped, tmp_path):
    pictures = load_pictures(cropped.folder.root, size_px=48)
    record = next(run_records(dataset_of(cropped)))
    assert decode_picture(record.image).array.shape == (48, 48, 3)
    assert pictures.frame == "tight"
    export_run(str(cropped.folder.root), str(tmp_path / "out.parquet"), format="parquet")
    assert load_pictures(str(tmp_path / "out.parquet"), size_px=48).frame == "tight"


def test_places_in_the_picture_before_are_not_exported(cropped):
    known = metadata_columns(dataset_of(cropped), maps=True)
    assert known["landmarks_68"] == "crop.landmarks_68" and known["width_px"] == "crop.width_px"
    assert known["crop_scale"] == "crop.crop_scale"
    assert known["yaw_deg"] == "render.yaw_deg" and known["landmarks_68_visible"] == "render.landmarks_68_visible"
    assert "parts" not in known  # a map of the picture that was


def test_pictures_cut_in_several_ways_have_no_frame(cropped):
    pictures = load_pictures(cropped.folder.root, size_px=48)
    frames = ("tight", "wide", *("tight",) * (len(pictures) - 2))
    assert replace(pictures, attributes={**pictures.attributes, "image_frame": frames}).frame == ""
    assert replace(pictures, attributes={}).frame == ""
