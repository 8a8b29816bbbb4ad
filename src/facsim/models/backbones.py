"""Backbones: networks without their last layer, as self-supervised training leaves them and as probes read them.

On disk a backbone is a folder like a classifier's: `weights.safetensors`, whose one metadata entry `facsim_backbone`
names the architecture, its configuration, the preprocessing and the provenance, and `card.md`. A classifier's folder
can be read as a backbone too: its last layer is set aside.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from facsim.errors import FacsimError, WeightsError
from facsim.models.classifier import Preprocessing, architecture_of, build_network, initialised
from facsim.models.weights import WEIGHTS_FILE, load_classifier, write_model

__all__ = [
    "Backbone",
    "adopt_backbone",
    "feature_width",
    "features_of",
    "fresh_backbone",
    "load_backbone",
    "save_backbone",
]

_FORMAT, _ENTRY = 1, "facsim_backbone"
_KEYS = ("format", "preprocessing", "architecture", "configuration", "provenance")
_HEAD = "head."
_LEAST_CLASSES = 2  # of the last layer that a headless network is built with, and which nobody reads


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A network of `ARCHITECTURES` of which only `features` means anything, with its preprocessing.

    `provenance` is plain JSON: what it was trained and chosen on, and how. `sha256` is that of the weights file, empty
    for one that was never saved. `kind` is "backbone", or "classifier" where it was read from a classifier, whose
    `classes` then name the rows of the last layer.
    """

    network: nn.Module
    preprocessing: Preprocessing
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sha256: str = ""
    kind: str = "backbone"
    classes: tuple[str, ...] = ()


def feature_width(network: nn.Module) -> int:
    """How many numbers `network.features` gives for a picture."""
    head = getattr(network, "head", None)
    if not isinstance(head, nn.Linear):
        raise WeightsError(f"found a {type(network).__name__} without a last layer `head`, expected one of facsim's")
    return head.in_features


def features_of(network: nn.Module, batch: Tensor) -> Tensor:
    """`network.features(batch)`: what the last layer reads of a normalised batch (N, C, S, S), (N, D) float32."""
    return network.features(batch)  # pyright: ignore[reportCallIssue]


def fresh_backbone(name: str, config: Mapping[str, Any], *, channels: int, generator: torch.Generator) -> nn.Module:
    """An untrained network of this architecture for pictures of so many channels, initialised from `generator` alone.

    `config` holds fields of the architecture's configuration; `classes` and `channels` need not be named. Raises
    FacsimError for unknown names and fields, with the nearest known one.
    """
    return initialised(name, {"classes": _LEAST_CLASSES, "channels": channels, **config}, generator=generator)


def save_backbone(
    backbone: Backbone, folder: str | os.PathLike[str], *, training: Mapping[str, Any] | None = None
) -> Backbone:
    """The backbone with the SHA-256 of its weights file, now written to `folder` with its card.

    `training` (plain JSON: configuration, curve) becomes `training.json`. Each file lands whole or not at all.
    """
    data = _weights_bytes(backbone)
    saved = replace(backbone, sha256=hashlib.sha256(data).hexdigest())
    write_model(folder, data, card=_card(saved), training=training)
    return saved


def load_backbone(path: str | os.PathLike[str], *, device: str = "cpu") -> Backbone:
    """The backbone of a folder or weights file, in evaluation mode on `device`; a classifier's is read without its
    last layer.

    Raises WeightsError where the file is missing, damaged, or no backbone or classifier of facsim's.
    """
    place = Path(path)
    file = place / WEIGHTS_FILE if place.is_dir() else place
    if not file.is_file():
        raise WeightsError(
            f"{place} holds no backbone: {file} does not exist; expected a folder that `facsim pretrain` or `facsim "
            "train` wrote"
        )
    described, data = _described(file), file.read_bytes()
    if described is None:
        classifier = load_classifier(path, device=device)
        return Backbone(
            network=classifier.network,
            preprocessing=classifier.preprocessing,
            provenance=classifier.provenance,
            sha256=classifier.sha256,
            kind="classifier",
            classes=classifier.classes,
        )
    return Backbone(
        network=_network(described, safetensors.torch.load(data), file, device),
        preprocessing=_preprocessing(described["preprocessing"], file),
        provenance=described["provenance"],
        sha256=hashlib.sha256(data).hexdigest(),
    )


def adopt_backbone(network: nn.Module, backbone: Backbone) -> None:
    """Copy every tensor of `backbone` but its last layer into `network`, of the same architecture and shape.

    Raises WeightsError, naming what differs.
    """
    found, wanted = architecture_of(backbone.network), architecture_of(network)
    ours, theirs = ({**config, "classes": None} for config in (wanted[1], found[1]))
    if found[0] != wanted[0] or ours != theirs:
        raise WeightsError(
            f"found a backbone {found[0]} {theirs}, expected {wanted[0]} {ours}; set network and network_config to the "
            "backbone's"
        )
    held = network.state_dict()
    with torch.no_grad():
        for name, tensor in backbone.network.state_dict().items():
            if not name.startswith(_HEAD):
                held[name].copy_(tensor)


def _weights_bytes(backbone: Backbone) -> bytes:
    architecture, configuration = architecture_of(backbone.network)
    described = {
        "format": _FORMAT,
        "preprocessing": asdict(backbone.preprocessing),
        "architecture": architecture,
        "configuration": {name: value for name, value in configuration.items() if name != "classes"},
        "provenance": dict(backbone.provenance),
    }
    state = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in backbone.network.state_dict().items()
        if not name.startswith(_HEAD)
    }
    return safetensors.torch.save(state, metadata={_ENTRY: json.dumps(described, sort_keys=True)})


def _described(file: Path) -> dict[str, Any] | None:
    """The metadata of a backbone's weights; None where the file is another kind of facsim's."""
    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            text = (opened.metadata() or {}).get(_ENTRY)
        described = None if text is None else json.loads(text)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{file} is not a whole safetensors file ({error}); fetch or train it again") from error
    if described is None:
        return None
    missing = [key for key in _KEYS if key not in described]
    if missing or described["format"] != _FORMAT:
        raise WeightsError(
            f"{file} is of format {described.get('format')} and lacks {missing}, expected format {_FORMAT}; load it "
            "with the facsim that wrote it, or train it again"
        )
    return described


def _network(described: Mapping[str, Any], tensors: dict[str, Tensor], file: Path, device: str) -> nn.Module:
    network = build_network(described["architecture"], {"classes": _LEAST_CLASSES, **described["configuration"]})
    wanted = {name: tensor for name, tensor in network.state_dict().items()}
    body = {name: tuple(tensor.shape) for name, tensor in wanted.items() if not name.startswith(_HEAD)}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in [*body, *found]:
        if body.get(name) != found.get(name):
            raise WeightsError(
                f'{file}: tensor "{name}" has shape {found.get(name, "none")}, expected {body.get(name, "none")}; the '
                "weights are of another architecture than their metadata say"
            )
    heads = {name: torch.zeros(tensor.shape) for name, tensor in wanted.items() if name.startswith(_HEAD)}
    network.load_state_dict({**tensors, **heads}, assign=True)
    return network.to(device=device, memory_format=torch.channels_last).eval()  # pyright: ignore[reportCallIssue]


def _preprocessing(values: Mapping[str, Any], file: Path) -> Preprocessing:
    try:
        return Preprocessing(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
    except (TypeError, KeyError, FacsimError) as error:
        raise WeightsError(f"the preprocessing in {file} does not fit this facsim ({error}); train it again") from error


def _card(backbone: Backbone) -> str:
    """The model card, Markdown."""
    architecture, configuration = architecture_of(backbone.network)
    parameters = sum(p.numel() for name, p in backbone.network.named_parameters() if not name.startswith(_HEAD))
    asked, known = backbone.preprocessing, dict(backbone.provenance)
    shape = {name: value for name, value in configuration.items() if name != "classes"}
    lines = [
        "# Backbone for pictures of faces, without a last layer",
        "",
        "It gives features, not expressions: probe it (`facsim probe`), or train on from it.",
        "",
        f"- trained_on: {known.pop('trained_on', 'not recorded')}",
        f"- selected_on: {known.pop('selected_on', 'not recorded')}",
        f"- architecture: {architecture} {json.dumps(shape)}, {parameters:,} parameters",
        f"- features: {feature_width(backbone.network)}",
        f"- input: {asked.size_px} × {asked.size_px} px, {asked.colour}, mean {list(asked.mean)}, std {list(asked.std)}"
        f" on [0, 1], crop margin {'not recorded' if asked.crop_margin is None else asked.crop_margin}",
        f"- SHA-256 of {WEIGHTS_FILE}: {backbone.sha256}",
        *(f"- {key}: {json.dumps(value)}" for key, value in sorted(known.items())),
    ]
    return "\n".join(lines) + "\n"
