"""Optimisers, and sharpness-aware minimisation round them.

SAM (Foret et al. 2021, algorithm 1; ASAM: Kwon et al. 2021, eq. 8) takes the gradient at the weights, moves `rho` along
it, takes the gradient there, comes back, and lets the optimiser step by the second. It keeps nothing between steps.
With several processes the first gradient is that of the whole batch, as in one. Both passes are the same function: the
same pictures and the same dropout; running statistics of batch normalisation follow the first alone, whose weights
those of the model are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from facsim.learn.training_config import TrainingConfig

__all__ = ["build_optimiser", "moved_uphill", "statistics_kept", "trainable"]


def trainable(network: nn.Module) -> list[nn.Parameter]:
    """The parameters that are trained."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def build_optimiser(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimiser of the network's trainable parameters.

    Norms and biases are not decayed (He et al. 2019, section 3.1), unless `config.decay_all`.
    """
    decayed = [p for p in trainable(network) if config.decay_all or p.ndim > 1]
    others = [p for p in trainable(network) if not (config.decay_all or p.ndim > 1)]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, fused=True)
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, lr=config.lr, betas=config.betas, fused=True)


@contextmanager
def moved_uphill(parameters: Sequence[Tensor], *, rho: float, adaptive: bool) -> Iterator[None]:
    """`parameters` moved by rho along their gradients for a while, and then back to the bit.

    The step is rho * g / |g| over all parameters together; adaptive, rho * w² g / | |w| g |.
    """
    held = [(parameter, parameter.detach().clone()) for parameter in parameters if parameter.grad is not None]
    with torch.no_grad():
        steps = [_scaled(parameter, parameter.grad, adaptive=adaptive) for parameter, _ in held]
        norm = torch.stack([step.norm() for step in steps]).norm()
        for (parameter, _), step in zip(held, steps, strict=True):
            parameter.add_(_scaled(parameter, step, adaptive=adaptive) * (rho / (norm + 1e-12)))
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, before in held:
                parameter.copy_(before)


def _scaled(parameter: Tensor, direction: Tensor | None, *, adaptive: bool) -> Tensor:
    assert direction is not None, "parameters without a gradient are left out before"
    return direction * parameter.abs() if adaptive else direction


@contextmanager
def statistics_kept(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Batch normalisation by the batch, without its running statistics following, for a while."""
    tracking: list[Any] = [module for module in modules if getattr(module, "track_running_stats", False)]
    try:
        for module in tracking:
            module.track_running_stats = False
        yield
    finally:
        for module in tracking:
            module.track_running_stats = True
