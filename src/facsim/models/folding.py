"""Batch norms folded into the convolutions before them: the same function with fewer passes over the maps.

Of a network in evaluation mode a norm is a factor and a shift a channel, so it can be part of the convolution (Jacob et
al. 2018, Quantization and training of neural networks, section 3.2). Outputs differ by rounding alone.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["folded"]


def folded(network: nn.Module) -> nn.Module:
    """The network itself, in evaluation mode, each 2-D convolution that a batch norm stands right behind having taken
    it in; in channels-last layout.

    It cannot be trained on, and its state is no longer that of its architecture. A module that calls its children in
    another order than it names them would be wrong: those of `facsim.models.labeller` do not.
    """
    network.eval()
    for module in list(network.modules()):
        children = list(module.named_children())
        for (name, first), (other, second) in pairwise(children):
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(first, second))
                setattr(module, other, nn.Identity())
    return network.requires_grad_(False).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
