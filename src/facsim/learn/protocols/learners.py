"""How a cell comes to its model: by training, or by a linear probe on a frozen backbone, which is a classifier too."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from facsim.errors import RecipeError
from facsim.learn.data import Pictures
from facsim.learn.leaks import load_seen, save_training_hashes, save_training_signatures
from facsim.learn.mixtures import Mixture
from facsim.learn.probes import LinearProbe, chosen_penalty, extract_features, fit_linear_probe
from facsim.learn.train import OnProgress, TrainedModel, train
from facsim.learn.training_config import TrainingConfig
from facsim.models.backbones import Backbone, load_backbone
from facsim.models.classifier import Classifier, architecture_of, build_network
from facsim.models.model_terms import model_terms, standing_entry
from facsim.models.weights import save_classifier

__all__ = ["LEARNERS", "Learner", "Material", "learn_by_probe", "learn_by_training"]


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a cell learns from. `reference`: unlabelled pictures that features are drawn to (a loss). `initial`: weights
    to begin from, or the backbone that is probed. `facts` are told in the results."""

    mixture: Mixture
    validation: Pictures | None = None
    reference: Pictures | None = None
    initial: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


Learner = Callable[[Material, TrainingConfig, Path, OnProgress], TrainedModel]
"""From material and settings to a model, saved in a folder; what it does is a function of the two."""


def learn_by_training(material: Material, config: TrainingConfig, out: Path, on_progress: OnProgress) -> TrainedModel:
    """The model trained on the material; one begun in `out` goes on."""
    return train(
        material.mixture.pictures,
        config if material.initial is None else replace(config, initial=material.initial),
        out=out,
        on_progress=on_progress,
        validation=material.validation,
        reference=material.reference,
    )


def learn_by_probe(material: Material, config: TrainingConfig, out: Path, on_progress: OnProgress) -> TrainedModel:
    """The material's backbone with a linear probe for a last layer, its penalty chosen on a cut of the material.

    The probe standardises features and multiplies: both together are one linear layer. Of the settings only the device
    is of use.
    """
    if material.initial is None:
        raise RecipeError("a linear probe needs a backbone")
    began, pictures = time.monotonic(), material.mixture.pictures
    backbone = load_backbone(material.initial, device=config.device)
    features = extract_features(backbone, pictures)
    probe = _best_probe(pictures, features)
    out.mkdir(parents=True, exist_ok=True)
    _save_seen(out, pictures, material.initial)
    probed = _probed(backbone, probe, pictures)
    standing = standing_entry([pictures.terms, model_terms(material.initial)])
    saved = save_classifier(replace(probed, provenance={**probed.provenance, **standing}), out)
    on_progress(1, 1, 0.0, 0.0)
    return TrainedModel(
        classifier=saved,
        folder=out,
        curve=(),
        step=0,
        total_steps=0,
        stopped="finished",
        seconds=round(time.monotonic() - began, 2),
    )


LEARNERS: Mapping[str, Learner] = {"train": learn_by_training, "linear-probe": learn_by_probe}
"""Name → learner."""


def _save_seen(out: Path, pictures: Pictures, backbone: str) -> None:
    """Write what the probe and its backbone have seen, with labels or without, as far as it is known."""
    known = load_seen(backbone)
    hashes = [pictures.hashes, *([] if known.hashes is None else [known.hashes])]
    save_training_hashes(out, np.concatenate(hashes))
    save_training_signatures(out, pictures.images, others=[] if known.signatures is None else [known.signatures])


def _best_probe(pictures: Pictures, features: NDArray[np.float32]) -> LinearProbe:
    """The probe of the penalty that does best on a cut of the pictures."""
    penalty, losses = chosen_penalty(pictures, features)
    probe = fit_linear_probe(features, pictures.targets, classes=pictures.classes, penalty=penalty)
    return replace(probe, tried=losses)


def _probed(backbone: Backbone, probe: LinearProbe, pictures: Pictures) -> Classifier:
    name, configuration = architecture_of(backbone.network)
    network = build_network(name, {**configuration, "classes": len(probe.classes)}).to_empty(device="cpu")
    state = {key: value for key, value in backbone.network.state_dict().items() if not key.startswith("head.")}
    weight = probe.weights[:-1] / probe.scale[:, None]
    head = {"weight": weight.T, "bias": probe.weights[-1] - probe.mean @ weight}
    tensors = {f"head.{key}": torch.from_numpy(np.ascontiguousarray(value)).float() for key, value in head.items()}
    network.load_state_dict({**state, **tensors})
    return Classifier(
        network=_on(network, backbone.network).eval(),
        classes=probe.classes,
        preprocessing=backbone.preprocessing,
        provenance={
            "trained_on": f"{pictures.origin}; backbone: {backbone.provenance.get('trained_on', 'not recorded')}",
            "selected_on": "the probe's penalty on a cut of its training pictures",
            "config": {
                "learner": "linear-probe",
                "penalty": probe.penalty,
                "validation_log_loss": {f"{penalty:g}": round(loss, 6) for penalty, loss in probe.tried.items()},
            },
            "backbone_sha256": backbone.sha256,
            "pictures": len(pictures),
            "pictures_fingerprint": pictures.fingerprint,
        },
    )


def _on(network: nn.Module, other: nn.Module) -> nn.Module:
    """The network on the device of the other."""
    return network.to(next(other.parameters()).device)
