"""How right teachers that learnt from renders alone are on photographs: by pixels, by read action units, and by both.

    python benchmarks/units_teacher.py --pictures fer2013/publictest.zip --votes ferplus_votes.csv --out runs/teachers
    python benchmarks/units_teacher.py --pictures fer2013/train.zip --cut --out runs/cut --teacher mine=runs/model

The photographs are ingested with their labels hidden, found, aligned and labelled by a recipe as a user would write it:
*clean* and *shown* on the aligned face and on the picture as it is, EMFACS' rules, *interpret*, and means of these
(`vote`). Each --teacher NAME=FOLDER is a classifier beside these, asked by itself and in the mean with
*interpret*: of aligned faces where it learnt from such (`crop`), else of the pictures as they are; with --views of
both, and in their mean. Against the collection's own labels, and against FER+'s majority among the seven. Rules are
silent on some faces; their share and their accuracy on the rest are told. Intervals are 95 %, by resampling pictures.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.expressions import EIGHT_EXPRESSIONS, SEVEN_EXPRESSIONS
from facsim.formats.ferplus import majority_expression, read_ferplus_votes
from facsim.learn.data import Pictures, is_chooser, take
from facsim.learn.evaluate import evaluate
from facsim.learn.sources import load_pictures
from facsim.manifest import Manifest
from facsim.metrics import share_of
from facsim.models.weights import load_classifier
from facsim.provenance import environment
from facsim.recipe import parse_recipe
from facsim.runner import run

_BEFORE = """
[[input]]
path = "{pictures}"

[[step]]
use = "ingest"

[[step]]
use = "detect"
given = "crop"

[[step]]
use = "align"

[[step]]
use = "action_units"
flips = {flips}
{coder}

[[step]]
use = "interpret"
{law}

[[step]]
name = "clean"
use = "expression"
flips = {flips}

[[step]]
name = "clean_unaligned"
use = "expression"
crop = "image"
flips = {flips}

[[step]]
name = "shown"
use = "expression"
model = "shown"
flips = {flips}

[[step]]
name = "shown_unaligned"
use = "expression"
model = "shown"
crop = "image"
flips = {flips}
"""
_TEACHER = """
[[step]]
name = "{name}"
use = "expression"
model = "{model}"
crop = "{crop}"
flips = {flips}
"""
_VOTE = """
[[step]]
name = "{name}"
use = "vote"
rule = "mean"
teachers = {teachers}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", required=True, metavar="FER2013.zip")
    parser.add_argument("--votes", metavar="CSV", help="FER+'s votes for them")
    parser.add_argument("--cut", action="store_true", help="tell of the fixed cut of the training split alone")
    parser.add_argument("--teacher", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument(
        "--coder", default="", metavar="MODEL", help="of `facsim teach action_units`; else facsim's own"
    )
    parser.add_argument("--law", default="", metavar="FILE", help="of `facsim teach interpret`; else facsim's own")
    parser.add_argument("--views", action="store_true", help="teachers are asked about the aligned face, too")
    parser.add_argument("--flips", action="store_true", help="all are asked about mirror images, too")
    parser.add_argument("--out", required=True, metavar="RUN")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    teachers = dict(entry.split("=", 1) for entry in asked.teacher)
    made = run(parse_recipe(_recipe(asked, teachers)), asked.out, workers=asked.workers)
    pictures = load_pictures(asked.pictures, size_px=48, colour="grey", classes=SEVEN_EXPRESSIONS)
    if asked.cut:
        pictures = take(pictures, np.array([is_chooser(name) for name in pictures.ids]))
    truths = {"labels": pictures} | ({"majority": _voted(pictures, asked.votes)} if asked.votes else {})
    own = ["clean_unaligned", "clean", "shown_unaligned", "shown", "interpret"]
    steps = [*own, *teachers, *_votes(asked, teachers)]
    found: dict[str, Any] = {"pictures": asked.pictures, "cut": asked.cut, "environment": environment()}
    found["teachers"] = {step: {name: _figures(made, step, held) for name, held in truths.items()} for step in steps}
    found["rules"] = {name: _rules(made, held) for name, held in truths.items()}
    print(json.dumps(found, indent=1) if asked.json else _table(found))


def _recipe(asked: argparse.Namespace, teachers: dict[str, str]) -> str:
    coder = f'model = "{Path(asked.coder).absolute()}"' if asked.coder else ""
    law = f'law = "{Path(asked.law).absolute()}"' if asked.law else ""
    flips = str(asked.flips).lower()
    text = _BEFORE.format(pictures=Path(asked.pictures).absolute(), flips=flips, coder=coder, law=law)
    for name, folder in teachers.items():
        kwargs = {"model": Path(folder).absolute(), "flips": flips}
        crop = "face_aligned" if "frame" in load_classifier(folder).provenance else "image"
        text += _TEACHER.format(name=name, crop=crop, **kwargs)
        if asked.views:
            text += _TEACHER.format(name=f"{name}_aligned", crop="face_aligned", **kwargs)
    votes = _votes(asked, teachers).items()
    return text + "".join(_VOTE.format(name=name, teachers=json.dumps(voters)) for name, voters in votes)


def _votes(asked: argparse.Namespace, teachers: dict[str, str]) -> dict[str, list[str]]:
    """The votes by mean: name -> the steps that vote."""
    found = {f"{name}_and_units": [name, "interpret"] for name in ("clean", "shown", *teachers)}
    found |= {"shown_views_and_units": ["shown", "shown_unaligned", "interpret"]}
    for name in teachers if asked.views else ():
        found |= {f"{name}_views": [name, f"{name}_aligned"]}
        found |= {f"{name}_views_and_units": [name, f"{name}_aligned", "interpret"]}
    return found


def _voted(pictures: Pictures, votes: str) -> Pictures:
    """The pictures on one of the seven of which most raters agree, with that for a label."""
    majority = {row.name: majority_expression(row.votes) for row in read_ferplus_votes(votes) if row.name}
    voted = take(pictures, np.array([majority.get(name) in SEVEN_EXPRESSIONS for name in pictures.ids]))
    places = [voted.classes.index(str(majority[name])) for name in voted.ids]
    return replace(voted, targets=np.eye(len(voted.classes), dtype=voted.targets.dtype)[places])


def _figures(made: Manifest, step: str, pictures: Pictures) -> dict[str, Any]:
    column = "expression_soft" if "expression_soft" in made.step(step).writes else "expression_scores"
    said = _by_name(made, f"{step}.{column}")
    even = np.full(len(SEVEN_EXPRESSIONS), 1 / len(SEVEN_EXPRESSIONS))
    places = [EIGHT_EXPRESSIONS.index(name) for name in SEVEN_EXPRESSIONS]
    scores = np.stack([even if (row := said[name]) is None else _normed(row, places) for name in pictures.ids])
    whole = evaluate(scores.astype(np.float32), pictures, classes=SEVEN_EXPRESSIONS)
    return {"n": len(pictures)} | {name: getattr(whole, name).to_json() for name in ("accuracy", "uar", "ece")}


def _by_name(made: Manifest, column: str) -> dict[str, Any]:
    """Where a picture comes from -> what the column has."""
    path = made.find("source_path")
    assert path is not None
    table = made.table([path, column])
    return dict(zip(table.column(path).to_pylist(), table.column(column).to_pylist(), strict=True))


def _normed(row: list[float], places: list[int]) -> NDArray[np.float64]:
    seven = np.array(row, dtype=np.float64)[places] + 1e-9
    return seven / seven.sum()


def _rules(made: Manifest, pictures: Pictures) -> dict[str, Any]:
    """EMFACS' rules: on how many faces they speak, and how often they are right there."""
    said = _by_name(made, "action_units.expression_rule")
    labels = [pictures.classes[place] for place in pictures.targets.argmax(axis=1)]
    spoke = [(said[name], label) for name, label in zip(pictures.ids, labels, strict=True) if said[name] is not None]
    right = share_of(sum(ours == label for ours, label in spoke), len(spoke))
    return {"n": len(pictures), "decided": len(spoke) / len(pictures), "right": right.to_json()}


def _table(found: dict[str, Any]) -> str:
    lines = []
    for step, figures in found["teachers"].items():
        for truth, held in figures.items():
            said = "  ".join(f"{name} {_interval(held[name])}" for name in ("accuracy", "uar", "ece"))
            lines.append(f"{step:24} {truth:9} n {held['n']}  {said}")
    for truth, held in found["rules"].items():
        lines.append(f"{'rules':24} {truth:9} decide {held['decided']:.3f}, right {_interval(held['right'])}")
    return "\n".join(lines)


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


if __name__ == "__main__":
    main()
