"""Models that say which expression a face shows, from any of the files in which they come.

facsim's label models (*clean* and *shown*, which ship; *research*, with its two heads), facsim's classifiers, others'
official checkpoints, HSEmotion's and any other ONNX file. A teacher gives logits or scores over its own classes; what
the classes are called decides where each goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import RecipeError, WeightsError
from facsim.expressions import EIGHT_EXPRESSIONS, expression_named
from facsim.models.catalogue import PUBLIC_WEIGHTS
from facsim.models.classifier import ARCHITECTURES, Preprocessing, build_network, read_pictures
from facsim.models.labeller import Labeller, load_reader
from facsim.models.official import load_official
from facsim.models.onnx_network import PictureInput, file_digest, onnx_properties, open_onnx
from facsim.models.weights import WEIGHTS_FILE, load_classifier

__all__ = [
    "IGNORED",
    "Teacher",
    "canonical_classes",
    "classifier_teacher",
    "eight_scores",
    "kept_temperature",
    "labeller_teacher",
    "official_teacher",
    "onnx_teacher",
    "temperature_file",
]

IGNORED = "-"
"""Stands among class names for an output that is no expression: FER+'s `unknown`, a valence."""

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_LEAST = 1e-30  # what a score of 0 counts as before its logarithm is taken
_UNITS = 10_000  # scores are written in ten-thousandths


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """Canonical class names (or `IGNORED`) in the order of the outputs; the frame and side of its pictures; its name.

    `read` takes faces uint8 (N, size_px, size_px, 3) RGB and gives logits float64 (N, C). `temperature` is what was
    fitted for it, 1 where nothing was.
    """

    name: str
    classes: tuple[str, ...]
    frame: str
    size_px: int
    temperature: float
    read: Callable[[NDArray[np.uint8]], NDArray[np.float64]]


def canonical_classes(names: Sequence[str]) -> tuple[str, ...]:
    """The names in facsim's spelling, `IGNORED` as it is. Raises FacsimError for what is no expression, RecipeError
    where one comes twice or none is left."""
    found = tuple(name if name == IGNORED else expression_named(name) for name in names)
    told = [name for name in found if name != IGNORED]
    if len(set(told)) != len(told) or not told:
        raise RecipeError(f"found the classes {', '.join(names) or 'none'}, expected each expression once at most")
    return found


def eight_scores(logits: NDArray[np.float64], classes: Sequence[str], *, temperature: float) -> NDArray[np.float64]:
    """Scores (N, 8) over `EIGHT_EXPRESSIONS` of logits (N, C): softmax at a temperature over the classes that are not
    ignored, 0 for those that the model lacks, in ten-thousandths that sum to 1 exactly.

    What rounding leaves over goes to the largest remainders, the first class first.
    """
    kept = [place for place, name in enumerate(classes) if name != IGNORED]
    scaled = logits[:, kept] / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    scores = np.zeros((len(logits), len(EIGHT_EXPRESSIONS)))
    scores[:, [EIGHT_EXPRESSIONS.index(classes[place]) for place in kept]] = scaled / scaled.sum(axis=1, keepdims=True)
    whole = np.floor(np.round(scores * _UNITS, 4))  # rounded first: a batch's last bits decide nothing
    rest = np.round(scores * _UNITS - whole, 4)
    missing = np.round(_UNITS - whole.sum(axis=1)).astype(np.int64)
    rank = np.argsort(np.argsort(-rest, axis=1, kind="stable"), axis=1, kind="stable")
    return (whole + (rank < missing[:, None])) / _UNITS


def labeller_teacher(task: str, path: str, *, head: str, device: str) -> Teacher:
    """The packaged teacher of that task (empty path), or one from `path`, by its head.

    Raises WeightsError, or RecipeError for a head that it lacks.
    """
    labeller = load_reader(task, path, device=device)
    settings = labeller.settings
    classes, votes = tuple(settings["classes"]), tuple(settings.get("votes", ()))
    if head == "votes" and not votes:
        raise RecipeError(f'the teacher "{task}" has no head of votes, expected head = "labels"')
    part = slice(len(classes), len(classes) + len(votes)) if head == "votes" else slice(0, len(classes))
    held = float(settings.get("temperature", 1.0))
    if path and temperature_file(path, head) is not None:
        held = kept_temperature(str(Path(path) / head), file_digest(Path(path) / head / WEIGHTS_FILE))
    return Teacher(
        name=_named(f"{task}-votes" if head == "votes" else task, labeller.sha256),
        classes=canonical_classes(votes if head == "votes" else classes),
        frame=str(settings.get("frame", "tight")),
        size_px=labeller.preprocessing.size_px,
        temperature=held,
        read=lambda faces: _run(labeller, faces, device)[:, part],
    )


def classifier_teacher(path: str, *, device: str) -> Teacher:
    """A folder of `facsim train`, with the temperature that `facsim calibrate` left in it. Raises WeightsError."""
    classifier = load_classifier(path, device=device)
    return Teacher(
        name=_named("classifier", classifier.sha256),
        classes=canonical_classes(classifier.classes),
        frame=str(classifier.provenance.get("frame", "tight")),
        size_px=classifier.preprocessing.size_px,
        temperature=kept_temperature(path, classifier.sha256),
        read=lambda faces: _run(classifier, faces, device),
    )


def official_teacher(path: str, architecture: str, classes: Sequence[str], *, size_px: int, device: str) -> Teacher:
    """Others' checkpoint of a network that facsim has: `architecture` is one of `ARCHITECTURES`, or public weights'
    name in the catalogue, which brings the settings, the order of classes and of channels. Raises WeightsError."""
    known = next((entry for entry in PUBLIC_WEIGHTS if entry.name == architecture), None)
    network_name, settings = (known.network, known.settings) if known else (architecture, {})
    names = canonical_classes(tuple(classes) or (known.classes if known else ()))
    if network_name not in ARCHITECTURES:
        raise RecipeError(f'"{architecture}" is no classifier of expressions')
    network = build_network(network_name, {"classes": len(names), "channels": 3, **settings})
    found = load_official(network, path)
    network = network.to(device).eval().requires_grad_(False)
    asked = Preprocessing(size_px=size_px, colour="rgb", mean=_IMAGENET[0], std=_IMAGENET[1])
    held = _Held(network=network, preprocessing=asked)
    turned = known is not None and known.colour == "bgr"
    return Teacher(
        name=_named(architecture, found.sha256),
        classes=names,
        frame="arcface",
        size_px=size_px,
        temperature=1.0,
        read=lambda faces: _run(held, faces[..., ::-1] if turned else faces, device),
    )


def onnx_teacher(path: str, classes: Sequence[str], wants: PictureInput, *, frame: str, scores: bool) -> Teacher:
    """Any ONNX file whose first output is a number for each of `classes`, or one that facsim exported, which names
    them and its pictures itself. `scores`: the numbers are probabilities, not logits. Raises WeightsError."""
    told = onnx_properties(path)
    own = not classes and {"classes", "preprocessing"} <= told.keys()
    names = canonical_classes(tuple(told["classes"]) if own else classes)
    if own:  # facsim's export takes bytes and normalises within
        asked = told["preprocessing"]
        channels = len(asked["mean"])
        wants = PictureInput(
            size_px=asked["size_px"], colour=asked["colour"], mean=(0.0,) * channels, std=(1.0,) * channels
        )
    network = open_onnx(path, wants)

    def read(faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        found = network.run(faces)[0].reshape(len(faces), -1).astype(np.float64)
        if found.shape[1] != len(names):
            raise WeightsError(
                f'{path} gives {found.shape[1]} numbers a face, expected {len(names)}: name every output in "classes", '
                f'"{IGNORED}" for those that are no expression'
            )
        return np.log(np.maximum(found, _LEAST)) if scores or own else found

    return Teacher(
        name=_named(Path(path).stem, file_digest(path)),
        classes=names,
        frame=frame,
        size_px=wants.size_px,
        temperature=1.0,
        read=read,
    )


def temperature_file(path: str, head: str = "") -> Path | None:
    """Where `facsim calibrate` left a temperature for the classifier at `path`, if it did; or for a `head` of it, which
    `facsim teach research` writes into a folder of its own."""
    place = Path(path)
    file = (place if place.is_dir() else place.parent) / head / "temperature.json"
    return file if file.is_file() else None


def kept_temperature(path: str, sha256: str) -> float:
    """The temperature beside the weights of this SHA-256, 1 where there is none.

    Raises WeightsError where the file is damaged or was made for other weights.
    """
    file = temperature_file(path)
    if file is None:
        return 1.0
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        value, model = float(held["temperature"]), held["model_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{file} is no whole temperature ({error!r}); run `facsim calibrate` again") from error
    if model != sha256 or not 0 < value < 1e3:
        raise WeightsError(
            f"{file} holds {value:g} for the weights {str(model)[:12]}, expected a temperature for {sha256[:12]}; run "
            "`facsim calibrate` again"
        )
    return value


@dataclass(frozen=True, kw_only=True)
class _Held:
    """An official network with what its pictures are normalised by."""

    network: Any
    preprocessing: Preprocessing


def _run(model: Labeller | Any, faces: NDArray[np.uint8], device: str) -> NDArray[np.float64]:
    asked: Preprocessing = model.preprocessing
    return read_pictures(model.network, asked, _coloured(faces, asked.colour), device=device).double().cpu().numpy()


def _coloured(faces: NDArray[np.uint8], colour: str) -> NDArray[np.uint8]:
    if colour == "rgb":
        return faces
    # ITU-R BT.601 with Pillow's integers, so that a grey picture's levels come back as they were
    luma = faces.astype(np.int64) @ np.array([19595, 38470, 7471])
    return ((luma + 0x8000) >> 16).astype(np.uint8)


def _named(kind: str, sha256: str) -> str:
    return f"{kind}@{sha256[:8]}"
