"""facsim.learn.schedules: the rate of a step of the whole length."""

import pytest
import torch

from facsim.learn.schedules import learning_rate
from facsim.learn.training_config import TrainingConfig


def config(**changes) -> TrainingConfig:
    return TrainingConfig(**{"steps": 100, "lr": 1.0, "warmup": 0.1, **changes})


def test_the_learning_rate_is_that_of_the_whole_length():
    rates = [learning_rate(step, 100, config()) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5) and rates[99] < 0.001


def test_the_exponential_schedule_is_torchs_stepped_once_an_epoch():
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    torchs = torch.optim.lr_scheduler.ExponentialLR(optimiser, gamma=0.98)
    settings = config(schedule="exponential", decay=0.98, warmup=0.0)
    for epoch in range(5):
        for step in range(epoch * 7, epoch * 7 + 7):
            found = learning_rate(step, 35, settings, steps_per_epoch=7)
            assert found == pytest.approx(optimiser.param_groups[0]["lr"])
        optimiser.step()
        torchs.step()


def test_the_constant_schedule_warms_up_and_stays():
    rates = [learning_rate(step, 100, config(schedule="constant")) for step in range(100)]
    assert rates[4] == pytest.approx(0.5) and set(rates[9:]) == {1.0}
