"""`action_units`: which action units a face shows, how strongly and surely, and what expression they say by rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from facsim.coding import UNCODED_INTENSITY, format_coding
from facsim.emfacs import read_expression
from facsim.errors import RecipeError, hint_nearest
from facsim.facs import column_name, column_names, lateral_keys, mirrored_key
from facsim.formats.terms import Terms
from facsim.labels.coders import (
    OPEN_GRAPH,
    Coder,
    Coding,
    checked_unit,
    native_coder,
    onnx_coder,
    open_graph_coder,
)
from facsim.labels.framing import check_frame, columns_of, framed_faces
from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.classifier import padded_rows
from facsim.models.labeller import weights_digest
from facsim.models.model_terms import model_terms
from facsim.models.onnx_network import PictureInput, file_digest
from facsim.models.open_graph_au import OPEN_GRAPH_UNITS
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["ActionUnits"]

_ALL = column_names()
_OUTPUTS = ("scores", "logits")
_EQUAL = 0.5  # steps of FACS: sides that differ by less are written as one


@dataclass(frozen=True, kw_only=True)
class ActionUnits:
    """Read action units off faces: columns by unit and side, their text, their deviations, and an expression by rule.

    model: empty for facsim's own, taught on renders alone; or a folder of `facsim teach action_units`, an official
    OpenGraphAU checkpoint (name its `architecture`: opengraphau-resnet50 or -resnet18) or an ONNX file (name its
    `units`). crop: `face_aligned`, or `image` where the pictures are crops of faces; those that no points were cut out
    by are read far worse (docs/results.md), so `detect` with given = "crop" and `align` come first. given: the frame
    that those are in; empty takes `align`'s word, and `tight` (FER2013's) for crops. frame: the one that the model
    reads; empty as it says. flips: average over the mirror image, at twice the time; sides then swap exactly.
    threshold: the intensity from which a unit is there; 1, a coder's A, chosen on renders of expressions, not on
    photographs. sure: how probable that must be for the text to name it. The last are for ONNX: units in the order of
    its outputs (`12`, `12L`), side, colour, layout, mean, std and scale (1 or 255) of its pictures, and whether it
    gives `scores` or `logits`.

    Presence is decided with the uncertainty: the probability that the intensity is over the threshold. Models that know
    presence alone have 5 times its probability as intensity, C in the text, and no deviation.
    """

    model: str = ""
    architecture: str = ""
    crop: str = "face_aligned"
    given: str = ""
    frame: str = ""
    flips: bool = False
    threshold: float = 1.0
    sure: float = 0.6
    units: tuple[str, ...] = ()
    size_px: int = 224
    colour: str = "rgb"
    layout: str = "nchw"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    scale: float = 1.0
    output: str = "scores"

    name: ClassVar[str] = "action_units"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism(level="close", tolerance=2e-3, metric="max |difference|")
    resources: ClassVar[Resources] = Resources(batch=32, memory_mb=1024)

    def __post_init__(self) -> None:
        columns_of(self.crop)
        check_frame(self.given)
        check_frame(self.frame)
        if self.architecture and self.architecture not in OPEN_GRAPH:
            raise RecipeError(
                f'found architecture = "{self.architecture}" of a model of action units, expected one of '
                f"{', '.join(OPEN_GRAPH)}.{hint_nearest(self.architecture, OPEN_GRAPH)}"
            )
        if not (0 < self.threshold < 5 and 0 < self.sure < 1) or self.output not in _OUTPUTS:
            raise RecipeError(
                f'found threshold {self.threshold}, sure {self.sure} and output "{self.output}", expected an intensity '
                "between 0 and 5, a probability between 0 and 1, and scores or logits"
            )
        if self._kind != "native" and not self.model:
            raise RecipeError('found architecture or units without a model; give the path of its weights as "model"')

    @property
    def _kind(self) -> str:
        if self.architecture:
            return "open_graph"
        return "onnx" if self.units or self.model.lower().endswith(".onnx") else "native"

    @property
    def reads(self) -> tuple[str, ...]:
        """The faces, and the frame that they are in."""
        return columns_of(self.crop)

    @property
    def codes(self) -> tuple[int, ...]:
        """The units that the model knows, ascending."""
        return _codes({"native": SUPPORTED_AUS, "open_graph": OPEN_GRAPH_UNITS}.get(self._kind, self.units))

    @property
    def writes(self) -> tuple[str, ...]:
        """A column for each unit and side, the text, the deviations, and what the rules say."""
        told = ("action_units", "action_units_sd", "expression_rule", "expression_rule_score")
        return (*column_names(self.codes), *told)

    @property
    def weights(self) -> tuple[str, ...]:
        """SHA-256 of the model."""
        if self._kind == "native":
            return (weights_digest("action_units", self.model),)
        return (file_digest(self.model),)

    @property
    def model_terms(self) -> tuple[Terms, ...]:
        """The terms of the coder; none of facsim's own."""
        return model_terms(self.model)

    def open(self, device: str) -> Work:
        """The coder. Raises WeightsError or MissingExtra where the model cannot be loaded."""
        coder = self._coder(device)
        reading = _Reading(stage=self, coder=coder)
        return reading.rows

    def _coder(self, device: str) -> Coder:
        if self._kind == "native":
            return native_coder(self.model, device=device)
        if self._kind == "open_graph":
            return open_graph_coder(self.model, self.architecture, device=device)
        wants = PictureInput(
            size_px=self.size_px,
            colour=self.colour,
            layout=self.layout,
            mean=self.mean,
            std=self.std,
            scale=self.scale,
        )
        if not self.units:
            raise RecipeError(f'{self.model} is an ONNX file, expected "units": name each output, `12` or `12L`')
        return onnx_coder(self.model, self.units, wants, frame="wide", logits=self.output == "logits")


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """An opened stage: its settings, its coder, and where the coder's units stand."""

    stage: ActionUnits
    coder: Coder

    @cached_property
    def _mirrored(self) -> NDArray[np.int64]:
        units = self.coder.units
        swapped = [mirrored_key(unit) if unit[-1] in "LR" else unit for unit in units]
        return np.array([units.index(unit) for unit in swapped])

    def rows(self, samples: Sequence[Sample]) -> list[Row | Problem]:
        """One row or problem for each sample."""
        stage, coder = self.stage, self.coder
        faces, problems = framed_faces(
            samples,
            crop=stage.crop,
            given=stage.given,
            wanted=stage.frame or coder.frame,
            size_px=coder.size_px,
        )
        if not samples:
            return []
        coding = self._coding(padded_rows(faces, stage.resources.batch))
        return [self._row(coding, at) if problem is None else problem for at, problem in enumerate(problems)]

    def _coding(self, faces: NDArray[np.uint8]) -> Coding:
        plain = self.coder.read(faces, self.stage.threshold)
        if not self.stage.flips:
            return plain
        other = self.coder.read(np.ascontiguousarray(faces[:, :, ::-1]), self.stage.threshold)
        order = self._mirrored
        return Coding(
            presence=(plain.presence + other.presence[:, order]) / 2,
            intensity=(plain.intensity + other.intensity[:, order]) / 2,
            deviation=None
            if plain.deviation is None or other.deviation is None
            else (plain.deviation + other.deviation[:, order]) / 2,
        )

    def _row(self, coding: Coding, at: int) -> Row:
        units = self.coder.units
        intensity = _by_column(units, np.round(coding.intensity[at], 3).tolist())
        presence = _by_column(units, np.round(coding.presence[at], 4).tolist())
        deviation = dict[str, float | None]()
        if coding.deviation is not None:
            deviation = _by_column(units, np.round(coding.deviation[at], 3).tolist(), like=intensity)
        ruled = read_expression(_by_key(presence, self.stage.codes))
        said = _said(intensity, presence, deviation, self.stage) if coding.deviation is not None else None
        text = format_coding(said if said is not None else _present_only(presence, self.stage))
        return {
            **{column: intensity.get(column) for column in column_names(self.stage.codes)},
            "action_units": text,
            "action_units_sd": [deviation.get(column) for column in _ALL],
            "expression_rule": ruled.expression,
            "expression_rule_score": ruled.score,
        }


@lru_cache(maxsize=16)  # a labelled picture asks for them several times
def _codes(units: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(sorted({int(checked_unit(unit).rstrip("LR")) for unit in units}))


def _by_column(
    units: Sequence[str], values: Sequence[float], *, like: dict[str, float | None] | None = None
) -> dict[str, float | None]:
    """Values by column: of a code without a value of its own, that of the stronger side (in `like`, where given)."""
    found: dict[str, float | None] = {column_name(unit): value for unit, value in zip(units, values, strict=True)}
    measure = found if like is None else like
    for unit in units:
        code = column_name(unit.rstrip("LR"))
        if code not in found:
            sides = [column_name(key) for key in lateral_keys(unit.rstrip("LR"))]
            found[code] = found[max(sides, key=lambda side: measure.get(side) or 0.0)]
    return found


def _by_key(values: dict[str, float | None], codes: Sequence[int]) -> dict[str, float]:
    """Values by key: a unit whose sides the model does not tell apart shows on both."""
    keys = {key: code for code in codes for key in lateral_keys(code)}
    own = {key: values.get(column_name(key)) for key in keys}
    return {key: float((values[f"AU{keys[key]}"] if value is None else value) or 0.0) for key, value in own.items()}


def _said(
    intensity: dict[str, float | None],
    presence: dict[str, float | None],
    deviation: dict[str, float | None],
    stage: ActionUnits,
) -> dict[str, float]:
    """The coding of the units that are surely there, in tenths; sides that hardly differ have their mean."""
    likely, strong = _by_key(presence, stage.codes), _by_key(intensity, stage.codes)
    unsure = _by_key(deviation, stage.codes)
    said = {key: strong[key] for key, value in likely.items() if value >= stage.sure}
    for code in stage.codes:
        sides = [key for key in lateral_keys(code) if key in said]
        if len(sides) == 2:
            apart = abs(said[sides[0]] - said[sides[1]])
            if apart < max(_EQUAL, math.hypot(*(unsure[side] for side in sides))):
                said |= dict.fromkeys(sides, (said[sides[0]] + said[sides[1]]) / 2)
    return {key: max(0.1, round(value, 1)) for key, value in said.items()}


def _present_only(presence: dict[str, float | None], stage: ActionUnits) -> dict[str, float]:
    likely = _by_key(presence, stage.codes)
    return {key: UNCODED_INTENSITY for key, value in likely.items() if value >= stage.sure}
