"""What teaches facsim's own coder of action units: intensities, each with how sure it is, from renders alone.

The renders' units are scattered (`facsim.sources.codings`), since units that only ever come together cannot be told
apart. Where a unit cannot be seen, behind a hand or dark glasses, nothing but the uncertainty can be right, so the
network says a mean and a variance for each and is taught by the likelihood of the truth under both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facsim.facs import column_name
from facsim.learn.labellers.cropping import Crop, crop_faces, mirrored_columns
from facsim.learn.labellers.faces import Faces, load_faces
from facsim.learn.labellers.fitting import Outputs, predict_rows
from facsim.metrics.agreement import icc_3_1
from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.classifier import Preprocessing
from facsim.models.intensities import intensities_of, split_outputs
from facsim.models.labeller import Labeller

__all__ = ["ActionUnitTask", "action_unit_task", "calibrated_action_units", "calibration_rows"]

_GREY = 0.3
_BETA = 0.5
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as pictures are made grey elsewhere
_COLUMNS = tuple(column_name(key) for key in SUPPORTED_AUS)


@dataclass(frozen=True, kw_only=True, eq=False)
class ActionUnitTask:
    """`faces` with the intensities of every unit that the head can show. A `facsim.learn.labellers.fitting.LabelTask`.

    The network gives 2 K numbers: K means, intensities as they are, then K logarithms of variances. `grey` of the
    pictures lose their colours in training, since many collections have none. `beta` is that of the loss.
    """

    faces: Faces
    crop: Crop = field(default_factory=lambda: Crop(size_px=80, strength=1.3))
    widths: tuple[int, ...] = (32, 64, 128, 192)
    depths: tuple[int, ...] = (1, 2, 2, 1)
    grid: int = 5
    grey: float = _GREY
    beta: float = _BETA

    name = "action_units"

    @property
    def network(self) -> tuple[str, Mapping[str, Any]]:
        """A trunk that keeps where things are: sides are places."""
        shape = {"widths": self.widths, "depths": self.depths, "grid": self.grid, "stem_stride": 2}
        return "face_net", {"outputs": 2 * len(_COLUMNS), **shape}

    @property
    def preprocessing(self) -> Preprocessing:
        """Colours about the middle of their range."""
        return Preprocessing(size_px=self.crop.size_px, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The units' keys in the order of the outputs, the frame, and the scale of each deviation (1: as taught)."""
        return {
            "keys": list(SUPPORTED_AUS),
            "template": self.crop.around,
            "deviation_scales": [1.0] * len(SUPPORTED_AUS),
        }

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What the card says."""
        return {
            "trained_on": f"{len(self.training)} of {self.faces.origin}",
            "selected_on": "nothing: the weights after the last step, averaged",
            "terms": "Apache-2.0, as facsim; MakeHuman's data, from which the renders are made, is CC0",
        }

    @property
    def identity(self) -> Mapping[str, Any]:
        """What a resumed training must equal."""
        return {
            "faces": self.faces.fingerprint,
            "crop": asdict(self.crop),
            "grey": self.grey,
            "beta": self.beta,
            "keys": list(SUPPORTED_AUS),
        }

    @property
    def training(self) -> NDArray[np.int64]:
        """Rows of people that are not held out."""
        return np.flatnonzero(~self.faces.held_out)

    @property
    def held_out(self) -> NDArray[np.int64]:
        """Rows of the others."""
        return np.flatnonzero(self.faces.held_out)

    def intensities(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """What the rows show: float32 (N, K), 0 to 5, in the order of the keys."""
        return np.stack([self.faces.columns[column][rows] for column in _COLUMNS], axis=1)

    def batch(self, rows: NDArray[np.int64], *, seed: int | None) -> tuple[Tensor, Tensor]:
        """Crops, and their intensities (B, K), sides swapped in mirror images."""
        cut = crop_faces(self.faces, rows, self.crop, seed=seed)
        found = self.intensities(rows)
        found[cut.mirrored] = found[cut.mirrored][:, mirrored_columns(_COLUMNS)]
        pictures = cut.pictures
        if seed is not None:
            drawn = np.random.default_rng([seed, 1]).random(len(rows)) < self.grey
            pictures = torch.where(torch.from_numpy(drawn)[:, None, None, None], _greyed(pictures), pictures)
        return pictures, torch.from_numpy(found)

    def loss(self, outputs: Outputs, targets: Tensor) -> Tensor:
        """Mean over pictures and units of the beta-NLL (Seitzer et al. 2022, equation 4).

        The likelihood of the truth under a normal distribution, each term weighed by its variance to the power `beta`,
        which is not learnt through: without it, hard units would be called uncertain and never learnt.
        """
        assert isinstance(outputs, Tensor)
        mean, log_variance = split_outputs(outputs)
        terms = ((mean - targets) ** 2 / log_variance.exp() + log_variance) / 2
        return (terms * (self.beta * log_variance.detach()).exp()).mean()

    def examine(self, outputs: Mapping[str, NDArray[np.float32]]) -> Mapping[str, float]:
        """On the people held out: means over units of ICC(3,1), Pearson's r and the absolute error."""
        truth = self.intensities(self.held_out)
        found = np.clip(outputs["outputs"][:, : truth.shape[1]], 0, 5)
        units = range(truth.shape[1])
        icc = [icc_3_1(np.stack([truth[:, at], found[:, at]], axis=1)).value for at in units]
        r = [float(np.corrcoef(truth[:, at], found[:, at])[0, 1]) for at in units]
        return {
            "icc_3_1_mean": float(np.nanmean(icc)),
            "pearson_mean": float(np.nanmean(r)),
            "mean_absolute_error": float(np.abs(truth - found).mean()),
        }


def action_unit_task(renders: str) -> ActionUnitTask:
    """The task over the renders of this run. Raises ManifestError where it lacks landmarks or action units."""
    columns = ("landmarks_68", "landmarks_68_visible", "landmarks_5", *_COLUMNS)
    return ActionUnitTask(faces=load_faces(renders, columns=columns))


def calibration_rows(task: ActionUnitTask) -> NDArray[np.bool_]:
    """Which of the rows held out the scales are fitted on: every other person. The rest measure them."""
    return task.faces.person[task.held_out] % 2 == 0


def calibrated_action_units(labeller: Labeller, task: ActionUnitTask) -> Labeller:
    """The same with one scale for each unit's deviation, so that errors are as large as it says on half of the
    held-out.

    The scale is the root of the mean square of error / deviation, the likeliest one under normal errors (Levi et al.
    2022, Evaluating and calibrating uncertainty prediction in regression tasks, section 3.3). Most units are absent
    from most faces, so errors are less spread in the middle than normal ones: more than 68 % lie within one deviation.
    """
    rows = task.held_out[calibration_rows(task)]
    plain = {**labeller.settings, "deviation_scales": [1.0] * len(SUPPORTED_AUS)}
    mean, deviation = intensities_of(predict_rows(labeller, task, rows)["outputs"], plain)
    ratio = (mean - task.intensities(rows)) / deviation
    scales = np.sqrt((ratio**2).mean(axis=0))
    settings = {**plain, "deviation_scales": [round(float(scale), 4) for scale in scales]}
    return replace(labeller, settings=settings)


def _greyed(pictures: Tensor) -> Tensor:
    """(B, 3, S, S) without colours."""
    luma = (pictures * torch.tensor(_LUMA)[None, :, None, None]).sum(dim=1, keepdim=True)
    return luma.expand_as(pictures)
