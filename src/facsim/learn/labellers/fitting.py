"""Teaching a label model: one loop for every task, which can be stopped anywhere and taken up again.

A task says what a batch is, what its loss is and how it is examined on what was held out; all else is here. Batches and
crops are functions of (seed, step). The model is the running average of the weights after the last step: no checkpoint
is chosen.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facsim.errors import FacsimError, WeightsError
from facsim.learn.averaging import follow
from facsim.learn.checkpoint import CHECKPOINT_FILE, TrainingState, restore_checkpoint, save_checkpoint
from facsim.learn.optimisers import build_optimiser
from facsim.learn.precision import autocast_for
from facsim.learn.schedules import learning_rate
from facsim.learn.training_config import TrainingConfig
from facsim.models.classifier import Preprocessing, prepare
from facsim.models.labeller import (
    Labeller,
    initialised_label_network,
    load_labeller,
    save_labeller,
    weights_digest,
)
from facsim.models.weights import TRAINING_FILE, load_training
from facsim.provenance import environment, fingerprint_of, now
from facsim.sample import generator_for, seed_for

__all__ = ["CompanionTask", "Fitted", "LabelTask", "OnStep", "Outputs", "fit_labeller", "predict_rows"]

Outputs = Tensor | Mapping[str, Tensor]
"""What a label network gives: float32, one row a picture."""

OnStep = Callable[[int, int, float, float], None]
"""Called now and then with the finished and all steps, pictures a second and the mean loss since last time."""

_LOG_STEPS = 20
_ROWS_A_TURN = 256


class LabelTask(Protocol):
    """What is to be learnt, from which rows.

    `name` is the task that label stages load weights by. `training` and `held_out` are int64 rows. `batch` gives
    pictures (B, C, S, S) float32 in [0, 1] and what the loss needs to know of them (tensors, alone or in a tuple or a
    mapping), on any device; with `seed` None exactly as a stage would see them. `examine` takes what came out for the
    rows held out, in their order, and gives figures by name. `identity` is plain JSON that says what the task is made
    of, for resuming.
    """

    @property
    def name(self) -> str: ...
    @property
    def network(self) -> tuple[str, Mapping[str, Any]]: ...
    @property
    def preprocessing(self) -> Preprocessing: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def provenance(self) -> Mapping[str, Any]: ...
    @property
    def identity(self) -> Mapping[str, Any]: ...
    @property
    def training(self) -> NDArray[np.int64]: ...
    @property
    def held_out(self) -> NDArray[np.int64]: ...

    def batch(self, rows: NDArray[np.int64], *, seed: int | None) -> tuple[Tensor, Any]: ...
    def loss(self, outputs: Outputs, targets: Any) -> Tensor: ...
    def examine(self, outputs: Mapping[str, NDArray[np.float32]]) -> Mapping[str, float]: ...


@runtime_checkable
class CompanionTask(Protocol):
    """What a `LabelTask` may have besides: parameters that are trained with the network and are no part of the model.

    The classes of an embedding are such: they ride in the checkpoint and are thrown away at the end. `companion` gives
    the module that holds them, filled from `generator` alone; `joint_loss` then stands for `loss`. `progress` is the
    share of the steps that are done.
    """

    def companion(self, generator: torch.Generator) -> nn.Module: ...
    def joint_loss(self, outputs: Outputs, targets: Any, companion: nn.Module, *, progress: float) -> Tensor: ...


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A label model as saved in `folder`, how far it was taught, and its figures on what was held out."""

    labeller: Labeller
    folder: Path
    step: int
    total_steps: int
    scores: Mapping[str, float]


def fit_labeller(task: LabelTask, config: TrainingConfig, *, out: str | Path, on_step: OnStep | None = None) -> Fitted:
    """The label model taught by `task`, saved in the folder `out` with its card.

    Of `config` the length, the optimiser, the schedule, the precision and where to run count, and `initial`: a folder
    of a model of the same task, whose weights it starts from. A run begun in `out` goes on from its last checkpoint; a
    finished one is returned as it is. Raises ManifestError where `out` holds another training, WeightsError where the
    initial weights are of another network, FacsimError where the loss is not finite.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    total = config.total_steps(len(task.training))
    identity = {
        "task": task.name,
        "of": dict(task.identity),
        "network": _plain(task.network),
        "config": config.to_json(),
        **_started_from(task, config),
    }
    if done := _finished(folder, task, identity):
        return done
    with _threads(config.threads):
        state = _begun(task, config)
        restore_checkpoint(folder, state, identity=identity)

        def keep() -> None:
            _read_losses(state)
            save_checkpoint(folder, state, identity=identity)

        _run(task, config, state, total, keep, on_step)
        return _saved(task, config, state, total, folder, identity)


def predict_rows(
    labeller: Labeller, task: LabelTask, rows: NDArray[np.int64], *, device: str = "cpu"
) -> dict[str, NDArray[np.float32]]:
    """What comes out for these rows, cut exactly: arrays by output's name ("outputs" where there is but one)."""
    parts: dict[str, list[NDArray[np.float32]]] = {}
    for at in range(0, len(rows), _ROWS_A_TURN):
        pictures, _ = task.batch(rows[at : at + _ROWS_A_TURN], seed=None)
        with torch.inference_mode():
            found = labeller.network(prepare(pictures.to(device), labeller.preprocessing))
        named = found if isinstance(found, Mapping) else {"outputs": found}
        for name, values in named.items():
            parts.setdefault(name, []).append(values.float().cpu().numpy())
    return {name: np.concatenate(values) for name, values in parts.items()}


def _begun(task: LabelTask, config: TrainingConfig) -> TrainingState:
    name, configuration = task.network
    generator = torch.Generator().manual_seed(seed_for(f"teach/{config.seed}", "initial") % 2**63)
    network = initialised_label_network(name, configuration, generator=generator).to(config.device)
    if config.initial:
        _start_from(network, load_labeller(task.name, str(config.initial)))
    average = copy.deepcopy(network).eval().requires_grad_(False)
    beside = task.companion(generator).to(config.device) if isinstance(task, CompanionTask) else None
    trained = network if beside is None else nn.ModuleList([network, beside])
    optimizer = build_optimiser(trained, config)
    return TrainingState(network=network, average=average, optimizer=optimizer, companion=beside)


def _started_from(task: LabelTask, config: TrainingConfig) -> dict[str, str]:
    """The SHA-256 of the weights that the training starts from, where it does not start afresh."""
    return {"started_from": weights_digest(task.name, str(config.initial))} if config.initial else {}


def _start_from(network: nn.Module, initial: Labeller) -> None:
    try:
        network.load_state_dict(initial.network.state_dict())
    except RuntimeError as error:
        raise WeightsError(f"the initial weights are of another network than the task's ({error})") from error


def _run(
    task: LabelTask,
    config: TrainingConfig,
    state: TrainingState,
    total: int,
    keep: Callable[[], None],
    on_step: OnStep | None,
) -> None:
    began, earlier, first = time.monotonic(), state.seconds, state.step
    while state.step < total and not _time_is_up(config, state.seconds - earlier):
        _step(task, config, state, total)
        state.seconds = earlier + time.monotonic() - began
        if state.step % _LOG_STEPS == 0 or state.step == total:
            loss = _logged(state)
            if on_step is not None:
                rate = (state.step - first) * config.batch_size / max(state.seconds - earlier, 1e-9)
                on_step(state.step, total, rate, loss)
        if state.step % config.checkpoint_steps == 0:
            keep()
    keep()


def _step(task: LabelTask, config: TrainingConfig, state: TrainingState, total: int) -> None:
    rows = _rows(task.training, config, state.step)
    pictures, targets = task.batch(rows, seed=seed_for(f"teach/{config.seed}", f"batch/{state.step}") % 2**63)
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(state.step, total, config)
    state.optimizer.zero_grad(set_to_none=True)
    with autocast_for(config.precision, device=config.device):
        outputs = state.network(prepare(pictures.to(config.device), task.preprocessing))
    loss = _loss(task, _widened(outputs), _moved(targets, config.device), state, progress=state.step / total)
    loss.backward()
    state.optimizer.step()
    follow(state.average, state.network, decay=min(config.ema, (state.step + 1) / (state.step + 10)))
    state.step += 1
    state.unread.append(loss.detach())


def _loss(task: LabelTask, outputs: Outputs, targets: Any, state: TrainingState, *, progress: float) -> Tensor:
    if state.companion is not None and isinstance(task, CompanionTask):
        return task.joint_loss(outputs, targets, state.companion, progress=progress)
    return task.loss(outputs, targets)


def _widened(outputs: Outputs) -> Outputs:
    return {name: value.float() for name, value in outputs.items()} if isinstance(outputs, Mapping) else outputs.float()


def _rows(training: NDArray[np.int64], config: TrainingConfig, step: int) -> NDArray[np.int64]:
    """The rows of a step: whole shuffles of the training rows, one behind the other."""
    size, count = config.batch_size, len(training)
    first, last = step * size, (step + 1) * size
    rows: list[NDArray[np.int64]] = []
    for epoch in range(first // count, (last - 1) // count + 1):
        order = generator_for(f"teach/{config.seed}", f"epoch/{epoch}").permutation(training)
        rows.append(order[max(first - epoch * count, 0) : min(last - epoch * count, count)])
    return np.concatenate(rows)


def _moved(targets: Any, device: str) -> Any:
    """The same tensors on `device`, in the same tuple or mapping."""
    if isinstance(targets, Tensor):
        return targets.to(device)
    if isinstance(targets, Mapping):
        return {name: _moved(value, device) for name, value in targets.items()}
    return tuple(_moved(value, device) for value in targets)


def _read_losses(state: TrainingState) -> None:
    """Fetch the losses that are still on the device, all at once."""
    if state.unread:
        state.losses += torch.stack(state.unread).tolist()
        state.unread.clear()


def _logged(state: TrainingState) -> float:
    _read_losses(state)
    loss = float(np.mean(state.losses))
    if not math.isfinite(loss):
        raise FacsimError(f"the loss became {loss} by step {state.step}; teach with a lower lr, into another folder")
    state.curve.append({"step": state.step, "loss": loss})
    state.losses.clear()
    return loss


def _time_is_up(config: TrainingConfig, seconds: float) -> bool:
    return config.time_budget_s is not None and seconds >= config.time_budget_s


def _saved(
    task: LabelTask,
    config: TrainingConfig,
    state: TrainingState,
    total: int,
    folder: Path,
    identity: Mapping[str, Any],
) -> Fitted:
    finished = state.step >= total
    labeller = Labeller(
        task=task.name,
        network=state.average,
        preprocessing=task.preprocessing,
        settings=task.settings,
        provenance={
            **task.provenance,
            **_started_from(task, config),
            "seed": config.seed,
            "steps": state.step,
            "batch_size": config.batch_size,
        },
    )
    found = task.examine(predict_rows(labeller, task, task.held_out, device=config.device))
    scores = {name: round(float(value), 4) for name, value in found.items()}
    labeller = replace(labeller, provenance={**labeller.provenance, "scores": scores})
    training = {
        "identity": fingerprint_of(identity),
        "stopped": "finished" if finished else "time_budget",
        "step": state.step,
        "total_steps": total,
        "seconds": round(state.seconds, 1),
        "config": config.to_json(),
        "scores": scores,
        "curve": state.curve,
        "environment": environment(),
        "written": now(),
    }
    saved = save_labeller(labeller, folder, training=training)
    if finished:
        (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
    return Fitted(labeller=saved, folder=folder, step=state.step, total_steps=total, scores=scores)


def _finished(folder: Path, task: LabelTask, identity: Mapping[str, Any]) -> Fitted | None:
    if not (folder / TRAINING_FILE).exists():
        return None
    known = load_training(folder)
    if known.get("stopped") != "finished" or known.get("identity") != fingerprint_of(identity):
        return None
    labeller = load_labeller(task.name, folder)
    steps = (known["step"], known["total_steps"])
    return Fitted(labeller=labeller, folder=folder, step=steps[0], total_steps=steps[1], scores=known["scores"])


def _plain(network: tuple[str, Mapping[str, Any]]) -> list[Any]:
    name, configuration = network
    return [name, {key: list(value) if isinstance(value, tuple) else value for key, value in configuration.items()}]


@contextmanager
def _threads(count: int | None) -> Any:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(count or before)
        yield
    finally:
        torch.set_num_threads(before)
