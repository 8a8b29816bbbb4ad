"""Networks of others that read a face, by local path: an ONNX file and a few lines of TOML that say what it wants.

    file = "fairface.onnx"            # beside this description, or an absolute path
    template = "wide"                 # how faces are framed: a template of facsim.models.face_crop
    mean = [0.485, 0.456, 0.406]      # of pixels in [0, 1]
    std = [0.229, 0.224, 0.225]
    colour = "rgb"                    # or "bgr"
    terms = "no: research use"        # optional: whether commercial use of its labels is allowed, and on what terms

    [outputs.gender]                  # what a task needs to know of each output: see the stage
    name = "gender"
    classes = ["masculine", "feminine"]

An ONNX file without a description is taken for one of ArcFace's conventions: its template, RGB, pixels about 127.5. The
graph takes float32 (N, 3, S, S), S being fixed in it. Nothing is ever fetched.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FormatError, MissingExtra, WeightsError, hint_nearest
from facsim.formats.terms import terms_from
from facsim.models.face_crop import TEMPLATES

__all__ = ["External", "OutputOf", "external_digest", "is_external", "load_external", "open_external"]

_KEYS = ("file", "template", "mean", "std", "colour", "terms", "outputs")
_OUTPUT_KEYS = ("name", "classes", "years")
_REFUSALS = (
    "Fail",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "NoModel",
    "NotImplemented",
    "RuntimeException",
)
Run = Callable[[NDArray[np.uint8]], Mapping[str, NDArray[np.float32]]]


@dataclass(frozen=True, kw_only=True)
class OutputOf:
    """One output of a graph: its `name` there, the `classes` of its numbers, or the `years` that they stand for."""

    name: str
    classes: tuple[str, ...] = ()
    years: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class External:
    """What an external network wants and gives; `outputs` by what they say, empty for the graph's only one. `terms` as
    in `facsim.formats.terms.terms_from`, empty where nobody has said."""

    file: Path
    template: str = "arcface"
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    colour: str = "rgb"
    terms: str = ""
    outputs: Mapping[str, OutputOf] = field(default_factory=dict[str, OutputOf])

    def __post_init__(self) -> None:
        if self.template not in TEMPLATES:
            raise WeightsError(f'no template is called "{self.template}".{hint_nearest(self.template, TEMPLATES)}')
        if self.colour not in ("rgb", "bgr"):
            raise WeightsError(f'found colour "{self.colour}", expected "rgb" or "bgr"')
        try:
            terms_from(self.terms, form="")
        except FormatError as error:
            raise WeightsError(str(error)) from None
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise WeightsError(f"found mean {self.mean} and std {self.std}, expected three each and std above 0")


def is_external(path: str | os.PathLike[str]) -> bool:
    """Whether the path is that of an external network: an ONNX file or a description, by its ending."""
    return Path(path).suffix.lower() in (".onnx", ".toml")


def load_external(path: str | os.PathLike[str]) -> External:
    """The description at `path`, or that of a bare ONNX file. Raises WeightsError, saying what is wrong with it."""
    place = Path(path)
    if not place.is_file():
        raise WeightsError(f"{place} does not exist, expected an ONNX file or a description of one (TOML)")
    if place.suffix.lower() == ".onnx":
        return External(file=place)
    try:
        table = tomllib.loads(place.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"{place} is no TOML ({error}); describe the network as in facsim.models.external"
        ) from error
    _refuse_unknown(table, _KEYS, str(place))
    return _described(table, place)


def external_digest(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """SHA-256 of the files that the network's answer depends on: the graph's, and the description's if there is one."""
    found = load_external(path)
    files = dict.fromkeys((found.file, Path(path)))
    return tuple(hashlib.sha256(_bytes(file)).hexdigest() for file in files)


def open_external(external: External) -> tuple[int, Run]:
    """The side of the faces that the graph takes, and the function from faces uint8 (N, S, S, 3) RGB to its outputs.

    Each face is given to the graph alone, so that it never depends on its batch. Raises MissingExtra without
    onnxruntime, WeightsError where the graph cannot be loaded or takes no square faces.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise MissingExtra('external networks need onnxruntime; install it with `pip install "facsim[onnx]"`')
    session = _session(external.file)
    taken = session.get_inputs()[0]
    shape = list(taken.shape)
    if len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3] or not isinstance(shape[2], int):
        raise WeightsError(f"{external.file} takes {shape}, expected (N, 3, S, S) with a fixed side S")
    names = [output.name for output in session.get_outputs()]
    for said in external.outputs.values():
        if said.name not in names:
            raise WeightsError(f'{external.file} has no output "{said.name}".{hint_nearest(said.name, names)}')

    def run(faces: NDArray[np.uint8]) -> Mapping[str, NDArray[np.float32]]:
        planes = _planes(faces, external)
        rows = [session.run(names, {taken.name: planes[at : at + 1]}) for at in range(len(planes))]
        return {
            name: np.stack([np.asarray(row[at], dtype=np.float32).reshape(-1) for row in rows])
            for at, name in enumerate(names)
        }

    return shape[2], run


def _planes(faces: NDArray[np.uint8], external: External) -> NDArray[np.float32]:
    ordered = faces if external.colour == "rgb" else faces[..., ::-1]
    normalised = (ordered / 255.0 - np.array(external.mean)) / np.array(external.std)
    return np.ascontiguousarray(normalised.transpose(0, 3, 1, 2), dtype=np.float32)


def _session(file: Path) -> Any:
    import onnxruntime

    faults: Any = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    data = _bytes(file)
    refusals = tuple(getattr(faults, name) for name in _REFUSALS)  # they have no common base of their own
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except refusals as error:
        raise WeightsError(f"{file} is no ONNX graph that onnxruntime can load ({error})") from error


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise WeightsError(f"{file} cannot be read ({error}); give the path of an ONNX file") from error


def _described(table: Mapping[str, Any], place: Path) -> External:
    if not isinstance(table.get("file"), str):
        raise WeightsError(f'{place} has no `file`; write `file = "network.onnx"`')
    outputs = table.get("outputs", {})
    if not isinstance(outputs, dict) or not all(isinstance(said, dict) and "name" in said for said in outputs.values()):
        raise WeightsError(f"{place}: expected a table [outputs.<what>] with a `name` for each output")
    try:
        return External(
            file=place.parent / table["file"],
            template=table.get("template", "arcface"),
            mean=tuple(float(value) for value in table.get("mean", (0.5,) * 3)),
            std=tuple(float(value) for value in table.get("std", (0.5,) * 3)),
            colour=table.get("colour", "rgb"),
            terms=str(table.get("terms", "")),
            outputs={what: _output(said, f"{place}: outputs.{what}") for what, said in outputs.items()},
        )
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{place} has a value of the wrong kind ({error})") from error


def _output(said: Mapping[str, Any], where: str) -> OutputOf:
    _refuse_unknown(said, _OUTPUT_KEYS, where)
    return OutputOf(
        name=str(said["name"]),
        classes=tuple(str(name) for name in said.get("classes", ())),
        years=tuple(float(year) for year in said.get("years", ())),
    )


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            raise WeightsError(f'{where} has the unknown key "{key}".{hint_nearest(key, known)}')
