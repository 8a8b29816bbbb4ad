"""facsim.metrics.classification against a case computed by hand and against scikit-learn."""

import time

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
)

from facsim.errors import FacsimError
from facsim.metrics import Confusion, accuracy, f1, macro_f1, precision, recall, tally, uar

SEVEN = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

# By hand: a 4 pictures (3 right, 1 called b), b 2 (1 right, 1 called a), c 4 (all called a).
BY_HAND = Confusion(classes=("a", "b", "c"), counts=np.array([[3, 1, 0], [1, 1, 0], [4, 0, 0]], dtype=np.int64))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def random_labels(n: int, seed: int, names: tuple[str, ...] = SEVEN) -> tuple[list[str], list[str]]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, len(names), n)
    guess = np.where(generator.random(n) < 0.6, truth, generator.integers(0, len(SEVEN), n))
    return [names[i] for i in truth], [SEVEN[i] for i in guess]


def test_accuracy_of_the_hand_computed_case():
    assert accuracy(BY_HAND, rng=rng()).value == pytest.approx(4 / 10, abs=1e-12)


def test_uar_of_the_hand_computed_case():
    assert uar(BY_HAND, rng=rng()).value == pytest.approx((3 / 4 + 1 / 2 + 0) / 3, abs=1e-12)


def test_macro_f1_of_the_hand_computed_case():
    # a: 2*3 / (4 + 8) = 1/2; b: 2*1 / (2 + 2) = 1/2; c: 0 / (4 + 0) = 0.
    assert macro_f1(BY_HAND, rng=rng()).value == pytest.approx(1 / 3, abs=1e-12)


def test_precision_of_a_class_never_predicted_is_undefined():
    assert np.isnan(precision(BY_HAND)["c"])


@pytest.mark.parametrize("seed", range(5))
def test_headline_values_agree_with_scikit_learn(seed: int):
    truth, guess = random_labels(500, seed)
    confusion = tally(truth, guess, classes=SEVEN)
    ours = [metric(confusion, rng=rng(), resamples=10).value for metric in (accuracy, uar, macro_f1)]
    theirs = [
        accuracy_score(truth, guess),
        balanced_accuracy_score(truth, guess),
        f1_score(truth, guess, average="macro", labels=list(SEVEN)),
    ]
    assert np.allclose(ours, theirs, atol=1e-9, rtol=0)


def test_per_class_rates_agree_with_scikit_learn():
    truth, guess = random_labels(500, 9)
    confusion = tally(truth, guess, classes=SEVEN)
    for ours, theirs in ((recall, recall_score), (precision, precision_score), (f1, f1_score)):
        expected = theirs(truth, guess, average=None, labels=list(SEVEN))
        assert np.allclose(list(ours(confusion).values()), expected, atol=1e-9, rtol=0)


def test_confusion_counts_agree_with_scikit_learn():
    truth, guess = random_labels(500, 3)
    assert (tally(truth, guess, classes=SEVEN).counts == confusion_matrix(truth, guess, labels=list(SEVEN))).all()


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_a_class_absent_from_the_truth_is_left_out_as_scikit_learn_does():
    truth, guess = random_labels(400, 4, names=SEVEN[:5])
    confusion = tally(truth, guess, classes=SEVEN)
    assert confusion.absent == SEVEN[5:]
    assert uar(confusion, rng=rng()).value == pytest.approx(balanced_accuracy_score(truth, guess), abs=1e-9)
    expected = f1_score(truth, guess, average="macro", labels=list(SEVEN[:5]))
    assert macro_f1(confusion, rng=rng()).value == pytest.approx(expected, abs=1e-9)
    assert np.isnan(recall(confusion)["surprise"]) and np.isnan(f1(confusion)["surprise"])


def test_interval_matches_the_exact_one_of_a_proportion():
    confusion = Confusion(classes=("a", "b"), counts=np.array([[1300, 700], [0, 1589]], dtype=np.int64))
    estimate = accuracy(confusion, rng=rng(), resamples=20_000)
    p, n = estimate.value, estimate.n
    half = 1.96 * np.sqrt(p * (1 - p) / n)
    assert estimate.low == pytest.approx(p - half, abs=1e-3) and estimate.high == pytest.approx(p + half, abs=1e-3)


def test_interval_matches_a_bootstrap_that_resamples_the_pictures():
    truth, guess = random_labels(300, 7)
    estimate = uar(tally(truth, guess, classes=SEVEN), rng=rng(), resamples=4000)
    t, g, generator = np.array(truth), np.array(guess), np.random.default_rng(1)
    plain = []
    for _ in range(1500):
        rows = generator.integers(0, 300, 300)
        plain.append(np.mean([(g[rows][t[rows] == name] == name).mean() for name in np.unique(t[rows])]))
    assert np.allclose([estimate.low, estimate.high], np.quantile(plain, [0.025, 0.975]), atol=6e-3)


def test_same_seed_gives_the_same_interval():
    assert uar(BY_HAND, rng=rng()) == uar(BY_HAND, rng=rng())


def test_three_estimates_over_3589_pictures_take_well_under_a_second():
    truth, guess = random_labels(3589, 0)
    confusion = tally(truth, guess, classes=SEVEN)
    start = time.perf_counter()
    for metric in (accuracy, uar, macro_f1):
        metric(confusion, rng=rng())
    assert time.perf_counter() - start < 0.5


def test_an_undeclared_class_is_refused_by_name_with_the_nearest():
    with pytest.raises(FacsimError, match=r'"happines".*"happiness"'):
        tally(["anger"], ["happines"], classes=SEVEN)


def test_lengths_that_differ_are_refused():
    with pytest.raises(FacsimError, match="2 true and 1 predicted"):
        tally(["anger", "fear"], ["anger"], classes=SEVEN)


def test_no_pictures_are_refused():
    with pytest.raises(FacsimError, match="no pictures"):
        accuracy(tally([], [], classes=SEVEN), rng=rng())


def test_a_class_declared_twice_is_refused():
    with pytest.raises(FacsimError, match="twice"):
        tally(["anger"], ["anger"], classes=("anger", "anger"))
