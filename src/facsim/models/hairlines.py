"""Where hair begins on the head: one table of the hairline, for what is draped here and painted by
`facsim.models.face_hair`.

The hairline is a height (y on the rest head, dm) at an azimuth round the skull's vertical axis: 0 in front, 180 at the
nape. It steps down from the forehead over the temples to the ears, up round them, and down to the nape.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["FOREHEAD_HEIGHT", "HAIRLINE_STEPS", "RECEDING", "hairline_heights", "smooth_step", "step_share"]

FOREHEAD_HEIGHT = 0.76
"""y of the hairline in the middle of the forehead."""

HAIRLINE_STEPS = (
    (-0.05, 10.0, 32.0),
    (-0.33, 34.0, 60.0),
    (-0.42, 56.0, 74.0),
    (0.14, 82.0, 92.0),
    (-0.62, 103.0, 150.0),
)
"""(dm up, from degrees, to degrees): the steps of the line, placed on the rest head's temples, ears and nape."""
RECEDING = (0.28, 38.0, 16.0, 0.32, 45.0, 80.0, 0.2)
"""What receding hair goes back by: dm at the temples, their azimuth and width, dm at the forehead, from degrees, to
degrees, from share."""


def hairline_heights(azimuths_deg: NDArray[np.float64], receding: float) -> NDArray[np.float64]:
    """y of the hairline on the rest head at azimuths, for a share of `receding` (see the module)."""
    full, temples, forehead = _hairline_parts(azimuths_deg.tobytes())
    return full + receding * (temples + forehead * max(receding - RECEDING[-1], 0.0))


@lru_cache(maxsize=8)
def _hairline_parts(azimuths_deg: bytes) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """y at azimuths (the bytes of float64) where nothing recedes, and what recedes at temples and forehead."""
    a = np.abs(np.frombuffer(azimuths_deg))
    y = np.full_like(a, FOREHEAD_HEIGHT)
    for rise, low, high in HAIRLINE_STEPS:
        y += rise * smooth_step(low, high, a)
    temples, middle, width, forehead, low, high, _ = RECEDING
    crown = 1.0 - smooth_step(low, high, a)
    return y, temples * np.exp(-(((a - middle) / width) ** 2)), forehead * crown


def smooth_step(low: float, high: float, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 below `low`, 1 above `high`, smooth between; the other way round where `low` > `high`."""
    t = np.minimum(np.maximum((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def step_share(low: float, high: float, x: float) -> float:
    """`smooth_step` of one number, to the bit."""
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)
