"""Everything that a run of steps needs to go on as if it had never stopped, in one safetensors file.

Any module and any optimiser: every tensor of both is kept, by the parameter's name, and as JSON the position and the
curve. There is no generator state to keep: what a step draws is a function of (seed, step).
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
from facsim.models.weights import write_whole
from facsim.provenance import changes

__all__ = ["PROGRESS_FILE", "LearningState", "restore_progress", "save_progress"]

PROGRESS_FILE = "checkpoint.safetensors"
_ENTRY = "facsim_progress"


@dataclass(kw_only=True)
class LearningState:
    """A run between two steps: what learns, its optimiser, and how far it is. Mutable, since it holds both at work.

    `step` counts finished steps; `curve` holds plain JSON; `since` are the figures of each step since its last entry.
    """

    learner: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    since: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    seconds: float = 0.0


def save_progress(folder: Path, state: LearningState, *, identity: Mapping[str, Any]) -> None:
    """Write the run's state to `folder`, whole or not at all; `identity` is what a resumed run must equal."""
    tensors = {f"learner.{name}": tensor for name, tensor in state.learner.state_dict().items()}
    for name, parameter in state.learner.named_parameters():
        for key, value in state.optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{key}.{name}"] = value
    position = {"step": state.step, "curve": state.curve, "since": state.since, "seconds": state.seconds}
    entry = json.dumps({"identity": dict(identity), **position})
    # a copy each: parameters that share memory may not be written as two
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_whole(folder / PROGRESS_FILE, safetensors.torch.save(whole, metadata={_ENTRY: entry}))


def restore_progress(folder: Path, state: LearningState, *, identity: Mapping[str, Any]) -> bool:
    """Whether there was a checkpoint in `folder`, now put into `state`.

    Raises ManifestError where the file is damaged, or where it is of another run than `identity`, saying what differs.
    """
    file = folder / PROGRESS_FILE
    if not file.exists():
        return False
    entry, tensors = _read(file)
    if differences := changes(entry["identity"], json.loads(json.dumps(dict(identity)))):
        raise ManifestError(
            f"{file} is of another training: {'; '.join(differences)}; train with the same settings and pictures, into "
            "another folder, or afresh without resuming"
        )
    _put(state, tensors)
    state.step, state.curve, state.since = entry["step"], entry["curve"], entry["since"]
    state.seconds = entry["seconds"]
    return True


def _read(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            entry = json.loads((opened.metadata() or {})[_ENTRY])
        return entry, safetensors.torch.load_file(file)
    except (safetensors.SafetensorError, OSError, KeyError, ValueError) as error:
        raise ManifestError(f"{file} is damaged ({error!r}); delete it, or train afresh without resuming") from error


def _put(state: LearningState, tensors: Mapping[str, Tensor]) -> None:
    """Copy in place, so that tensors keep their memory layout: it chooses the kernel, and with it the bits."""
    with torch.no_grad():
        for name, tensor in state.learner.state_dict().items():
            tensor.copy_(tensors[f"learner.{name}"])
    parameters = dict(state.learner.named_parameters())
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        if part == "optimizer":
            key, _, parameter = rest.partition(".")
            state.optimizer.state[parameters[parameter]][key] = _like(parameters[parameter], tensor)


def _like(parameter: Tensor, tensor: Tensor) -> Tensor:
    if tensor.shape != parameter.shape:
        return tensor.to(parameter.device)
    return torch.zeros_like(parameter).copy_(tensor)
