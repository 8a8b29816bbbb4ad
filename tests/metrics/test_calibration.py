"""facsim.metrics.calibration against cases computed by hand and against scikit-learn's calibration curve."""

import time

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from facsim.errors import FacsimError
from facsim.metrics import ece


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_ece_of_the_hand_computed_case():
    # (0, 0.5] holds 0.5 (right) and 0.4 (wrong): |1 - 0.9| / 4; (0.5, 1] holds 0.9 and 0.8 (both right): 0.3 / 4.
    confidence, correct = np.array([0.5, 0.4, 0.9, 0.8]), np.array([True, False, True, True])
    assert ece(confidence, correct, rng=rng(), bins=2).value == pytest.approx(0.1, abs=1e-12)


def test_a_sure_and_always_right_classifier_has_no_error():
    assert ece(np.ones(50), np.ones(50, dtype=bool), rng=rng()).value == 0.0


def test_ece_agrees_with_the_calibration_curve_of_scikit_learn():
    confidence = rng().uniform(0.2, 0.999, 4000)
    correct = rng().random(4000) < confidence**2
    accuracies, means = calibration_curve(correct, confidence, n_bins=15, strategy="uniform")
    counts = np.histogram(confidence, bins=np.linspace(0, 1, 16))[0]
    expected = np.sum(counts[counts > 0] / 4000 * np.abs(accuracies - means))
    assert ece(confidence, correct, rng=rng()).value == pytest.approx(expected, abs=1e-9)


def test_resampling_in_parts_gives_the_same_interval(monkeypatch: pytest.MonkeyPatch):
    confidence = rng().uniform(0.2, 1.0, 500)
    correct = rng().random(500) < 0.7
    whole = ece(confidence, correct, rng=rng())
    monkeypatch.setattr("facsim.metrics.estimate._DRAWS_AT_ONCE", 1700)
    assert ece(confidence, correct, rng=rng()) == whole


def test_3589_pictures_take_well_under_a_second():
    confidence = rng().uniform(0.2, 1.0, 3589)
    start = time.perf_counter()
    ece(confidence, confidence > 0.5, rng=rng())
    assert time.perf_counter() - start < 0.8


def test_logits_are_refused():
    with pytest.raises(FacsimError, match="not logits"):
        ece(np.array([3.2, -1.0]), np.array([True, False]), rng=rng())


def test_shapes_that_differ_are_refused():
    with pytest.raises(FacsimError, match="equal shapes"):
        ece(np.array([0.2]), np.array([True, False]), rng=rng())
