"""The task `parse`: what each pixel of a face shows, learnt from the renderer's part maps.

Parts too rare or too small to be learnt at this size go with what they lie in (`MERGED`). The loss is cross-entropy in
which a part weighs as the inverse square root of its share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from facsim.label_maps import PART_NAMES
from facsim.learn.labellers.cropping import Crop, crop_faces
from facsim.learn.labellers.faces import Faces, load_faces
from facsim.learn.labellers.fitting import Outputs
from facsim.models.classifier import Preprocessing

__all__ = ["MERGED", "PARSED_PARTS", "ParseTask", "parse_task", "part_overlaps"]

MERGED: Mapping[str, str] = {
    "lashes": "skin",
    "gums": "mouth_interior",
    "tongue": "mouth_interior",
    "lens": "glasses",
}
"""Parts that are learnt as another: of the pixels of a face of 56 px lashes and lenses have none, gums 0.01 %."""

PARSED_PARTS: tuple[str, ...] = tuple(name for name in PART_NAMES if name not in MERGED)
"""What the network's maps are of, in their order."""

_CROP = Crop(size_px=56, around="wide", jitter=0.07, turn_deg=0, windowed=0.35, strength=1.2)
_GREY_P = 0.3
_SHARES = 2000
_WEIGHT_RANGE = (0.3, 6.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class ParseTask:
    """Renders `faces` with parts, landmarks and `weights` float32 of the parts. A `…fitting.LabelTask`."""

    faces: Faces
    weights: NDArray[np.float32]
    crop: Crop = _CROP

    name = "parse"

    @property
    def network(self) -> tuple[str, Mapping[str, Any]]:
        """A map for each part."""
        return "parse_net", {"classes": len(PARSED_PARTS)}

    @property
    def preprocessing(self) -> Preprocessing:
        """Colour, as it is."""
        return Preprocessing(size_px=self.crop.size_px, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Names of the maps, and how the face is cut out."""
        return {"parts": list(PARSED_PARTS), "template": self.crop.around}

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What the card says."""
        return {
            "trained_on": f"{len(self.training)} of {self.faces.origin}",
            "selected_on": "renders of people held out; nothing was chosen on photographs",
            "terms": "facsim's own licence",
            "merged_parts": dict(MERGED),
        }

    @property
    def identity(self) -> Mapping[str, Any]:
        """What a resumed training must equal."""
        return {"faces": self.faces.fingerprint, "crop": asdict(self.crop), "parts": list(PARSED_PARTS)}

    @property
    def training(self) -> NDArray[np.int64]:
        """Rows of the people learnt from."""
        return np.flatnonzero(~self.faces.held_out)

    @property
    def held_out(self) -> NDArray[np.int64]:
        """Rows of the people held out."""
        return np.flatnonzero(self.faces.held_out)[:1000]

    def batch(self, rows: NDArray[np.int64], *, seed: int | None) -> tuple[Tensor, Tensor]:
        """Crops, and the maps (B, S, S) int64 of places in `PARSED_PARTS`."""
        found = crop_faces(self.faces, rows, self.crop, seed=seed)
        assert found.parts is not None
        parts = _INDEX[found.parts]
        mirrored = torch.from_numpy(found.mirrored)
        parts[mirrored] = _SWAPPED[parts[mirrored]]
        pictures = found.pictures
        if seed is not None:
            chosen = torch.from_numpy(np.random.default_rng([seed, 1]).random(len(rows)) < _GREY_P)
            luminance = (pictures * torch.tensor([0.299, 0.587, 0.114])[None, :, None, None]).sum(dim=1, keepdim=True)
            pictures = torch.where(chosen[:, None, None, None], luminance, pictures)
        return pictures, parts

    def loss(self, outputs: Outputs, targets: Tensor) -> Tensor:
        """Weighted cross-entropy a pixel."""
        assert isinstance(outputs, Tensor)
        return functional.cross_entropy(outputs, targets, weight=torch.from_numpy(self.weights).to(outputs.device))

    def examine(self, outputs: Mapping[str, NDArray[np.float32]]) -> Mapping[str, float]:
        """On exact crops of people held out: the intersection over union of each part, and their mean."""
        said = outputs["outputs"].argmax(axis=1)
        _, true = self.batch(self.held_out, seed=None)
        return part_overlaps(said, true.numpy())


def parse_task(run_url: str) -> ParseTask:
    """The task over the renders of a run. Raises ManifestError where they have no part maps."""
    faces = load_faces(run_url, columns=("landmarks_68", "landmarks_5"), parts=True)
    rows = np.flatnonzero(~faces.held_out)[:_SHARES]
    parts = crop_faces(faces, rows, _CROP, seed=None).parts
    assert parts is not None
    counts = np.bincount(_INDEX[parts].numpy().ravel(), minlength=len(PARSED_PARTS))
    weights = 1 / np.sqrt(np.maximum(counts / counts.sum(), 1e-4))
    weights = np.clip(weights / np.median(weights), *_WEIGHT_RANGE)
    return ParseTask(faces=faces, weights=weights.astype(np.float32))


def part_overlaps(said: NDArray[np.int64], true: NDArray[np.int64]) -> dict[str, float]:
    """`iou_<part>` over all pixels of maps (N, S, S) of places in `PARSED_PARTS`, of each part that is in either, and
    their mean, `mean_iou`."""
    found: dict[str, float] = {}
    for place, name in enumerate(PARSED_PARTS):
        here, there = said == place, true == place
        union = int((here | there).sum())
        if union:
            found[f"iou_{name}"] = int((here & there).sum()) / union
    return {"mean_iou": float(np.mean(list(found.values()))), **found}


_INDEX = torch.tensor([PARSED_PARTS.index(MERGED.get(name, name)) for name in PART_NAMES])
_SIDES = {"eye_left": "eye_right", "eye_right": "eye_left"}
_SWAPPED = torch.tensor([PARSED_PARTS.index(_SIDES.get(name, name)) for name in PARSED_PARTS])
