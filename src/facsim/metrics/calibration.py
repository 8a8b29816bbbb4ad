"""How far a classifier's probabilities are from how often it is right: calibration errors, likelihood, Brier score.

Guo, Pleiss, Sun and Weinberger 2017, On Calibration of Modern Neural Networks, equation 3: the top-label confidence is
cut into M = 15 bins of equal width on (0, 1], bin m being ((m-1)/M, m/M], and
ECE = sum over bins of (n_m / n) * |accuracy_m - confidence_m|. The class-wise error is the mean over classes of the
same sum, for the probability of each class and whether the picture is of it (Kull et al. 2019, Beyond temperature
scaling, equation 2).

Both errors take absolute values of noisy means, so they are larger the fewer pictures there are, and larger in a
resample than in the pictures; their intervals are centred on the figure (`facsim.metrics.estimate.centred_from`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.estimate import RESAMPLES, Estimate, centred_from, mean_of, resampled_rows

__all__ = ["ECE_BINS", "LEAST_SCORE", "ReliabilityBin", "brier", "classwise_ece", "ece", "nll", "reliability"]

ECE_BINS = 15
"""Guo et al. 2017, table 1."""

LEAST_SCORE = 1e-12
"""A score below this counts as this in the likelihood: a sure miss costs 27.6 nats and not infinity."""


def ece(
    confidence: NDArray[np.floating],
    correct: NDArray[np.bool_],
    *,
    rng: np.random.Generator,
    bins: int = ECE_BINS,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Expected calibration error in [0, 1] of top-label `confidence` (N,) in [0, 1] against `correct` (N,) bool."""
    _check(confidence, correct)
    n = confidence.size
    bin_of, gap = _binned(confidence, bins), _gap(confidence, correct)
    drawn = [_resampled(gap, bin_of, rows, bins) for rows in resampled_rows(n, rng=rng, resamples=resamples)]
    return centred_from(_error(gap, bin_of, bins), np.concatenate(drawn), n=n)


def classwise_ece(
    scores: NDArray[np.floating],
    truth: NDArray[np.int64],
    *,
    rng: np.random.Generator,
    bins: int = ECE_BINS,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Mean over classes of the calibration error of scores (N, C), rows being distributions, given truth int64 (N,).

    `truth` holds columns of `scores`.
    """
    _check_scores(scores, truth)
    classes = range(scores.shape[1])
    gaps = [_gap(scores[:, place], truth == place) for place in classes]
    bins_of = [_binned(scores[:, place], bins) for place in classes]
    value = np.mean([_error(gap, bin_of, bins) for gap, bin_of in zip(gaps, bins_of, strict=True)])
    drawn = [
        np.mean([_resampled(gap, bin_of, rows, bins) for gap, bin_of in zip(gaps, bins_of, strict=True)], axis=0)
        for rows in resampled_rows(len(truth), rng=rng, resamples=resamples)
    ]
    return centred_from(float(value), np.concatenate(drawn), n=len(truth))


def nll(
    scores: NDArray[np.floating], truth: NDArray[np.int64], *, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Estimate:
    """Mean negative log-likelihood, nats, of the true class: scores (N, C), truth int64 (N,) columns of them."""
    _check_scores(scores, truth)
    likelihood = np.maximum(scores[np.arange(len(truth)), truth].astype(np.float64), LEAST_SCORE)
    return mean_of(-np.log(likelihood), rng=rng, resamples=resamples)


def brier(
    scores: NDArray[np.floating], truth: NDArray[np.int64], *, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Estimate:
    """Mean squared distance, in [0, 2], of scores (N, C) from the true class as one-hot (Brier 1950, equation 2)."""
    _check_scores(scores, truth)
    apart = scores.astype(np.float64)
    apart[np.arange(len(truth)), truth] -= 1
    return mean_of(np.square(apart).sum(axis=1), rng=rng, resamples=resamples)


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Pictures whose confidence lies in (low, high]: how many, their mean confidence and accuracy (None where none)."""

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None

    def to_json(self) -> dict[str, Any]:
        """`{low, high, n, confidence, accuracy}`."""
        return {
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "confidence": self.confidence,
            "accuracy": self.accuracy,
        }


def reliability(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_], *, bins: int = ECE_BINS
) -> tuple[ReliabilityBin, ...]:
    """The bins that `ece` sums over, in order: a reliability diagram's data."""
    _check(confidence, correct)
    bin_of = _binned(confidence, bins)
    count = np.bincount(bin_of, minlength=bins)
    sure = np.bincount(bin_of, weights=confidence.astype(np.float64), minlength=bins)
    right = np.bincount(bin_of, weights=correct.astype(np.float64), minlength=bins)
    return tuple(
        ReliabilityBin(
            low=place / bins,
            high=(place + 1) / bins,
            n=int(n),
            confidence=float(sure[place] / n) if n else None,
            accuracy=float(right[place] / n) if n else None,
        )
        for place, n in enumerate(count)
    )


def _check(confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> None:
    if confidence.ndim != 1 or confidence.shape != correct.shape or confidence.size == 0:
        raise FacsimError(
            f"found confidence {confidence.shape} and correct {correct.shape}, expected two equal shapes (N,), N > 0"
        )
    if not (np.isfinite(confidence).all() and confidence.min() >= 0 and confidence.max() <= 1 + 1e-6):
        raise FacsimError("found a confidence outside [0, 1]; pass probabilities, not logits")


def _check_scores(scores: NDArray[np.floating], truth: NDArray[np.int64]) -> None:
    if scores.ndim != 2 or truth.shape != (len(scores),) or not len(truth):
        raise FacsimError(f"found scores {scores.shape} and truth {truth.shape}, expected (N, C) and (N,), N > 0")
    if not 0 <= truth.min() <= truth.max() < scores.shape[1]:
        raise FacsimError(
            f"found a true class beyond the {scores.shape[1]} columns of the scores; pass columns of them"
        )
    if not (np.isfinite(scores).all() and scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-3)):
        raise FacsimError("found scores that are no distributions, expected rows that sum to 1 (not logits)")


def _binned(confidence: NDArray[np.floating], bins: int) -> NDArray[np.int64]:
    return np.clip(np.ceil(confidence.astype(np.float64) * bins).astype(np.int64) - 1, 0, bins - 1)


def _gap(confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> NDArray[np.float64]:
    return correct.astype(np.float64) - confidence.astype(np.float64)


def _error(gap: NDArray[np.float64], bin_of: NDArray[np.int64], bins: int) -> float:
    # (n_m / n) * |accuracy_m - confidence_m| is |sum of the gaps in bin m| / n.
    return float(np.abs(np.bincount(bin_of, weights=gap, minlength=bins)).sum() / gap.size)


def _resampled(
    gap: NDArray[np.float64], bin_of: NDArray[np.int64], rows: NDArray[np.int64], bins: int
) -> NDArray[np.float64]:
    """The error (R,) of each resample, a row of `rows` (R, N)."""
    count, n = rows.shape
    offset: NDArray[np.int64] = bins * np.arange(count, dtype=np.int64)
    cell = np.add(bin_of[rows], offset[:, None])
    sums = np.bincount(cell.ravel(), weights=gap[rows].ravel(), minlength=count * bins)
    return np.abs(sums.reshape(count, bins)).sum(axis=1) / n
