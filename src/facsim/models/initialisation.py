"""First weights of a network, drawn from one generator."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import nn

__all__ = ["FillsParameters", "initialise"]

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)


@runtime_checkable
class FillsParameters(Protocol):
    """A module that knows first values of its own: of bare parameters (tokens, biases of attention, scales), or of what
    its layers are filled with otherwise."""

    def fill_parameters(self, generator: torch.Generator) -> None: ...


def initialise(network: nn.Module, *, generator: torch.Generator) -> None:
    """Fill every parameter and buffer of `network`, module by module, from `generator` alone.

    2-D convolutions He-normal by fan-out (He et al. 2015); 1-D ones, which mix tokens with no rectifier behind, with
    the variance of their input kept; linear layers normal with deviation 0.02, cut at 2 (Dosovitskiy et al. 2021), the
    head 0.01; biases 0; norms the identity; PReLU 0.25. Then each module that is `FillsParameters`.
    """
    for module in network.modules():
        _fill(module, generator)
    for module in network.modules():
        if isinstance(module, FillsParameters):
            module.fill_parameters(generator)
    head = getattr(network, "head", None)
    if isinstance(head, nn.Linear):
        nn.init.normal_(head.weight, std=0.01, generator=generator)


def _fill(module: nn.Module, generator: torch.Generator) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
    elif isinstance(module, nn.Conv1d):
        nn.init.normal_(module.weight, std=(module.weight[0].numel()) ** -0.5, generator=generator)
    elif isinstance(module, nn.ConvTranspose1d):
        # As wide as its stride: each place of the output is reached by one place of each input channel.
        nn.init.normal_(module.weight, std=module.in_channels**-0.5, generator=generator)
    elif isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02, a=-0.04, b=0.04, generator=generator)
    elif isinstance(module, _NORMS):
        module.reset_parameters()
        return
    elif isinstance(module, nn.PReLU):
        nn.init.constant_(module.weight, 0.25)
        return
    bias = getattr(module, "bias", None)
    if isinstance(bias, torch.Tensor):
        nn.init.zeros_(bias)
