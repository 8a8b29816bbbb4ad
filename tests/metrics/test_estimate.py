"""facsim.metrics.estimate: the record, its JSON and its interval."""

import json

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.metrics import Estimate, estimate_from


def test_json_has_exactly_the_four_keys():
    shown = Estimate(value=0.5, n=10, low=0.4, high=0.6).to_json()
    assert json.loads(json.dumps(shown)) == {"value": 0.5, "n": 10, "low": 0.4, "high": 0.6}


def test_an_undefined_value_is_null_in_json():
    assert Estimate(value=float("nan"), n=0, low=0.0, high=0.0).to_json()["value"] is None


def test_interval_is_the_central_95_per_cent():
    estimate = estimate_from(0.5, np.linspace(0, 1, 1001), n=7)
    assert (estimate.low, estimate.high) == pytest.approx((0.025, 0.975))


def test_no_resamples_are_refused():
    with pytest.raises(FacsimError, match="at least one"):
        estimate_from(0.5, np.empty(0), n=7)


def test_resamples_in_which_a_figure_is_undefined_are_left_out():
    assert estimate_from(0.5, np.array([np.nan, 0.4, 0.4, np.nan]), n=7).low == pytest.approx(0.4)


def test_a_figure_that_is_nowhere_defined_has_no_bounds():
    assert estimate_from(float("nan"), np.full(5, np.nan), n=7).to_json()["low"] is None
