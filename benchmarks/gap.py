"""How far renders are from photographs: grey levels, sharpness, framing, pose and expressions, side by side.

    python benchmarks/gap.py --renders runs/renders --photos fer2013/train.zip --barred fer2013/publictest.zip \\
        --landmarker face_landmarker.task --judge runs/photos/seed-0 --json

Everything is measured at 48 px in grey. Photographs are the part of FER2013's training split that choices are not made
on; the fixed cut is used for one thing, `transfer`: how well a classifier of blendshapes (MediaPipe's, an independent
witness; scikit-learn's gradient boosting) that has learnt from renders, or from photographs, names expressions on it.
That is what renders are worth if nothing but what faces do counted, and not what they look like. `judge` is what a
network trained on photographs says of the renders, by expression asked for and by variant. `--averages` draws the mean
face of each expression, photographs left, renders in the middle, and what is brighter in renders right: what is wrong
with all faces is seen there and in no single picture. Needs the packages `mediapipe` and `opencv` for `--landmarker`;
neither is a dependency of facsim.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facsim.dataset import open_dataset
from facsim.learn.data import Pictures, chooser_split, take
from facsim.learn.predict import predict
from facsim.learn.sources import load_pictures
from facsim.models.weights import load_classifier
from facsim.provenance import environment

__all__ = ["average_face", "main", "measure_faces", "measure_pictures"]

Floats = NDArray[np.floating]

BANDS = ((1, 4), (4, 8), (8, 12), (12, 16), (16, 20), (20, 24))
"""Cycles a picture, between which the power of its standardised grey levels is taken."""

ENLARGED_PX, BORDER_PX = 192, 48
"""The landmarker finds more faces in an enlarged picture with some border round it."""

POINTS = {"eye": (33, 263), "mouth": (13, 14), "chin": (152, 152), "nose": (1, 1), "cheek": (234, 454)}
"""Of the landmarker's 478 points: two whose middle is the place."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renders", required=True, metavar="RUN")
    parser.add_argument("--photos", required=True, metavar="SOURCE")
    parser.add_argument("--barred", metavar="SOURCE", help="pictures that must not be looked at: the test set")
    parser.add_argument("--landmarker", metavar="FACE_LANDMARKER.task")
    parser.add_argument("--averages", metavar="FILE.png", help="with --landmarker: mean faces, side by side")
    parser.add_argument("--judge", metavar="MODEL", help="a model trained on photographs alone")
    parser.add_argument("--count", type=int, default=6000, help="pictures of each kind")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    barred = frozenset(int(value) for value in load_pictures(asked.barred).hashes) if asked.barred else frozenset[int]()
    rest, cut = chooser_split(load_pictures(asked.photos), barred=barred)
    sets = {"photos": _some(rest, asked.count), "renders": _some(load_pictures(asked.renders), asked.count)}
    found: dict[str, Any] = {"n": {name: len(pictures) for name, pictures in sets.items()}}
    found["pictures"] = _beside({name: measure_pictures(pictures.images) for name, pictures in sets.items()})
    if asked.landmarker:
        faces = {name: measure_faces(part, asked.landmarker) for name, part in (*sets.items(), ("cut", cut))}
        found["found"] = {name: float(face["found"].mean()) for name, face in faces.items()}
        found["faces"] = _beside({name: faces[name]["places"] for name in sets})
        found["expressions"] = _expressions(sets, faces)
        found["transfer"] = {name: _transfer((sets[name], faces[name]), (cut, faces["cut"])) for name in sets}
        if asked.averages:
            _draw_averages(asked.averages, sets, faces)
    if asked.judge:
        found["judge"] = _judged(asked.judge, asked.renders, sets["renders"])
    found["environment"] = environment()
    print(json.dumps(found, indent=1) if asked.json else _table(found))


def _some(pictures: Pictures, count: int) -> Pictures:
    order = np.random.default_rng(0).permutation(len(pictures))[:count]
    return take(pictures, np.sort(order))


def _beside(sets: Mapping[str, Mapping[str, Floats]]) -> dict[str, dict[str, list[float]]]:
    """Measure -> set -> mean, standard deviation and percentiles 5, 50 and 95."""
    first = next(iter(sets.values()))
    return {name: {which: _spread(values[name]) for which, values in sets.items()} for name in first}


def _spread(values: Floats) -> list[float]:
    known = values[np.isfinite(values)]
    return [round(float(v), 4) for v in (known.mean(), known.std(), *np.percentile(known, [5, 50, 95]))]


def measure_pictures(images: NDArray[np.uint8]) -> dict[str, Floats]:
    """Grey levels (0 to 1), shares of black and white pixels, and decadic logarithms of power by spatial frequency of
    pictures (N, 48, 48), each standardised first."""
    grey = images.astype(np.float32) / 255.0
    mean, deviation = grey.mean(axis=(1, 2)), grey.std(axis=(1, 2))
    window = np.hanning(grey.shape[1])[:, None] * np.hanning(grey.shape[2])
    standard = (grey - mean[:, None, None]) / np.maximum(deviation, 1e-3)[:, None, None]
    power = np.abs(np.fft.fft2(standard * window)) ** 2
    across = np.fft.fftfreq(grey.shape[1]) * grey.shape[1]
    radius = np.hypot(across[:, None], across)
    centre = slice(14, 34)
    return {
        "mean": mean,
        "deviation": deviation,
        "black": (images < 4).mean(axis=(1, 2)),
        "white": (images > 251).mean(axis=(1, 2)),
        "deviation in the middle": grey[:, centre, centre].std(axis=(1, 2)),
        **{
            f"power {low}-{high}": np.log10(power[:, (radius >= low) & (radius < high)].mean(axis=1) + 1e-6)
            for low, high in BANDS
        },
    }


def measure_faces(pictures: Pictures, model: str) -> dict[str, Any]:
    """What the landmarker sees: `found` (N,), `scores` (N, 52) of blendshapes, their `names`, and `places` by measure,
    in shares of the picture and degrees; NaN where no face was found."""
    import cv2
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model), output_face_blendshapes=True,
        output_facial_transformation_matrixes=True, min_face_detection_confidence=0.2, min_face_presence_confidence=0.2,
    )  # fmt: skip
    scores = np.full((len(pictures), 52), np.nan)
    points, turns = np.full((len(pictures), 478, 2), np.nan), np.full((len(pictures), 3, 3), np.nan)
    names: Sequence[str] = ()
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for i, image in enumerate(pictures.images):
            large = cv2.resize(image, (ENLARGED_PX, ENLARGED_PX), interpolation=cv2.INTER_CUBIC)
            large = cv2.copyMakeBorder(large, *(BORDER_PX,) * 4, cv2.BORDER_REPLICATE)
            rgb = np.ascontiguousarray(np.repeat(large[:, :, None], 3, axis=2))
            seen = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb))
            if not seen.face_blendshapes:
                continue
            names = [shape.category_name for shape in seen.face_blendshapes[0]]
            scores[i] = [shape.score for shape in seen.face_blendshapes[0]]
            whole = ENLARGED_PX + 2 * BORDER_PX
            points[i] = [((p.x * whole - BORDER_PX), (p.y * whole - BORDER_PX)) for p in seen.face_landmarks[0]]
            turns[i] = seen.facial_transformation_matrixes[0][:3, :3]
    places = _places(points / ENLARGED_PX) | _angles(turns)
    points /= ENLARGED_PX
    return {
        "found": np.isfinite(scores[:, 0]), "scores": scores, "names": names, "places": places, "points": points
    }  # fmt: skip


def _places(points: Floats) -> dict[str, Floats]:
    middles = {name: (points[:, a] + points[:, b]) / 2.0 for name, (a, b) in POINTS.items()}
    found = {f"{name} {axis}": middles[name][:, k] for name in ("eye", "mouth", "nose") for k, axis in enumerate("xy")}
    found["chin y"] = middles["chin"][:, 1]
    found["eyes apart"] = np.linalg.norm(points[:, 33] - points[:, 263], axis=1)
    return found


def _angles(turns: Floats) -> dict[str, Floats]:
    turn = turns / np.linalg.norm(turns, axis=1, keepdims=True)
    return {
        "yaw_deg": np.degrees(np.arctan2(turn[:, 0, 2], turn[:, 2, 2])),
        "pitch_deg": np.degrees(np.arcsin(-turn[:, 1, 2])),
        "roll_deg": np.degrees(np.arctan2(turn[:, 1, 0], turn[:, 1, 1])),
    }


def average_face(pictures: Pictures, face: Mapping[str, Any], label: str) -> Floats:
    """(96, 96) the mean of the nearly frontal faces of an expression, eyes and mouth laid over each other; of each the
    mean and deviation of its middle are taken out."""
    import cv2

    frontal = face["found"] & (np.abs(face["places"]["yaw_deg"]) < 12.0) & (np.array(pictures.labels) == label)
    target = np.array([[30, 38], [66, 38], [48, 72]], dtype=np.float32)
    total, count = np.zeros((96, 96)), 0
    for i in np.flatnonzero(frontal):
        points = face["points"][i] * pictures.images.shape[1]
        corners = np.array([(points[a] + points[b]) / 2 for a, b in ((33, 133), (263, 362), (61, 291))], np.float32)
        image = pictures.images[i].astype(np.float32)
        turn = cv2.getAffineTransform(corners, target)
        laid = cv2.warpAffine(image, turn, (96, 96), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        middle = laid[20:84, 20:76]
        total += (laid - middle.mean()) / (middle.std() + 1e-3)
        count += 1
    return total / max(count, 1)


def _draw_averages(path: str, sets: Mapping[str, Pictures], faces: Mapping[str, Any]) -> None:
    rows = []
    for label in sets["photos"].classes:
        photo, render = (average_face(sets[name], faces[name], label) for name in ("photos", "renders"))
        rows.append(np.concatenate([128 + 45 * photo, 128 + 45 * render, 128 + 60 * (render - photo)], axis=1))
    sheet = np.clip(np.concatenate(rows), 0, 255).astype(np.uint8)
    Image.fromarray(sheet).resize((2 * sheet.shape[1], 2 * sheet.shape[0])).save(path)


def _expressions(sets: Mapping[str, Pictures], faces: Mapping[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """Blendshape (both sides' mean) -> expression -> set -> mean score, of those that are 0.05 somewhere."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    names = faces["photos"]["names"]
    for stem in dict.fromkeys(name.removesuffix("Left").removesuffix("Right") for name in names):
        columns = [i for i, name in enumerate(names) if name in (stem, f"{stem}Left", f"{stem}Right")]
        table = {
            label: {which: _mean_of(faces[which]["scores"][:, columns], sets[which], label) for which in sets}
            for label in sets["photos"].classes
        }
        if max(max(row.values()) for row in table.values()) > 0.05:
            found[stem] = table
    return found


def _mean_of(scores: Floats, pictures: Pictures, label: str) -> float:
    return round(float(np.nanmean(scores[np.array(pictures.labels) == label])), 3)


def _transfer(training: tuple[Pictures, Any], test: tuple[Pictures, Any]) -> dict[str, float]:
    """Accuracy and UAR on the test pictures of a classifier of blendshapes; classes balanced in training."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import accuracy_score, balanced_accuracy_score

    (x, y), (x_test, y_test) = (_features(*each) for each in (training, test))
    model = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=15, class_weight="balanced", random_state=0
    )
    said = model.fit(x, y).predict(x_test)
    return {
        "accuracy": round(float(accuracy_score(y_test, said)), 4),
        "uar": round(float(balanced_accuracy_score(y_test, said)), 4),
        "n": len(y_test),
    }


def _features(pictures: Pictures, faces: Any) -> tuple[Floats, NDArray[np.str_]]:
    return np.log(faces["scores"][faces["found"]] + 0.01), np.array(pictures.labels)[faces["found"]]


def _judged(model: str, run: str, renders: Pictures) -> dict[str, Any]:
    """Expression asked for, and variant of it -> how many, and what shares the judge gives to each expression."""
    classifier = load_classifier(model)
    said = np.array(classifier.classes)[predict(classifier, renders).argmax(axis=1)]
    asked, variants = np.array(renders.labels), _variants(run, renders)
    found: dict[str, Any] = {"agreement": round(float((said == asked).mean()), 4)}
    for label in renders.classes:
        rows = [(label, asked == label)]
        rows += [(f"{label}: {one}", (asked == label) & (variants == one)) for one in sorted(set(variants))]
        found |= {
            name: {"n": int(mask.sum())} | {one: round(float((said[mask] == one).mean()), 3) for one in renders.classes}
            for name, mask in rows
            if mask.any()
        }
    return found


def _variants(run: str, renders: Pictures) -> NDArray[np.str_]:
    table = {
        row["sample_id"]: row["render.prototype"] or ""
        for batch in open_dataset(run).batches(["render.prototype"])
        for row in batch.to_pylist()
    }
    return np.array([table[name.rsplit("/", 1)[-1].split(".")[0]] for name in renders.ids])


def _table(found: Mapping[str, Any]) -> str:
    lines = [f"pictures: {found['n']}"]
    for part in ("pictures", "faces"):
        for name, sets in found.get(part, {}).items():
            lines.append(f"{name:24}" + " | ".join(" ".join(f"{v:8.3f}" for v in values) for values in sets.values()))
    for name, table in found.get("expressions", {}).items():
        cells = [f"{label[:4]} {row['photos']:.2f}/{row['renders']:.2f}" for label, row in table.items()]
        lines.append(f"{name:24}" + "  ".join(cells))
    lines += [f"transfer from {name}: {row}" for name, row in found.get("transfer", {}).items()]
    lines += [f"judge, {name}: {row}" for name, row in found.get("judge", {}).items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
