"""What the numbers of the attributes' network mean: apparent age, gender, ancestry, skin tone, and how sure they are.

They say what a face looks like to a model that has seen drawn heads alone. None of them is a fact about a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError

__all__ = [
    "AGE_MIDDLE",
    "AGE_UNIT",
    "ANCESTRIES",
    "ITA_MIDDLE",
    "ITA_UNIT",
    "UNCALIBRATED",
    "WIDTH",
    "Apparent",
    "read_apparent",
    "sliced",
]

Floats = NDArray[np.floating]

ANCESTRIES = ("African", "Asian", "European")
"""The order of the weights: MakeHuman's three shape targets, a coarse tool."""

AGE_MIDDLE = 38.0
"""Age, years, at which the network says 0."""
AGE_UNIT = 20.0
"""Years that its unit stands for."""
ITA_MIDDLE = 10.0
"""ITA, degrees, at which the network says 0."""
ITA_UNIT = 30.0
"""Degrees that its unit stands for."""

_WIDTHS = {"age": 2, "gender": 1, "ancestry": 4, "tone": 10, "ita": 2}
WIDTH = sum(_WIDTHS.values())
"""Numbers that come out: age's mean and log sd; the logit of masculine; three logits of ancestry and the log sd of its
weights; ten logits of Monk's tones; ITA's mean and log sd."""

UNCALIBRATED: Mapping[str, float] = {"age_sd": 1.0, "gender": 1.0, "ancestry_sd": 1.0, "tone": 1.0, "ita_sd": 1.0}
"""Factors on deviations, and temperatures that logits are divided by (Guo et al. 2017, eq. 9), before any is fitted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Apparent:
    """N faces. `age_years`, `age_sd` (N,) years; `masculine` (N,) a probability; `ancestry` (N, 3) weights that sum to
    1, order `ANCESTRIES`, and `ancestry_sd` (N,), the root mean square error expected of a weight; `tones` (N, 10)
    probabilities of Monk tones 1 to 10; `ita_deg`, `ita_sd` (N,) degrees."""

    age_years: Floats
    age_sd: Floats
    masculine: Floats
    ancestry: Floats
    ancestry_sd: Floats
    tones: Floats
    ita_deg: Floats
    ita_sd: Floats

    @property
    def tone(self) -> NDArray[np.int64]:
        """The median tone of each distribution, 1 to 10: the least one with half of the probability at or below it.

        The median, and not the likeliest, since tones are in order and their distribution under unknown light is wide.
        """
        return (np.cumsum(self.tones, axis=1) < 0.5 - 1e-6).sum(axis=1) + 1


def sliced(name: str) -> slice:
    """Which of the outputs are those of "age", "gender", "ancestry", "tone" or "ita"."""
    if name not in _WIDTHS:
        raise FacsimError(f'found attribute "{name}", expected one of {", ".join(_WIDTHS)}')
    names = list(_WIDTHS)
    start = sum(_WIDTHS[other] for other in names[: names.index(name)])
    return slice(start, start + _WIDTHS[name])


def read_apparent(outputs: Floats, calibration: Mapping[str, float] = UNCALIBRATED) -> Apparent:
    """What `outputs` (N, WIDTH) of the network say. Raises FacsimError for another width."""
    if outputs.ndim != 2 or outputs.shape[1] != WIDTH:
        raise FacsimError(f"found outputs of shape {outputs.shape}, expected (N, {WIDTH})")
    part = {name: outputs[:, sliced(name)].astype(np.float64) for name in _WIDTHS}
    age_sd, ita_sd = (np.exp(np.clip(part[name][:, 1], -4.0, 2.0)) for name in ("age", "ita"))
    return Apparent(
        age_years=np.clip(AGE_MIDDLE + AGE_UNIT * part["age"][:, 0], 0.0, 100.0),
        age_sd=AGE_UNIT * age_sd * calibration["age_sd"],
        masculine=1.0 / (1.0 + np.exp(-np.clip(part["gender"][:, 0] / calibration["gender"], -30.0, 30.0))),
        ancestry=_softmax(part["ancestry"][:, :3]),
        ancestry_sd=np.exp(np.clip(part["ancestry"][:, 3], -6.0, 0.0)) * calibration["ancestry_sd"],
        tones=_softmax(part["tone"] / calibration["tone"]),
        ita_deg=np.clip(ITA_MIDDLE + ITA_UNIT * part["ita"][:, 0], -90.0, 90.0),
        ita_sd=ITA_UNIT * ita_sd * calibration["ita_sd"],
    )


def _softmax(logits: Floats) -> Floats:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
