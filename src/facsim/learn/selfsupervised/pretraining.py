"""Pre-training of a backbone without labels, by any of the methods, so that it can be stopped and taken up again.

Labels are never read. Nothing is chosen: the backbone is that after the last step. What it saw is kept beside it
(`facsim.learn.leaks`), so that a probe can say how many test pictures were seen, if only without their labels.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn

from facsim.errors import FacsimError, hint_nearest
from facsim.learn.data import Pictures
from facsim.learn.finished import finished_training
from facsim.learn.leaks import save_training_hashes, save_training_signatures
from facsim.learn.precision import autocast_for, check_precision
from facsim.learn.sampler import batches_of
from facsim.learn.selfsupervised.byol import Byol
from facsim.learn.selfsupervised.heads import Learned, rising_momentum, spread
from facsim.learn.selfsupervised.loop import (
    PRECISIONS,
    Course,
    OnSteps,
    Optimisation,
    optimizer_of,
    run_course,
    threads_set,
)
from facsim.learn.selfsupervised.mae import Mae
from facsim.learn.selfsupervised.moco_v3 import MocoV3
from facsim.learn.selfsupervised.progress import PROGRESS_FILE, LearningState, restore_progress
from facsim.learn.selfsupervised.simclr import SimClr
from facsim.learn.selfsupervised.views import Views, view_generator, view_of
from facsim.models.backbones import Backbone, fresh_backbone, load_backbone, save_backbone
from facsim.models.classifier import fit_preprocessing, nchw, prepare
from facsim.models.model_terms import standing_entry
from facsim.models.transformer import draw_drops
from facsim.provenance import environment, fingerprint_of, now

__all__ = ["METHODS", "Method", "PretrainedBackbone", "PretrainingConfig", "method_named", "pretrain"]

Method: TypeAlias = SimClr | Byol | MocoV3 | Mae
"""The settings of a method."""

METHODS: Mapping[str, type[Method]] = {method.name: method for method in (SimClr, Byol, MocoV3, Mae)}
"""Method name -> its settings; a new method is a new line here."""

_PLACE = ("threads", "device", "time_budget_s", "checkpoint_steps")  # where and how long, not what
_COLLAPSED = 0.05  # a spread below this is called collapse: even directions give about 1


@dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """What to pre-train and how; exactly one of `steps` and `epochs` is given.

    `network` and `network_config` name an architecture of `facsim.models.classifier` and its fields, less classes and
    channels; `precision` is what they compute in, "fp32" or "bf16". The last four fields say where and for how long,
    and do not make it another training.
    """

    method: Method = field(default_factory=SimClr)
    network: str = "small_cnn"
    network_config: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    steps: int | None = None
    epochs: float | None = None
    batch_size: int = 256
    optimisation: Optimisation = field(default_factory=Optimisation)
    views: Views = field(default_factory=Views)
    precision: str = "fp32"
    seed: int = 0
    threads: int | None = None
    device: str = "cpu"
    time_budget_s: float | None = None
    checkpoint_steps: int = 500

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.epochs is None):
            raise FacsimError(f"found steps = {self.steps} and epochs = {self.epochs}, expected exactly one of the two")
        if min(self.steps or 1, self.checkpoint_steps, self.threads or 1) < 1 or (self.epochs or 1) <= 0:
            raise FacsimError(f"found {self}, expected steps, epochs and threads above 0")
        check_precision(self.precision, known=PRECISIONS)
        if self.batch_size < 2:
            raise FacsimError(f"found batch_size = {self.batch_size}, expected at least 2: a picture needs others")

    def total_steps(self, count: int) -> int:
        """Optimiser steps of a run over `count` pictures."""
        return self.steps if self.steps is not None else math.ceil((self.epochs or 0) * count / self.batch_size)

    def to_json(self) -> dict[str, Any]:
        """What makes it this training, as plain JSON: all fields but those that say where and for how long."""
        values = {key: value for key, value in asdict(self).items() if key not in _PLACE}
        return json.loads(json.dumps({**values, "method": {"name": self.method.name, **asdict(self.method)}}))


@dataclass(frozen=True, kw_only=True)
class PretrainedBackbone:
    """A backbone as saved in `folder`, with its curve (plain JSON) and how the training ended.

    `stopped` is "finished" or "time_budget"; `seconds` counts all sittings; `collapsed` says that its last features
    were nearly the same for all pictures.
    """

    backbone: Backbone
    folder: Path
    curve: tuple[Mapping[str, Any], ...]
    step: int
    total_steps: int
    stopped: str
    seconds: float
    collapsed: bool


def method_named(name: str, **settings: Any) -> Method:
    """The settings of the method of this name, those given changed. Raises FacsimError with the nearest known name."""
    if name not in METHODS:
        raise FacsimError(f'no self-supervised method "{name}".{hint_nearest(name, METHODS)}')
    return METHODS[name](**settings)


def pretrain(
    pictures: Pictures,
    config: PretrainingConfig,
    *,
    out: str | Path,
    resume: bool = True,
    on_steps: OnSteps | None = None,
) -> PretrainedBackbone:
    """The backbone pre-trained on `pictures`, whose labels are not read, saved in the folder `out`.

    With `resume` a run begun in `out` goes on from its last checkpoint and a finished one is returned as it is.
    Raises ManifestError where `out` holds another training, FacsimError where there are fewer pictures than a batch
    wants or where the loss is not finite.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    identity = _identity(pictures, config)
    if resume and (done := _finished(folder, identity)):
        return done
    with threads_set(config.threads):
        state = _begun(pictures, config)
        if resume:
            restore_progress(folder, state, identity=identity)
        course = _course(pictures, config, state, folder, identity)
        run_course(course, state, on_steps=on_steps)
    return _saved(pictures, course, state, config)


def _identity(pictures: Pictures, config: PretrainingConfig) -> dict[str, Any]:
    if len(pictures) < config.batch_size:
        raise FacsimError(
            f"found {len(pictures)} pictures for a batch of {config.batch_size}, expected at least as many; add "
            "pictures or set a smaller batch_size"
        )
    return {**config.to_json(), "pictures": pictures.fingerprint}


def _begun(pictures: Pictures, config: PretrainingConfig) -> LearningState:
    generator = view_generator(config.seed, 0, "initial")
    channels = 1 if pictures.images.ndim == 3 else 3
    backbone = fresh_backbone(config.network, config.network_config, channels=channels, generator=generator)
    backbone.head.requires_grad_(False)  # pyright: ignore[reportCallIssue]
    learner = config.method.build(backbone, generator=generator).to(config.device)
    return LearningState(learner=learner.train(), optimizer=optimizer_of(learner, config.optimisation))


def _course(
    pictures: Pictures, config: PretrainingConfig, state: LearningState, folder: Path, identity: Mapping[str, Any]
) -> Course:
    total = config.total_steps(len(pictures))
    learner: Any = state.learner

    def after(step: int) -> None:
        learner.follow(rising_momentum(step, total, config.method.momentum))

    return Course(
        name=config.method.name,
        total=total,
        batch_size=config.batch_size,
        optimisation=config.optimisation,
        folder=folder,
        identity=identity,
        loss_of=_loss_of(pictures, config, learner),
        after=after,
        checkpoint_steps=config.checkpoint_steps,
        time_budget_s=config.time_budget_s,
    )


def _loss_of(pictures: Pictures, config: PretrainingConfig, learner: Any) -> Any:
    """The function from a step to its loss and the spread of its features."""
    preprocessing = fit_preprocessing(pictures.images, crop_margin=pictures.crop_margin)
    every = np.ones(len(pictures), dtype=np.float64)
    rows_of_step = batches_of(every, batch_size=config.batch_size, seed=config.seed)

    def loss_of(step: int) -> tuple[torch.Tensor, dict[str, float]]:
        held = torch.from_numpy(np.ascontiguousarray(pictures.images[rows_of_step(step)])).to(config.device)
        batch = nchw(held)
        views = tuple(
            prepare(
                view_of(batch, config.views, generator=view_generator(config.seed, step, f"view {place}")),
                preprocessing,
            )
            for place in range(config.method.views)
        )
        draw_drops(learner, 2 * config.batch_size, generator=view_generator(config.seed, step, "drops"))
        with autocast_for(config.precision, device=config.device):
            learned: Learned = learner.learn(views, view_generator(config.seed, step, "mask"))
        return learned.loss, {"spread": spread(learned.embedding)}

    return loss_of


def _backbone(pictures: Pictures, course: Course, state: LearningState, config: PretrainingConfig) -> Backbone:
    network: nn.Module = state.learner.backbone  # pyright: ignore[reportAssignmentType]
    return Backbone(
        network=network,
        preprocessing=fit_preprocessing(pictures.images, crop_margin=pictures.crop_margin),
        provenance={
            "trained_on": f"{pictures.origin}, without labels",
            "selected_on": "nothing: the weights after the last step",
            "method": config.method.name,
            "pictures": len(pictures),
            "pictures_fingerprint": course.identity["pictures"],
            "steps": state.step,
            "total_steps": course.total,
            "config": config.to_json(),
            **standing_entry([pictures.terms]),
        },
    )


def _saved(pictures: Pictures, course: Course, state: LearningState, config: PretrainingConfig) -> PretrainedBackbone:
    finished = state.step >= course.total
    spreads = [entry["spread"] for entry in state.curve]
    training = {
        "identity": fingerprint_of(course.identity),
        "stopped": "finished" if finished else "time_budget",
        "step": state.step,
        "total_steps": course.total,
        "seconds": round(state.seconds, 2),
        "collapsed": bool(spreads) and spreads[-1] < _COLLAPSED,
        "threads": config.threads or torch.get_num_threads(),
        "device": config.device,
        "config": config.to_json(),
        "curve": state.curve,
        "environment": environment(),
        "written": now(),
    }
    save_training_hashes(course.folder, pictures.hashes)
    save_training_signatures(course.folder, pictures.images)
    saved = save_backbone(_backbone(pictures, course, state, config), course.folder, training=training)
    if finished:
        (course.folder / PROGRESS_FILE).unlink(missing_ok=True)
    saved.network.eval()
    return _pretrained(saved, course.folder, training)


def _finished(folder: Path, identity: Mapping[str, Any]) -> PretrainedBackbone | None:
    """The finished backbone that `folder` holds already, if it is of this very training."""
    training = finished_training(folder, identity, checkpoint=PROGRESS_FILE)
    return None if training is None else _pretrained(load_backbone(folder), folder, training)


def _pretrained(backbone: Backbone, folder: Path, training: Mapping[str, Any]) -> PretrainedBackbone:
    return PretrainedBackbone(
        backbone=backbone,
        folder=folder,
        curve=tuple(training["curve"]),
        step=training["step"],
        total_steps=training["total_steps"],
        stopped=training["stopped"],
        seconds=training["seconds"],
        collapsed=training["collapsed"],
    )
