import math

import numpy as np
import pytest
from scipy.stats import binomtest

from facsim.errors import FacsimError
from facsim.metrics import share_of, wilson_bounds


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (5, 5), (3, 7), (81, 263), (1, 1)])
def test_wilsons_interval_is_scipys(successes, n):
    expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    found = share_of(successes, n)
    assert (found.value, found.n) == (successes / n, n)
    assert np.allclose((found.low, found.high), (expected.low, expected.high), atol=1e-12)


def test_a_case_computed_by_hand():
    """10 of 10 with z = 1.96: the lower end is n / (n + z²) = 10 / 13.8415."""
    assert math.isclose(wilson_bounds(1.0, 10)[0], 10 / 13.8415, abs_tol=1e-4)
    assert wilson_bounds(1.0, 10)[1] == 1.0


def test_nothing_counted_is_undefined_not_zero():
    found = share_of(0, 0)
    assert found.n == 0
    assert all(map(math.isnan, (found.value, found.low, found.high)))


def test_a_share_beyond_one_is_refused():
    with pytest.raises(FacsimError, match="between 0 and 1"):
        wilson_bounds(1.5, 10)
