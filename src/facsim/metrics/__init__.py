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
from facsim.metrics.crowd import Crowd, PairAgreement, agreement_of, dawid_skene
from facsim.metrics.estimate import RESAMPLES, Estimate, estimate_from, mean_of, resampled_rows
from facsim.metrics.groups import LEAST_IN_GROUP, ClassGap, Gap, Group, Groups, measure_groups
from facsim.metrics.proportions import share_of, wilson_bounds
from facsim.metrics.risk import RiskCoverage, RiskPoint, risk_coverage
from facsim.metrics.yields import THRESHOLDS, Judged, YieldCurve, YieldPoint, lowest_threshold, yield_curves

__all__ = [
    "ECE_BINS",
    "HEADLINES",
    "LEAST_IN_GROUP",
    "RESAMPLES",
    "THRESHOLDS",
    "ClassGap",
    "Comparison",
    "Confusion",
    "Crowd",
    "Difference",
    "Estimate",
    "Gap",
    "Group",
    "Groups",
    "Judged",
    "PairAgreement",
    "ReliabilityBin",
    "RiskCoverage",
    "RiskPoint",
    "YieldCurve",
    "YieldPoint",
    "accuracy",
    "agreement_of",
    "brier",
    "class_positions",
    "classwise_ece",
    "compare",
    "dawid_skene",
    "ece",
    "estimate_from",
    "f1",
    "lowest_threshold",
    "macro_f1",
    "mcnemar",
    "mean_of",
    "measure_groups",
    "nll",
    "precision",
    "recall",
    "reliability",
    "resampled_rows",
    "risk_coverage",
    "share_of",
    "tally",
    "uar",
    "wilson_bounds",
    "yield_curves",
]
