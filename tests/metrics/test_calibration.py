"""facsim.metrics.calibration against cases computed by hand and against scikit-learn's calibration curve."""

import time

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from facsim.errors import FacsimError
from facsim.metrics import brier, classwise_ece, ece, nll, reliability


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_ece_of_the_hand_computed_case():
    # (0, 0.5] holds 0.5 (right) and 0.4 (wrong): |1 - 0.9| / 4; (0.5, 1] holds 0.9 and 0.8 (both right): 0.3 / 4.
    confidence, correct = np.array([0.5, 0.4, 0.9, 0.8]), np.array([True, False, True, True])
    assert ece(confidence, correct, rng=rng(), bins=2).value == pytest.approx(0.1, abs=1e-12)


def test_a_sure_and_always_right_classifier_has_no_error():
    assert ece(np.ones(50), np.ones(50, dtype=bool), rng=rng()).value == 0.0


def test_ece_agrees_with_the_calibration_curve_of_scikit_learn():
    confidence = rng().uniform(0.2, 0.999, 4000)
    correct = rng().random(4000) < confidence**2
    accuracies, means = calibration_curve(correct, confidence, n_bins=15, strategy="uniform")
    counts = np.histogram(confidence, bins=np.linspace(0, 1, 16))[0]
    expected = np.sum(counts[counts > 0] / 4000 * np.abs(accuracies - means))
    assert ece(confidence, correct, rng=rng()).value == pytest.approx(expected, abs=1e-9)


def test_resampling_in_parts_gives_the_same_interval(monkeypatch: pytest.MonkeyPatch):
    confidence = rng().uniform(0.2, 1.0, 500)
    correct = rng().random(500) < 0.7
    whole = ece(confidence, correct, rng=rng())
    monkeypatch.setattr("facsim.metrics.estimate._DRAWS_AT_ONCE", 1700)
    assert ece(confidence, correct, rng=rng()) == whole


def test_3589_pictures_take_well_under_a_second():
    confidence = rng().uniform(0.2, 1.0, 3589)
    start = time.perf_counter()
    ece(confidence, confidence > 0.5, rng=rng())
    assert time.perf_counter() - start < 0.8


def test_logits_are_refused():
    with pytest.raises(FacsimError, match="not logits"):
        ece(np.array([3.2, -1.0]), np.array([True, False]), rng=rng())


def test_shapes_that_differ_are_refused():
    with pytest.raises(FacsimError, match="equal shapes"):
        ece(np.array([0.2]), np.array([True, False]), rng=rng())


def scored(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    generator = rng()
    scores = generator.dirichlet(np.ones(4), n)
    return scores, np.array([generator.choice(4, p=row) for row in scores])


def test_the_likelihood_is_scikit_learns_log_loss():
    scores, truth = scored()
    assert nll(scores, truth, rng=rng()).value == pytest.approx(log_loss(truth, scores, labels=range(4)), abs=1e-9)


def test_a_sure_miss_costs_a_finite_amount():
    assert nll(np.array([[1.0, 0.0]]), np.array([1]), rng=rng()).value == pytest.approx(-np.log(1e-12))


def test_the_brier_score_is_scikit_learns_summed_over_classes():
    scores, truth = scored()
    expected = sum(brier_score_loss(truth == k, scores[:, k]) for k in range(4))
    assert brier(scores, truth, rng=rng()).value == pytest.approx(expected, abs=1e-9)


def test_the_brier_score_by_hand():
    assert brier(np.array([[0.7, 0.3]]), np.array([0]), rng=rng()).value == pytest.approx(0.09 + 0.09)


def test_the_interval_of_a_mean_covers_it_as_the_normal_one_does():
    scores, truth = scored(2000)
    found = nll(scores, truth, rng=rng())
    values = -np.log(scores[np.arange(2000), truth])
    half = 1.96 * values.std() / np.sqrt(2000)
    assert found.low == pytest.approx(found.value - half, abs=0.01)
    assert found.high == pytest.approx(found.value + half, abs=0.01)


def test_the_class_wise_error_is_the_mean_of_each_classs_own():
    scores, truth = scored()
    each = [ece(scores[:, k], truth == k, rng=rng(), resamples=5).value for k in range(4)]
    assert classwise_ece(scores, truth, rng=rng(), resamples=5).value == pytest.approx(np.mean(each), abs=1e-12)


def test_reliability_bins_sum_to_the_error():
    scores, truth = scored()
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    bins = reliability(confidence, right)
    summed = sum(one.n * abs(one.accuracy - one.confidence) for one in bins if one.n) / len(truth)
    assert summed == pytest.approx(ece(confidence, right, rng=rng()).value, abs=1e-12)
    assert sum(one.n for one in bins) == len(truth)


def test_an_empty_reliability_bin_has_no_figures():
    empty = reliability(np.array([0.95]), np.array([True]))[0].to_json()
    assert (empty["n"], empty["confidence"], empty["accuracy"]) == (0, None, None)


def test_a_true_class_without_a_column_is_refused():
    with pytest.raises(FacsimError, match="beyond the 2 columns"):
        nll(np.array([[0.5, 0.5]]), np.array([2]), rng=rng())


def test_scores_that_are_not_numbers_are_refused():
    with pytest.raises(FacsimError, match="no distributions"):
        brier(np.array([[np.nan, 0.5]]), np.array([0]), rng=rng())


@pytest.mark.parametrize("n", [8, 20, 60])
def test_the_intervals_of_calibration_errors_hold_them_on_tiny_sets(n):
    for seed in range(20):
        generator = np.random.default_rng(seed)
        scores = generator.dirichlet(np.ones(7), n)
        truth = np.array([generator.choice(7, p=row) for row in scores])
        for found in (
            classwise_ece(scores, truth, rng=rng(), resamples=200),
            ece(scores.max(axis=1), scores.argmax(axis=1) == truth, rng=rng(), resamples=200),
        ):
            assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_class_wise_interval_covers_what_other_draws_give():
    def drawn(seed: int, n: int = 60):
        generator = np.random.default_rng(seed)
        scores = generator.dirichlet(np.ones(5), n)
        return scores, np.array([generator.choice(5, p=row) for row in scores])

    figures = [classwise_ece(*drawn(seed), rng=rng(), resamples=200) for seed in range(60)]
    expected = np.mean([found.value for found in figures])
    assert np.mean([found.low <= expected <= found.high for found in figures]) > 0.85
