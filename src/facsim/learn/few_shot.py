"""Few-shot learning on a frozen backbone's features: many episodes, each with its own few labelled pictures.

An episode draws k pictures a class, or a per cent of each class, from a pool; fits a nearest mean or a logistic
regression to them; and is tested on the whole test set. All episodes of a size are solved at once. Which pictures an
episode draws depends on (seed, size, episode) alone.

Features are taken less the mean of the episode's own pictures, and over their root mean square, one number; nothing is
learnt from the rest of the pool. The regression's penalty is one over the episode's pictures, scikit-learn's default
C = 1: there is nothing to choose it on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from facsim.errors import FacsimError
from facsim.learn.logistic import fit_logistic, logistic_logits
from facsim.metrics import RESAMPLES
from facsim.sample import generator_for

__all__ = [
    "CLASSIFIERS",
    "FewShot",
    "FewShotFigure",
    "FewShotSize",
    "LabelledFeatures",
    "check_pool",
    "episode_rows",
    "few_shot",
]

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

CLASSIFIERS = ("linear", "nearest-mean", "nearest-mean-euclidean")
"""What an episode may fit; the nearest mean is by cosine unless said."""

_TOLERANCE = 1e-5  # of the regression's gradient; scikit-learn stops at 1e-4
_CHUNK = 24_000_000  # numbers held at once: 200 MB of float64


@dataclass(frozen=True, kw_only=True)
class FewShotSize:
    """How many labelled pictures an episode has: `shots` of each class, or `per_cent` of each (at least one)."""

    shots: int | None = None
    per_cent: float | None = None

    def __post_init__(self) -> None:
        if (self.shots is None) == (self.per_cent is None):
            raise FacsimError(
                f"found shots = {self.shots} and per_cent = {self.per_cent}, expected exactly one of the two"
            )
        if (self.shots is not None and self.shots < 1) or (self.per_cent is not None and not 0 < self.per_cent <= 100):
            raise FacsimError(
                f"found shots = {self.shots} and per_cent = {self.per_cent}, expected at least 1 shot, or more than 0 "
                "and up to 100 per cent"
            )

    def __str__(self) -> str:
        return f"{self.shots} shots" if self.shots is not None else f"{self.per_cent:g} %"

    def of_class(self, count: int) -> int:
        """Pictures drawn of a class that has `count`."""
        return self.shots if self.shots is not None else max(1, round(count * (self.per_cent or 0) / 100))


@dataclass(frozen=True, kw_only=True)
class FewShotFigure:
    """A metric over episodes: its mean with two 95 % intervals, and what a single episode gives.

    `over_episodes`: Student's interval of the mean over the draws of labelled pictures, the pool and the test set being
    what they are. `over_pictures`: a bootstrap over test pictures of that mean, the episodes being what they are.
    `single` are the 2.5 % and 97.5 % quantiles of single episodes: what one draw of labelled pictures may give. None
    says anything about another training of the backbone.
    """

    mean: float
    sd: float
    over_episodes: tuple[float, float]
    over_pictures: tuple[float, float]
    single: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; one episode has no deviation and no interval over episodes: null."""
        pairs = ("over_episodes", "over_pictures", "single")
        return {
            "mean": self.mean,
            "sd": _number(self.sd),
            **{name: [_number(bound) for bound in getattr(self, name)] for name in pairs},
        }


@dataclass(frozen=True, kw_only=True)
class FewShot:
    """Accuracy and UAR of one classifier at one size over `episodes`, with the recall of each class.

    `labelled` is the number of pictures that an episode has, `n` the test pictures.
    """

    classifier: str
    size: FewShotSize
    episodes: int
    seed: int
    labelled: int
    n: int
    accuracy: FewShotFigure
    uar: FewShotFigure
    recall: Mapping[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "classifier": self.classifier,
            "shots": self.size.shots,
            "per_cent": self.size.per_cent,
            "episodes": self.episodes,
            "seed": self.seed,
            "labelled": self.labelled,
            "n": self.n,
            "accuracy": self.accuracy.to_json(),
            "uar": self.uar.to_json(),
            "recall": dict(self.recall),
        }


@dataclass(frozen=True, kw_only=True)
class LabelledFeatures:
    """Features float32 (N, D) and each one's class, one of `classes`."""

    values: Floats
    labels: tuple[str, ...]
    classes: tuple[str, ...]

    @property
    def places(self) -> Rows:
        """Each feature's class as its place in `classes`, int64 (N,)."""
        index = {name: place for place, name in enumerate(self.classes)}
        return np.fromiter((index[label] for label in self.labels), dtype=np.int64, count=len(self.labels))


def check_pool(labels: Rows, size: FewShotSize, *, classes: Sequence[str]) -> None:
    """Raise FacsimError where a class has fewer pictures than are to be drawn; `labels` (N,): places in `classes`."""
    counts = zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True)
    if short := [f"{count} of {name}" for name, count in counts if count < size.of_class(count)]:
        raise FacsimError(
            f"found {', '.join(short)} to draw {size} from, expected at least as many; ask for fewer shots, or add "
            "pictures"
        )


def episode_rows(labels: Rows, size: FewShotSize, *, episodes: int, seed: int, classes: Sequence[str]) -> Rows:
    """The pool's rows of each episode, int64 (episodes, n), class by class; `labels` (N,) are places in `classes`.

    Raises FacsimError where a class has fewer pictures than are to be drawn.
    """
    check_pool(labels, size, classes=classes)
    pools = [np.flatnonzero(labels == place) for place in range(len(classes))]
    wanted = [size.of_class(len(pool)) for pool in pools]
    rows: list[Rows] = []
    for episode in range(episodes):
        rng = generator_for(f"few-shot/{seed}", f"{size}/{episode}")
        rows.append(np.concatenate([rng.permutation(pool)[:count] for pool, count in zip(pools, wanted, strict=True)]))
    return np.stack(rows)


def few_shot(
    pool: LabelledFeatures,
    test: LabelledFeatures,
    size: FewShotSize,
    *,
    classifier: str = "linear",
    episodes: int = 100,
    seed: int = 0,
) -> FewShot:
    """The figures of `episodes` episodes of this size, drawn from `pool` and tested on all of `test`.

    The two have the same classes in the same order. Raises FacsimError where they have not, or where a class has too
    few pictures.
    """
    if classifier not in CLASSIFIERS or episodes < 1:
        raise FacsimError(
            f'found "{classifier}" and {episodes} episodes, expected one of {", ".join(CLASSIFIERS)}, at least 1'
        )
    if pool.classes != test.classes:
        raise FacsimError(f"found a pool of {', '.join(pool.classes)} and a test set of {', '.join(test.classes)}")
    rows = episode_rows(pool.places, size, episodes=episodes, seed=seed, classes=pool.classes)
    hits = _hits(pool, test, rows, classifier)
    places, names = test.places, test.classes
    recalls = np.stack([hits[:, places == place].mean(axis=1) for place in np.unique(places)], axis=1)
    by_name = {names[place]: float(recalls[:, column].mean()) for column, place in enumerate(np.unique(places))}
    rng = generator_for(f"few-shot/{seed}", f"bootstrap/{size}")
    accuracies, uars = _resampled(hits.mean(axis=0), places, rng)
    return FewShot(
        classifier=classifier,
        size=size,
        episodes=episodes,
        seed=seed,
        labelled=rows.shape[1],
        n=len(places),
        accuracy=_figure(hits.mean(axis=1), accuracies),
        uar=_figure(recalls.mean(axis=1), uars),
        recall={name: by_name.get(name) for name in names},
    )


def _hits(pool: LabelledFeatures, test: LabelledFeatures, rows: Rows, classifier: str) -> NDArray[np.bool_]:
    """Whether each episode calls each test picture right, (E, M), some episodes at a time."""
    width = pool.values.shape[1]
    at_once = max(1, _CHUNK // max(1, rows.shape[1] * (width + 1), len(test.values) * len(pool.classes)))
    values, labels = torch.from_numpy(pool.values), torch.from_numpy(pool.places)
    shown, truth = torch.from_numpy(test.values), torch.from_numpy(test.places)
    found: list[Tensor] = []
    for start in range(0, len(rows), at_once):
        drawn = torch.from_numpy(rows[start : start + at_once])
        logits = _logits(values[drawn].double(), labels[drawn], shown.double(), classifier, len(pool.classes))
        found.append(logits.argmax(dim=2) == truth)
    return torch.cat(found).numpy()


def _logits(support: Tensor, labels: Tensor, shown: Tensor, classifier: str, classes: int) -> Tensor:
    """Scores (E, M, C) of `shown` (M, D) after support (E, n, D) with labels (E, n): the highest is the call.

    The test features are never copied for each episode: centring and scaling move into the weights.
    """
    centre = support.mean(dim=1, keepdim=True)
    centred = support - centre
    scale = centred.square().mean(dim=(1, 2), keepdim=True).sqrt().clamp_min(1e-12)
    one_hot = torch.nn.functional.one_hot(labels, classes).double()
    if classifier == "linear":
        weights = fit_logistic(centred / scale, one_hot, penalty=1 / support.shape[1], tolerance=_TOLERANCE)
        slopes = weights[:, :-1] / scale
        return logistic_logits(shown, torch.cat([slopes, weights[:, -1:] - centre @ slopes], dim=1))
    means = one_hot.mT @ centred / one_hot.sum(dim=1)[:, :, None]  # (E, C, D)
    if classifier == "nearest-mean":  # the test feature's own length is the same for all classes
        slopes = torch.nn.functional.normalize(means, dim=2).mT
        return shown @ slopes - centre @ slopes
    return 2 * (shown @ means.mT - centre @ means.mT) - means.square().sum(dim=2)[:, None]


def _resampled(
    rates: NDArray[np.float64], places: Rows, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Accuracy and UAR on bootstrap resamples of the test pictures, (R,) each, from each picture's share of hits."""
    accuracies, uars = np.empty(RESAMPLES), np.empty(RESAMPLES)
    for turn in range(RESAMPLES):
        picked = rng.integers(0, len(rates), size=len(rates))
        drawn, where = rates[picked], places[picked]
        counts = np.bincount(where)
        hits = np.bincount(where, weights=drawn)
        accuracies[turn], uars[turn] = drawn.mean(), (hits[counts > 0] / counts[counts > 0]).mean()
    return accuracies, uars


def _figure(episodes: NDArray[np.float64], resampled: NDArray[np.float64]) -> FewShotFigure:
    count, mean = len(episodes), float(episodes.mean())
    sd = float(episodes.std(ddof=1)) if count > 1 else math.nan
    half = float(stats.t.ppf(0.975, count - 1)) * sd / math.sqrt(count) if count > 1 else math.nan
    low, high = np.quantile(resampled, [0.025, 0.975])
    least, most = np.quantile(episodes, [0.025, 0.975])
    return FewShotFigure(
        mean=mean,
        sd=sd,
        over_episodes=(mean - half, mean + half),
        over_pictures=(float(low), float(high)),
        single=(float(least), float(most)),
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
