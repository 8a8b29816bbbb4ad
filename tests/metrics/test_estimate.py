"""facsim.metrics.estimate: the record, its JSON and its interval."""

import json

import numpy as np
import pytest
from scipy import stats

from facsim.errors import FacsimError
from facsim.metrics import Estimate, centred_from, estimate_from, share_of, spread_over


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


def test_a_centred_interval_holds_a_figure_that_every_resample_exceeds():
    found = centred_from(0.2, np.linspace(0.3, 0.5, 1000), n=10)
    assert (found.low, found.value, found.high) == pytest.approx((0.105, 0.2, 0.295), abs=1e-9)


def test_a_centred_interval_stays_within_its_limits():
    found = centred_from(0.01, np.linspace(0.1, 0.5, 1000), n=10)
    assert found.low == 0.0


def test_a_centred_interval_of_skewed_resamples_is_widened_to_the_figure():
    resampled = np.array([0.0] * 999 + [1000.0])  # the mean lies above the 97.5 % quantile
    found = centred_from(0.5, resampled, n=10)
    assert found.low < found.value == found.high


def test_wilsons_interval_is_scipys():
    expected = stats.binomtest(7, 40).proportion_ci(method="wilson")
    found = share_of(7, 40)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilsons_interval_of_none_has_width():
    found = share_of(0, 20)
    assert found.low == 0.0 and found.high == pytest.approx(0.161, abs=1e-3)


def test_more_than_all_is_refused():
    with pytest.raises(FacsimError, match="from 0 to n"):
        share_of(5, 4)


def test_parts_give_the_standard_error_of_a_mean():
    values = np.random.default_rng(1).normal(0, 3, 4000)
    found = spread_over(
        lambda rows: float(values[rows[0]].mean()), (4000,), rng=np.random.default_rng(0), parts=400, most=500
    )
    assert found.deviation == pytest.approx(3 / np.sqrt(4000), rel=0.12)


def test_too_few_pictures_have_no_spread():
    with pytest.raises(FacsimError, match="at least 4"):
        spread_over(lambda rows: 0.0, (3, 100), rng=np.random.default_rng(0))
