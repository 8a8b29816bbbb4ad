"""facsim.metrics.comparison against cases by hand, SciPy's tests and a plain paired bootstrap."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from facsim.errors import FacsimError
from facsim.metrics import compare, mcnemar

NAMES = ("a", "b", "c")


def answers(n: int, seed: int, right: float) -> tuple[list[str], list[str]]:
    generator = np.random.default_rng(seed)
    truth = np.random.default_rng(0).integers(0, 3, n)
    called = np.where(generator.random(n) < right, truth, generator.integers(0, 3, n))
    return [NAMES[k] for k in truth], [NAMES[k] for k in called]


def compared(truth, one, other, **more):
    return compare(truth, one, other, classes=NAMES, rng=np.random.default_rng(0), **more)


def test_differences_are_those_of_scikit_learn():
    truth, one = answers(400, 1, 0.5)
    _, other = answers(400, 2, 0.7)
    found = compared(truth, one, other).differences
    expected = {
        "accuracy": accuracy_score(truth, other) - accuracy_score(truth, one),
        "uar": balanced_accuracy_score(truth, other) - balanced_accuracy_score(truth, one),
        "macro_f1": f1_score(truth, other, average="macro") - f1_score(truth, one, average="macro"),
    }
    assert {name: one.estimate.value for name, one in found.items()} == pytest.approx(expected, abs=1e-12)


def test_the_interval_is_that_of_a_bootstrap_of_pictures_with_both_answers():
    truth, one = answers(300, 1, 0.5)
    _, other = answers(300, 2, 0.6)
    found = compared(truth, one, other, resamples=6000).differences["accuracy"].estimate
    gain = (np.array(other) == truth).astype(float) - (np.array(one) == truth)
    rows = np.random.default_rng(1).integers(0, 300, (6000, 300))
    plain = np.quantile(gain[rows].mean(axis=1), [0.025, 0.975])
    assert np.allclose([found.low, found.high], plain, atol=6e-3)


def test_a_classifier_compared_with_itself_differs_by_nothing():
    truth, one = answers(50, 1, 0.5)
    found = compared(truth, one, one)
    figure = found.differences["accuracy"]
    assert (figure.estimate.low, figure.estimate.high, figure.p, found.mcnemar_p) == (0.0, 0.0, 1.0, 1.0)


def test_pictures_that_only_one_calls_right_are_counted():
    found = compared(["a", "a", "b", "b"], ["a", "a", "a", "a"], ["b", "a", "b", "b"])
    assert (found.only_one_right, found.only_other_right) == (1, 2)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 9), (7, 7), (30, 55), (400, 520)])
def test_mcnemar_is_the_binomial_test_of_scipy(one: int, other: int):
    assert mcnemar(one, other) == pytest.approx(stats.binomtest(one, one + other, 0.5).pvalue, rel=1e-9)


def test_mcnemar_by_hand():
    # 1 against 9 of 10: 2 * (1 + 10) / 2**10.
    assert mcnemar(1, 9) == pytest.approx(22 / 1024)


def test_mcnemar_without_disagreement_is_1():
    assert mcnemar(0, 0) == 1.0


def test_lengths_that_differ_are_refused():
    with pytest.raises(FacsimError, match="2 true classes, 1 and 2 answers"):
        compared(["a", "b"], ["a"], ["a", "b"])
