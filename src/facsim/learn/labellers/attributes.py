"""Teaching apparent age, gender, ancestry and skin tone, from drawn heads alone.

Every part of the loss is a proper scoring rule, so that it is least where the network says how unsure it is: under an
unknown light, or without colour, a skin tone is a wide distribution. Deviations and temperatures are then fitted on one
half of the people held out; figures are those of the other half.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import rankdata
from torch import Tensor
from torch.nn import functional

from facsim.learn.labellers.cropping import Crop, crop_faces
from facsim.learn.labellers.faces import Faces, load_faces
from facsim.learn.labellers.fitting import LabelTask, Outputs, predict_rows
from facsim.learn.labellers.identity import partly_grey
from facsim.models.apparent import (
    AGE_MIDDLE,
    AGE_UNIT,
    ITA_MIDDLE,
    ITA_UNIT,
    UNCALIBRATED,
    WIDTH,
    Apparent,
    read_apparent,
    sliced,
)
from facsim.models.classifier import Preprocessing
from facsim.models.labeller import Labeller

__all__ = [
    "AttributesTask",
    "attributes_task",
    "calibrated_attributes",
    "calibration_half",
    "figures_of",
    "fit_calibration",
    "truth_of",
]

_TRUTH = ("apparent_age_years", "apparent_gender", "apparent_ancestry", "skin_tone_monk", "ita_deg")
_CONDITIONS = ("yaw_deg", "pitch_deg", "face_luminance", "light_temperature_k", "AU12", "AU43", "AU26", "AU27", "AU4")
_BETA = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class AttributesTask:
    """Renders of people, of whom `held_out` rows show others. A `facsim.learn.labellers.fitting.LabelTask`."""

    faces: Faces
    crop: Crop = field(default_factory=lambda: Crop(size_px=48, around="wide"))
    grey: float = 0.3
    widths: tuple[int, ...] = (24, 48, 96, 160)

    name = "attributes"

    @property
    def network(self) -> tuple[str, Mapping[str, object]]:
        """One trunk for all."""
        return "face_net", {"outputs": WIDTH, "channels": 3, "widths": self.widths, "grid": 2}

    @property
    def preprocessing(self) -> Preprocessing:
        """RGB about the middle."""
        return Preprocessing(size_px=self.crop.size_px, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3)

    @property
    def settings(self) -> Mapping[str, object]:
        """The template that faces are aligned to, and the calibration, which is fitted afterwards."""
        return {"template": self.crop.around, "calibration": dict(UNCALIBRATED)}

    @property
    def provenance(self) -> Mapping[str, object]:
        """What the card says."""
        people = len(np.unique(self.faces.person[self.training]))
        return {
            "trained_on": f"{len(self.training)} renders of {people} invented people, of {self.faces.origin}",
            "selected_on": "nothing: the last step's running average; calibrated on half of the people held out",
            "terms": "Apache-2.0, as facsim",
            "limits": "values are apparent, learnt from drawn heads: on photographs they are not validated; ancestry "
            "is the mixture of MakeHuman's three shape targets; a tone under unknown light is a guess",
        }

    @property
    def identity(self) -> Mapping[str, object]:
        """What a resumed training must equal."""
        return {"faces": self.faces.fingerprint, "crop": asdict(self.crop), "grey": self.grey}

    @property
    def training(self) -> NDArray[np.int64]:
        """Rows of the people to learn from."""
        return np.flatnonzero(~self.faces.held_out)

    @property
    def held_out(self) -> NDArray[np.int64]:
        """Rows of other people."""
        return np.flatnonzero(self.faces.held_out)

    def batch(self, rows: NDArray[np.int64], *, seed: int | None) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Aligned faces, some of them without colour, and what is true of each by column."""
        pictures = crop_faces(self.faces, rows, self.crop, seed=seed).pictures
        if seed is not None:
            pictures = partly_grey(pictures, share=self.grey, seed=seed)
        return pictures, {name: torch.from_numpy(value) for name, value in truth_of(self.faces, rows).items()}

    def loss(self, outputs: Outputs, targets: Mapping[str, Tensor]) -> Tensor:
        """The sum of every attribute's score: beta-NLL, cross-entropy, and for tones half of it their ranked one."""
        assert isinstance(outputs, Tensor)
        age = (targets["apparent_age_years"] - AGE_MIDDLE) / AGE_UNIT
        ita = (targets["ita_deg"] - ITA_MIDDLE) / ITA_UNIT
        gender = functional.binary_cross_entropy_with_logits(outputs[:, sliced("gender")][:, 0], targets["masculine"])
        continuous = _beta_nll(outputs[:, sliced("age")], age) + _beta_nll(outputs[:, sliced("ita")], ita)
        ancestry = _ancestry_loss(outputs[:, sliced("ancestry")], targets["apparent_ancestry"])
        return continuous + gender + ancestry + _tone_loss(outputs[:, sliced("tone")], targets["skin_tone_monk"])

    def examine(self, outputs: Mapping[str, NDArray[np.float32]]) -> Mapping[str, float]:
        """On the half of the people held out on which nothing was calibrated."""
        rows, fitting = self.held_out, calibration_half(self)
        calibration = fit_calibration(outputs["outputs"][fitting], truth_of(self.faces, rows[fitting]))
        said = read_apparent(outputs["outputs"][~fitting], calibration)
        return figures_of(said, truth_of(self.faces, rows[~fitting]))


def attributes_task(renders: str) -> AttributesTask:
    """The task over the renders of this run. Raises ManifestError where they do not suffice."""
    return AttributesTask(faces=load_faces(renders, columns=("landmarks_68", "landmarks_5", *_TRUTH, *_CONDITIONS)))


def truth_of(faces: Faces, rows: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """What is true of these rows: float32 (N,), ancestry (N, 3); `masculine` 0 or 1."""
    found = {name: np.asarray(faces.columns[name][rows], dtype=np.float32) for name in _TRUTH}
    masculine = faces.names["apparent_gender"].index("masculine")
    return found | {"masculine": (found["apparent_gender"] == masculine).astype(np.float32)}


def calibration_half(task: AttributesTask) -> NDArray[np.bool_]:
    """Which of the rows held out, in their order, are of the people that calibrations are fitted on: every other."""
    _, places = np.unique(task.faces.person[task.held_out], return_inverse=True)
    return places % 2 == 0


def calibrated_attributes(labeller: Labeller, task: LabelTask) -> Labeller:
    """The label model with its deviations and temperatures fitted on half of the people held out."""
    assert isinstance(task, AttributesTask)
    rows = task.held_out[calibration_half(task)]
    outputs = predict_rows(labeller, task, rows)["outputs"]
    calibration = fit_calibration(outputs, truth_of(task.faces, rows))
    return replace(labeller, settings={**labeller.settings, "calibration": calibration})


def fit_calibration(outputs: NDArray[np.floating], truth: Mapping[str, NDArray[np.floating]]) -> dict[str, float]:
    """Factors on deviations, so that standardised errors have a mean square of 1, and temperatures of least NLL."""
    said = read_apparent(outputs)
    years = (said.age_years - truth["apparent_age_years"]) / said.age_sd
    degrees = (said.ita_deg - truth["ita_deg"]) / said.ita_sd
    weights = _ancestry_error(said, truth) / said.ancestry_sd
    tones = truth["skin_tone_monk"].astype(np.int64) - 1
    genders = truth["masculine"] > 0.5
    found = {
        "age_sd": _root_mean_square(years),
        "gender": _temperature(outputs, "gender", lambda said: np.where(genders, said.masculine, 1 - said.masculine)),
        "ancestry_sd": _root_mean_square(weights),
        "tone": _temperature(outputs, "tone", lambda said: said.tones[np.arange(len(tones)), tones]),
        "ita_sd": _root_mean_square(degrees),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def figures_of(said: Apparent, truth: Mapping[str, NDArray[np.floating]]) -> dict[str, float]:
    """Errors, and how well deviations are calibrated: the share of truths within one deviation (0.683 of a normal)."""
    years = np.abs(said.age_years - truth["apparent_age_years"])
    steps = np.abs(said.tone - truth["skin_tone_monk"])
    degrees = np.abs(said.ita_deg - truth["ita_deg"])
    ancestry = truth["apparent_ancestry"]
    return {
        "age_mae_years": float(years.mean()),
        "age_within_one_sd": float((years <= said.age_sd).mean()),
        "gender_auc": _auc(truth["masculine"] > 0.5, said.masculine),
        "gender_accuracy": float(((said.masculine > 0.5) == (truth["masculine"] > 0.5)).mean()),
        "ancestry_mae": float(np.abs(said.ancestry - ancestry).mean()),
        "ancestry_top_accuracy": float((said.ancestry.argmax(axis=1) == ancestry.argmax(axis=1)).mean()),
        "tone_within_one": float((steps <= 1).mean()),
        "tone_mae": float(steps.mean()),
        "ita_mae_deg": float(degrees.mean()),
        "ita_within_one_sd": float((degrees <= said.ita_sd).mean()),
    }


def _beta_nll(said: Tensor, truth: Tensor) -> Tensor:
    """Seitzer et al. 2022, On the Pitfalls of Heteroscedastic Uncertainty Estimation, eq. 4, with beta 0.5."""
    mean, log_sd = said[:, 0], said[:, 1].clamp(-4.0, 2.0)
    nll = 0.5 * (mean - truth) ** 2 * torch.exp(-2.0 * log_sd) + log_sd
    return (nll * torch.exp(2.0 * _BETA * log_sd).detach()).mean()


def _ancestry_loss(said: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy with the weights; and the likelihood of their error, which moves the deviation alone."""
    weights = functional.softmax(said[:, :3], dim=1).detach()
    log_sd = said[:, 3].clamp(-6.0, 0.0)
    square = ((weights - truth) ** 2).mean(dim=1)
    return functional.cross_entropy(said[:, :3], truth) + 0.1 * (0.5 * square * torch.exp(-2 * log_sd) + log_sd).mean()


def _tone_loss(said: Tensor, truth: Tensor) -> Tensor:
    """Half the cross-entropy, and the ranked probability score (Epstein 1969), for which a near miss is a small one."""
    place = truth.long() - 1
    below = torch.cumsum(functional.softmax(said, dim=1), dim=1)
    reached = (torch.arange(10, device=said.device)[None, :] >= place[:, None]).float()
    return 0.5 * functional.cross_entropy(said, place) + ((below - reached) ** 2).sum(dim=1).mean()


def _ancestry_error(said: Apparent, truth: Mapping[str, NDArray[np.floating]]) -> NDArray[np.floating]:
    return np.sqrt(((said.ancestry - truth["apparent_ancestry"]) ** 2).mean(axis=1))


def _auc(truth: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """The area under the ROC curve, by ranks (Mann and Whitney 1947); NaN where the truth is of one kind."""
    yes, no = int(truth.sum()), int((~truth).sum())
    return float((rankdata(scores)[truth].sum() - yes * (yes + 1) / 2) / (yes * no)) if yes and no else float("nan")


def _root_mean_square(values: NDArray[np.floating]) -> float:
    return float(np.sqrt((values**2).mean()))


def _temperature(
    outputs: NDArray[np.floating], name: str, likelihood: Callable[[Apparent], NDArray[np.floating]]
) -> float:
    """The temperature from 0.2 to 5 at which the truth is likeliest (Guo et al. 2017, section 4.2)."""

    def cost(log_temperature: float) -> float:
        said = read_apparent(outputs, {**UNCALIBRATED, name: float(np.exp(log_temperature))})
        return float(-np.log(np.maximum(likelihood(said), 1e-12)).mean())

    found = minimize_scalar(cost, bounds=(np.log(0.2), np.log(5.0)), method="bounded")
    return float(np.exp(found.x))
