"""How evenly a set is spread over cells, and how far one spread is from another: counts in, figures out.

Counts are of pictures, each in one cell. Intervals of figures that grow or shrink with the noise of counts are
centred bootstraps (`facsim.metrics.estimate.centred_from`), one multinomial draw over the cells being one resample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.estimate import RESAMPLES, Estimate, centred_from

__all__ = ["Departure", "cramers_v", "departure", "evenness", "variation"]

_Counts = NDArray[np.int64]


def evenness(counts: _Counts, *, rng: np.random.Generator, resamples: int = RESAMPLES) -> Estimate:
    """Entropy of counts (K,), K > 1, over log K: 1 where all cells hold as many, 0 where one holds all.

    Pielou 1966, The measurement of diversity in different types of biological collections, equation 6.
    """
    _check(counts, 1)
    if counts.size < 2:
        raise FacsimError("found one cell, expected at least two: one cell has no evenness")
    return _resampled(counts, _evenness, rng, resamples)


def variation(one: _Counts, other: _Counts, *, rng: np.random.Generator, resamples: int = RESAMPLES) -> Estimate:
    """Total variation, in [0, 1], of the shares of counts (K,) and (K,): half the sum of their absolute differences.

    It is the least share of pictures that would have to be in other cells. Both sets are resampled.
    """
    _check(one, 1)
    _check(other, 1)
    if one.shape != other.shape:
        raise FacsimError(f"found {one.size} and {other.size} cells, expected as many of each, in one order")
    drawn = [rng.multinomial(held.sum(), held / held.sum(), size=resamples) for held in (one, other)]
    value = float(_variation(one[None], other[None])[0])
    return centred_from(value, _variation(*drawn), n=int(one.sum()))


@dataclass(frozen=True, kw_only=True)
class Departure:
    """How far some pictures' shares of cells are from all pictures': total variation, what chance alone would give on
    average for as many pictures, and how often chance gives as much (`p`)."""

    variation: Estimate
    by_chance: float
    p: float


def departure(part: _Counts, whole: _Counts, *, rng: np.random.Generator, resamples: int = RESAMPLES) -> Departure:
    """The departure of counts `part` (K,) from the shares of `whole` (K,), of which they are a part."""
    _check(part, 1)
    _check(whole, 1)
    if part.shape != whole.shape or (part > whole).any():
        raise FacsimError(f"found counts {part.tolist()} of {whole.tolist()}, expected a part of the whole")
    n = int(part.sum())
    value = float(_variation(part[None], whole[None])[0])
    drawn = _variation(rng.multinomial(n, part / n, size=resamples), whole[None])
    # dealt out without replacement: a class that is most of the set cannot depart much
    chance = _variation(rng.multivariate_hypergeometric(whole, n, size=resamples), whole[None])
    return Departure(
        variation=centred_from(value, drawn, n=n),
        by_chance=float(chance.mean()),
        p=float(((chance >= value - 1e-12).sum() + 1) / (resamples + 1)),
    )


def cramers_v(table: _Counts, *, rng: np.random.Generator, resamples: int = RESAMPLES) -> Estimate:
    """How strongly rows and columns of counts (R, C) depend on each other: 0 not at all, 1 wholly.

    With Bergsma's correction of its bias (2013, A bias-correction for Cramér's V and Tschuprow's T, equations 4 to 6).
    Rows and columns without pictures are left out; with fewer than two of either left it is 0.
    """
    _check(table, 2)
    held = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    drawn = rng.multinomial(held.sum(), (held / held.sum()).ravel(), size=resamples).reshape(resamples, *held.shape)
    return centred_from(float(_association(held[None])[0]), _association(drawn), n=int(held.sum()))


def _resampled(
    counts: _Counts, figure: Callable[[_Counts], NDArray[np.float64]], rng: np.random.Generator, resamples: int
) -> Estimate:
    drawn = rng.multinomial(counts.sum(), counts / counts.sum(), size=resamples)
    return centred_from(float(figure(counts[None])[0]), figure(drawn), n=int(counts.sum()))


def _evenness(counts: _Counts) -> NDArray[np.float64]:
    """Of counts (R, K): (R,)."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    logs = np.log(np.where(shares > 0, shares, 1))
    return -(shares * logs).sum(axis=1) / np.log(counts.shape[1])


def _variation(one: _Counts, other: _Counts) -> NDArray[np.float64]:
    """Of counts (R, K) and (R or 1, K): (R,)."""
    shares = [held / held.sum(axis=1, keepdims=True) for held in (one, other)]
    return np.abs(shares[0] - shares[1]).sum(axis=1) / 2


def _association(tables: _Counts) -> NDArray[np.float64]:
    """Of tables (T, R, C): (T,)."""
    n = tables.sum(axis=(1, 2))
    rows, columns = tables.shape[1:]
    expected = tables.sum(axis=2)[:, :, None] * tables.sum(axis=1)[:, None, :] / n[:, None, None]
    squares = np.where(expected > 0, (tables - expected) ** 2 / np.where(expected > 0, expected, 1), 0)
    phi = np.maximum(squares.sum(axis=(1, 2)) / n - (rows - 1) * (columns - 1) / (n - 1), 0)
    least = np.minimum(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return np.where(least > 0, np.sqrt(np.clip(phi / np.where(least > 0, least, 1), 0, 1)), 0.0)


def _check(counts: _Counts, axes: int) -> None:
    if counts.ndim != axes or counts.size == 0 or counts.min() < 0 or counts.sum() < 2:
        raise FacsimError(f"found counts {counts.tolist()}, expected {axes} axes, none below 0, at least two pictures")
