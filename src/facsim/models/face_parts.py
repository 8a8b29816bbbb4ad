"""Part maps of aligned faces, by the native parsing network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from facsim.label_maps import PART_NAMES
from facsim.models.classifier import nchw, prepare
from facsim.models.face_crop import fit_similarity, template_points
from facsim.models.labeller import Labeller
from facsim.models.resampling import cut_out

__all__ = ["find_parts"]


def find_parts(
    labeller: Labeller, faces: Sequence[NDArray[np.uint8]], templates: Sequence[str], *, device: str = "cpu"
) -> list[NDArray[np.uint8]]:
    """What each pixel of aligned faces uint8 (S, S, 3) shows: uint8 (S, S), places in `facsim.label_maps.PART_NAMES`.

    A face of another template than the network's is looked at through the network's, its border going on outside.
    """
    size = labeller.preprocessing.size_px
    own = str(labeller.settings["template"])
    matrices = [_to_own(face.shape[0], template, own, size) for face, template in zip(faces, templates, strict=True)]
    crops = np.stack([cut_out(face, matrix, size_px=size) for face, matrix in zip(faces, matrices, strict=True)])
    with torch.inference_mode():
        logits = labeller.network(prepare(nchw(torch.from_numpy(crops)).to(device), labeller.preprocessing))
    numbers = np.array([PART_NAMES.index(name) for name in labeller.settings["parts"]], dtype=np.uint8)
    found = []
    for face, matrix, maps in zip(faces, matrices, logits.float().cpu(), strict=True):
        found.append(numbers[_back(maps, matrix, face.shape[0]).argmax(dim=0).numpy()])
    return found


def _to_own(side: int, template: str, own: str, size_px: int) -> NDArray[np.float64]:
    """(2, 3): places in a face of `side` px framed as `template` to places in what the network reads."""
    target = template_points(own, size_px=size_px)
    framed = template_points(template, size_px=side)
    return np.asarray(fit_similarity(framed[None], target)[0], dtype=np.float64)


def _back(maps: torch.Tensor, matrix: NDArray[np.float64], side: int) -> torch.Tensor:
    """Logits (C, side, side) in the face's own frame, interpolated between those (C, S, S) of the network."""
    size = maps.shape[-1]
    place = np.arange(side) + 0.5
    x = matrix[0, 0] * place[None, :] + matrix[0, 1] * place[:, None] + matrix[0, 2]
    y = matrix[1, 0] * place[None, :] + matrix[1, 1] * place[:, None] + matrix[1, 2]
    grid = torch.from_numpy(np.stack([x, y], axis=-1) * (2 / size) - 1).float()[None]
    return torch.nn.functional.grid_sample(
        maps[None], grid, mode="bilinear", padding_mode="border", align_corners=False
    )[0]
