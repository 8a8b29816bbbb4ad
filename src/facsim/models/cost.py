"""What a network costs: parameters and multiply-adds, counted without weights and without computing anything."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["Cost", "cost_of"]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """All parameters, those that learn, and multiply-adds for one picture.

    Convolutions, matrix products and attention count. The literature calls these "FLOPs" (8.4 G for POSTER++, 4.1 G for
    ResNet-50), although each is two operations.
    """

    parameters: int
    trainable: int
    multiply_adds: int


def cost_of(network: nn.Module, *, channels: int, side_px: int) -> Cost:
    """The cost of `network`, which lies on the meta device (`facsim.models.classifier.build_network`)."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in network.parameters()]
    was_training = network.training
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.empty(1, channels, side_px, side_px, device="meta"))
    network.train(was_training)
    return Cost(
        parameters=sum(size for size, _ in sizes),
        trainable=sum(size for size, learns in sizes if learns),
        multiply_adds=counter.get_total_flops() // 2,
    )
