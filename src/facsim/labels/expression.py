"""`expression`: what a teacher says of a face's apparent expression: scores over the eight, calibrated."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from facsim.errors import RecipeError, WeightsError, hint_nearest
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.formats.terms import Terms
from facsim.labels.framing import check_frame, columns_of, framed_faces
from facsim.labels.scored import SCORED, scored_row
from facsim.labels.teachers import (
    Teacher,
    canonical_classes,
    classifier_teacher,
    eight_scores,
    labeller_teacher,
    official_teacher,
    onnx_teacher,
    temperature_file,
)
from facsim.models.catalogue import PUBLIC_WEIGHTS
from facsim.models.classifier import ARCHITECTURES, padded_rows
from facsim.models.labeller import described_task, weights_digest
from facsim.models.model_terms import model_terms
from facsim.models.onnx_network import PictureInput, file_digest
from facsim.models.weights import WEIGHTS_FILE
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["HSEMOTION", "Expression"]

HSEMOTION = "hsemotion"
"""HSEmotion's and EmotiEffLib's ONNX files (Savchenko 2022): the eight in alphabetical order, by ImageNet's mean and
deviation; 224 px for the b0 networks, 260 for b2 (their `facial_emotions.py`). Multi-task files give valence and
arousal after them: name those `-`."""

_CLEAN, _SHIPPED = "clean", ("clean", "shown")
_TASKS, _HEADS, _OUTPUTS = (*_SHIPPED, "research"), ("labels", "votes"), ("logits", "scores")
_OFFICIAL = (*ARCHITECTURES, *(entry.name for entry in PUBLIC_WEIGHTS))
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, kw_only=True)
class Expression:
    """Score faces for the eight expressions by one teacher; a class that it lacks has 0.

    model: one of two that ship, both taught by renders alone: empty for *clean*, of the literature's expressions, in
    which no photograph had a part; `shown`, of renders that look like FER2013's pictures and show facsim's own
    prototypes, for which photographs were looked at, and which is right more often on photographs. Else a *research*
    folder, a folder of `facsim train`, an ONNX file or others' checkpoint (name its `architecture`: a network of
    `facsim models`, or public weights of that list). `hsemotion` as architecture fills in what HSEmotion's ONNX files
    want. classes: names of the outputs in their order, `-` for one that is no expression. head: of *research*, its
    labels (seven) or FER+'s votes (eight). crop: `face_aligned`, or `image` where the pictures are crops of faces.
    given: the frame that those are in; empty takes `align`'s word, and `tight` (FER2013's) for crops. frame: the one
    that the teacher learnt from; empty for what is known of it. flips: average over the mirror image, at twice the
    time. temperature: 0 takes the one that was fitted for the teacher (by `facsim calibrate`, or as it was made), else
    divides the logits. The last are for ONNX and checkpoints: side, colour, layout, mean, std and scale (1 or 255) of
    the pictures; `output` says what an ONNX file gives.
    """

    model: str = ""
    architecture: str = ""
    classes: tuple[str, ...] = ()
    head: str = "labels"
    crop: str = "face_aligned"
    given: str = ""
    frame: str = ""
    flips: bool = False
    temperature: float = 0.0
    size_px: int = 224
    colour: str = "rgb"
    layout: str = "nchw"
    mean: tuple[float, ...] = _IMAGENET[0]
    std: tuple[float, ...] = _IMAGENET[1]
    scale: float = 1.0
    output: str = "logits"

    name: ClassVar[str] = "expression"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism(level="close", tolerance=2e-3, metric="max |difference|")
    writes: ClassVar[tuple[str, ...]] = SCORED
    resources: ClassVar[Resources] = Resources(batch=32, memory_mb=1024)

    def __post_init__(self) -> None:
        columns_of(self.crop)
        check_frame(self.given)
        check_frame(self.frame)
        known = (HSEMOTION, *_OFFICIAL)
        if self.architecture and self.architecture not in known:
            raise RecipeError(f'found architecture = "{self.architecture}".{hint_nearest(self.architecture, known)}')
        if self.head not in _HEADS or self.output not in _OUTPUTS or not 0 <= self.temperature < 1e3:
            raise RecipeError(
                f'found head "{self.head}", output "{self.output}" and temperature {self.temperature}, expected one of '
                f"{', '.join(_HEADS)}, one of {', '.join(_OUTPUTS)}, and 0 or more"
            )
        if self.classes:
            canonical_classes(self.classes)
        if not self.model and (self.architecture or self.classes):
            raise RecipeError('found architecture or classes without a model; give the path of its weights as "model"')

    @property
    def reads(self) -> tuple[str, ...]:
        """The faces, and the frame that they are in."""
        return columns_of(self.crop)

    @property
    def weights(self) -> tuple[str, ...]:
        """SHA-256 of the teacher, and of the temperature that lies beside it."""
        if self._shipped:
            return (weights_digest(self._shipped),)
        place = Path(self.model)
        own = file_digest(place / WEIGHTS_FILE if place.is_dir() else place)
        head = {"classifier": "", "research": self.head}.get(self._kind)
        beside = None if head is None else temperature_file(self.model, head)
        return (own, hashlib.sha256(beside.read_bytes()).hexdigest()) if beside else (own,)

    @property
    def _shipped(self) -> str:
        """Which of facsim's own it is; empty for one by path. A folder of that name goes before."""
        own = self.model or _CLEAN
        return own if own in _SHIPPED and not (self.model and Path(self.model).exists()) else ""

    @property
    def _kind(self) -> str:
        if self._shipped:
            return self._shipped
        if self.model.lower().endswith(".onnx"):
            return "onnx"
        if self.architecture:
            return "official"
        task = described_task(self.model)
        return "classifier" if task is None else task

    @property
    def model_terms(self) -> tuple[Terms, ...]:
        """The terms of the teacher; none of facsim's own."""
        return () if self._shipped else model_terms(self.model, architecture=self.architecture)

    def open(self, device: str) -> Work:
        """The teacher. Raises WeightsError, RecipeError or MissingExtra where it cannot be loaded as asked."""
        teacher = self._teacher(device)
        return lambda samples: self._rows(teacher, samples)

    def _teacher(self, device: str) -> Teacher:
        kind = self._kind
        if kind in _TASKS:
            return labeller_teacher(kind, "" if self._shipped else self.model, head=self.head, device=device)
        if kind == "classifier":
            return classifier_teacher(self.model, device=device)
        if kind == "official":
            if self.architecture == HSEMOTION:
                raise RecipeError(f'{self.model} is no .onnx file, expected one for architecture = "{HSEMOTION}"')
            return official_teacher(self.model, self.architecture, self.classes, size_px=self.size_px, device=device)
        if kind != "onnx":
            raise WeightsError(f'{self.model} is a label model for "{kind}", expected one of {", ".join(_TASKS)}')
        return self._onnx()

    def _onnx(self) -> Teacher:
        named = self.classes or (EIGHT_EXPRESSIONS if self.architecture == HSEMOTION else ())
        wants = PictureInput(
            size_px=self.size_px,
            colour=self.colour,
            layout=self.layout,
            mean=self.mean,
            std=self.std,
            scale=self.scale,
        )
        return onnx_teacher(self.model, named, wants, frame="tight", scores=self.output == "scores")

    def _rows(self, teacher: Teacher, samples: Sequence[Sample]) -> list[Row | Problem]:
        faces, problems = framed_faces(
            samples,
            crop=self.crop,
            given=self.given,
            wanted=self.frame or teacher.frame,
            size_px=teacher.size_px,
        )
        if not samples:
            return []
        scores = self._scores(teacher, padded_rows(faces, self.resources.batch))
        return [scored_row(scores[at], teacher.name) if told is None else told for at, told in enumerate(problems)]

    def _scores(self, teacher: Teacher, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        logits = teacher.read(faces)
        if self.flips:
            logits = (logits + teacher.read(np.ascontiguousarray(faces[:, :, ::-1]))) / 2
        if not np.isfinite(logits).all():
            raise WeightsError(f"the teacher {teacher.name} gives numbers that are not finite; its weights are damaged")
        return eight_scores(logits, teacher.classes, temperature=self.temperature or teacher.temperature)
