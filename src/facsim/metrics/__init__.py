"""Metrics in NumPy: each headline figure is an `Estimate`, a value with its n and a 95 % bootstrap interval."""

from facsim.metrics.calibration import ECE_BINS, ece
from facsim.metrics.classification import (
    Confusion,
    accuracy,
    f1,
    macro_f1,
    precision,
    recall,
    tally,
    uar,
)
from facsim.metrics.estimate import RESAMPLES, Estimate, estimate_from

__all__ = [
    "ECE_BINS",
    "RESAMPLES",
    "Confusion",
    "Estimate",
    "accuracy",
    "ece",
    "estimate_from",
    "f1",
    "macro_f1",
    "precision",
    "recall",
    "tally",
    "uar",
]
