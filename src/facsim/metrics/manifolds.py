"""How far one set's pictures lie where another's do, and whether they reach all of it: four shares by neighbours.

A set's manifold is the union of balls about its features, each as wide as the distance to the k-th nearest other.

- precision: share of generated pictures within the real manifold; recall: share of real ones within the generated one
  (Kynkäänniemi, Karras, Laine, Lehtinen and Aila 2019, Improved Precision and Recall Metric, equation 2; k = 3);
- density: real balls that a generated picture lies in, over k, on average; coverage: share of real balls with a
  generated picture in them (Naeem, Oh, Uh, Choi and Yoo 2020, Reliable Fidelity and Diversity Metrics, equations 3
  and 4; k = 5). Density may exceed 1.

Precision, recall and coverage are shares of pictures, with Wilson's interval; density a mean, with a bootstrap's. The
other set is taken as it is: the intervals say nothing of another draw of that one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.estimate import Estimate, mean_of
from facsim.metrics.proportions import share_of

__all__ = ["DENSITY_NEIGHBOURS", "MOST_PICTURES", "PRECISION_NEIGHBOURS", "Manifolds", "manifolds"]

PRECISION_NEIGHBOURS = 3
DENSITY_NEIGHBOURS = 5
"""k of the two papers."""

MOST_PICTURES = 10_000
"""Pictures of each set that are compared: as many as Naeem et al. 2020 take; every pair of them is."""

_ROWS_A_TURN, _COLUMNS_A_TURN = 256, 2048  # of a table of distances


@dataclass(frozen=True, kw_only=True)
class Manifolds:
    """The four figures; `n` of precision and density is the generated set's, of recall and coverage the real one's."""

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


def manifolds(
    generated: NDArray[np.float32], real: NDArray[np.float32], *, rng: np.random.Generator, most: int = MOST_PICTURES
) -> Manifolds:
    """The figures of generated features (N, D) and real ones (M, D), at most `most` of each, drawn with `rng`.

    Raises FacsimError where a set has no more than `DENSITY_NEIGHBOURS` pictures.
    """
    if generated.ndim != 2 or real.ndim != 2 or min(len(generated), len(real)) <= DENSITY_NEIGHBOURS:
        found = f"{generated.shape} and {real.shape}"
        raise FacsimError(f"found features {found}, expected (N, D) and (M, D), more than {DENSITY_NEIGHBOURS} each")
    fake, true = _drawn(generated, most, rng), _drawn(real, most, rng)
    of_fake, of_true = _radii(fake, (PRECISION_NEIGHBOURS,)), _radii(true, (PRECISION_NEIGHBOURS, DENSITY_NEIGHBOURS))
    inside, balls = np.zeros(len(fake), dtype=bool), np.zeros(len(fake))
    reached, covered = np.zeros(len(true), dtype=bool), np.zeros(len(true), dtype=bool)
    for rows, apart in _squared(fake, true):
        inside[rows] = (apart <= of_true[0]).any(axis=1)
        within = apart <= of_true[1]
        balls[rows] = within.sum(axis=1) / DENSITY_NEIGHBOURS
        covered |= within.any(axis=0)
        reached |= (apart <= of_fake[0][rows, None]).any(axis=0)
    return Manifolds(
        precision=share_of(int(inside.sum()), len(fake)),
        recall=share_of(int(reached.sum()), len(true)),
        density=mean_of(balls, rng=rng),
        coverage=share_of(int(covered.sum()), len(true)),
    )


def _drawn(features: NDArray[np.float32], most: int, rng: np.random.Generator) -> NDArray[np.float32]:
    rows = np.sort(rng.choice(len(features), size=min(most, len(features)), replace=False))
    return np.asarray(features[rows])


def _radii(features: NDArray[np.float32], neighbours: tuple[int, ...]) -> NDArray[np.float64]:
    """Squared distance to the k-th nearest other row, for each k: (K, N)."""
    found = np.empty((len(neighbours), len(features)))
    for rows, apart in _squared(features, features):
        own = np.arange(len(apart))
        apart[own, rows.start + own] = -1.0  # itself comes first, whatever rounding says
        apart.partition(neighbours, axis=1)
        found[:, rows] = apart[:, list(neighbours)].T
    return found


def _squared(one: NDArray[np.float32], other: NDArray[np.float32]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Squared distances of all rows, a block of rows of `one` at a time: the rows and (rows, M), which may be changed.

    Worked out in float64, into which only what a block needs is converted.
    """
    lengths = _lengths(one), _lengths(other)
    for at in range(0, len(one), _ROWS_A_TURN):
        rows = slice(at, min(at + _ROWS_A_TURN, len(one)))
        apart = lengths[0][rows, None] + lengths[1]
        doubled = 2 * one[rows].astype(np.float64)
        for start in range(0, len(other), _COLUMNS_A_TURN):
            columns = slice(start, start + _COLUMNS_A_TURN)
            apart[:, columns] -= doubled @ other[columns].astype(np.float64).T
        yield rows, np.maximum(apart, 0, out=apart)


def _lengths(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """The squared length of each row (N,)."""
    starts = range(0, len(features), _COLUMNS_A_TURN)
    blocks = (features[at : at + _COLUMNS_A_TURN].astype(np.float64) for at in starts)
    return np.concatenate([np.square(block).sum(axis=1) for block in blocks])
