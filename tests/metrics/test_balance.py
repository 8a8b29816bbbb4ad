"""facsim.metrics.balance against cases computed by hand and SciPy."""

import numpy as np
import pytest
from scipy import stats
from scipy.stats import contingency

from facsim.errors import FacsimError
from facsim.metrics import cramers_v, departure, evenness, variation


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_evenness_is_one_where_all_cells_hold_as_many_and_zero_where_one_holds_all():
    assert evenness(np.array([5, 5, 5]), rng=rng()).value == pytest.approx(1.0)
    assert evenness(np.array([15, 0, 0]), rng=rng()).value == pytest.approx(0.0)


def test_evenness_is_scipys_entropy_over_the_largest():
    counts = np.array([40, 7, 12, 1])
    assert evenness(counts, rng=rng()).value == pytest.approx(stats.entropy(counts) / np.log(4), rel=1e-12)


def test_the_interval_of_evenness_holds_it_though_resamples_are_less_even():
    for counts in ([3, 3, 3, 3, 3, 3], [2, 1, 1, 1, 1, 1, 1, 1], [30, 29, 31]):
        found = evenness(np.array(counts), rng=rng())
        assert found.low <= found.value <= found.high
        assert found.high <= 1


def test_total_variation_by_hand():
    # shares 0.5, 0.5, 0 and 0.2, 0.3, 0.5: (0.3 + 0.2 + 0.5) / 2
    assert variation(np.array([5, 5, 0]), np.array([2, 3, 5]), rng=rng()).value == pytest.approx(0.5)


def test_cramers_v_without_its_correction_would_be_scipys():
    table = np.array([[300, 100], [120, 280]])
    n = table.sum()
    plain = contingency.association(table, method="cramer")
    phi = plain**2 - 1 / (n - 1)
    least = 2 - 1 / (n - 1) - 1
    assert cramers_v(table, rng=rng()).value == pytest.approx(np.sqrt(phi / least), rel=1e-9)


def test_cramers_v_is_zero_of_what_is_independent_and_one_of_what_is_the_same():
    assert cramers_v(np.outer([10, 20, 30], [2, 3]), rng=rng()).value == 0.0
    assert cramers_v(np.diag([40, 50, 60]), rng=rng()).value == pytest.approx(1.0, abs=1e-9)


def test_cramers_v_leaves_empty_rows_out():
    table = np.array([[30, 10], [0, 0], [12, 28]])
    assert cramers_v(table, rng=rng()).value == cramers_v(table[[0, 2]], rng=rng()).value


def test_a_class_that_is_like_the_whole_departs_by_chance_alone():
    found = departure(np.array([25, 26, 24]), np.array([250, 250, 250]), rng=rng())
    assert found.p > 0.5
    assert found.variation.value < found.by_chance


def test_a_class_of_one_cell_departs_beyond_chance():
    found = departure(np.array([60, 0, 0]), np.array([260, 250, 250]), rng=rng())
    assert found.variation.value == pytest.approx(1 - 260 / 760)
    assert found.p == pytest.approx(1 / 1001)
    assert found.by_chance < 0.1


def test_a_part_larger_than_the_whole_is_refused():
    with pytest.raises(FacsimError, match="a part of the whole"):
        departure(np.array([5, 5]), np.array([4, 9]), rng=rng())
