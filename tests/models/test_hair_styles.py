"""Hair goes under hats and scarves."""

from dataclasses import replace

import numpy as np
import pytest

from facsim.models.appearance import Hair
from facsim.models.hair import HairShell, bind_shell, drape_hair
from facsim.models.hair_styles import BRIM_HEIGHT, PRESSED_LIFT_DM, hide_hair, tuck_hair
from facsim.models.head import Head, load_head

BUSHY = Hair(length_dm=1.5, lift_dm=0.4, curl=0.9, fringe=0.8)


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


@pytest.fixture(scope="module")
def shell(head: Head) -> HairShell:
    return bind_shell(head.rest, head.triangles, head.masks["ears"])


def drape(shell: HairShell, head: Head, hair: Hair) -> np.ndarray:
    return drape_hair(shell, head.rest, hair, np.random.default_rng(0))


def test_tucked_hair_lies_flat_above_the_brim_and_still_hangs_below(shell: HairShell, head: Head) -> None:
    points = drape(shell, head, tuck_hair(BUSHY))
    scalp = drape(shell, head, tuck_hair(replace(BUSHY, lift_dm=0.0, curl=0.0)))
    above = scalp[:, 1] > BRIM_HEIGHT
    assert np.linalg.norm(points - scalp, axis=1)[above].max() < PRESSED_LIFT_DM + 0.02
    assert points[:, 1].min() < -1.0


def test_hidden_hair_has_no_extent(shell: HairShell, head: Head) -> None:
    assert np.ptp(drape(shell, head, hide_hair(BUSHY))) == 0.0
