"""Detect: where the face is in a picture, its landmarks, which of them can be seen, and how the head is turned."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facsim.errors import RecipeError, WeightsError
from facsim.formats.terms import Terms
from facsim.models.face_crop import pick_five
from facsim.models.face_finder import FoundFace, find_faces
from facsim.models.face_points import FacePoints, box_of, find_points, whole_boxes
from facsim.models.labeller import Labeller, load_reader, weights_digest
from facsim.models.mediapipe_faces import find_with_mediapipe, open_mediapipe
from facsim.models.model_terms import model_terms
from facsim.models.yunet import YUNET_SCORE, find_with_yunet, open_yunet
from facsim.picture_headers import declared_size
from facsim.picture_memory import PICTURES
from facsim.pictures import PictureError
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["Detect"]

_Finder = Callable[[Sequence[NDArray[np.uint8]]], list[list[FoundFace]]]

_WORKING_PX = 1536
"""Pictures are worked on at a whole part of their size, whose longer side is at least this: faces of a twentieth of it
still fill the landmark network's crop."""

_SEEN = 0.5
_EYES, _MOUTH, _NOSE = ((42, 45), (36, 39)), (54, 48), 30
_CELL = 32
_SIDES = ("left", "top", "right", "bottom")
_MOST_LISTED = 256


@dataclass(frozen=True, kw_only=True)
class Detect:
    """Find the face and its landmarks.

    model: the detector. Empty is facsim's own, for portraits; a folder that `facsim teach detect` wrote; YuNet's
    `.onnx` file; or MediaPipe's face landmarker, a `.task` file, whose own 68 points are then taken. landmarks: the
    landmark model, facsim's own or a folder. faces: which face counts where there are several, the `largest`, the one
    nearest to the `centre`, or `only`, where several are a problem. given: a whole `picture`, or the `crop` of a face,
    in which nothing is searched for. least_score: boxes below it are no faces; 0 asks
    for what the detector itself asks for. search_px: side of the square in which
    pictures are searched, a multiple of 32; faces from a twelfth of it on are found, larger squares find smaller faces
    and may miss one that fills the picture. passes: how often the landmark model looks, each time about what it found
    before. All faces that were found are listed (`faces_listed`), for `facsim crops`.
    """

    model: str = ""
    landmarks: str = ""
    faces: Literal["largest", "centre", "only"] = "largest"
    given: Literal["picture", "crop"] = "picture"
    least_score: float = 0.0
    search_px: int = 128
    passes: int = 2

    name: ClassVar[str] = "detect"
    version: ClassVar[int] = 2
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism(level="close", tolerance=0.05, metric="px or degrees")
    reads: ClassVar[tuple[str, ...]] = ("image",)
    writes: ClassVar[tuple[str, ...]] = (
        "faces_found",
        "faces_listed",
        "face_score",
        "face_box",
        "landmarks_68",
        "landmarks_68_visible",
        "landmarks_5",
        "landmarks_5_visible",
        "landmarks_error",
        "landmarks_source",
        "yaw_deg",
        "pitch_deg",
        "roll_deg",
    )
    resources: ClassVar[Resources] = Resources(batch=32, memory_mb=1024)

    def __post_init__(self) -> None:
        if not 0 <= self.least_score <= 1 or not 1 <= self.passes <= 5:
            raise RecipeError(
                f"found detect.least_score = {self.least_score} and passes = {self.passes}; expected 0 to 1, and 1 to 5"
            )
        if self.search_px % _CELL or not 64 <= self.search_px <= 1024:
            raise RecipeError(f"found detect.search_px = {self.search_px}; expected a multiple of {_CELL}, 64 to 1024")

    @property
    def weights(self) -> tuple[str, ...]:
        """The detector's, where one is used, and the landmark model's, where it is."""
        detector = () if self.given == "crop" else (self._detector_digest(),)
        return detector if self._own_points else (*detector, weights_digest("landmarks", self.landmarks))

    @property
    def _own_points(self) -> bool:
        """Whether the detector's own 68 points are taken."""
        return self.given == "picture" and self.model.lower().endswith(".task")

    def _detector_digest(self) -> str:
        if not self.model.lower().endswith((".onnx", ".task")):
            return weights_digest("detect", self.model)
        if not Path(self.model).is_file():
            raise WeightsError(f"{self.model} does not exist; expected YuNet's .onnx file or MediaPipe's .task file")
        return hashlib.sha256(Path(self.model).read_bytes()).hexdigest()

    @property
    def model_terms(self) -> tuple[Terms, ...]:
        """The terms of the detector and of the landmark model, where used; none of facsim's own."""
        return (*(() if self.given == "crop" else model_terms(self.model)), *model_terms(self.landmarks))

    def open(self, device: str) -> Work:
        """The detector and the landmark model, loaded once."""
        find = self._finder(device) if self.given == "picture" else None
        reader = None if self._own_points else load_reader("landmarks", self.landmarks, device=device)
        return lambda samples: self._rows(samples, find, reader, device)

    def _finder(self, device: str) -> _Finder:
        if self.model.lower().endswith(".task"):
            landmarker = open_mediapipe(self.model, least_score=self.least_score or 0.5)
            return lambda pictures: find_with_mediapipe(landmarker, pictures)
        if self.model.lower().endswith(".onnx"):
            session = open_yunet(self.model)
            least = self.least_score or YUNET_SCORE
            return lambda pictures: find_with_yunet(session, pictures, search_px=self.search_px, least_score=least)
        detector = load_reader("detect", self.model, device=device)
        return lambda pictures: find_faces(
            detector,
            pictures,
            search_px=self.search_px,
            least_score=self.least_score or None,
            device=device,
            rows=self.resources.batch,
        )

    def _rows(
        self, samples: Sequence[Sample], find: _Finder | None, reader: Labeller | None, device: str
    ) -> list[Row | Problem]:
        opened = [_opened(sample) for sample in samples]
        rows: list[Row | Problem] = [one if isinstance(one, Problem) else Problem(reason="no_face") for one in opened]
        places = [at for at, one in enumerate(opened) if not isinstance(one, Problem)]
        pictures = [one for one in opened if not isinstance(one, Problem)]
        if not pictures:
            return rows
        arrays = [picture.array for picture in pictures]
        found: list[list[FoundFace]] = find(arrays) if find else _whole(arrays, reader)
        chosen = [self._chosen(faces, array) for faces, array in zip(found, arrays, strict=True)]
        points = _points(reader, arrays, chosen, passes=self.passes, device=device, rows=self.resources.batch)
        for at, picture, faces, choice, read in zip(places, pictures, found, chosen, points, strict=True):
            all_found = faces if find else None
            rows[at] = choice if isinstance(choice, Problem) else self._row(picture, all_found, choice, read)
        return rows

    def _chosen(self, faces: Sequence[FoundFace], picture: NDArray[np.uint8]) -> FoundFace | Problem:
        if not faces:
            return Problem(reason="no_face", detail="the detector found none")
        if self.faces == "only" and len(faces) > 1:
            return Problem(reason="several_faces", detail=f"{len(faces)} faces were found")
        boxes = np.stack([face.box for face in faces])
        middle = np.array(picture.shape[1::-1]) / 2
        far = np.linalg.norm((boxes[:, :2] + boxes[:, 2:]) / 2 - middle, axis=1)
        size = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        return faces[int(np.argmin(far) if self.faces == "centre" else np.argmax(size))]

    def _row(
        self, picture: _Photograph, faces: Sequence[FoundFace] | None, face: FoundFace, read: FacePoints | None
    ) -> Row | Problem:
        if read is None:
            return Problem(reason="no_place", detail="the landmark model's crop would lie outside the picture")
        points = read.points * picture.scale
        own = self._own_points
        height, width = (side * picture.scale for side in picture.array.shape[:2])
        inside = ((points >= 0) & (points < [width, height])).all(axis=1)
        visible = None if own else (np.round(read.visible, 4) >= _SEEN) & inside
        return {
            "faces_found": None if faces is None else len(faces),
            "faces_listed": None if faces is None else _listed(faces, face, picture.scale),
            "face_score": None if faces is None else face.score,
            "face_box": _numbers(box_of(points)),
            "landmarks_68": _numbers(points),
            "landmarks_68_visible": None if visible is None else visible.tolist(),
            "landmarks_5": _numbers(pick_five(points)),
            "landmarks_5_visible": None if visible is None else _seen_five(visible),
            "landmarks_error": None if own else _number(read.error),
            "landmarks_source": "mediapipe" if own else "facsim" if not self.landmarks else Path(self.landmarks).name,
            **dict(zip(("yaw_deg", "pitch_deg", "roll_deg"), _numbers(read.angles_deg), strict=True)),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class _Photograph:
    """A picture as it is worked on; one of its pixels is `scale` of the file's."""

    array: NDArray[np.uint8]
    scale: int


def _opened(sample: Sample) -> _Photograph | Problem:
    data = sample["image"]["bytes"]
    size = declared_size(data)
    most = max(size) // _WORKING_PX if size else 1
    try:
        picture = PICTURES.decoded(data, most_reduction=most)
    except PictureError as error:
        return Problem(reason=error.reason, detail=error.detail)
    left = max(max(picture.array.shape[:2]) // _WORKING_PX, 1)
    array = picture.array if left == 1 else np.asarray(Image.fromarray(picture.array).reduce(left))
    return _Photograph(array=array, scale=picture.reduction * left)


def _whole(pictures: Sequence[NDArray[np.uint8]], reader: Labeller | None) -> list[list[FoundFace]]:
    """The whole of each picture as its one face."""
    assert reader is not None
    boxes = whole_boxes(pictures, float(reader.settings["box_scale"]))
    return [[FoundFace(box=box, score=None)] for box in boxes]


def _points(
    reader: Labeller | None,
    pictures: Sequence[NDArray[np.uint8]],
    faces: Sequence[FoundFace | Problem],
    *,
    passes: int,
    device: str,
    rows: int,
) -> list[FacePoints | None]:
    """The points of each face: the detector's own, or read off; None where there is no face."""
    found: list[FacePoints | None] = [None if isinstance(face, Problem) else _own(face) for face in faces]
    wanted = [at for at, face in enumerate(faces) if isinstance(face, FoundFace) and face.points is None]
    if reader is None or not wanted:
        return found
    boxes = np.stack([face.box for face in faces if isinstance(face, FoundFace) and face.points is None])
    read = find_points(reader, [pictures[at] for at in wanted], boxes, passes=passes, device=device, rows=rows)
    for at, one in zip(wanted, read, strict=True):
        found[at] = one
    return found


def _own(face: FoundFace) -> FacePoints | None:
    if face.points is None or face.angles_deg is None:
        return None
    return FacePoints(points=face.points, visible=np.ones(len(face.points)), angles_deg=face.angles_deg, error=0.0)


def _listed(faces: Sequence[FoundFace], counts: FoundFace, scale: int) -> list[dict[str, float | None]]:
    """`faces_listed`: the face that counts, then the strongest; of one score from the left, then from the top."""
    ordered = sorted(faces, key=lambda one: (one is not counts, -(one.score or 0.0), one.box[0], one.box[1]))
    return [
        {**dict(zip(_SIDES, _numbers(one.box * scale), strict=True)), "score": one.score}
        for one in ordered[:_MOST_LISTED]
    ]


def _seen_five(visible: NDArray[np.bool_]) -> list[bool]:
    eyes = [bool(visible[list(corners)].any()) for corners in _EYES]
    return [*eyes, bool(visible[_NOSE]), *(bool(visible[corner]) for corner in _MOUTH)]


def _numbers(values: NDArray[np.floating]) -> list[float]:
    return np.array([round(value, 3) for value in values.ravel().tolist()], dtype=np.float32).tolist()


def _number(value: float | np.floating) -> float:
    return float(np.float32(round(float(value), 3)))
