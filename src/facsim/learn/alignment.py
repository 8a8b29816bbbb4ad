"""Distribution alignment: how far the features of training pictures lie from those of a reference set.

As an extra term of the loss it draws what the network makes of synthetic pictures towards what it makes of real ones,
without their labels (feature matching; Real-Fake, Yuan et al. 2024, matches synthetic to real data by such distances).
A model trained so has seen the reference pictures, and says so.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["feature_gap", "moment_gap", "rbf_mmd"]

_BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # multiples of the mean squared distance, as in DAN (Long et al. 2015, 4.1)


def feature_gap(features: Tensor, reference: Tensor, *, kernel: str) -> Tensor:
    """`moment_gap` for the kernel "moments", `rbf_mmd` for "rbf"."""
    return rbf_mmd(features, reference) if kernel == "rbf" else moment_gap(features, reference)


def moment_gap(features: Tensor, reference: Tensor) -> Tensor:
    """Squared distance of means over D, plus that of covariances over D², of features (N, D) and (M, D): a scalar.

    Covariances are of the population (over N). 0 where both moments agree, whatever the classes are (as CORAL, Sun and
    Saenko 2016, with the means beside the covariances).
    """
    width = features.shape[1]
    mean, other = features.mean(dim=0), reference.mean(dim=0)
    second = (features - mean).T @ (features - mean) / len(features)
    expected = (reference - other).T @ (reference - other) / len(reference)
    return (mean - other).square().sum() / width + (second - expected).square().sum() / width**2


def rbf_mmd(features: Tensor, reference: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of features (N, D) and (M, D), a scalar from 0 (Gretton et al. 2012, eq. 5).

    The biased estimate, under the mean of five Gaussian kernels exp(-d² / (k s)): s is the mean squared distance
    over all pairs, taken as a constant, k = 1/4, 1/2, 1, 2, 4.
    """
    joint = torch.cat([features, reference])
    squared = torch.cdist(joint, joint, compute_mode="donot_use_mm_for_euclid_dist").square()
    scale = squared.detach().mean().clamp_min(1e-12)
    kernel = torch.stack([torch.exp(-squared / (factor * scale)) for factor in _BANDWIDTHS]).mean(dim=0)
    count = len(features)
    return kernel[:count, :count].mean() + kernel[count:, count:].mean() - 2 * kernel[:count, count:].mean()
