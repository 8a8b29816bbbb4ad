"""Everything that a training run needs to go on as if it had never stopped, in one safetensors file.

Networks, the optimiser's state whatever the optimiser is, the best weights so far where they are chosen and, as JSON,
the position, the curve and the scale of the loss. There is no generator state to keep: batches, augmentation and
dropout are functions of (seed, step).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from facsim.errors import ManifestError
from facsim.learn.precision import LossScale
from facsim.models.weights import write_whole
from facsim.provenance import changes

__all__ = ["CHECKPOINT_FILE", "Best", "TrainingState", "restore_checkpoint", "save_checkpoint"]

CHECKPOINT_FILE = "checkpoint.safetensors"


@dataclass(frozen=True, kw_only=True)
class Best:
    """The averaged weights of `step`, by name, which scored `score` on the pictures held out."""

    step: int
    score: float
    weights: Mapping[str, Tensor]


@dataclass(kw_only=True)
class TrainingState:
    """A training run between two steps: the network, its running average, the optimiser, and how far it is.

    The one mutable record of this package, since it holds a network in training. `step` counts finished steps;
    `curve` holds plain JSON; `losses` are those since the last entry of the curve, and `unread` those of them that are
    still on the device: reading one there waits for all that was asked of it. `companion` is what is trained beside the
    network and thrown away with the checkpoint, such as the classes of an embedding.
    """

    network: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    losses: list[float] = field(default_factory=list[float])
    unread: list[Tensor] = field(default_factory=list[Tensor])
    seconds: float = 0.0
    scale: LossScale = field(default_factory=LossScale)
    best: Best | None = None
    companion: nn.Module | None = None


def save_checkpoint(folder: Path, state: TrainingState, *, identity: Mapping[str, Any]) -> None:
    """Write the run's state to `folder`, whole or not at all; `identity` is what a resumed run must equal.

    Losses that are unread are not kept: read them first.
    """
    tensors = _networks(state)
    for name, parameter in _parameters(state).items():
        for slot, value in state.optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{slot}.{name}"] = value
    if state.best is not None:
        tensors |= {f"best.{name}": tensor for name, tensor in state.best.weights.items()}
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    entry = json.dumps({"identity": dict(identity), **_position(state)})
    write_whole(folder / CHECKPOINT_FILE, safetensors.torch.save(whole, metadata={"facsim_checkpoint": entry}))


def restore_checkpoint(folder: Path, state: TrainingState, *, identity: Mapping[str, Any]) -> bool:
    """Whether there was a checkpoint in `folder`, now put into `state`.

    Raises ManifestError where the file is damaged, where it is of another run than `identity`, saying what differs, or
    where its tensors are not those of the network.
    """
    file = folder / CHECKPOINT_FILE
    if not file.exists():
        return False
    entry, tensors = _read(file)
    if differences := changes(entry["identity"], dict(identity)):
        raise ManifestError(
            f"{file} is of another training: {'; '.join(differences)}; train with the same settings and pictures, into "
            "another folder, or afresh without resuming"
        )
    _refuse_another_network(file, state, tensors)
    _put(state, tensors)
    state.step, state.curve, state.losses = entry["step"], entry["curve"], entry["losses"]
    state.seconds, state.scale = entry["seconds"], LossScale(**entry["scale"])
    if entry["best"] is not None:
        weights = {
            name: tensors[f"best.{name}"].to(tensor.device) for name, tensor in state.average.state_dict().items()
        }
        state.best = Best(**entry["best"], weights=weights)
    return True


def _position(state: TrainingState) -> dict[str, Any]:
    return {
        "step": state.step,
        "curve": state.curve,
        "losses": state.losses,
        "seconds": state.seconds,
        "scale": {"scale": state.scale.scale, "good_steps": state.scale.good_steps},
        "best": None if state.best is None else {"step": state.best.step, "score": state.best.score},
    }


def _networks(state: TrainingState) -> dict[str, Tensor]:
    parts = [("network", state.network), ("average", state.average)]
    if state.companion is not None:
        parts.append(("companion", state.companion))
    return {f"{part}.{name}": tensor for part, network in parts for name, tensor in network.state_dict().items()}


def _parameters(state: TrainingState) -> dict[str, nn.Parameter]:
    """What the optimiser moves, by name."""
    beside = state.companion.named_parameters(prefix="companion") if state.companion is not None else ()
    return {**dict(state.network.named_parameters()), **dict(beside)}


def _read(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            entry = json.loads((opened.metadata() or {})["facsim_checkpoint"])
        return entry, safetensors.torch.load_file(file)
    except (safetensors.SafetensorError, OSError, KeyError, ValueError) as error:
        raise ManifestError(f"{file} is damaged ({error!r}); delete it, or train afresh without resuming") from error


def _refuse_another_network(file: Path, state: TrainingState, tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in _networks(state).items():
        found = tuple(tensors[name].shape) if name in tensors else "none"
        if found != tuple(tensor.shape):
            raise ManifestError(
                f'{file} is of another network: tensor "{name}" has shape {found}, expected {tuple(tensor.shape)}; '
                "train with the facsim that wrote it, into another folder, or afresh without resuming"
            )


def _put(state: TrainingState, tensors: Mapping[str, Tensor]) -> None:
    """Copy in place, so that tensors keep their memory layout: it chooses the kernel, and with it the bits."""
    with torch.no_grad():
        for name, tensor in _networks(state).items():
            tensor.copy_(tensors[name])
    parameters = _parameters(state)
    for key, value in tensors.items():
        part, _, rest = key.partition(".")
        slot, _, name = rest.partition(".")
        if part == "optimiser":
            parameter = parameters[name]
            held = torch.zeros_like(parameter).copy_(value) if value.shape == parameter.shape else value
            state.optimizer.state[parameter][slot] = held.detach().to(parameter.device)
