"""How well a face is pictured, whatever it expresses and whatever its skin: what limits a picture, and how much.

`quality` is the least of the marks of what was measured (`facsim.models.picture_quality.RAMPS`): a picture is as good
as its worst fault. None of the measures looks at what a face does. Closed eyes and open mouths are no faults: the
spread over 40 codings of one person in one light is held small by a test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError, RecipeError, hint_nearest
from facsim.label_maps import PART_NAMES, decode_parts
from facsim.labels.framing import check_frame, columns_of, framed_faces
from facsim.models.picture_quality import (
    SIDE_PX,
    blockiness_of,
    contrast_of,
    exposure_of,
    face_oval,
    face_size,
    luma_of,
    mark,
    sharpness_of,
)
from facsim.picture_memory import PICTURES
from facsim.pictures import PictureError
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["USES", "Quality"]

USES: Mapping[str, tuple[str, ...]] = {
    "landmarks": ("landmarks_68", "landmarks_68_visible"),
    "pose": ("yaw_deg", "pitch_deg"),
    "parts": ("landmarks_68", "parts"),
}
"""What earlier steps may know of a face, and the columns that they know it by."""

_PIXELS = ("sharpness", "exposure", "contrast")
_TURNED_DEG = 12.0
"""From here on the far side of the face begins to hide itself."""
_FAR_LEFT = (22, 23, 24, 25, 26, 34, 35, 42, 43, 44, 45, 46, 47, 52, 53, 54)
_FAR_RIGHT = (17, 18, 19, 20, 21, 31, 32, 36, 37, 38, 39, 40, 41, 48, 49, 50)
_INNER = range(17, 55)
"""Landmarks that nothing but a thing hides: of the jaw hair does, of the lips' undersides the mouth itself."""
_HIDING = np.array([PART_NAMES.index(name) for name in ("lens", "hat", "headscarf", "mask", "occluder", "hair")])


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Sharpness, exposure, contrast and JPEG blocks; with landmarks size and occlusion; with a pose how far from front.

    uses: what earlier steps are read for, of landmarks, pose and parts; parts measure occlusion by pixels instead of
    by landmarks. crop: `face_aligned`, beside which `image` is read for blocks, or `image` for pictures that are crops
    of faces already. given: the template that they are framed by; empty: what `align` says.
    """

    uses: tuple[str, ...] = ("landmarks", "pose")
    crop: str = "face_aligned"
    given: str = ""

    name: ClassVar[str] = "quality"
    version: ClassVar[int] = 2
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    resources: ClassVar[Resources] = Resources(batch=32)
    weights: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        columns_of(self.crop)
        check_frame(self.given)
        for use in self.uses:
            if use not in USES:
                raise RecipeError(f'quality.uses has "{use}", expected of {", ".join(USES)}.{hint_nearest(use, USES)}')

    @property
    def reads(self) -> tuple[str, ...]:
        """The face, the picture, and what `uses` names."""
        columns = [*columns_of(self.crop), "image", *(column for use in self.uses for column in USES[use])]
        return tuple(dict.fromkeys(columns))

    @property
    def writes(self) -> tuple[str, ...]:
        """What is measured, and the least mark."""
        sized = ("face_px",) if "landmarks" in self.uses else ()
        hidden = ("occlusion",) if {"landmarks", "parts"} & set(self.uses) else ()
        return (*_PIXELS, "blockiness", *sized, *hidden, "quality", "quality_limit")

    def open(self, device: str) -> Work:
        """The measurer; nothing is loaded."""
        within = face_oval()

        def work(samples: Sequence[Sample]) -> list[Row | Problem]:
            faces, problems = framed_faces(samples, crop=self.crop, given=self.given, wanted="wide", size_px=SIDE_PX)
            return [
                problem or self._row(sample, face, within)
                for sample, face, problem in zip(samples, faces, problems, strict=True)
            ]

        return work

    def _row(self, sample: Sample, face: NDArray[np.uint8], within: NDArray[np.bool_]) -> Row | Problem:
        luma = luma_of(face)
        try:
            measured = {
                "sharpness": sharpness_of(luma, within),
                "exposure": exposure_of(luma, within),
                "contrast": contrast_of(luma, within),
                "blockiness": blockiness_of(luma_of(PICTURES.decoded(sample["image"]["bytes"]).array)),
                **self._known(sample),
            }
        except PictureError as error:
            return Problem(reason=error.reason, detail=error.detail)
        except FacsimError as error:
            return Problem(reason="missing_input", detail=str(error))
        measured = {name: round(value, 4) for name, value in measured.items()}
        marks = {name: round(mark(name, value), 4) for name, value in measured.items()}
        least = min(marks, key=lambda name: marks[name])
        columns = {"face_px" if name == "size" else name: value for name, value in measured.items() if name != "pose"}
        return {**columns, "quality": marks[least], "quality_limit": least if marks[least] < 1.0 else "none"}

    def _known(self, sample: Sample) -> dict[str, float]:
        """What earlier steps know: size, occlusion, pose."""
        missing = [name for use in self.uses for name in USES[use] if sample[name] is None]
        if missing:
            raise FacsimError(f"no {missing[0]}")
        found: dict[str, float] = {}
        yaw = float(sample["yaw_deg"]) if "pose" in self.uses else 0.0
        if "landmarks" in self.uses:
            found["size"] = face_size(_points(sample))
            found["occlusion"] = _hidden_landmarks(np.array(sample["landmarks_68_visible"], dtype=bool), yaw)
        if "parts" in self.uses:
            found["occlusion"] = _hidden_pixels(decode_parts(sample["parts"]["bytes"]), _points(sample))
        if "pose" in self.uses:
            cosine = np.cos(np.radians(yaw)) * np.cos(np.radians(float(sample["pitch_deg"])))
            found["pose"] = float(max(cosine, 0.0))
        return found


def _points(sample: Sample) -> NDArray[np.float64]:
    return np.asarray(sample["landmarks_68"], dtype=np.float64).reshape(68, 2)


def _hidden_landmarks(visible: NDArray[np.bool_], yaw_deg: float) -> float:
    """The share of the inner face's landmarks that cannot be seen, without those that the head's turn hides."""
    far = _FAR_LEFT if yaw_deg > _TURNED_DEG else _FAR_RIGHT if yaw_deg < -_TURNED_DEG else ()
    kept = [point for point in _INNER if point not in far]
    return float(1.0 - visible[kept].mean())


def _hidden_pixels(parts: NDArray[np.uint8], points: NDArray[np.float64]) -> float:
    """The share of the pixels in the inner landmarks' oval that show a thing, or hair, before the face."""
    inner = points[list(_INNER)]
    low, high = inner.min(axis=0), inner.max(axis=0)
    y, x = np.mgrid[: parts.shape[0], : parts.shape[1]] + 0.5
    reach = np.maximum((high - low) / 2, 1.0)
    middle = (low + high) / 2
    within = np.hypot((x - middle[0]) / reach[0], (y - middle[1]) / reach[1]) < 1.0
    return float(np.isin(parts[within], _HIDING).mean()) if within.any() else 1.0
