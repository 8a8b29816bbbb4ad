"""facsim's own label models as functions of faces, for stages that read one frame and give one vector a face."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from facsim.models.labeller import Labeller

__all__ = ["labeller_faces"]


def labeller_faces(
    labeller: Labeller, *, device: str, batch: int
) -> tuple[str, int, Callable[[NDArray[np.uint8]], NDArray[np.float32]]]:
    """The template and the side that a label model (`load_reader`) wants, and the function from faces uint8
    (N, S, S, 3) to its numbers float32 (N, K).

    Batches are padded to `batch`, so that a face has the same result in whichever it comes.
    """
    from facsim.models.classifier import read_pictures

    def run(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        parts: list[NDArray[np.float32]] = []
        for at in range(0, len(faces), batch):
            part = faces[at : at + batch]
            found = read_pictures(labeller.network, labeller.preprocessing, part, device=device, rows=batch)
            parts.append(found.float().cpu().numpy())
        return np.concatenate(parts)

    return str(labeller.settings["template"]), labeller.preprocessing.size_px, run
