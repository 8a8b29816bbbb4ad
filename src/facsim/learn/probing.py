"""A probe's worth on a test set, with everything that the figure rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError, hint_nearest
from facsim.learn.data import Pictures
from facsim.learn.evaluate import Evaluation, evaluate
from facsim.learn.leaks import seen_in
from facsim.learn.probes import (
    chosen_penalty,
    extract_features,
    fit_linear_probe,
    linear_scores,
    nearest_mean_scores,
    neighbour_scores,
)
from facsim.models.backbones import Backbone, feature_width
from facsim.models.classifier import architecture_of

__all__ = ["PROBES", "ProbeSettings", "Probed", "described_backbone", "probe"]

PROBES = ("linear", "nearest-mean", "knn")
"""Kinds of probe."""


@dataclass(frozen=True, kw_only=True)
class ProbeSettings:
    """Which probe and how: the linear probe's `penalty`, None to choose it on a cut of the training pictures; the
    nearest mean's `metric`, "cosine" or "euclidean"; how many `neighbours` vote."""

    kind: str = "linear"
    penalty: float | None = None
    metric: str = "cosine"
    neighbours: int = 20

    def __post_init__(self) -> None:
        if self.kind not in PROBES:
            raise FacsimError(f'no probe "{self.kind}".{hint_nearest(self.kind, PROBES)}')
        if self.penalty is not None and not self.penalty > 0:
            raise FacsimError(f"found penalty = {self.penalty}, expected more than 0, or None to choose it")

    def to_json(self) -> dict[str, Any]:
        """The settings of this kind alone."""
        own = {"linear": ("penalty",), "nearest-mean": ("metric",), "knn": ("neighbours",)}[self.kind]
        return {"kind": self.kind, **{name: getattr(self, name) for name in own}}


@dataclass(frozen=True, kw_only=True)
class Probed:
    """An evaluation on a test set, and what it rests on.

    `backbone` describes the network and its preprocessing, `training` the pictures that the probe was fitted to;
    `fitted` holds what was chosen; `seen_unlabelled` counts test pictures that the backbone itself was trained on, None
    where it does not say.
    """

    settings: ProbeSettings
    evaluation: Evaluation
    backbone: Mapping[str, Any]
    training: Mapping[str, Any]
    fitted: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seen_unlabelled: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; the calibration error stands for the linear probe alone, whose scores mean probabilities."""
        found = self.evaluation.to_json()
        if self.settings.kind != "linear":
            found.pop("ece")
            seen = found["seen_in_training"]
            if seen is not None and seen["without"] is not None:
                seen["without"].pop("ece")
        return {
            "probe": {**self.settings.to_json(), **self.fitted},
            "backbone": dict(self.backbone),
            "training": dict(self.training),
            "seen_by_backbone": self.seen_unlabelled,
            **found,
        }


def probe(
    backbone: Backbone,
    training: Pictures,
    test: Pictures,
    *,
    settings: ProbeSettings | None = None,
    backbone_hashes: NDArray[np.uint64] | None = None,
) -> Probed:
    """The probe fitted to `training` and tested on `test`, both of the classes that `training` has.

    Test pictures that are among the probe's training pictures are counted, and the figures without them given.
    `backbone_hashes` are those of the pictures that the backbone was trained on, where it says.
    """
    asked = settings or ProbeSettings()
    known, shown = extract_features(backbone, training), extract_features(backbone, test)
    scores, fitted = _scores(training, known, shown, asked)
    return Probed(
        settings=asked,
        evaluation=evaluate(
            scores, test, classes=training.classes, model=backbone.sha256, training_hashes=np.unique(training.hashes)
        ),
        backbone=described_backbone(backbone),
        training=_described(training),
        fitted=fitted,
        seen_unlabelled=None if backbone_hashes is None else int(seen_in(test.hashes, backbone_hashes).sum()),
    )


def described_backbone(backbone: Backbone) -> dict[str, Any]:
    """What a backbone's scores carry: weights, architecture, features, preprocessing, what it was trained on."""
    name, configuration = architecture_of(backbone.network)
    return {
        "sha256": backbone.sha256,
        "kind": backbone.kind,
        "architecture": name,
        "configuration": configuration,
        "features": feature_width(backbone.network),
        "preprocessing": asdict(backbone.preprocessing),
        "trained_on": backbone.provenance.get("trained_on", "not recorded"),
    }


def _scores(
    training: Pictures, known: NDArray[np.float32], shown: NDArray[np.float32], asked: ProbeSettings
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    if asked.kind == "nearest-mean":
        return nearest_mean_scores(known, training.targets, shown, metric=asked.metric), {}
    if asked.kind == "knn":
        return neighbour_scores(known, training.targets, shown, neighbours=asked.neighbours), {}
    penalty, tried = (asked.penalty, {}) if asked.penalty else chosen_penalty(training, known)
    fitted = fit_linear_probe(known, training.targets, classes=training.classes, penalty=penalty)
    fitted = replace(fitted, tried=tried)
    losses = {f"{strength:g}": round(loss, 6) for strength, loss in fitted.tried.items()}
    return linear_scores(fitted, shown), {"penalty": penalty, "validation_log_loss": losses}


def _described(pictures: Pictures) -> dict[str, Any]:
    labels = pictures.labels
    return {
        "fingerprint": pictures.fingerprint,
        "origin": pictures.origin,
        "pictures": len(pictures),
        "pictures_by_class": {name: labels.count(name) for name in pictures.classes},
        "left_out": dict(pictures.left_out),
    }
