"""Losses of label tasks make nothing on a device of their own: told on torch's `meta` device, which no number is on."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from facsim.learn.labellers.fitting import CompanionTask
from facsim.learn.labellers.tasks import TASKS
from facsim.models.classifier import prepare
from facsim.models.labeller import initialised_label_network


def on_meta(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to("meta")
    if isinstance(value, Mapping):
        return {name: on_meta(one) for name, one in value.items()}
    return tuple(on_meta(one) for one in value)


@pytest.mark.parametrize("name", TASKS)
def test_a_loss_is_where_its_outputs_and_targets_are(people_run, name):
    task = TASKS[name].make(people_run)
    kind, configuration = task.network
    generator = torch.Generator().manual_seed(0)
    network = initialised_label_network(kind, configuration, generator=generator)
    pictures, targets = task.batch(task.training[:4], seed=1)
    outputs, targets = on_meta(network(prepare(pictures, task.preprocessing)).detach()), on_meta(targets)
    if isinstance(task, CompanionTask):
        beside = task.companion(generator).to("meta")
        loss = task.joint_loss(outputs, targets, beside, progress=0.9)
    else:
        loss = task.loss(outputs, targets)
    assert loss.device.type == "meta" and loss.shape == ()
