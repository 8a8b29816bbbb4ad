"""The tile that hair is cut from."""

import numpy as np

from facsim.models.strand_field import TILE, build_field


def test_ranks_are_spread_evenly() -> None:
    for tile in build_field():
        assert tile.shape == (TILE, TILE)
        np.testing.assert_allclose(np.quantile(tile, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.01)


def test_strands_run_along_and_coils_run_nowhere() -> None:
    strands, coils = ([np.abs(np.diff(tile, axis=axis)).mean() for axis in (0, 1)] for tile in build_field())
    assert strands[1] > 4.0 * strands[0]
    assert 0.8 < coils[0] / coils[1] < 1.25


def test_tiles_repeat_without_a_seam() -> None:
    tile = build_field()[0]
    assert np.abs(tile[-1] - tile[0]).mean() < 2.0 * np.abs(np.diff(tile, axis=0)).mean()
