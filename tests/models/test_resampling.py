"""Crops lie where their matrix says, whatever the scale."""

import numpy as np
import pytest

from facsim.models.face_crop import fit_box, invert, moved
from facsim.models.resampling import cut_out, fitted_into, is_sound


def ramp(width=200, height=160):
    """Red rises by a level a pixel to the right, green falls; blue rises downwards."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    return np.stack([x, 220 - x, y], axis=-1).astype(np.uint8)


def turned(angle_deg, zoom, shift):
    c, s = np.cos(np.radians(angle_deg)) * zoom, np.sin(np.radians(angle_deg)) * zoom
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


@pytest.mark.parametrize("zoom", [0.21, 0.5, 0.9, 1.0, 2.7])
def test_each_pixel_shows_the_place_that_the_matrix_says(zoom):
    size = 32
    centre = np.array([100.0, 80.0])
    matrix = turned(20, zoom, (0, 0))
    matrix[:, 2] = size / 2 - matrix[:, :2] @ centre
    found = cut_out(ramp(), matrix, size_px=size).astype(float)
    places = np.stack(np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5), axis=-1).reshape(1, -1, 2)
    expected = moved(places, invert(matrix[None]))[0].reshape(size, size, 2)
    inside = ((expected > 8) & (expected < np.array([192, 152]))).all(axis=-1)
    across = (found[..., 0] - found[..., 1] + 220) / 2  # the difference takes out that Pillow rounds down
    assert np.abs((across - expected[..., 0])[inside]).max() <= 1.0
    assert abs((across - expected[..., 0])[inside].mean()) <= 0.1
    assert abs((found[..., 2] - expected[..., 1])[inside].mean() + 0.5) <= 0.6


@pytest.mark.parametrize("zoom", [0.3, 1.0, 2.0])
def test_outside_the_picture_its_border_goes_on(zoom):
    picture = np.full((40, 40, 3), 90, dtype=np.uint8)
    found = cut_out(picture, np.array([[zoom, 0, -50.0], [0, zoom, 30.0]]), size_px=64)
    assert found.shape == (64, 64, 3)
    assert (found == 90).all()


def test_fine_stripes_become_grey_when_the_picture_is_made_small():
    stripes = np.zeros((400, 400, 3), dtype=np.uint8)
    stripes[:, ::2] = 200
    found = cut_out(stripes, np.array([[0.13, 0, 0], [0, 0.13, 0]]), size_px=48)
    assert np.abs(found.astype(int) - 100).max() <= 12


def test_a_mirrored_picture_gives_the_mirrored_crop():
    picture = np.random.default_rng(0).integers(0, 256, (120, 96, 3)).astype(np.uint8)
    matrix = turned(12, 0.8, (3.0, -5.0))
    across = np.array([[-1.0, 0.0, 96.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    whole = np.vstack([matrix, [0, 0, 1]])
    back = np.array([[-1.0, 0.0, 40.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    mirrored = (back @ whole @ across)[:2]
    one = cut_out(picture, matrix, size_px=40)[:, ::-1].astype(int)
    other = cut_out(np.ascontiguousarray(picture[:, ::-1]), mirrored, size_px=40).astype(int)
    assert np.abs(one - other).max() <= 2


@pytest.mark.parametrize(
    "matrix",
    [
        [[0, 0, 0], [0, 0, 0]],
        [[np.nan, 0, 0], [0, 1, 0]],
        [[1, 1, 0], [1, 1, 0]],
        [[1, 0, 1e7], [0, 1, 0]],
        [[1e-5, 0, 0], [0, 1e-5, 0]],
        [[1e6, 0, 0], [0, 1e6, 0]],
    ],
)
def test_crops_of_nothing_and_from_nowhere_are_not_sound(matrix):
    assert not is_sound(np.array(matrix, dtype=float), (100, 100, 3), size_px=64)


def test_a_crop_about_a_face_is_sound():
    matrix = fit_box(np.array([[10, 10, 90, 90]]), scale=1.4, size_px=64)[0]
    assert is_sound(matrix, (100, 100, 3), size_px=64)


def test_a_picture_fits_into_a_square_and_its_places_with_it():
    picture = np.zeros((50, 200, 3), dtype=np.uint8)
    picture[20:30, 100:110] = 255
    square, matrix = fitted_into(picture, size_px=64)
    assert square.shape == (64, 64, 3)
    assert (square[0] == 128).all()
    x, y = matrix[:, :2] @ [105.0, 25.0] + matrix[:, 2]
    bright = np.argwhere(square[..., 0] > 200)
    assert np.allclose(bright.mean(axis=0) + 0.5, [y, x], atol=0.6)


def test_a_crop_that_lies_wholly_outside_sees_the_nearest_border():
    picture = np.zeros((20, 30, 3), dtype=np.uint8)
    picture[:, 0], picture[:, -1] = 40, 200
    for left, seen in ((-60.0, 40), (60.0, 200)):
        matrix = np.array([[1.0, 0.0, -left], [0.0, 1.0, 5.0]])
        assert (cut_out(picture, matrix, size_px=24) == seen).all()
