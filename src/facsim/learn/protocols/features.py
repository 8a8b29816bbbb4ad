"""A subset of pictures whose features are distributed as others' are.

Two sets are compared by the squared maximum mean discrepancy of a Gaussian kernel (Gretton et al. 2012, eq. 2), the
kernel as the inner product of random Fourier features (Rahimi and Recht 2007): then a set is one mean vector, a picture
one vector, and pictures are taken greedily so that the mean of those taken draws near the reference's (kernel herding,
Chen, Welling and Smola 2010, without replacement). It is done in blocks in a seeded order, so that features of a block
are all that is held of them: cost and memory grow with the set, not with its square.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.sample import generator_for

__all__ = ["FourierMap", "Herded", "fourier_map", "herd", "mean_embedding"]

_BLOCK = 512  # pictures among which the next are chosen
_PLACES = 1024  # random Fourier features: the kernel's error is about 1 / sqrt of it
_SCALE_PAIRS = 2000  # pictures whose distances give the kernel's width

_Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class FourierMap:
    """The map from features (N, D) to random Fourier features (N, M): `sqrt(2 / M) cos(x @ directions + phases)`.

    Features are divided by `deviations` (D,) first, those of the reference.
    """

    deviations: _Floats
    directions: _Floats
    phases: _Floats

    def __call__(self, features: _Floats) -> _Floats:
        """float32 (N, M)."""
        turned = (features / self.deviations) @ self.directions + self.phases
        return (np.sqrt(2 / len(self.phases)) * np.cos(turned)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Herded:
    """Positions taken, ascending, and the squared discrepancy from the reference of all pictures and of those."""

    positions: NDArray[np.int64]
    before: float
    after: float


def fourier_map(reference: _Floats, *, seed: int, places: int = _PLACES) -> FourierMap:
    """The map for a reference's features (N, D): a Gaussian kernel as wide as the median distance between them."""
    rng = generator_for(f"herding/{seed}", "fourier")
    deviations = np.maximum(reference.std(axis=0), 1e-6).astype(np.float32)
    some = rng.choice(len(reference), size=min(len(reference), _SCALE_PAIRS), replace=False)
    held = reference[some] / deviations
    apart = np.linalg.norm(held - held[rng.permutation(len(held))], axis=1)
    width = float(np.median(apart[apart > 0])) if (apart > 0).any() else 1.0
    directions = rng.normal(size=(reference.shape[1], places)) / width
    phases = rng.uniform(0, 2 * np.pi, size=places)
    return FourierMap(deviations=deviations, directions=directions.astype(np.float32), phases=phases.astype(np.float32))


def mean_embedding(features: _Floats, embed: FourierMap) -> NDArray[np.float64]:
    """The mean of the embedded features (M,): two sets' squared discrepancy is their means' squared distance."""
    parts = [embed(features[at : at + _BLOCK]).sum(axis=0, dtype=np.float64) for at in range(0, len(features), _BLOCK)]
    return np.sum(parts, axis=0) / len(features)


def herd(
    features: Callable[[NDArray[np.int64]], _Floats],
    labels: NDArray[np.int64],
    target: NDArray[np.float64],
    embed: FourierMap,
    *,
    keep: float,
    seed: int,
) -> Herded:
    """The share `keep` of pictures whose mean embedding comes near `target` (M,), every class keeping its share.

    `features` gives the features of positions int64 (B,), `labels` int64 (N,) the class of each. Ties go by the seeded
    order.
    """
    if not 0 < keep < 1:
        raise FacsimError(f"found keep = {keep:g}, expected a share between 0 and 1")
    seen, taken = np.zeros(labels.max() + 1, np.int64), np.zeros(labels.max() + 1, np.int64)
    total, sums, chosen = np.zeros_like(target), np.zeros_like(target), list[int]()
    for block in _blocks(len(labels), seed):
        embedded = embed(features(block)).astype(np.float64)
        total += embedded.sum(axis=0)
        seen += np.bincount(labels[block], minlength=len(seen))
        room = np.rint(keep * seen).astype(np.int64) - taken
        for place in _picked(embedded, labels[block], room, sums, len(chosen), target):
            taken[labels[block[place]]] += 1
            sums += embedded[place]
            chosen.append(int(block[place]))
    if not chosen:
        raise FacsimError(f"found {len(labels)} pictures, too few to keep {keep:g} of; keep more")
    before, after = total / len(labels) - target, sums / len(chosen) - target
    return Herded(positions=np.sort(np.array(chosen)), before=float(before @ before), after=float(after @ after))


def _blocks(count: int, seed: int) -> Iterator[NDArray[np.int64]]:
    order = generator_for(f"herding/{seed}", "order").permutation(count)
    for at in range(0, count, _BLOCK):
        yield order[at : at + _BLOCK]


def _picked(
    embedded: NDArray[np.float64],
    labels: NDArray[np.int64],
    room: NDArray[np.int64],
    sums: NDArray[np.float64],
    count: int,
    target: NDArray[np.float64],
) -> Iterator[int]:
    """Positions in the block, one after another: that which brings the mean of all taken nearest to the target.

    |(s + z) / (k + 1) - t|² over z is least where |z|² + 2 z·(s - (k + 1) t) is; s changes with each that is taken.
    """
    room, sums = room.copy(), sums.copy()
    free = np.ones(len(labels), bool)
    lengths, along = (embedded**2).sum(axis=1), embedded @ target
    with_sums = embedded @ sums
    while (open_ := free & (room[labels] > 0)).any():
        cost = np.where(open_, lengths + 2 * (with_sums - (count + 1) * along), np.inf)
        place = int(cost.argmin())
        yield place
        free[place], count = False, count + 1
        room[labels[place]] -= 1
        with_sums += embedded @ embedded[place]
