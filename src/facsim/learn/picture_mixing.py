"""Mixup, CutMix and Random Erasing of a whole batch, drawn from the step's own generator.

Batches come in random order, so a picture's partner is its neighbour: rows 2i and 2i + 1 are mixed with one another,
and the last of an odd number with itself. A process that holds both rows of its pairs needs nobody else's.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["DRAWS_A_PICTURE", "cut_and_mix", "erase_areas", "mix_pictures", "mix_up"]

_RATIO = (0.3, 3.3)  # height to width, Zhong et al. 2020, section 3; torchvision's default
_TRIES = 10  # torchvision's RandomErasing gives up after as many
DRAWS_A_PICTURE = 1 + 4 * _TRIES
"""Random numbers that `erase_areas` reads for each picture."""


def mix_pictures(
    pictures: Tensor, targets: Tensor, *, alphas: tuple[float, float], generator: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """New pictures (N, C, S, S) and targets (N, C): by mixup, by CutMix, or as they are.

    `alphas` are mixup's and CutMix's, 0 for never; where both are above 0, a fair coin for the batch decides (timm's
    rule). One share for a batch, drawn from Beta(alpha, alpha).
    """
    mixup_alpha, cutmix_alpha = alphas
    cut = cutmix_alpha > 0 and (mixup_alpha == 0 or generator.random() < 0.5)
    alpha = cutmix_alpha if cut else mixup_alpha
    if alpha == 0:
        return pictures, targets
    share = float(generator.beta(alpha, alpha))
    if cut:
        return cut_and_mix(pictures, targets, share=share, centre=(generator.random(), generator.random()))
    return mix_up(pictures, targets, share=share)


def mix_up(pictures: Tensor, targets: Tensor, *, share: float) -> tuple[Tensor, Tensor]:
    """`share` of each picture and target, and 1 - share of its neighbour's (Zhang et al. 2018, eq. 1)."""
    partner = _partners(len(pictures))
    return (
        share * pictures + (1 - share) * pictures[partner],
        share * targets + (1 - share) * targets[partner],
    )


def cut_and_mix(
    pictures: Tensor, targets: Tensor, *, share: float, centre: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Each picture with a box of its neighbour's in it, and the targets mixed by area (Yun et al. 2019, eq. 1 and 2).

    The box holds 1 - share of the area before it is cut off at the border; the targets go by what is left of it.
    """
    height, width = pictures.shape[-2:]
    half = math.sqrt(1 - share) / 2
    top, bottom = (round(min(max(centre[0] + sign * half, 0), 1) * height) for sign in (-1, 1))
    left, right = (round(min(max(centre[1] + sign * half, 0), 1) * width) for sign in (-1, 1))
    partner = _partners(len(pictures))
    mixed = pictures.clone()
    mixed[..., top:bottom, left:right] = pictures[partner][..., top:bottom, left:right]
    kept = 1 - (bottom - top) * (right - left) / (height * width)
    return mixed, kept * targets + (1 - kept) * targets[partner]


def _partners(count: int) -> NDArray[np.int64]:
    neighbours = np.arange(count) ^ 1
    return np.where(neighbours < count, neighbours, np.arange(count))


def erase_areas(
    pictures: Tensor,
    draws: NDArray[np.float64],
    *,
    probability: float,
    area: tuple[float, float],
    fill: tuple[float, ...],
) -> Tensor:
    """New pictures (N, C, S, S) with a rectangle painted `fill`, one number a channel, by their rows of `draws`.

    Random Erasing (Zhong et al. 2020): an erased share of the area in `area`, a ratio of sides in [0.3, 3.3] drawn on a
    logarithmic scale, anywhere that it fits; a picture for which none of ten draws fits stays whole, as torchvision
    has it. `draws` float64 (N, DRAWS_A_PICTURE) in [0, 1): whether, then four numbers a try.
    """
    out = pictures.clone()
    paint = torch.tensor(fill, dtype=pictures.dtype, device=pictures.device)[:, None, None]
    side = pictures.shape[-2:]
    for row in np.flatnonzero(draws[:, 0] < probability):
        if (box := _box(draws[row, 1:].reshape(_TRIES, 4), area, (side[0], side[1]))) is not None:
            top, left, height, width = box
            out[int(row), :, top : top + height, left : left + width] = paint
    return out


def _box(
    draws: NDArray[np.float64], area: tuple[float, float], side: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """(top, left, height, width) of the first try that fits, or None."""
    low, high = (math.log(ratio) for ratio in _RATIO)
    for share, ratio, down, across in draws:
        pixels = side[0] * side[1] * (area[0] + (area[1] - area[0]) * share)
        aspect = math.exp(low + (high - low) * ratio)
        height, width = round(math.sqrt(pixels * aspect)), round(math.sqrt(pixels / aspect))
        if 0 < height < side[0] and 0 < width < side[1]:
            return int(down * (side[0] - height + 1)), int(across * (side[1] - width + 1)), height, width
    return None
