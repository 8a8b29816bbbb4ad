"""Faces are cut out as the template says, and aligned ones are left alone."""

import io

import numpy as np
import pytest
from PIL import Image

from facsim.errors import RecipeError
from facsim.labels.align import Align
from facsim.models.face_crop import template_points
from facsim.pictures import decode_picture, encode_png
from facsim.sample import Problem, Sample
from facsim.testing import check_laws


def blob_picture(points, size=(160, 140)):
    """White dots at the points on a gradient."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width] + 0.5
    grey = (x + y) * 0.25
    for px, py in points:
        grey = np.maximum(grey, 255 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 6))
    return np.repeat(grey[..., None], 3, axis=2).round().astype(np.uint8)


POINTS = np.array([[95.0, 50.0], [60.0, 58.0], [82.0, 80.0], [98.0, 95.0], [68.0, 102.0]])


def sample_of(points=POINTS, picture=None, **values):
    array = blob_picture(POINTS) if picture is None else picture
    row = {"image": {"bytes": encode_png(array), "path": "a.png"}, "landmarks_5": np.asarray(points).ravel().tolist()}
    return Sample(sample_id="ab" * 16, values={**row, **values})


def row_of(sample, **settings):
    return Align(**settings).open("cpu")([sample])[0]


def face_of(row):
    return decode_picture(row["face_aligned"]["bytes"]).array


@pytest.mark.parametrize("size_px", [112, 224])
@pytest.mark.parametrize("template", ["arcface", "wide", "tight"])
def test_the_five_points_come_near_the_templates(template, size_px):
    row = row_of(sample_of(), template=template, size_px=size_px)
    matrix = np.array(row["align_matrix"]).reshape(2, 3)
    places = POINTS @ matrix[:, :2].T + matrix[:, 2]
    assert np.linalg.norm(places - template_points(template, size_px=size_px), axis=1).max() < 0.09 * size_px
    assert face_of(row).shape == (size_px, size_px, 3)
    assert row["align_template"] == template


def test_the_matrix_takes_places_in_the_picture_to_places_in_the_face():
    row = row_of(sample_of())
    matrix, face = np.array(row["align_matrix"]).reshape(2, 3), face_of(row)[..., 0]
    for x, y in (POINTS @ matrix[:, :2].T + matrix[:, 2]) - 0.5:
        around = face[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4].astype(float)
        weights = np.clip(around - 150, 0, None)
        down, across = np.mgrid[0:7, 0:7]
        found = (
            (across * weights).sum() / weights.sum() - 3 + round(x),
            (down * weights).sum() / weights.sum() - 3 + round(y),
        )
        assert np.hypot(found[0] - x, found[1] - y) < 0.5


def test_a_margin_makes_the_face_smaller_about_the_middle():
    plain, wide = (np.array(row_of(sample_of(), margin=margin)["align_matrix"]).reshape(2, 3) for margin in (0.0, 0.25))
    assert np.allclose(wide[:, :2], plain[:, :2] / 1.5, atol=1e-5)


def test_a_mirrored_picture_gives_the_mirrored_face():
    picture = blob_picture(POINTS)
    swapped = (POINTS * [-1, 1] + [160, 0])[[1, 0, 2, 4, 3]]
    one = face_of(row_of(sample_of()))[:, ::-1].astype(int)
    other = face_of(row_of(sample_of(points=swapped, picture=np.ascontiguousarray(picture[:, ::-1])))).astype(int)
    # ArcFace's template is itself off symmetry by 0.3 px
    assert np.abs(one - other).mean() < 2.0


def test_an_aligned_picture_passes_untouched():
    sample = sample_of()
    row = row_of(sample, given="aligned")
    assert row["face_aligned"]["bytes"] == sample["image"]["bytes"]
    assert row["align_matrix"] == [1, 0, 0, 0, 1, 0]
    assert row["align_template"] == "given"


def test_an_aligned_picture_that_cannot_be_read_is_a_problem():
    found = row_of(sample_of(image={"bytes": b"\x89PNG\r\n\x1a\nrubbish", "path": "a"}), given="aligned")
    assert isinstance(found, Problem)


@pytest.mark.parametrize(
    "points", [np.full((5, 2), 30.0), np.full((5, 2), np.nan), POINTS + 1e6, POINTS * 1e-4, (POINTS - 80) * 1e6]
)
def test_points_in_one_place_or_nowhere_are_a_problem(points):
    found = row_of(sample_of(points=points))
    assert isinstance(found, Problem)
    assert found.reason == "no_place"


def test_no_points_however_wild_raise():
    generator = np.random.default_rng(0)
    for _ in range(200):
        points = generator.normal(60, 10 ** generator.uniform(-2, 4), (5, 2))
        found = row_of(sample_of(points=points))
        assert isinstance(found, Problem) or face_of(found).shape == (112, 112, 3)


def test_a_large_photograph_gives_the_face_that_the_small_one_gives():
    picture = blob_picture(POINTS)
    large = Image.fromarray(picture).resize((160 * 10, 140 * 10), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    large.save(file, "JPEG", quality=97)
    small = face_of(row_of(sample_of(), size_px=48)).astype(int)
    image = {"bytes": file.getvalue(), "path": "a.jpg"}
    found = face_of(row_of(sample_of(points=POINTS * 10, image=image), size_px=48)).astype(int)
    assert np.abs(found - small).mean() < 3
    assert np.abs(found - small).max() < 40


def test_the_stage_keeps_the_laws():
    check_laws(Align(), [sample_of(), sample_of(points=np.zeros((5, 2)))])


@pytest.mark.parametrize("settings", [{"size_px": 4}, {"size_px": 5000}, {"margin": -1.0}, {"margin": 9.0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(RecipeError):
        Align(**settings)
