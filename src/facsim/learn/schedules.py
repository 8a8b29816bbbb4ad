"""The learning rate of a step: a pure function of the step, the length of the run and the configuration."""

from __future__ import annotations

import math

from facsim.learn.training_config import TrainingConfig

__all__ = ["learning_rate"]


def learning_rate(step: int, total: int, config: TrainingConfig, *, steps_per_epoch: float = 1.0) -> float:
    """The rate of step `step` (from 0) of `total`: a linear warm-up, then what `config.schedule` says.

    "cosine": half a cosine to 0 (Loshchilov and Hutter 2017, eq. 5). "exponential": times `config.decay` after each
    whole epoch, warm-up included, as torch's ExponentialLR stepped once an epoch. "constant": `config.lr`.
    """
    warm = max(1, round(config.warmup * total))
    if step < warm and (config.schedule == "cosine" or config.warmup > 0):
        return config.lr * (step + 1) / warm
    if config.schedule == "exponential":
        return config.lr * config.decay ** math.floor(step / steps_per_epoch)
    if config.schedule == "constant":
        return config.lr
    return config.lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))
