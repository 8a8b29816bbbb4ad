"""LARS: stochastic gradient descent whose step is scaled layer by layer, for large batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["Lars"]


class Lars(torch.optim.Optimizer):
    """You, Gitman and Ginsburg 2017 (arXiv 1708.03888), algorithm 1, with momentum.

    A weight's step is `lr · trust · |w| / |g + decay · w|` times its decayed gradient. Parameters with one axis or none
    (biases, norms) are neither decayed nor scaled, as in SimCLR, BYOL and MoCo v3. The state is `momentum_buffer`.
    """

    def __init__(
        self,
        groups: Iterable[Mapping[str, Any]],
        *,
        lr: float,
        momentum: float = 0.9,
        trust: float = 1e-3,  # η of the paper and of MoCo v3
    ) -> None:
        super().__init__([dict(group) for group in groups], {"lr": lr, "momentum": momentum, "trust": trust})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step along the gradients; returns what `closure` gives, if any."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)
        return loss

    def _move(self, parameter: Tensor, gradient: Tensor, group: Mapping[str, Any]) -> None:
        if parameter.ndim > 1:
            gradient = gradient + group["weight_decay"] * parameter
            gradient = gradient * _scale(parameter.norm(), gradient.norm(), group["trust"])
        held = self.state[parameter]
        if "momentum_buffer" not in held:
            held["momentum_buffer"] = torch.zeros_like(parameter)
        held["momentum_buffer"].mul_(group["momentum"]).add_(gradient)
        parameter.add_(held["momentum_buffer"], alpha=-group["lr"])


def _scale(weight: Tensor, gradient: Tensor, trust: float) -> Tensor:
    """`trust · weight / gradient`, and 1 where either norm is 0."""
    both = (weight > 0) & (gradient > 0)
    return torch.where(both, trust * weight / gradient.clamp_min(1e-20), torch.ones_like(weight))
