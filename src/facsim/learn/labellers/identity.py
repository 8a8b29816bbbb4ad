"""Teaching the embedding: who of the invented people a face is, whatever it expresses and however it is lit.

The loss is ArcFace's (Deng et al. 2019, eq. 3) over the people of the training renders. Its classes are a companion of
the network and no part of the model: people met later are told apart by the cosine of their embeddings. The margin
grows from 0, since a small network that starts with all of it learns nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from facsim.errors import FacsimError
from facsim.facs import column_name
from facsim.learn.labellers.cropping import Crop, crop_faces
from facsim.learn.labellers.faces import Faces, load_faces
from facsim.learn.labellers.fitting import Outputs
from facsim.metrics.verification import Pairs, verification_figures
from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.classifier import Preprocessing
from facsim.sample import generator_for

__all__ = ["IdentityTask", "differing_pairs", "identity_task", "margin_logits", "partly_grey", "verification_pairs"]

_CONDITIONS = ("yaw_deg", "light_azimuth_deg", "light_ratio", "face_luminance")
_UNITS = tuple(column_name(key) for key in SUPPORTED_AUS)
_FAR_UNITS, _FAR_YAW, _FAR_LUMINANCE = 12.0, 30.0, 0.15
"""Pairs "that differ" in expression (Euclidean distance of the units' intensities), in yaw (deg) and in light (mean
luminance of the face, sRGB-coded): about the upper quarter of the pairs of one person in recipes/labels/people.toml."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IdentityTask:
    """Renders of people, of whom `held_out` rows show others than `training` rows.

    A `facsim.learn.labellers.fitting.LabelTask` and `CompanionTask`. `margin` is the angle, radians, that is added from
    `warmed` of the way on, and in growing part from `warm_from` on; `scale` that of the cosines.
    """

    faces: Faces
    crop: Crop = field(default_factory=lambda: Crop(size_px=48, around="arcface", jitter=0.05))
    size: int = 128
    margin: float = 0.2
    scale: float = 24.0
    warm_from: float = 0.15
    warmed: float = 0.7
    grey: float = 0.3
    widths: tuple[int, ...] = (24, 48, 96, 160)

    name = "identity"

    @property
    def network(self) -> tuple[str, Mapping[str, object]]:
        """The trunk, with a grid of 3 × 3: what lies where says who it is."""
        return "face_net", {"outputs": self.size, "channels": 3, "widths": self.widths, "grid": 3}

    @property
    def preprocessing(self) -> Preprocessing:
        """RGB about the middle."""
        return Preprocessing(size_px=self.crop.size_px, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3)

    @property
    def settings(self) -> Mapping[str, object]:
        """The template that faces are aligned to, and the length of an embedding."""
        return {"template": self.crop.around, "size": self.size, "compared_by": "cosine"}

    @property
    def provenance(self) -> Mapping[str, object]:
        """What the card says."""
        people = len(np.unique(self.faces.person[self.training]))
        return {
            "trained_on": f"{len(self.training)} renders of {people} invented people, of {self.faces.origin}",
            "selected_on": "margin and length: one earlier run's figures on the renders held out; weights: the last "
            "step's running average",
            "terms": "Apache-2.0, as facsim",
        }

    @property
    def identity(self) -> Mapping[str, object]:
        """What a resumed training must equal."""
        own = {"size": self.size, "margin": self.margin, "scale": self.scale, "grey": self.grey}
        own |= {"warm_from": self.warm_from, "warmed": self.warmed}
        return {"faces": self.faces.fingerprint, "crop": asdict(self.crop), **own}

    @property
    def training(self) -> NDArray[np.int64]:
        """Rows of the people to learn."""
        return np.flatnonzero(~self.faces.held_out)

    @property
    def held_out(self) -> NDArray[np.int64]:
        """Rows of other people."""
        return np.flatnonzero(self.faces.held_out)

    def batch(self, rows: NDArray[np.int64], *, seed: int | None) -> tuple[Tensor, Tensor]:
        """Aligned faces, some of them without colour, and the number of the person on each."""
        pictures = crop_faces(self.faces, rows, self.crop, seed=seed).pictures
        if seed is not None:
            pictures = partly_grey(pictures, share=self.grey, seed=seed)
        return pictures, torch.from_numpy(self.faces.person[rows])

    def companion(self, generator: torch.Generator) -> nn.Module:
        """One direction a person, held-out ones too, whose directions nothing ever moves."""
        classes = nn.Linear(self.size, int(self.faces.person.max()) + 1, bias=False)
        nn.init.normal_(classes.weight, std=0.05, generator=generator)
        return classes

    def joint_loss(self, outputs: Outputs, targets: Tensor, companion: nn.Module, *, progress: float) -> Tensor:
        """Cross-entropy over the people trained on, with as much of the margin as is due."""
        assert isinstance(outputs, Tensor) and isinstance(companion, nn.Linear)
        due = min(max((progress - self.warm_from) / (self.warmed - self.warm_from), 0.0), 1.0)
        logits = margin_logits(outputs, companion.weight, targets, margin=self.margin * due, scale=self.scale)
        known = torch.zeros(logits.shape[1], dtype=torch.bool, device=logits.device)
        known[torch.from_numpy(np.unique(self.faces.person[self.training]))] = True
        return functional.cross_entropy(logits.masked_fill(~known, -1e4), targets)

    def loss(self, outputs: Outputs, targets: Tensor) -> Tensor:
        """Nothing is learnt without the people's directions: use `joint_loss`."""
        raise FacsimError("an embedding has no loss without its classes; teach it with its companion (`joint_loss`)")

    def examine(self, outputs: Mapping[str, NDArray[np.float32]]) -> Mapping[str, float]:
        """Verification of people held out: of all pairs, and with pairs of one person that differ in a condition."""
        faces, rows = self.faces, self.held_out
        pairs, (one, other) = verification_pairs(outputs["outputs"], faces.person[rows])
        found = {f"{name}_all": value for name, value in verification_figures(pairs).items()}
        for condition, differs in differing_pairs(faces, rows[one], rows[other]).items():
            kept = differs | ~pairs.same
            if not (differs & pairs.same).any():
                continue
            part = Pairs(scores=pairs.scores[kept], first=pairs.first[kept], second=pairs.second[kept])
            found |= {f"{name}_{condition}": value for name, value in verification_figures(part).items()}
        return found


def identity_task(renders: str) -> IdentityTask:
    """The task over the renders of this run. Raises ManifestError where they do not suffice."""
    columns = ("landmarks_68", "landmarks_5", *_CONDITIONS, *_UNITS)
    return IdentityTask(faces=load_faces(renders, columns=columns))


def margin_logits(embeddings: Tensor, classes: Tensor, targets: Tensor, *, margin: float, scale: float) -> Tensor:
    """ArcFace's logits (N, C), Deng et al. 2019, eq. 3: scale * cos(angle + margin) for the true class, else
    scale * cos(angle), of embeddings (N, D) and classes (C, D) of any length; `targets` int64 (N,).

    Where angle + margin would pass π, at which cos turns back, the cosine less margin * sin(margin) stands for it
    (InsightFace's own remedy).
    """
    cosine = functional.normalize(embeddings) @ functional.normalize(classes).T
    own = cosine.gather(1, targets[:, None])
    sine = (1.0 - own**2).clamp(min=1e-7).sqrt()
    moved = own * np.cos(margin) - sine * np.sin(margin)
    moved = torch.where(own > np.cos(np.pi - margin), moved, own - margin * np.sin(margin))
    return scale * cosine.scatter(1, targets[:, None], moved)


def partly_grey(pictures: Tensor, *, share: float, seed: int) -> Tensor:
    """RGB pictures (N, 3, S, S) of which `share`, by `seed`, have lost their colour (BT.601 luma)."""
    drawn = generator_for(str(seed), "labellers/grey").random(len(pictures)) < share
    luma = (pictures * torch.tensor([0.299, 0.587, 0.114])[None, :, None, None]).sum(dim=1, keepdim=True)
    return torch.where(torch.from_numpy(drawn)[:, None, None, None], luma, pictures)


def verification_pairs(
    embeddings: NDArray[np.floating],
    person: NDArray[np.int64],
    *,
    by: str = "cosine",
    impostors: int = 300_000,
    seed: int = 0,
) -> tuple[Pairs, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All pairs of one person and about `impostors` drawn pairs of two, and the rows of each.

    `embeddings` (N, D) of any length; `person` int64 (N,). Scored by "cosine", or by "distance", minus the Euclidean.
    """
    members = [np.flatnonzero(person == one) for one in np.unique(person)]
    same = np.array([pair for rows in members for pair in itertools.combinations(rows, 2)], dtype=np.int64)
    drawn = generator_for(str(seed), "verification/impostors").integers(0, len(person), (impostors, 2))
    drawn = np.sort(drawn[person[drawn[:, 0]] != person[drawn[:, 1]]], axis=1)
    chosen = np.concatenate([same.reshape(-1, 2), np.unique(drawn, axis=0)])
    one, other = chosen[:, 0], chosen[:, 1]
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True) if by == "cosine" else embeddings
    scores = -np.linalg.norm(unit[one] - unit[other], axis=1)
    scores = 1.0 - scores**2 / 2 if by == "cosine" else scores  # of unit vectors |a - b|² is 2 - 2 cos
    return Pairs(scores=scores, first=person[one], second=person[other]), (one, other)


def differing_pairs(faces: Faces, one: NDArray[np.int64], other: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """Which pairs of rows, `one` and `other` int64 (P,), differ much, bool (P,) by "expression", "pose" and "light"."""
    units = np.nan_to_num(np.stack([faces.columns[name] for name in _UNITS], axis=1))
    apart = {name: np.abs(faces.columns[name][one] - faces.columns[name][other]) for name in _CONDITIONS}
    return {
        "expression": np.linalg.norm(units[one] - units[other], axis=1) > _FAR_UNITS,
        "pose": apart["yaw_deg"] > _FAR_YAW,
        "light": apart["face_luminance"] > _FAR_LUMINANCE,
    }
