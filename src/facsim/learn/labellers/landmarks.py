"""The task `landmarks`: 68 points of a loosely cut face, which of them can be seen, and how the head is turned.

Half of a batch is cut out roughly, as by a detector's box, half nearly exactly, as by points found before: the stage
`detect` looks twice. The losses are Wing's for the points (Feng et al. 2018, Wing Loss, equation 5), in pixels of a
crop of 64; binary cross-entropy for visibility; smooth L1 for the angles; and the likelihood of a Laplace distribution
for how far off the points will be, which moves nothing but its own outputs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from facsim.learn.labellers.cropping import MIRRORED_68, Crop, FaceBatch, crop_faces
from facsim.learn.labellers.faces import Faces, load_faces
from facsim.learn.labellers.fitting import Outputs
from facsim.models.classifier import Preprocessing
from facsim.models.landmark_outputs import LANDMARK_OUTPUTS, POSE_UNIT_DEG, read_outputs
from facsim.models.pose import turned_angles

__all__ = ["LandmarkTask", "landmark_errors", "landmark_task"]

_SIZE_PX = 64
_SCALE = 1.35
_ROUGH = Crop(
    size_px=_SIZE_PX, around="box", scale=_SCALE, shift=0.11, log_scale=0.3, turn_deg=25, windowed=0.4, strength=1.2
)
_FINE = replace(_ROUGH, shift=0.03, log_scale=0.08, turn_deg=6)
_GREY_P = 0.3
_HIDDEN_WEIGHT = 0.5
"""A point that cannot be seen is asked for at half the weight."""

_WING_PX, _WING_CURVE_PX = 6.0, 1.0
_VISIBLE_WEIGHT, _POSE_WEIGHT, _SPREAD_WEIGHT = 1.0, 3.0, 0.1
_EYES = (36, 45)
"""The outer corners of the eyes: their distance is what errors are shares of (300-W's inter-ocular distance)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LandmarkTask:
    """Renders `faces` with landmarks, their visibility and the pose. A `facsim.learn.labellers.fitting.LabelTask`."""

    faces: Faces
    rough: Crop = _ROUGH
    fine: Crop = _FINE
    widths: tuple[int, ...] = (16, 32, 64, 128)

    name = "landmarks"

    @property
    def network(self) -> tuple[str, Mapping[str, Any]]:
        """Points from a map of 4 × 4 places."""
        shape = {"widths": self.widths, "depths": (1,) * len(self.widths), "grid": 4}
        return "face_net", {"outputs": LANDMARK_OUTPUTS, **shape}

    @property
    def preprocessing(self) -> Preprocessing:
        """Colour, as it is."""
        return Preprocessing(size_px=self.rough.size_px, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3)

    @property
    def settings(self) -> Mapping[str, Any]:
        """How the face is cut out: a square so many times the larger side of the landmarks' box."""
        return {"box_scale": self.rough.scale}

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What the card says."""
        return {
            "trained_on": f"{len(self.training)} of {self.faces.origin}",
            "selected_on": "renders of people held out; nothing was chosen on photographs",
            "terms": "facsim's own licence",
        }

    @property
    def identity(self) -> Mapping[str, Any]:
        """What a resumed training must equal."""
        return {"faces": self.faces.fingerprint, "rough": asdict(self.rough), "fine": asdict(self.fine)}

    @property
    def training(self) -> NDArray[np.int64]:
        """Rows of the people learnt from."""
        return np.flatnonzero(~self.faces.held_out)

    @property
    def held_out(self) -> NDArray[np.int64]:
        """Rows of the people held out."""
        return np.flatnonzero(self.faces.held_out)

    def batch(self, rows: NDArray[np.int64], *, seed: int | None) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Crops, half rough and half fine; exact ones where `seed` is None."""
        if seed is None:
            found = crop_faces(self.faces, rows, self.rough, seed=None)
            return found.pictures, self._targets(found)
        middle = len(rows) // 2
        halves = [
            crop_faces(self.faces, part, crop, seed=seed + at)
            for at, (part, crop) in enumerate([(rows[:middle], self.rough), (rows[middle:], self.fine)])
        ]
        pictures = _partly_grey(torch.cat([half.pictures for half in halves]), seed)
        targets = [self._targets(half) for half in halves]
        return pictures, {name: torch.cat([one[name] for one in targets]) for name in targets[0]}

    def _targets(self, found: FaceBatch) -> Mapping[str, Tensor]:
        columns, rows = self.faces.columns, found.rows
        seen = columns["landmarks_68_visible"][rows] > 0.5
        seen[found.mirrored] = seen[found.mirrored][:, MIRRORED_68]
        inside = ((found.landmarks >= 0) & (found.landmarks < self.rough.size_px)).all(axis=2)
        angles = np.stack([columns[name][rows] for name in ("yaw_deg", "pitch_deg", "roll_deg")], axis=1)
        return {
            "points": torch.from_numpy(found.landmarks / self.rough.size_px),
            "visible": torch.from_numpy((seen & inside).astype(np.float32)),
            "angles": torch.from_numpy(_angles_in_crop(angles, found).astype(np.float32)),
        }

    def loss(self, outputs: Outputs, targets: Mapping[str, Tensor]) -> Tensor:
        """The four losses' weighted sum."""
        assert isinstance(outputs, Tensor)
        found = read_outputs(outputs)
        apart = (found.points - targets["points"]) * _SIZE_PX
        weight = _HIDDEN_WEIGHT + (1 - _HIDDEN_WEIGHT) * targets["visible"]
        points = (_wing(apart) * weight[..., None]).mean()
        visible = functional.binary_cross_entropy_with_logits(found.visible_logits, targets["visible"])
        pose = functional.smooth_l1_loss(
            found.angles_deg / POSE_UNIT_DEG, targets["angles"] / POSE_UNIT_DEG, beta=3 / POSE_UNIT_DEG
        )
        far = apart.detach().norm(dim=2) / _SIZE_PX
        spread = (far / found.log_spread.exp() + found.log_spread).mean()
        return points + _VISIBLE_WEIGHT * visible + _POSE_WEIGHT * pose + _SPREAD_WEIGHT * spread

    def examine(self, outputs: Mapping[str, NDArray[np.float32]]) -> Mapping[str, float]:
        """On exact crops of the people held out: errors of the points, of the angles, and F1 of what is hidden."""
        found = read_outputs(torch.from_numpy(outputs["outputs"]))
        _, targets = self.batch(self.held_out, seed=None)
        errors = landmark_errors(found.points.numpy(), targets["points"].numpy())
        angles = (found.angles_deg - targets["angles"]).abs().numpy().mean(axis=0)
        hidden, said = targets["visible"].numpy() < 0.5, found.visible_logits.numpy() < 0
        hits = float((hidden & said).sum())
        scores = {"nme_68": float(errors.mean()), "failures_at_0.08": float((errors > 0.08).mean())}
        scores["hidden_f1"] = 2 * hits / max(float(hidden.sum() + said.sum()), 1.0)
        return scores | {f"{name}_mae_deg": float(value) for name, value in zip(_ANGLES, angles, strict=True)}


_ANGLES = ("yaw", "pitch", "roll")


def landmark_task(run_url: str) -> LandmarkTask:
    """The task over the renders of a run. Raises ManifestError where they lack landmarks or the pose."""
    names = ("landmarks_68", "landmarks_5", "landmarks_68_visible", "yaw_deg", "pitch_deg", "roll_deg")
    return LandmarkTask(faces=load_faces(run_url, columns=names))


def landmark_errors(found: NDArray[np.floating], true: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) mean distances of 68 points (N, 68, 2) from the true ones, as shares of the distance between the outer
    corners of the eyes (300-W's normalised mean error, Sagonas et al. 2013)."""
    apart = np.linalg.norm(true[:, _EYES[0]] - true[:, _EYES[1]], axis=1)
    return np.linalg.norm(found - true, axis=2).mean(axis=1) / np.maximum(apart, 1e-6)


def _angles_in_crop(angles: NDArray[np.float32], found: FaceBatch) -> NDArray[np.float64]:
    """The angles as the crop shows them: it is turned, then perhaps mirrored."""
    matrices = found.matrices
    sign = np.where(found.mirrored, -1.0, 1.0)
    clockwise = np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 1, 1]))
    return turned_angles(angles, clockwise) * np.stack([sign, np.ones_like(sign), sign], axis=1)


def _wing(apart: Tensor) -> Tensor:
    size = apart.abs()
    offset = _WING_PX - _WING_PX * math.log1p(_WING_PX / _WING_CURVE_PX)
    return torch.where(size < _WING_PX, _WING_PX * torch.log1p(size / _WING_CURVE_PX), size - offset)


def _partly_grey(pictures: Tensor, seed: int) -> Tensor:
    chosen = torch.from_numpy(np.random.default_rng([seed, 1]).random(len(pictures)) < _GREY_P)
    luminance = (pictures * torch.tensor([0.299, 0.587, 0.114])[None, :, None, None]).sum(dim=1, keepdim=True)
    return torch.where(chosen[:, None, None, None], luminance, pictures)
