"""Which pictures make up step s of a training run: a pure function of (targets, balance, seed, step).

Nothing is remembered from one step to the next, so a run that is taken up again draws what an unbroken one would.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.sample import generator_for

__all__ = ["balanced_order", "batches_of", "sampling_weights"]


def sampling_weights(targets: NDArray[np.float32], *, balance: float) -> NDArray[np.float64]:
    """How often each picture is drawn an epoch, float64 (N,) with mean 1, from soft targets (N, C).

    A class of mass m is weighted m ** -balance: 0 draws every picture equally often, 1 every class. A picture with a
    soft target gets the mean over its shares.
    """
    if not 0 <= balance <= 1:
        raise FacsimError(f"found balance = {balance}, expected 0 (as the pictures are) to 1 (all classes as often)")
    mass = targets.sum(axis=0, dtype=np.float64)
    per_class = np.where(mass > 0, np.maximum(mass, 1e-12) ** -balance, 0.0)
    weights = targets.astype(np.float64) @ per_class
    return weights * (len(weights) / weights.sum())


def balanced_order(weights: NDArray[np.float64], *, seed: int, epoch: int, purpose: str = "order") -> NDArray[np.int64]:
    """The N pictures of one epoch, int64 (N,), in the order in which they are drawn; another for each `purpose`.

    Systematic resampling: a picture of weight w comes floor(w) or ceil(w) times, which of the two by chance, so that
    an epoch holds each class as nearly in proportion as whole pictures allow.
    """
    rng = generator_for(f"train/{seed}", f"{purpose}/{epoch}")
    count = len(weights)
    shuffled = rng.permutation(count)
    ends = np.cumsum(weights[shuffled])
    ends[-1] = count  # the sum is N but for rounding
    marks = np.floor(ends + rng.random()).astype(np.int64)
    times = np.diff(np.minimum(marks, count), prepend=0)
    return rng.permutation(np.repeat(shuffled, times))


def batches_of(
    weights: NDArray[np.float64], *, batch_size: int, seed: int, purpose: str = "order"
) -> Callable[[int], NDArray[np.int64]]:
    """A function from a step to its pictures, int64 (batch_size,); batches run on from one epoch into the next."""
    count = len(weights)
    orders: dict[int, NDArray[np.int64]] = {}

    def rows_of_epoch(epoch: int) -> NDArray[np.int64]:
        if epoch not in orders:
            for past in [known for known in orders if known < epoch - 1]:
                del orders[past]
            orders[epoch] = balanced_order(weights, seed=seed, epoch=epoch, purpose=purpose)
        return orders[epoch]

    def rows_of_step(step: int) -> NDArray[np.int64]:
        positions = np.arange(step * batch_size, (step + 1) * batch_size)
        epochs = positions // count
        parts = [rows_of_epoch(int(epoch))[positions[epochs == epoch] % count] for epoch in np.unique(epochs)]
        return np.concatenate(parts)

    return rows_of_step
