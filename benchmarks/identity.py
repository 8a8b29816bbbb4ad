"""Does an embedding see our people as different persons, and one person as the same whatever the face does?

    python benchmarks/identity.py --renders runs/people --judge dlib_face_recognition_resnet_model_v1.dat --json
    python benchmarks/identity.py --renders runs/people --photos fer2013/train.zip --neighbours neighbours.png

The people held out of recipes/labels/people.toml, every pair of one person and 300,000 drawn pairs of two, with 95 %
intervals over people. `native` is facsim's own embedding; `judge` dlib's residual network, which learnt from some three
million photographs of real people and from no render: where it takes our people for different persons they are, to it.
Both get the same pictures, framed by the renders' own landmarks. `differ in …` keeps of the pairs of one person those
that differ much in a condition. The judge needs the package `dlib-bin`, and of `face-recognition-models` the one file;
neither is a dependency of facsim. With `--photos` nothing is labelled: the sheet shows, for pictures of the fixed cut,
their nearest others, and the count says how many near-duplicates by hash are each other's nearest by embedding.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facsim.curate.hashing import hamming_distance, perceptual_hash
from facsim.labels.framing import frame_face
from facsim.labels.networks import labeller_faces
from facsim.learn.data import chooser_split
from facsim.learn.labellers.faces import Faces
from facsim.learn.labellers.fitting import predict_rows
from facsim.learn.labellers.identity import IdentityTask, differing_pairs, identity_task, verification_pairs
from facsim.learn.sources import load_pictures
from facsim.metrics.verification import Pairs, measure_verification
from facsim.models.labeller import load_labeller
from facsim.provenance import environment

__all__ = ["judge_embeddings", "main", "measured_conditions", "neighbours"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renders", required=True, metavar="RUN")
    parser.add_argument("--model", default="", metavar="FOLDER", help="default: facsim's own")
    parser.add_argument("--judge", metavar="DAT", help="dlib's face recognition network")
    parser.add_argument("--judge-kept", type=Path, metavar="NPY", help="keep the judge's embeddings here between runs")
    parser.add_argument("--people", type=int, default=250, help="how many of those held out")
    parser.add_argument("--photos", metavar="SOURCE", help="FER2013's training split, of which the cut is looked at")
    parser.add_argument("--neighbours", type=Path, metavar="PNG")
    parser.add_argument("--resamples", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    task = identity_task(asked.renders)
    people = np.unique(task.faces.person[task.held_out])[: asked.people]
    rows = task.held_out[np.isin(task.faces.person[task.held_out], people)]
    labeller = load_labeller("identity", asked.model)
    embedded = {"native": predict_rows(labeller, task, rows)["outputs"]}
    if asked.judge:
        embedded["judge (dlib)"] = _kept(asked.judge_kept, lambda: judge_embeddings(task.faces, rows, asked.judge))
    found: dict[str, Any] = {"renders": asked.renders, "pictures": len(rows), "people": len(people)}
    found["model_sha256"] = labeller.sha256
    for name, vectors in embedded.items():
        by = "cosine" if name == "native" else "distance"  # as dlib's are meant to be compared
        found[name] = measured_conditions(task, rows, vectors, by=by, resamples=asked.resamples)
    if asked.photos:
        found["photos"] = neighbours(asked.photos, asked.model, asked.neighbours)
    found["environment"] = environment()
    print(json.dumps(found, indent=1) if asked.json else _table(found, tuple(embedded)))


def measured_conditions(
    task: IdentityTask, rows: NDArray[np.int64], embeddings: NDArray[np.floating], *, by: str, resamples: int
) -> dict[str, Any]:
    """Verification figures of all pairs, and of those whose pictures of one person differ in a condition."""
    pairs, (one, other) = verification_pairs(embeddings, task.faces.person[rows], by=by)
    kept = {"all pairs": np.ones(len(pairs), dtype=bool)}
    for condition, differs in differing_pairs(task.faces, rows[one], rows[other]).items():
        kept[f"differ in {condition}"] = differs | ~pairs.same
    found: dict[str, Any] = {}
    for name, keep in kept.items():
        part = Pairs(scores=pairs.scores[keep], first=pairs.first[keep], second=pairs.second[keep])
        figures = measure_verification(part, rng=np.random.default_rng(0), resamples=resamples)
        found[name] = {figure: estimate.to_json() for figure, estimate in figures.items()}
        found[name] |= {"pairs_of_one": int(part.same.sum()), "pairs_of_two": int((~part.same).sum())}
    return found


def _kept(file: Path | None, make: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    if file is not None and file.exists():
        return np.load(file)
    made = make()
    if file is not None:
        np.save(file, made)
    return made


def judge_embeddings(faces: Faces, rows: NDArray[np.int64], weights: str) -> NDArray[np.float32]:
    """dlib's embeddings (N, 128), faces cut out by dlib's own rule from the renders' 68 landmarks."""
    import dlib

    network = dlib.face_recognition_model_v1(weights)
    chips = [_chip(dlib, faces, int(row)) for row in rows]
    return np.array([network.compute_face_descriptor(chip) for chip in chips], dtype=np.float32)


def _chip(dlib: Any, faces: Faces, row: int) -> Any:
    points = faces.columns["landmarks_68"][row]
    low, high = points.min(axis=0), points.max(axis=0)
    box = dlib.rectangle(*(int(value) for value in (*low, *high)))
    marks = dlib.full_object_detection(box, [dlib.point(round(float(x)), round(float(y))) for x, y in points])
    return dlib.get_face_chip(np.ascontiguousarray(faces.pictures[row]), marks, size=150, padding=0.25)


def neighbours(photos: str, model: str, out: Path | None) -> dict[str, Any]:
    """Of the cut's pictures: pairs within 4 bits by hash, and how many of them are mutual nearest by embedding."""
    _, pictures = chooser_split(load_pictures(photos))
    images = pictures.images
    shown = np.repeat(images[..., None], 3, axis=3) if images.ndim == 3 else images
    template, size_px, embed = labeller_faces("identity", model, device="cpu", batch=64)
    cut = np.stack([frame_face(face, given="tight", wanted=template, size_px=size_px) for face in shown])
    vectors = embed(cut)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -1.0)
    hashes = [perceptual_hash(face) for face in shown]
    copies = _near(hashes)
    nearest = likeness.argmax(axis=1)
    ranks = [int((likeness[a] > likeness[a, b]).sum()) for a, b in copies]
    if out is not None:
        _draw(shown, likeness, out)
    return {
        "pictures": len(shown),
        "near_duplicates_by_hash": len(copies),
        "of_which_nearest_by_embedding": int(sum(nearest[a] == b or nearest[b] == a for a, b in copies)),
        "of_which_among_ten_nearest": int(sum(rank < 10 for rank in ranks)),
        "likeness_of_near_duplicates": [round(float(likeness[a, b]), 3) for a, b in copies][:40],
        "likeness_of_others_quantiles": np.quantile(likeness[np.triu_indices(len(shown), 1)], [0.5, 0.99, 0.9999])
        .round(3)
        .tolist(),
    }


def _near(hashes: list[int], *, distance: int = 4) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for at, one in enumerate(hashes):
        found += [(at, other) for other in range(at) if hamming_distance(one, hashes[other]) <= distance]
    return found


def _draw(
    shown: NDArray[np.uint8], likeness: NDArray[np.floating], out: Path, *, rows: int = 14, across: int = 9
) -> None:
    """Each row: a picture and those nearest to it; the first rows are the pictures with the nearest neighbours."""
    best = likeness.max(axis=1).argsort()[::-1]
    drawn = np.concatenate([best[:rows:1][: rows // 2], np.random.default_rng(0).choice(len(shown), rows - rows // 2)])
    lines = [np.hstack([shown[at], *(shown[b] for b in likeness[at].argsort()[::-1][: across - 1])]) for at in drawn]
    Image.fromarray(np.vstack(lines)).resize((across * 96, rows * 96)).save(out)


def _table(found: Mapping[str, Any], names: tuple[str, ...]) -> str:
    lines = [f"{found['pictures']} renders of {found['people']} people"]
    for name in names:
        for condition, figures in found[name].items():
            said = [
                f"{key} {value['value']:.4f} [{value['low']:.4f}, {value['high']:.4f}]"
                for key, value in figures.items()
                if isinstance(value, dict)
            ]
            lines.append(f"{name:14} {condition:22} " + "  ".join(said))
    return "\n".join([*lines, *([json.dumps(found["photos"], indent=1)] if "photos" in found else [])])


if __name__ == "__main__":
    main()
