"""How far out skin stands near each of many places, as what is laid over it touches it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Relief", "carve_relief"]

Floats = NDArray[np.floating]

_MARGIN = 1e-3
"""By more than the coarse search can be wrong for radii of 0.01 or more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Relief:
    """Points of skin on a map, and how much they count for less with each unit away."""

    x: Floats
    y: Floats
    heights: Floats
    fall: float
    width: float
    """What differences of x count for on the map."""
    terms: NDArray[np.float32]
    """(4, V): times (x, y, x² + y², 1), what the squared distance is but for rounding."""

    def reach(self, x: Floats, y: Floats, radius: float) -> Floats:
        """(n,) the largest height at places (n,), where skin further than `radius` away counts for less."""
        # a coarse product finds the few points that can be the largest; only those are measured
        at = np.stack([x * self.width, y, (x * self.width) ** 2 + y * y, np.ones(len(x))], axis=1).astype(np.float32)
        coarse = at @ self.terms
        np.maximum(coarse, np.float32(radius * radius), out=coarse)
        np.sqrt(coarse, out=coarse)
        coarse *= np.float32(-self.fall)
        coarse += self.heights.astype(np.float32)
        few = np.flatnonzero(coarse >= coarse.max(axis=1, keepdims=True) - _MARGIN)
        place, point = np.divmod(few, len(self.x))
        gap = np.hypot(np.abs(x[place] - self.x[point]) * self.width, y[place] - self.y[point])
        found = self.heights[point] - self.fall * np.maximum(gap - radius, 0.0)
        return np.maximum.reduceat(found, np.searchsorted(place, np.arange(len(x))))


def carve_relief(points: Floats, *, fall: float, width: float = 1.0) -> Relief:
    """The relief of `points` (V, 3): x, y and height."""
    x, y, heights = np.ascontiguousarray(points.T, dtype=np.float64)
    wide = x * width
    terms = np.stack([-2.0 * wide, -2.0 * y, np.ones(len(x)), wide * wide + y * y]).astype(np.float32)
    return Relief(x=x, y=y, heights=heights, fall=fall, width=width, terms=terms)
