from dataclasses import replace

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.learn import folds
from facsim.learn.data import Pictures
from facsim.learn.folds import folds_of, out_of_fold
from facsim.learn.training_config import TrainingConfig

CLASSES = ("anger", "fear")


def pictures(n=60, *, identities=None):
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    images = (rng.integers(0, 60, (n, 16, 16)) + 150 * labels[:, None, None]).astype(np.uint8)
    return Pictures(
        images=images,
        targets=np.eye(2, dtype=np.float32)[labels],
        classes=CLASSES,
        ids=tuple(f"{i}.png" for i in range(n)),
        hashes=np.arange(n, dtype=np.uint64) // 2,  # every two are copies
        identities=identities,
    )


def test_copies_and_one_persons_pictures_share_a_fold():
    found = folds_of(pictures(), 3)
    assert np.array_equal(found[::2], found[1::2])
    known = folds_of(pictures(identities=tuple(f"p{i % 10}" for i in range(60))), 3)
    assert all(len(set(known[i::10])) == 1 for i in range(10))
    assert set(found) == set(known) == {0, 1, 2}


def test_a_fold_does_not_depend_on_the_other_pictures():
    whole, half = pictures(60), pictures(60)
    half = replace(half, ids=half.ids[:30], images=half.images[:30], targets=half.targets[:30], hashes=half.hashes[:30])
    assert np.array_equal(folds_of(half, 3), folds_of(whole, 3)[:30])


def test_every_picture_is_judged_by_a_model_that_never_saw_it(tmp_path, monkeypatch):
    seen = []
    original = folds.train

    def noted(held, *args, **options):
        seen.append(set(held.hashes.tolist()))
        return original(held, *args, **options)

    monkeypatch.setattr(folds, "train", noted)
    config = TrainingConfig(
        steps=30, batch_size=16, threads=1, network_config={"widths": (8, 8), "depths": (1, 1)}, ema=0.0
    )
    held = pictures()
    scores = out_of_fold(held, config, folds=2, out=tmp_path)
    fold = folds_of(held, 2)
    assert all(not seen[k] & set(held.hashes[fold == k].tolist()) for k in range(2))
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-4)
    assert (scores.argmax(1) == np.arange(60) % 2).mean() > 0.8


def test_too_many_folds_are_refused():
    with pytest.raises(FacsimError, match="take fewer folds"):
        folds_of(pictures(4), 40)
    with pytest.raises(FacsimError, match="at least 2"):
        folds_of(pictures(), 1)
