"""Views of pictures for self-supervised learning: a random crop, resized, then `facsim.learn.augment`.

What a view is depends on (seed, step) and the place in the batch alone. The crop is SimCLR's (Chen et al. 2020, arXiv
2002.05709, appendix A): a share of the area and a ratio of width to height. Light, blur, noise and the rest are
facsim's own augmentation; for RGB pictures saturation, the channels' gains and greying stand for SimCLR's change of
hue, which would turn skin green.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional

from facsim.errors import FacsimError
from facsim.learn.augment import Augmentation, augment, scaled_augmentation
from facsim.sample import seed_for

__all__ = ["Views", "view_generator", "view_of"]


def _light() -> Augmentation:
    # Geometry is the crop's; an erased rectangle would hide what a small crop has left.
    strong = replace(scaled_augmentation(1.5), rotation_deg=0.0, log_scale=0.0, shift=0.0, erase_p=0.0)
    return replace(strong, blur_p=0.5)  # SimCLR's


@dataclass(frozen=True, kw_only=True)
class Views:
    """How views are drawn.

    `least_area` is the smallest share of a picture's area that a crop keeps (0.2 as MoCo v2 and v3; SimCLR's 0.08 cuts
    faces to a patch of skin), `log_ratio` the largest logarithm of its width over its height. `saturation` and
    `channel_gain` are ranges and `grey_p` a probability, for RGB alone.
    """

    least_area: float = 0.2
    log_ratio: float = math.log(4 / 3)
    rotation_deg: float = 10.0
    light: Augmentation = field(default_factory=_light)
    saturation: float = 0.6
    channel_gain: float = 0.15
    grey_p: float = 0.2

    def __post_init__(self) -> None:
        if not (0 < self.least_area <= 1 and 0 <= self.grey_p <= 1):
            raise FacsimError(f"found least_area {self.least_area} and grey_p {self.grey_p}, expected shares, 0 to 1")
        if min(self.log_ratio, self.rotation_deg, self.saturation, self.channel_gain) < 0 or self.channel_gain >= 1:
            raise FacsimError(f"found {self}, expected ranges of 0 or more, and channel_gain below 1")


def view_generator(seed: int, step: int, purpose: str) -> torch.Generator:
    """The generator of one purpose at one step of a pre-training, on the CPU."""
    return torch.Generator().manual_seed(seed_for(f"pretrain/{seed}", f"{purpose}/{step}"))


def view_of(pictures: Tensor, settings: Views, *, generator: torch.Generator) -> Tensor:
    """A view of each of `pictures` (N, C, S, S) float32 in [0, 1], of the same shape and range."""
    cropped = _cropped(pictures, settings, generator)
    coloured = _coloured(cropped, settings, generator) if pictures.shape[1] == 3 else cropped
    return augment(coloured, settings.light, generator=generator)


def _cropped(pictures: Tensor, settings: Views, generator: torch.Generator) -> Tensor:
    """A turned rectangle of each picture, resampled to the whole side; the border pixel goes on outside."""
    area, ratio, turn, right, low = torch.rand((5, pictures.shape[0]), generator=generator)
    kept = settings.least_area + (1 - settings.least_area) * area
    stretch = torch.exp((2 * ratio - 1) * settings.log_ratio / 2)
    wide, high = (kept.sqrt() * stretch).clamp(max=1), (kept.sqrt() / stretch).clamp(max=1)
    across, down = (2 * right - 1) * (1 - wide), (2 * low - 1) * (1 - high)
    angle = (2 * turn - 1) * math.radians(settings.rotation_deg)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    first = torch.stack([cosine * wide, -sine * high, across], dim=1)
    second = torch.stack([sine * wide, cosine * high, down], dim=1)
    turned = torch.stack([first, second], dim=1).to(pictures.device)
    grid = functional.affine_grid(turned, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _coloured(pictures: Tensor, settings: Views, generator: torch.Generator) -> Tensor:
    """Saturation and the channels' gains changed, and some pictures made grey (BT.601 luma)."""
    count = pictures.shape[0]
    change = 1 + (2 * torch.rand(count, generator=generator) - 1) * settings.saturation
    greyed = torch.rand(count, generator=generator) < settings.grey_p
    gains = 1 + (2 * torch.rand((count, 3), generator=generator) - 1) * settings.channel_gain
    kept = torch.where(greyed, torch.zeros(count), change).to(pictures.device)[:, None, None, None]
    gains = torch.where(greyed[:, None], torch.ones(1, 3), gains).to(pictures.device)[:, :, None, None]
    weights = torch.tensor([0.299, 0.587, 0.114], device=pictures.device)[None, :, None, None]
    luma = (pictures * weights).sum(dim=1, keepdim=True)
    return ((luma + (pictures - luma) * kept) * gains).clamp(0, 1)
