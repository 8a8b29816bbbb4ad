"""Keys, intensities and wrinkles of the head's action units."""

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.models.action_units import (
    SUPPORTED_AUS,
    check_action_units,
    movement_shares,
    share_of_maximum,
    wrinkle_weights,
)
from facsim.models.motions import MOTIONS


def test_every_supported_au_has_a_motion_and_every_motion_is_supported():
    assert {key.rstrip("LR") for key in SUPPORTED_AUS} == set(MOTIONS)


def test_a_lateral_au_without_its_side_is_answered_with_both_keys():
    with pytest.raises(FacsimError, match='"12L" and "12R"'):
        check_action_units({"12": 3.0})


def test_a_central_au_with_a_side_is_answered_with_its_key():
    with pytest.raises(FacsimError, match='write "17"'):
        check_action_units({"17L": 3.0})


def test_an_unknown_au_is_answered_with_the_nearest():
    with pytest.raises(FacsimError, match="Did you mean"):
        check_action_units({"112L": 3.0})


@pytest.mark.parametrize("intensity", [-0.1, 5.1, float("nan")])
def test_an_intensity_outside_0_to_5_is_refused(intensity):
    with pytest.raises(FacsimError, match="expected 0"):
        check_action_units({"12L": intensity})


def test_absent_aus_are_dropped():
    assert check_action_units({"12L": 0.0, "17": 2}) == {"17": 2.0}


def test_the_intensity_curve_rises_from_0_to_1():
    shares = [share_of_maximum(value) for value in np.linspace(0, 5, 51)]
    assert shares[0] == 0.0 and shares[-1] == 1.0 and np.all(np.diff(shares) > 0)


def test_aus_that_meet_count_as_much_as_the_weaker():
    shares = movement_shares({"1L": 4.0, "4L": 2.0, "1R": 3.0})
    assert shares["1L+4L"] == share_of_maximum(2.0)
    assert "1R+4R" not in shares


def test_no_au_folds_nothing():
    assert set(wrinkle_weights({}).values()) == {0.0}


def test_a_sided_au_folds_its_side_only():
    weights = wrinkle_weights({"12L": 5.0})
    assert weights["nasolabial_left"] > 0.5 and weights["nasolabial_right"] == 0.0


def test_wrinkles_never_pass_1():
    assert max(wrinkle_weights(dict.fromkeys(SUPPORTED_AUS, 5.0)).values()) == 1.0
