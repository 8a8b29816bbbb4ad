"""What to train and how: one flat, frozen record, checked as it is made."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from facsim.errors import FacsimError, hint_nearest
from facsim.learn.augment import Augmentation, scaled_augmentation
from facsim.learn.losses import LossTerms, loss_terms
from facsim.models.classifier import ARCHITECTURES

__all__ = ["TrainingConfig"]

_PLACE = ("threads", "device", "time_budget_s", "checkpoint_steps", "initial")  # where and how long, not what
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "network": tuple(ARCHITECTURES),
    "normalisation": ("fitted", "imagenet"),
    "optimiser": ("adamw", "adam", "sgd"),
    "schedule": ("cosine", "exponential", "constant"),
    "precision": ("fp32", "bf16", "fp16"),
    "validation": ("chooser", "none"),
    "selection": ("last", "best"),
    "alignment_kernel": ("moments", "rbf"),
}
_SHARES = ("label_smoothing", "warmup", "ema", "momentum")
_NOT_NEGATIVE = ("weight_decay", "sam_rho", "mixup_alpha", "cutmix_alpha", "alignment", "action_units")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """What to train and how; exactly one of `steps` and `epochs` is given.

    Network. `network` is a name in `facsim.models.classifier.ARCHITECTURES`, `network_config` its fields but for the
    classes and channels, which the pictures give. `initial` is the path of weights to start from, or paths by the part
    of the network that they are of (`facsim.learn.initial`). `freeze_backbone` trains the head alone. `normalisation`
    "fitted" takes each channel's mean and deviation from the training pictures, "imagenet" ImageNet's; weights that
    facsim saved bring their own.

    Optimiser. `optimiser` "adamw", "adam" (decay within the gradient) or "sgd" with `momentum`. Norms and biases are
    decayed only with `decay_all`. `sam_rho` above 0 is sharpness-aware minimisation of that radius. `batch_size` is
    that of an optimiser step, whatever the number of processes and of pieces, `accumulation`, that it is worked off in.
    `schedule` is "cosine", "exponential" (times `decay` each epoch) or "constant", after `warmup`, a share of the run.
    `ema` is the decay of the averaged weights a step; 0 keeps the weights themselves.

    Loss. `loss` is "smoothed" (by `label_smoothing`), a name in `facsim.learn.losses.LOSSES` or pairs (weight,
    smoothing). `alignment` weighs the distance of features to those of a reference set (`facsim.learn.alignment`),
    `action_units` how wrong a second head is that reads action units off the features (`facsim.learn.unit_head`); the
    model is without it.

    Pictures. `balance` 0 draws pictures as they are, 1 every class as often (the imbalanced sampler). `mixup_alpha` and
    `cutmix_alpha` above 0 mix pairs of pictures; `erasing_p` erases a rectangle of a share of the area in
    `erasing_area`.

    Choice. `validation` is "chooser" (hold out the tenth that `facsim.learn.data.is_chooser` names) or "none";
    `selection` "last" keeps the averaged weights after the last step, "best" those with the highest UAR among
    `validations` looks at the pictures held out.

    The last four say where and for how long, and do not make it another training: a run stopped by `time_budget_s` can
    be resumed, its learning rate being that of the whole length all along.
    """

    steps: int | None = None
    epochs: float | None = None
    batch_size: int = 64
    lr: float = 2e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    warmup: float = 0.05
    balance: float = 0.5
    ema: float = 0.998
    augmentation: Augmentation = field(default_factory=lambda: scaled_augmentation(0.6))
    network: str = "small_cnn"
    network_config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    initial: str | Mapping[str, str] | None = None
    freeze_backbone: bool = False
    normalisation: str = "fitted"
    optimiser: str = "adamw"
    betas: tuple[float, float] = (0.9, 0.99)
    """0.99 rather than torch's 0.999, so that the warm-up's gradients are forgotten within runs as short as these."""
    momentum: float = 0.9
    decay_all: bool = False
    sam_rho: float = 0.0
    sam_adaptive: bool = False
    schedule: str = "cosine"
    decay: float = 0.98
    loss: str | LossTerms = "smoothed"
    mixup_alpha: float = 0.0
    cutmix_alpha: float = 0.0
    erasing_p: float = 0.0
    erasing_area: tuple[float, float] = (0.02, 0.1)
    alignment: float = 0.0
    alignment_kernel: str = "moments"
    action_units: float = 0.0
    accumulation: int = 1
    precision: str = "fp32"
    compile: bool = False
    channels_last: bool = True
    validation: str = "chooser"
    selection: str = "last"
    validations: int = 10
    seed: int = 0
    threads: int | None = None
    device: str = "cpu"
    time_budget_s: float | None = None
    checkpoint_steps: int = 500

    def __post_init__(self) -> None:
        _check_length(self)
        _check_choices(self)
        _check_ranges(self)

    @property
    def loss_terms(self) -> LossTerms:
        """(weight, smoothing) of each term of the loss."""
        return loss_terms(self.loss, label_smoothing=self.label_smoothing)

    def total_steps(self, count: int) -> int:
        """Optimiser steps of a run over `count` pictures."""
        return self.steps if self.steps is not None else math.ceil((self.epochs or 0) * count / self.batch_size)

    def to_json(self) -> dict[str, Any]:
        """What makes it this training, as plain JSON: all fields but those that say where and for how long.

        Of `initial` the path is not what counts: the weights' checksum is in the training's identity.
        """
        return json.loads(json.dumps({key: value for key, value in asdict(self).items() if key not in _PLACE}))


def _check_length(config: TrainingConfig) -> None:
    if (config.steps is None) == (config.epochs is None):
        raise FacsimError(f"found steps = {config.steps} and epochs = {config.epochs}, expected exactly one of the two")
    counts = ("batch_size", "checkpoint_steps", "accumulation", "validations")
    for name in (*counts, "steps", "threads", "epochs"):
        found = getattr(config, name)
        if found is not None and not found > 0:
            raise FacsimError(f"found {name} = {found}, expected more than 0")


def _check_choices(config: TrainingConfig) -> None:
    for name, known in _CHOICES.items():
        found = getattr(config, name)
        if found not in known:
            wanted = " or ".join(f'"{choice}"' for choice in known)
            raise FacsimError(f'found {name} = "{found}", expected {wanted}.{hint_nearest(found, known)}')
    given = [name for name in ("classes", "channels") if name in config.network_config]
    if given:
        raise FacsimError(f"found network_config.{given[0]}, expected none: the pictures say how many; leave it out")
    _ = config.loss_terms


def _check_ranges(config: TrainingConfig) -> None:
    if not (config.lr > 0 and config.weight_decay >= 0):
        raise FacsimError(
            f"found lr = {config.lr} and weight_decay = {config.weight_decay}, expected more than 0, and 0 or more"
        )
    for name in _SHARES:
        if not 0 <= getattr(config, name) < 1:
            raise FacsimError(f"found {name} = {getattr(config, name)}, expected 0 or more and less than 1")
    for name in _NOT_NEGATIVE:
        if not 0 <= getattr(config, name) < math.inf:
            raise FacsimError(f"found {name} = {getattr(config, name)}, expected 0 or more")
    if config.action_units > 0 and config.freeze_backbone:
        raise FacsimError(
            "found action_units with freeze_backbone, expected one of them: a second head moves the backbone"
        )
    low, high = config.erasing_area
    if not (0 <= config.erasing_p <= 1 and 0 < low <= high < 1 and 0 < config.decay <= 1):
        raise FacsimError(
            f"found erasing_p = {config.erasing_p}, erasing_area = {config.erasing_area} and decay = {config.decay}, "
            "expected a probability, two rising shares of the picture, and more than 0 to 1"
        )
    if not all(0 <= beta < 1 for beta in config.betas):
        raise FacsimError(f"found betas = {config.betas}, expected two numbers from 0 and below 1")
