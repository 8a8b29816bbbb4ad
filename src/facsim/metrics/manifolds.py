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

_ROWS_A_TURN = 1024


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
    for at in range(0, len(fake), _ROWS_A_TURN):
        rows = slice(at, at + _ROWS_A_TURN)
        apart = _squared(fake[rows], true)
        inside[rows] = (apart <= of_true[0]).any(axis=1)
        balls[rows] = (apart <= of_true[1]).sum(axis=1) / DENSITY_NEIGHBOURS
        reached |= (apart <= of_fake[0][rows, None]).any(axis=0)
        covered |= (apart <= of_true[1]).any(axis=0)
    return Manifolds(
        precision=share_of(int(inside.sum()), len(fake)),
        recall=share_of(int(reached.sum()), len(true)),
        density=mean_of(balls, rng=rng),
        coverage=share_of(int(covered.sum()), len(true)),
    )


def _drawn(features: NDArray[np.float32], most: int, rng: np.random.Generator) -> NDArray[np.float64]:
    rows = np.sort(rng.choice(len(features), size=min(most, len(features)), replace=False))
    return np.asarray(features[rows], dtype=np.float64)


def _radii(features: NDArray[np.float64], neighbours: tuple[int, ...]) -> NDArray[np.float64]:
    """Squared distance to the k-th nearest other row, for each k: (K, N)."""
    parts: list[NDArray[np.float64]] = []
    for at in range(0, len(features), _ROWS_A_TURN):
        apart = _squared(features[at : at + _ROWS_A_TURN], features)
        own = np.arange(len(apart))
        apart[own, at + own] = -1.0  # itself comes first, whatever rounding says
        nearest = np.partition(apart, neighbours, axis=1)
        parts.append(nearest[:, list(neighbours)].T)
    return np.concatenate(parts, axis=1)


def _squared(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1)
    return np.maximum(lengths - 2 * one @ other.T, 0)
