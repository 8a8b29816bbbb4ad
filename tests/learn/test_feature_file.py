"""facsim.learn.feature_file: features on disk, row by row."""

from dataclasses import replace

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.learn.data import Pictures
from facsim.learn.extractors import random_extractor
from facsim.learn.feature_file import map_features


def pictures(count: int, size: int = 48) -> Pictures:
    images = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return Pictures(
        images=images,
        targets=np.ones((count, 1), np.float32),
        classes=("unlabelled",),
        ids=tuple(str(row) for row in range(count)),
        hashes=np.arange(count, dtype=np.uint64),
    )


def test_features_are_a_map_of_a_file_and_do_not_depend_on_the_batch(tmp_path):
    held, judge = pictures(10), random_extractor()
    found = map_features(judge, held, tmp_path / "f.npy", batch_size=3)
    assert isinstance(found, np.memmap)
    assert found.shape == (10, judge.width)
    assert np.asarray(found) == pytest.approx(judge.extract(held.images), abs=1e-5)


def test_pictures_of_another_size_are_refused(tmp_path):
    with pytest.raises(FacsimError, match="as random reads them"):
        map_features(random_extractor(), pictures(3, 32), tmp_path / "f.npy")


def test_features_that_are_no_numbers_are_refused(tmp_path):
    broken = replace(random_extractor(), extract=lambda images: np.full((len(images), 256), np.nan, np.float32))
    with pytest.raises(FacsimError, match="no numbers"):
        map_features(broken, pictures(3), tmp_path / "f.npy")
