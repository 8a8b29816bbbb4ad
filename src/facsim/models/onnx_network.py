"""Networks as ONNX files that anybody made: one picture input, and outputs that somebody must name.

onnxruntime is an extra. It reads a graph of operators and runs no code of the file's.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError, MissingExtra, WeightsError

__all__ = ["LAYOUTS", "OnnxNetwork", "PictureInput", "file_digest", "onnx_properties", "open_onnx"]

LAYOUTS = ("nchw", "nhwc")


@dataclass(frozen=True, kw_only=True)
class PictureInput:
    """What an ONNX network wants of a picture: side, colour ("rgb", "bgr" or "grey"), layout, and numbers: `mean` and
    `std` on the range [0, 1], one a channel; `scale` 1 gives it that range, 255 bytes' range before mean and std."""

    size_px: int
    colour: str = "rgb"
    layout: str = "nchw"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    scale: float = 1.0

    def __post_init__(self) -> None:
        channels = {"rgb": 3, "bgr": 3, "grey": 1}.get(self.colour)
        if channels is None or self.layout not in LAYOUTS or self.size_px < 1:
            raise FacsimError(
                f'found size_px {self.size_px}, colour "{self.colour}" and layout "{self.layout}", expected a side of '
                f'1 or more, "rgb", "bgr" or "grey", and one of {", ".join(LAYOUTS)}'
            )
        if {len(self.mean), len(self.std)} != {channels} or min(self.std) <= 0:
            raise FacsimError(f"found mean {self.mean} and std {self.std}, expected {channels} each and std above 0")


@dataclass(frozen=True, kw_only=True)
class OnnxNetwork:
    """An opened network: its session, its input's name, its type and how many pictures it takes at a time (0: any)."""

    session: Any
    input_name: str
    input_type: str
    batch: int
    wants: PictureInput
    file: str

    def run(self, faces: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Each output's numbers (N, …) float32 for faces uint8 (N, S, S, 3) RGB. Raises WeightsError where it fails."""
        numbers = self._numbers(faces)
        size = self.batch or len(numbers)
        parts = [self._outputs(_filled(numbers[at : at + size], size)) for at in range(0, len(numbers), max(size, 1))]
        return [np.concatenate(found)[: len(faces)] for found in zip(*parts, strict=True)]

    def _numbers(self, faces: NDArray[np.uint8]) -> NDArray[Any]:
        asked = self.wants
        if asked.colour == "grey":  # ITU-R BT.601, as elsewhere
            planes = np.round(faces @ np.array([0.299, 0.587, 0.114]))[..., None]
        else:
            planes = faces[..., ::-1] if asked.colour == "bgr" else faces
        if self.input_type == "tensor(uint8)":
            numbers = planes.astype(np.uint8)
        else:
            mean, std = np.asarray(asked.mean, np.float32), np.asarray(asked.std, np.float32)
            numbers = (planes.astype(np.float32) / np.float32(255) * np.float32(asked.scale) - mean) / std
        return np.ascontiguousarray(numbers.transpose(0, 3, 1, 2) if asked.layout == "nchw" else numbers)

    def _outputs(self, numbers: NDArray[Any]) -> list[NDArray[np.float32]]:
        try:
            found = self.session.run(None, {self.input_name: numbers})
        except _refusals() as error:
            raise WeightsError(f"{self.file} cannot be run on {numbers.shape} {numbers.dtype} ({error})") from error
        return [np.asarray(value, dtype=np.float32) for value in found]


def _filled(numbers: NDArray[Any], size: int) -> NDArray[Any]:
    short = size - len(numbers)
    return np.concatenate([numbers, np.repeat(numbers[-1:], short, axis=0)]) if short > 0 else numbers


def open_onnx(path: str | os.PathLike[str], wants: PictureInput, *, threads: int = 1) -> OnnxNetwork:
    """The network of an ONNX file, on the CPU. Where the file fixes its side or its layout, `wants` must agree.

    Raises MissingExtra where onnxruntime is absent, WeightsError for what is no ONNX file with one picture input.
    """
    session = _session(Path(path), threads)
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in ("tensor(float)", "tensor(uint8)"):
        told = ", ".join(f"{entry.name} {entry.type} {entry.shape}" for entry in inputs)
        raise WeightsError(f"{path} has the inputs {told}, expected one of pictures, four axes of float or uint8")
    shape = [value if isinstance(value, int) else 0 for value in inputs[0].shape]
    channels = 1 if wants.colour == "grey" else 3
    wanted = (channels, wants.size_px, wants.size_px)
    wanted = wanted if wants.layout == "nchw" else (*wanted[1:], channels)
    if any(found not in (0, asked) for found, asked in zip(shape[1:], wanted, strict=True)):
        raise WeightsError(
            f"{path} takes pictures {inputs[0].shape}, expected {list(wanted)} after the first axis; set size_px, "
            "colour and layout as the model has them"
        )
    return OnnxNetwork(
        session=session,
        input_name=inputs[0].name,
        input_type=inputs[0].type,
        batch=shape[0],
        wants=wants,
        file=os.fspath(path),
    )


def onnx_properties(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """What facsim's own export wrote into an ONNX file (`classes`, `preprocessing`, `provenance`); of others' files
    nothing.

    Raises as `open_onnx` does.
    """
    found = _session(Path(path), 1).get_modelmeta().custom_metadata_map
    try:
        return {key: json.loads(found[key]) for key in ("classes", "preprocessing", "provenance") if key in found}
    except ValueError:
        return {}  # another maker's property of the same name


def file_digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the file. Raises WeightsError where it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error}); expected a file of weights") from error


def _session(file: Path, threads: int) -> Any:
    if importlib.util.find_spec("onnxruntime") is None:
        raise MissingExtra(f'found no onnxruntime, which {file} needs; install it with `pip install "facsim[onnx]"`')
    import onnxruntime

    file_digest(file)  # a missing file, in our words
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # its warnings are about graphs, and go to stderr
    try:
        return onnxruntime.InferenceSession(os.fspath(file), options, providers=["CPUExecutionProvider"])
    except _refusals() as error:
        raise WeightsError(f"{file} is no whole ONNX file ({str(error)[:200]}); fetch it again") from error


def _refusals() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: classes that share no base but Exception."""
    import onnxruntime.capi.onnxruntime_pybind11_state as state

    own = [value for value in vars(state).values() if isinstance(value, type) and issubclass(value, Exception)]
    return (*own, RuntimeError, ValueError, TypeError)
