"""How well the parts of a face are found: intersection over union on renders of people held out.

    python benchmarks/parsing.py --renders runs/people --json

Renders are cut to the wide template at 112 px by their own points, and by points that the landmark model found in them;
the maps are compared at 112 px, over all pixels of all pictures. Of photographs nothing is known to compare with:
`--photos fer2013/train.zip --sheets DIR` draws the maps of some of the fixed cut of FER2013's training split, for
looking at. One thread.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from facsim.label_maps import PART_NAMES, encode_parts
from facsim.learn.data import chooser_split
from facsim.learn.labellers.cropping import Crop, crop_faces
from facsim.learn.labellers.faces import Faces, load_faces
from facsim.learn.labellers.parsing import MERGED, PARSED_PARTS, part_overlaps
from facsim.learn.sources import load_pictures
from facsim.models.face_crop import fit_similarity, pick_five, template_points
from facsim.models.face_parts import find_parts
from facsim.models.face_points import find_points, whole_boxes
from facsim.models.labeller import Labeller, load_labeller
from facsim.models.resampling import cut_out
from facsim.provenance import environment

__all__ = ["main"]

_SIDE_PX, _TURN = 112, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renders", required=True, metavar="RUN")
    parser.add_argument("--parse", default="", metavar="MODEL")
    parser.add_argument("--landmarks", default="", metavar="MODEL")
    parser.add_argument("--photos", metavar="SOURCE")
    parser.add_argument("--sheets", metavar="DIR")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    parser_model, reader = load_labeller("parse", asked.parse), load_labeller("landmarks", asked.landmarks)
    faces = load_faces(asked.renders, columns=("landmarks_68", "landmarks_5"), parts=True)
    rows = np.flatnonzero(faces.held_out)[: asked.count]
    five = faces.columns["landmarks_5"][rows].astype(np.float64)
    pictures = [np.asarray(faces.pictures[row]) for row in rows]
    found: dict[str, Any] = {"true_points": _measure(parser_model, faces, rows, five)}
    read = find_points(reader, pictures, whole_boxes(pictures, float(reader.settings["box_scale"])))
    points = np.stack([pick_five(one.points) for one in read if one is not None])
    found["found_points"] = _measure(parser_model, faces, rows, points)
    if asked.sheets:
        cut = _aligned(pictures, five)
        _draw(Path(asked.sheets) / "parts-renders.png", cut, _parsed(parser_model, cut)[0])
    if asked.sheets and asked.photos:
        photos = _photos(asked.photos, 200)
        read = find_points(reader, photos, whole_boxes(photos, float(reader.settings["box_scale"])))
        cut = _aligned(photos, np.stack([pick_five(one.points) for one in read if one is not None]))
        _draw(Path(asked.sheets) / "parts-photographs.png", cut, _parsed(parser_model, cut)[0])
    found |= {"count": len(rows), "model": parser_model.sha256, "environment": environment()}
    print(json.dumps(found, indent=1) if asked.json else _text(found))


def _measure(labeller: Labeller, faces: Faces, rows: NDArray[np.int64], five: NDArray[np.float64]) -> dict[str, float]:
    cut = _aligned([np.asarray(faces.pictures[row]) for row in rows], five)
    said, rate = _parsed(labeller, cut)
    crop = Crop(size_px=_SIDE_PX, around=str(labeller.settings["template"]))
    moved = Faces(
        pictures=faces.pictures,
        parts=faces.parts,
        columns={**faces.columns, "landmarks_5": _put(faces.columns["landmarks_5"], rows, five)},
        names=faces.names,
        person=faces.person,
        held_out=faces.held_out,
        origin=faces.origin,
        fingerprint=faces.fingerprint,
    )
    true = crop_faces(moved, rows, crop, seed=None).parts
    assert true is not None
    place = np.array([PARSED_PARTS.index(MERGED.get(name, name)) for name in PART_NAMES])
    return {**part_overlaps(place[np.stack(said)], place[true.numpy()]), "pictures_per_s": rate}


def _put(column: NDArray[np.float32], rows: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float32]:
    changed = column.copy()
    changed[rows] = values
    return changed


def _aligned(pictures: Sequence[NDArray[np.uint8]], five: NDArray[np.float64]) -> list[NDArray[np.uint8]]:
    matrices = fit_similarity(five, template_points("wide", size_px=_SIDE_PX))
    return [cut_out(picture, matrix, size_px=_SIDE_PX) for picture, matrix in zip(pictures, matrices, strict=True)]


def _parsed(labeller: Labeller, cut: Sequence[NDArray[np.uint8]]) -> tuple[list[NDArray[np.uint8]], float]:
    """The maps, and pictures a second of processor time."""
    found: list[NDArray[np.uint8]] = []
    began = time.process_time()
    for start in range(0, len(cut), _TURN):
        some = cut[start : start + _TURN]
        found.extend(find_parts(labeller, some, ["wide"] * len(some)))
    return found, round(len(cut) / (time.process_time() - began), 1)


def _photos(source: str, count: int) -> list[NDArray[np.uint8]]:
    _, cut = chooser_split(load_pictures(source))
    return [np.repeat(image[..., None], 3, axis=2) for image in np.asarray(cut.images[:count])]


def _draw(file: Path, pictures: Sequence[NDArray[np.uint8]], maps: Sequence[NDArray[np.uint8]]) -> None:
    """48 aligned faces, each beside its map."""
    sheet = Image.new("RGB", (8 * 2 * _SIDE_PX, 6 * _SIDE_PX))
    for place, at in enumerate(np.linspace(0, len(pictures) - 1, 48).astype(int)):
        x, y = place % 8 * 2 * _SIDE_PX, place // 8 * _SIDE_PX
        sheet.paste(Image.fromarray(pictures[at]), (x, y))
        sheet.paste(_coloured(maps[at]), (x + _SIDE_PX, y))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file)


def _coloured(parts: NDArray[np.uint8]) -> Image.Image:
    return Image.open(io.BytesIO(encode_parts(parts))).convert("RGB")


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
