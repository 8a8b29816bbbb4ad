"""How well are action units read off faces? On held-out renders, whose units are known, and on photographs by rule.

    python benchmarks/action_unit_labels.py --renders runs/people --json
    python benchmarks/action_unit_labels.py --renders runs/people --witness face_landmarker.task --json
    python benchmarks/action_unit_labels.py --photographs train.zip --votes ferplus_votes.csv --cut --json
    python benchmarks/action_unit_labels.py --photographs publictest.zip --votes ferplus_votes.csv \\
        --witness face_landmarker.task --json

Renders: those of the people that training held out. For each unit (of two sides: the stronger) Pearson's and Spearman's
correlation, ICC(3,1) and F1 of presence at B (2) or more, as DISFA counts it, with 95 % intervals by resampling people
(ICC's is Shrout and Fleiss'); and how often the truth lies within one and two deviations, on the half of those people
that the deviations were not scaled on. The witness, MediaPipe's blendshapes, sees the same pictures; its scores are put
on FACS' scale by a straight line that is fitted on the other half, so that its ICC is as good as it can be.

Photographs, each found and aligned as a recipe does it (`detect`, given crops, then `align`), or taken as they are
(--unaligned): EMFACS' rules on the units read, against the majority of FER+'s raters, for each expression, beside the
share that it would be by chance; the mean of each unit by the raters' expression; and how much the units tell of it:
the accuracy of a linear classifier of all of them (logistic, tenths held out in turn). The same is said of the
witness's 52 scores, on the photographs in which it finds a face, with the rank correlation of each unit with its
blendshape.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.facs import lateral_keys
from facsim.formats.ferplus import majority_expression, read_ferplus_votes
from facsim.labels.action_units import ActionUnits
from facsim.labels.align import Align
from facsim.labels.detect import Detect
from facsim.learn.data import is_chooser
from facsim.learn.labellers.action_units import ActionUnitTask, action_unit_task, calibration_rows
from facsim.learn.labellers.fitting import predict_rows
from facsim.learn.sources import load_pictures
from facsim.metrics.agreement import icc_3_1
from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.intensities import intensities_of
from facsim.models.labeller import load_labeller
from facsim.pictures import encode_png
from facsim.provenance import environment
from facsim.sample import Problem, Sample
from facsim.stage import Row

PRESENT = 2.0  # B: Mavadati et al. 2013, DISFA
RESAMPLES = 200
BLENDSHAPES = {
    1: ("browInnerUp",),
    2: ("browOuterUpLeft", "browOuterUpRight"),
    4: ("browDownLeft", "browDownRight"),
    5: ("eyeWideLeft", "eyeWideRight"),
    6: ("cheekSquintLeft", "cheekSquintRight"),
    7: ("eyeSquintLeft", "eyeSquintRight"),
    9: ("noseSneerLeft", "noseSneerRight"),
    10: ("mouthUpperUpLeft", "mouthUpperUpRight"),
    12: ("mouthSmileLeft", "mouthSmileRight"),
    14: ("mouthDimpleLeft", "mouthDimpleRight"),
    15: ("mouthFrownLeft", "mouthFrownRight"),
    16: ("mouthLowerDownLeft", "mouthLowerDownRight"),
    17: ("mouthShrugLower",),
    18: ("mouthPucker",),
    20: ("mouthStretchLeft", "mouthStretchRight"),
    22: ("mouthFunnel",),
    24: ("mouthPressLeft", "mouthPressRight"),
    26: ("jawOpen",),
    27: ("jawOpen",),
    28: ("mouthRollLower", "mouthRollUpper"),
    34: ("cheekPuff",),
    43: ("eyeBlinkLeft", "eyeBlinkRight"),
}
"""Unit -> MediaPipe's blendshapes that show it, of which the larger counts (summed for 28)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renders", default="", metavar="RUN")
    parser.add_argument("--model", default="", help="a folder of `facsim teach action_units`; facsim's own if empty")
    parser.add_argument("--witness", default="", metavar="FACE_LANDMARKER.task")
    parser.add_argument("--most", type=int, default=0, help="so many held-out renders, the first; all if 0")
    parser.add_argument("--photographs", default="", metavar="FER2013.zip")
    parser.add_argument("--votes", default="", metavar="FERPLUS.csv")
    parser.add_argument("--cut", action="store_true", help="the fixed cut of the training split alone")
    parser.add_argument("--flips", action="store_true", help="average over mirror images")
    parser.add_argument("--unaligned", action="store_true", help="photographs as they are, in FER2013's frame")
    parser.add_argument("--landmarks", default="", metavar="MODEL", help="whose points photographs are aligned by")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found: dict[str, Any] = {"model": asked.model or "facsim's own", "environment": environment()}
    if asked.renders:
        found |= on_renders(action_unit_task(asked.renders), asked.model, asked.witness, asked.most)
    if asked.photographs:
        found |= on_photographs(asked)
    print(json.dumps(found, indent=1) if asked.json else text_of(found))


def on_renders(task: ActionUnitTask, model: str, witness: str, most: int) -> dict[str, Any]:
    """Figures by unit on people that were held out."""
    rows = task.held_out[: most or None]
    other = calibration_rows(task)[: len(rows)]
    labeller = load_labeller("action_units", model)
    mean, deviation = intensities_of(predict_rows(labeller, task, rows)["outputs"], labeller.settings)
    truth, person = task.intensities(rows), task.faces.person[rows]
    ours = {code: _stronger(mean, code) for code in _codes()}
    real = {code: _stronger(truth, code) for code in _codes()}
    within = [np.abs(mean - truth)[~other] <= times * deviation[~other] for times in (1, 2)]
    found: dict[str, Any] = {
        "n": len(rows),
        "people": len(np.unique(person)),
        "units": {code: _figures(real[code], ours[code], person) for code in _codes()},
        "coverage": {
            "n": int((~other).sum()),
            "one_deviation": float(within[0].mean()),
            "two_deviations": float(within[1].mean()),
            "by_key_one": dict(zip(SUPPORTED_AUS, within[0].mean(axis=0).round(3).tolist(), strict=True)),
        },
        "unsure_where_hidden": _hidden(task, rows, deviation),
    }
    if witness:
        found["witness"] = _against_witness(task, rows, other, real, ours, witness)
    return found


def _codes() -> list[int]:
    return sorted({int(key.rstrip("LR")) for key in SUPPORTED_AUS})


def _stronger(values: NDArray[np.float32], code: int) -> NDArray[np.float64]:
    places = [SUPPORTED_AUS.index(key) for key in lateral_keys(code)]
    return values[:, places].max(axis=1).astype(np.float64)


def _figures(truth: NDArray[np.float64], found: NDArray[np.float64], person: NDArray[np.int64]) -> dict[str, Any]:
    both = np.stack([truth, found], axis=1)
    icc = icc_3_1(both)
    there = truth >= PRESENT
    return {
        "pearson": _resampled(lambda a, b: float(np.corrcoef(a, b)[0, 1]), truth, found, person),
        "spearman": _resampled(lambda a, b: float(spearmanr(a, b).statistic), truth, found, person),
        "icc_3_1": [round(value, 4) for value in (icc.value, icc.low, icc.high)],
        "f1_at_b": _resampled(_f1, truth, found, person),
        "f1_of_always_yes": round(float(2 * there.mean() / (1 + there.mean())), 4),
        "present": int(there.sum()),
        "mean_absolute_error": round(float(np.abs(truth - found).mean()), 4),
    }


def _f1(truth: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    there, said = truth >= PRESENT, found >= PRESENT
    both = float((there & said).sum())
    return 2 * both / max(float(there.sum() + said.sum()), 1.0)


def _resampled(
    figure: Callable[[NDArray[np.float64], NDArray[np.float64]], float],
    truth: NDArray[np.float64],
    found: NDArray[np.float64],
    person: NDArray[np.int64],
) -> list[float]:
    """The figure and its 95 % interval over resamples of people."""
    people = np.unique(person)
    rows_of = {who: np.flatnonzero(person == who) for who in people}
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([rows_of[who] for who in rng.choice(people, len(people))])
        drawn.append(figure(truth[rows], found[rows]))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return [round(float(value), 4) for value in (figure(truth, found), low, high)]


def _hidden(task: ActionUnitTask, rows: NDArray[np.int64], deviation: NDArray[np.float32]) -> dict[str, Any]:
    """Mean deviation of units of the eyes under clear and dark glasses or none, of the mouth by its visible points."""
    eyes = [SUPPORTED_AUS.index(key) for code in (5, 7, 43) for key in lateral_keys(code)]
    mouth = [SUPPORTED_AUS.index(key) for code in (12, 15, 17, 20, 25) for key in lateral_keys(code)]
    seen = load_visible(task, rows)
    eyes_seen, mouth_seen = seen[:, 36:48].mean(axis=1), seen[:, 48:68].mean(axis=1)
    groups = {"hidden": lambda share: share < 0.2, "seen": lambda share: share > 0.9}
    return {
        name: {
            "eyes": round(float(deviation[chosen(eyes_seen)][:, eyes].mean()), 3),
            "eyes_n": int(chosen(eyes_seen).sum()),
            "mouth": round(float(deviation[chosen(mouth_seen)][:, mouth].mean()), 3),
            "mouth_n": int(chosen(mouth_seen).sum()),
        }
        for name, chosen in groups.items()
    }


def load_visible(task: ActionUnitTask, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Which of the 68 landmarks can be seen, (N, 68)."""
    return task.faces.columns["landmarks_68_visible"][rows]


def _against_witness(
    task: ActionUnitTask,
    rows: NDArray[np.int64],
    other: NDArray[np.bool_],
    real: dict[int, NDArray[np.float64]],
    ours: dict[int, NDArray[np.float64]],
    model: str,
) -> dict[str, Any]:
    """Both on the same renders: those of the half that nothing was fitted on, and in which the witness finds a face."""
    shown, seconds = _blendshapes(task.faces.pictures[rows], model)
    held = np.isfinite(shown["browInnerUp"])
    person = task.faces.person[rows]
    table: dict[str, Any] = {"found": float(held.mean()), "ms_a_picture": 1000 * seconds / len(rows), "units": {}}
    for code in BLENDSHAPES:
        score = _shape_score(shown, code)
        fit, test = held & other, held & ~other
        slope, offset = np.polyfit(score[fit], real[code][fit], 1)
        line = np.clip(slope * score + offset, 0, 5)
        table["units"][code] = {
            "n": int(test.sum()),
            "witness": _figures(real[code][test], line[test], person[test]),
            "ours": _figures(real[code][test], ours[code][test], person[test]),
        }
    return table


def _blendshapes(pictures: NDArray[np.uint8], model: str) -> tuple[dict[str, NDArray[np.float64]], float]:
    """MediaPipe's 52 scores by name, NaN where it finds no face, and the seconds that it took."""
    import time

    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision
    from PIL import Image

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model), output_face_blendshapes=True, num_faces=1
    )
    found: dict[str, NDArray[np.float64]] = {}
    began = time.perf_counter()
    with vision.FaceLandmarker.create_from_options(options) as witness:
        for row, picture in enumerate(pictures):
            large = np.asarray(Image.fromarray(np.asarray(picture)).resize((256, 256), Image.Resampling.BICUBIC))
            seen = witness.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=large))
            for shape in seen.face_blendshapes[0] if seen.face_blendshapes else ():
                found.setdefault(shape.category_name, np.full(len(pictures), np.nan))[row] = shape.score
    return found, time.perf_counter() - began


def on_photographs(asked: argparse.Namespace) -> dict[str, Any]:
    """EMFACS' rules against FER+'s majority, the mean units by expression, and what a linear classifier can tell."""
    pictures = load_pictures(asked.photographs)
    majority = {row.name: majority_expression(row.votes) for row in read_ferplus_votes(asked.votes) if row.name}
    rows = [
        row
        for row, name in enumerate(pictures.ids)
        if majority.get(name) is not None and (is_chooser(name) or not asked.cut)
    ]
    read = _read([_sample(pictures.ids[row], pictures.images[row]) for row in rows], asked)
    held = np.array([not isinstance(row, Problem) for row in read])
    truth = np.array([EIGHT_EXPRESSIONS.index(str(majority[pictures.ids[row]])) for row in rows])
    said = [None if isinstance(row, Problem) else row["expression_rule"] for row in read]
    units = np.array([[0.0 if isinstance(row, Problem) else row[f"AU{code}"] for code in _codes()] for row in read])
    found = {
        "photographs": Path(asked.photographs).name + (", fixed cut" if asked.cut else ""),
        "aligned": not asked.unaligned,
        "n": len(rows),
        "read": int(held.sum()),
        "rules": _rule_figures(truth, said),
        "linear": _linear(units, truth),
        "mean_units": {
            name: dict(zip(map(str, _codes()), units[truth == place].mean(axis=0).round(3).tolist(), strict=True))
            for place, name in enumerate(EIGHT_EXPRESSIONS)
            if (truth == place).any()
        },
    }
    if asked.witness:
        seen, _ = _blendshapes(np.repeat(pictures.images[rows][..., None], 3, axis=3), asked.witness)
        found["witness"] = _beside_witness(units, truth, seen)
    return found


def _read(samples: list[Sample], asked: argparse.Namespace) -> list[Row | Problem]:
    """What the coder says of each picture, found and aligned first unless they are to be taken as they are."""
    coder = ActionUnits(model=asked.model, flips=asked.flips, crop="image" if asked.unaligned else "face_aligned")
    before: list[Any] = [] if asked.unaligned else [Detect(given="crop", landmarks=asked.landmarks), Align()]
    known: list[dict[str, Any]] = [dict(sample.values) for sample in samples]
    found: list[Row | Problem] = [{} for _ in samples]
    for stage in (*before, coder):
        work, size = stage.open("cpu"), stage.resources.batch
        well = [at for at, row in enumerate(found) if not isinstance(row, Problem)]
        for first in range(0, len(well), size):
            chosen = well[first : first + size]
            rows = work([Sample(sample_id=samples[at].sample_id, values=known[at]) for at in chosen])
            for at, row in zip(chosen, rows, strict=True):
                found[at] = row
                known[at] |= {} if isinstance(row, Problem) else row
    return found


def _linear(values: NDArray[np.float64], truth: NDArray[np.int64]) -> list[float]:
    """Accuracy of a logistic regression of the expression, each tenth told by one fitted on the rest, with interval."""
    reader = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    told = cross_val_predict(reader, values, truth, cv=KFold(10, shuffle=True, random_state=0))
    found = _share(told == truth, np.random.default_rng(0))
    assert found is not None
    return found


def _beside_witness(
    units: NDArray[np.float64], truth: NDArray[np.int64], seen: dict[str, NDArray[np.float64]]
) -> dict[str, Any]:
    """On the photographs in which the witness finds a face: what its scores and ours tell, and how they go together."""
    held = np.isfinite(seen["browInnerUp"])
    scores = np.stack([seen[name] for name in sorted(seen)], axis=1)
    together = {
        str(code): round(
            float(spearmanr(_shape_score(seen, code)[held], units[held, _codes().index(code)]).statistic), 3
        )
        for code in BLENDSHAPES
    }
    return {
        "found": int(held.sum()),
        "linear": _linear(scores[held], truth[held]),
        "linear_ours": _linear(units[held], truth[held]),
        "spearman": together,
        "spearman_mean": round(float(np.mean(list(together.values()))), 3),
    }


def _shape_score(seen: dict[str, NDArray[np.float64]], code: int) -> NDArray[np.float64]:
    values = np.stack([seen[name] for name in BLENDSHAPES[code]])
    return values.sum(axis=0) if code == 28 else values.max(axis=0)


def _sample(name: str, picture: NDArray[np.uint8]) -> Sample:
    rgb = np.repeat(np.asarray(picture)[..., None], 3, axis=2)
    return Sample(sample_id=name, values={"image": {"bytes": encode_png(rgb), "path": ""}})


def _rule_figures(truth: NDArray[np.int64], said: list[str | None]) -> dict[str, Any]:
    """For each expression its share, how often the rules say it, and how right they then are; and all together."""
    rng = np.random.default_rng(0)
    by_class: dict[str, Any] = {}
    for place, name in enumerate(EIGHT_EXPRESSIONS):
        ours, there = np.array([word == name for word in said]), truth == place
        by_class[name] = {
            "n": int(there.sum()),
            "chance": round(float(there.mean()), 4),
            "said": int(ours.sum()),
            "precision": _share(there[ours], rng),
            "recall": _share(ours[there], rng),
        }
    decided = np.array([word is not None for word in said])
    right = np.array([word == EIGHT_EXPRESSIONS[place] for word, place in zip(said, truth, strict=True)])
    told = np.array([EIGHT_EXPRESSIONS.index(word) if word else 0 for word in said])
    shares = [float((truth == k).mean()) * float((told[decided] == k).mean()) for k in range(len(EIGHT_EXPRESSIONS))]
    return {
        "classes": by_class,
        "decided": float(decided.mean()),
        "accuracy_where_decided": _share(right[decided], rng),
        "accuracy_by_chance": round(sum(shares), 4),
    }


def _share(values: NDArray[np.bool_], rng: np.random.Generator) -> list[float] | None:
    """A share with its 95 % bootstrap interval; None of nothing."""
    if not len(values):
        return None
    drawn = rng.binomial(len(values), values.mean(), 2000) / len(values)
    return [round(float(value), 4) for value in (values.mean(), *np.quantile(drawn, [0.025, 0.975]))]


def text_of(found: dict[str, Any]) -> str:
    """The figures as a table for a terminal."""
    lines = []
    for code, unit in found.get("units", {}).items():
        lines.append(
            f"AU{code:<3} r {unit['pearson'][0]:.2f}  rho {unit['spearman'][0]:.2f}  ICC {unit['icc_3_1'][0]:.2f}  "
            f"F1 {unit['f1_at_b'][0]:.2f} (always yes {unit['f1_of_always_yes']:.2f})  n {unit['present']}"
        )
    for name, row in found.get("rules", {}).get("classes", {}).items():
        lines.append(f"{name:10} chance {row['chance']:.2f}  precision {row['precision']}  recall {row['recall']}")
    return "\n".join([*lines, json.dumps({k: found[k] for k in ("coverage", "unsure_where_hidden") if k in found})])


if __name__ == "__main__":
    main()
