"""facsim.learn.protocols.curves and worth: crossings and power laws, by hand."""

import math

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.learn.protocols.curves import crossing, fit_power_law
from facsim.learn.protocols.measuring import Calls
from facsim.learn.protocols.worth import _worth

SIZES = [100.0, 1000.0, 10000.0]


def test_a_crossing_is_interpolated_in_the_logarithm_of_the_size():
    assert crossing(SIZES, [0.2, 0.4, 0.6], 0.3) == pytest.approx(10**2.5)
    assert crossing(SIZES, [0.2, 0.4, 0.6], 0.4) == pytest.approx(1000)


def test_beyond_the_sizes_nothing_is_told_as_a_number():
    assert crossing(SIZES, [0.2, 0.4, 0.6], 0.61) == math.inf
    assert crossing(SIZES, [0.2, 0.4, 0.6], 0.2) == 0


def test_where_a_curve_falls_again_its_first_reaching_counts():
    assert crossing(SIZES, [0.2, 0.5, 0.4], 0.45) < 1000


def test_one_size_is_no_curve():
    with pytest.raises(FacsimError, match="at least two"):
        crossing([100], [0.2], 0.1)


def test_a_power_law_is_found_again():
    sizes = [100, 300, 1000, 3000, 10000, 30000]
    law = fit_power_law(sizes, [0.8 - 2.0 * n**-0.3 for n in sizes])
    assert law.ceiling == pytest.approx(0.8, abs=0.01) and law.rate == pytest.approx(0.3, abs=0.02)
    assert law.error < 1e-3
    assert law.size_for(law.at(5000)) == pytest.approx(5000)
    assert law.size_for(0.9) == math.inf


def test_a_law_keeps_within_what_a_score_can_be():
    assert fit_power_law([100, 200, 400, 800], [0.5, 0.6, 0.7, 0.8]).ceiling <= 1
    falling = fit_power_law([100, 200, 400, 800], [0.8, 0.7, 0.6, 0.5])
    assert falling.span == 0 and falling.ceiling == pytest.approx(0.65)


def test_three_sizes_are_too_few_for_a_law():
    assert fit_power_law(SIZES, [0.2, 0.4, 0.6]) is None


def row(right: float, seeds: int = 2, n: int = 2000) -> Calls:
    truth = np.arange(n) % 2
    rng = np.random.default_rng(round(right * 1000))
    called = np.where(rng.random((seeds, n)) < right, truth, 1 - truth)
    return Calls(
        row=f"{right}",
        test="t",
        classes=("fear", "anger"),
        truth=truth,
        called=called,
        seeds=tuple(range(seeds)),
        seen=(None,) * seeds,
    )


def test_a_set_is_worth_the_size_at_which_the_curve_reaches_it():
    found = _worth("renders", row(0.7), [row(0.6), row(0.8)], [100.0, 10000.0], "accuracy")
    assert found.bound == "" and found.low < 1000 < found.high
    assert found.value == pytest.approx(1000, rel=0.35)


def test_a_set_above_the_curve_is_worth_more_than_its_largest_size():
    found = _worth("renders", row(0.9), [row(0.6), row(0.7)], [100.0, 10000.0], "accuracy")
    assert (found.bound, found.value, found.high) == ("more", 10000.0, None)
    assert "more than 10,000 real pictures" in found.text


def test_a_set_below_the_curve_is_worth_fewer_than_its_smallest_size():
    found = _worth("renders", row(0.5), [row(0.6), row(0.7)], [100.0, 10000.0], "accuracy")
    assert (found.bound, found.value, found.low) == ("less", 100.0, None)


def test_the_interval_widens_with_what_seeds_differ_by():
    steady = _worth("renders", row(0.7), [row(0.6), row(0.8)], [100.0, 10000.0], "accuracy")
    shaken = row(0.7)
    called = np.stack([row(0.64).called[0], row(0.76).called[0]])
    unsteady = _worth(
        "renders",
        Calls(**{**vars(shaken), "called": called}),
        [row(0.6), row(0.8)],
        [100.0, 10000.0],
        "accuracy",
    )
    assert unsteady.high / unsteady.low > 1.5 * steady.high / steady.low
