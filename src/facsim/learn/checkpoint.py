"""Everything that a training run needs to go on as if it had never stopped, in one safetensors file.

Networks, the optimiser's moments and, as JSON, the position and the curve. There is no generator state to keep: batches
and augmentation are functions of (seed, step).
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

__all__ = ["CHECKPOINT_FILE", "TrainingState", "restore_checkpoint", "save_checkpoint"]

CHECKPOINT_FILE = "checkpoint.safetensors"
_MOMENTS = ("exp_avg", "exp_avg_sq")  # AdamW's, as torch names them


@dataclass(kw_only=True)
class TrainingState:
    """A training run between two steps: the network, its running average, AdamW, and how far it is.

    The one mutable record of this package, since it holds a network in training. `step` counts finished steps;
    `curve` holds plain JSON; `losses` are those since the last entry of the curve.
    """

    network: nn.Module
    average: nn.Module
    optimizer: torch.optim.AdamW
    step: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    losses: list[float] = field(default_factory=list[float])
    seconds: float = 0.0


def save_checkpoint(folder: Path, state: TrainingState, *, identity: Mapping[str, Any]) -> None:
    """Write the run's state to `folder`, whole or not at all; `identity` is what a resumed run must equal."""
    tensors = {f"network.{name}": tensor for name, tensor in state.network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in state.average.state_dict().items()}
    for name, parameter in state.network.named_parameters():
        for moment in _MOMENTS:
            if parameter in state.optimizer.state:
                tensors[f"{moment}.{name}"] = state.optimizer.state[parameter][moment]
    position = {"step": state.step, "curve": state.curve, "losses": state.losses, "seconds": state.seconds}
    entry = json.dumps({"identity": dict(identity), **position})
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_whole(folder / CHECKPOINT_FILE, safetensors.torch.save(whole, metadata={"facsim_checkpoint": entry}))


def restore_checkpoint(folder: Path, state: TrainingState, *, identity: Mapping[str, Any]) -> bool:
    """Whether there was a checkpoint in `folder`, now put into `state`.

    Raises ManifestError where the file is damaged, or where it is of another run than `identity`, saying what differs.
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
    _put(state, tensors, step=entry["step"])
    state.step, state.curve, state.losses = entry["step"], entry["curve"], entry["losses"]
    state.seconds = entry["seconds"]
    return True


def _read(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            entry = json.loads((opened.metadata() or {})["facsim_checkpoint"])
        return entry, safetensors.torch.load_file(file)
    except (safetensors.SafetensorError, OSError, KeyError, ValueError) as error:
        raise ManifestError(f"{file} is damaged ({error!r}); delete it, or train afresh without resuming") from error


def _put(state: TrainingState, tensors: Mapping[str, Tensor], *, step: int) -> None:
    """Copy in place, so that tensors keep their memory layout: it chooses the kernel, and with it the bits."""
    with torch.no_grad():
        for part, network in (("network", state.network), ("average", state.average)):
            for name, tensor in network.state_dict().items():
                tensor.copy_(tensors[f"{part}.{name}"])
    if step == 0:
        return
    for name, parameter in state.network.named_parameters():
        moments = {moment: torch.zeros_like(parameter).copy_(tensors[f"{moment}.{name}"]) for moment in _MOMENTS}
        count = torch.tensor(float(step), dtype=torch.float32, device=parameter.device)
        state.optimizer.state[parameter] = {"step": count, **moments}
