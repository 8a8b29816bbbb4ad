import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.metrics import risk_coverage


def curve(confidence, correct, **options):
    return risk_coverage(np.array(confidence, float), np.array(correct), rng=np.random.default_rng(0), **options)


def test_a_case_computed_by_hand():
    """Errors among the first 1, 2, 3, 4: 0, 0, 1, 2; the area is (0 + 0 + 1/3 + 2/4) / 4."""
    found = curve([0.9, 0.8, 0.7, 0.6], [True, True, False, False])
    assert [(round(p.coverage, 2), round(p.risk.value, 4)) for p in found.points] == [
        (0.25, 0.0), (0.5, 0.0), (0.75, 0.3333), (1.0, 0.5),
    ]  # fmt: skip
    assert found.aurc.value == pytest.approx((1 / 3 + 2 / 4) / 4)
    assert (found.full.value, found.full.n) == (0.5, 4)
    assert found.aurc.low <= found.aurc.value <= found.aurc.high


def test_equal_confidences_come_in_together():
    found = curve([0.5, 0.5, 0.5, 0.5], [True, False, True, False])
    assert len(found.points) == 1
    assert found.aurc.value == 0.5


def test_the_order_of_the_pictures_does_not_matter():
    rng = np.random.default_rng(1)
    confidence, correct = rng.random(200).round(2), rng.random(200) < 0.7
    order = rng.permutation(200)
    one, other = curve(confidence, correct, resamples=1), curve(confidence[order], correct[order], resamples=1)
    assert one.points == other.points
    assert one.aurc.value == pytest.approx(other.aurc.value)


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    found = curve(np.linspace(0, 1, 5000), np.ones(5000, bool), resamples=2)
    assert len(found.points) <= 100
    assert found.points[-1].coverage == 1.0
    assert found.points[0].confidence == 1.0


def test_a_confidence_that_is_no_number_is_refused():
    with pytest.raises(FacsimError, match="not finite"):
        curve([np.nan, 0.5], [True, True])
