"""A classifier as one value: a network with its class names and the preprocessing that it was trained with.

Networks are found in one table, `ARCHITECTURES`; a saved model names its architecture and holds its configuration. Each
is an nn.Module with `config`, `features(pictures)` (N, feature_width), `feature_width` and `head`, its last linear
layer: `network(pictures)` is `network.head(network.features(pictures))`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facsim.errors import FacsimError, WeightsError, hint_nearest
from facsim.models.initialisation import initialise
from facsim.models.ir50 import Ir50, Ir50Config
from facsim.models.poster import Poster, PosterConfig
from facsim.models.poster_pp import PosterPp, PosterPpConfig
from facsim.models.resnet import ResNet, ResNet18Config, ResNet50Config
from facsim.models.small_cnn import SmallCnn, SmallCnnConfig, build_small_cnn
from facsim.models.vit import Vit, VitConfig

__all__ = [
    "ARCHITECTURES",
    "Classifier",
    "Preprocessing",
    "architecture_of",
    "build_network",
    "fit_preprocessing",
    "initialised",
    "nchw",
    "padded_rows",
    "prepare",
    "prepare_images",
    "read_pictures",
]

_ROWS_A_TURN = 1024


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What a network wants of a picture: side, colour, normalisation, and how loosely the face was cropped.

    `mean` and `std` hold one number a channel, on the range [0, 1]. `crop_margin` is the border beyond the face box as
    a share of its side, None where the training pictures did not say.
    """

    size_px: int
    colour: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop_margin: float | None = None

    def __post_init__(self) -> None:
        channels = {"grey": 1, "rgb": 3}.get(self.colour)
        if channels is None:
            raise FacsimError(f'found colour "{self.colour}", expected "grey" or "rgb"')
        if len(self.mean) != channels or len(self.std) != channels or min(self.std) <= 0:
            raise FacsimError(f"found mean {self.mean} and std {self.std}, expected {channels} each and std above 0")


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A network over `classes`, in the order of its outputs, with its preprocessing.

    `provenance` is plain JSON: what it was trained and chosen on, and how. `sha256` is that of the weights file, empty
    for a classifier that was never saved.
    """

    network: nn.Module
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sha256: str = ""


ARCHITECTURES: Mapping[str, tuple[type[Any], Callable[[Any], nn.Module]]] = {
    "small_cnn": (SmallCnnConfig, SmallCnn),
    "resnet18": (ResNet18Config, ResNet),
    "resnet50": (ResNet50Config, ResNet),
    "ir50": (Ir50Config, Ir50),
    "poster": (PosterConfig, Poster),
    "poster_pp": (PosterPpConfig, PosterPp),
    "vit": (VitConfig, Vit),
}
"""Architecture name -> its configuration and its network; a new network is a new line here."""


def architecture_of(network: nn.Module) -> tuple[str, dict[str, Any]]:
    """The name in `ARCHITECTURES` and the configuration, plain JSON, of a network. Raises WeightsError for others."""
    config: Any = getattr(network, "config", None)
    for name, (configuration, build) in ARCHITECTURES.items():
        if type(network) is build and type(config) is configuration:
            return name, asdict(config)
    raise WeightsError(f"found a network of type {type(network).__name__}, expected one of {', '.join(ARCHITECTURES)}")


def build_network(name: str, config: Mapping[str, Any]) -> nn.Module:
    """The network of this architecture and configuration, on the meta device, with no weights yet.

    Raises WeightsError where the name or a field is unknown, with the nearest known one.
    """
    if name not in ARCHITECTURES:
        raise WeightsError(
            f'found the architecture "{name}", expected one that this facsim has; a newer facsim may have it.'
            f"{hint_nearest(name, ARCHITECTURES)}"
        )
    try:
        return _built(name, config)
    except FacsimError as error:
        raise WeightsError(f'the configuration of "{name}" does not fit this facsim ({error}); retrain it') from error


def initialised(name: str, config: Mapping[str, Any], *, generator: torch.Generator) -> nn.Module:
    """The network of this architecture and configuration with its first weights, drawn from `generator` alone.

    On the CPU, in channels-last layout, in training mode. Raises FacsimError where the name or a field is unknown, with
    the nearest known one.
    """
    if name not in ARCHITECTURES:
        raise FacsimError(f'found the network "{name}", expected a known one.{hint_nearest(name, ARCHITECTURES)}')
    network = _built(name, config)
    if isinstance(network, SmallCnn):
        return build_small_cnn(network.config, generator=generator)
    network = network.to_empty(device="cpu")
    initialise(network, generator=generator)
    return network.train().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _built(name: str, config: Mapping[str, Any]) -> nn.Module:
    """The network on the meta device, so that no layer draws from the global generator. Raises FacsimError."""
    configuration, build = ARCHITECTURES[name]
    known = [entry.name for entry in fields(configuration)]
    for key in config:
        if key not in known:
            raise FacsimError(f'found the setting "{key}" for the network "{name}".{hint_nearest(key, known)}')
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}
    try:
        with torch.device("meta"):
            return build(configuration(**values))
    except TypeError as error:
        raise FacsimError(f'found {dict(config)} for the network "{name}", which does not fit: {error}') from error


def fit_preprocessing(images: NDArray[np.uint8], *, crop_margin: float | None = None) -> Preprocessing:
    """The preprocessing of images uint8 (N, S, S) or (N, S, S, 3): their size, each channel's mean and deviation."""
    # A histogram a channel gives exact moments without a float copy of all pictures, which may not fit into memory.
    counts = np.zeros((3 if images.ndim == 4 else 1, 256), dtype=np.int64)
    for at in range(0, len(images), _ROWS_A_TURN):
        counts += _histograms(images[at : at + _ROWS_A_TURN])
    levels = np.arange(256) / 255
    means = [float(count @ levels / count.sum()) for count in counts]
    variances = [float(count @ (levels - mean) ** 2 / count.sum()) for count, mean in zip(counts, means, strict=True)]
    return Preprocessing(
        size_px=images.shape[1],
        colour="rgb" if images.ndim == 4 else "grey",
        mean=tuple(round(mean, 6) for mean in means),
        std=tuple(round(max(variance**0.5, 1e-3), 6) for variance in variances),
        crop_margin=crop_margin,
    )


def _histograms(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each level occurs in each channel, int64 (C, 256)."""
    flat = np.asarray(images).reshape(-1, 3 if images.ndim == 4 else 1)
    return np.stack([np.bincount(flat[:, channel], minlength=256) for channel in range(flat.shape[1])])


def nchw(images: Tensor) -> Tensor:
    """Pictures (N, C, S, S) float32 in [0, 1] from uint8 (N, S, S) grey or (N, S, S, 3) RGB."""
    planes = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
    return planes.float() / 255


def prepare(pictures: Tensor, preprocessing: Preprocessing) -> Tensor:
    """What the network reads, from pictures (N, C, S, S) float32 in [0, 1]: normalised, in channels-last layout."""
    mean = torch.tensor(preprocessing.mean, device=pictures.device)[None, :, None, None]
    std = torch.tensor(preprocessing.std, device=pictures.device)[None, :, None, None]
    return ((pictures - mean) / std).contiguous(memory_format=torch.channels_last)


def read_pictures(
    network: nn.Module, preprocessing: Preprocessing, images: NDArray[np.uint8], *, device: str, rows: int = 1
) -> Tensor:
    """What a network in evaluation mode on `device` gives for images uint8 (N, S, S) or (N, S, S, 3) of its size, read
    in a batch that is filled up to a multiple of `rows` (`padded_rows`)."""
    with torch.inference_mode():
        return network(prepare_images(padded_rows(images, rows), preprocessing, device=device))[: len(images)]


def padded_rows(rows: NDArray[Any], count: int) -> NDArray[Any]:
    """The rows with the last repeated up to a multiple of `count`: a network then meets batches of one shape only, and
    gives a row the same result in whichever batch it comes."""
    short = -len(rows) % count
    return np.concatenate([rows, np.repeat(rows[-1:], short, axis=0)]) if short else rows


def prepare_images(images: NDArray[np.uint8], preprocessing: Preprocessing, *, device: str) -> Tensor:
    """What `prepare` gives of images uint8 (N, S, S) or (N, S, S, 3), to the bit, on `device`.

    On a CPU it is looked up: a picture has 256 levels, and each is worked out once.
    """
    if device != "cpu":
        return prepare(nchw(torch.from_numpy(np.ascontiguousarray(images)).to(device)), preprocessing)
    grey = images.ndim == 3
    levels = np.arange(256, dtype=np.uint8).reshape(256, 1, 1)
    table = prepare(nchw(torch.from_numpy(levels if grey else np.repeat(levels[..., None], 3, axis=3))), preprocessing)
    columns = np.ascontiguousarray(table.reshape(256, -1).T.numpy())
    if (columns == columns[0]).all():
        found = columns[0].take(images)
    else:
        found = np.stack([column.take(images[..., at]) for at, column in enumerate(columns)], axis=-1)
    return torch.from_numpy(found)[:, None] if grey else torch.from_numpy(found).permute(0, 3, 1, 2)
