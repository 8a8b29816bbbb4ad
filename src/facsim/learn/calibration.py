"""How well a classifier's scores say how often it is right, and one temperature that makes them say it better.

A temperature T divides the logits (Guo et al. 2017, section 4.2); of scores p that is p^(1/T), normalised again. It is
fitted to the likelihood on pictures that the model has not seen, kept beside the weights with what it was fitted on,
and reported only for pictures that it was not fitted on. No answer changes: the largest score stays the largest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from facsim.errors import FacsimError, WeightsError
from facsim.learn.data import Pictures
from facsim.learn.evaluate import ordered_scores
from facsim.metrics import Estimate, ReliabilityBin, brier, classwise_ece, ece, nll, reliability
from facsim.models.weights import write_whole
from facsim.provenance import now

__all__ = [
    "LEAST_TO_FIT",
    "TEMPERATURE_FILE",
    "Calibration",
    "Temperature",
    "calibration_of",
    "fit_temperature",
    "load_temperature",
    "save_temperature",
    "tempered",
]

TEMPERATURE_FILE = "temperature.json"

LEAST_TO_FIT = 100
"""Pictures that a temperature is fitted on at least: with fewer, its own error outweighs what it mends."""

_FORMAT = 1
_RANGE = (0.05, 20.0)
_LEAST_SCORE = 1e-30  # float32 softmax ends at 1e-38: a score of 0 stands for something small


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Calibration errors, likelihood and Brier score with their intervals, and the reliability diagram's bins."""

    ece: Estimate
    classwise_ece: Estimate
    nll: Estimate
    brier: Estimate
    bins: tuple[ReliabilityBin, ...]

    def to_json(self) -> dict[str, Any]:
        """`{ece, classwise_ece, nll, brier, reliability}`."""
        figures = {name: getattr(self, name).to_json() for name in ("ece", "classwise_ece", "nll", "brier")}
        return {**figures, "reliability": [entry.to_json() for entry in self.bins]}


def calibration_of(scores: NDArray[np.float32], pictures: Pictures, *, classes: Sequence[str]) -> Calibration:
    """The calibration of scores (N, C), distributions over `classes`, on labelled `pictures` (N), from a fixed seed.

    Raises FacsimError as `facsim.learn.evaluate.evaluate` does.
    """
    ordered = ordered_scores(scores, pictures, classes)
    truth = pictures.targets.argmax(axis=1)
    confidence, right = ordered.max(axis=1), ordered.argmax(axis=1) == truth
    return Calibration(
        ece=ece(confidence, right, rng=np.random.default_rng(0)),
        classwise_ece=classwise_ece(ordered, truth, rng=np.random.default_rng(0)),
        nll=nll(ordered, truth, rng=np.random.default_rng(0)),
        brier=brier(ordered, truth, rng=np.random.default_rng(0)),
        bins=reliability(confidence, right),
    )


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """A temperature for the model whose weights have this SHA-256, and what it was fitted on.

    `hashes` are the pixel hashes of the pictures that it was fitted on, sorted; `fitted_on` is plain JSON: `source`,
    `fingerprint`, `n`, `left_out`, and the likelihood `nll_before` and `nll_after`.
    """

    value: float
    model: str
    hashes: NDArray[np.uint64]
    fitted_on: Mapping[str, Any]


def fit_temperature(
    scores: NDArray[np.float32], pictures: Pictures, *, classes: Sequence[str], model: str
) -> Temperature:
    """The temperature that makes labelled `pictures` likeliest under scores (N, C) over `classes`.

    `model` is the SHA-256 of the weights. Raises FacsimError where there are fewer than `LEAST_TO_FIT` pictures, only
    one class, or where no temperature in (0.05, 20) is best: a model that is always right, or no better than chance.
    """
    if len(pictures) < LEAST_TO_FIT or len(set(pictures.labels)) < 2:
        found = f"{len(pictures)} pictures of {len(set(pictures.labels))} classes"
        raise FacsimError(
            f"found {found} to fit a temperature on, expected at least {LEAST_TO_FIT} of at least two; give validation "
            "pictures that the model was not trained on"
        )
    ordered = ordered_scores(scores, pictures, classes)
    truth = pictures.targets.argmax(axis=1)
    value = _best_temperature(ordered, truth)
    return Temperature(
        value=value,
        model=model,
        hashes=np.unique(pictures.hashes),
        fitted_on={
            "source": pictures.origin,
            "fingerprint": pictures.fingerprint,
            "n": len(pictures),
            "left_out": dict(pictures.left_out),
            "nll_before": _mean_nll(ordered, truth, 1.0),
            "nll_after": _mean_nll(ordered, truth, value),
        },
    )


def tempered(scores: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Scores (N, C) as they are when the logits behind them are divided by `temperature`, float32."""
    return np.exp(_log_scores(scores, temperature)).astype(np.float32)


def save_temperature(folder: str | os.PathLike[str], temperature: Temperature) -> Path:
    """The file in a model's folder, or beside its weights file, that the temperature was written to, whole."""
    file = _file(folder)
    held = {
        "format": _FORMAT,
        "temperature": temperature.value,
        "model_sha256": temperature.model,
        "fitted_on": dict(temperature.fitted_on),
        "written": now(),
        "hashes": [f"{value:016x}" for value in temperature.hashes.tolist()],
    }
    write_whole(file, (json.dumps(held, indent=1) + "\n").encode())
    return file


def load_temperature(folder: str | os.PathLike[str], *, model: str) -> Temperature | None:
    """The temperature beside a model whose weights have the SHA-256 `model`, or None where none lies there.

    Raises WeightsError where the file is damaged or was made for other weights.
    """
    file = _file(folder)
    if not file.exists():
        return None
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        found = Temperature(
            value=float(held["temperature"]),
            model=str(held["model_sha256"]),
            hashes=np.array([int(digits, 16) for digits in held["hashes"]], dtype=np.uint64),
            fitted_on=held["fitted_on"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{file} cannot be read ({error!r}); delete it and calibrate the model again") from error
    if held.get("format") != _FORMAT or not _RANGE[0] <= found.value <= _RANGE[1]:
        raise WeightsError(f"{file} is of format {held.get('format')}, temperature {found.value}; calibrate again")
    if found.model != model:
        raise WeightsError(f"{file} was made for weights {found.model}, found {model}; calibrate the model again")
    return found


def _file(folder: str | os.PathLike[str]) -> Path:
    place = Path(folder)
    return (place if place.is_dir() else place.parent) / TEMPERATURE_FILE


def _best_temperature(scores: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    bounds = tuple(np.log(_RANGE))
    found = optimize.minimize_scalar(
        lambda log: _mean_nll(scores, truth, float(np.exp(log))),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-6},
    )
    value = float(np.exp(found.x))
    if not _RANGE[0] * 1.01 < value < _RANGE[1] / 1.01:
        raise FacsimError(
            f"the best temperature lies at the edge of {_RANGE}: found a model that is always right, or no better than "
            "chance, on these pictures; give other or more validation pictures"
        )
    return round(value, 6)


def _mean_nll(scores: NDArray[np.float32], truth: NDArray[np.int64], temperature: float) -> float:
    return float(-_log_scores(scores, temperature)[np.arange(len(truth)), truth].mean())


def _log_scores(scores: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    logs = np.log(np.maximum(scores.astype(np.float64), _LEAST_SCORE)) / temperature
    logs -= logs.max(axis=1, keepdims=True)
    return logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
