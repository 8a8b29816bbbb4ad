"""Metrics in NumPy: each headline figure is an `Estimate`, a value with its n and a 95 % bootstrap interval."""

from facsim.metrics.calibration import ECE_BINS, ReliabilityBin, brier, classwise_ece, ece, nll, reliability
from facsim.metrics.classification import (
    HEADLINES,
    Confusion,
    accuracy,
    class_positions,
    f1,
    macro_f1,
    precision,
    recall,
    tally,
    uar,
)
from facsim.metrics.comparison import Comparison, Difference, compare, mcnemar
from facsim.metrics.estimate import RESAMPLES, Estimate, estimate_from, mean_of, resampled_rows
from facsim.metrics.groups import LEAST_IN_GROUP, ClassGap, Gap, Group, Groups, measure_groups

__all__ = [
    "ECE_BINS",
    "HEADLINES",
    "LEAST_IN_GROUP",
    "RESAMPLES",
    "ClassGap",
    "Comparison",
    "Confusion",
    "Difference",
    "Estimate",
    "Gap",
    "Group",
    "Groups",
    "ReliabilityBin",
    "accuracy",
    "brier",
    "class_positions",
    "classwise_ece",
    "compare",
    "ece",
    "estimate_from",
    "f1",
    "macro_f1",
    "mcnemar",
    "mean_of",
    "measure_groups",
    "nll",
    "precision",
    "recall",
    "reliability",
    "resampled_rows",
    "tally",
    "uar",
]
