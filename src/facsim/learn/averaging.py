"""The running average of a network's weights, which is the model."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["follow"]


def follow(average: nn.Module, network: nn.Module, *, decay: float) -> None:
    """Move the running average, batch statistics included, by 1 - decay towards the network."""
    behind, ahead = average.state_dict(), network.state_dict()
    with torch.no_grad():
        for name, tensor in ahead.items():
            if tensor.is_floating_point():
                behind[name].lerp_(tensor, 1 - decay)
            else:
                behind[name].copy_(tensor)
