"""Colours and the individual typology angle, against published values."""

import pytest

from facsim.models.appearance import MONK_TONES, individual_typology_angle, linear_from_hex


def test_mid_grey_is_a_fifth_of_white_in_linear_light() -> None:
    assert linear_from_hex("7f7f7f") == pytest.approx((0.2122, 0.2122, 0.2122), abs=1e-4)


def test_ita_falls_along_the_monk_scale() -> None:
    # tone 3 is yellower than 2 and tones 9 and 10 nearly neutral, so only well separated tones are compared
    angles = [individual_typology_angle(linear_from_hex(MONK_TONES[tone])) for tone in (0, 3, 4, 5, 6, 7)]
    assert angles == sorted(angles, reverse=True)


def test_ita_of_a_colour_worked_out_by_hand() -> None:
    # sRGB d7bd96 is L* 77.9, b* 23.9 under D65: atan2(27.9, 23.9) is 49.4 degrees
    assert individual_typology_angle(linear_from_hex("d7bd96")) == pytest.approx(49.4, abs=1.0)
