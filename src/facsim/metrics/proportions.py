"""Shares of a count, with intervals that hold near 0 and 1: Wilson's.

Wilson 1927, Probable inference, the law of succession, and statistical inference (JASA 22), as in Brown, Cai and
DasGupta 2001, Interval estimation for a binomial proportion, equation 4. It needs no resampling, so it can be asked for
at hundreds of thresholds.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from facsim.errors import FacsimError
from facsim.metrics.estimate import Estimate

__all__ = ["share_of", "wilson_bounds"]


def wilson_bounds(share: float, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Lower and upper bound, each in [0, 1], of Wilson's two-sided interval for a `share` of `n`; NaN where n is 0."""
    if not 0.0 < confidence < 1.0 or not -1e-9 <= share <= 1.0 + 1e-9:
        raise FacsimError(f"found a share of {share} at confidence {confidence}; expected both between 0 and 1")
    if n == 0:
        return math.nan, math.nan
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(max(share * (1 - share), 0.0) / n + z * z / (4 * n * n))
    # at 0 and 1 a bound is the share itself but for rounding
    return (0.0 if share <= 0 else max(0.0, middle - reach), 1.0 if share >= 1 else min(1.0, middle + reach))


def share_of(successes: float, n: int, *, confidence: float = 0.95) -> Estimate:
    """`successes` of `n` as an `Estimate` with Wilson's interval; NaN throughout where n is 0.

    `successes` may be a sum of probabilities: a sum of unlike Bernoulli variables varies less than a binomial one of
    the same mean (Hoeffding 1956, On the distribution of the number of successes in independent trials), so the
    interval is then on the wide side.
    """
    if not 0 <= successes <= n:
        raise FacsimError(f"found {successes} of {n}, expected a count from 0 to n")
    if n == 0:
        return Estimate(value=math.nan, n=0, low=math.nan, high=math.nan)
    low, high = wilson_bounds(successes / n, n, confidence=confidence)
    return Estimate(value=successes / n, n=n, low=low, high=high)
