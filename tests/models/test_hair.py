"""The hair's shell hangs on the head and ends where its style says."""

import numpy as np
import pytest

from facsim.models.appearance import Hair
from facsim.models.hair import COLUMNS, ROWS, HairShell, bind_shell, drape_hair, hair_topology
from facsim.models.head import Head, load_head
from facsim.models.locks import LOCK_POINTS, LOCKS

FRONT, NAPE = COLUMNS // 2, 0


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


@pytest.fixture(scope="module")
def shell(head: Head) -> HairShell:
    return bind_shell(head.rest, head.triangles, head.masks["ears"], head.arrays["mirror"])


SHELL = (COLUMNS + 1) * ROWS


def drape(shell: HairShell, head: Head, hair: Hair) -> np.ndarray:
    """(COLUMNS + 1, ROWS, 3): the inner shell on the rest head."""
    points = drape_hair(shell, head.rest, hair, np.random.default_rng(0))
    return points[:SHELL].reshape(COLUMNS + 1, ROWS, 3)


def test_topology_covers_shells_and_locks_once() -> None:
    triangles, strands = hair_topology()
    assert len(triangles) == 4 * COLUMNS * (ROWS - 1) + 2 * LOCKS * (LOCK_POINTS - 1)
    assert len(strands) == 2 * SHELL + 2 * LOCKS * LOCK_POINTS == triangles.max() + 1


def test_the_hair_has_a_point_for_every_vertex(shell: HairShell, head: Head) -> None:
    points = drape_hair(shell, head.rest, Hair(), np.random.default_rng(0))
    assert points.shape == (len(hair_topology()[1]), 3)


def test_hair_on_a_mirrored_head_is_the_mirrored_hair(shell: HairShell, head: Head) -> None:
    plain, other = (
        drape_hair(shell, head.rest, Hair(parting=parting), np.random.default_rng(0), mirrored=mirrored)
        for parting, mirrored in ((0.6, False), (-0.6, True))
    )
    locks = slice(2 * SHELL, None)
    np.testing.assert_allclose(other[locks] * (-1.0, 1.0, 1.0), plain[locks], atol=2e-3)


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
    assert drape(shell, head, Hair(length_dm=2.5, tied="bun"))[:, -1, 1].min() > -1.2


def test_a_ponytail_hangs_behind(shell: HairShell, head: Head) -> None:
    locks = drape_hair(shell, head.rest, Hair(length_dm=2.0, tied="ponytail"), np.random.default_rng(0))[2 * SHELL :]
    low = locks[locks[:, 1] < -0.9]
    assert len(low) > 20
    assert low[:, 2].max() < -0.9


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("length_dm", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("receding", [0.6, 0.95, 1.0])
def test_hair_that_has_receded_to_the_crown_has_a_place(
    shell: HairShell, head: Head, receding: float, length_dm: float
) -> None:
    hair = Hair(receding=receding, length_dm=length_dm, fringe=0.0)
    for seed in range(8):
        assert np.isfinite(drape_hair(shell, head.rest, hair, np.random.default_rng(seed))).all()
