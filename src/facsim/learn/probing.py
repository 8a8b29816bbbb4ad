"""A probe's worth on a test set, with everything that the figure rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError, hint_nearest
from facsim.learn.data import Pictures
from facsim.learn.evaluate import Evaluation, evaluate, facts_of
from facsim.learn.leaks import SeenPictures
from facsim.learn.probes import (
    chosen_penalty,
    extract_features,
    fit_linear_probe,
    linear_scores,
    nearest_mean_scores,
    neighbour_scores,
)
from facsim.learn.signatures import signatures_of
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
    `fitted` holds what was chosen; `seen_unlabelled` counts test pictures that the backbone itself was trained on, and
    `near_unlabelled` near-duplicates of such, None where it does not say.
    """

    settings: ProbeSettings
    evaluation: Evaluation
    backbone: Mapping[str, Any]
    training: Mapping[str, Any]
    fitted: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seen_unlabelled: int | None = None
    near_unlabelled: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; the calibration error stands for the linear probe alone, whose scores mean probabilities."""
        found = self.evaluation.to_json()
        if self.settings.kind != "linear":
            found.pop("ece")
            seen = found["seen_in_training"]
            for figures in (seen["without"], (seen["near"] or {}).get("without_both")) if seen else ():
                if figures is not None:
                    figures.pop("ece")
        return {
            "probe": {**self.settings.to_json(), **self.fitted},
            "backbone": dict(self.backbone),
            "training": dict(self.training),
            "seen_by_backbone": self.seen_unlabelled,
            "near_seen_by_backbone": self.near_unlabelled,
            **found,
        }


def probe(
    backbone: Backbone,
    training: Pictures,
    test: Pictures,
    *,
    settings: ProbeSettings | None = None,
    seen: SeenPictures | None = None,
    split: str = "",
) -> Probed:
    """The probe fitted to `training` and tested on `test`, both of the classes that `training` has.

    Test pictures that are among the probe's training pictures, or near-duplicates of such, are counted, and the figures
    without them given. `seen` is what the backbone was trained on, where it says; `split` that of the test pictures.
    """
    asked = settings or ProbeSettings()
    known, shown = extract_features(backbone, training), extract_features(backbone, test)
    scores, fitted = _scores(training, known, shown, asked)
    found = evaluate(
        scores,
        test,
        classes=training.classes,
        model=backbone.sha256,
        training_hashes=np.unique(training.hashes),
        training_signatures=signatures_of(training.images),
    )
    exact, near = (seen or SeenPictures()).counts(test)
    return Probed(
        settings=asked,
        evaluation=replace(found, facts=_facts(backbone, training, fitted, split)),
        backbone=described_backbone(backbone),
        training=_described(training),
        fitted=fitted,
        seen_unlabelled=exact,
        near_unlabelled=near,
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


def _facts(backbone: Backbone, training: Pictures, fitted: Mapping[str, Any], split: str) -> dict[str, Any]:
    """As `facsim evaluate` has them, of the probe: what it was fitted to, and by what its penalty was chosen."""
    known = facts_of(backbone, split=split)
    return {
        **known,
        "trained_on": f"{training.origin}; backbone: {known['trained_on'] or 'not recorded'}",
        "selected_on": "the penalty on a tenth of the training pictures" if fitted.get("validation_log_loss") else None,
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
