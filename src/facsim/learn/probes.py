"""Classifiers on a frozen backbone's features: what the features are worth, without training the network.

A linear probe (multinomial logistic regression), the nearest class mean, and the nearest neighbours. None draws a
random number; the linear probe's penalty is chosen on a cut of its training pictures, never on the test set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.learn.data import Pictures, chooser_split
from facsim.learn.logistic import fit_logistic, logistic_logits
from facsim.models.backbones import Backbone, features_of
from facsim.models.classifier import nchw, prepare

__all__ = [
    "METRICS",
    "PENALTIES",
    "LinearProbe",
    "chosen_penalty",
    "class_means",
    "extract_features",
    "fit_linear_probe",
    "linear_scores",
    "nearest_mean_scores",
    "neighbour_scores",
]

Floats = NDArray[np.float32]

METRICS = ("cosine", "euclidean")
"""How far features are from a class's mean; cosine is measured from the mean of all training features."""

PENALTIES = tuple(10.0**power for power in range(-6, 1))
"""Penalties that a linear probe chooses from, on standardised features."""

_TEMPERATURE = 0.07  # of the neighbours' votes (Wu et al. 2018, arXiv 1805.01978, section 3.4)


@dataclass(frozen=True, kw_only=True)
class LinearProbe:
    """Logits of features: standardised by `mean` and `scale` (D,), times weights (D + 1, C), the last row the bias.

    `tried` is the mean log-loss on the validation cut for each penalty, empty where the penalty was given.
    """

    weights: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    classes: tuple[str, ...]
    penalty: float
    tried: Mapping[float, float] = field(default_factory=dict[float, float])


def extract_features(backbone: Backbone, pictures: Pictures, *, batch_size: int = 256) -> Floats:
    """Features float32 (N, D) of the pictures, in evaluation mode; a picture's do not depend on the others'.

    Raises FacsimError where the pictures are not of the size and colour that the backbone reads.
    """
    asked, shape = backbone.preprocessing, pictures.shape
    if len(pictures) and (shape.size_px, shape.colour) != (asked.size_px, asked.colour):
        raise FacsimError(
            f"found {shape.colour} pictures of {shape.size_px} px, expected {asked.colour} of {asked.size_px} px; load "
            "them with the shape that the backbone's preprocessing names"
        )
    network = backbone.network
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    parts: list[Floats] = []
    with torch.inference_mode():
        for at in range(0, len(pictures), batch_size):
            held = torch.from_numpy(np.ascontiguousarray(pictures.images[at : at + batch_size])).to(device)
            parts.append(features_of(network, prepare(nchw(held), asked)).float().cpu().numpy())
    network.train(was_training)
    if not parts:
        raise FacsimError("found no pictures to extract features of, expected at least one")
    return np.concatenate(parts)


def fit_linear_probe(
    features: Floats, targets: NDArray[np.float32], *, classes: Sequence[str], penalty: float
) -> LinearProbe:
    """The linear probe of features (N, D) and targets (N, C), distributions over `classes`.

    Raises FacsimError where a class has no picture.
    """
    absent = [name for name, mass in zip(classes, targets.sum(axis=0), strict=True) if mass == 0]
    if absent:
        raise FacsimError(f"found no training picture of {', '.join(absent)}, expected some of each class; add them")
    mean = features.mean(axis=0, dtype=np.float64)
    scale = features.std(axis=0, dtype=np.float64)
    scale = np.where(scale > 1e-8, scale, 1.0)
    standard = torch.from_numpy((features - mean) / scale)[None]
    weights = fit_logistic(standard, torch.from_numpy(targets)[None], penalty=penalty)[0]
    return LinearProbe(weights=weights.numpy(), mean=mean, scale=scale, classes=tuple(classes), penalty=penalty)


def linear_scores(probe: LinearProbe, features: Floats) -> Floats:
    """Scores float32 (N, C), each row a distribution over the probe's classes."""
    standard = torch.from_numpy((features - probe.mean) / probe.scale)
    logits = logistic_logits(standard, torch.from_numpy(probe.weights)[None])[0]
    return torch.softmax(logits, dim=1).numpy().astype(np.float32)


def chosen_penalty(
    pictures: Pictures, features: Floats, *, penalties: Sequence[float] = PENALTIES
) -> tuple[float, dict[float, float]]:
    """The penalty with the least mean log-loss on the chooser's tenth of these training pictures, and all losses.

    The tenth is cut by identity where that is known (`facsim.learn.data.chooser_split`). Of penalties that tie the
    larger is taken. Raises FacsimError where the cut leaves nothing to choose on.
    """
    place = {name: row for row, name in enumerate(pictures.ids)}
    kept, held = chooser_split(pictures)
    if len(held) == 0 or len(kept) == 0:
        raise FacsimError(
            f"found {len(pictures)} training pictures, of which {len(held)} fall into the tenth to choose on, expected "
            "some on both sides; give a penalty, or add pictures"
        )
    fit_rows, held_rows = ([place[name] for name in part.ids] for part in (kept, held))
    losses: dict[float, float] = {}
    for penalty in sorted(penalties, reverse=True):
        probe = fit_linear_probe(features[fit_rows], kept.targets, classes=pictures.classes, penalty=penalty)
        scores = np.maximum(linear_scores(probe, features[held_rows]), 1e-12)
        losses[penalty] = float(-(held.targets * np.log(scores)).sum(axis=1).mean())
    return min(losses, key=lambda penalty: (losses[penalty], -penalty)), losses


def class_means(features: Floats, targets: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean feature of each class, (C, D), pictures weighted by their share of it; NaN where a class has none."""
    mass = targets.sum(axis=0, dtype=np.float64)[:, None]
    with np.errstate(invalid="ignore"):
        return targets.T.astype(np.float64) @ features.astype(np.float64) / np.where(mass > 0, mass, np.nan)


def nearest_mean_scores(
    training: Floats, targets: NDArray[np.float32], features: Floats, *, metric: str = "cosine"
) -> Floats:
    """Scores float32 (M, C): a softmax over closeness to the class means, so that the nearest is the most likely.

    They rank classes; they are not calibrated. Closeness is the cosine, both sides less the mean of the training
    features (Wang et al. 2019, SimpleShot), over 0.1; or the negative squared distance over the mean squared distance
    of training features from their mean. A class without pictures scores 0.
    """
    means = class_means(training, targets)
    centre = training.mean(axis=0, dtype=np.float64)
    if metric not in METRICS:
        raise FacsimError(f'found metric "{metric}", expected one of {", ".join(METRICS)}')
    if metric == "cosine":
        closeness = _unit(features - centre) @ _unit(means - centre).T / 0.1
    else:
        spread = float(((training - centre) ** 2).sum(axis=1).mean())
        squared = (features.astype(np.float64) ** 2).sum(axis=1)[:, None] + (means**2).sum(axis=1)
        closeness = -(squared - 2 * features.astype(np.float64) @ means.T) / max(spread, 1e-12)
    return _softmax(np.where(np.isnan(closeness), -np.inf, closeness))


def neighbour_scores(
    training: Floats, targets: NDArray[np.float32], features: Floats, *, neighbours: int = 20, batch_size: int = 1024
) -> Floats:
    """Scores float32 (M, C): the targets of the nearest training features by cosine, weighted by exp(cosine / 0.07).

    Wu et al. 2018 (arXiv 1805.01978); of equally near ones the first is taken.
    """
    if not 1 <= neighbours <= len(training):
        raise FacsimError(f"found {neighbours} neighbours among {len(training)} training pictures, expected 1 to that")
    known, parts = torch.from_numpy(_unit(training)), list[Floats]()
    labels = torch.from_numpy(targets.astype(np.float64))
    for at in range(0, len(features), batch_size):
        near = torch.from_numpy(_unit(features[at : at + batch_size])) @ known.T
        closeness, rows = torch.sort(near, dim=1, descending=True, stable=True)
        votes = torch.softmax(closeness[:, :neighbours] / _TEMPERATURE, dim=1)
        parts.append((votes[:, :, None] * labels[rows[:, :neighbours]]).sum(dim=1).numpy().astype(np.float32))
    return np.concatenate(parts)


def _unit(rows: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    wide = rows.astype(np.float64)
    return wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)


def _softmax(logits: NDArray[np.float64]) -> Floats:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
