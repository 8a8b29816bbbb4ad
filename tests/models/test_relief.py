"""How far out skin stands near places."""

import numpy as np
import pytest

from facsim.models.relief import carve_relief


@pytest.mark.parametrize(("fall", "width"), [(1.4, 1.0), (3.0, 0.7)])
@pytest.mark.parametrize("radius", [0.01, 0.045, 0.5])
def test_a_place_reaches_as_high_as_when_every_point_is_measured(fall: float, width: float, radius: float) -> None:
    generator = np.random.default_rng(1)
    skin, (x, y) = generator.uniform(-2.5, 1.0, (900, 3)), generator.uniform(-2.5, 1.0, (2, 60))
    gap = np.hypot(np.abs(x[:, None] - skin[:, 0]) * width, y[:, None] - skin[:, 1])
    every = (skin[:, 2] - fall * np.maximum(gap - radius, 0.0)).max(axis=1)
    assert (carve_relief(skin, fall=fall, width=width).reach(x, y, radius) == every).all()


def test_points_within_the_radius_count_in_full_and_others_fall_off() -> None:
    relief = carve_relief(np.array([[0.0, 0.0, 1.0]]), fall=2.0)
    found = relief.reach(np.array([0.05, 0.6]), np.zeros(2), 0.1)
    assert found == pytest.approx([1.0, 1.0 - 2.0 * 0.5])
