"""facsim.learn.protocols.measuring: figures over seeds, and paired differences, against scikit-learn and by hand."""

import dataclasses

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from facsim.errors import FacsimError
from facsim.learn.protocols.measuring import Calls, compare, draws_of, measure
from facsim.metrics.comparison import compare as compare_answers

CLASSES = ("anger", "fear", "happiness")


def calls(seed: int = 0, seeds: int = 2, n: int = 200, right: float = 0.6, **changes) -> Calls:
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(99).integers(0, 3, n)
    called = np.where(rng.random((seeds, n)) < right, truth, rng.integers(0, 3, (seeds, n)))
    values = {"row": f"row {seed}", "test": "test", "classes": CLASSES, "truth": truth, "called": called}
    return Calls(**{**values, "seeds": tuple(range(seeds)), "seen": (None,) * seeds, **changes})


def test_figures_agree_with_scikit_learn_seed_by_seed():
    row = calls()
    found = measure(row, resamples=50)
    for place, called in enumerate(row.called):
        assert found.figures["accuracy"].values[place] == pytest.approx(
            sklearn_metrics.accuracy_score(row.truth, called)
        )
        assert found.figures["uar"].values[place] == pytest.approx(
            sklearn_metrics.balanced_accuracy_score(row.truth, called)
        )
        assert found.figures["macro_f1"].values[place] == pytest.approx(
            sklearn_metrics.f1_score(row.truth, called, average="macro")
        )


def test_mean_and_deviation_are_those_of_the_seeds_by_hand():
    row = dataclasses.replace(calls(n=4), truth=np.array([0, 0, 1, 2]), called=np.array([[0, 0, 1, 2], [0, 1, 1, 0]]))
    found = measure(row, resamples=50).figures["accuracy"]
    assert found.values == (1.0, 0.5) and found.mean == 0.75
    assert found.sd == pytest.approx(0.5 / np.sqrt(2))


def test_the_interval_is_that_of_pictures_drawn_one_by_one():
    row = calls(n=150)
    rng = np.random.default_rng(1)
    rates = (row.called == row.truth).mean(axis=0)
    drawn = np.array([rates[rng.integers(0, 150, 150)].mean() for _ in range(4000)])
    found = measure(row, resamples=4000).figures["accuracy"]
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.01)


def test_a_class_that_the_test_lacks_has_no_recall():
    row = calls()
    found = measure(dataclasses.replace(row, truth=np.minimum(row.truth, 1)), resamples=20)
    assert found.recall["happiness"] is None and found.recall["fear"] is not None


def test_figures_without_seen_pictures_are_those_of_the_others():
    row = calls(seeds=1)
    seen = np.zeros(200, bool)
    seen[:50] = True
    found = measure(dataclasses.replace(row, seen=(seen,)), resamples=20)
    assert found.seen == (50,)
    assert found.unseen["accuracy"].mean == pytest.approx((row.called[0] == row.truth)[50:].mean())


def test_near_duplicates_are_left_out_too():
    near = np.zeros(200, bool)
    near[:20] = True
    row = dataclasses.replace(calls(seeds=1), seen=(np.zeros(200, bool),), near=(near,))
    found = measure(row, resamples=20)
    assert (found.seen, found.near) == ((0,), (20,))
    assert found.unseen["accuracy"].mean == pytest.approx((row.called[0] == row.truth)[20:].mean())


def test_nothing_is_told_without_seen_pictures_where_none_was_seen():
    assert measure(dataclasses.replace(calls(seeds=1), seen=(np.zeros(200, bool),)), resamples=20).unseen == {}


def test_a_row_does_not_differ_from_itself():
    for found in compare(calls(), calls(), resamples=100):
        assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_one_seed_differs_as_the_metrics_module_has_it():
    one, other = calls(1, seeds=1), calls(2, seeds=1, right=0.75)
    names = [[CLASSES[place] for place in answers] for answers in (one.truth, one.called[0], other.called[0])]
    wanted = compare_answers(*names, classes=CLASSES, rng=np.random.default_rng(0), resamples=4000)
    for found in compare(other, one, resamples=4000):
        estimate = wanted.differences[found.metric].estimate
        assert found.difference == pytest.approx(estimate.value)
        assert (found.low, found.high) == pytest.approx((estimate.low, estimate.high), abs=0.012)


def test_pairing_narrows_the_interval_of_rows_that_err_together():
    one = calls(1)
    other = dataclasses.replace(one, row="other", called=np.where(np.arange(200) < 4, one.truth, one.called))
    accuracy = compare(other, one, resamples=1000)[0]
    alone = measure(one, resamples=1000).figures["accuracy"]
    assert accuracy.high - accuracy.low < 0.5 * (alone.high - alone.low)


def test_rows_of_other_pictures_are_not_compared():
    with pytest.raises(FacsimError, match="same pictures"):
        compare(calls(), calls(n=100))


def test_rows_drawn_together_are_drawn_with_the_same_pictures():
    one, again = draws_of([calls(), calls()], "uar", resamples=50)
    assert np.array_equal(one, again) and one.shape == (51, 2)
