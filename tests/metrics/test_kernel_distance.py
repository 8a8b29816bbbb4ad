"""facsim.metrics.kernel_distance against a case computed by hand and sums written pair by pair."""

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.metrics import kernel_distance, unbiased_mmd


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pair_by_pair(one: np.ndarray, other: np.ndarray) -> float:
    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((np.dot(x, y) / len(x) + 1) ** 3)

    n, m = len(one), len(other)
    inside = sum(kernel(one[i], one[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    beside = sum(kernel(other[i], other[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return inside + beside - 2 * sum(kernel(x, y) for x in one for y in other) / (n * m)


def test_the_discrepancy_by_hand():
    # k(1, 1) = 8, k(-1, -1) = 8, k(1, -1) = 0: 8 + 8 - 2 · 0
    assert unbiased_mmd(np.array([[1.0], [1.0]]), np.array([[-1.0], [-1.0]])) == pytest.approx(16.0)


def test_the_discrepancy_is_the_sum_over_pairs():
    one, other = rng(1).normal(size=(9, 4)), rng(2).normal(0.3, 1, size=(7, 4))
    assert unbiased_mmd(one, other) == pytest.approx(pair_by_pair(one, other), rel=1e-10)


def test_equal_distributions_give_a_figure_about_zero_that_may_be_below():
    found = [unbiased_mmd(rng(2 * s).normal(size=(60, 5)), rng(2 * s + 1).normal(size=(60, 5))) for s in range(60)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(60)
    assert min(found) < 0


def test_small_sets_are_taken_whole():
    one, other = rng(1).normal(size=(40, 4)).astype(np.float32), rng(2).normal(size=(40, 4)).astype(np.float32)
    assert kernel_distance(one, other, rng=rng()).value == pytest.approx(unbiased_mmd(one, other), rel=1e-9)


def test_the_figure_is_the_same_for_the_same_seed_and_lies_in_its_interval():
    one, other = rng(1).normal(size=(90, 4)).astype(np.float32), rng(2).normal(size=(60, 4)).astype(np.float32)
    found = kernel_distance(one, other, rng=rng())
    assert found == kernel_distance(one, other, rng=rng())
    assert found.low < found.value < found.high
    assert found.n == 60


def test_the_interval_is_as_wide_as_other_draws_vary():
    def figure(seed: int):
        one, other = rng(2 * seed).normal(size=(120, 4)), rng(2 * seed + 1).normal(0.4, 1, size=(120, 4))
        return kernel_distance(one.astype(np.float32), other.astype(np.float32), rng=rng())

    found = [figure(seed) for seed in range(40)]
    half = np.mean([(one.high - one.low) / 2 for one in found])
    assert half / 1.98 == pytest.approx(np.std([one.value for one in found]), rel=0.35)


def test_one_picture_is_too_few():
    with pytest.raises(FacsimError, match="at least 2 each"):
        unbiased_mmd(np.zeros((1, 3)), np.zeros((5, 3)))
