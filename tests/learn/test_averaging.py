"""facsim.learn.averaging: the running average."""

import copy

import torch
from torch import nn

from facsim.learn.averaging import follow


def test_the_average_moves_by_one_minus_the_decay_statistics_included():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = copy.deepcopy(network)
    with torch.no_grad():
        network[0].weight.add_(1.0)
        network[1].running_mean.add_(2.0)
        network[1].num_batches_tracked.add_(3)
    follow(average, network, decay=0.75)
    assert torch.allclose(network[0].weight - average[0].weight, torch.full((2, 2), 0.75))
    assert torch.allclose(average[1].running_mean, torch.full((2,), 0.5)) and average[1].num_batches_tracked == 3


def test_a_decay_of_0_is_the_network():
    network = nn.Linear(3, 3)
    average = copy.deepcopy(network)
    with torch.no_grad():
        network.weight.mul_(1.7)
    follow(average, network, decay=0.0)
    assert torch.equal(average.weight, network.weight)
