"""How well faces and their landmarks are found: on renders of people held out, and on FER2013 beside its peers.

    python benchmarks/landmarks.py --renders runs/people --photos fer2013/train.zip \\
        --mediapipe face_landmarker.task --yunet yunet.onnx --json

Normalised mean errors are shares of the distance between the outer corners of the eyes; failures are faces whose error
is over 0.08 and 0.1. *Renders*: people held out, rough boxes as a detector gives them (moved by up to 8 % of their
side, larger or smaller by up to 20 %), one look to three, and MediaPipe on the same pictures. *Photographs*: the fixed
cut of FER2013's training split alone (`facsim.learn.data.is_chooser`), each picture given as a crop, against
MediaPipe's points: a peer and no truth, for the vertices of its mesh are not quite iBUG's places (what that alone makes
is its error on renders). *Detectors*: pictures composed of renders of people held out, and photographs of the cut
pasted at a third of the side of plain and noisy canvases, beside YuNet on the same. What is not named is left out;
without --landmarks and --detector facsim's own models are measured. One thread each. `--sheets DIR` draws what was
found, for looking at.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from facsim.learn.data import chooser_split
from facsim.learn.labellers.detector import DetectTask, matched_faces
from facsim.learn.labellers.faces import Faces, load_faces
from facsim.learn.labellers.landmarks import landmark_errors
from facsim.learn.sources import load_pictures
from facsim.models.face_crop import pick_five
from facsim.models.face_finder import FoundFace, find_faces
from facsim.models.face_points import FacePoints, find_points, whole_boxes
from facsim.models.labeller import Labeller, load_labeller
from facsim.models.mediapipe_faces import find_with_mediapipe, open_mediapipe
from facsim.models.yunet import YUNET_SCORE, find_with_yunet, open_yunet
from facsim.provenance import environment

__all__ = ["main"]

Pictures = Sequence[NDArray[np.uint8]]
Finder = Callable[[Pictures], list[list[FoundFace]]]

_COLUMNS = ("landmarks_68", "landmarks_5", "landmarks_68_visible", "yaw_deg", "pitch_deg", "roll_deg")
_SHIFT, _LOG_SCALE = 0.08, 0.2
_ENLARGED_PX, _BORDER_PX = 192, 48
"""MediaPipe finds more faces in an enlarged picture with some border round it."""

_JAW = 17
_LEAST_OVERLAP = 0.3
_TURN = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renders", required=True, metavar="RUN")
    parser.add_argument("--landmarks", default="", metavar="MODEL")
    parser.add_argument("--detector", default="", metavar="MODEL")
    parser.add_argument("--photos", metavar="SOURCE")
    parser.add_argument("--mediapipe", metavar="FACE_LANDMARKER.task")
    parser.add_argument("--yunet", metavar="YUNET.onnx")
    parser.add_argument("--sheets", metavar="DIR")
    parser.add_argument("--count", type=int, default=1000, help="pictures of each kind")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    reader = load_labeller("landmarks", asked.landmarks)
    peer = open_mediapipe(asked.mediapipe) if asked.mediapipe else None
    faces = load_faces(asked.renders, columns=_COLUMNS, parts=True)
    rows = np.flatnonzero(faces.held_out)[: asked.count]
    found: dict[str, Any] = {"renders": measure_renders(faces, rows, reader, peer, asked.sheets)}
    photos = _cut(asked.photos, asked.count) if asked.photos else None
    if photos is not None and peer is not None:
        found["photographs"] = measure_photographs(photos, reader, peer, asked.sheets)
    found["detectors"] = measure_detectors(faces, rows, photos, _finders(asked.detector, asked.yunet), asked.sheets)
    found |= {"count": asked.count, "models": {"landmarks": reader.sha256}, "environment": environment()}
    print(json.dumps(found, indent=1) if asked.json else _text(found))


def measure_renders(
    faces: Faces, rows: NDArray[np.int64], reader: Labeller, peer: Any, sheets: str | None
) -> dict[str, Any]:
    """Errors of points, visibility and pose, by how often the model looks, and the peer's."""
    pictures = [np.asarray(faces.pictures[row]) for row in rows]
    true = faces.columns["landmarks_68"][rows].astype(np.float64)
    boxes = _rough(np.concatenate([true.min(axis=1), true.max(axis=1)], axis=1))
    found: dict[str, Any] = {}
    for passes in (1, 2, 3):
        read, rate = _timed(pictures, lambda some, at, n=passes: find_points(reader, some, boxes[at], passes=n))
        found[f"looks_{passes}"] = {**_scores(faces, rows, read, true), "pictures_per_s": rate}
        if passes == 2 and sheets:
            _draw_points(
                Path(sheets) / "landmarks-renders.png", pictures, [one.points if one else None for one in read]
            )
    if peer is not None:
        points, rate = _peer_points(pictures, peer)
        there = np.array([one is not None for one in points])
        errors = landmark_errors(np.stack([one for one in points if one is not None]), true[there])
        found["mediapipe"] = {"found": float(there.mean()), **_errors(errors), "pictures_per_s": rate}
    return found


def measure_photographs(photos: Pictures, reader: Labeller, peer: Any, sheets: str | None) -> dict[str, Any]:
    """Errors against the peer's points, where it finds a face."""
    truth, peer_rate = _peer_points(photos, peer)
    there = [at for at, one in enumerate(truth) if one is not None]
    chosen = [photos[at] for at in there]
    true = np.stack([one for one in truth if one is not None])
    boxes = whole_boxes(chosen, float(reader.settings["box_scale"]))
    found: dict[str, Any] = {"found_by_mediapipe": len(there) / len(photos), "mediapipe_pictures_per_s": peer_rate}
    for passes in (1, 2, 3):
        read, rate = _timed(chosen, lambda some, at, n=passes: find_points(reader, some, boxes[at], passes=n))
        points = np.stack([one.points for one in read if one is not None])
        errors = landmark_errors(points, true)
        apart = np.linalg.norm(true[:, 36] - true[:, 45], axis=1)
        offsets = (points - true) / apart[:, None, None]
        constant = np.linalg.norm(offsets - offsets.mean(axis=0), axis=2).mean(axis=1)
        inner = np.linalg.norm(points - true, axis=2)[:, _JAW:].mean(axis=1) / apart
        found[f"looks_{passes}"] = {
            **_errors(errors),
            "nme_68_without_mean_offsets": float(constant.mean()),
            "nme_51_without_jaw": float(inner.mean()),
            "nme_5": _five_errors(points, true),
            "pictures_per_s": rate,
        }
        if passes == 2 and sheets:
            _draw_points(Path(sheets) / "landmarks-photographs.png", chosen, list(points), true)
    return found


def measure_detectors(
    faces: Faces, rows: NDArray[np.int64], photos: Pictures | None, finders: dict[str, Finder], sheets: str | None
) -> dict[str, Any]:
    """Recall and precision of each on composites, and on photographs pasted into canvases."""
    composites = DetectTask(faces=faces).composites(rows, seed=None)
    sets = {"composites": ([one.picture for one in composites], [one.boxes for one in composites])}
    if photos is not None:
        sets["pasted_photographs"] = _pasted(photos)
    found: dict[str, Any] = {}
    for name, find in finders.items():
        found[name] = {}
        for kind, (pictures, true) in sets.items():
            said, rate = _timed(pictures, lambda some, _, look=find: look(some))
            boxes = [np.array([face.box for face in each]).reshape(-1, 4) for each in said]
            found[name][kind] = {**matched_faces(boxes, list(true), least=_LEAST_OVERLAP), "pictures_per_s": rate}
            if sheets:
                _draw_boxes(Path(sheets) / f"{name}-{kind}.png", pictures, boxes)
    return found


def _finders(detector: str, yunet: str | None) -> dict[str, Finder]:
    native = load_labeller("detect", detector)
    finders: dict[str, Finder] = {
        f"native_{side}": lambda some, px=side: find_faces(native, some, search_px=px) for side in (128, 192)
    }
    if yunet:
        session = open_yunet(yunet)
        for side in (128, 320):
            finders[f"yunet_{side}"] = lambda some, px=side: find_with_yunet(
                session, some, search_px=px, least_score=YUNET_SCORE
            )
    return finders


def _cut(photos: str, count: int) -> Pictures:
    """Pictures of the fixed cut, in three channels."""
    _, cut = chooser_split(load_pictures(photos))
    return [np.repeat(image[..., None], 3, axis=2) for image in np.asarray(cut.images[:count])]


def _rough(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    generator = np.random.default_rng(0)
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    middle = middle + generator.uniform(-_SHIFT, _SHIFT, middle.shape) * size.max(axis=1, keepdims=True)
    half = size / 2 * np.exp(generator.uniform(-_LOG_SCALE, _LOG_SCALE, (len(boxes), 1)))
    return np.concatenate([middle - half, middle + half], axis=1)


def _timed(pictures: Pictures, work: Callable[[Pictures, slice], list[Any]]) -> tuple[list[Any], float]:
    """What `work` says of all pictures, in batches, and pictures a second of processor time."""
    found: list[Any] = []
    began = time.process_time()
    for start in range(0, len(pictures), _TURN):
        found.extend(work(pictures[start : start + _TURN], slice(start, start + _TURN)))
    return found, round(len(pictures) / (time.process_time() - began), 1)


def _scores(
    faces: Faces, rows: NDArray[np.int64], read: Sequence[FacePoints | None], true: NDArray[np.float64]
) -> dict[str, float]:
    there = [one for one in read if one is not None]
    if len(there) < len(read):
        raise SystemExit(f"{len(read) - len(there)} renders have no points: their boxes lie outside")
    points = np.stack([one.points for one in there])
    angles = np.stack([one.angles_deg for one in there])
    wanted = np.stack([faces.columns[name][rows] for name in ("yaw_deg", "pitch_deg", "roll_deg")], axis=1)
    seen, said = faces.columns["landmarks_68_visible"][rows] > 0.5, np.stack([one.visible for one in there]) >= 0.5
    apart = np.abs((angles - wanted + 180) % 360 - 180).mean(axis=0)
    errors = landmark_errors(points, true)
    guessed = np.array([one.error for one in there])
    return {
        **_errors(errors),
        "nme_5": _five_errors(points, true),
        "hidden_f1": _f1(~seen, ~said),
        "visible_f1": _f1(seen, said),
        **{f"{name}_mae_deg": float(value) for name, value in zip(("yaw", "pitch", "roll"), apart, strict=True)},
        "guessed_error": float(guessed.mean()),
        "guess_correlation": float(np.corrcoef(guessed, errors)[0, 1]),
    }


def _errors(errors: NDArray[np.float64]) -> dict[str, float]:
    return {
        "n": len(errors),
        "nme_68": float(errors.mean()),
        "nme_68_median": float(np.median(errors)),
        "failures_0.08": float((errors > 0.08).mean()),
        "failures_0.1": float((errors > 0.1).mean()),
    }


def _five_errors(points: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    five, wanted = (np.stack([pick_five(one) for one in group]) for group in (points, true))
    apart = np.linalg.norm(true[:, 36] - true[:, 45], axis=1)
    return float((np.linalg.norm(five - wanted, axis=2).mean(axis=1) / apart).mean())


def _f1(true: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    return 2 * float((true & said).sum()) / max(float(true.sum() + said.sum()), 1.0)


def _peer_points(pictures: Pictures, peer: Any) -> tuple[list[NDArray[np.float64] | None], float]:
    """MediaPipe's 68 points in each picture's own pixels, of the largest face; and its rate."""
    enlarged = [_enlarged(picture) for picture in pictures]
    said, rate = _timed([picture for picture, _ in enlarged], lambda some, _: find_with_mediapipe(peer, some))
    points: list[NDArray[np.float64] | None] = []
    for (_, zoom), faces in zip(enlarged, said, strict=True):
        sized = sorted(faces, key=lambda face: -float(face.box[2] - face.box[0]))
        points.append((sized[0].points - _BORDER_PX) / zoom if sized and sized[0].points is not None else None)
    return points, rate


def _enlarged(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    zoom = _ENLARGED_PX / picture.shape[0]
    large = Image.fromarray(picture).resize((_ENLARGED_PX, _ENLARGED_PX), Image.Resampling.BICUBIC)
    border = ((_BORDER_PX, _BORDER_PX), (_BORDER_PX, _BORDER_PX), (0, 0))
    return np.pad(np.asarray(large), border, mode="edge"), zoom


def _pasted(photos: Pictures) -> tuple[Pictures, list[NDArray[np.float64]]]:
    """Photographs in canvases three times their side, half of them plain and half noisy; and where."""
    generator = np.random.default_rng(0)
    canvases: list[NDArray[np.uint8]] = []
    boxes: list[NDArray[np.float64]] = []
    for at, photo in enumerate(photos):
        side = photo.shape[0]
        plain = np.full((3 * side, 3 * side, 3), generator.integers(0, 256), dtype=np.float64)
        canvas = plain if at % 2 else plain + generator.normal(0, 40, plain.shape)
        canvas = np.clip(canvas, 0, 255).astype(np.uint8)
        x, y = generator.integers(0, 2 * side, 2)
        canvas[y : y + side, x : x + side] = photo
        canvases.append(canvas)
        boxes.append(np.array([[x, y, x + side, y + side]], dtype=np.float64))
    return canvases, boxes


def _draw_points(
    file: Path, pictures: Pictures, points: Sequence[NDArray[np.float64] | None], others: Any = None
) -> None:
    """48 pictures with their points in green, and others' in magenta."""
    chosen = np.linspace(0, len(pictures) - 1, 48).astype(int)
    tiles = [_tile(pictures[at]) for at in chosen]
    for (tile, zoom), at in zip(tiles, chosen, strict=True):
        draw = ImageDraw.Draw(tile)
        for group, colour in ((None if others is None else others[at], "magenta"), (points[at], "lime")):
            for x, y in [] if group is None else np.asarray(group) * zoom:
                draw.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=colour)
    _saved(file, [tile for tile, _ in tiles])


def _draw_boxes(file: Path, pictures: Pictures, boxes: Sequence[NDArray[np.float64]]) -> None:
    chosen = np.linspace(0, len(pictures) - 1, 48).astype(int)
    tiles = [_tile(pictures[at]) for at in chosen]
    for (tile, zoom), at in zip(tiles, chosen, strict=True):
        for left, top, right, bottom in boxes[at] * zoom:
            ImageDraw.Draw(tile).rectangle((left, top, right, bottom), outline="lime", width=2)
    _saved(file, [tile for tile, _ in tiles])


def _tile(picture: NDArray[np.uint8], side: int = 176) -> tuple[Image.Image, float]:
    return Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC), side / picture.shape[0]


def _saved(file: Path, tiles: Sequence[Image.Image], across: int = 8) -> None:
    side = tiles[0].size[0]
    sheet = Image.new("RGB", (across * side, -(-len(tiles) // across) * side))
    for at, tile in enumerate(tiles):
        sheet.paste(tile, (at % across * side, at // across * side))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file)


def _text(found: dict[str, Any], indent: str = "") -> str:
    lines: list[str] = []
    for name, value in found.items():
        if isinstance(value, dict) and name != "environment":
            lines += [f"{indent}{name}", _text(value, indent + "  ")]
        elif isinstance(value, float | int):
            lines.append(f"{indent}{name:30} {value:.4g}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
