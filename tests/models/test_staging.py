"""Lights by name: each of them is one, and the shares have not moved."""

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.models.staging import LIGHT_KINDS, sample_light, white_light


@pytest.mark.parametrize("kind", LIGHT_KINDS)
def test_a_light_of_each_kind_can_be_drawn(kind):
    light, background = sample_light(np.random.default_rng(3), kind=kind)
    assert max(*light.key.colour, *light.rim.colour, *light.ambient.above) > 0.0
    assert min(background.near) >= 0.0


def test_an_unknown_light_is_answered_with_the_nearest():
    with pytest.raises(FacsimError, match='Did you mean "window"'):
        sample_light(np.random.default_rng(3), kind="windov")


def test_low_colour_temperatures_are_warm():
    warm, cool = white_light(2800.0), white_light(9000.0)
    assert warm[0] / warm[2] > 1.0 > cool[0] / cool[2]
