"""facsim.metrics.diversity against cases computed by hand and the similarity matrix itself."""

import numpy as np
import pytest

from facsim.metrics import vendi, vendi_score


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_pictures_that_are_all_unlike_count_each():
    assert vendi_score(np.eye(6, dtype=np.float32)) == pytest.approx(6.0)


def test_copies_count_once():
    assert vendi_score(np.repeat(np.eye(3, dtype=np.float32), 50, axis=0)) == pytest.approx(3.0)


def test_the_score_is_that_of_the_similarity_matrix():
    features = rng().normal(size=(40, 7)).astype(np.float32)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(unit @ unit.T / 40)
    values = values[values > 1e-9]
    assert vendi_score(features) == pytest.approx(np.exp(-(values * np.log(values)).sum()), rel=1e-5)


def test_about_a_centre_a_common_offset_does_not_matter():
    features = rng().normal(size=(60, 5)).astype(np.float64)
    moved = (features + 20).astype(np.float32)
    expected = vendi_score(features.astype(np.float32), features.mean(axis=0))
    assert vendi_score(moved, moved.astype(np.float64).mean(axis=0)) == pytest.approx(expected, rel=1e-3)


def test_the_interval_holds_the_score():
    found = vendi(rng().normal(size=(200, 8)).astype(np.float32), rng=rng())
    assert 1 <= found.low < found.value < found.high
    assert found.n == 200
