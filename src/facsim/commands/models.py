"""`facsim train` and `report`: what is learnt from a run, and what it all came to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import counts_text, progress_shown, show_json, show_text, stdout_kept, table_text
from facsim.commands.options import AsJson, Device, check_device

if TYPE_CHECKING:
    from facsim.learn.train import TrainedModel, TrainingConfig
    from facsim.models.classifier import Classifier
    from facsim.products import OnProgress

__all__ = ["report", "train"]

_SOURCE = "A run folder, a class folder or its archive, FER2013's CSV, or Parquet."

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
