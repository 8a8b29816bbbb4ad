"""Weights to start from: a classifier or backbone that facsim saved, or published files under their own names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facsim.errors import FacsimError
from facsim.formats.terms import Terms
from facsim.learn.data import Pictures
from facsim.learn.leaks import SeenPictures, load_chosen_on, load_training_hashes, load_training_signatures
from facsim.learn.signatures import Signatures
from facsim.learn.training_config import TrainingConfig
from facsim.models.backbones import load_backbone
from facsim.models.classifier import Preprocessing, architecture_of, build_network
from facsim.models.model_terms import model_terms
from facsim.models.official import load_official
from facsim.models.weights import WEIGHTS_FILE
from facsim.provenance import fingerprint_of

__all__ = ["Initial", "network_shape", "put_initial", "read_initial"]

_HEAD = ("head.weight", "head.bias")


@dataclass(frozen=True, kw_only=True)
class Initial:
    """Weights to start from, by name, with their checksum and what is known of their own training.

    `classes` name the rows of the head, none where it has none or their order is unknown; `preprocessing` is theirs
    where they say; `hashes` uint64 (M,) and `signatures` are those of the pictures that they were trained on, None
    where unknown; `chosen_on` is what they were chosen on, `terms` are theirs.
    """

    tensors: Mapping[str, Tensor]
    sha256: str
    trained_on: str
    terms: tuple[Terms, ...]
    classes: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    hashes: NDArray[np.uint64] | None = None
    signatures: Signatures | None = None
    chosen_on: SeenPictures = field(default_factory=SeenPictures)


def network_shape(pictures: Pictures, config: TrainingConfig) -> dict[str, Any]:
    """The configuration of `config.network` for these pictures, as `facsim.models.classifier.initialised` takes it."""
    return {
        "classes": len(pictures.classes),
        "channels": 1 if pictures.images.ndim == 3 else 3,
        **config.network_config,
    }


def read_initial(pictures: Pictures, config: TrainingConfig) -> Initial | None:
    """The weights that `config.initial` names, for a training on `pictures`; None where it names none.

    A folder that facsim wrote, or the weights file in one, is a classifier or a backbone; any other file is a published
    one of the whole network, or of the part that the configuration names.
    Raises WeightsError where a file cannot be read or does not fit, FacsimError where the weights are of another
    architecture than `config.network`, or of a network that reads other pictures.
    """
    if config.initial is None:
        return None
    if isinstance(config.initial, str) and _is_own(config.initial):
        return _own(config.initial, pictures, config)
    parts = {"": config.initial} if isinstance(config.initial, str) else config.initial
    return _official(parts, pictures, config)


def _is_own(path: str) -> bool:
    return Path(path).is_dir() or Path(path).name == WEIGHTS_FILE


def _own(path: str, pictures: Pictures, config: TrainingConfig) -> Initial:
    held = load_backbone(path)
    name, _ = architecture_of(held.network)
    if name != config.network:
        raise FacsimError(
            f'{path} holds weights of "{name}", expected "{config.network}"; train that network, or start from others'
        )
    asked, shape = held.preprocessing, pictures.shape
    if (asked.size_px, asked.colour) != (shape.size_px, shape.colour):
        raise FacsimError(
            f"{path} holds weights for {asked.colour} pictures of {asked.size_px} px, found {shape.colour} ones of "
            f"{shape.size_px} px; load the pictures in that shape"
        )
    return Initial(
        tensors=held.network.state_dict(),
        sha256=held.sha256,
        trained_on=str(held.provenance.get("trained_on", "not recorded")),
        terms=model_terms(path),
        classes=held.classes,
        preprocessing=asked,
        hashes=load_training_hashes(path),
        signatures=load_training_signatures(path),
        chosen_on=load_chosen_on(path),
    )


def _official(parts: Mapping[str, str], pictures: Pictures, config: TrainingConfig) -> Initial:
    """Read into a network without weights, what is no longer without them is what the files hold."""
    network = build_network(config.network, network_shape(pictures, config))
    found = {part: load_official(network, path, part=part).sha256 for part, path in sorted(parts.items())}
    names = ", ".join(f"{Path(path).name}" for _, path in sorted(parts.items()))
    return Initial(
        tensors={name: tensor for name, tensor in network.state_dict().items() if not tensor.is_meta},
        sha256=next(iter(found.values())) if len(found) == 1 else fingerprint_of(found),
        trained_on=f"pictures that the published {names} does not name",
        terms=tuple(terms for path in parts.values() for terms in model_terms(path)),
    )


def put_initial(network: nn.Module, initial: Initial, *, classes: tuple[str, ...]) -> None:
    """Copy the weights into the network; of the head, the rows of those of `classes` that the weights know by name.

    What the weights do not hold stays as it was initialised. Raises FacsimError where a tensor does not fit.
    """
    wanted = network.state_dict()
    with torch.no_grad():
        for name, tensor in initial.tensors.items():
            if name in _HEAD:
                continue
            if name not in wanted or wanted[name].shape != tensor.shape:
                expected = tuple(wanted[name].shape) if name in wanted else "none"
                raise FacsimError(
                    f'the initial weights hold "{name}" of shape {tuple(tensor.shape)}, expected {expected}; give the '
                    "network_config that they were trained with"
                )
            wanted[name].copy_(tensor)
        for name in _HEAD:
            for row, label in enumerate(classes):
                if label in initial.classes:
                    wanted[name][row].copy_(initial.tensors[name][initial.classes.index(label)])
