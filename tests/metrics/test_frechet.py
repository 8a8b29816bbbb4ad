"""facsim.metrics.frechet against a case computed by hand and SciPy's matrix square root."""

import numpy as np
import pytest
from scipy import linalg

from facsim.errors import FacsimError
from facsim.metrics import Moments, frechet, frechet_distance, moments_of


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def drawn(n: int, width: int, *, seed: int, shift: float = 0.0) -> np.ndarray:
    mixing = rng(99).normal(size=(width, width))
    return (rng(seed).normal(size=(n, width)) @ mixing + shift).astype(np.float32)


def test_the_distance_of_two_gaussians_by_hand():
    # |(0, 0) - (3, 4)|² + tr(I + 4 I - 2 · 2 I) = 25 + 2
    one = Moments(mean=np.zeros(2), covariance=np.eye(2), n=10)
    other = Moments(mean=np.array([3.0, 4.0]), covariance=4 * np.eye(2), n=10)
    assert frechet_distance(one, other) == pytest.approx(27.0, abs=1e-9)


def test_the_distance_agrees_with_scipys_square_root():
    one, other = moments_of(drawn(400, 12, seed=1)), moments_of(drawn(300, 12, seed=2, shift=0.4))
    root = linalg.sqrtm(one.covariance @ other.covariance).real
    expected = np.square(one.mean - other.mean).sum() + np.trace(one.covariance + other.covariance - 2 * root)
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-6)


def test_moments_are_numpys_whatever_the_offset():
    features = drawn(5000, 6, seed=3, shift=500.0)
    found = moments_of(features)
    assert found.mean == pytest.approx(features.astype(np.float64).mean(axis=0), rel=1e-12)
    assert found.covariance == pytest.approx(np.cov(features.astype(np.float64), rowvar=False), rel=1e-8)


def test_moments_of_rows_are_those_of_the_rows():
    features, rows = drawn(100, 4, seed=3), np.array([3, 50, 7, 99])
    assert moments_of(features, rows).covariance == pytest.approx(np.cov(features[rows], rowvar=False), rel=1e-4)


def test_a_set_is_no_distance_from_itself_though_its_covariance_is_singular():
    few = moments_of(drawn(5, 12, seed=4))
    assert frechet_distance(few, few) == pytest.approx(0.0, abs=1e-6)


def test_the_interval_holds_the_value_and_is_as_wide_as_other_draws_vary():
    values = [frechet(drawn(300, 6, seed=2 * s), drawn(300, 6, seed=2 * s + 1, shift=1), rng=rng()) for s in range(40)]
    assert all(found.low <= found.value <= found.high for found in values)
    half = np.mean([(found.high - found.low) / 2 for found in values])
    assert half / 2.09 == pytest.approx(np.std([found.value for found in values]), rel=0.35)


def test_features_on_disk_give_what_they_give_in_memory(tmp_path):
    features = drawn(9000, 5, seed=5)
    np.save(tmp_path / "f.npy", features)
    mapped = np.load(tmp_path / "f.npy", mmap_mode="r")
    assert (moments_of(mapped).covariance == moments_of(features).covariance).all()


def test_features_of_other_widths_are_refused():
    with pytest.raises(FacsimError, match="4 and 5 numbers"):
        frechet_distance(moments_of(drawn(9, 4, seed=0)), moments_of(drawn(9, 5, seed=0)))
