"""What a classifier's scores are worth on labelled pictures, in figures with their intervals.

Truth is each picture's most likely class. Where the model's training hashes are known, pictures that the model has seen
(equal pixels once decoded) are counted and the figures without them stand beside the figures with them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.expressions import positions_in
from facsim.learn.data import Pictures, take
from facsim.learn.leaks import seen_in
from facsim.metrics import Confusion, Estimate, accuracy, ece, f1, macro_f1, precision, recall, tally, uar

__all__ = ["Evaluation", "Seen", "evaluate", "shared_classes"]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """How many test pictures the model was trained on, and the headline figures without them (None where all were)."""

    count: int
    without: Mapping[str, Estimate] | None

    def to_json(self) -> dict[str, Any]:
        """`{count, without: {accuracy, uar, macro_f1, ece}}`."""
        kept = None if self.without is None else {name: figure.to_json() for name, figure in self.without.items()}
        return {"count": self.count, "without": kept}


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Headline figures with their intervals, the confusion matrix, and what was evaluated on what.

    `model` is the SHA-256 of the weights, `data` the fingerprint of the pictures; `seen` is None where the model does
    not say what it was trained on. `left_out` counts pictures that were not scored, by reason.
    """

    accuracy: Estimate
    uar: Estimate
    macro_f1: Estimate
    ece: Estimate
    confusion: Confusion
    seen: Seen | None = None
    model: str = ""
    data: str = ""
    origin: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])

    def to_json(self) -> dict[str, Any]:
        """`accuracy`, `uar`, `macro_f1` and `ece` as `{value, n, low, high}` and the rest beside, plain JSON."""
        return {
            **{name: getattr(self, name).to_json() for name in ("accuracy", "uar", "macro_f1", "ece")},
            "n": self.confusion.n,
            "classes": list(self.confusion.classes),
            "classes_absent": list(self.confusion.absent),
            "recall": _plain(recall(self.confusion)),
            "precision": _plain(precision(self.confusion)),
            "f1": _plain(f1(self.confusion)),
            "confusion": self.confusion.counts.tolist(),
            "seen_in_training": None if self.seen is None else self.seen.to_json(),
            "model_sha256": self.model,
            "data_fingerprint": self.data,
            "data_origin": self.origin,
            "left_out": dict(self.left_out),
        }


def evaluate(
    scores: NDArray[np.float32],
    pictures: Pictures,
    *,
    classes: Sequence[str],
    model: str = "",
    training_hashes: NDArray[np.uint64] | None = None,
) -> Evaluation:
    """The evaluation of scores float32 (N, C), distributions over `classes`, against labelled `pictures` (N).

    The two may order their classes differently, but must have the same: raises FacsimError, naming the difference,
    where they do not (`shared_classes` cuts both to what they share). Intervals are drawn from a fixed seed.
    """
    ordered = _ordered(scores, pictures, classes)
    return Evaluation(
        **_figures(ordered, pictures),
        confusion=_confusion(ordered, pictures),
        seen=None if training_hashes is None else _seen(ordered, pictures, training_hashes),
        model=model,
        data=pictures.fingerprint,
        origin=pictures.origin,
        left_out=dict(pictures.left_out),
    )


def shared_classes(
    scores: NDArray[np.float32], pictures: Pictures, *, classes: Sequence[str]
) -> tuple[NDArray[np.float32], Pictures, tuple[str, ...]]:
    """Scores, pictures and classes cut to the classes that the model and the data share.

    Scores of other classes are dropped and each row is normalised again; pictures whose most likely class is another
    are left out, counted as `class_unknown_to_model`; soft targets are normalised again. Raises FacsimError where
    fewer than two classes are shared.
    """
    shared = tuple(name for name in classes if name in pictures.classes)
    if len(shared) < 2:
        known = f"the model knows {', '.join(classes)}, the data {', '.join(pictures.classes)}"
        raise FacsimError(f"{known}; expected at least two classes that both have")
    rows = np.array([label in shared for label in pictures.labels], dtype=bool)
    columns, places = list(positions_in(classes, shared)), list(positions_in(pictures.classes, shared))
    kept = take(pictures, rows)
    targets, left = kept.targets[:, places], scores[rows][:, columns]
    cut = replace(
        kept,
        targets=targets / targets.sum(axis=1, keepdims=True),
        classes=shared,
        left_out={**kept.left_out, "class_unknown_to_model": int((~rows).sum())},
    )
    # A row whose shared scores are all 0 says nothing: it becomes uniform rather than 0 / 0.
    left = np.where(left.sum(axis=1, keepdims=True) > 0, left, np.float32(1))
    return (left / left.sum(axis=1, keepdims=True)).astype(np.float32), cut, shared


def _ordered(scores: NDArray[np.float32], pictures: Pictures, classes: Sequence[str]) -> NDArray[np.float32]:
    """Scores in the order of the pictures' classes, checked."""
    if scores.shape != (len(pictures), len(classes)):
        raise FacsimError(f"found scores {scores.shape} for {len(pictures)} pictures and {len(classes)} classes")
    if set(classes) != set(pictures.classes):
        only_model = sorted(set(classes) - set(pictures.classes))
        only_data = sorted(set(pictures.classes) - set(classes))
        raise FacsimError(
            f"only the model knows {', '.join(only_model) or 'nothing'} and only the data "
            f"{', '.join(only_data) or 'nothing'}, expected the same classes; load the data with the model's classes, "
            "or evaluate on the shared ones"
        )
    if len(scores) and not (scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-3)):
        raise FacsimError("found scores that are no distributions, expected rows that sum to 1 (not logits)")
    return scores[:, list(positions_in(classes, pictures.classes))]


def _confusion(scores: NDArray[np.float32], pictures: Pictures) -> Confusion:
    called = [pictures.classes[index] for index in scores.argmax(axis=1)]
    return tally(pictures.labels, called, classes=pictures.classes)


def _figures(scores: NDArray[np.float32], pictures: Pictures) -> dict[str, Any]:
    """The four headline estimates, by name."""
    confusion = _confusion(scores, pictures)
    right = scores.argmax(axis=1) == pictures.targets.argmax(axis=1)
    return {
        "accuracy": accuracy(confusion, rng=_rng()),
        "uar": uar(confusion, rng=_rng()),
        "macro_f1": macro_f1(confusion, rng=_rng()),
        "ece": ece(scores.max(axis=1), right, rng=_rng()),
    }


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)  # one fixed seed, so that an evaluation is a function of its input


def _seen(scores: NDArray[np.float32], pictures: Pictures, training_hashes: NDArray[np.uint64]) -> Seen:
    seen = seen_in(pictures.hashes, training_hashes)
    fresh = take(pictures, ~seen)
    return Seen(count=int(seen.sum()), without=_figures(scores[~seen], fresh) if len(fresh) else None)


def _plain(rates: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(rate) else rate for name, rate in rates.items()}
