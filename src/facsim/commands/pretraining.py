"""`facsim pretrain`, `captions` and `contrast`: learning from pictures without labels, and from pictures with texts."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import counts_text, progress_shown, show_json, show_text, table_text
from facsim.commands.options import AsJson, Device, check_device
from facsim.commands.reading import read_shown, told_decoded
from facsim.errors import FacsimError

if TYPE_CHECKING:
    from facsim.learn.contrastive import TrainedImageText
    from facsim.learn.data import Pictures, PictureShape
    from facsim.learn.selfsupervised.pretraining import PretrainedBackbone
    from facsim.products import OnProgress

__all__ = ["captions", "contrast", "network_settings", "pretrain"]

NetworkConfig = Annotated[
    str, typer.Option("--network-config", metavar="JSON", help="Fields of the network's configuration.")
]
Size = Annotated[int, typer.Option("--size", help="Side of what the network sees, px.")]
Colour = Annotated[str, typer.Option("--colour", metavar="grey|rgb", help="What the network sees.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of weights, order, views and whatever else is drawn.")]
Budget = Annotated[float, typer.Option("--time-budget-s", help="Stop after so many seconds.", show_default="no limit")]
Threads = Annotated[int, typer.Option("--threads", min=0, help="torch's threads.", show_default="torch's choice")]
Detail = Annotated[
    str, typer.Option("--detail", metavar="mixed|brief|medium|full", help="How much of a row a caption says.")
]
Precision = Annotated[str, typer.Option("--precision", metavar="fp32|bf16", help="What the networks compute in.")]
PerPicture = Annotated[int, typer.Option("--per-picture", min=1, help="Captions of each picture.")]


# pretrain


def pretrain(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="What to learn from; what else `train` reads.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", help="The backbone's folder.")],
    method: Annotated[
        str, typer.Option("--method", metavar="simclr|byol|moco-v3|mae", help="How to learn.")
    ] = "simclr",
    network: Annotated[
        str, typer.Option("--network", help="The architecture.", show_default="small_cnn; vit for mae")
    ] = "",
    network_config: NetworkConfig = "{}",
    epochs: Annotated[float, typer.Option("--epochs", help="How often each picture is seen.")] = 100.0,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Pictures a step.")] = 256,
    optimiser: Annotated[str, typer.Option("--optimiser", metavar="adamw|lars", help="How weights move.")] = "adamw",
    lr: Annotated[float, typer.Option("--lr", help="Highest learning rate.")] = 1e-3,
    weight_decay: Annotated[float, typer.Option("--weight-decay", help="Decay of weights.")] = 0.05,
    temperature: Annotated[
        float, typer.Option("--temperature", help="Of simclr and moco-v3.", show_default="the method's")
    ] = 0.0,
    momentum: Annotated[
        float, typer.Option("--momentum", help="First momentum of byol's and moco-v3's targets.", show_default="0.99")
    ] = -1.0,
    masked: Annotated[
        float, typer.Option("--masked", help="Share of patches that mae hides.", show_default="0.75")
    ] = 0.0,
    size: Size = 48,
    colour: Colour = "grey",
    split: Annotated[
        list[str] | None,
        typer.Option("--split", help="Only this split; once for all sources, or once each (all: the whole source)."),
    ] = None,
    precision: Precision = "fp32",
    seed: Seed = 0,
    time_budget_s: Budget = 0.0,
    threads: Threads = 0,
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Pre-train a backbone on pictures, without their labels.

    A training that was stopped, by Ctrl-C, a kill or its time budget, goes on where it was when the same command is
    given again, and ends as if it had never stopped. What it is worth `facsim probe` and `facsim few-shot` say.

    \b
    Examples:
      facsim pretrain runs/faces --method simclr --out models/simclr
      facsim pretrain runs/faces fer2013.csv --split all --split Training --method moco-v3 --out models/both
      facsim pretrain runs/faces --method mae --epochs 400 --out models/mae
    """
    from facsim.learn.selfsupervised.loop import Optimisation
    from facsim.learn.selfsupervised.pretraining import PretrainingConfig, method_named
    from facsim.learn.selfsupervised.pretraining import pretrain as pretrained

    check_device(device)
    asked = {
        "temperature": temperature or None,
        "momentum": None if momentum < 0 else momentum,
        "masked": masked or None,
    }
    config = PretrainingConfig(
        method=method_named(method, **_method_settings(method, asked)),
        network=network or ("vit" if method == "mae" else "small_cnn"),
        network_config=network_settings(network_config),
        epochs=epochs,
        batch_size=batch_size,
        optimisation=Optimisation(optimiser=optimiser, lr=lr, weight_decay=weight_decay),
        precision=precision,
        seed=seed,
        threads=threads or None,
        device=device,
        time_budget_s=time_budget_s or None,
    )
    with progress_shown() as on_progress:
        pictures = _unlabelled(sources, _splits(split or [], len(sources)), size, colour, on_progress)
        done = pretrained(pictures, config, out=out, on_steps=_told("pretrain", on_progress))
    facts = {**_pretraining_facts(done), "pictures": len(pictures), "left_out": dict(pictures.left_out)}
    if json:
        show_json(facts)
    else:
        show_text(_pretraining_text(facts, out))


def network_settings(text: str) -> dict[str, Any]:
    """The fields of a network's configuration, from a JSON object. Raises FacsimError for anything else."""
    try:
        found = json_text.loads(text)
    except ValueError as error:
        raise FacsimError(
            f'--network-config: "{text}" is not JSON ({error}); expected such as {{"width": 96}}'
        ) from None
    if not isinstance(found, dict):
        raise FacsimError(f'--network-config: found {text}, expected a JSON object such as {{"width": 96}}')
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def _method_settings(method: str, asked: dict[str, float | None]) -> dict[str, float]:
    """Those of the options that this method has. Raises FacsimError for one given that it has not."""
    own = {
        "simclr": ("temperature",),
        "byol": ("momentum",),
        "moco-v3": ("temperature", "momentum"),
        "mae": ("masked",),
    }
    given = {name: value for name, value in asked.items() if value is not None}
    foreign = [name for name in given if name not in own.get(method, given)]
    if foreign:
        raise FacsimError(f"--{foreign[0]} was given and {method} has none; leave it out")
    return given


def _splits(given: list[str], count: int) -> list[str | None]:
    if len(given) not in (0, 1, count):
        raise FacsimError(f"found {len(given)} splits for {count} sources, expected none, one, or one each")
    each = given * count if len(given) == 1 else given or ["all"] * count
    return [None if name in ("", "all") else name for name in each]


def _unlabelled(
    sources: list[str], splits: list[str | None], size_px: int, colour: str, on_progress: OnProgress
) -> Pictures:
    from facsim.learn.selfsupervised.unlabelled import load_unlabelled, together
    from facsim.products import Progress

    parts: list[Pictures] = []
    for place, (source, split) in enumerate(zip(sources, splits, strict=True)):
        on_progress(Progress(step="reading", done=place, total=len(sources), unit="sources"))
        told = told_decoded(f"reading {source}", on_progress)
        parts.append(load_unlabelled(source, size_px=size_px, colour=colour, split=split, on_decoded=told))
    count = sum(len(part) for part in parts)
    on_progress(
        Progress(step="reading", done=len(sources), total=len(sources), unit="sources", note=f"{count} pictures")
    )
    return together(parts)


def _told(step: str, on_progress: OnProgress) -> Any:
    from facsim.products import Progress

    def told(done: int, total: int, rate: float, loss: float) -> None:
        note = f"loss {loss:.3f}, {rate:.0f} pictures/s"
        on_progress(Progress(step=step, done=done, total=total, unit="steps", note=note))

    return told


def _pretraining_facts(done: PretrainedBackbone) -> dict[str, Any]:
    return {
        "model": str(done.folder),
        "method": done.backbone.provenance["method"],
        "stopped": done.stopped,
        "step": done.step,
        "total_steps": done.total_steps,
        "seconds": round(done.seconds, 1),
        "weights_sha256": done.backbone.sha256,
        "pictures_fingerprint": done.backbone.provenance["pictures_fingerprint"],
        "seed": done.backbone.provenance["config"]["seed"],
        "collapsed": done.collapsed,
        "last": dict(done.curve[-1]) if done.curve else None,
    }


def _pretraining_text(facts: dict[str, Any], out: Path) -> str:
    left_out = f"; left out: {counts_text(facts['left_out'])}" if facts["left_out"] else ""
    lines = [("backbone", facts["model"]), ("steps", f"{facts['step']} of {facts['total_steps']}")]
    lines += [("pictures", f"{facts['pictures']}{left_out}")]
    if last := facts["last"]:
        lines += [("last", f"loss {last['loss']:.3f}, spread of features {last['spread']:.2f} (0 collapsed, 1 even)")]
    if facts["collapsed"]:
        lines += [("warning", "the features have collapsed to nearly one point; lower lr, or raise the momentum")]
    unfinished = "the time budget ended it: give the same command again to go on"
    lines += [
        ("next", f"facsim probe {out} --train FACES --on FACES" if facts["stopped"] == "finished" else unfinished)
    ]
    return table_text(lines)


# captions


def captions(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")],
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="Where they go: a name in .jsonl or .parquet.")
    ],
    per_picture: PerPicture = 1,
    detail: Detail = "mixed",
    seed: Annotated[int, typer.Option("--seed", help="Seed of what is said and how.")] = 0,
    json: AsJson = False,
) -> None:
    """Write captions of a run's pictures, from their labels.

    A caption says some of what is known of a row, in words: expression, action units with strength and side, apparent
    age and gender, skin, pose, gaze, light, and what is worn or held. All of it is true of the row. A line or row
    each: sample_id, number, caption.

    \b
    Example:
      facsim captions runs/quickstart --per-picture 4 --out captions.jsonl
    """
    from facsim.dataset import open_dataset
    from facsim.learn.captioned import run_captions, write_captions

    made = run_captions(open_dataset(run), per_picture=per_picture, seed=seed, detail=detail)
    count = write_captions(out, made)
    facts = {"run": run, "captions": out, "count": count, "pictures": len(made), "seed": seed, "detail": detail}
    if json:
        show_json(facts)
    else:
        example = next(iter(made.values()), ("",))[0]
        show_text(
            table_text([("captions", f"{out}: {count} captions of {len(made)} pictures"), ("the first", example)])
        )


# contrast


def contrast(
    source: Annotated[str, typer.Argument(metavar="RUN", help="A run folder; with --captions, what `train` reads.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", help="The model's folder.")],
    captions_file: Annotated[
        str,
        typer.Option("--captions", metavar="FILE", help="Captions to use.", show_default="made of the run's labels"),
    ] = "",
    per_picture: PerPicture = 8,
    detail: Detail = "mixed",
    network: Annotated[str, typer.Option("--network", help="The picture tower's architecture.")] = "small_cnn",
    network_config: NetworkConfig = "{}",
    epochs: Annotated[float, typer.Option("--epochs", help="How often each picture is seen.")] = 30.0,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Pictures a step.")] = 128,
    lr: Annotated[float, typer.Option("--lr", help="Highest learning rate.")] = 1e-3,
    validation: Annotated[
        str, typer.Option("--validation", metavar="chooser|none", help="Hold a tenth out for retrieval, or nothing.")
    ] = "chooser",
    size: Size = 48,
    colour: Colour = "grey",
    precision: Precision = "fp32",
    seed: Seed = 0,
    time_budget_s: Budget = 0.0,
    threads: Threads = 0,
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Train a model of pictures and texts on captions.

    It says what text-picture pairs are worth: recall at 1, 5 and 10 both ways on the people held out, and, with
    `facsim zero-shot`, recognition of expressions elsewhere. MODEL/backbone is the picture tower, for `facsim probe`.
    Given again, the same command goes on where it was.

    \b
    Examples:
      facsim contrast runs/faces --out models/captions
      facsim contrast runs/faces --captions mine.jsonl --colour rgb --out models/mine
    """
    from facsim.learn.contrastive import ContrastiveConfig
    from facsim.learn.contrastive import contrast as contrasted
    from facsim.learn.data import PictureShape
    from facsim.learn.selfsupervised.loop import Optimisation

    check_device(device)
    config = ContrastiveConfig(
        network=network,
        network_config=network_settings(network_config),
        epochs=epochs,
        batch_size=batch_size,
        optimisation=Optimisation(lr=lr, clip=1.0, betas=(0.9, 0.98)),
        validation=validation,
        precision=precision,
        seed=seed,
        threads=threads or None,
        device=device,
        time_budget_s=time_budget_s or None,
    )
    with progress_shown() as on_progress:
        asked, shape = {"per_picture": per_picture, "detail": detail}, PictureShape(size_px=size, colour=colour)
        made = _captioned(source, captions_file, shape, asked, on_progress)
        done = contrasted(made, config, out=out, on_steps=_told("contrast", on_progress))
    facts = {**_contrast_facts(done), "pictures": len(made), "left_out": dict(made.pictures.left_out)}
    if json:
        show_json(facts)
    else:
        show_text(_contrast_text(facts, out))


def _captioned(
    source: str, captions_file: str, shape: PictureShape, settings: dict[str, Any], on_progress: OnProgress
) -> Any:
    from facsim.dataset import open_dataset
    from facsim.learn.captioned import joined, read_captions, run_captions

    texts = read_captions(captions_file) if captions_file else run_captions(open_dataset(source), **settings)
    return joined(read_shown(source, shape, on_progress), texts)


def _contrast_facts(done: TrainedImageText) -> dict[str, Any]:
    provenance = done.model.provenance
    return {
        "model": str(done.folder),
        "stopped": done.stopped,
        "step": done.step,
        "total_steps": done.total_steps,
        "seconds": round(done.seconds, 1),
        "weights_sha256": done.model.sha256,
        "pictures_fingerprint": provenance["pictures_fingerprint"],
        "captions_fingerprint": provenance["captions_fingerprint"],
        "seed": provenance["config"]["seed"],
        "words": len(done.model.vocabulary.words),
        "held_out": None if done.held_out is None else dict(done.held_out),
    }


def _contrast_text(facts: dict[str, Any], out: Path) -> str:
    lines = [("model", facts["model"]), ("steps", f"{facts['step']} of {facts['total_steps']}")]
    lines += [("pictures", str(facts["pictures"]))]
    if held := facts["held_out"]:
        for way, words in (("picture_to_text", "picture to text"), ("text_to_picture", "text to picture")):
            shares = ", ".join(
                f"{name.removeprefix('recall_at_')}: {share['value']:.3f}" for name, share in held[way].items()
            )
            lines += [(f"{words}, recall at", f"{shares} (of {held['gallery']})")]
    unfinished = "the time budget ended it: give the same command again to go on"
    lines += [("next", f"facsim zero-shot {out} --on FACES" if facts["stopped"] == "finished" else unfinished)]
    return table_text(lines)
