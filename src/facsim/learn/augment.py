"""Augmentation of a whole batch at once, drawn from one explicit generator.

Everything is vectorised over the batch: one `grid_sample` for the geometry, shifted sums for the blur, matrix products
for the block transform. The steps follow the order in which a camera would commit them: pose of the crop, light, lens,
sensor, file, and last something held before the face. Those after the light stand for what photographs have and
renders lack.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from facsim.errors import FacsimError

__all__ = ["NO_AUGMENTATION", "Augmentation", "augment", "scaled_augmentation"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Ranges and probabilities of `augment`. A range x is drawn uniformly from [-x, x]; a `_p` is a probability."""

    flip_p: float = 0.5
    rotation_deg: float = 12.0
    log_scale: float = 0.12
    """Natural logarithm of the zoom, and of the ratio of height to width at half of it."""
    shift: float = 0.06
    """Share of the side."""
    brightness: float = 0.12
    log_contrast: float = 0.3
    log_gamma: float = 0.3
    gradient: float = 0.25
    """Light falling off across the picture: the change of brightness from the centre to the border."""
    blur_p: float = 0.2
    blur_sigma: float = 1.0
    """Greatest standard deviation, pixels; at most 1.5, what the seven taps hold."""
    low_res_p: float = 0.1
    low_res_least: float = 0.5
    """Smallest side, as a share of the side, that a picture is reduced to and enlarged from."""
    noise_p: float = 0.3
    noise_sd: float = 0.04
    """Greatest standard deviation of the sensor noise, of the range [0, 1]."""
    jpeg_p: float = 0.1
    jpeg_step: float = 0.12
    """Coarsest step of the 8×8 block transform at frequency 0, of the range [0, 1]; 16 / 255 is JPEG's quality 50."""
    erase_p: float = 0.3
    erase_side: float = 0.35
    """Greatest side of the erased rectangle, as a share of the side."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value >= 0 or (field.name.endswith("_p") and value > 1):
                raise FacsimError(f"found {field.name} = {value}, expected a number from 0 (to 1 for a probability)")
        if self.blur_sigma > 1.5 or not 0 < self.low_res_least <= 1:
            raise FacsimError("found blur_sigma > 1.5 or low_res_least outside (0, 1]; seven taps hold no wider blur")


NO_AUGMENTATION = Augmentation(
    **{field.name: 1.0 if field.name == "low_res_least" else 0.0 for field in fields(Augmentation)}
)
"""Leaves every picture as it is."""


def scaled_augmentation(strength: float) -> Augmentation:
    """The default `Augmentation` with every range and probability times `strength` (0 none, 1 as is, 2 severe)."""
    if not 0 <= strength <= 3:
        raise FacsimError(f"found augmentation strength {strength}, expected 0 (none) to 3")
    default = Augmentation()
    scaled = {field.name: getattr(default, field.name) * strength for field in fields(default)}
    for name in scaled:
        if name.endswith("_p"):
            scaled[name] = min(scaled[name], 0.5 if name == "flip_p" else 0.9)
    scaled["flip_p"] = default.flip_p if strength > 0 else 0.0
    scaled["blur_sigma"] = min(scaled["blur_sigma"], 1.5)
    scaled["low_res_least"] = default.low_res_least ** min(strength, 2.0)
    return Augmentation(**scaled)


def augment(
    pictures: Tensor,
    settings: Augmentation,
    *,
    generator: torch.Generator,
    rows: Tensor | None = None,
    batch_size: int | None = None,
) -> Tensor:
    """New pictures (N, C, S, S) float32 in [0, 1] from `pictures` of that shape and range, each by its own draw.

    `generator` lives on the CPU; the numbers drawn are the same whatever device the pictures are on. Where the pictures
    are but `rows` int64 (N,) of a batch of `batch_size`, they are what they would be in the whole of it.
    """
    draw = _Draw(
        generator=generator,
        count=len(pictures) if batch_size is None else batch_size,
        rows=torch.arange(len(pictures)) if rows is None else rows,
        device=pictures.device,
    )
    out = _warp(pictures, settings, draw)
    out = _relight(out, settings, draw)
    out = _blur(out, settings, draw)
    out = _reduce(out, settings, draw)
    out = _add_noise(out, settings, draw)
    out = _compress(out.clamp(0, 1), settings, draw)
    return _erase(out.clamp(0, 1), settings, draw)


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """Pictures to which something is done: `rows` int64 (M,) of those at hand.

    Of the whole batch `count` are chosen, and the pictures at hand are numbers `order` int64 (M,) of them.
    """

    rows: Tensor
    order: Tensor
    count: int


@dataclass(frozen=True, kw_only=True)
class _Draw:
    """Random numbers, one a picture, always drawn on the CPU: for all `count` of a batch, whose `rows` are at hand."""

    generator: torch.Generator
    count: int
    rows: Tensor
    device: torch.device

    def uniform(self, *, low: float = -1.0, high: float = 1.0) -> Tensor:
        """(N,) float32 in [low, high)."""
        drawn = torch.rand(self.count, generator=self.generator) * (high - low) + low
        return drawn[self.rows].to(self.device)

    def chosen(self, probability: float) -> _Chosen:
        """The pictures chosen, each with `probability`."""
        mask = torch.rand(self.count, generator=self.generator) < probability
        here = torch.nonzero(mask[self.rows])[:, 0]
        order = (torch.cumsum(mask, dim=0) - 1)[self.rows[here]]
        return _Chosen(rows=here.to(self.device), order=order, count=int(mask.sum()))

    def normal(self, chosen: _Chosen, shape: tuple[int, ...]) -> Tensor:
        """Standard normal float32 (M, *shape), for each chosen picture its own."""
        return torch.randn((chosen.count, *shape), generator=self.generator)[chosen.order].to(self.device)

    def scalar(self) -> float:
        """One number in [0, 1), for what a whole batch shares."""
        return float(torch.rand((), generator=self.generator))


def _warp(pictures: Tensor, settings: Augmentation, draw: _Draw) -> Tensor:
    """Flip, rotation, zoom, aspect and shift in one bilinear resampling; the border pixel goes on outside."""
    angle = draw.uniform() * math.radians(settings.rotation_deg)
    zoom = torch.exp(draw.uniform() * settings.log_scale)
    aspect = torch.exp(draw.uniform() * settings.log_scale / 2)
    across, down = draw.uniform() * 2 * settings.shift, draw.uniform() * 2 * settings.shift
    mirror = torch.where(draw.uniform(low=0.0) < settings.flip_p, -1.0, 1.0)
    if (settings.rotation_deg, settings.log_scale, settings.shift) == (0, 0, 0):
        return torch.where((mirror < 0)[:, None, None, None], pictures.flip(3), pictures)
    cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    first = torch.stack([mirror * cosine * aspect, -mirror * sine, across], dim=1)
    second = torch.stack([sine, cosine / aspect, down], dim=1)
    grid = functional.affine_grid(torch.stack([first, second], dim=1), list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _relight(pictures: Tensor, settings: Augmentation, draw: _Draw) -> Tensor:
    """Gamma, contrast about the picture's mean, brightness, and a linear fall-off of the light in any direction."""
    gamma = torch.exp(draw.uniform() * settings.log_gamma)[:, None, None, None]
    contrast = torch.exp(draw.uniform() * settings.log_contrast)[:, None, None, None]
    brightness = (draw.uniform() * settings.brightness)[:, None, None, None]
    angle, slope = draw.uniform() * math.pi, draw.uniform(low=0.0) * settings.gradient
    side = torch.linspace(-1, 1, pictures.shape[-1], device=pictures.device)
    across = side[None, None, None, :] * (slope * torch.cos(angle))[:, None, None, None]
    down = side[None, None, :, None] * (slope * torch.sin(angle))[:, None, None, None]
    bent = pictures.clamp_min(1e-6) ** gamma if settings.log_gamma > 0 else pictures
    mean = bent.mean(dim=(1, 2, 3), keepdim=True)
    return (bent * contrast + mean * (1 - contrast) + brightness) * (1 + across + down)


def _blur(pictures: Tensor, settings: Augmentation, draw: _Draw) -> Tensor:
    """A Gaussian blur of each chosen picture's own width, as seven taps along and then seven across."""
    rows, width = draw.chosen(settings.blur_p).rows, draw.uniform(low=0.2) * settings.blur_sigma
    if rows.numel() == 0 or settings.blur_sigma == 0:
        return pictures
    offsets = torch.arange(-3, 4, device=pictures.device)
    taps = torch.softmax(-(offsets**2)[None] / (2 * width[rows, None] ** 2), dim=1)
    blurred = _convolve_rows(_convolve_rows(pictures[rows], taps).mT, taps).mT
    return pictures.index_copy(0, rows, blurred.contiguous())


def _convolve_rows(pictures: Tensor, taps: Tensor) -> Tensor:
    """Each picture (M, C, H, W) filtered along its last axis by its own `taps` (M, 7)."""
    width = pictures.shape[-1]
    padded = functional.pad(pictures, (3, 3, 0, 0), mode="replicate")
    shifted = [padded[..., k : k + width] * taps[:, k, None, None, None] for k in range(7)]
    return torch.stack(shifted).sum(dim=0)


def _reduce(pictures: Tensor, settings: Augmentation, draw: _Draw) -> Tensor:
    """Chosen pictures reduced and enlarged again; the factor is the batch's."""
    rows, share = draw.chosen(settings.low_res_p).rows, draw.scalar()
    side = pictures.shape[-1]
    small = max(4, round(side * (settings.low_res_least + (1 - settings.low_res_least) * share)))
    if rows.numel() == 0 or small >= side:
        return pictures
    reduced = functional.interpolate(pictures[rows], size=(small, small), mode="area")
    enlarged = functional.interpolate(reduced, size=(side, side), mode="bilinear", align_corners=False)
    return pictures.index_copy(0, rows, enlarged)


def _add_noise(pictures: Tensor, settings: Augmentation, draw: _Draw) -> Tensor:
    """White noise of each chosen picture's own strength."""
    chosen, strength = draw.chosen(settings.noise_p), draw.uniform(low=0.0) * settings.noise_sd
    if chosen.count == 0 or settings.noise_sd == 0:
        return pictures
    noise = draw.normal(chosen, tuple(pictures.shape[1:]))
    return pictures.index_add(0, chosen.rows, noise * strength[chosen.rows, None, None, None])


def _compress(pictures: Tensor, settings: Augmentation, draw: _Draw) -> Tensor:
    """Chosen pictures with their 8×8 cosine transform rounded, as JPEG does: the finer the detail the coarser.

    The steps rise with spatial frequency as those of ITU-T T.81's luminance table K.1 do from its first entry, 16, to
    its last, 99: by 0.37 of the first for each of u and v. There is no chroma subsampling.
    """
    rows, step = draw.chosen(settings.jpeg_p).rows, draw.uniform(low=0.1) * settings.jpeg_step
    height, width = pictures.shape[-2:]
    if rows.numel() == 0 or settings.jpeg_step == 0:
        return pictures
    padded = functional.pad(pictures[rows], (0, -width % 8, 0, -height % 8), mode="replicate")
    basis = _cosine_basis(pictures.device)
    blocks = padded.unfold(2, 8, 8).unfold(3, 8, 8)  # (M, C, H / 8, W / 8, 8, 8)
    order = torch.arange(8, device=pictures.device)
    steps = step[rows, None, None, None, None, None] * (1 + 0.37 * (order[:, None] + order[None, :]))
    rounded = torch.round(basis @ blocks @ basis.T / steps) * steps
    restored = (basis.T @ rounded @ basis).transpose(3, 4).reshape(padded.shape)
    return pictures.index_copy(0, rows, restored[..., :height, :width].contiguous())


def _cosine_basis(device: torch.device) -> Tensor:
    """The orthonormal 8-point cosine transform, (8, 8) float32, a row a frequency."""
    frequency, position = torch.arange(8, device=device)[:, None], torch.arange(8, device=device)[None, :]
    basis = torch.cos(math.pi * frequency * (2 * position + 1) / 16) / 2
    return torch.where(frequency == 0, basis / math.sqrt(2), basis)


def _erase(pictures: Tensor, settings: Augmentation, draw: _Draw) -> Tensor:
    """A rectangle of each chosen picture painted one grey, rough with noise (Zhong et al. 2020, Random Erasing)."""
    chosen = draw.chosen(settings.erase_p)
    rows = chosen.rows
    high, wide = draw.uniform(low=0.2), draw.uniform(low=0.2)
    top, left, grey, rough = (draw.uniform(low=0.0) for _ in range(4))
    if chosen.count == 0 or settings.erase_side == 0:
        return pictures
    height, width = pictures.shape[-2:]
    down = _inside(top[rows], high[rows] * settings.erase_side, height)
    across = _inside(left[rows], wide[rows] * settings.erase_side, width)
    noise = draw.normal(chosen, (1, height, width)) * (0.15 * rough[rows])[:, None, None, None]
    paint = (noise + grey[rows, None, None, None]).clamp(0, 1)
    mask = (down[:, :, None] & across[:, None, :])[:, None]
    return pictures.index_copy(0, rows, torch.where(mask, paint, pictures[rows]))


def _inside(place: Tensor, extent: Tensor, side: int) -> Tensor:
    """(M, side) bool: the stretch of `extent` of the side whose centre lies at `place`, both in [0, 1]."""
    position = (torch.arange(side, device=place.device)[None] + 0.5) / side
    return (position - place[:, None]).abs() < extent[:, None] / 2
