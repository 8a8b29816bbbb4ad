"""Classifiers on disk: a folder of `weights.safetensors`, `card.md` and `training.json`.

The weights file stands alone: its one metadata entry, `facsim_classifier`, is a JSON object with the class names, the
preprocessing, the architecture with its configuration, and the provenance. One entry and not five, because safetensors
writes entries in random order and equal weights should have equal checksums. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from facsim.errors import FacsimError, WeightsError
from facsim.models.classifier import Classifier, Preprocessing, architecture_of, build_network

__all__ = [
    "CARD_FILE",
    "CLASSIFIER_ENTRY",
    "TRAINING_FILE",
    "WEIGHTS_FILE",
    "load_classifier",
    "load_training",
    "save_classifier",
    "write_model",
    "write_whole",
]

WEIGHTS_FILE = "weights.safetensors"
CARD_FILE = "card.md"
TRAINING_FILE = "training.json"
_FORMAT = 1
CLASSIFIER_ENTRY = "facsim_classifier"
"""The entry of a file's metadata that describes it."""

_KEYS = ("format", "classes", "preprocessing", "architecture", "configuration", "provenance")


def save_classifier(
    classifier: Classifier, folder: str | os.PathLike[str], *, training: Mapping[str, Any] | None = None
) -> Classifier:
    """The classifier with the SHA-256 of its weights file, now written to `folder` with its card.

    `training` (plain JSON: configuration, curve) becomes `training.json`. Each file lands whole or not at all.
    """
    data = _weights_bytes(classifier)
    saved = replace(classifier, sha256=hashlib.sha256(data).hexdigest())
    write_model(folder, data, card=_card(saved), training=training)
    return saved


def load_classifier(
    path: str | os.PathLike[str], *, device: str = "cpu", expected_sha256: str | None = None
) -> Classifier:
    """The classifier of a model folder or of its weights file, in evaluation mode on `device`.

    Raises WeightsError where the file is missing, damaged, no classifier of facsim's, not what `expected_sha256` says,
    or where its tensors do not fit the architecture that it names.
    """
    file = _weights_path(path)
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if expected_sha256 is not None and digest != expected_sha256:
        raise WeightsError(f"{file} has SHA-256 {digest}, expected {expected_sha256}; fetch or train it again")
    metadata, tensors = _opened(file, data)
    network = _filled(build_network(metadata["architecture"], metadata["configuration"]), tensors, file)
    network = network.to(device=device, memory_format=torch.channels_last).eval()  # pyright: ignore[reportCallIssue]
    return Classifier(
        network=network,
        classes=tuple(metadata["classes"]),
        preprocessing=_preprocessing(metadata["preprocessing"], file),
        provenance=metadata["provenance"],
        sha256=digest,
    )


def load_training(path: str | os.PathLike[str]) -> dict[str, Any]:
    """`training.json` of a model folder: configuration, curve and how the training ended. Raises WeightsError."""
    file = Path(path) / TRAINING_FILE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{file} cannot be read ({error}); expected the JSON that `facsim train` writes") from error
    if not isinstance(found, dict):
        raise WeightsError(f"{file} holds {type(found).__name__}, expected an object; train the model again")
    return found


def write_model(
    folder: str | os.PathLike[str], weights: bytes, *, card: str, training: Mapping[str, Any] | None
) -> None:
    """Write a model's folder: its card, `training` (plain JSON) if there is any, and last its weights, each whole."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    if training is not None:
        write_whole(place / TRAINING_FILE, (json.dumps(training, indent=1) + "\n").encode())
    write_whole(place / CARD_FILE, card.encode())
    write_whole(place / WEIGHTS_FILE, weights)


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` at `path` by a rename within its folder, so that a reader sees all of it or nothing."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes it private
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _weights_path(path: str | os.PathLike[str]) -> Path:
    place = Path(path)
    file = place / WEIGHTS_FILE if place.is_dir() else place
    if not file.is_file():
        inside = next((held for held in ("model", "backbone") if (place / held / WEIGHTS_FILE).is_file()), "")
        raise WeightsError(
            f"{place} holds no model: {file} does not exist; expected a folder that `facsim train` wrote, or the "
            f"{WEIGHTS_FILE} in one{f'; {place / inside} is one' if inside else ''}"
        )
    return file


def _weights_bytes(classifier: Classifier) -> bytes:
    architecture, configuration = architecture_of(classifier.network)
    if len(classifier.classes) != configuration["classes"]:
        raise WeightsError(
            f"found {len(classifier.classes)} classes for a network of {configuration['classes']} outputs, expected as "
            "many; name every output"
        )
    described = {
        "format": _FORMAT,
        "classes": list(classifier.classes),
        "preprocessing": asdict(classifier.preprocessing),
        "architecture": architecture,
        "configuration": configuration,
        "provenance": dict(classifier.provenance),
    }
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in classifier.network.state_dict().items()}
    return safetensors.torch.save(state, metadata={CLASSIFIER_ENTRY: json.dumps(described, sort_keys=True)})


def _opened(file: Path, data: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
        tensors = safetensors.torch.load(data)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{file} is not a whole safetensors file ({error}); fetch or train it again") from error
    return _described(metadata, file), tensors


def _described(metadata: Mapping[str, str], file: Path) -> dict[str, Any]:
    try:
        described = json.loads(metadata[CLASSIFIER_ENTRY])
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"{file} has no readable metadata entry {CLASSIFIER_ENTRY} ({error!r}); only weights that facsim saved can "
            "be loaded"
        ) from error
    missing = [key for key in _KEYS if key not in described]
    if missing or described["format"] != _FORMAT:
        raise WeightsError(
            f"{file} is of format {described.get('format')} and lacks {missing}, expected format {_FORMAT} with "
            f"{', '.join(_KEYS)}; load it with the facsim that wrote it, or train it again"
        )
    return described


def _filled(network: nn.Module, tensors: Mapping[str, Tensor], file: Path) -> nn.Module:
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in [*wanted, *found]:
        if wanted.get(name) != found.get(name):
            raise WeightsError(
                f'{file}: tensor "{name}" has shape {found.get(name, "none")}, expected {wanted.get(name, "none")}; '
                "the weights are of another architecture than their metadata say"
            )
    network.load_state_dict(dict(tensors), assign=True)
    return network


def _preprocessing(values: Mapping[str, Any], file: Path) -> Preprocessing:
    try:
        return Preprocessing(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
    except (TypeError, KeyError, FacsimError) as error:
        raise WeightsError(f"the preprocessing in {file} does not fit this facsim ({error}); train it again") from error


def _card(classifier: Classifier) -> str:
    """The model card, Markdown."""
    architecture, configuration = architecture_of(classifier.network)
    parameters = sum(parameter.numel() for parameter in classifier.network.parameters())
    asked = classifier.preprocessing
    known = dict(classifier.provenance)
    lines = [
        "# Classifier of apparent facial expressions",
        "",
        "An apparent expression is not an emotion: this model says what a face looks like, not what anybody feels.",
        "",
        f"- classes, in order: {', '.join(classifier.classes)}",
        f"- trained_on: {known.pop('trained_on', 'not recorded')}",
        f"- selected_on: {known.pop('selected_on', 'not recorded')}",
        f"- architecture: {architecture} {json.dumps(configuration)}, {parameters:,} parameters",
        f"- input: {asked.size_px} × {asked.size_px} px, {asked.colour}, mean {list(asked.mean)}, std {list(asked.std)}"
        f" on [0, 1], crop margin {'not recorded' if asked.crop_margin is None else asked.crop_margin}",
        f"- SHA-256 of {WEIGHTS_FILE}: {classifier.sha256}",
        *(f"- {key}: {json.dumps(value)}" for key, value in sorted(known.items())),
    ]
    return "\n".join(lines) + "\n"
