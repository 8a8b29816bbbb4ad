"""Expected calibration error: how far a classifier's confidence is from how often it is right.

Guo, Pleiss, Sun and Weinberger 2017, On Calibration of Modern Neural Networks, equation 3: the top-label confidence is
cut into M = 15 bins of equal width on (0, 1], bin m being ((m-1)/M, m/M], and
ECE = sum over bins of (n_m / n) * |accuracy_m - confidence_m|.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.estimate import RESAMPLES, Estimate, estimate_from

__all__ = ["ECE_BINS", "ece"]

ECE_BINS = 15
"""Guo et al. 2017, table 1."""

_DRAWS_AT_ONCE = 4_000_000  # resampled rows held at a time: about 100 MB


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
    bin_of = np.clip(np.ceil(confidence.astype(np.float64) * bins).astype(np.int64) - 1, 0, bins - 1)
    gap = correct.astype(np.float64) - confidence.astype(np.float64)
    # (n_m / n) * |accuracy_m - confidence_m| is |sum of the gaps in bin m| / n.
    value = np.abs(np.bincount(bin_of, weights=gap, minlength=bins)).sum() / n
    at_once = max(1, _DRAWS_AT_ONCE // n)
    sizes = [min(at_once, resamples - start) for start in range(0, resamples, at_once)]
    resampled = [_resampled(gap, bin_of, rng.integers(0, n, size=(size, n)), bins) for size in sizes]
    return estimate_from(float(value), np.concatenate(resampled), n=n)


def _check(confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> None:
    if confidence.ndim != 1 or confidence.shape != correct.shape or confidence.size == 0:
        raise FacsimError(
            f"found confidence {confidence.shape} and correct {correct.shape}, expected two equal shapes (N,), N > 0"
        )
    if not (np.isfinite(confidence).all() and confidence.min() >= 0 and confidence.max() <= 1 + 1e-6):
        raise FacsimError("found a confidence outside [0, 1]; pass probabilities, not logits")


def _resampled(
    gap: NDArray[np.float64], bin_of: NDArray[np.int64], rows: NDArray[np.int64], bins: int
) -> NDArray[np.float64]:
    """ECE (R,) of each resample, a row of `rows` (R, N)."""
    count, n = rows.shape
    offset: NDArray[np.int64] = bins * np.arange(count, dtype=np.int64)
    cell = np.add(bin_of[rows], offset[:, None])
    sums = np.bincount(cell.ravel(), weights=gap[rows].ravel(), minlength=count * bins)
    return np.abs(sums.reshape(count, bins)).sum(axis=1) / n
