import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.models.face_crop import (
    TEMPLATES,
    cut_square,
    fit_box,
    fit_similarity,
    invert,
    moved,
    square_about,
    template_points,
)


def similarity(angle, zoom, shift):
    cosine, sine = zoom * np.cos(angle), zoom * np.sin(angle)
    return np.array([[cosine, -sine, shift[0]], [sine, cosine, shift[1]]])


def test_a_similarity_is_found_exactly():
    wanted = np.stack([similarity(0.3, 0.7, (5, -9)), similarity(-1.2, 2.5, (100, 40))])
    source = np.random.default_rng(0).normal(50, 20, (2, 5, 2))
    found = np.stack([fit_similarity(source[i : i + 1], moved(source, wanted)[i])[0] for i in range(2)])
    assert np.allclose(found, wanted)


def test_the_fit_is_least_squares():
    rng = np.random.default_rng(1)
    source, target = rng.normal(0, 10, (1, 5, 2)), rng.normal(0, 10, (5, 2))
    best = fit_similarity(source, target)

    def miss(matrices):
        return ((moved(source, matrices) - target) ** 2).sum()

    for _ in range(200):
        a, b = rng.normal(0, 1e-3, 2)
        nudged = best + np.array([[[a, -b, rng.normal(0, 1e-2)], [b, a, rng.normal(0, 1e-2)]]])
        assert miss(nudged) >= miss(best)


def test_mirrored_points_are_not_mirrored_back():
    points = TEMPLATES["arcface"][None] * [-1, 1]
    assert np.linalg.det(fit_similarity(points, TEMPLATES["arcface"])[0, :, :2]) > 0


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_have_the_subjects_left_eye_on_the_right_and_lie_within(name):
    left, right, nose, mouth_left, mouth_right = template_points(name)
    assert left[0] > nose[0] > right[0] and mouth_left[0] > mouth_right[0]
    assert left[1] < nose[1] < mouth_left[1]
    assert (TEMPLATES[name] > 20).all() and (TEMPLATES[name] < 96).all()


def test_arcfaces_template_is_the_published_one():
    assert TEMPLATES["arcface"][1] == pytest.approx([38.2946, 51.6963])
    assert template_points("arcface", size_px=224)[2] == pytest.approx([112.0504, 143.4732])


def test_a_box_comes_to_the_middle_of_its_crop():
    matrices = fit_box(np.array([[10.0, 20.0, 50.0, 40.0]]), scale=2.0, size_px=64)
    assert moved(np.array([[[30.0, 30.0], [-10.0, -10.0]]]), matrices)[0] == pytest.approx(np.array([[32, 32], [0, 0]]))


def test_there_and_back_is_where_it_was():
    matrices = np.stack([similarity(0.4, 3.0, (1, 2))])
    points = np.random.default_rng(0).normal(0, 5, (1, 7, 2))
    assert np.allclose(moved(moved(points, matrices), invert(matrices)), points)


def test_an_unknown_template_is_refused_with_the_nearest():
    with pytest.raises(FacsimError, match='Did you mean "wide"'):
        template_points("wider")


def test_a_square_is_about_the_boxs_middle_and_no_longer_than_the_picture():
    assert square_about(np.array([40.0, 40, 60, 50]), scale=2.0, shape=(200, 300, 3)) == (30, 25, 70, 65)
    left, top, right, bottom = square_about(np.array([50.0, 20, 250, 180]), scale=2.0, shape=(200, 300, 3))
    assert (right - left, bottom - top) == (300, 300)
    left, top, right, bottom = square_about(np.array([-40.0, 10, 320, 190]), scale=2.0, shape=(200, 300, 3))
    assert right - left == 360


@pytest.mark.parametrize(
    "box", [(10, 10, 10, 20), (-50, 0, -10, 20), (0, 190, 20, 220), (-400, 10, 410, 20), (np.nan, 0, 9, 9)]
)
def test_a_box_that_is_no_place_in_the_picture_gives_no_square(box):
    assert square_about(np.array(box, dtype=float), scale=2.0, shape=(200, 300, 3)) is None


def test_a_square_holds_the_pictures_own_pixels_and_outside_its_border():
    picture = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    found = cut_square(picture, (-2, 3, 4, 9))
    assert np.array_equal(found[:3, 2:], picture[3:6, :4])
    assert (found[:3, :2] == picture[3:6, :1]).all() and (found[3:, 2:] == picture[5, :4]).all()
