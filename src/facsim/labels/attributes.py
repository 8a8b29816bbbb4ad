"""What a face looks like: apparent age, gender, ancestry and skin tone, each with how sure the model is.

These are appearances, for balancing a data set and for breaking its results down. They are not somebody's age, gender,
origin or identity. facsim's own model has seen drawn heads alone: on FER2013's photographs its ages and genders looked
no better than guesses to us, which the deviations say; for photographs bring a network by path. Leave out of
`attributes` what you have no right or no need to infer: what is left out is not computed and has no column. See
docs/ethics.md for what this stage must not be used for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from facsim.errors import RecipeError, WeightsError, hint_nearest
from facsim.formats.terms import Terms
from facsim.labels.framing import check_frame, columns_of, framed_faces
from facsim.labels.networks import labeller_faces
from facsim.models.apparent import ANCESTRIES, read_apparent
from facsim.models.external import (
    External,
    OutputOf,
    external_digest,
    is_external,
    load_external,
    open_external,
)
from facsim.models.model_terms import model_terms
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["ATTRIBUTES", "Attributes"]

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "age": ("apparent_age_years", "apparent_age_sd_years"),
    "gender": ("apparent_gender", "apparent_gender_score"),
    "ancestry": ("apparent_ancestry", "apparent_ancestry_sd"),
    "skin_tone": ("skin_tone_monk", "skin_tone_monk_scores", "ita_deg", "ita_sd_deg"),
}
"""Attribute → the columns that it fills."""

_GENDERS = ("feminine", "masculine")
_Values = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """Apparent attributes of each face.

    attributes: which to infer, of age, gender, ancestry and skin_tone; others are neither computed nor written. model:
    empty for facsim's own, a folder that `facsim teach attributes` wrote, or the description (TOML, see
    facsim.models.external) of an external ONNX network with outputs `age` (with `years`, what its numbers stand for, or
    one number), `gender` (classes feminine and masculine), `ancestry` (classes African, Asian, European, or "" for one
    that has no counterpart) and `skin_tone` (ten numbers). crop: `face_aligned`, or `image` for pictures that are crops
    already. given: the template that they are framed by; empty: what `align` says.
    """

    attributes: tuple[str, ...] = tuple(ATTRIBUTES)
    model: str = ""
    crop: str = "face_aligned"
    given: str = ""

    name: ClassVar[str] = "attributes"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism(
        level="close", tolerance=0.05, metric="largest difference of a number, in its unit"
    )
    resources: ClassVar[Resources] = Resources(batch=32)

    def __post_init__(self) -> None:
        columns_of(self.crop)
        check_frame(self.given)
        for attribute in self.attributes:
            if attribute not in ATTRIBUTES:
                raise RecipeError(f'no attribute is called "{attribute}".{hint_nearest(attribute, ATTRIBUTES)}')
        if not self.attributes or len(set(self.attributes)) != len(self.attributes):
            raise RecipeError(f"attributes is {list(self.attributes)}, expected one or more names, each once")

    @property
    def reads(self) -> tuple[str, ...]:
        """The face, and how it is framed."""
        return columns_of(self.crop)

    @property
    def writes(self) -> tuple[str, ...]:
        """The columns of the attributes asked for; an external network gives no uncertainty of weights and no ITA."""
        names = [column for attribute in self.attributes for column in ATTRIBUTES[attribute]]
        return tuple(name for name in names if not (is_external(self.model) and name in _NATIVE_ONLY))

    @property
    def weights(self) -> tuple[str, ...]:
        """SHA-256 of the network."""
        if is_external(self.model):
            return external_digest(self.model)
        from facsim.models.labeller import weights_digest

        return (weights_digest("attributes", self.model),)

    @property
    def model_terms(self) -> tuple[Terms, ...]:
        """The terms of the network; none of facsim's own."""
        return model_terms(self.model)

    def open(self, device: str) -> Work:
        """The judge of appearances, its network loaded."""
        wanted, size_px, say = self._external() if is_external(self.model) else self._own(device)

        def work(samples: Sequence[Sample]) -> list[Row | Problem]:
            faces, problems = framed_faces(samples, crop=self.crop, given=self.given, wanted=wanted, size_px=size_px)
            values = say(faces)
            return [
                problem or {name: values[name][row] for name in self.writes} for row, problem in enumerate(problems)
            ]

        return work

    def _own(self, device: str) -> tuple[str, int, Any]:
        from facsim.models.labeller import load_reader

        labeller = load_reader("attributes", self.model, device=device)
        template, size_px, run = labeller_faces(labeller, device=device, batch=self.resources.batch)
        return template, size_px, lambda faces: _own_values(run(faces), labeller.settings["calibration"])

    def _external(self) -> tuple[str, int, Any]:
        external = load_external(self.model)
        for attribute in self.attributes:
            if attribute not in external.outputs:
                raise WeightsError(
                    f"{self.model} describes no output for {attribute}; add [outputs.{attribute}], or leave it out of "
                    "`attributes`"
                )
            _check_output(attribute, external.outputs[attribute])
        size_px, run = open_external(external)
        return external.template, size_px, lambda faces: _external_values(run(faces), external, self.attributes)


_NATIVE_ONLY = ("apparent_ancestry_sd", "ita_deg", "ita_sd_deg")


def _own_values(outputs: NDArray[np.float32], calibration: Mapping[str, float]) -> _Values:
    said = read_apparent(outputs, calibration)
    return {
        "apparent_age_years": _rounded(said.age_years, 2),
        "apparent_age_sd_years": _rounded(said.age_sd, 2),
        **_gender(said.masculine),
        "apparent_ancestry": _rounded(said.ancestry, 4),
        "apparent_ancestry_sd": _rounded(np.minimum(said.ancestry_sd, 1.0), 4),
        **_tones(said.tones),
        "ita_deg": _rounded(said.ita_deg, 2),
        "ita_sd_deg": _rounded(said.ita_sd, 2),
    }


def _external_values(
    outputs: Mapping[str, NDArray[np.float32]], external: External, attributes: Sequence[str]
) -> _Values:
    said = {name: (external.outputs[name], outputs[external.outputs[name].name]) for name in attributes}
    found: dict[str, Sequence[Any]] = {}
    if "age" in said:
        found |= _ages(*said["age"])
    if "gender" in said:
        output, numbers = said["gender"]
        found |= _gender(_probabilities(numbers)[:, output.classes.index("masculine")])
    if "ancestry" in said:
        found |= _ancestries(*said["ancestry"])
    if "skin_tone" in said:
        found |= _tones(_probabilities(said["skin_tone"][1]))
    return found


def _ages(output: OutputOf, numbers: NDArray[np.float32]) -> _Values:
    """Mean and deviation over the years that classes stand for; of one number, itself and no deviation."""
    if not output.years:
        return {"apparent_age_years": _rounded(np.clip(numbers[:, 0], 0, 100), 2), **_unknown(numbers)}
    chances, years = _probabilities(numbers), np.array(output.years)
    mean = chances @ years
    spread = np.sqrt(np.maximum(chances @ years**2 - mean**2, 0.0))
    return {"apparent_age_years": _rounded(mean, 2), "apparent_age_sd_years": _rounded(spread, 2)}


def _unknown(numbers: NDArray[np.float32]) -> _Values:
    return {"apparent_age_sd_years": [None] * len(numbers)}


def _ancestries(output: OutputOf, numbers: NDArray[np.float32]) -> _Values:
    """The shares of the three; null where what has no counterpart among them is likelier than not."""
    chances = _probabilities(numbers)
    shares = np.stack([chances[:, np.array(output.classes) == name].sum(axis=1) for name in ANCESTRIES], axis=1)
    total = shares.sum(axis=1, keepdims=True)
    weights = _rounded(shares / np.maximum(total, 1e-9), 4)
    return {"apparent_ancestry": [w if t > 0.5 else None for w, t in zip(weights, total[:, 0], strict=True)]}


def _gender(masculine: NDArray[np.floating]) -> _Values:
    scores = _rounded(masculine, 4)
    return {"apparent_gender": [_GENDERS[score > 0.5] for score in scores], "apparent_gender_score": scores}


def _tones(chances: NDArray[np.floating]) -> _Values:
    """The median tone, of rounded probabilities, and the probabilities."""
    rounded = np.round(chances, 4)
    median = (np.cumsum(rounded, axis=1) < 0.5).sum(axis=1) + 1
    return {"skin_tone_monk": np.minimum(median, 10).tolist(), "skin_tone_monk_scores": rounded.tolist()}


def _probabilities(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _rounded(values: NDArray[np.floating], digits: int) -> list[Any]:
    return np.round(values.astype(np.float64), digits).tolist()


def _check_output(attribute: str, output: OutputOf) -> None:
    """Raise WeightsError where the description of an output does not say what its numbers are."""
    if attribute == "gender" and set(output.classes) != set(_GENDERS):
        raise WeightsError(f"outputs.gender has classes {list(output.classes)}, expected feminine and masculine")
    if attribute == "ancestry" and not set(ANCESTRIES) <= set(output.classes) <= {*ANCESTRIES, ""}:
        raise WeightsError(
            f'outputs.ancestry has classes {list(output.classes)}, expected each of {", ".join(ANCESTRIES)}, and "" '
            "for what is none of them"
        )
