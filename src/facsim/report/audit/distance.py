"""How near a set comes to a reference in a network's features, over all and in each expression, and how varied it is.

What chance alone gives is shown beside it: the reference's own two halves, one against the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.learn.extractors import Extractor, Features
from facsim.metrics import Estimate, frechet, kernel_distance, manifolds, moments_of, vendi
from facsim.report.audit.sets import AuditedSet

__all__ = ["ALL", "FIGURES", "HALVES", "LEAST_TO_MEASURE", "Distance", "Diversity", "distances", "diversities"]

ALL = "all"
HALVES = "two halves of the reference"
"""Scopes of a distance that are no expression."""

FIGURES = ("fid", "kid", "precision", "recall", "density", "coverage")

LEAST_TO_MEASURE = 50
"""Pictures of each set that a distance is worked out from at least: ten times the neighbours that coverage looks at."""


@dataclass(frozen=True, kw_only=True)
class Distance:
    """The figures of `n` pictures against `n_reference`, by `FIGURES`' short names; none where there are too few."""

    scope: str
    n: int
    n_reference: int
    figures: dict[str, Estimate]

    def to_json(self, extractor: Extractor) -> dict[str, Any]:
        """Plain JSON, the figures under their full names."""
        named = {extractor.figure_name(name): figure.to_json() for name, figure in self.figures.items()}
        return {"n": self.n, "n_reference": self.n_reference, **named}


@dataclass(frozen=True, kw_only=True)
class Diversity:
    """The Vendi scores of one expression's pictures, or of all, in the set and in the reference, each at `n` pictures.

    The score grows with n: both are of the same number, drawn from the larger.
    """

    scope: str
    n: int
    own: Estimate
    reference: Estimate | None

    def to_json(self, extractor: Extractor) -> dict[str, Any]:
        """Plain JSON."""
        name = extractor.figure_name("vendi")
        return {
            "n": self.n,
            name: self.own.to_json(),
            f"{name}_reference": None if self.reference is None else self.reference.to_json(),
        }


def distances(
    sets: tuple[AuditedSet, AuditedSet], features: tuple[Features, Features], *, per_class: bool
) -> Iterator[Distance]:
    """Distances of the first set from the second: over all, the second's halves, and of each shared expression."""
    own, other = features
    yield _distance(ALL, own, other)
    order = np.random.default_rng(0).permutation(len(other))
    halves = np.sort(order[: len(other) // 2]), np.sort(order[len(other) // 2 :])
    yield _distance(HALVES, other[halves[0]], other[halves[1]])
    for name in _shared(sets) if per_class else ():
        yield _distance(name, own[sets[0].rows(name)], other[sets[1].rows(name)])


def diversities(sets: Sequence[AuditedSet], features: Sequence[Features], *, per_class: bool) -> Iterator[Diversity]:
    """Vendi scores of one set, or of a set and its reference, about the mean of the last."""
    centre = moments_of(features[-1]).mean if len(features[-1]) > 1 else np.zeros(features[-1].shape[1])
    scopes: list[tuple[str, list[NDArray[np.int64]]]] = [(ALL, [np.arange(len(held)) for held in features])]
    for name in _shared(sets) if per_class else ():
        scopes.append((name, [held.rows(name) for held in sets]))
    for scope, rows in scopes:
        n = min(len(held) for held in rows)
        if n >= LEAST_TO_MEASURE:
            found = [_vendi(held, part, n, centre) for held, part in zip(features, rows, strict=True)]
            yield Diversity(scope=scope, n=n, own=found[0], reference=found[1] if len(found) > 1 else None)


def _vendi(features: Features, rows: NDArray[np.int64], n: int, centre: NDArray[np.float64]) -> Estimate:
    drawn = np.sort(np.random.default_rng(0).choice(rows, size=n, replace=False)) if n < len(rows) else rows
    held = features if len(drawn) == len(features) else features[drawn]
    return vendi(held, rng=np.random.default_rng(0), centre=centre)


def _shared(sets: Sequence[AuditedSet]) -> tuple[str, ...]:
    return tuple(name for name in sets[0].classes if all(name in held.classes for held in sets))


def _distance(scope: str, own: Features, other: Features) -> Distance:
    least = min(len(own), len(other))
    found = _figures(own, other) if least >= LEAST_TO_MEASURE else {}
    return Distance(scope=scope, n=len(own), n_reference=len(other), figures=found)


def _figures(own: Features, other: Features) -> dict[str, Estimate]:
    near = manifolds(own, other, rng=np.random.default_rng(0))
    return {
        "fid": frechet(own, other, rng=np.random.default_rng(0)),
        "kid": kernel_distance(own, other, rng=np.random.default_rng(0)),
        **{name: getattr(near, name) for name in ("precision", "recall", "density", "coverage")},
    }
