"""facsim.learn.protocols.features: herding draws a set's features to a reference's, and keeps its classes."""

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.learn.protocols.features import fourier_map, herd, mean_embedding


def clouds(count: int = 3000, seed: int = 0):
    """Features (N, 6), half near the reference and half elsewhere; labels; and the reference's features."""
    rng = np.random.default_rng(seed)
    near, far = rng.normal(0, 1, (count // 2, 6)), rng.normal(3, 1, (count // 2, 6))
    features = np.concatenate([near, far]).astype(np.float32)
    return features, np.arange(count) % 3, rng.normal(0, 1, (1000, 6)).astype(np.float32)


def herded(keep: float = 0.5, seed: int = 0):
    features, labels, reference = clouds()
    embed = fourier_map(reference, seed=seed)
    return herd(lambda rows: features[rows], labels, mean_embedding(reference, embed), embed, keep=keep, seed=seed)


def test_the_pictures_taken_lie_as_the_reference_does():
    found = herded()
    assert (found.positions < 1500).mean() > 0.9
    assert found.after < 0.1 * found.before


def test_they_lie_nearer_than_as_many_drawn_at_random():
    features, _, reference = clouds()
    embed = fourier_map(reference, seed=0)
    target = mean_embedding(reference, embed)
    random = mean_embedding(features[np.random.default_rng(1).permutation(3000)[:1500]], embed) - target
    assert herded().after < 0.1 * float(random @ random)


def test_every_class_keeps_its_share():
    _, labels, _ = clouds()
    assert np.bincount(labels[herded(keep=0.3).positions]).tolist() == [300, 300, 300]


def test_the_choice_is_a_function_of_its_seed():
    assert np.array_equal(herded(seed=1).positions, herded(seed=1).positions)
    assert not np.array_equal(herded(seed=1).positions, herded(seed=2).positions)


def test_each_picture_is_taken_once():
    positions = herded(keep=0.9).positions
    assert len(np.unique(positions)) == len(positions) == 2700


def test_the_embedding_is_a_gaussian_kernels():
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(500, 3)).astype(np.float32)
    embed = fourier_map(reference, seed=0, places=20000)
    x, y = reference[:50], reference[50:100]
    apart = ((x / embed.deviations)[:, None] - (y / embed.deviations)[None]) ** 2
    width = 1 / embed.directions.std()
    wanted = np.exp(-apart.sum(axis=2) / (2 * width**2))
    assert np.abs(embed(x) @ embed(y).T - wanted).max() < 0.05


@pytest.mark.parametrize("keep", [0.0, 1.0, 2.0])
def test_all_or_nothing_is_no_choice(keep):
    with pytest.raises(FacsimError, match="between 0 and 1"):
        herded(keep=keep)
