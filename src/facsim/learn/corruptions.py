"""Pictures made worse in a stated way and degree, each from its own seed: what robustness is measured on.

Noise, brightness, contrast, JPEG and pixelation have the strengths of ImageNet-C, blurs those of CIFAR-10-C as shares
of its 32 px (Hendrycks and Dietterich 2019, the authors' code): shares mean the same at any size, and ImageNet-C's, of
224 px, leave a face of 48 px as it is. Out of focus is a disc as wide as the Gaussian blur of its severity. Occlusion,
rotation and loss of colour are facsim's own; occlusion lies where a face crop has its eyes or mouth, and means nothing
elsewhere.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from facsim.errors import FacsimError, hint_nearest
from facsim.learn.data import Pictures
from facsim.sample import generator_for

__all__ = ["CORRUPTIONS", "SEVERITIES", "check_corruptions", "corrupt", "corruptions_for"]

SEVERITIES = (1, 2, 3, 4, 5)

_Picture = NDArray[np.floating[Any]]
"""Floats (S, S, 1) grey or (S, S, 3) RGB in [0, 1]."""

_Corruption = Callable[[_Picture, int, np.random.Generator], _Picture]
"""A picture, the severity less one (0 to 4) and its generator give the corrupted picture, of any range."""

_BLURS = (0.4 / 32, 0.6 / 32, 0.7 / 32, 0.8 / 32, 1 / 32)  # CIFAR-10-C, deviation over the picture's side
_LUMA_BT601 = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def _gaussian_noise(picture: _Picture, level: int, rng: np.random.Generator) -> _Picture:
    return picture + rng.normal(0, (0.08, 0.12, 0.18, 0.26, 0.38)[level], picture.shape).astype(np.float32)


def _shot_noise(picture: _Picture, level: int, rng: np.random.Generator) -> _Picture:
    photons = (60, 25, 12, 5, 3)[level]
    return (rng.poisson(picture * photons) / photons).astype(np.float32)


def _gaussian_blur(picture: _Picture, level: int, rng: np.random.Generator) -> _Picture:
    sigma = _BLURS[level] * len(picture)
    return ndimage.gaussian_filter(picture, (sigma, sigma, 0), mode="nearest")


def _defocus_blur(picture: _Picture, level: int, rng: np.random.Generator) -> _Picture:
    radius = 2 * _BLURS[level] * len(picture)  # a disc's deviation along an axis is half its radius
    reach, fine = int(np.ceil(radius)), 8
    # A disc, each pixel by how much of it lies within: the mean of 8 × 8 places.
    places = (np.arange((2 * reach + 1) * fine) + 0.5) / fine - reach - 0.5
    inside = (places[:, None] ** 2 + places**2 <= radius**2).astype(np.float32)
    disc = inside.reshape(2 * reach + 1, fine, 2 * reach + 1, fine).mean(axis=(1, 3))
    return _convolved(picture, disc)


def _motion_blur(picture: _Picture, level: int, rng: np.random.Generator) -> _Picture:
    length, sigma = ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5))[level]
    scale, angle = len(picture) / 32, np.deg2rad(rng.uniform(-45, 45))
    along = np.linspace(0, length * scale, 4 * int(np.ceil(length * scale)) + 1)
    weights = np.exp(-(along**2) / (2 * (sigma * scale) ** 2))
    reach = int(np.ceil(length * scale)) + 1
    line = np.zeros((2 * reach + 1, 2 * reach + 1), dtype=np.float32)
    down, across = reach + along * np.sin(angle), reach + along * np.cos(angle)
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):  # each point of the line is shared out among four pixels
        y, x = np.floor(down).astype(int) + dy, np.floor(across).astype(int) + dx
        np.add.at(line, (y, x), weights * (1 - np.abs(down - y)) * (1 - np.abs(across - x)))
    return _convolved(picture, line)


def _brightness(picture: _Picture, level: int, rng: np.random.Generator) -> _Picture:
    # Added to HSV's value, hue and saturation kept: colours are scaled as their largest channel is.
    value = picture.max(axis=2, keepdims=True)
    lit = np.clip(value + (0.1, 0.2, 0.3, 0.4, 0.5)[level], 0, 1)
    return np.where(value > 0, picture * lit / np.maximum(value, 1e-6), lit).astype(np.float32)


def _contrast(picture: _Picture, level: int, rng: np.random.Generator) -> _Picture:
    mean = picture.mean(axis=(0, 1), keepdims=True)
    return (picture - mean) * np.float32((0.4, 0.3, 0.2, 0.1, 0.05)[level]) + mean


def _jpeg(picture: _Picture, level: int, rng: np.random.Generator) -> _Picture:
    file = io.BytesIO()
    _image(picture).save(file, "JPEG", quality=(25, 18, 15, 10, 7)[level])
    return _from_image(Image.open(file))


def _pixelate(picture: _Picture, level: int, rng: np.random.Generator) -> _Picture:
    side = max(1, int(len(picture) * (0.6, 0.5, 0.4, 0.3, 0.25)[level]))
    small = _image(picture).resize((side, side), Image.Resampling.BOX)
    return _from_image(small.resize((len(picture), len(picture)), Image.Resampling.BOX))


def _rotation(picture: _Picture, level: int, rng: np.random.Generator) -> _Picture:
    turn = (5, 10, 15, 20, 30)[level] * (1 if rng.random() < 0.5 else -1)
    turned = ndimage.rotate(picture, turn, axes=(0, 1), reshape=False, order=1, mode="nearest")
    return turned.astype(np.float32)


def _desaturate(picture: _Picture, level: int, rng: np.random.Generator) -> _Picture:
    share = np.float32((0.2, 0.4, 0.6, 0.8, 1.0)[level])
    return picture * (1 - share) + share * (picture @ _LUMA_BT601)[..., None]


def _occlusion(middle: float) -> _Corruption:
    """One grey rectangle across the face, its middle at this share of the height, jittered by up to 5 %."""

    def occlude(picture: _Picture, level: int, rng: np.random.Generator) -> _Picture:
        height, width = ((0.1, 0.3), (0.14, 0.45), (0.18, 0.6), (0.22, 0.75), (0.26, 0.9))[level]
        side, (dy, dx), grey = len(picture), rng.uniform(-0.05, 0.05, 2), rng.random()
        top, left = round(side * (middle + dy - height / 2)), round(side * (0.5 + dx - width / 2))
        covered = picture.copy()
        covered[max(0, top) : top + round(side * height), max(0, left) : left + round(side * width)] = grey
        return covered

    return occlude


CORRUPTIONS: Mapping[str, _Corruption] = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "gaussian_blur": _gaussian_blur,
    "defocus_blur": _defocus_blur,
    "motion_blur": _motion_blur,
    "brightness": _brightness,
    "contrast": _contrast,
    "jpeg": _jpeg,
    "pixelate": _pixelate,
    "occlusion_eyes": _occlusion(0.38),
    "occlusion_mouth": _occlusion(0.76),
    "rotation": _rotation,
    "desaturate": _desaturate,
}
"""Name -> corruption."""

_OF_COLOUR = ("desaturate",)


def corruptions_for(pictures: Pictures) -> tuple[str, ...]:
    """The names of the corruptions that change such pictures: loss of colour does nothing to grey ones."""
    return tuple(name for name in CORRUPTIONS if pictures.shape.colour == "rgb" or name not in _OF_COLOUR)


def check_corruptions(names: Iterable[str], severities: Iterable[int]) -> None:
    """Raise FacsimError where there is no such corruption, with the nearest, or no such severity."""
    for name in names:
        if name not in CORRUPTIONS:
            raise FacsimError(
                f'found the corruption "{name}", expected one of those there are.{hint_nearest(name, CORRUPTIONS)}'
            )
    for severity in severities:
        if severity not in SEVERITIES:
            raise FacsimError(f"found severity {severity}, expected 1 to 5")


def corrupt(pictures: Pictures, name: str, severity: int) -> Pictures:
    """The pictures, made worse: the same for the same names of pictures, corruption and severity (1 to 5).

    Raises FacsimError where there is no such corruption or severity, or where it does nothing to such pictures.
    """
    check_corruptions((name,), (severity,))
    if name not in corruptions_for(pictures):
        raise FacsimError(f'"{name}" does nothing to grey pictures; leave it out')
    made = [_made(image, name, severity, who) for image, who in zip(pictures.images, pictures.ids, strict=True)]
    return replace(pictures, images=np.stack(made) if made else pictures.images)


def _made(image: NDArray[np.uint8], name: str, severity: int, who: str) -> NDArray[np.uint8]:
    rng = generator_for(who, f"corruption/{name}/{severity}")
    picture = (image if image.ndim == 3 else image[..., None]).astype(np.float32) / 255
    worse = CORRUPTIONS[name](picture, severity - 1, rng)
    return np.rint(np.clip(worse, 0, 1) * 255).astype(np.uint8).reshape(image.shape)


def _convolved(picture: _Picture, kernel: NDArray[np.float32]) -> _Picture:
    return ndimage.convolve(picture, (kernel / kernel.sum())[..., None], mode="nearest")


def _image(picture: _Picture) -> Image.Image:
    bytes_ = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(bytes_[..., 0] if bytes_.shape[2] == 1 else bytes_)


def _from_image(image: Image.Image) -> _Picture:
    array = np.asarray(image, dtype=np.float32) / 255
    return array if array.ndim == 3 else array[..., None]
