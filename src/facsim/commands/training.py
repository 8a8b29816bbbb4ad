"""`facsim train`: a classifier from labelled pictures."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import counts_text, progress_shown, show_json, show_text, table_text, tell
from facsim.commands.options import AsJson, Device, RequireCommercial, check_device
from facsim.commands.reading import read_shown
from facsim.commands.summary import standing_text
from facsim.errors import FacsimError

if TYPE_CHECKING:
    from facsim.learn.distributed import Team
    from facsim.learn.product import Train
    from facsim.learn.train import TrainedModel
    from facsim.learn.training_config import TrainingConfig
    from facsim.models.classifier import Classifier
    from facsim.products import OnProgress

__all__ = ["train"]

_SOURCE = "A run folder, a class folder or its archive, FER2013's CSV, or Parquet."

# What a flag that is not given has: the recipe's value, and without a recipe the default that help shows.
Source = Annotated[str, typer.Argument(metavar="SOURCE", help=_SOURCE, show_default=False)]
Recipe = Annotated[
    str, typer.Option("--recipe", "-r", metavar="NAME|FILE", help="Settings to begin from.", show_default="defaults")
]
Epochs = Annotated[float, typer.Option("--epochs", help="How often each picture is seen.", show_default="12")]
Size = Annotated[int, typer.Option("--size", help="Side of what the network sees, px.", show_default="48")]
Colour = Annotated[
    str, typer.Option("--colour", metavar="grey|rgb", help="What the network sees.", show_default="grey")
]
Network = Annotated[
    str, typer.Option("--network", metavar="NAME", help="What is trained: see facsim models.", show_default="small_cnn")
]
Initial = Annotated[
    list[str] | None,
    typer.Option(
        "--initial",
        metavar="[PART=]PATH",
        help="Weights to start from: a model's folder, or published files of parts; '' for none.",
        show_default="none",
    ),
]
BatchSize = Annotated[int, typer.Option("--batch-size", help="Pictures a step.", show_default="64")]
Rate = Annotated[float, typer.Option("--lr", help="Highest learning rate.", show_default="0.002")]
Smoothing = Annotated[float, typer.Option("--label-smoothing", help="Share of the uniform label.", show_default="0.1")]
Balance = Annotated[
    float, typer.Option("--balance", help="0 draws pictures as they are, 1 every class as often.", show_default="0.5")
]
Strength = Annotated[float, typer.Option("--augmentation", help="Strength, 0 none to 3.", show_default="1")]
Validation = Annotated[
    str,
    typer.Option(
        "--validation",
        metavar="chooser|none",
        help="Hold a tenth out for the curve, or nothing.",
        show_default="chooser",
    ),
]
ValidateOn = Annotated[
    str,
    typer.Option("--validate-on", metavar="SOURCE", help="Hold these pictures out instead.", show_default="none"),
]
Reference = Annotated[
    str,
    typer.Option("--reference", metavar="SOURCE", help="Pictures to align features with.", show_default="none"),
]
Alignment = Annotated[float, typer.Option("--alignment", help="Weight of the alignment in the loss.", show_default="0")]
ActionUnits = Annotated[
    float,
    typer.Option("--action-units", help="Weight of reading action units, too, in the loss.", show_default="0"),
]
LeaksFile = Annotated[
    str,
    typer.Option("--leaks", metavar="FILE", help="Leave out what this file of facsim leaks names.", show_default=False),
]
Precision = Annotated[
    str,
    typer.Option("--precision", metavar="fp32|bf16|fp16", help="What a pass computes in.", show_default="fp32"),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of weights, order and augmentation.", show_default="0")]
Split = Annotated[str, typer.Option("--split", help="Only this split of the source.", show_default="all of it")]


def train(
    context: typer.Context,
    source: Source = "",
    out: Annotated[str, typer.Option("--out", "-o", metavar="MODEL", help="The model's folder.")] = "",
    recipe: Recipe = "",
    show: Annotated[bool, typer.Option("--show", help="Print the recipe and stop.")] = False,
    epochs: Epochs = 0.0,
    size: Size = 0,
    colour: Colour = "",
    network: Network = "",
    initial: Initial = None,
    batch_size: BatchSize = 0,
    lr: Rate = 0.0,
    label_smoothing: Smoothing = 0.0,
    balance: Balance = 0.0,
    augmentation: Strength = 0.0,
    validation: Validation = "",
    validate_on: ValidateOn = "",
    reference: Reference = "",
    alignment: Alignment = 0.0,
    action_units: ActionUnits = 0.0,
    precision: Precision = "",
    leaks: LeaksFile = "",
    seed: Seed = 0,
    split: Split = "",
    time_budget_s: Annotated[
        float, typer.Option("--time-budget-s", help="Stop after so many seconds.", show_default="no limit")
    ] = 0.0,
    threads: Annotated[
        int, typer.Option("--threads", min=0, help="torch's threads.", show_default="torch's choice")
    ] = 0,
    device: Device = "cpu",
    onnx: Annotated[str, typer.Option("--onnx", metavar="FILE", help="Write the model as ONNX too.")] = "",
    require_commercial: RequireCommercial = False,
    json: AsJson = False,
) -> None:
    """Train a classifier on labelled pictures.

    A recipe gives the settings: one of syntfer-ir50, poster-rafdb, poster-affectnet, ir50-scratch, poster-scratch and
    cpu-cnn, or a TOML file with a table [train]; a flag that is given replaces the recipe's value. --show prints it,
    with the source of every number.

    A training that was stopped, by Ctrl-C, a kill or its time budget, goes on where it was when the same command is
    given again, and ends as if it had never stopped. Under torchrun several processes, on one machine or many, train
    as one and give the model that one would, but for rounding, which optimisers like Adam amplify; the first alone
    writes and prints.

    \b
    Examples:
      facsim train runs/quickstart --out models/quickstart
      facsim train faces.zip --out models/faces --epochs 20 --colour rgb --time-budget-s 600
      facsim train faces.zip --out models/faces --leaks pairs.json
      facsim train --recipe syntfer-ir50 --show
      facsim train faces.zip --out models/ir50 --recipe syntfer-ir50 --initial backbone=ir50.pth --device cuda
      torchrun --nproc-per-node 2 -m facsim train faces.zip --out models/faces
    """
    if show:
        _show(recipe, json=json)
        return
    if not (source and out):
        raise typer.BadParameter("give SOURCE and --out MODEL, or --recipe NAME --show")
    check_device(device)
    settings = _settings(context, recipe)
    if require_commercial:
        _check_commercial(settings, source)
    place = {"device": device, "threads": threads or None, "time_budget_s": time_budget_s or None}
    facts = _made(settings, replace(settings.config(), **place), source, split, Path(out))
    if facts is None:
        return
    if onnx:
        facts["onnx"] = _as_onnx(facts.pop("classifier"), onnx)
    facts.pop("classifier", None)
    if json:
        show_json(facts)
    else:
        show_text(_training_text(facts, out))


def _check_commercial(settings: Train, source: str) -> None:
    from facsim.formats.terms import check_commercial
    from facsim.learn.sources import source_terms
    from facsim.learn.standing import training_terms

    check_commercial([*source_terms(source), *training_terms(settings)])


def _show(recipe: str, *, json: bool) -> None:
    from facsim.learn.training_recipes import known_training_recipes, training_recipe_text, training_settings
    from facsim.recipe import settings_of

    if not recipe:
        raise typer.BadParameter(f"--show needs --recipe: {', '.join(known_training_recipes())}, or a file")
    if json:
        show_json({"recipe": recipe, "train": settings_of(training_settings(recipe, {}))})
    else:
        show_text(training_recipe_text(recipe).rstrip("\n"))


_SETTINGS: Mapping[str, str] = {
    "epochs": "epochs",
    "size": "size_px",
    "colour": "colour",
    "network": "network",
    "batch_size": "batch_size",
    "lr": "lr",
    "label_smoothing": "label_smoothing",
    "balance": "balance",
    "augmentation": "augmentation",
    "validation": "validation",
    "validate_on": "validation_set",
    "reference": "reference",
    "alignment": "alignment",
    "leaks": "leaks",
    "action_units": "action_units",
    "precision": "precision",
    "seed": "seed",
}
"""Flag → setting of [train]."""


def _settings(context: typer.Context, recipe: str) -> Train:
    """The recipe's settings with those flags in their place that were given."""
    from facsim.learn.training_recipes import training_settings

    # Compared by name: click has been vendored by typer under another path, and its enumeration with it.
    given = [name for name in context.params if _came_from(context, name) != "DEFAULT"]
    overrides = {_SETTINGS[name]: context.params[name] for name in given if name in _SETTINGS}
    if "initial" in given:
        overrides["initial"] = _initial(context.params["initial"])
    if "network" in given and recipe and "initial" not in given:
        overrides |= {"initial": "", "network_config": {}}  # another network's weights and settings mean nothing
    return training_settings(recipe, overrides)


def _came_from(context: typer.Context, name: str) -> str:
    source = context.get_parameter_source(name)
    return "DEFAULT" if source is None else source.name


def _initial(given: list[str]) -> str | dict[str, str]:
    """A path, or paths by part, of what `--initial` was given."""
    parts = [entry.partition("=") for entry in given]
    if len(given) == 1 and (not parts[0][1] or Path(given[0]).exists()):
        return given[0]
    if not all(name and path for name, _, path in parts):
        raise FacsimError(f"found --initial {' '.join(given)}, expected one path, or PART=PATH for each part")
    return {name: path for name, _, path in parts}


def _made(settings: Train, config: TrainingConfig, source: str, split: str, out: Path) -> dict[str, Any] | None:
    """The facts of the training, with its `classifier`; None in a process that does not lead."""
    from facsim.learn.distributed import joined_team

    leads = os.environ.get("RANK", "0") == "0"
    with joined_team(device=config.device) as team, progress_shown() if leads else nullcontext(_untold) as on_progress:
        pictures = _pictures(settings, source, split, on_progress)
        done = _trained(settings, pictures, config, out, on_progress, team)
    if not leads:
        return None
    facts = {**_training_facts(done), "pictures": len(pictures), "left_out": dict(pictures.left_out)}
    if absent := done.classifier.provenance.get("classes_without_pictures"):
        tell(f"warning: no picture shows {', '.join(absent)}: the model knows the name and nothing else of it")
        facts["classes_without_pictures"] = absent
    return {**facts, "classifier": done.classifier}


def _untold(progress: Any) -> None:
    pass


def _pictures(settings: Train, source: str, split: str, on_progress: OnProgress) -> Any:
    units = settings.action_units > 0
    return settings.kept(read_shown(source, settings.shape(), on_progress, split=split, units=units))


def _trained(
    settings: Train, pictures: Any, config: TrainingConfig, out: Path, on_progress: OnProgress, team: Team
) -> TrainedModel:
    from facsim.learn.product import load_beside
    from facsim.learn.train import train as train_classifier
    from facsim.products import Progress

    def told(step: int, total: int, rate: float, loss: float) -> None:
        note = f"loss {loss:.3f}, {rate:.0f} pictures/s"
        on_progress(Progress(step="train", done=step, total=total, unit="steps", note=note))

    beside = load_beside(settings, pictures)
    return train_classifier(
        pictures,
        config,
        out=out,
        on_progress=told,
        validation=beside.validation,
        reference=beside.reference,
        team=team,
    )


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
        "selected_on": done.classifier.provenance["selected_on"],
        "stands_on": done.classifier.provenance.get("stands_on"),
        "validation": dict(validated[-1]) if validated else None,
    }


def _training_text(facts: dict[str, Any], out: str) -> str:
    lines = [("model", facts["model"]), ("steps", f"{facts['step']} of {facts['total_steps']}")]
    lines += [("pictures", f"{facts['pictures']}{_left_out_text(facts['left_out'])}")]
    lines += [("stands on", words) for words in _standing_words(facts["stands_on"])]
    if found := facts["validation"]:
        lines += [("held out", f"accuracy {found['validation_accuracy']:.3f}, UAR {found['validation_uar']:.3f}")]
    if facts["stopped"] != "finished":
        lines += [("next", "the time budget ended it: give the same command again to go on")]
    else:
        lines += [("next", f"facsim evaluate {out} --on FACES")]
    return table_text(lines)


def _standing_words(stands_on: Sequence[Mapping[str, str]] | None) -> list[str]:
    if stands_on is None:
        return ["pictures or weights on whose terms nobody said anything"]
    return [standing_text(entry) for entry in stands_on] or ["facsim's own renders and models alone"]


def _left_out_text(left_out: dict[str, int]) -> str:
    return f"; left out: {counts_text(left_out)}" if left_out else ""


def _as_onnx(classifier: Classifier, path: str) -> str:
    from facsim.learn.onnx import export_onnx

    return str(export_onnx(classifier, path))
