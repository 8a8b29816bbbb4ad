"""The loop that trains without labels: steps, schedule, checkpoints and the time budget, for any learner.

A run is a pure function of its pictures, its configuration and, for the last bits, the machine and its threads: what a
step draws depends on (seed, step) alone. A loss that is not finite stops the run before it touches the weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from facsim.errors import FacsimError
from facsim.learn.selfsupervised.lars import Lars
from facsim.learn.selfsupervised.progress import LearningState, save_progress

__all__ = [
    "PRECISIONS",
    "Course",
    "OnSteps",
    "Optimisation",
    "optimizer_of",
    "run_course",
    "threads_set",
    "warmed_cosine",
]

PRECISIONS = ("fp32", "bf16")
"""What networks compute in without labels. fp16 would need its gradients scaled; losses stay fp32."""

_LOG_STEPS = 10  # steps between two entries of the curve


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """How weights are moved: AdamW or LARS, the highest rate, decay, and the share of the run that warms up.

    `betas` are AdamW's, `momentum` is LARS's. `clip` is the greatest norm of the gradient, None for any.
    """

    optimiser: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.05
    warmup: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)  # of MAE and MoCo v3's transformers
    momentum: float = 0.9
    clip: float | None = None

    def __post_init__(self) -> None:
        if self.optimiser not in ("adamw", "lars"):
            raise FacsimError(f'found optimiser "{self.optimiser}", expected "adamw" or "lars"')
        if not (self.lr > 0 and self.weight_decay >= 0 and 0 <= self.warmup < 1):
            raise FacsimError(f"found {self}, expected lr > 0, weight_decay >= 0 and warmup from 0 to below 1")
        if self.clip is not None and not self.clip > 0:
            raise FacsimError(f"found clip = {self.clip}, expected a norm above 0, or None")


class OnSteps(Protocol):
    """Called every few steps with the finished and all steps, pictures a second, and the mean loss since last time."""

    def __call__(self, step: int, total: int, rate: float, loss: float) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Course:
    """A run of `total` steps in `folder`: its name in messages, how weights are moved, and what a step is.

    `loss_of` gives a step's loss, a scalar, and further figures for the curve; `after` is called once the weights have
    moved. `identity` is what a resumed run must equal.
    """

    name: str
    total: int
    batch_size: int
    optimisation: Optimisation
    folder: Path
    identity: Mapping[str, Any]
    loss_of: Callable[[int], tuple[Tensor, Mapping[str, float]]]
    after: Callable[[int], None]
    checkpoint_steps: int = 500
    time_budget_s: float | None = None


def warmed_cosine(step: int, total: int, settings: Optimisation) -> float:
    """The rate of step `step` (from 0) of `total`: linear warm-up, then half a cosine to 0 (Loshchilov 2017, eq. 5)."""
    warm = max(1, round(settings.warmup * total))
    if step < warm:
        return settings.lr * (step + 1) / warm
    return settings.lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def optimizer_of(learner: nn.Module, settings: Optimisation) -> torch.optim.Optimizer:
    """The optimiser of every parameter that takes a gradient; norms and biases are not decayed."""
    moved = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in moved if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in moved if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.optimiser == "lars":
        return Lars(groups, lr=settings.lr, momentum=settings.momentum)
    return torch.optim.AdamW(groups, lr=settings.lr, betas=settings.betas, fused=True)


def run_course(course: Course, state: LearningState, *, on_steps: OnSteps | None = None) -> None:
    """Step until the end or until the time is up; a checkpoint lies in the folder either way.

    Raises FacsimError where a loss is not finite; the last checkpoint is then from before it.
    """
    began, earlier, begun_at = time.monotonic(), state.seconds, state.step
    while state.step < course.total:
        if course.time_budget_s is not None and state.seconds - earlier >= course.time_budget_s:
            break
        _take_step(course, state)
        state.seconds = earlier + time.monotonic() - began
        if state.step % _LOG_STEPS == 0 or state.step == course.total:
            rate = (state.step - begun_at) * course.batch_size / max(1e-9, state.seconds - earlier)
            _log(course, state, rate, on_steps)
        if state.step % course.checkpoint_steps == 0:
            save_progress(course.folder, state, identity=course.identity)
    save_progress(course.folder, state, identity=course.identity)


def _take_step(course: Course, state: LearningState) -> None:
    rate = warmed_cosine(state.step, course.total, course.optimisation)
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    state.optimizer.zero_grad(set_to_none=True)
    loss, figures = course.loss_of(state.step)
    value = loss.item()
    if not math.isfinite(value):
        raise FacsimError(
            f"the loss of {course.name} became {value} at step {state.step + 1}; train with a lower lr than "
            f"{course.optimisation.lr:g}, a longer warm-up or a clipped gradient"
        )
    loss.backward()
    if course.optimisation.clip is not None:
        nn.utils.clip_grad_norm_(state.learner.parameters(), course.optimisation.clip)
    state.optimizer.step()
    course.after(state.step)
    state.step += 1
    state.since.append({"loss": value, **figures})


def _log(course: Course, state: LearningState, rate: float, on_steps: OnSteps | None) -> None:
    means = {key: sum(entry[key] for entry in state.since) / len(state.since) for key in state.since[0]}
    lr = warmed_cosine(state.step - 1, course.total, course.optimisation)
    state.curve.append({"step": state.step, **means, "lr": lr})
    state.since.clear()
    if on_steps is not None:
        on_steps(state.step, course.total, rate, means["loss"])


@contextmanager
def threads_set(count: int | None) -> Iterator[None]:
    """torch on `count` threads for a while; as it is where None."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(count or before)
        yield
    finally:
        torch.set_num_threads(before)
