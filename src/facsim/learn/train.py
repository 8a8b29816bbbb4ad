"""Training a small classifier, so that it can be stopped anywhere and taken up again without a trace.

A run is a pure function of its pictures, its configuration and, for the last bits, the machine and its threads:
batches, augmentation and initialisation are all drawn from (seed, step). No checkpoint is chosen: the model is the
exponential moving average of the weights after the last step. Validation pictures are cut from the training pictures.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from facsim.errors import FacsimError, ManifestError
from facsim.learn.augment import Augmentation, augment, scaled_augmentation
from facsim.learn.checkpoint import CHECKPOINT_FILE, TrainingState, restore_checkpoint, save_checkpoint
from facsim.learn.data import Pictures, chooser_split
from facsim.learn.leaks import save_training_hashes, save_training_signatures
from facsim.learn.predict import predict
from facsim.learn.sampler import batches_of, sampling_weights
from facsim.metrics import recall, tally
from facsim.models.classifier import Classifier, Preprocessing, fit_preprocessing, nchw, prepare
from facsim.models.small_cnn import SmallCnnConfig, build_small_cnn
from facsim.models.weights import TRAINING_FILE, load_classifier, load_training, save_classifier
from facsim.provenance import environment, fingerprint_of, now
from facsim.sample import seed_for

__all__ = [
    "OnProgress",
    "TrainedModel",
    "TrainingConfig",
    "learning_rate",
    "soft_cross_entropy",
    "train",
]

_LOG_STEPS = 10  # steps between two entries of the curve
_VALIDATIONS = 10  # over a whole run
# 0.99 rather than torch's 0.999, so that the warm-up's gradients are forgotten within runs as short as these.
_BETAS = (0.9, 0.99)
_PLACE = ("threads", "device", "time_budget_s", "checkpoint_steps")  # where and how long, not what


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """What to train and how; exactly one of `steps` and `epochs` is given.

    `balance` 0 draws pictures as they are, 1 every class as often. `ema` is the decay of the averaged weights a step.
    `validation` is "chooser" (hold out the tenth that `facsim.learn.data.is_chooser` names) or "none". The last four
    say where and for how long, and do not make it another training: a run stopped by `time_budget_s` can be resumed,
    its learning rate being that of the whole length all along.
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
    widths: tuple[int, ...] = (32, 64, 128, 256)
    depths: tuple[int, ...] = (1, 1, 1, 1)
    validation: str = "chooser"
    seed: int = 0
    threads: int | None = None
    device: str = "cpu"
    time_budget_s: float | None = None
    checkpoint_steps: int = 500

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.epochs is None):
            raise FacsimError(f"found steps = {self.steps} and epochs = {self.epochs}, expected exactly one of the two")
        if (
            min(self.steps or 1, self.batch_size, self.checkpoint_steps, self.threads or 1) < 1
            or (self.epochs or 1) <= 0
        ):
            raise FacsimError(f"found {self}, expected steps, epochs, sizes and threads above 0")
        if not (self.lr > 0 and self.weight_decay >= 0):
            raise FacsimError(f"found lr = {self.lr}, weight_decay = {self.weight_decay}, expected > 0 and >= 0")
        for name in ("label_smoothing", "warmup", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise FacsimError(f"found {name} = {getattr(self, name)}, expected 0 or more and less than 1")
        if self.validation not in ("chooser", "none"):
            raise FacsimError(f'found validation = "{self.validation}", expected "chooser" or "none"')

    def total_steps(self, count: int) -> int:
        """Optimiser steps of a run over `count` pictures."""
        return self.steps if self.steps is not None else math.ceil((self.epochs or 0) * count / self.batch_size)

    def to_json(self) -> dict[str, Any]:
        """What makes it this training, as plain JSON: all fields but those that say where and for how long."""
        values = {key: value for key, value in asdict(self).items() if key not in _PLACE}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


class OnProgress(Protocol):
    """Called every few steps with the finished and all steps, pictures a second, and the mean loss since last time."""

    def __call__(self, step: int, total: int, rate: float, loss: float) -> None: ...


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A classifier as saved in `folder`, with its curve (plain JSON) and how the training ended.

    `stopped` is "finished" or "time_budget"; `seconds` counts all sittings.
    """

    classifier: Classifier
    folder: Path
    curve: tuple[Mapping[str, Any], ...]
    step: int
    total_steps: int
    stopped: str
    seconds: float


def train(
    pictures: Pictures,
    config: TrainingConfig,
    *,
    out: str | Path,
    resume: bool = True,
    on_progress: OnProgress | None = None,
) -> TrainedModel:
    """The model trained on `pictures`, saved in the folder `out`.

    With `resume` a run begun in `out` goes on from its last checkpoint and a finished one is returned as it is.
    Raises ManifestError where `out` holds another training, FacsimError where there is too little to train on or where
    the loss is not finite.
    """
    plan = _planned(pictures, config)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    if resume and (done := _finished(folder, plan)):
        return done
    with _threads(config.threads):
        state = _begun(plan)
        if resume:
            restore_checkpoint(folder, state, identity=plan.identity)
        _run(plan, state, folder, on_progress)
    return _saved(plan, state, folder)


def learning_rate(step: int, total: int, config: TrainingConfig) -> float:
    """The rate of step `step` (from 0) of `total`: linear warm-up, then half a cosine to 0 (Loshchilov 2017, eq. 5)."""
    warm = max(1, round(config.warmup * total))
    if step < warm:
        return config.lr * (step + 1) / warm
    return config.lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def soft_cross_entropy(logits: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy of logits (N, C) to distributions (N, C); hard labels are one-hot rows.

    Label smoothing mixes the uniform distribution in (Szegedy et al. 2016, section 7).
    """
    mixed = targets * (1 - smoothing) + smoothing / targets.shape[1]
    return -(mixed * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A training run before its first step."""

    config: TrainingConfig
    training: Pictures
    chooser: Pictures | None
    preprocessing: Preprocessing
    identity: Mapping[str, Any]
    total: int


def _planned(pictures: Pictures, config: TrainingConfig) -> _Plan:
    training, chooser = chooser_split(pictures) if config.validation == "chooser" else (pictures, None)
    if len(training) < 2 or len(set(training.labels)) < 2:
        raise FacsimError(
            f"found {len(training)} training pictures of the classes {sorted(set(training.labels))}, expected at least "
            "two classes; add pictures"
        )
    return _Plan(
        config=config,
        training=training,
        chooser=chooser if chooser is not None and len(chooser) else None,
        preprocessing=fit_preprocessing(training.images, crop_margin=pictures.crop_margin),
        identity={**config.to_json(), "pictures": pictures.fingerprint},
        total=config.total_steps(len(training)),
    )


def _begun(plan: _Plan) -> TrainingState:
    config, shape = (
        plan.config,
        SmallCnnConfig(
            classes=len(plan.training.classes),
            channels=len(plan.preprocessing.mean),
            widths=plan.config.widths,
            depths=plan.config.depths,
        ),
    )
    network = build_small_cnn(shape, generator=_generator(config.seed, "initial"))
    network = network.to(config.device)
    # Norms and biases are not decayed (He et al. 2019, section 3.1).
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=config.lr, betas=_BETAS, fused=True)
    average = copy.deepcopy(network).eval().requires_grad_(False)
    return TrainingState(network=network.train(), average=average, optimizer=optimizer)


def _generator(seed: int, purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(seed_for(f"train/{seed}", purpose))


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """torch on `count` threads for a while; as it is where None."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(count or before)
        yield
    finally:
        torch.set_num_threads(before)


def _run(plan: _Plan, state: TrainingState, folder: Path, on_progress: OnProgress | None) -> None:
    """Step until the end or until the time is up; a checkpoint lies in `folder` either way."""
    config, began, earlier = plan.config, time.monotonic(), state.seconds
    take_step = _stepper(plan)
    begun_at = state.step
    while state.step < plan.total:
        if config.time_budget_s is not None and state.seconds - earlier >= config.time_budget_s:
            break
        take_step(state)
        state.seconds = earlier + time.monotonic() - began
        if state.step % _LOG_STEPS == 0 or state.step == plan.total:
            rate = (state.step - begun_at) * config.batch_size / max(1e-9, state.seconds - earlier)
            _log(plan, state, rate, on_progress)
        if state.step % max(1, plan.total // _VALIDATIONS) == 0 or state.step == plan.total:
            _validate(plan, state)
        if state.step % config.checkpoint_steps == 0:
            save_checkpoint(folder, state, identity=plan.identity)
    save_checkpoint(folder, state, identity=plan.identity)


class _TakeStep(Protocol):
    def __call__(self, state: TrainingState) -> None: ...


def _stepper(plan: _Plan) -> _TakeStep:
    """The function that takes one optimiser step, with the pictures on the device."""
    config, training = plan.config, plan.training
    images = torch.from_numpy(training.images).to(config.device)
    targets = torch.from_numpy(training.targets).to(config.device)
    weights = sampling_weights(training.targets, balance=config.balance)
    rows_of_step = batches_of(weights, batch_size=config.batch_size, seed=config.seed)

    def take_step(state: TrainingState) -> None:
        rows = torch.from_numpy(rows_of_step(state.step)).to(config.device)
        drawn = _generator(config.seed, f"augment/{state.step}")
        batch = prepare(augment(nchw(images[rows]), config.augmentation, generator=drawn), plan.preprocessing)
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate(state.step, plan.total, config)
        state.optimizer.zero_grad(set_to_none=True)
        loss = soft_cross_entropy(state.network(batch), targets[rows], smoothing=config.label_smoothing)
        loss.backward()
        state.optimizer.step()
        _follow(state.average, state.network, decay=min(config.ema, (state.step + 1) / (state.step + 10)))
        state.step += 1
        state.losses.append(loss.item())

    return take_step


def _follow(average: nn.Module, network: nn.Module, *, decay: float) -> None:
    """Move the running average, batch statistics included, by 1 - decay towards the network."""
    behind, ahead = average.state_dict(), network.state_dict()
    with torch.no_grad():
        for name, tensor in ahead.items():
            if tensor.is_floating_point():
                behind[name].lerp_(tensor, 1 - decay)
            else:
                behind[name].copy_(tensor)


def _log(plan: _Plan, state: TrainingState, rate: float, on_progress: OnProgress | None) -> None:
    loss = float(np.mean(state.losses))
    if not math.isfinite(loss):
        raise FacsimError(f"the loss became {loss} at step {state.step}; train with a lower lr than {plan.config.lr}")
    lr = learning_rate(state.step - 1, plan.total, plan.config)
    state.curve.append({"step": state.step, "loss": loss, "lr": lr})
    state.losses.clear()
    if on_progress is not None:
        on_progress(state.step, plan.total, rate, loss)


def _validate(plan: _Plan, state: TrainingState) -> None:
    """Add the averaged network's accuracy and UAR on the chooser's pictures to the curve."""
    if plan.chooser is None:
        return
    scores = predict(_classifier(plan, state), plan.chooser)
    called = [plan.chooser.classes[index] for index in scores.argmax(axis=1)]
    confusion = tally(plan.chooser.labels, called, classes=plan.chooser.classes)
    right = float(np.trace(confusion.counts) / confusion.n)
    mean_recall = float(np.nanmean(list(recall(confusion).values())))
    state.curve.append({"step": state.step, "validation_accuracy": right, "validation_uar": mean_recall})


def _classifier(plan: _Plan, state: TrainingState) -> Classifier:
    return Classifier(
        network=state.average,
        classes=plan.training.classes,
        preprocessing=plan.preprocessing,
        provenance=_provenance(plan, state),
    )


def _provenance(plan: _Plan, state: TrainingState) -> dict[str, Any]:
    """What goes into the weights: no time and no machine, so that equal runs give equal files."""
    labels = plan.training.labels
    return {
        "trained_on": plan.training.origin,
        "selected_on": "nothing: the weights after the last step, averaged",
        "pictures": len(plan.training),
        "pictures_by_class": {name: labels.count(name) for name in plan.training.classes},
        "pictures_fingerprint": plan.identity["pictures"],
        "validation_pictures": 0 if plan.chooser is None else len(plan.chooser),
        "steps": state.step,
        "total_steps": plan.total,
        "config": plan.config.to_json(),
    }


def _saved(plan: _Plan, state: TrainingState, folder: Path) -> TrainedModel:
    finished = state.step >= plan.total
    training = {
        "identity": fingerprint_of(plan.identity),
        "stopped": "finished" if finished else "time_budget",
        "step": state.step,
        "total_steps": plan.total,
        "seconds": round(state.seconds, 2),
        "threads": plan.config.threads or torch.get_num_threads(),
        "device": plan.config.device,
        "config": plan.config.to_json(),
        "pictures_left_out": dict(plan.training.left_out),
        "curve": state.curve,
        "environment": environment(),
        "written": now(),
    }
    save_training_hashes(folder, plan.training.hashes)
    save_training_signatures(folder, plan.training.images)
    classifier = save_classifier(_classifier(plan, state), folder, training=training)
    if finished:
        (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
    return _trained(classifier, folder, training)


def _finished(folder: Path, plan: _Plan) -> TrainedModel | None:
    """The finished model that `folder` holds already, if it is of this very training."""
    if (folder / CHECKPOINT_FILE).exists() or not (folder / TRAINING_FILE).exists():
        return None
    training = load_training(folder)
    if training.get("identity") != fingerprint_of(plan.identity) or training.get("stopped") != "finished":
        raise ManifestError(
            f"{folder} holds a model of another training; train into another folder, or afresh without resuming"
        )
    return _trained(load_classifier(folder), folder, training)


def _trained(classifier: Classifier, folder: Path, training: Mapping[str, Any]) -> TrainedModel:
    return TrainedModel(
        classifier=replace(classifier, network=classifier.network.eval()),
        folder=folder,
        curve=tuple(training["curve"]),
        step=training["step"],
        total_steps=training["total_steps"],
        stopped=training["stopped"],
        seconds=training["seconds"],
    )
