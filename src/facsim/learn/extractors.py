"""Networks that turn pictures into features by which sets are compared, and the names that figures of them bear.

    random              an untrained network of a fixed seed: no download, no training set, comparable between runs
    FOLDER              a classifier or backbone of facsim's, a model of pictures and texts, a CLIP-style folder
    FILE.onnx           uint8 (N, C, S, S) pictures in, features out
    inception:FILE      Inception-v3 up to pool3, as TorchScript or ONNX: 2,048 features of 299 px RGB pictures

Distances depend on the network as a length on its unit, so its name and the first eight digits of its SHA-256 are in
the figure's: `fid_small_cnn@1a2b3c4d`. The plain names `fid`, `kid`, … are those of Inception-v3's pool3 (Heusel et al.
2017), which everybody else means by them. They are still comparable only where pictures were resized alike: here by
Pillow's bicubic filter (Parmar, Zhang and Zhu 2022, On Aliased Resizing, section 4).
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray

from facsim.errors import MissingExtra, WeightsError
from facsim.learn.clip_models import is_clip_folder, load_clip
from facsim.learn.contrastive import CaptionModel
from facsim.learn.data import PictureShape
from facsim.learn.leaks import SeenPictures, load_seen
from facsim.learn.zero_shot import ImageTextModel
from facsim.models.backbones import Backbone, feature_width, features_of, load_backbone
from facsim.models.classifier import Preprocessing, architecture_of, nchw, prepare
from facsim.models.image_text import is_image_text, load_image_text
from facsim.models.small_cnn import SmallCnnConfig, build_small_cnn

__all__ = ["INCEPTION_SHAPE", "RANDOM", "Extractor", "Features", "open_extractor", "random_extractor"]

Features: TypeAlias = NDArray[np.float32]

RANDOM = "random"
INCEPTION_SHAPE = PictureShape(size_px=299, colour="rgb")
_INCEPTION, _INCEPTION_WIDTH = "inception", 2048
_RANDOM_SEED = 0
_RANDOM_SHAPE = Preprocessing(size_px=48, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3)


@dataclass(frozen=True, kw_only=True)
class Extractor:
    """What gives features float32 (N, width) of pictures uint8 (N, S, S[, 3]) of `shape`.

    `sha256` is that of its weights, `files` those by which a run's steps would name it. `trained_on` is in words, as
    its card has it, `seen` the pictures themselves where they lie beside the weights. `is_plain` where figures of it
    bear the plain names.
    """

    name: str
    sha256: str
    shape: PictureShape
    width: int
    extract: Callable[[NDArray[np.uint8]], Features]
    trained_on: str
    seen: SeenPictures = field(default_factory=SeenPictures)
    is_plain: bool = False

    def figure_name(self, metric: str) -> str:
        """`fid` where the features are those that the plain name stands for, else `fid_<name>@<first eight digits>`."""
        return metric if self.is_plain else f"{metric}_{self.name}@{self.sha256[:8]}"

    def to_json(self) -> dict[str, Any]:
        """What it is, plain JSON."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "shape": asdict(self.shape),
            "features": self.width,
            "trained_on": self.trained_on,
        }


def open_extractor(asked: str, *, device: str = "cpu") -> Extractor:
    """The extractor that `asked` names (see above), on `device`.

    Raises WeightsError where there is none there, or none that fits, and MissingExtra where what reads it is absent.
    """
    kind, _, path = asked.partition(":")
    if asked == RANDOM:
        return random_extractor()
    if kind == _INCEPTION and path:
        return _inception(Path(path), device)
    place = Path(asked)
    if place.is_file() and place.suffix.lower() == ".onnx":
        return _onnx(place)
    if place.is_file() and place.suffix in (".pt", ".pth", ".ts", ".jit"):
        raise WeightsError(
            f"{place} is a file of torch's, of which facsim knows neither the pictures nor the features that it means; "
            f"if it is Inception-v3's pool3 as TorchScript, say {_INCEPTION}:{place}; else export it as ONNX"
        )
    if is_image_text(place):
        return _from_texts(CaptionModel(model=load_image_text(place, device=device)), "captions", load_seen(place))
    if is_clip_folder(place):
        clip = load_clip(place, device=device)
        return _from_texts(clip, str(clip.description["kind"]), SeenPictures())
    if not place.exists():
        raise WeightsError(
            f'found no extractor "{asked}", expected {RANDOM}, {_INCEPTION}:FILE, an .onnx file, or a folder that '
            "`facsim train`, `pretrain` or `contrast` wrote, or of a CLIP-style model"
        )
    return _from_backbone(load_backbone(place, device=device), load_seen(place))


def random_extractor() -> Extractor:
    """A small network of fixed random weights, for 48 px RGB pictures: 256 features.

    Features of untrained convolutions tell sets of pictures apart by their colours, edges and layout (Naeem et al.
    2020, section 5, take them where a trained network's domain is another), but know nothing of faces.
    """
    generator = torch.Generator().manual_seed(_RANDOM_SEED)
    network = build_small_cnn(SmallCnnConfig(classes=2, channels=3), generator=generator).eval()
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    backbone = Backbone(
        network=network,
        preprocessing=_RANDOM_SHAPE,
        provenance={"trained_on": "nothing: its weights are random"},
        sha256=digest.hexdigest(),
    )
    return _from_backbone(backbone, SeenPictures(), name=RANDOM)


def _from_backbone(backbone: Backbone, seen: SeenPictures, *, name: str = "") -> Extractor:
    asked, network = backbone.preprocessing, backbone.network.eval()
    device = next(network.parameters()).device

    def extract(images: NDArray[np.uint8]) -> Features:
        with torch.inference_mode():
            held = torch.from_numpy(np.ascontiguousarray(images)).to(device)
            return features_of(network, prepare(nchw(held), asked)).float().cpu().numpy()

    return Extractor(
        name=name or architecture_of(network)[0],
        sha256=backbone.sha256,
        shape=PictureShape(size_px=asked.size_px, colour=asked.colour),
        width=feature_width(network),
        extract=extract,
        trained_on=str(backbone.provenance.get("trained_on", "not recorded")),
        seen=seen,
    )


def _from_texts(model: ImageTextModel, name: str, seen: SeenPictures) -> Extractor:
    blank = np.zeros((1, model.shape.size_px, model.shape.size_px, 3), dtype=np.uint8)
    return Extractor(
        name=name,
        sha256=str(model.description["sha256"]),
        shape=model.shape,
        width=model.embed_pictures(blank if model.shape.colour == "rgb" else blank[..., 0]).shape[1],
        extract=model.embed_pictures,
        trained_on=str(model.description.get("trained_on", "not recorded")),
        seen=seen,
    )


def _inception(path: Path, device: str) -> Extractor:
    if not path.is_file():
        raise WeightsError(f"{path} does not exist; expected Inception-v3 up to pool3 as TorchScript or ONNX")
    found = _onnx(path) if path.suffix.lower() == ".onnx" else _torchscript(path, device)
    if found.width != _INCEPTION_WIDTH or found.shape != INCEPTION_SHAPE:
        raise WeightsError(
            f"{path} gives {found.width} features of {found.shape.size_px} px {found.shape.colour} pictures, expected "
            f"{_INCEPTION_WIDTH} of {INCEPTION_SHAPE.size_px} px rgb ones, as Inception-v3's pool3 has; leave "
            f'"{_INCEPTION}:" away to use it under its own name'
        )
    return Extractor(
        name=_INCEPTION,
        sha256=found.sha256,
        shape=found.shape,
        width=found.width,
        extract=found.extract,
        trained_on="ImageNet, as Inception-v3's weights are",
        is_plain=True,
    )


def _torchscript(path: Path, device: str) -> Extractor:
    """A TorchScript file of pictures uint8 (N, 3, 299, 299); `return_features=True` is said where it is known."""
    try:
        network: Any = torch.jit.load(path, map_location=device).eval()
    except RuntimeError as error:
        raise WeightsError(f"{path} is no TorchScript file ({str(error).splitlines()[0]}); give another") from error
    known = [argument.name for argument in network.forward.schema.arguments]
    more = {"return_features": True} if "return_features" in known else {}

    def extract(images: NDArray[np.uint8]) -> Features:
        planes = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(device)
        with torch.inference_mode():
            return _flat(network(planes, **more).float().cpu().numpy(), path)

    return Extractor(
        name=path.stem,
        sha256=_checksum(path),
        shape=INCEPTION_SHAPE,
        width=_tried(extract, INCEPTION_SHAPE, path),
        extract=extract,
        trained_on="not recorded",
    )


def _onnx(path: Path) -> Extractor:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra('an .onnx extractor needs onnxruntime: pip install "facsim[onnx]"') from error
    state: Any = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")  # without types
    damaged = (state.Fail, state.InvalidProtobuf, state.InvalidGraph, state.NotImplemented, state.RuntimeException)
    try:
        session: Any = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
    except damaged as error:
        raise WeightsError(f"{path} cannot be read by onnxruntime ({error}); export it again") from error
    asked = session.get_inputs()[0]
    shape = _onnx_shape(asked.type, list(asked.shape), path)

    def extract(images: NDArray[np.uint8]) -> Features:
        planes = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
        found = session.run(None, {asked.name: np.ascontiguousarray(planes)})[0]
        return _flat(np.asarray(found, dtype=np.float32), path)

    return Extractor(
        name=path.stem,
        sha256=_checksum(path),
        shape=shape,
        width=_tried(extract, shape, path),
        extract=extract,
        trained_on="not recorded",
    )


def _onnx_shape(kind: str, sides: list[Any], path: Path) -> PictureShape:
    fits = kind == "tensor(uint8)" and len(sides) == 4 and sides[1] in (1, 3) and sides[2] == sides[3]
    if not fits or not isinstance(sides[2], int):
        raise WeightsError(
            f"{path} takes {kind} {sides}, expected uint8 [N, 1 or 3, S, S] with S a number: pictures in [0, 255], "
            "their normalisation inside the file, so that it cannot be done wrongly"
        )
    return PictureShape(size_px=sides[2], colour="grey" if sides[1] == 1 else "rgb")


def _tried(extract: Callable[[NDArray[np.uint8]], Features], shape: PictureShape, path: Path) -> int:
    """How many features it gives of two black pictures. Raises WeightsError where it gives none."""
    sides = (2, shape.size_px, shape.size_px, *((3,) if shape.colour == "rgb" else ()))
    try:
        found = extract(np.zeros(sides, dtype=np.uint8))
    except (RuntimeError, ValueError, AttributeError) as error:
        what = f"{shape.size_px} px {shape.colour}"
        raise WeightsError(
            f"{path} does not take uint8 {what} pictures ({str(error).splitlines()[0]}); give another"
        ) from error
    return found.shape[1]


def _flat(features: Features, path: Path) -> Features:
    """(N, D) of (N, D), or of (N, D, 1, 1)."""
    flat = features.reshape(len(features), -1)
    if flat.shape[1] != features.shape[1]:
        raise WeightsError(f"{path} gives features {features.shape}, expected (N, D): pool them within the file")
    return cast(Features, flat)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
