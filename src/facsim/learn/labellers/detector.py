"""The task `detect`: where faces are, learnt from pictures composed of renders.

The losses are the penalty-reduced focal loss of heat (Zhou et al. 2019, Objects as Points, equation 1) and L1 of the
boxes' middles and of the logarithms of their sizes, about each face's middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facsim.learn.labellers.composites import Composite, compose, photographed
from facsim.learn.labellers.faces import Faces, load_faces
from facsim.learn.labellers.fitting import Outputs
from facsim.models.boxes import overlaps
from facsim.models.classifier import Preprocessing, nchw
from facsim.models.detect_net import BOX_UNIT_PX, CELL_PX, HEAT_OFFSET, cell_middles, read_boxes
from facsim.models.face_finder import faces_among

__all__ = ["DetectTask", "detect_task", "matched_faces"]

_SIZE_PX = 128
_HELD_OUT = 600
_STEEPNESS, _RELIEF = 2, 4
"""The focal loss's alpha and beta, as in the paper."""

_SPREAD, _LEAST_SPREAD_PX = 0.12, 5.0
"""Standard deviation of a face's heat, as a share of its box's mean side, and at least so many px."""

_BOXES_FROM, _BOX_WEIGHT = 0.25, 1.0
"""Cells of at least this heat learn the box."""

_SETTINGS: Mapping[str, float] = {"least_score": 0.35, "overlap": 0.4, "inside": 0.45}
"""Chosen on composites of people held out: between recall and precision, and against second boxes in a face."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectTask:
    """Renders `faces` with parts. A `facsim.learn.labellers.fitting.LabelTask`."""

    faces: Faces
    size_px: int = _SIZE_PX

    name = "detect"

    @property
    def network(self) -> tuple[str, Mapping[str, Any]]:
        """The detector."""
        return "detect_net", {}

    @property
    def preprocessing(self) -> Preprocessing:
        """Colour, as it is."""
        return Preprocessing(size_px=self.size_px, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Which boxes count, and which stand for the others."""
        return _SETTINGS

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What the card says."""
        return {
            "trained_on": f"pictures composed of {len(self.training)} of {self.faces.origin}",
            "selected_on": "pictures composed of renders of people held out; nothing was chosen on photographs",
            "terms": "facsim's own licence",
        }

    @property
    def identity(self) -> Mapping[str, Any]:
        """What a resumed training must equal."""
        return {"faces": self.faces.fingerprint, "size_px": self.size_px}

    @property
    def training(self) -> NDArray[np.int64]:
        """Rows of the people learnt from."""
        return np.flatnonzero(~self.faces.held_out)

    @property
    def held_out(self) -> NDArray[np.int64]:
        """The first rows of the people held out."""
        return np.flatnonzero(self.faces.held_out)[:_HELD_OUT]

    def composites(self, rows: NDArray[np.int64], *, seed: int | None) -> list[Composite]:
        """A picture for each row; where `seed` is None each depends on its row alone."""
        others = self.training if seed is not None else np.flatnonzero(self.faces.held_out)
        drawn = [np.random.default_rng([int(row)] if seed is None else [seed, at]) for at, row in enumerate(rows)]
        return [
            compose(self.faces, int(row), others, size_px=self.size_px, generator=generator)
            for row, generator in zip(rows, drawn, strict=True)
        ]

    def batch(self, rows: NDArray[np.int64], *, seed: int | None) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Composites and the maps that should come out."""
        found = self.composites(rows, seed=seed)
        shown = [one.picture for one in found]
        if seed is not None:
            drawn = [np.random.default_rng([seed, at, 1]) for at in range(len(rows))]
            shown = [photographed(one, generator) for one, generator in zip(shown, drawn, strict=True)]
        pictures = nchw(torch.from_numpy(np.stack(shown)))
        return pictures, _wanted(found, self.size_px // CELL_PX)

    def loss(self, outputs: Outputs, targets: Mapping[str, Tensor]) -> Tensor:
        """Heat's focal loss a face, and the boxes'."""
        assert isinstance(outputs, Tensor)
        heat, logits = targets["heat"], outputs[:, 0] + HEAT_OFFSET
        share, faces = logits.sigmoid(), targets["count"].sum().clamp_min(1)
        found = torch.nn.functional.logsigmoid(logits) * (1 - share) ** _STEEPNESS
        missed = torch.nn.functional.logsigmoid(-logits) * share**_STEEPNESS * (1 - heat) ** _RELIEF
        focal = -torch.where(targets["middle"] > 0, found, missed).sum() / faces
        weight = torch.where(heat > _BOXES_FROM, heat, 0.0)
        apart = (outputs[:, 1:] - targets["boxes"]).abs().sum(dim=1)
        return focal + _BOX_WEIGHT * (apart * weight).sum() / weight.sum().clamp_min(1)

    def examine(self, outputs: Mapping[str, NDArray[np.float32]]) -> Mapping[str, float]:
        """On composites of people held out: recall, precision, and how well boxes lie on those found."""
        scores, boxes = (part.numpy() for part in read_boxes(torch.from_numpy(outputs["outputs"])))
        true = [one.boxes for one in self.composites(self.held_out, seed=None)]
        flat = [(score.reshape(-1), box.reshape(-1, 4)) for score, box in zip(scores, boxes, strict=True)]
        said = [box[faces_among(score, box, _SETTINGS)] for score, box in flat]
        return matched_faces(said, true)


def detect_task(run_url: str) -> DetectTask:
    """The task over the renders of a run. Raises ManifestError where they lack landmarks or parts."""
    return DetectTask(faces=load_faces(run_url, columns=("landmarks_68",), parts=True))


def matched_faces(
    said: Sequence[NDArray[np.floating]], true: Sequence[NDArray[np.floating]], *, least: float = 0.4
) -> dict[str, float]:
    """Recall, precision and mean overlap of boxes (K, 4) said of each picture with the true ones (M, 4).

    A face is found where a box of its own, the strongest first, shares at least `least` with it.
    """
    hits, shares = 0, list[float]()
    for boxes, wanted in zip(said, true, strict=True):
        free = np.ones(len(wanted), dtype=bool)
        for row in overlaps(boxes, wanted):
            best = int(np.where(free, row, -1).argmax()) if free.any() else -1
            if best >= 0 and row[best] >= least:
                free[best] = False
                shares.append(float(row[best]))
        hits += int((~free).sum())
    count = [max(sum(len(boxes) for boxes in group), 1) for group in (true, said)]
    return {
        "recall": hits / count[0],
        "precision": hits / count[1],
        "mean_overlap": float(np.mean(shares)) if shares else 0.0,
    }


def _wanted(found: list[Composite], cells: int) -> Mapping[str, Tensor]:
    x, y = (values.numpy() for values in cell_middles(cells, cells))
    heat, middle = (np.zeros((len(found), cells, cells), dtype=np.float32) for _ in range(2))
    boxes = np.zeros((len(found), 4, cells, cells), dtype=np.float32)
    for at, one in enumerate(found):
        for left, top, right, bottom in one.boxes:
            mid, size = ((left + right) / 2, (top + bottom) / 2), (right - left, bottom - top)
            spread = max(_SPREAD * sum(size) / 2, _LEAST_SPREAD_PX)
            own = np.exp(-((x - mid[0]) ** 2 + (y - mid[1]) ** 2) / (2 * spread**2))
            middle[at].flat[int(own.argmax())] = 1.0
            nearer = own > heat[at]
            heat[at] = np.maximum(heat[at], own)
            offsets = [(mid[0] - x) / BOX_UNIT_PX, (mid[1] - y) / BOX_UNIT_PX]
            sizes = [np.full_like(x, np.log(max(side, 1.0) / BOX_UNIT_PX)) for side in size]
            boxes[at] = np.where(nearer, np.stack([*offsets, *sizes]), boxes[at])
    return {
        "heat": torch.from_numpy(heat),
        "middle": torch.from_numpy(middle),
        "boxes": torch.from_numpy(boxes),
        "count": torch.tensor([float(len(one.boxes)) for one in found]),
    }
