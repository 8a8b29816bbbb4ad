"""The hair's shell hangs on the head and ends where its style says."""

import numpy as np
import pytest

from facsim.models.appearance import Hair
from facsim.models.hair import COLUMNS, ROWS, HairShell, bind_shell, drape_hair, shell_topology
from facsim.models.head import Head, load_head

FRONT, NAPE = COLUMNS // 2, 0


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


@pytest.fixture(scope="module")
def shell(head: Head) -> HairShell:
    return bind_shell(head.rest, head.triangles, head.masks["ears"])


def drape(shell: HairShell, head: Head, hair: Hair) -> np.ndarray:
    """(COLUMNS + 1, ROWS, 3) on the rest head."""
    points = drape_hair(shell, head.rest, hair, np.random.default_rng(0))
    return points.reshape(COLUMNS + 1, ROWS, 3)


def test_topology_covers_the_grid_once() -> None:
    triangles, strands = shell_topology()
    assert len(triangles) == 2 * COLUMNS * (ROWS - 1)
    assert len(strands) == (COLUMNS + 1) * ROWS == triangles.max() + 1


def test_a_shaven_head_has_no_extent(shell: HairShell, head: Head) -> None:
    assert np.ptp(drape(shell, head, Hair(length_dm=0.0))) == 0.0


def test_the_ring_closes_at_the_nape(shell: HairShell, head: Head) -> None:
    grid = drape(shell, head, Hair(length_dm=1.0))
    np.testing.assert_allclose(grid[0], grid[-1], atol=1e-4)


def test_longer_hair_hangs_lower_behind_and_not_over_the_face(shell: HairShell, head: Head) -> None:
    short, long = (drape(shell, head, Hair(length_dm=length)) for length in (0.3, 2.5))
    assert long[NAPE, -1, 1] < short[NAPE, -1, 1] - 1.5
    assert long[FRONT, -1, 1] == pytest.approx(short[FRONT, -1, 1], abs=0.12)


def test_a_fringe_comes_down_the_forehead(shell: HairShell, head: Head) -> None:
    bare, fringed = (drape(shell, head, Hair(fringe=fringe))[FRONT, -1, 1] for fringe in (0.0, 1.0))
    assert fringed < bare - 0.3
    assert fringed > 0.1


def test_receding_hair_ends_higher_in_front(shell: HairShell, head: Head) -> None:
    full, receded = (drape(shell, head, Hair(receding=share))[FRONT, -1, 1] for share in (0.0, 1.0))
    assert receded > full + 0.1


def test_tied_hair_does_not_fall(shell: HairShell, head: Head) -> None:
    assert drape(shell, head, Hair(length_dm=2.5, tied=True))[:, -1, 1].min() > -1.2
