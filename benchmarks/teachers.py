"""How right teachers of expressions are, each alone and their mean, and how well their scores say so.

    facsim teach research --pictures fer2013/train.zip --votes ferplus_votes.csv \\
        --barred fer2013/publictest.zip --out small
    python benchmarks/teachers.py --models small/labels large/labels \\
        --cut fer2013/train.zip --test fer2013/publictest.zip --views
    python benchmarks/teachers.py --models small/votes --test fer2013/publictest.zip --votes ferplus_votes.csv --views

Each is asked as the stage `expression` asks with `flips`: the mean of its logits over the picture and its mirror
image, by the temperature that lies beside its weights. The mean of several is what the stage `vote` gives with `rule =
"mean"`. With --views each is asked about the face cut upright, too (`facsim teach research --upright`): a vote of two
steps, of which one has `crop = "image"`. They are tested on the pictures of --test, and on those of --cut that belong
to the fixed cut (`facsim.learn.data.is_chooser`) and of which no teacher has seen a near copy. --leaks, a file of
`facsim leaks`, gives the figures of those pictures of --test apart that it does not name. With --votes the labels of
--test are FER+'s majority among the seven, and pictures without one are left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.formats.ferplus import read_ferplus_votes, relabelled
from facsim.learn.calibration import load_temperature, tempered
from facsim.learn.data import Pictures, is_chooser, pictures_from, take
from facsim.learn.evaluate import evaluate, shared_classes
from facsim.learn.leak_file import listed_rows, read_leaks
from facsim.learn.leaks import load_seen
from facsim.learn.predict import predict
from facsim.learn.sources import load_pictures, records_of
from facsim.learn.upright_faces import upright_faces
from facsim.models.classifier import Classifier
from facsim.models.weights import load_classifier
from facsim.provenance import environment


def main() -> None:
    asked = _arguments()
    found: dict[str, Any] = {"environment": environment()}
    teachers = {folder: load_classifier(folder) for folder in asked.models}
    if asked.cut:
        found["cut"] = _tested(teachers, _unknown_of_cut(asked.cut, asked.models), views=asked.views)
    if asked.test:
        test = _voted(asked.test, asked.votes) if asked.votes else load_pictures(asked.test)
        named = listed_rows(test, read_leaks(asked.leaks)) if asked.leaks else None
        found["test"] = _tested(teachers, test, views=asked.views, copies=named)
    print(json.dumps(found, indent=1) if asked.json else _table(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", required=True, metavar="FOLDER", help="classifiers of 48 px grey")
    parser.add_argument("--cut", metavar="SOURCE", help="FER2013's training split")
    parser.add_argument("--test", metavar="SOURCE")
    parser.add_argument("--votes", metavar="CSV", help="FER+'s, for --test")
    parser.add_argument("--views", action="store_true", help="ask about faces cut upright, too")
    parser.add_argument("--leaks", metavar="FILE", help="of the training split and --test")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _unknown_of_cut(source: str, models: Sequence[str]) -> Pictures:
    pictures = load_pictures(source)
    cut = take(pictures, np.array([is_chooser(name) for name in pictures.ids]))
    return take(cut, ~np.any([load_seen(folder).known(cut) for folder in models], axis=0))


def _voted(source: str, votes: str) -> Pictures:
    records = relabelled(records_of(source), read_ferplus_votes(votes))
    return pictures_from(record for record in records if record.expression in SEVEN_EXPRESSIONS)


def _tested(
    teachers: Mapping[str, Classifier], pictures: Pictures, *, views: bool, copies: NDArray[np.bool_] | None = None
) -> dict[str, Any]:
    """Who was asked, and how right that was."""
    answers = {f"{folder}, one look": predict(teacher, pictures) for folder, teacher in teachers.items()}
    whole = {folder: _as_the_stage(folder, teacher, pictures) for folder, teacher in teachers.items()}
    answers |= whole
    if views:
        faces = upright_faces(pictures).pictures
        upright = {folder: _as_the_stage(folder, teacher, faces) for folder, teacher in teachers.items()}
        whole = {folder: (whole[folder] + upright[folder]) / 2.0 for folder in teachers}
        answers |= {f"{folder}, upright": scores for folder, scores in upright.items()}
        answers |= {f"{folder}, both cuts": scores for folder, scores in whole.items()}
    if len(teachers) > 1:
        answers["mean"] = np.mean(list(whole.values()), axis=0)
    classes = next(iter(teachers.values())).classes
    if set(classes) != set(pictures.classes):
        cut = {who: shared_classes(held, pictures, classes=classes) for who, held in answers.items()}
        answers = {who: held for who, (held, _, _) in cut.items()}
        _, pictures, classes = next(iter(cut.values()))
    found = {who: _figures(scores, pictures, classes) for who, scores in answers.items()}
    if copies is not None:
        kept = take(pictures, ~copies)
        found |= {f"{who}, no copies": _figures(held[~copies], kept, classes) for who, held in answers.items()}
    return found


def _as_the_stage(folder: str, teacher: Classifier, pictures: Pictures) -> NDArray[np.float32]:
    mirrored = replace(pictures, images=np.ascontiguousarray(pictures.images[:, :, ::-1]))
    # the mean of the two looks' logits, but for a constant
    both = np.sqrt(predict(teacher, pictures) * predict(teacher, mirrored))
    temperature = load_temperature(folder, model=teacher.sha256)
    return tempered(both, 1.0 if temperature is None else temperature.value)


def _figures(scores: NDArray[np.float32], pictures: Pictures, classes: Sequence[str]) -> dict[str, Any]:
    whole = evaluate(scores.astype(np.float32), pictures, classes=classes)
    return {"n": len(pictures)} | {name: getattr(whole, name).to_json() for name in ("accuracy", "uar", "ece")}


def _table(found: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for where in ("cut", "test"):
        for who, figures in found.get(where, {}).items():
            said = [f"{name} {_interval(figures[name])}" for name in ("accuracy", "uar", "ece")]
            lines.append(f"{where} (n = {figures['n']}), {who}: {', '.join(said)}")
    return "\n".join(lines)


def _interval(figure: Mapping[str, float]) -> str:
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


if __name__ == "__main__":
    main()
