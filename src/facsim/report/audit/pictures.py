"""What pictures of a set are like as pictures: light, contrast, sharpness, colour; each a mean with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.learn.data import Pictures
from facsim.metrics import Estimate, mean_of

__all__ = ["STATISTICS", "Statistic", "statistics_of"]

STATISTICS: Mapping[str, str] = {
    "luminance": "mean luminance, 0 black to 1 white",
    "contrast": "standard deviation of luminance",
    "sharpness": "standard deviation of the luminance's Laplacian",
    "dark": "share of pixels below 0.05",
    "bright": "share of pixels above 0.95",
    "colour": "mean distance of the three channels from their mean; 0 in grey pictures",
}
"""What is measured, of each picture at 48 px."""

_WEIGHTS_BT601 = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_BLOCK = 1024
_RESAMPLES = 400  # of a mean over many pictures, whose interval is near the normal one


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """One statistic of the set and of the reference (None without one): mean, spread over pictures, and their
    difference in pooled standard deviations (Cohen 1988, d), None where neither varies."""

    name: str
    meaning: str
    mean: Estimate
    sd: float
    reference: Estimate | None
    reference_sd: float | None
    difference: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "meaning": self.meaning,
            "mean": self.mean.to_json(),
            "sd": self.sd,
            "reference": None if self.reference is None else self.reference.to_json(),
            "reference_sd": self.reference_sd,
            "difference_in_sd": self.difference,
        }


def statistics_of(pictures: Pictures, reference: Pictures | None = None) -> tuple[Statistic, ...]:
    """`STATISTICS` of RGB pictures, beside those of the reference."""
    own, other = _measured(pictures), None if reference is None else _measured(reference)
    return tuple(_statistic(name, own[name], None if other is None else other[name]) for name in STATISTICS)


def _statistic(name: str, own: NDArray[np.float64], other: NDArray[np.float64] | None) -> Statistic:
    return Statistic(
        name=name,
        meaning=STATISTICS[name],
        mean=_mean(own),
        sd=float(own.std()),
        reference=None if other is None else _mean(other),
        reference_sd=None if other is None else float(other.std()),
        difference=None if other is None else _difference(own, other),
    )


def _mean(values: NDArray[np.float64]) -> Estimate:
    return mean_of(values, rng=np.random.default_rng(0), resamples=_RESAMPLES)


def _difference(own: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    pooled = float(np.sqrt((own.var() + other.var()) / 2))
    return None if pooled < 1e-6 else float(own.mean() - other.mean()) / pooled


def _measured(pictures: Pictures) -> dict[str, NDArray[np.float64]]:
    parts = [_block(np.asarray(pictures.images[at : at + _BLOCK])) for at in range(0, len(pictures), _BLOCK)]
    return {name: np.concatenate([part[name] for part in parts]) for name in STATISTICS}


def _block(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    held = images.astype(np.float32) / 255
    grey = held @ _WEIGHTS_BT601
    middle = grey[:, 1:-1, 1:-1]
    waves = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:] - 4 * middle
    axes = (1, 2)
    found = {
        "luminance": grey.mean(axis=axes),
        "contrast": grey.std(axis=axes),
        "sharpness": waves.std(axis=axes),
        "dark": (grey < 0.05).mean(axis=axes),
        "bright": (grey > 0.95).mean(axis=axes),
        "colour": np.abs(held - held.mean(axis=3, keepdims=True)).mean(axis=(1, 2, 3)),
    }
    return {name: values.astype(np.float64) for name, values in found.items()}
