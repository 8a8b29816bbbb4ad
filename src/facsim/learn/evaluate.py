"""What a classifier's scores are worth on labelled pictures, in figures with their intervals.

Truth is each picture's most likely class. Where it is known what the model was trained on, pictures that it has seen
(equal pixels once decoded, or near-duplicates: `facsim.learn.leaks`) are counted and named, and the figures without
them stand beside the figures with them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.expressions import positions_in
from facsim.learn.data import Pictures, of_classes, take
from facsim.learn.leak_file import Leaks, listed_rows
from facsim.learn.leaks import SeenPictures
from facsim.learn.signatures import NEAR_BITS, Signatures, near_bits
from facsim.metrics import Confusion, Estimate, accuracy, ece, f1, macro_f1, precision, recall, tally, uar
from facsim.models.backbones import Backbone
from facsim.models.classifier import Classifier, architecture_of
from facsim.provenance import fingerprint_of

__all__ = [
    "EVALUATION_VERSION",
    "NAMES_SHOWN",
    "PREPROCESSING_VERSION",
    "Evaluation",
    "Listed",
    "Seen",
    "evaluate",
    "facts_of",
    "ordered_scores",
    "shared_classes",
]

EVALUATION_VERSION = 2
"""Of an evaluation's JSON; 1 had no version, near-duplicates, split, label set, preprocessing or extractor."""

PREPROCESSING_VERSION = 1
"""Of how `facsim.learn.data` makes pictures: the central square, BT.601 luma where grey, Pillow's bicubic resizing."""

NAMES_SHOWN = 100
"""Names of seen pictures in an evaluation's JSON, at most, of each kind; the counts are of all."""


Figures = Mapping[str, Estimate]
"""The four headline estimates, by name."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """How many test pictures the model was trained on, and the headline figures without them (None where all were).

    `near` counts further pictures that are near-duplicates of training pictures, None where the model keeps no
    signatures, `bits` being how many they may differ in; `without_near` are the figures without both. `names` and
    `near_names` say which pictures they are.
    """

    count: int
    without: Figures | None
    names: tuple[str, ...] = ()
    near: int | None = None
    without_near: Figures | None = None
    near_names: tuple[str, ...] = ()
    bits: int = NEAR_BITS

    def to_json(self) -> dict[str, Any]:
        """`{count, without: {accuracy, …}, names, near: {count, bits, without_both: {accuracy, …}, names}}`."""
        near = {
            "count": self.near,
            "bits": self.bits,
            "without_both": _figures_json(self.without_near),
            "names": list(self.near_names[:NAMES_SHOWN]),
        }
        return {
            "count": self.count,
            "without": _figures_json(self.without),
            "names": list(self.names[:NAMES_SHOWN]),
            "near": None if self.near is None else near,
        }


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Test pictures that a file of `facsim leaks` names: how many, how many of them are not seen otherwise
    (`further`; all where the model does not say what it has seen), and the headline figures without them and without
    those that were seen (None where none is left). `file` is the file, `training` the set that it compares with."""

    count: int
    further: int
    without: Figures | None
    file: str
    training: str

    def to_json(self) -> dict[str, Any]:
        """`{file, training, count, further, without_all: {accuracy, …}}`."""
        return {
            "file": self.file,
            "training": self.training,
            "count": self.count,
            "further": self.further,
            "without_all": _figures_json(self.without),
        }


def _figures_json(figures: Figures | None) -> dict[str, Any] | None:
    return None if figures is None else {name: figure.to_json() for name, figure in figures.items()}


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Headline figures with their intervals, the confusion matrix, and what was evaluated on what.

    `model` is the SHA-256 of the weights, `data` the fingerprint of the pictures; `seen` is None where the model does
    not say what it was trained on; `chosen` is the same of the pictures that its checkpoint was chosen on; `listed`
    of those that a file of leaks names, None without one. `left_out` counts pictures that were not scored, by reason.
    `facts` are what `facts_of` gives: the split, how pictures were made, and what gave the scores.
    """

    accuracy: Estimate
    uar: Estimate
    macro_f1: Estimate
    ece: Estimate
    confusion: Confusion
    seen: Seen | None = None
    chosen: Seen | None = None
    listed: Listed | None = None
    model: str = ""
    data: str = ""
    origin: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def to_json(self) -> dict[str, Any]:
        """`accuracy`, `uar`, `macro_f1` and `ece` as `{value, n, low, high}` and the rest beside, plain JSON."""
        return {
            "version": EVALUATION_VERSION,
            **{name: getattr(self, name).to_json() for name in ("accuracy", "uar", "macro_f1", "ece")},
            "n": self.confusion.n,
            "classes": list(self.confusion.classes),
            "classes_absent": list(self.confusion.absent),
            "recall": _plain(recall(self.confusion)),
            "precision": _plain(precision(self.confusion)),
            "f1": _plain(f1(self.confusion)),
            "confusion": self.confusion.counts.tolist(),
            "seen_in_training": None if self.seen is None else self.seen.to_json(),
            "seen_in_selection": None if self.chosen is None else self.chosen.to_json(),
            "listed_as_leaks": None if self.listed is None else self.listed.to_json(),
            "model_sha256": self.model,
            "data_fingerprint": self.data,
            "data_origin": self.origin,
            "label_set": fingerprint_of(list(self.confusion.classes)),
            **self.facts,
            "left_out": dict(self.left_out),
        }


def evaluate(
    scores: NDArray[np.float32],
    pictures: Pictures,
    *,
    classes: Sequence[str],
    model: str = "",
    training_hashes: NDArray[np.uint64] | None = None,
    training_signatures: Signatures | None = None,
    chosen_on: SeenPictures | None = None,
    leaks: Leaks | None = None,
) -> Evaluation:
    """The evaluation of scores float32 (N, C), distributions over `classes`, against labelled `pictures` (N).

    The two may order their classes differently, but must have the same: raises FacsimError, naming the difference,
    where they do not (`shared_classes` cuts both to what they share). `leaks` names pictures that training may have
    seen by what `facsim leaks` found. Intervals are drawn from a fixed seed.
    """
    ordered = ordered_scores(scores, pictures, classes)
    trained_on = SeenPictures(hashes=training_hashes, signatures=training_signatures)
    known = [(held.exact(pictures), held.near(pictures)) for held in (trained_on, chosen_on or SeenPictures())]
    seen, chosen = (None if exact is None else _seen(ordered, pictures, exact, near) for exact, near in known)
    return Evaluation(
        **_figures(ordered, pictures),
        confusion=_confusion(ordered, pictures),
        seen=seen,
        chosen=chosen,
        listed=None if leaks is None else _listed(ordered, pictures, leaks, known[0]),
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
    fewer than two classes are shared, or where no picture is of one that is.
    """
    shared = tuple(name for name in classes if name in pictures.classes)
    if len(shared) < 2:
        known = f"the model knows {', '.join(classes)}, the data {', '.join(pictures.classes)}"
        raise FacsimError(f"{known}; expected at least two classes that both have")
    cut = of_classes(pictures, shared, reason="class_unknown_to_model")
    rows = np.array([label in shared for label in pictures.labels], dtype=bool)
    left = scores[rows][:, list(positions_in(classes, shared))]
    # A row whose shared scores are all 0 says nothing: it becomes uniform rather than 0 / 0.
    left = np.where(left.sum(axis=1, keepdims=True) > 0, left, np.float32(1))
    return (left / left.sum(axis=1, keepdims=True)).astype(np.float32), cut, shared


def facts_of(classifier: Classifier | Backbone, *, split: str = "") -> dict[str, Any]:
    """What a score depends on beside pictures and weights, plain JSON: `split`, `preprocessing`, `extractor`, …

    The extractor is the architecture's name and the beginning of the weights' SHA-256; the preprocessing's version
    changes where `facsim.learn.data` makes other pictures of the same files; `trained_on` and `selected_on` are what
    the weights say of themselves, null where they do not.
    """
    name, _ = architecture_of(classifier.network)
    return {
        "split": split or None,
        "preprocessing": {"version": PREPROCESSING_VERSION, **asdict(classifier.preprocessing)},
        "extractor": f"{name}@{classifier.sha256[:12]}",
        "trained_on": classifier.provenance.get("trained_on"),
        "selected_on": classifier.provenance.get("selected_on"),
    }


def ordered_scores(scores: NDArray[np.float32], pictures: Pictures, classes: Sequence[str]) -> NDArray[np.float32]:
    """Scores (N, C) over `classes` in the order of the pictures' classes. Raises FacsimError where they do not fit."""
    if scores.shape != (len(pictures), len(classes)):
        raise FacsimError(f"found scores {scores.shape} for {len(pictures)} pictures and {len(classes)} classes")
    if set(classes) != set(pictures.classes):
        only_model = sorted(set(classes) - set(pictures.classes))
        only_data = sorted(set(pictures.classes) - set(classes))
        told = (("model", only_model), ("data", only_data))
        alone = [f"only the {whose} knows {', '.join(names)}" for whose, names in told if names]
        raise FacsimError(
            f"{' and '.join(alone)}, expected the same classes of both; evaluate on those that both have "
            "(--shared, in Python `shared_classes`)"
        )
    broken = int((~np.isfinite(scores)).any(axis=1).sum())
    if broken:
        raise FacsimError(
            f"found scores that are not numbers for {broken} of {len(scores)} pictures; the model's weights or its "
            "inputs overflow: train it again with a lower learning rate"
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


def _seen(
    scores: NDArray[np.float32],
    pictures: Pictures,
    exact: NDArray[np.bool_],
    near: NDArray[np.bool_] | None,
) -> Seen:
    found = Seen(count=int(exact.sum()), without=_figures_of(scores, pictures, ~exact), names=_names(pictures, exact))
    if near is None:
        return found
    return replace(
        found,
        near=int(near.sum()),
        without_near=_figures_of(scores, pictures, ~(exact | near)),
        near_names=_names(pictures, near),
        bits=near_bits(pictures.frame),
    )


def _listed(
    scores: NDArray[np.float32],
    pictures: Pictures,
    leaks: Leaks,
    seen: tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None],
) -> Listed:
    named = listed_rows(pictures, leaks)
    known = np.zeros_like(named)
    for part in seen:
        known |= part if part is not None else False
    return Listed(
        count=int(named.sum()),
        further=int((named & ~known).sum()),
        without=_figures_of(scores, pictures, ~(named | known)),
        file=leaks.file,
        training=leaks.training,
    )


def _figures_of(scores: NDArray[np.float32], pictures: Pictures, rows: NDArray[np.bool_]) -> Figures | None:
    return _figures(scores[rows], take(pictures, rows)) if rows.any() else None


def _names(pictures: Pictures, rows: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(pictures.ids[row] for row in np.flatnonzero(rows))


def _plain(rates: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(rate) else rate for name, rate in rates.items()}
