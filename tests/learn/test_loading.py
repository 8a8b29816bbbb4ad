"""facsim.learn.loading: batches come in order, ahead of need, and errors with them."""

import threading
import time

import numpy as np
import pytest
import torch

from facsim.errors import FacsimError
from facsim.learn.loading import Feeder
from facsim.learn.sampler import batches_of


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (50, 16, 16), dtype=np.uint8)


def running_feeders():
    return [thread for thread in threading.enumerate() if thread.name.startswith("feeder")]


def test_batches_are_those_of_plain_indexing_in_the_order_of_the_steps(images):
    rows_of_step = batches_of(np.ones(50), batch_size=8, seed=3)
    with Feeder(images, rows_of_step, first_step=5, last_step=25, device="cpu") as feeder:
        found = [(step, rows.copy(), batch.clone()) for step, rows, batch in feeder]
    assert [step for step, _, _ in found] == list(range(5, 25))
    again = batches_of(np.ones(50), batch_size=8, seed=3)
    for step, rows, batch in found:
        assert (rows == again(step)).all() and (batch.numpy() == images[rows]).all() and batch.dtype == torch.uint8


def test_no_more_than_ahead_batches_are_gathered_before_they_are_asked_for(images):
    asked = []

    def rows_of_step(step):
        asked.append(step)
        return np.arange(4)

    with Feeder(images, rows_of_step, first_step=0, last_step=100, ahead=3) as feeder:
        next(feeder)
        time.sleep(0.1)
        assert asked == [0, 1, 2, 3]


def test_an_error_is_raised_at_its_batch_and_ends_the_thread(images):
    def rows_of_step(step):
        if step == 2:
            raise FacsimError('"a.png" has gone')
        return np.arange(4)

    feeder, seen = Feeder(images, rows_of_step, first_step=0, last_step=9), []
    with pytest.raises(FacsimError, match=r'"a.png" has gone'):
        seen.extend(step for step, _, _ in feeder)
    assert seen == [0, 1] and not running_feeders()


def test_leaving_the_block_early_ends_the_thread(images):
    with Feeder(images, lambda step: np.arange(4), first_step=0, last_step=10**9) as feeder:
        next(feeder)
    feeder.close()
    assert not running_feeders() and not list(feeder)


def test_the_share_of_waiting_tells_a_slow_source_from_a_slow_loop(images):
    def slowly(step):
        time.sleep(0.02)
        return np.arange(4)

    with Feeder(images, slowly, first_step=0, last_step=10) as hungry:
        for _ in hungry:
            pass
    with Feeder(images, lambda step: np.arange(4), first_step=0, last_step=10) as fed:
        for _ in fed:
            time.sleep(0.02)
    assert hungry.waiting_share > 0.9 > 0.3 > fed.waiting_share
    assert hungry.waiting.batches == 10 and fed.waiting.busy_s >= 0.2


def test_no_steps_give_nothing(images):
    with Feeder(images, lambda step: np.arange(4), first_step=7, last_step=7) as feeder:
        assert list(feeder) == [] and feeder.waiting_share == 0


def test_steps_that_run_backwards_are_refused(images):
    with pytest.raises(FacsimError, match="found steps 5 to 3"):
        Feeder(images, lambda step: np.arange(4), first_step=5, last_step=3)
