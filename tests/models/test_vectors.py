"""Many small vectors at once, with NumPy's own bits."""

import numpy as np
import pytest

from facsim.models.vectors import clamp, cross_vectors, find_slopes, measure_lengths

PLANES = np.random.default_rng(0).normal(size=(2, 3, 40, 9))


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lengths_are_numpys_to_the_bit(axes: int, dtype: type[np.floating]) -> None:
    planes = PLANES[0, :axes].astype(dtype)
    assert (measure_lengths(planes) == np.linalg.norm(np.moveaxis(planes, 0, -1), axis=-1)).all()


def test_cross_products_are_numpys_to_the_bit() -> None:
    assert (cross_vectors(*PLANES) == np.cross(*PLANES, axis=0)).all()


def test_a_vector_is_crossed_with_many() -> None:
    up = np.array([0.0, 1.0, 0.0])
    assert (cross_vectors(up, PLANES[0, :, 0]) == np.cross(up, PLANES[0, :, 0].T).T).all()


def test_slopes_are_numpys_to_the_bit() -> None:
    assert (find_slopes(PLANES[0]) == np.gradient(PLANES[0], axis=-1)).all()


@pytest.mark.parametrize("value", [-3.0, 0.2, 0.25, 7.5, float("inf"), -0.0, np.float32(0.3)])
def test_a_number_is_clamped_as_numpy_clips_it(value: float) -> None:
    found = clamp(value, 0.2, 1.5)
    assert type(found) is float and found == float(np.clip(value, 0.2, 1.5))
