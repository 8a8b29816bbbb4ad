"""Parse: what each pixel of the aligned face shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from facsim.formats.terms import Terms
from facsim.label_maps import encode_parts
from facsim.models.face_crop import TEMPLATES
from facsim.models.face_parts import find_parts
from facsim.models.labeller import Labeller, load_reader, weights_digest
from facsim.models.model_terms import model_terms
from facsim.picture_memory import PICTURES
from facsim.pictures import PictureError
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["Parse"]


@dataclass(frozen=True, kw_only=True)
class Parse:
    """Say what each pixel of the aligned face shows: skin, lips, brows, eyes, teeth, hair, glasses, …

    The map is of `face_aligned`, pixel for pixel, not of the picture. model: empty for facsim's own, or a folder that
    `facsim teach parse` wrote. Faces aligned to any template without a margin are read; pictures that passed as
    aligned are taken to be framed as the model's own template is.
    """

    model: str = ""

    name: ClassVar[str] = "parse"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism(level="close", tolerance=0.0, metric="pixels of the map")
    reads: ClassVar[tuple[str, ...]] = ("face_aligned", "align_template")
    writes: ClassVar[tuple[str, ...]] = ("parts",)
    resources: ClassVar[Resources] = Resources(batch=32)

    @property
    def weights(self) -> tuple[str, ...]:
        """The parsing model's."""
        return (weights_digest("parse", self.model),)

    @property
    def model_terms(self) -> tuple[Terms, ...]:
        """The terms of the parsing model; none of facsim's own."""
        return model_terms(self.model)

    def open(self, device: str) -> Work:
        """The model, loaded once."""
        labeller = load_reader("parse", self.model, device=device)
        return lambda samples: _rows(labeller, samples, device)


def _rows(labeller: Labeller, samples: Sequence[Sample], device: str) -> list[Row | Problem]:
    opened = [_opened(sample) for sample in samples]
    faces = [one for one in opened if not isinstance(one, Problem)]
    own = str(labeller.settings["template"])
    templates = [
        sample["align_template"] if sample["align_template"] in TEMPLATES else own
        for sample, one in zip(samples, opened, strict=True)
        if not isinstance(one, Problem)
    ]
    maps = iter(find_parts(labeller, faces, templates, device=device) if faces else [])
    rows: list[Row | Problem] = []
    for sample, one in zip(samples, opened, strict=True):
        if isinstance(one, Problem):
            rows.append(one)
        else:
            rows.append({"parts": {"bytes": encode_parts(next(maps)), "path": f"{sample.sample_id}-parts.png"}})
    return rows


def _opened(sample: Sample) -> NDArray[np.uint8] | Problem:
    """The aligned face, which must be square."""
    try:
        array = PICTURES.decoded(sample["face_aligned"]["bytes"]).array
    except PictureError as error:
        return Problem(reason=error.reason, detail=error.detail)
    if array.shape[0] != array.shape[1]:
        return Problem(
            reason="no_place", detail=f"the aligned face is {array.shape[1]}×{array.shape[0]} px, not square"
        )
    return array
