"""Are the action units asked for the ones in the picture? MediaPipe's face blendshapes as an independent witness.

    python benchmarks/witness.py --model face_landmarker.task --people 24 --json

For every action unit alone, at 0, A, B, C, D and E on `--people` random people (frontal, 256 px): Spearman's rank
correlation between the intensity asked and the score of the blendshapes that show the unit, with a 95 % bootstrap over
people, and the share of pictures in which the witness finds a face. Where the witness is blind a distance between its
landmarks stands in: eyeWide, noseSneer and cheekPuff stay near zero (google-ai-edge/mediapipe issues 4450, 4436), and
so does mouthDimple here, even for the ARKit shape of that name. Needs the `mediapipe` package and its model file;
neither is a dependency of facsim.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from typing import Any

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from scipy.stats import spearmanr

from facsim.models.casting import sample_person
from facsim.models.drawing import draw
from facsim.models.identity import sample_identity
from facsim.models.scene import Scene, Sensor
from facsim.models.staging import sample_scene
from facsim.plan import Plan, plan_table
from facsim.provenance import environment
from facsim.sample import generator_for

# Our action unit (keys of both sides) → the witness's blendshapes, summed; or a pair of its 478 landmarks to measure.
SHAPES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "1+2": (("1L", "1R", "2L", "2R"), ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")),
    "4": (("4L", "4R"), ("browDownLeft", "browDownRight")),
    "6+7": (("6L", "6R", "7L", "7R"), ("eyeSquintLeft", "eyeSquintRight")),
    "10": (("10L", "10R", "25"), ("mouthUpperUpLeft", "mouthUpperUpRight")),
    "12": (("12L", "12R"), ("mouthSmileLeft", "mouthSmileRight")),
    "14": (("14L", "14R"), ("mouthDimpleLeft", "mouthDimpleRight")),
    "15": (("15L", "15R"), ("mouthFrownLeft", "mouthFrownRight")),
    "16": (("16L", "16R", "25"), ("mouthLowerDownLeft", "mouthLowerDownRight")),
    "17": (("17",), ("mouthShrugLower",)),
    "18": (("18",), ("mouthPucker",)),
    "20": (("20L", "20R"), ("mouthStretchLeft", "mouthStretchRight")),
    "22": (("22", "25"), ("mouthFunnel",)),
    "24": (("24",), ("mouthPressLeft", "mouthPressRight")),
    "25+26": (("25", "26"), ("jawOpen",)),
    "25+27": (("25", "27"), ("jawOpen",)),
    "28": (("28",), ("mouthRollLower", "mouthRollUpper")),
    "43": (("43L", "43R"), ("eyeBlinkLeft", "eyeBlinkRight")),
}
# (upper, lower) landmarks of MediaPipe's mesh, and the sign of what the unit does to their distance.
DISTANCES: dict[str, tuple[tuple[str, ...], tuple[tuple[int, int], ...], int]] = {
    "5 aperture": (("5L", "5R"), ((159, 145), (386, 374)), +1),
    "9 brow to nose": (("9L", "9R"), ((55, 129), (285, 358)), -1),
    "14 width": (("14L", "14R"), ((61, 291),), +1),
    "28 height": (("28",), ((0, 17),), -1),
}
EYES = (33, 263)
INTENSITIES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, metavar="FACE_LANDMARKER.task")
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    people = _people(asked.people, asked.seed)
    with _witness(asked.model) as witness:
        rows = [_row(name, people, witness) for name in (*SHAPES, *DISTANCES)]
    found = {"people": asked.people, "seed": asked.seed, "units": rows, "environment": environment()}
    print(json.dumps(found, indent=1) if asked.json else _table(rows))


def _people(count: int, seed: int) -> list[Scene]:
    """Neutral, frontal scenes of random people, with the camera's degradations off."""
    scenes = []
    for row in plan_table(Plan(count=count, seed=seed)).to_pylist():
        generator = generator_for(row["sample_id"], "witness")
        gender = float(row["apparent_gender"] == "masculine")
        identity = sample_identity(
            generator, age_years=row["apparent_age_years"], gender=gender, ancestry=tuple(row["apparent_ancestry"])
        )
        person = sample_person(generator, identity, skin_tone_monk=row["skin_tone_monk"])
        scene = sample_scene(generator, identity=identity, action_units={}, person=person, gaze=(0.0, 0.0))
        camera = replace(scene.camera, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0, crop_scale=1.8, distance_dm=10.0)
        sensor = replace(Sensor(), noise=0.0, jpeg_quality=None, metering=scene.sensor.metering)
        scenes.append(replace(scene, camera=camera, sensor=sensor))
    return scenes


def _witness(model: str) -> vision.FaceLandmarker:
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model), output_face_blendshapes=True, num_faces=1
    )
    return vision.FaceLandmarker.create_from_options(options)


def _row(name: str, people: list[Scene], witness: vision.FaceLandmarker) -> dict[str, Any]:
    keys = SHAPES[name][0] if name in SHAPES else DISTANCES[name][0]
    seen = np.full((len(people), len(INTENSITIES)), math.nan)
    for j, intensity in enumerate(INTENSITIES):
        # lips are parted at a fixed B where a unit shows only on parted lips, so that 25 itself is not what is ranked
        units = {key: 2.0 if key == "25" and name not in ("25+26", "25+27") else intensity for key in keys}
        drawings = draw([replace(scene, action_units=units) for scene in people], size_px=256)
        seen[:, j] = [_score(name, drawing.picture, witness) for drawing in drawings]
    low, high = _bootstrap(seen)
    return {
        "unit": name,
        "rank_correlation": _rank(seen),
        "low": low,
        "high": high,
        "found": float(np.isfinite(seen).mean()),
        "mean_score": [round(float(v), 4) for v in np.nanmean(seen, axis=0)],
    }


def _score(name: str, picture: np.ndarray, witness: vision.FaceLandmarker) -> float:
    image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
    found = witness.detect(image)
    if not found.face_landmarks:
        return math.nan
    if name in SHAPES:
        scores = {shape.category_name: shape.score for shape in found.face_blendshapes[0]}
        return sum(scores[shape] for shape in SHAPES[name][1])
    points = np.array([(p.x, p.y) for p in found.face_landmarks[0]])
    scale = np.linalg.norm(points[EYES[0]] - points[EYES[1]])
    distance = np.mean([np.linalg.norm(points[a] - points[b]) for a, b in DISTANCES[name][1]])
    return float(DISTANCES[name][2] * distance / scale)


def _rank(seen: np.ndarray) -> float:
    """Spearman's rho over all pictures, each person's own mean taken out: people differ at rest."""
    centred = seen - np.nanmean(seen, axis=1, keepdims=True)
    asked = np.broadcast_to(INTENSITIES, seen.shape)
    good = np.isfinite(centred)
    return float(spearmanr(asked[good], centred[good]).statistic)


def _bootstrap(seen: np.ndarray, resamples: int = 500) -> tuple[float, float]:
    generator = np.random.default_rng(0)
    drawn = [_rank(seen[generator.integers(0, len(seen), len(seen))]) for _ in range(resamples)]
    return float(np.percentile(drawn, 2.5)), float(np.percentile(drawn, 97.5))


def _table(rows: list[dict[str, Any]]) -> str:
    head = "unit            rho   95 % interval   found   mean score at 0, A … E"
    lines = [
        f"{r['unit']:14} {r['rank_correlation']:5.2f}  {r['low']:5.2f} … {r['high']:5.2f}  {r['found']:6.1%}   "
        f"{r['mean_score']}"
        for r in rows
    ]
    return "\n".join([head, *lines])


if __name__ == "__main__":
    main()
