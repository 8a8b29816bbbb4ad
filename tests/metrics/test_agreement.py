"""ICC(3,1) against the table that Shrout and Fleiss published, a case by hand, and what it must and must not ignore."""

import math

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.metrics.agreement import icc_3_1

SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
"""Their table 2: six targets, four judges."""


def test_icc_equals_the_published_example() -> None:
    # table 4 gives .71; table 3 the mean squares 11.24 and 1.02
    assert icc_3_1(SHROUT_FLEISS).value == pytest.approx((11.2417 - 1.0194) / (11.2417 + 3 * 1.0194), abs=1e-4)


def test_interval_equals_that_of_the_published_example() -> None:
    found = icc_3_1(SHROUT_FLEISS)  # R's psych::ICC prints 0.34 and 0.95 for this table
    assert (round(found.low, 2), round(found.high, 2)) == (0.34, 0.95)


def test_icc_of_three_things_computed_by_hand() -> None:
    # rows 1 1, 2 3, 3 2: BMS = 2 (1 + 0.25 + 0.25) / 2 = 1.5, EMS = 1 / 2, (1.5 - 0.5) / (1.5 + 0.5) = 0.5
    assert icc_3_1(np.array([[1.0, 1.0], [2.0, 3.0], [3.0, 2.0]])).value == pytest.approx(0.5)


def test_a_constant_offset_between_raters_does_not_count() -> None:
    assert icc_3_1(np.array([[1.0, 3.0], [2.0, 4.0], [4.0, 6.0]])).value == pytest.approx(1.0)


def test_a_rater_who_spreads_half_as_wide_does_not_agree_wholly() -> None:
    assert icc_3_1(np.array([[0.0, 0.0], [2.0, 1.0], [4.0, 2.0]])).value == pytest.approx(0.8)


def test_nothing_that_varies_has_no_icc() -> None:
    assert math.isnan(icc_3_1(np.ones((4, 2))).value)


@pytest.mark.parametrize("ratings", [np.ones(4), np.ones((1, 2)), np.ones((4, 1)), np.array([[1.0, np.nan], [1, 2]])])
def test_other_shapes_and_gaps_are_refused(ratings: np.ndarray) -> None:
    with pytest.raises(FacsimError, match="expected finite numbers"):
        icc_3_1(ratings)
