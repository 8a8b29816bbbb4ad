"""Label models: a network, what it reads and what its outputs mean, as one file that stands alone.

The file is `weights.safetensors`, with one metadata entry, `facsim_labeller`: a JSON object with the task, the
architecture and its configuration, the preprocessing, the task's settings and the provenance. Matrices and kernels are
kept in fp16; norms and biases, which are small and may be large or tiny, in fp32. Nothing is ever unpickled. Those that
ship with facsim lie in `facsim/weights`, `<task>.safetensors` beside `<task>.md`, trained on renders alone.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from facsim.errors import FacsimError, WeightsError, hint_nearest
from facsim.models.classifier import Preprocessing
from facsim.models.detect_net import DetectNet, DetectNetConfig
from facsim.models.face_net import FaceNet, FaceNetConfig
from facsim.models.folding import folded
from facsim.models.initialisation import initialise
from facsim.models.parse_net import ParseNet, ParseNetConfig
from facsim.models.small_cnn import SmallCnn, SmallCnnConfig
from facsim.models.weights import WEIGHTS_FILE, write_model

__all__ = [
    "LABELLER_ENTRY",
    "LABEL_NETWORKS",
    "Labeller",
    "described_task",
    "initialised_label_network",
    "load_labeller",
    "load_reader",
    "packaged_weights",
    "save_labeller",
    "weights_digest",
]

LABEL_NETWORKS: Mapping[str, tuple[type[Any], Callable[[Any], nn.Module]]] = {
    "face_net": (FaceNetConfig, FaceNet),
    "small_cnn": (SmallCnnConfig, SmallCnn),
    "detect_net": (DetectNetConfig, DetectNet),
    "parse_net": (ParseNetConfig, ParseNet),
}
"""Architecture name -> its configuration and its network; a new network is a new line here."""

_FORMAT = 1
LABELLER_ENTRY = "facsim_labeller"
"""The entry of a file's metadata that describes it."""

_KEYS = ("format", "task", "architecture", "configuration", "preprocessing", "settings", "provenance")


@dataclass(frozen=True, kw_only=True)
class Labeller:
    """A network for one `task`, in evaluation mode, with its preprocessing.

    `settings` is plain JSON that the task alone reads: what the outputs are, in which order, on what scale, and how the
    face is cut out. `provenance` says what it was trained and chosen on; `sha256` is that of the weights file, empty
    for one that was never saved.
    """

    task: str
    network: nn.Module
    preprocessing: Preprocessing
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sha256: str = ""


def initialised_label_network(name: str, configuration: Mapping[str, Any], *, generator: torch.Generator) -> nn.Module:
    """The network of this architecture with its first weights, drawn from `generator` alone; in training mode, on the
    CPU, in channels-last layout. Raises FacsimError for an unknown name or setting."""
    network = _built(name, configuration).to_empty(device="cpu")
    initialise(network, generator=generator)
    return network.train().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def save_labeller(
    labeller: Labeller, folder: str | os.PathLike[str], *, training: Mapping[str, Any] | None = None
) -> Labeller:
    """The label model with the SHA-256 of its weights file, now written to `folder` with its card, each file whole."""
    data = _weights_bytes(labeller)
    saved = replace(labeller, sha256=hashlib.sha256(data).hexdigest())
    write_model(folder, data, card=_card(saved, len(data)), training=training)
    return saved


def load_labeller(task: str, path: str | os.PathLike[str] = "", *, device: str = "cpu") -> Labeller:
    """The label model for `task`: facsim's own where `path` is empty, else that of a folder or weights file.

    Raises WeightsError where there is none, where the file is damaged, of another task, or does not fit its network.
    """
    file = packaged_weights(task) if not os.fspath(path) else _weights_file(path)
    data = file.read_bytes()
    described, tensors = _opened(file, data)
    if described["task"] != task:
        raise WeightsError(f'{file} is a label model for "{described["task"]}", expected one for "{task}"')
    network = _filled(_built(described["architecture"], described["configuration"]), tensors, file)
    network = network.to(device=device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return Labeller(
        task=task,
        network=network.eval().requires_grad_(False),
        preprocessing=_preprocessing(described["preprocessing"], file),
        settings=described["settings"],
        provenance=described["provenance"],
        sha256=hashlib.sha256(data).hexdigest(),
    )


def described_task(path: str | os.PathLike[str]) -> str | None:
    """The task of the label model at `path`, a folder or a file; None where what lies there is no label model.

    Raises WeightsError where nothing lies there.
    """
    try:
        with safetensors.safe_open(_weights_file(path), framework="pt") as opened:
            return str(json.loads((opened.metadata() or {})[LABELLER_ENTRY])["task"])
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError):
        return None


def load_reader(task: str, path: str | os.PathLike[str] = "", *, device: str = "cpu") -> Labeller:
    """As `load_labeller`, for reading faces alone: batch norms are folded into convolutions. Raises WeightsError."""
    labeller = load_labeller(task, path, device=device)
    return replace(labeller, network=folded(labeller.network))


def packaged_weights(task: str) -> Path:
    """Where facsim's own weights for `task` lie. Raises WeightsError where none ship, naming those that do."""
    folder = Path(str(importlib.resources.files("facsim"))) / "weights"
    known = sorted(file.stem for file in folder.glob("*.safetensors"))
    if task not in known:
        raise WeightsError(
            f'facsim ships no weights for "{task}", expected one of {", ".join(known) or "none"}; give a path, or '
            f"make them with `facsim teach {task}`.{hint_nearest(task, known)}"
        )
    return folder / f"{task}.safetensors"


def weights_digest(task: str, path: str | os.PathLike[str] = "") -> str:
    """SHA-256 of the weights that `load_labeller` would load. Raises WeightsError."""
    file = packaged_weights(task) if not os.fspath(path) else _weights_file(path)
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _weights_file(path: str | os.PathLike[str]) -> Path:
    place = Path(path)
    file = place / WEIGHTS_FILE if place.is_dir() else place
    if not file.is_file():
        raise WeightsError(f"{file} does not exist; expected a folder that `facsim teach` wrote, or its {WEIGHTS_FILE}")
    return file


def _built(name: str, configuration: Mapping[str, Any]) -> nn.Module:
    if name not in LABEL_NETWORKS:
        raise WeightsError(f'no label network is called "{name}".{hint_nearest(name, LABEL_NETWORKS)}')
    config, build = LABEL_NETWORKS[name]
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in configuration.items()}
    try:
        with torch.device("meta"):  # no layer draws from the global generator
            return build(config(**values))
    except (TypeError, FacsimError) as error:
        raise WeightsError(f'the configuration of "{name}" does not fit this facsim ({error})') from error


def _architecture(network: nn.Module) -> tuple[str, dict[str, Any]]:
    shape: Any = getattr(network, "config", None)
    for name, (config, build) in LABEL_NETWORKS.items():
        if type(network) is build and type(shape) is config:
            return name, asdict(shape)
    raise WeightsError(f"found a network of type {type(network).__name__}, expected one of {', '.join(LABEL_NETWORKS)}")


def _weights_bytes(labeller: Labeller) -> bytes:
    architecture, configuration = _architecture(labeller.network)
    described = {
        "format": _FORMAT,
        "task": labeller.task,
        "architecture": architecture,
        "configuration": configuration,
        "preprocessing": asdict(labeller.preprocessing),
        "settings": dict(labeller.settings),
        "provenance": dict(labeller.provenance),
    }
    state = {name: _narrowed(tensor) for name, tensor in labeller.network.state_dict().items()}
    return safetensors.torch.save(state, metadata={LABELLER_ENTRY: json.dumps(described, sort_keys=True)})


def _narrowed(tensor: Tensor) -> Tensor:
    held = tensor.detach().cpu().contiguous()
    return held.half() if held.is_floating_point() and held.ndim > 1 else held


def _opened(file: Path, data: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            described = json.loads((opened.metadata() or {})[LABELLER_ENTRY])
        tensors = safetensors.torch.load(data)
    except (safetensors.SafetensorError, OSError, KeyError, ValueError) as error:
        raise WeightsError(
            f"{file} is no whole label model of facsim's ({error!r}); fetch it or make it again with `facsim teach`"
        ) from error
    missing = [key for key in _KEYS if key not in described]
    if missing or described["format"] != _FORMAT:
        raise WeightsError(
            f"{file} is of format {described.get('format')} and lacks {missing}, expected format {_FORMAT}; load it "
            "with the facsim that wrote it, or make it again"
        )
    return described, tensors


def _preprocessing(asked: Mapping[str, Any], file: Path) -> Preprocessing:
    try:
        return Preprocessing(**{**asked, "mean": tuple(asked["mean"]), "std": tuple(asked["std"])})
    except (TypeError, KeyError, FacsimError) as error:
        raise WeightsError(f"the preprocessing in {file} does not fit this facsim ({error}); make it again") from error


def _filled(network: nn.Module, tensors: Mapping[str, Tensor], file: Path) -> nn.Module:
    wanted = network.state_dict()
    for name in [*wanted, *tensors]:
        shapes = [tuple(held[name].shape) if name in held else None for held in (tensors, wanted)]
        if shapes[0] != shapes[1]:
            raise WeightsError(f'{file}: tensor "{name}" has shape {shapes[0]}, expected {shapes[1]}')
    widened = {name: tensor.to(wanted[name].dtype) for name, tensor in tensors.items()}
    network.load_state_dict(widened, assign=True)
    return network


def _card(labeller: Labeller, size: int) -> str:
    """The card, Markdown: what it was trained and chosen on, what it scored, what it must not be used for."""
    known = dict(labeller.provenance)
    asked = labeller.preprocessing
    architecture, configuration = _architecture(labeller.network)
    parameters = sum(parameter.numel() for parameter in labeller.network.parameters())
    scores = known.pop("scores", {})
    lines = [
        f"# Label model: {labeller.task}",
        "",
        "It says what a face looks like. It does not say who somebody is, what anybody feels, or what group somebody",
        "belongs to, and must not be used to judge people.",
        "",
        f"- trained_on: {known.pop('trained_on', 'not recorded')}",
        f"- selected_on: {known.pop('selected_on', 'not recorded')}",
        f"- terms: {known.pop('terms', 'not recorded')}",
        f"- architecture: {architecture} {json.dumps(configuration)}, {parameters:,} parameters, {size:,} bytes",
        f"- input: {asked.size_px} px square, {asked.colour}, mean {list(asked.mean)}, std {list(asked.std)}",
        f"- SHA-256 of the weights: {labeller.sha256}",
        *(f"- {key}: {json.dumps(value)}" for key, value in sorted(known.items())),
    ]
    if scores:
        lines += ["", "Measured on people held out:", "", "| what | value |", "|---|---|"]
        lines += [f"| {name} | {value} |" for name, value in scores.items()]
    return "\n".join(lines) + "\n"
