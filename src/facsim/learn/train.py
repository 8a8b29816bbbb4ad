"""Training a classifier, so that it can be stopped anywhere and taken up again without a trace.

A run is a pure function of its pictures, its configuration and, for the last bits, the machine and its threads:
batches, augmentation, mixing, dropout and initialisation are all drawn from (seed, step). By default no checkpoint is
chosen: the model is the exponential moving average of the weights after the last step. Where one is chosen, it is by
pictures cut from the training pictures or given as a validation set, never by a test set, and the model says so.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facsim.errors import FacsimError
from facsim.learn.checkpoint import CHECKPOINT_FILE, Best, TrainingState, restore_checkpoint, save_checkpoint
from facsim.learn.data import Pictures
from facsim.learn.distributed import ALONE, Team, synchronise
from facsim.learn.finished import finished_training
from facsim.learn.initial import network_shape, put_initial
from facsim.learn.leaks import SeenPictures, save_chosen_on, save_training_hashes, save_training_signatures
from facsim.learn.loading import Feeder
from facsim.learn.optimisers import build_optimiser
from facsim.learn.precision import LossScale
from facsim.learn.predict import predict
from facsim.learn.sampler import batches_of, sampling_weights
from facsim.learn.schedules import learning_rate
from facsim.learn.signatures import Signatures, signatures_of
from facsim.learn.training_config import TrainingConfig
from facsim.learn.training_plan import TrainingPlan, planned
from facsim.learn.training_step import StepWork, seeded, step_work, take_step
from facsim.learn.unit_head import unit_head
from facsim.metrics import recall, tally
from facsim.models.backbones import feature_width
from facsim.models.classifier import Classifier, initialised
from facsim.models.weights import load_classifier, save_classifier
from facsim.provenance import environment, fingerprint_of, now

__all__ = ["OnProgress", "TrainedModel", "train"]

_LOG_STEPS = 10  # steps between two entries of the curve


class OnProgress(Protocol):
    """Called every few steps with the finished and all steps, pictures a second, and the mean loss since last time."""

    def __call__(self, step: int, total: int, rate: float, loss: float) -> None: ...


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A classifier as saved in `folder`, with its curve (plain JSON) and how the training ended.

    `stopped` is "finished" or "time_budget"; `seconds` counts all sittings. In a team, only the leader's classifier
    knows the checksum of its weights.
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
    validation: Pictures | None = None,
    reference: Pictures | None = None,
    team: Team = ALONE,
) -> TrainedModel:
    """The model trained on `pictures`, saved in the folder `out`.

    With `resume` a run begun in `out` goes on from its last checkpoint and a finished one is returned as it is.
    `validation` pictures are held out instead of those that `config.validation` would cut off; an exact copy of one is
    not trained on. `reference` pictures, whose labels are not read, are what `config.alignment` draws features towards.
    Of a `team` every process calls this with the same arguments; the leader writes to `out`, a folder that all see.

    A class without pictures keeps its output, and the model says that it saw none. Raises ManifestError where `out`
    holds another training, FacsimError where there is too little to train on or where the loss is not finite.
    """
    plan = planned(pictures, config, validation=validation, reference=reference, team=team)
    folder = _shared_folder(Path(out), team)
    if resume and (done := _finished(folder, plan)):
        return done
    with _threads(config.threads):
        state = _begun(plan)
        if resume:
            restore_checkpoint(folder, state, identity=plan.identity)
        _run(plan, state, folder, on_progress if team.leads else None)
    return _saved(plan, state, folder)


def _shared_folder(folder: Path, team: Team) -> Path:
    if team.leads:
        folder.mkdir(parents=True, exist_ok=True)
    team.wait()
    if not folder.is_dir():
        raise FacsimError(
            f"process {team.rank} does not see {folder}, which process 0 made; give a folder that all see"
        )
    return folder


def _begun(plan: TrainingPlan) -> TrainingState:
    config, pictures = plan.config, plan.training
    shape = network_shape(pictures, config)
    network = initialised(config.network, shape, generator=seeded(config.seed, "initial"))
    if plan.initial is not None:
        put_initial(network, plan.initial, classes=pictures.classes)
    layout = torch.channels_last if config.channels_last else torch.contiguous_format
    network = network.to(device=config.device, memory_format=layout)  # pyright: ignore[reportCallIssue]
    if config.freeze_backbone:
        network.requires_grad_(False)
        network.get_submodule("head").requires_grad_(True)
    average = copy.deepcopy(network).eval().requires_grad_(False)
    beside = None
    if plan.units is not None:
        beside = unit_head(feature_width(network), len(plan.units.names)).to(config.device)
    return TrainingState(
        network=_in_training(synchronise(network, plan.team), config),
        average=average,
        companion=beside,
        optimizer=build_optimiser(network if beside is None else nn.ModuleList([network, beside]), config),
        scale=LossScale.begun() if config.precision == "fp16" else LossScale(),
    )


def _in_training(network: nn.Module, config: TrainingConfig) -> nn.Module:
    """The network in training mode; of one whose backbone is frozen, the head alone, so that no statistic moves."""
    if not config.freeze_backbone:
        return network.train()
    network.eval()
    network.get_submodule("head").train()
    return network


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """torch on `count` threads for a while; as it is where None."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(count or before)
        yield
    finally:
        torch.set_num_threads(before)


def _run(plan: TrainingPlan, state: TrainingState, folder: Path, on_progress: OnProgress | None) -> None:
    """Step until the end or until the time is up; a checkpoint lies in `folder` either way."""
    began, earlier, begun_at = time.monotonic(), state.seconds, state.step
    work = step_work(plan, state.network)
    with _fed(plan, work, state.step) as batches:
        for rows, images, reference in batches:
            if _time_is_up(plan, state.seconds - earlier):
                break
            take_step(work, state, rows, images, reference)
            state.seconds = earlier + time.monotonic() - began
            rate = (state.step - begun_at) * plan.config.batch_size / max(1e-9, state.seconds - earlier)
            _after_step(plan, state, rate, on_progress)
            if state.step % plan.config.checkpoint_steps == 0:
                _keep(plan, state, folder)
    _keep(plan, state, folder)


def _after_step(plan: TrainingPlan, state: TrainingState, rate: float, on_progress: OnProgress | None) -> None:
    ended = state.step == plan.total
    if state.step % _LOG_STEPS == 0 or ended:
        _log(plan, state, rate, on_progress)
    if plan.held_out is not None and (state.step % plan.validation_steps == 0 or ended):
        _validate(plan, plan.held_out, state)


_Fed = Iterator[tuple[NDArray[np.int64], Tensor, Tensor | None]]


@contextmanager
def _fed(plan: TrainingPlan, work: StepWork, first_step: int) -> Iterator[_Fed]:
    """An iterator over this process's part of each step: rows, pictures uint8 on the device, those of the reference."""
    config, size = plan.config, plan.config.batch_size
    weights = sampling_weights(plan.training.targets, balance=config.balance)
    order = batches_of(weights, batch_size=size, seed=config.seed)
    with ExitStack() as stack:
        feeds = [stack.enter_context(_feeder(plan, plan.training, work, order, first_step))]
        if plan.reference is not None:
            equal = np.ones(len(plan.reference))
            other = batches_of(equal, batch_size=size, seed=config.seed, purpose="reference")
            feeds.append(stack.enter_context(_feeder(plan, plan.reference, work, other, first_step)))
        yield (
            (found[0][1], found[0][2], found[1][2] if len(found) > 1 else None) for found in zip(*feeds, strict=True)
        )


def _feeder(
    plan: TrainingPlan,
    pictures: Pictures,
    work: StepWork,
    order: Callable[[int], NDArray[np.int64]],
    first_step: int,
) -> Feeder:
    return Feeder(
        pictures.images,
        lambda step: order(step)[work.rows],
        first_step=first_step,
        last_step=max(plan.total, first_step),
        device=plan.config.device,
    )


def _time_is_up(plan: TrainingPlan, seconds: float) -> bool:
    """Whether the budget is used up, by the leader's clock."""
    budget = plan.config.time_budget_s
    return budget is not None and bool(plan.team.agreed(seconds >= budget))


def _keep(plan: TrainingPlan, state: TrainingState, folder: Path) -> None:
    _read_losses(plan, state)
    if plan.team.leads:
        save_checkpoint(folder, state, identity=plan.identity)
    plan.team.wait()


def _read_losses(plan: TrainingPlan, state: TrainingState) -> None:
    """Fetch the unread losses from the device, summed over the processes' parts."""
    if not state.unread:
        return
    parts = torch.stack(state.unread)
    plan.team.add_up([parts])
    state.losses += parts.tolist()
    state.unread.clear()


def _log(plan: TrainingPlan, state: TrainingState, rate: float, on_progress: OnProgress | None) -> None:
    _read_losses(plan, state)
    for at, loss in enumerate(state.losses, start=state.step - len(state.losses) + 1):
        if not math.isfinite(loss):
            narrow = ", or in fp32 or bf16" if plan.config.precision == "fp16" else ""
            raise FacsimError(
                f"the loss became {loss} at step {at}; train with a lower lr than {plan.config.lr}{narrow}, afresh or "
                "into another folder"
            )
    loss = float(np.mean(state.losses))
    lr = learning_rate(state.step - 1, plan.total, plan.config, steps_per_epoch=plan.steps_per_epoch)
    state.curve.append({"step": state.step, "loss": loss, "lr": lr})
    state.losses.clear()
    if on_progress is not None:
        on_progress(state.step, plan.total, rate, loss)


def _validate(plan: TrainingPlan, held_out: Pictures, state: TrainingState) -> None:
    """Add the averaged network's accuracy and UAR on the pictures held out to the curve, and keep it if it is best."""
    right, mean_recall = plan.team.agreed(_looked_at(plan, held_out, state) if plan.team.leads else None)
    state.curve.append({"step": state.step, "validation_accuracy": right, "validation_uar": mean_recall})
    if plan.config.selection == "best" and (state.best is None or mean_recall > state.best.score):
        weights = {name: tensor.detach().clone() for name, tensor in state.average.state_dict().items()}
        state.best = Best(step=state.step, score=mean_recall, weights=weights)


def _looked_at(plan: TrainingPlan, held_out: Pictures, state: TrainingState) -> tuple[float, float]:
    scores = predict(_classifier(plan, state), held_out)
    called = [held_out.classes[index] for index in scores.argmax(axis=1)]
    confusion = tally(held_out.labels, called, classes=held_out.classes)
    right = float(np.trace(confusion.counts) / confusion.n)
    return right, float(np.nanmean(list(recall(confusion).values())))


def _classifier(plan: TrainingPlan, state: TrainingState) -> Classifier:
    best_step = None if state.best is None else state.best.step
    return Classifier(
        network=state.average,
        classes=plan.training.classes,
        preprocessing=plan.preprocessing,
        provenance=plan.provenance(step=state.step, best_step=best_step),
    )


def _saved(plan: TrainingPlan, state: TrainingState, folder: Path) -> TrainedModel:
    """The model, written by the leader: of the best weights where they are chosen, in the running average's place."""
    finished = state.step >= plan.total
    training = _record(plan, state, finished=finished)
    if state.best is not None:
        state.average.load_state_dict(dict(state.best.weights))
    classifier = _classifier(plan, state)
    if plan.team.leads:
        save_training_hashes(folder, _seen(plan))
        save_training_signatures(folder, plan.training.images, others=_other_signatures(plan))
        save_chosen_on(folder, _chosen_on(plan, state))
        classifier = save_classifier(classifier, folder, training=training)
        if finished:
            (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
    plan.team.wait()
    return _trained(classifier, folder, training)


def _record(plan: TrainingPlan, state: TrainingState, *, finished: bool) -> dict[str, Any]:
    """`training.json`."""
    return {
        "identity": fingerprint_of(plan.identity),
        "stopped": "finished" if finished else "time_budget",
        "step": state.step,
        "total_steps": plan.total,
        "seconds": round(state.seconds, 2),
        "threads": plan.config.threads or torch.get_num_threads(),
        "processes": plan.team.size,
        "device": plan.config.device,
        "config": plan.config.to_json(),
        "pictures_left_out": dict(plan.training.left_out),
        "curve": state.curve,
        "environment": environment(),
        "written": now(),
    }


def _seen(plan: TrainingPlan) -> NDArray[np.uint64]:
    """Hashes of all pictures that the weights have seen: those of the reference set and of earlier training too."""
    parts = [plan.training.hashes]
    if plan.reference is not None:
        parts.append(plan.reference.hashes)
    if plan.initial is not None and plan.initial.hashes is not None:
        parts.append(plan.initial.hashes)
    return np.concatenate(parts)


def _other_signatures(plan: TrainingPlan) -> list[Signatures]:
    """Signatures of what else the weights have seen, as far as they are known."""
    parts = [] if plan.reference is None else [signatures_of(plan.reference.images)]
    earlier = None if plan.initial is None else plan.initial.signatures
    return parts if earlier is None else [*parts, earlier]


def _chosen_on(plan: TrainingPlan, state: TrainingState) -> list[SeenPictures]:
    """What the weights were chosen on, and those that they began from."""
    parts = [] if plan.initial is None else [plan.initial.chosen_on]
    if state.best is None or plan.held_out is None:
        return parts
    return [*parts, SeenPictures(hashes=plan.held_out.hashes, signatures=signatures_of(plan.held_out.images))]


def _finished(folder: Path, plan: TrainingPlan) -> TrainedModel | None:
    """The finished model that `folder` holds already, if it is of this very training."""
    training = finished_training(folder, plan.identity, checkpoint=CHECKPOINT_FILE)
    return None if training is None else _trained(load_classifier(folder), folder, training)


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
