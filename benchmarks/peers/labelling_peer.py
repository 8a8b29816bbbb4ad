"""The peers of benchmarks/labelling.py, in an environment of their own: one process, one share of the pictures.

    python -m venv peers; peers/bin/pip install fer tensorflow-cpu "opencv-contrib-python-headless<5" mediapipe \\
        face-recognition-models dlib-bin
    peers/bin/python benchmarks/peers/labelling_peer.py FOLDER --peer stack --landmarker face_landmarker.task

`fer` finds faces (Haar cascade) and scores seven expressions. `stack` does all of facsim's pipeline with what people
would put together: MediaPipe's landmarker (face, 478 points, 52 blendshapes for action units), `fer`'s network on its
face box, dlib's embedding. Prints one line of JSON: pictures, faces found, seconds by the clock and of the
cores, loading and a first picture aside.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peer", choices=("fer", "stack"), required=True)
    parser.add_argument("--share", default="0/1", help="which share of how many")
    parser.add_argument("--landmarker", help="MediaPipe's face_landmarker.task, for stack")
    asked = parser.parse_args()
    part, parts = (int(number) for number in asked.share.split("/"))
    files = sorted(asked.folder.glob("*.png"))[part::parts]
    label = {"fer": _fer, "stack": lambda: _stack(asked.landmarker)}[asked.peer]()
    label(files[0])
    began, used = time.monotonic(), time.process_time()
    found = [label(file) for file in files]
    seconds, cpu_s = time.monotonic() - began, time.process_time() - used
    out = Path(os.devnull)
    out.write_text(json.dumps(found), encoding="utf-8")
    print(json.dumps({"pictures": len(files), "faces": sum(map(bool, found)), "seconds": seconds, "cpu_s": cpu_s}))


def _fer():
    import cv2
    from fer.fer import FER

    cv2.setNumThreads(1)
    detector = FER(mtcnn=False)

    def label(file: Path):
        return [
            {"box": [int(v) for v in face["box"]], "scores": {k: float(v) for k, v in face["emotions"].items()}}
            for face in detector.detect_emotions(cv2.imread(str(file)))
        ]

    return label


def _stack(landmarker: str | None):
    import cv2
    import dlib
    import face_recognition_models
    import mediapipe as mp
    import numpy as np
    from fer.fer import FER
    from mediapipe.tasks import python as tasks
    from mediapipe.tasks.python import vision

    if landmarker is None:
        sys.exit("stack needs --landmarker")
    cv2.setNumThreads(1)
    options = vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_path=landmarker), output_face_blendshapes=True, num_faces=1
    )
    finder = vision.FaceLandmarker.create_from_options(options)
    detector = FER(mtcnn=False)
    embed = dlib.face_recognition_model_v1(face_recognition_models.face_recognition_model_location())

    def label(file: Path):
        picture = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
        seen = finder.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=picture))
        if not seen.face_landmarks:
            return []
        height, width = picture.shape[:2]
        points = np.array([[p.x * width, p.y * height] for p in seen.face_landmarks[0]])
        (left, top), (right, bottom) = points.min(axis=0).astype(int), points.max(axis=0).astype(int)
        box = (left, top, right - left, bottom - top)
        scores = detector.detect_emotions(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [box])
        side = 150  # dlib's network reads a crop of this side about the face
        crop = cv2.resize(picture[max(top, 0) : bottom, max(left, 0) : right], (side, side))
        embedding = embed.compute_face_descriptor(np.ascontiguousarray(crop))
        return {
            "blendshapes": {c.category_name: c.score for c in seen.face_blendshapes[0]},
            "scores": [{k: float(v) for k, v in face["emotions"].items()} for face in scores],
            "embedding": [float(v) for v in embedding],
        }

    return label


if __name__ == "__main__":
    main()
