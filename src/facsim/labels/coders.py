"""Models that say which action units a face shows: facsim's own, OpenGraphAU's, and any ONNX file with a list of units.

A coder gives, for each of its units, the probability that it is there; an intensity with a standard deviation where its
model knows one. Intensities of models that only know presence are 5 times the probability: how sure they are of a unit
grows with it, but the number is no FACS intensity, and has no deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr

from facsim.errors import WeightsError
from facsim.facs import MAX_INTENSITY, action_unit, split_key
from facsim.models.classifier import Preprocessing, read_pictures
from facsim.models.intensities import intensities_of
from facsim.models.labeller import Labeller, load_reader
from facsim.models.official import load_official
from facsim.models.onnx_network import PictureInput, open_onnx
from facsim.models.open_graph_au import OPEN_GRAPH_UNITS, SIDE_PX, OpenGraphAu, OpenGraphAuConfig

__all__ = ["OPEN_GRAPH", "Coder", "Coding", "checked_unit", "native_coder", "onnx_coder", "open_graph_coder"]

OPEN_GRAPH = {"opengraphau-resnet50": 50, "opengraphau-resnet18": 18}
"""Architecture name -> the depth of its ResNet."""

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, kw_only=True)
class Coding:
    """What a coder says of N faces and K units: `presence` (N, K), 0 to 1; `intensity` (N, K), 0 to 5; `deviation`
    (N, K), steps of FACS, or None where the model knows none. All float64."""

    presence: NDArray[np.float64]
    intensity: NDArray[np.float64]
    deviation: NDArray[np.float64] | None


@dataclass(frozen=True, kw_only=True)
class Coder:
    """Units by key, or by code where the model does not tell sides apart; how faces must be framed; and the reading.

    `read` takes faces uint8 (N, size_px, size_px, 3) RGB and the intensity from which a unit counts as there.
    """

    units: tuple[str, ...]
    frame: str
    size_px: int
    read: Callable[[NDArray[np.uint8], float], Coding]


def native_coder(path: str, *, device: str) -> Coder:
    """facsim's own coder, or one that `facsim teach action_units` wrote to `path`. Raises WeightsError."""
    labeller = load_reader("action_units", path, device=device)
    settings = labeller.settings
    return Coder(
        units=tuple(settings["keys"]),
        frame=str(settings["template"]),
        size_px=labeller.preprocessing.size_px,
        read=lambda faces, least: _native(labeller, faces, least, device),
    )


def _native(labeller: Labeller, faces: NDArray[np.uint8], least: float, device: str) -> Coding:
    outputs = _run(labeller.network, labeller.preprocessing, faces, device)
    mean, deviation = (values.astype(np.float64) for values in intensities_of(outputs, labeller.settings))
    return Coding(presence=ndtr((mean - least) / deviation), intensity=mean, deviation=deviation)


def open_graph_coder(path: str, architecture: str, *, device: str) -> Coder:
    """OpenGraphAU's first stage from an official checkpoint. Raises WeightsError.

    Its pictures are whole face crops; what its authors' detector cut is nearest to the frame `arcface`.
    """
    network = _official(path, OPEN_GRAPH[architecture]).to(device)
    asked = Preprocessing(size_px=SIDE_PX, colour="rgb", mean=_IMAGENET[0], std=_IMAGENET[1])
    return Coder(
        units=OPEN_GRAPH_UNITS,
        frame="arcface",
        size_px=SIDE_PX,
        read=lambda faces, least: _present(_run(network, asked, faces, device)),
    )


def _official(path: str, depth: int) -> OpenGraphAu:
    with torch.device("meta"):
        network = OpenGraphAu(OpenGraphAuConfig(depth=depth))
    load_official(network, path)
    return network.eval().requires_grad_(False)


def onnx_coder(path: str, units: Sequence[str], wants: PictureInput, *, frame: str, logits: bool) -> Coder:
    """Any ONNX network whose first output is a number for each of `units`, in this order. Raises WeightsError.

    A unit is a code (`12`: either side, or no sides) or a key (`12L`). With `logits` the numbers go through a sigmoid.
    """
    known = tuple(checked_unit(unit) for unit in units)
    network = open_onnx(path, wants)

    def read(faces: NDArray[np.uint8], least: float) -> Coding:
        found = network.run(faces)[0].reshape(len(faces), -1).astype(np.float64)
        if found.shape[1] != len(known):
            raise WeightsError(f"{path} gives {found.shape[1]} numbers a face, expected {len(known)}, one a unit")
        return _present(1 / (1 + np.exp(-np.clip(found, -50, 50))) if logits else found)

    return Coder(units=known, frame=frame, size_px=wants.size_px, read=read)


def checked_unit(unit: str) -> str:
    """A code or key as facsim spells it, of `AU12`, `12` or `12L`. Raises FacsimError for what is neither."""
    plain = unit.upper().removeprefix("AU")
    if plain[-1:] in ("L", "R"):
        split_key(plain)
        return plain
    return str(action_unit(plain).code)


def _present(probabilities: NDArray[Any]) -> Coding:
    presence = np.clip(np.nan_to_num(probabilities.astype(np.float64)), 0, 1)
    return Coding(presence=presence, intensity=presence * MAX_INTENSITY, deviation=None)


def _run(network: Any, asked: Preprocessing, faces: NDArray[np.uint8], device: str) -> NDArray[np.float32]:
    return read_pictures(network, asked, faces, device=device).float().cpu().numpy()
