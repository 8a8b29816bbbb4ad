"""facsim.metrics.manifolds against a case computed by hand and scikit-learn's neighbours."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from facsim.errors import FacsimError
from facsim.metrics import manifolds


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def by_definition(fake: np.ndarray, real: np.ndarray) -> dict[str, float]:
    def radii(points: np.ndarray, k: int) -> np.ndarray:
        return NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points)[0][:, k]

    apart = np.linalg.norm(fake[:, None] - real[None], axis=2)
    within3, within5 = (apart <= radii(real, k)[None] + 1e-9 for k in (3, 5))
    return {
        "precision": within3.any(axis=1).mean(),
        "recall": (apart <= radii(fake, 3)[:, None] + 1e-9).any(axis=0).mean(),
        "density": within5.sum() / 5 / len(fake),
        "coverage": within5.any(axis=0).mean(),
    }


def test_all_four_figures_by_hand():
    # real: 0 … 9; a 3rd neighbour lies 2 away (3 at the ends), a 5th 3 (4 or 5 at the ends).
    # generated: 4.4 six times and 100. 4.4 lies in the 5-balls of 2 … 7 (6 of them) and of 1 (radius 4, 3.4 away),
    # of 0 (radius 5) and of 8 (radius 4) and 9 (radius 5): all ten. 100 lies in none.
    real = np.arange(10, dtype=np.float32)[:, None]
    fake = np.array([[4.4]] * 6 + [[100.0]], dtype=np.float32)
    found = manifolds(fake, real, rng=rng())
    assert found.precision.value == pytest.approx(6 / 7)
    assert found.density.value == pytest.approx(6 * 10 / 5 / 7)
    assert found.coverage.value == 1.0
    # of the generated, 100's ball reaches 95.6: down to 4.4
    assert found.recall.value == 0.5


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_the_figures_agree_with_scikit_learns_neighbours(shift):
    fake, real = rng(1).normal(shift, 1, size=(80, 4)), rng(2).normal(size=(120, 4))
    found = manifolds(fake.astype(np.float32), real.astype(np.float32), rng=rng())
    for name, expected in by_definition(fake, real).items():
        assert getattr(found, name).value == pytest.approx(expected, abs=1e-9), name


def test_a_collapsed_set_is_precise_and_covers_little():
    real = rng(2).normal(size=(300, 4)).astype(np.float32)
    fake = (real[:1] + 0.01 * rng(3).normal(size=(300, 4))).astype(np.float32)
    found = manifolds(fake, real, rng=rng())
    assert found.precision.value > 0.95
    assert found.coverage.value < 0.1


def test_larger_sets_are_drawn_from_and_say_how_many():
    found = manifolds(rng(1).normal(size=(90, 2)), rng(2).normal(size=(70, 2)), rng=rng(), most=50)
    assert (found.precision.n, found.recall.n) == (50, 50)


def test_too_few_pictures_are_refused():
    with pytest.raises(FacsimError, match="more than 5 each"):
        manifolds(np.zeros((5, 2), np.float32), np.zeros((9, 2), np.float32), rng=rng())
