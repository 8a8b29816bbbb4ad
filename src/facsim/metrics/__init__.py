"""Metrics in NumPy: each headline figure is an `Estimate`, a value with its n and a 95 % interval."""

from facsim.metrics.balance import Departure, cramers_v, departure, evenness, variation
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
from facsim.metrics.diversity import vendi, vendi_score
from facsim.metrics.estimate import (
    RESAMPLES,
    Estimate,
    Spread,
    centred_from,
    estimate_from,
    mean_of,
    resampled_rows,
    spread_over,
)
from facsim.metrics.frechet import Moments, frechet, frechet_distance, moments_of
from facsim.metrics.groups import LEAST_IN_GROUP, ClassGap, Gap, Group, Groups, measure_groups
from facsim.metrics.kernel_distance import kernel_distance, unbiased_mmd
from facsim.metrics.manifolds import Manifolds, manifolds
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
    "Departure",
    "Difference",
    "Estimate",
    "Gap",
    "Group",
    "Groups",
    "Judged",
    "Manifolds",
    "Moments",
    "PairAgreement",
    "ReliabilityBin",
    "RiskCoverage",
    "RiskPoint",
    "Spread",
    "YieldCurve",
    "YieldPoint",
    "accuracy",
    "agreement_of",
    "brier",
    "centred_from",
    "class_positions",
    "classwise_ece",
    "compare",
    "cramers_v",
    "dawid_skene",
    "departure",
    "ece",
    "estimate_from",
    "evenness",
    "f1",
    "frechet",
    "frechet_distance",
    "kernel_distance",
    "lowest_threshold",
    "macro_f1",
    "manifolds",
    "mcnemar",
    "mean_of",
    "measure_groups",
    "moments_of",
    "nll",
    "precision",
    "recall",
    "reliability",
    "resampled_rows",
    "risk_coverage",
    "share_of",
    "spread_over",
    "tally",
    "uar",
    "unbiased_mmd",
    "variation",
    "vendi",
    "vendi_score",
    "wilson_bounds",
    "yield_curves",
]
