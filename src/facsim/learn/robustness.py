"""What a classifier is worth on corrupted pictures: curves over severity, and what share of the clean score is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.learn.corruptions import SEVERITIES, corrupt, corruptions_for
from facsim.learn.data import Pictures, take
from facsim.learn.evaluate import ordered_scores
from facsim.metrics import Estimate, accuracy, estimate_from, resampled_rows, tally, uar

__all__ = ["OnCondition", "Predictor", "Robustness", "measure_robustness"]

Predictor = Callable[[Pictures], NDArray[np.float32]]
"""Pictures (N) give scores float32 (N, C), distributions over the classes that go with it."""


class OnCondition(Protocol):
    """Called before each condition with how many are done, how many there are, and its name."""

    def __call__(self, done: int, total: int, name: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """Accuracy and UAR of the clean pictures and of each corruption at each severity, and what is left of accuracy.

    `curves` is corruption -> severity -> figure name -> figure; `relative` is, per corruption, the mean accuracy over
    its severities divided by the clean accuracy, `mean_relative` the mean of these. Their intervals resample pictures,
    a picture's clean and corrupted answers together.
    """

    clean: Mapping[str, Estimate]
    curves: Mapping[str, Mapping[int, Mapping[str, Estimate]]]
    relative: Mapping[str, Estimate]
    mean_relative: Estimate

    def to_json(self) -> dict[str, Any]:
        """`{clean, curves: {name: {severity: {accuracy, uar}}}, relative_accuracy, mean_relative_accuracy}`."""
        curves = {
            name: {str(level): _json(figures) for level, figures in curve.items()}
            for name, curve in self.curves.items()
        }
        return {
            "clean": _json(self.clean),
            "curves": curves,
            "relative_accuracy": _json(self.relative),
            "mean_relative_accuracy": self.mean_relative.to_json(),
        }


def measure_robustness(
    predictor: Predictor,
    pictures: Pictures,
    *,
    classes: Sequence[str],
    names: Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
    on_condition: OnCondition | None = None,
) -> Robustness:
    """The robustness of `predictor`, whose scores are over `classes`, on labelled `pictures`.

    `names` are corruptions, by default all that change such pictures. Raises FacsimError for unknown names or
    severities, and where nothing is asked for.
    """
    asked = tuple(dict.fromkeys(names)) or corruptions_for(pictures)
    levels = tuple(sorted(set(severities)))
    if not levels or not len(pictures):
        raise FacsimError(f"found severities {levels} and {len(pictures)} pictures, expected at least one of each")
    conditions = [(name, level) for name in asked for level in levels]
    for name, level in conditions:
        corrupt(_none_of(pictures), name, level)  # a wrong name is found before the work, not after
    answers = [_answers(predictor(pictures), pictures, classes)]
    for done, (name, level) in enumerate(conditions):
        if on_condition is not None:
            on_condition(done, len(conditions), f"{name} {level}")
        answers.append(_answers(predictor(corrupt(pictures, name, level)), pictures, classes))
    return _robustness(pictures, conditions, answers)


def _robustness(
    pictures: Pictures, conditions: Sequence[tuple[str, int]], answers: Sequence[NDArray[np.int64]]
) -> Robustness:
    figures = [_figures(pictures, one) for one in answers]
    right = np.stack([one == pictures.targets.argmax(axis=1) for one in answers]).astype(np.float32)
    names = tuple(dict.fromkeys(name for name, _ in conditions))
    curves: dict[str, dict[int, Mapping[str, Estimate]]] = {name: {} for name in names}
    for (name, level), figure in zip(conditions, figures[1:], strict=True):
        curves[name][level] = figure
    rows = [[1 + i for i, (of, _) in enumerate(conditions) if of == name] for name in names]
    relative = _relative(right, rows)
    return Robustness(
        clean=figures[0],
        curves=curves,
        relative=dict(zip(names, relative[:-1], strict=True)),
        mean_relative=relative[-1],
    )


def _answers(scores: NDArray[np.float32], pictures: Pictures, classes: Sequence[str]) -> NDArray[np.int64]:
    return ordered_scores(scores, pictures, classes).argmax(axis=1)


def _figures(pictures: Pictures, answers: NDArray[np.int64]) -> dict[str, Estimate]:
    called = [pictures.classes[place] for place in answers]
    confusion = tally(pictures.labels, called, classes=pictures.classes)
    return {
        "accuracy": accuracy(confusion, rng=np.random.default_rng(0)),
        "uar": uar(confusion, rng=np.random.default_rng(0)),
    }


def _relative(right: NDArray[np.float32], rows: Sequence[Sequence[int]]) -> list[Estimate]:
    """Of right (K, N), row 0 being clean: mean accuracy over each of `rows` over the clean one, then their mean."""
    n = right.shape[1]
    drawn = [_rates(right, _weights(picked, n), rows) for picked in resampled_rows(n, rng=np.random.default_rng(0))]
    resampled = np.concatenate(drawn)
    values = _rates(right, np.ones((1, n), dtype=np.float32), rows)[0]
    return [estimate_from(float(value), resampled[:, i], n=n) for i, value in enumerate(values)]


def _weights(picked: NDArray[np.int64], n: int) -> NDArray[np.float32]:
    """How often each of n rows is in each resample: float32 (R, N)."""
    offset = n * np.arange(len(picked), dtype=np.int64)[:, None]
    return np.bincount((picked + offset).ravel(), minlength=len(picked) * n).reshape(-1, n).astype(np.float32)


def _rates(
    right: NDArray[np.float32], weights: NDArray[np.float32], rows: Sequence[Sequence[int]]
) -> NDArray[np.float64]:
    """(R, len(rows) + 1): relative accuracy of each of `rows`, then their mean; NaN where no clean answer is right."""
    hits = (weights @ right.T).astype(np.float64)
    clean = np.where(hits[:, 0] > 0, hits[:, 0], np.nan)
    each = np.stack([hits[:, list(some)].mean(axis=1) / clean for some in rows], axis=1)
    return np.concatenate([each, each.mean(axis=1, keepdims=True)], axis=1)


def _none_of(pictures: Pictures) -> Pictures:
    return take(pictures, np.zeros(0, dtype=np.int64))


def _json(figures: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: figure.to_json() for name, figure in figures.items()}
