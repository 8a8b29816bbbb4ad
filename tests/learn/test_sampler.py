"""facsim.learn.sampler: balance, and that a step's pictures depend on nothing but the seed and the step."""

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.learn.sampler import balanced_order, batches_of, sampling_weights


def targets(*counts: int) -> np.ndarray:
    return np.eye(len(counts), dtype=np.float32)[np.repeat(np.arange(len(counts)), counts)]


def test_full_balance_draws_every_class_equally_often():
    order = balanced_order(sampling_weights(targets(900, 90, 10), balance=1.0), seed=0, epoch=0)
    drawn = np.bincount(np.repeat([0, 1, 2], [900, 90, 10])[order])
    assert len(order) == 1000 and np.abs(drawn - 1000 / 3).max() < 20


def test_no_balance_draws_every_picture_exactly_once():
    order = balanced_order(sampling_weights(targets(70, 30), balance=0.0), seed=3, epoch=2)
    assert sorted(order.tolist()) == list(range(100))


def test_half_balance_draws_classes_by_the_root_of_their_size():
    weights = sampling_weights(targets(400, 100), balance=0.5)
    assert weights[:400].sum() / weights[400:].sum() == pytest.approx(2.0)


def test_a_soft_target_is_drawn_by_the_mean_over_its_shares():
    soft = np.concatenate([targets(3, 1), np.array([[0.5, 0.5]], dtype=np.float32)])
    weights = sampling_weights(soft, balance=1.0)
    assert weights[4] == pytest.approx((weights[0] + weights[3]) / 2)


def test_a_class_without_pictures_does_no_harm():
    assert np.isfinite(sampling_weights(targets(3, 0, 2), balance=1.0)).all()


def test_a_steps_pictures_do_not_depend_on_the_steps_before():
    weights = sampling_weights(targets(37, 14), balance=0.7)
    in_turn, out_of_turn = (batches_of(weights, batch_size=16, seed=5) for _ in range(2))
    expected = [in_turn(step).tolist() for step in range(30)]
    assert [out_of_turn(step).tolist() for step in (29, 4, 11)] == [expected[29], expected[4], expected[11]]


def test_batches_run_on_through_an_epochs_end():
    weights = np.ones(10)
    batches = batches_of(weights, batch_size=7, seed=1)
    drawn = np.concatenate([batches(step) for step in range(10)])
    assert np.bincount(drawn).tolist() == [7] * 10


def test_a_batch_larger_than_an_epoch_spans_several():
    assert np.bincount(batches_of(np.ones(3), batch_size=12, seed=0)(0)).tolist() == [4, 4, 4]


def test_epochs_and_seeds_give_other_orders():
    weights = np.ones(50)
    first = balanced_order(weights, seed=0, epoch=0).tolist()
    assert first != balanced_order(weights, seed=0, epoch=1).tolist()
    assert first != balanced_order(weights, seed=1, epoch=0).tolist()


def test_a_balance_above_one_is_refused():
    with pytest.raises(FacsimError, match="balance"):
        sampling_weights(targets(1, 1), balance=1.5)
