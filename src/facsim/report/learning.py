"""What was learnt from the run: the training's curve from `model/`, and evaluations from `evaluations/*.json`.

Both are read as files and not through `facsim.learn`, so that a report needs no torch.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from facsim.errors import ManifestError
from facsim.manifest import Manifest

__all__ = ["Evaluation", "Measure", "Training", "evaluations", "training"]

_MODEL = "model"
_EVALUATIONS = "evaluations"
_MEASURES = {"accuracy": "Accuracy", "uar": "UAR", "macro_f1": "Macro-F1", "ece": "ECE"}
_ASIDE = ("augmentation",)  # nested settings: they are in training.json for whoever needs them


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the model was trained. Curves are (step, value) pairs; validation curves are empty where none was held out.

    pictures, validation_pictures and classes are None or empty where the weights do not say.
    """

    step: int
    total_steps: int
    stopped: str
    seconds: float
    loss: tuple[tuple[int, float], ...]
    validation_accuracy: tuple[tuple[int, float], ...]
    validation_uar: tuple[tuple[int, float], ...]
    pictures: int | None
    validation_pictures: int | None
    classes: tuple[str, ...]
    settings: Mapping[str, Any]
    left_out: Mapping[str, int]
    weights_sha256: str

    @property
    def score(self) -> float | None:
        """Validation UAR after the last step, None where nothing was held out."""
        return self.validation_uar[-1][1] if self.validation_uar else None


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A metric over `n` pictures with its 95 % interval; a bound is None where it is undefined."""

    name: str
    title: str
    value: float | None
    n: int
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One evaluation. counts[i][j]: pictures of class i that were called class j; recall None for an absent class.

    seen: how many of the pictures the model was trained on, None where it does not say. near: of how many others it has
    seen near-duplicates, None where it cannot tell. listed: how many more lie in the set `listed_in`, as a file of
    `facsim leaks` says. without: accuracy without all of these, None where there are none or nothing else is left.
    left_out: pictures that were not scored, by reason.
    """

    name: str
    on: str
    model: str
    n: int
    measures: tuple[Measure, ...]
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    recall: tuple[float | None, ...]
    seen: int | None
    left_out: Mapping[str, int]
    near: int | None = None
    listed: int = 0
    listed_in: str = ""
    without: Measure | None = None

    @property
    def leaked(self) -> int:
        """How many of the pictures the model may know, in one way or another."""
        return (self.seen or 0) + (self.near or 0) + self.listed

    @property
    def on_name(self) -> str:
        """The last part of what it was evaluated on, or the evaluation's own name."""
        return _last_part(self.on) or self.name

    @property
    def shares(self) -> tuple[tuple[float, ...], ...]:
        """The matrix with every row divided by its sum; 0 in the rows of absent classes."""
        return tuple(tuple(count / (sum(row) or 1) for count in row) for row in self.counts)


def training(run: Manifest) -> Training | None:
    """What `model/training.json` says; None where there is none. Raises ManifestError where it is damaged."""
    found = _json(run, f"{_MODEL}/training.json")
    if found is None:
        return None
    described, digest = _weights(run)
    made_from = described.get("provenance", {})
    curve: Sequence[Mapping[str, Any]] = found.get("curve", [])
    return Training(
        step=int(found.get("step", 0)),
        total_steps=int(found.get("total_steps", 0)),
        stopped=str(found.get("stopped", "")),
        seconds=float(found.get("seconds", 0.0)),
        loss=_pairs(curve, "loss"),
        validation_accuracy=_pairs(curve, "validation_accuracy"),
        validation_uar=_pairs(curve, "validation_uar"),
        pictures=made_from.get("pictures"),
        validation_pictures=made_from.get("validation_pictures"),
        classes=tuple(described.get("classes", ())),
        settings={key: value for key, value in found.get("config", {}).items() if key not in _ASIDE},
        left_out=found.get("pictures_left_out", {}),
        weights_sha256=digest,
    )


def evaluations(run: Manifest) -> tuple[Evaluation, ...]:
    """Every evaluation in `evaluations/`, by name. Raises ManifestError where one is damaged."""
    names = [name for name in run.folder.names(_EVALUATIONS) if name.endswith(".json")]
    found = {name.removesuffix(".json"): _json(run, f"{_EVALUATIONS}/{name}") for name in names}
    return tuple(_evaluation(name, data) for name, data in found.items() if data is not None)


def _json(run: Manifest, place: str) -> dict[str, Any] | None:
    if not run.folder.exists(place):
        return None
    try:
        found = json.loads(run.folder.read(place))
    except ValueError as error:
        raise ManifestError(f"{run.folder.path(place)} is not JSON ({error}); delete it and make it again") from error
    if not isinstance(found, dict):
        raise ManifestError(f"{run.folder.path(place)} holds {type(found).__name__}, expected an object; delete it")
    return found


def _weights(run: Manifest) -> tuple[dict[str, Any], str]:
    """What the weights say of themselves (classes, provenance), and their SHA-256; empty where there are none.

    A safetensors file starts with the length of its JSON header, 8 bytes, little-endian, and the header.
    """
    place = f"{_MODEL}/weights.safetensors"
    if not run.folder.exists(place):
        return {}, ""
    data = run.folder.read(place)
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        described = json.loads(header.get("__metadata__", {}).get("facsim_classifier", "{}"))
    except ValueError as error:
        raise ManifestError(f"{run.folder.path(place)} is damaged ({error}); train the model again") from error
    return described, hashlib.sha256(data).hexdigest()


def _pairs(curve: Sequence[Mapping[str, Any]], key: str) -> tuple[tuple[int, float], ...]:
    return tuple((int(entry["step"]), float(entry[key])) for entry in curve if _is_number(entry.get(key)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _evaluation(name: str, data: Mapping[str, Any]) -> Evaluation:
    classes = tuple(data.get("classes", ()))
    recall, seen = data.get("recall", {}), data.get("seen_in_training")
    counts = tuple(tuple(int(count) for count in row) for row in data.get("confusion", ()))
    return Evaluation(
        name=name,
        on=str(data.get("on", "")),
        model=str(data.get("model_sha256", "")),
        n=int(data.get("n", sum(sum(row) for row in counts))),
        measures=tuple(_measure(key, title, data[key]) for key, title in _MEASURES.items() if key in data),
        classes=classes,
        counts=counts,
        recall=tuple(recall.get(of_class) for of_class in classes),
        seen=None if seen is None else int(seen["count"]),
        left_out=data.get("left_out", {}),
        near=int(near["count"]) if (near := (seen or {}).get("near")) else None,
        listed=int(listed["further"]) if (listed := data.get("listed_as_leaks")) else 0,
        listed_in=_last_part(listed["training"]) if listed else "",
        without=_without(seen or {}, listed),
    )


def _last_part(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1]


def _without(seen: Mapping[str, Any], listed: Mapping[str, Any] | None) -> Measure | None:
    """Accuracy without every picture that is known to be seen, by whatever tells the most of them."""
    near = seen.get("near")
    if listed is not None and listed["count"]:
        figures = listed["without_all"]
    elif near and near["count"]:
        figures = near["without_both"]
    else:
        figures = seen.get("without") if seen.get("count") else None
    return None if not figures else _measure("accuracy", "accuracy", figures["accuracy"])


def _measure(name: str, title: str, found: Mapping[str, Any]) -> Measure:
    return Measure(
        name=name, title=title, value=found["value"], n=int(found["n"]), low=found.get("low"), high=found.get("high")
    )
