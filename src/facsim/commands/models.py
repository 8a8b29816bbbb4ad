"""`facsim evaluate` and `report`: what a classifier is worth, and what a run all came to."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import counts_text, progress_shown, show_json, show_text, stdout_kept, table_text, tell
from facsim.commands.options import AsJson, Device, check_device

if TYPE_CHECKING:
    from facsim.learn.evaluate import Evaluation
    from facsim.models.classifier import Classifier
    from facsim.products import OnProgress

__all__ = ["evaluate", "report"]

_SOURCE = "A run folder, a class folder or its archive, FER2013's CSV, or Parquet."
_HEADLINES = (("accuracy", "accuracy (WAR)"), ("uar", "UAR"), ("macro_f1", "macro F1"), ("ece", "calibration error"))

Split = Annotated[str, typer.Option("--split", help="Only this split of the source.", show_default="all of it")]


# evaluate


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A folder that facsim train or run wrote.")],
    on: Annotated[str, typer.Option("--on", metavar="SOURCE", help=_SOURCE)],
    split: Split = "",
    shared: Annotated[
        bool, typer.Option("--shared", help="Where the classes differ, keep to those that both have.")
    ] = False,
    device: Device = "cpu",
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="Write the JSON to this file too.")] = "",
    json: AsJson = False,
) -> None:
    """Test a classifier on labelled pictures.

    Gives accuracy (WAR), unweighted average recall, macro F1 and expected calibration error, each with its n and a
    95 % bootstrap interval; recall, precision and F1 for each class; the confusion matrix; and how many of the
    pictures the model has seen in training. `facsim report` shows what lies in a run's evaluations folder.

    \b
    Examples:
      facsim evaluate runs/quickstart/model --on faces.zip
      facsim evaluate runs/quickstart/model --on fer2013.csv --split PublicTest --json
      facsim evaluate runs/quickstart/model --on faces.zip --out runs/quickstart/evaluations/faces.json
    """
    from facsim.models.weights import load_classifier

    check_device(device)
    classifier = load_classifier(model, device=device)
    asked = classifier.preprocessing
    with progress_shown() as on_progress:
        pictures = _pictures(on, asked.size_px, asked.colour, split, on_progress)
        evaluation = _evaluated(classifier, pictures, model, shared=shared)
    found = {"model": model, "on": on, **evaluation.to_json()}
    if out:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(json_text.dumps(found, indent=2) + "\n", encoding="utf-8")
        tell(f"written: {out}")
    if json:
        show_json(found)
    else:
        show_text(_evaluation_text(evaluation))


def _pictures(source: str, size_px: int, colour: str, split: str, on_progress: OnProgress) -> Any:
    from facsim.learn.sources import load_pictures
    from facsim.products import Progress

    on_progress(Progress(step="reading", done=0, total=1, unit="sources"))
    pictures = load_pictures(source, size_px=size_px, colour=colour, split=split or None)
    on_progress(Progress(step="reading", done=1, total=1, unit="sources", note=f"{len(pictures)} pictures"))
    return pictures


def _evaluated(classifier: Classifier, pictures: Any, model: str, *, shared: bool) -> Evaluation:
    from facsim.learn.evaluate import evaluate as evaluated
    from facsim.learn.evaluate import shared_classes
    from facsim.learn.leaks import load_training_hashes
    from facsim.learn.predict import predict

    scores, classes = predict(classifier, pictures), classifier.classes
    if shared:
        scores, pictures, classes = shared_classes(scores, pictures, classes=classes)
    hashes = load_training_hashes(model)
    return evaluated(scores, pictures, classes=classes, model=classifier.sha256, training_hashes=hashes)


def _evaluation_text(evaluation: Evaluation) -> str:
    from facsim.metrics import recall

    confusion = evaluation.confusion
    rates = recall(confusion)
    headlines = [(words, str(getattr(evaluation, name))) for name, words in _HEADLINES]
    rows = [
        [name, f"{rates[name]:.3f}", *(str(count) for count in confusion.counts[i])]
        for i, name in enumerate(confusion.classes)
    ]
    short = [name[:4] for name in confusion.classes]
    lines = [table_text(headlines), "", table_text([["truth", "recall", *short], *rows])]
    if evaluation.seen is None:
        lines += ["", "the model does not say which pictures it was trained on: a leak cannot be ruled out"]
    elif evaluation.seen.count:
        lines += ["", f"{evaluation.seen.count} of these pictures were trained on; --json has the figures without them"]
    if evaluation.left_out:
        lines += ["", f"not scored: {counts_text(evaluation.left_out)}"]
    return "\n".join(lines)


# report


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")],
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE.html", help="Where it goes.", show_default="report.html in RUN")
    ] = "",
    json: AsJson = False,
) -> None:
    """Write a run's report, one HTML file.

    Contact sheets, balance, action units, pose, rejections by reason, training and where all of it came from, in one
    file that needs no network.

    \b
    Example:
      facsim report runs/quickstart --out quickstart.html
    """
    from facsim.report.product import write_report

    with stdout_kept():
        place = write_report(run, out or None)
    if json:
        show_json({"run": run, "report": place})
    else:
        show_text(place)
