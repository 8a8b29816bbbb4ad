import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc

from facsim.errors import FacsimError
from facsim.metrics.verification import Pairs, measure_verification, roc_curve, verification_figures


def drawn(people=30, each=4, *, seed=0, digits=2, apart=1.0):
    """Embeddings on a line, rounded so that scores tie."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), each)
    place = rng.normal(0, 1, people)[person] * apart + rng.normal(0, 0.3, len(person))
    rows = np.array(list(itertools.combinations(range(len(person)), 2)))
    scores = np.round(-np.abs(place[rows[:, 0]] - place[rows[:, 1]]), digits)
    return Pairs(scores=scores, first=person[rows[:, 0]], second=person[rows[:, 1]])


def test_the_curve_is_that_of_scikit_learn():
    pairs = drawn()
    fpr, tpr, thresholds = sklearn_roc(pairs.same, pairs.scores, drop_intermediate=False)
    roc = roc_curve(pairs)
    np.testing.assert_allclose(roc.fpr, fpr)
    np.testing.assert_allclose(roc.tpr, tpr)
    np.testing.assert_allclose(roc.thresholds[1:], thresholds[1:])
    assert roc.auc == pytest.approx(roc_auc_score(pairs.same, pairs.scores), abs=1e-12)
    for rate in (0.1, 0.01, 0.001):
        assert roc.tpr_at(rate) == pytest.approx(tpr[fpr <= rate].max())


def test_weights_count_pairs_as_often():
    pairs = drawn(people=8)
    weights = np.random.default_rng(1).integers(0, 4, len(pairs))
    weighed = roc_auc_score(pairs.same, pairs.scores, sample_weight=weights)
    assert roc_curve(pairs, weights=weights).auc == pytest.approx(weighed, abs=1e-12)


def test_a_case_computed_by_hand():
    pairs = Pairs(
        scores=np.array([0.9, 0.8, 0.7, 0.6, 0.5]),
        first=np.array([0, 0, 1, 0, 1]),
        second=np.array([0, 1, 1, 1, 1]),
    )  # of one person: 0.9, 0.7, 0.5; of two: 0.8, 0.6
    roc = roc_curve(pairs)
    assert roc.auc == pytest.approx((2 + 1 + 0) / 6)
    assert roc.tpr_at(0.01) == pytest.approx(1 / 3) and roc.threshold_at(0.01) == 0.9
    assert roc.tpr_at(0.5) == pytest.approx(2 / 3)
    assert roc.eer == pytest.approx(0.5)  # from (0, 1/3) to (1/2, 1/3): at 1/2 fpr + tpr is 5/6, at (1/2, 2/3) 7/6


def test_perfect_scores_have_no_error():
    pairs = Pairs(scores=np.array([0.9, 0.1]), first=np.array([0, 0]), second=np.array([0, 1]))
    assert verification_figures(pairs) == {
        "auc": 1.0, "eer": 0.0, "tpr_at_fpr_0.01": 1.0, "tpr_at_fpr_0.001": 1.0
    }  # fmt: skip


def test_accepting_nothing_is_a_threshold_of_infinity():
    pairs = Pairs(scores=np.array([0.9, 0.1]), first=np.array([0, 0]), second=np.array([1, 0]))
    roc = roc_curve(pairs)
    assert roc.tpr_at(0.5) == 0.0 and math.isinf(roc.threshold_at(0.5))


def test_intervals_are_those_of_people_and_hold_the_value():
    pairs = drawn(people=12, each=3)
    found = measure_verification(pairs, rng=np.random.default_rng(0), resamples=100)
    assert found["auc"].n == 12
    assert found["auc"].low < found["auc"].value < found["auc"].high


def test_more_pictures_of_the_same_people_do_not_feign_certainty():
    few, many = (drawn(people=10, each=each, digits=6) for each in (3, 24))
    widths = []
    for pairs in (few, many):
        auc = measure_verification(pairs, rng=np.random.default_rng(0), resamples=100)["auc"]
        widths.append(auc.high - auc.low)
    assert len(many) > 60 * len(few) / 2 and widths[1] > widths[0] / 4  # of pairs it would be an eighth


def test_pairs_of_one_kind_are_refused():
    with pytest.raises(FacsimError, match="one kind alone"):
        Pairs(scores=np.zeros(2), first=np.array([0, 1]), second=np.array([0, 1]))


def test_a_score_that_is_not_finite_is_refused():
    with pytest.raises(FacsimError, match="not finite"):
        Pairs(scores=np.array([np.nan, 0.0]), first=np.array([0, 1]), second=np.array([0, 0]))
