"""`facsim evaluate`, `calibrate` and `compare`: what a classifier is worth, for whom, and against another."""

from __future__ import annotations

import json as json_text
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import progress_shown, show_json, show_text, tell
from facsim.commands.evaluation_text import (
    calibrated_text,
    chosen_text,
    comparison_text,
    evaluation_text,
    frames_text,
    listed_text,
    seen_text,
)
from facsim.commands.options import AsJson, Device, check_device
from facsim.commands.reading import read_shown
from facsim.errors import FacsimError

if TYPE_CHECKING:
    from facsim.learn.examination import Examination
    from facsim.learn.leak_file import Leaks
    from facsim.models.classifier import Classifier
    from facsim.products import OnProgress

__all__ = ["calibrate", "compare", "evaluate"]

_SOURCE = "A run folder, a class folder or its archive, FER2013's CSV, or Parquet."

Model = Annotated[str, typer.Argument(metavar="MODEL", help="A folder that facsim train or run wrote.")]
On = Annotated[str, typer.Option("--on", metavar="SOURCE", help=_SOURCE)]
Split = Annotated[str, typer.Option("--split", help="Only this split of the source.", show_default="all of it")]
Shared = Annotated[bool, typer.Option("--shared", help="Where the classes differ, keep to those that both have.")]
OutFile = Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="Write the JSON to this file too.")]


def evaluate(
    model: Model,
    on: On,
    split: Split = "",
    shared: Shared = False,
    groups: Annotated[
        str,
        typer.Option(
            "--groups",
            metavar="NAMES",
            help="Figures by group: age,gender,tone,ancestry, any attribute, gender+tone.",
        ),
    ] = "",
    corruptions: Annotated[
        str, typer.Option("--corruptions", metavar="all|NAMES", help="Curves over corrupted pictures.")
    ] = "",
    severities: Annotated[str, typer.Option("--severities", metavar="1,…,5", help="Of the corruptions.")] = "1,2,3,4,5",
    predictions: Annotated[
        str, typer.Option("--predictions", metavar="FILE", help="Write every answer, to .parquet or .json.")
    ] = "",
    figure: Annotated[
        str, typer.Option("--figure", metavar="FILE.svg", help="Draw reliability, groups and curves.")
    ] = "",
    leaks: Annotated[
        str, typer.Option("--leaks", metavar="FILE", help="Give figures without what this file of facsim leaks names.")
    ] = "",
    device: Device = "cpu",
    out: OutFile = "",
    json: AsJson = False,
) -> None:
    """Test a classifier on labelled pictures.

    Gives accuracy (WAR), unweighted average recall, macro F1 and expected calibration error, each with its n and a
    95 % bootstrap interval; recall, precision and F1 for each class; the confusion matrix; calibration; and how many
    of the pictures the model has seen in training, themselves or as near-duplicates, with the figures without them;
    and the same of the pictures that its checkpoint was chosen on.
    `facsim report` shows what lies in a run's evaluations folder.

    \b
    Examples:
      facsim evaluate runs/quickstart/model --on faces.zip
      facsim evaluate runs/quickstart/model --on fer2013.csv --split PublicTest --json
      facsim evaluate runs/quickstart/model --on faces.zip --out runs/quickstart/evaluations/faces.json
      facsim evaluate models/a --on runs/test --groups age,gender,tone --corruptions all --figure a.svg
      facsim evaluate models/a --on test.zip --leaks pairs.json
    """
    from facsim.learn.leak_file import read_leaks
    from facsim.models.weights import load_classifier

    check_device(device)
    levels = _levels(severities)
    if corruptions:
        from facsim.learn.corruptions import check_corruptions

        check_corruptions(() if corruptions == "all" else _names(corruptions), levels)
    _refuse_endings(predictions, figure)
    named = read_leaks(leaks) if leaks else None
    classifier = load_classifier(model, device=device)
    with progress_shown() as on_progress:
        done = _examined(classifier, _Asked(model=model, on=on, split=split, shared=shared, leaks=named), on_progress)
        evaluation = done.evaluation(split=split)
        found = {
            **{"model": model, "on": on, **evaluation.to_json()},
            "frames": done.frames,
            "calibration": done.calibration(),
            "groups": {name: done.groups(name).to_json() for name in _names(groups)},
            "robustness": _robustness(done, corruptions, levels, on_progress) if corruptions else None,
        }
    if predictions:
        from facsim.learn.predictions import write_predictions

        tell(f"written: {write_predictions(done.predictions(split=split), predictions)}")
    _write(found, out, figure)
    if json:
        tell(seen_text(found["seen_in_training"]))
        for told in (chosen_text(found), listed_text(found), frames_text(found)):
            if told:
                tell(told)
    _show(found, json=json, text=evaluation_text(found))


def calibrate(
    model: Model,
    on: On,
    split: Split = "",
    shared: Shared = False,
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Fit a model's temperature on validation pictures.

    One number that the scores' logits are divided by, so that a confidence of 80 % is right 80 times of 100; no answer
    changes. It is written beside the weights with what it was fitted on, and `facsim evaluate` gives the figures
    before and after. Pictures that the model was trained on, or near-duplicates of them, are left out: of the pictures
    that it was trained from, the tenth that training held out stays. Never give a test set.

    \b
    Example:
      facsim calibrate models/a --on faces.zip --split validation
    """
    from facsim.learn.calibration import fit_temperature, save_temperature
    from facsim.models.weights import load_classifier

    check_device(device)
    classifier = load_classifier(model, device=device)
    with progress_shown() as on_progress:
        done = _examined(classifier, _Asked(model=model, on=on, split=split, shared=shared), on_progress).unseen()
        fitted = fit_temperature(done.scores, done.pictures, classes=done.classes, model=classifier.sha256)
        file = save_temperature(model, fitted)
    found = {"model": model, "on": on, "temperature": fitted.value, "file": str(file), **fitted.fitted_on}
    _show(found, json=json, text=calibrated_text(found))


def compare(
    one: Annotated[str, typer.Argument(metavar="ONE", help="What facsim evaluate --predictions wrote.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The same of another model, on the same pictures.")],
    unseen: Annotated[
        bool, typer.Option("--unseen", help="Leave out pictures that either model was trained on, or nearly.")
    ] = False,
    out: OutFile = "",
    json: AsJson = False,
) -> None:
    """Compare two classifiers' answers to the same pictures.

    Gives the differences of accuracy, UAR and macro F1 (OTHER minus ONE) with 95 % intervals of the paired bootstrap,
    and McNemar's exact test. They say what another draw of pictures would give, not another training seed.

    \b
    Example:
      facsim compare a.parquet b.parquet
    """
    from facsim.learn.predictions import compare_predictions, read_predictions

    pair = read_predictions(one), read_predictions(other)
    comparison, count = compare_predictions(*pair, unseen=unseen)
    found = {"one": one, "other": other, "n": count, "unseen_only": unseen, **comparison.to_json()}
    found["facts"] = [dict(predictions.facts) for predictions in pair]
    _write(found, out, "")
    _show(found, json=json, text=comparison_text(found))


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """Which model is put to which pictures."""

    model: str
    on: str
    split: str
    shared: bool
    leaks: Leaks | None = None


def _show(found: Mapping[str, Any], *, json: bool, text: str) -> None:
    if json:
        show_json(found)
    else:
        show_text(text)


def _write(found: Mapping[str, Any], out: str, figure: str) -> None:
    if out:
        _written(Path(out), json_text.dumps(found, indent=2) + "\n")
    if figure:
        from facsim.report.evaluation_figure import draw_evaluation

        _written(Path(figure), draw_evaluation(found))


def _written(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    tell(f"written: {place}")


def _refuse_endings(predictions: str, figure: str) -> None:
    """A file name that cannot be written is found before the work and not after it."""
    if predictions and Path(predictions).suffix not in (".parquet", ".json"):
        raise FacsimError(f'found --predictions "{predictions}", expected a file in .parquet or .json')
    if figure and Path(figure).suffix != ".svg":
        raise FacsimError(f'found --figure "{figure}", expected a file in .svg')


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _levels(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted({int(part) for part in _names(text)}))
    except ValueError:
        raise FacsimError(f'found --severities "{text}", expected numbers from 1 to 5 such as 1,3,5') from None


def _examined(classifier: Classifier, asked: _Asked, on_progress: OnProgress) -> Examination:
    from facsim.learn.data import PictureShape
    from facsim.learn.examination import examine

    shape = PictureShape(size_px=classifier.preprocessing.size_px, colour=classifier.preprocessing.colour)
    pictures = read_shown(asked.on, shape, on_progress, split=asked.split)
    return examine(classifier, asked.model, pictures, shared=asked.shared, leaks=asked.leaks)


def _robustness(examined: Examination, names: str, levels: tuple[int, ...], on_progress: OnProgress) -> dict[str, Any]:
    from facsim.products import Progress

    def told(done: int, total: int, name: str) -> None:
        on_progress(Progress(step="corruptions", done=done, total=total, unit="conditions", note=name))

    asked = () if names == "all" else _names(names)
    return examined.robustness(asked, levels, on_condition=told).to_json()
