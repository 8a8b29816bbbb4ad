"""What the landmark network's numbers are."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["LANDMARK_OUTPUTS", "POSE_UNIT_DEG", "LandmarkOutputs", "read_outputs"]

_POINTS = 68
LANDMARK_OUTPUTS = 4 * _POINTS + 3
"""Two numbers a point for its place, one for whether it is seen, one for how far off it may be; three angles."""

POSE_UNIT_DEG = 45.0
"""An angle's output of 1."""

_PLACE_UNIT = 0.25
_SPREAD_OFFSET = -4.0
"""Outputs of 0 mean the crop's middle and a distance of 2 % of its side: about where training starts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LandmarkOutputs:
    """Of N crops: `points` (N, 68, 2) as shares of the crop's side; `visible_logits` (N, 68); `log_spread` (N, 68), the
    natural logarithm of how far a point may be off, as a share of the side; `angles_deg` (N, 3): yaw, pitch, roll as
    the crop shows them. All float32."""

    points: Tensor
    visible_logits: Tensor
    log_spread: Tensor
    angles_deg: Tensor


def read_outputs(outputs: Tensor) -> LandmarkOutputs:
    """The meaning of outputs (N, LANDMARK_OUTPUTS)."""
    places, visible, spread, angles = outputs.split([2 * _POINTS, _POINTS, _POINTS, 3], dim=1)
    return LandmarkOutputs(
        points=0.5 + _PLACE_UNIT * places.unflatten(1, (_POINTS, 2)),
        visible_logits=visible,
        log_spread=(spread + _SPREAD_OFFSET).clamp(-8.0, 0.0),
        angles_deg=angles * POSE_UNIT_DEG,
    )
