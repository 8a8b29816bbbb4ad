"""Out-of-fold scores: every picture judged by a model that was trained on all folds but its own.

A picture's fold is a hash of who is shown, where that is known, else of its pixels: copies and one person's pictures
share a fold, and no model has seen what it judges. Each fold's training can be stopped and goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.learn.data import Pictures, take
from facsim.learn.evaluate import ordered_scores
from facsim.learn.predict import predict
from facsim.learn.train import train
from facsim.learn.training_config import TrainingConfig

__all__ = ["folds_of", "out_of_fold"]


def folds_of(pictures: Pictures, count: int) -> NDArray[np.int64]:
    """The fold (0 to `count` - 1) of each picture: int64 (N,). Raises FacsimError where one would be empty."""
    if count < 2:
        raise FacsimError(f"found {count} folds, expected at least 2")
    identities = pictures.identities or (None,) * len(pictures)
    keys = [who or f"{pixels:016x}" for who, pixels in zip(identities, pictures.hashes.tolist(), strict=True)]
    folds = np.array([_fold(key, count) for key in keys], dtype=np.int64)
    if empty := sorted(set(range(count)) - set(folds.tolist())):
        raise FacsimError(f"fold {empty[0]} of {count} is empty: {len(set(keys))} people or pictures; take fewer folds")
    return folds


def _fold(key: str, count: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"fold/{key}".encode(), digest_size=8).digest(), "big") % count


def out_of_fold(
    pictures: Pictures,
    config: TrainingConfig,
    *,
    folds: int,
    out: str | Path,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float32]:
    """Scores float32 (N, C) over the pictures' classes, each row of a model that saw neither it nor a copy of it.

    Models lie in `out`/fold-0 and so on; `on_step` hears of steps done of all. Raises as `facsim.learn.train.train`.
    """
    fold = folds_of(pictures, folds)
    scores = np.zeros((len(pictures), len(pictures.classes)), dtype=np.float32)
    for held in range(folds):
        theirs = fold == held
        seen = ~theirs & ~np.isin(pictures.hashes, pictures.hashes[theirs])

        def told(step: int, total: int, rate: float, loss: float, held: int = held) -> None:
            on_step(held * total + step, folds * total)

        settings = replace(config, validation="none")
        model = train(take(pictures, seen), settings, out=Path(out) / f"fold-{held}", on_progress=told)
        judged = take(pictures, theirs)
        scores[theirs] = ordered_scores(predict(model.classifier, judged), judged, model.classifier.classes)
    return scores
