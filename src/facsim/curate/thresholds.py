"""The least score of each class: one for all, one a class, or chosen from yield curves for a wanted precision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facsim.errors import FormatError

__all__ = ["CURVES_KEY", "Bar", "chosen_thresholds", "curves_digest", "rounded"]

CURVES_KEY = "facsim_yield"
"""What a file of yield curves begins with: its format's version."""

_VERSION = 1
_DECIMALS = 4  # scores are rounded before any decision, so that decisions are stable across devices


def rounded(score: float) -> float:
    """A score as decisions see it: to 1e-4."""
    return float(np.round(score, _DECIMALS))


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What a score has to reach: of a class in `lowest` that (None: nothing reaches it), else `otherwise`.

    above: and more than this, whatever the class; None for no such bound.
    """

    lowest: Mapping[str, float | None]
    otherwise: float = 0.0
    above: float | None = None

    def reason(self, value: Any, score: float | None) -> str | None:
        """Why a sample with this value and score does not pass, None where it does."""
        lowest = self.lowest.get(value, self.otherwise)
        if lowest is None:
            return "no_threshold"
        if score is None or rounded(score) < lowest:
            return "below_threshold"
        return "below_threshold" if self.above is not None and rounded(score) <= self.above else None


def curves_digest(path: str) -> str:
    """The SHA-256 of a file of yield curves. Raises FormatError where it cannot be read."""
    return hashlib.sha256(_bytes(path)).hexdigest()


def chosen_thresholds(path: str, precision: float) -> dict[str, float | None]:
    """Class → the lowest threshold whose bound is at least `precision`, None where none is, from yield curves.

    Raises FormatError where the file is not one that `facsim yields --out` wrote.
    """
    try:
        data = json.loads(_bytes(path))
        if data[CURVES_KEY] != _VERSION:
            raise FormatError(f"{path} has yield format {data[CURVES_KEY]!r}, this facsim reads {_VERSION}")
        curves = {str(curve["name"]): _points(curve) for curve in data["curves"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(
            f"{path} holds no yield curves ({error!r}); make it with `facsim yields RUN --out`"
        ) from error
    return {
        name: next((threshold for threshold, bound in points if bound is not None and bound >= precision), None)
        for name, points in curves.items()
        if name != "all"
    }


def _points(curve: Mapping[str, Any]) -> list[tuple[float, float | None]]:
    points = [(float(point["threshold"]), point["bound"]) for point in curve["points"]]
    for threshold, bound in points:
        if not 0 <= threshold <= 1 or not (bound is None or 0 <= float(bound) <= 1):
            raise ValueError(f"threshold {threshold} with bound {bound}")
    return sorted(points, key=lambda point: point[0])


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error}); make it with `facsim yields RUN --out {path}`") from error
