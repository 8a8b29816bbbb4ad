"""`facsim train`, `evaluate` and `report`: what is learnt from a run, what it is worth, and what it all came to."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import counts_text, progress_shown, show_json, show_text, stdout_kept, table_text, tell
from facsim.commands.options import AsJson, Device, check_device

if TYPE_CHECKING:
    from facsim.learn.evaluate import Evaluation
    from facsim.learn.train import TrainedModel, TrainingConfig
    from facsim.models.classifier import Classifier
    from facsim.products import OnProgress

__all__ = ["evaluate", "report", "train"]

_SOURCE = "A run folder, a class folder or its archive, FER2013's CSV, or Parquet."
_HEADLINES = (("accuracy", "accuracy (WAR)"), ("uar", "UAR"), ("macro_f1", "macro F1"), ("ece", "calibration error"))

Source = Annotated[str, typer.Argument(metavar="SOURCE", help=_SOURCE)]
Split = Annotated[str, typer.Option("--split", help="Only this split of the source.", show_default="all of it")]


# train


def train(
    source: Source,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", help="The model's folder.")],
    epochs: Annotated[float, typer.Option("--epochs", help="How often each picture is seen.")] = 12.0,
    size: Annotated[int, typer.Option("--size", help="Side of what the network sees, px.")] = 48,
    colour: Annotated[str, typer.Option("--colour", metavar="grey|rgb", help="What the network sees.")] = "grey",
    batch_size: Annotated[int, typer.Option("--batch-size", help="Pictures a step.")] = 64,
    lr: Annotated[float, typer.Option("--lr", help="Highest learning rate.")] = 2e-3,
    label_smoothing: Annotated[float, typer.Option("--label-smoothing", help="Share of the uniform label.")] = 0.1,
    balance: Annotated[
        float, typer.Option("--balance", help="0 draws pictures as they are, 1 every class as often.")
    ] = 0.5,
    augmentation: Annotated[float, typer.Option("--augmentation", help="Strength, 0 none to 3.")] = 1.0,
    validation: Annotated[
        str, typer.Option("--validation", metavar="chooser|none", help="Hold a tenth out for the curve, or nothing.")
    ] = "chooser",
    seed: Annotated[int, typer.Option("--seed", help="Seed of weights, order and augmentation.")] = 0,
    split: Split = "",
    time_budget_s: Annotated[
        float, typer.Option("--time-budget-s", help="Stop after so many seconds.", show_default="no limit")
    ] = 0.0,
    threads: Annotated[
        int, typer.Option("--threads", min=0, help="torch's threads.", show_default="torch's choice")
    ] = 0,
    device: Device = "cpu",
    onnx: Annotated[str, typer.Option("--onnx", metavar="FILE", help="Write the model as ONNX too.")] = "",
    json: AsJson = False,
) -> None:
    """Train a small classifier on labelled pictures.

    A training that was stopped, by Ctrl-C, a kill or its time budget, goes on where it was when the same command is
    given again, and ends as if it had never stopped.

    \b
    Examples:
      facsim train runs/quickstart --out models/quickstart
      facsim train faces.zip --out models/faces --epochs 20 --colour rgb --time-budget-s 600
    """
    from facsim.learn.augment import scaled_augmentation
    from facsim.learn.train import TrainingConfig

    check_device(device)
    config = TrainingConfig(
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        label_smoothing=label_smoothing,
        balance=balance,
        augmentation=scaled_augmentation(augmentation),
        validation=validation,
        seed=seed,
        threads=threads or None,
        device=device,
        time_budget_s=time_budget_s or None,
    )
    with progress_shown() as on_progress:
        pictures = _pictures(source, size, colour, split, on_progress)
        done = _trained(pictures, config, out, on_progress)
    facts = {**_training_facts(done), "pictures": len(pictures), "left_out": dict(pictures.left_out)}
    if onnx:
        facts["onnx"] = _as_onnx(done.classifier, onnx)
    if json:
        show_json(facts)
    else:
        show_text(_training_text(facts, out))


def _pictures(source: str, size_px: int, colour: str, split: str, on_progress: OnProgress) -> Any:
    from facsim.learn.sources import load_pictures
    from facsim.products import Progress

    on_progress(Progress(step="reading", done=0, total=1, unit="sources"))
    pictures = load_pictures(source, size_px=size_px, colour=colour, split=split or None)
    on_progress(Progress(step="reading", done=1, total=1, unit="sources", note=f"{len(pictures)} pictures"))
    return pictures


def _trained(pictures: Any, config: TrainingConfig, out: Path, on_progress: OnProgress) -> TrainedModel:
    from facsim.learn.train import train as train_classifier
    from facsim.products import Progress

    def told(step: int, total: int, rate: float, loss: float) -> None:
        note = f"loss {loss:.3f}, {rate:.0f} pictures/s"
        on_progress(Progress(step="train", done=step, total=total, unit="steps", note=note))

    return train_classifier(pictures, config, out=out, on_progress=told)


def _training_facts(done: TrainedModel) -> dict[str, Any]:
    validated = [entry for entry in done.curve if "validation_uar" in entry]
    return {
        "model": str(done.folder),
        "stopped": done.stopped,
        "step": done.step,
        "total_steps": done.total_steps,
        "seconds": round(done.seconds, 1),
        "weights_sha256": done.classifier.sha256,
        "classes": list(done.classifier.classes),
        "validation": dict(validated[-1]) if validated else None,
    }


def _training_text(facts: dict[str, Any], out: Path) -> str:
    lines = [("model", facts["model"]), ("steps", f"{facts['step']} of {facts['total_steps']}")]
    lines += [("pictures", f"{facts['pictures']}{_left_out_text(facts['left_out'])}")]
    if found := facts["validation"]:
        lines += [("held out", f"accuracy {found['validation_accuracy']:.3f}, UAR {found['validation_uar']:.3f}")]
    if facts["stopped"] != "finished":
        lines += [("next", "the time budget ended it: give the same command again to go on")]
    else:
        lines += [("next", f"facsim evaluate {out} --on FACES")]
    return table_text(lines)


def _left_out_text(left_out: dict[str, int]) -> str:
    return f"; left out: {counts_text(left_out)}" if left_out else ""


def _as_onnx(classifier: Classifier, path: str) -> str:
    from facsim.learn.onnx import export_onnx

    return str(export_onnx(classifier, path))


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
