"""What the outputs of facsim's own coder of action units mean: for each unit an intensity, and how sure it is.

The network (a `face_net`) gives 2 K numbers: K means, then K numbers that are bent into logarithms of variances. The
label model's settings name the units (`keys`) and hold the scale of each deviation (`deviation_scales`), fitted on
renders of people that were held out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facsim.facs import MAX_INTENSITY

__all__ = ["LOG_VARIANCE", "intensities_of", "split_outputs"]

LOG_VARIANCE = (-5.0, 2.5)
"""Range of the logarithm of the variance, in squared steps of FACS: deviations from 0.08 to 3.5, beyond which a step of
0 to 5 says nothing (own choice)."""


def split_outputs(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Means (N, K) and logarithms of variances (N, K) of outputs (N, 2 K), the latter within `LOG_VARIANCE`."""
    mean, raw = outputs.chunk(2, dim=1)
    low, high = LOG_VARIANCE
    return mean, low + (high - low) * torch.sigmoid(raw)


def intensities_of(
    outputs: NDArray[np.float32], settings: Mapping[str, Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Intensities (N, K), 0 to 5, and their standard deviations (N, K) of a label model's outputs (N, 2 K), float32."""
    mean, log_variance = split_outputs(torch.from_numpy(outputs))
    scales = np.asarray(settings["deviation_scales"], dtype=np.float32)
    return mean.clamp(0, MAX_INTENSITY).numpy(), (log_variance / 2).exp().numpy() * scales
