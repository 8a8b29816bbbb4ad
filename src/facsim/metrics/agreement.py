"""How well several ratings of the same things agree: the intraclass correlation that action units are reported with.

Shrout and Fleiss 1979, Intraclass correlations, case 3: the raters are the only ones of interest, one rating each,
ICC(3,1). It asks for consistency: a rater who is a constant above another agrees with him wholly (McGraw and Wong 1996
call it ICC(C,1)). Unlike Pearson's r, a rater who spreads half as wide does not.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

from facsim.errors import FacsimError
from facsim.metrics.estimate import Estimate

__all__ = ["icc_3_1"]


def icc_3_1(ratings: NDArray[np.floating], *, confidence: float = 0.95) -> Estimate:
    """ICC(3,1), -1 to 1, of `ratings` (N, K): N things, each rated by the same K raters, N and K 2 or more.

    (BMS - EMS) / (BMS + (K - 1) EMS) of the mean squares between things and of the error (Shrout and Fleiss 1979, p.
    423). The interval is theirs, from the F distribution, so it takes errors to be normal; it is no bootstrap. NaN
    where nothing varies. Raises FacsimError for another shape or values that are not finite.
    """
    found = np.asarray(ratings, dtype=np.float64)
    if found.ndim != 2 or min(found.shape) < 2 or not np.isfinite(found).all():
        raise FacsimError(f"found ratings of shape {found.shape}, expected finite numbers (N, K), N and K 2 or more")
    count, raters = found.shape
    between, error = _mean_squares(found)
    if between + error == 0:
        return Estimate(value=math.nan, n=count, low=math.nan, high=math.nan)
    value = (between - error) / (between + (raters - 1) * error)
    if error == 0:
        return Estimate(value=value, n=count, low=value, high=value)
    freedom = (count - 1, (count - 1) * (raters - 1))
    tail, ratio = (1 + confidence) / 2, between / error
    quantile = cast(Any, stats.f).ppf
    low = ratio / float(quantile(tail, *freedom))
    high = ratio * float(quantile(tail, freedom[1], freedom[0]))
    bounds = [(bound - 1) / (bound + raters - 1) for bound in (low, high)]
    return Estimate(value=float(value), n=count, low=bounds[0], high=bounds[1])


def _mean_squares(ratings: NDArray[np.float64]) -> tuple[float, float]:
    """Between the things, and of what neither things nor raters explain."""
    count, raters = ratings.shape
    things = ratings.mean(axis=1, keepdims=True)
    rest = ratings - things - ratings.mean(axis=0, keepdims=True) + ratings.mean()
    between = raters * float(((things - ratings.mean()) ** 2).sum()) / (count - 1)
    return between, float((rest**2).sum()) / ((count - 1) * (raters - 1))
