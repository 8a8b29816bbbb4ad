"""`facsim probe`, `few-shot` and `zero-shot`: what a backbone, or a model of pictures and texts, is worth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import progress_shown, show_json, show_text, table_text
from facsim.commands.evaluation_text import seen_text
from facsim.commands.options import AsJson, Device, check_device
from facsim.commands.reading import read_shown
from facsim.errors import FacsimError

if TYPE_CHECKING:
    from facsim.learn.data import Pictures
    from facsim.learn.few_shot import FewShot, FewShotSize
    from facsim.learn.probing import Probed
    from facsim.learn.zero_shot import ImageTextModel
    from facsim.models.backbones import Backbone
    from facsim.products import OnProgress

__all__ = ["few_shot", "probe", "zero_shot"]

_SOURCE = "A run folder, a class folder or its archive, FER2013's CSV, or Parquet."

Model = Annotated[str, typer.Argument(metavar="MODEL", help="A folder that facsim pretrain, contrast or train wrote.")]
TrainOn = Annotated[str, typer.Option("--train", metavar="SOURCE", help=f"Where labels come from. {_SOURCE}")]
TestOn = Annotated[str, typer.Option("--on", metavar="SOURCE", help=f"What to test on. {_SOURCE}")]
TrainSplit = Annotated[str, typer.Option("--train-split", help="Only this split of --train.", show_default="all of it")]
Split = Annotated[str, typer.Option("--split", help="Only this split of --on.", show_default="all of it")]
Shared = Annotated[bool, typer.Option("--shared", help="Where the classes differ, keep to those that both have.")]


# probe


def probe(
    model: Model,
    train: TrainOn,
    on: TestOn,
    train_split: TrainSplit = "",
    split: Split = "",
    shared: Shared = False,
    kinds: Annotated[
        str, typer.Option("--kind", metavar="KIND,...", help="Of linear, nearest-mean and knn.")
    ] = "linear,nearest-mean,knn",
    penalty: Annotated[
        float,
        typer.Option("--penalty", help="Of the linear probe.", show_default="chosen on a tenth of --train"),
    ] = 0.0,
    metric: Annotated[
        str, typer.Option("--metric", metavar="cosine|euclidean", help="Of the nearest mean.")
    ] = "cosine",
    neighbours: Annotated[int, typer.Option("--neighbours", min=1, help="Of knn.")] = 20,
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Test a frozen backbone by simple classifiers on its features.

    The network is not trained. Gives accuracy, UAR and macro F1, each with its n and a 95 % bootstrap interval over
    test pictures, and how many test pictures the probe or the backbone has seen.

    \b
    Examples:
      facsim probe models/simclr --train runs/faces --on fer2013.csv --split PublicTest
      facsim probe models/simclr --train fer2013.csv --train-split Training --on fer2013.csv --split PublicTest --json
    """
    from facsim.learn.leaks import load_seen
    from facsim.learn.probing import ProbeSettings
    from facsim.learn.probing import probe as probed
    from facsim.models.backbones import load_backbone

    check_device(device)
    asked = [
        ProbeSettings(kind=kind, penalty=penalty or None, metric=metric, neighbours=neighbours)
        for kind in _listed(kinds)
    ]
    backbone = load_backbone(_backbone_folder(model), device=device)
    with progress_shown() as on_progress:
        training, test = _both(backbone, (train, train_split), (on, split), on_progress, shared=shared)
        seen = load_seen(_backbone_folder(model))
        found = [probed(backbone, training, test, settings=one, seen=seen, split=split) for one in asked]
    if json:
        show_json({"model": model, "train": train, "on": on, "probes": [one.to_json() for one in found]})
    else:
        show_text(_probe_text(found))


def _probe_text(found: list[Probed]) -> str:
    rows = [["probe", "accuracy (WAR)", "UAR", "macro F1"]]
    for one in found:
        measured = one.evaluation
        rows.append([one.settings.kind, str(measured.accuracy), str(measured.uar), str(measured.macro_f1)])
    lines = [table_text(rows)]
    seen = found[0].evaluation.seen
    if seen is not None and (seen.count or seen.near):
        near = f", {seen.near} are near-duplicates of such" if seen.near else ""
        lines += ["", f"{seen.count} test pictures are among --train's{near}; --json has the figures without them"]
    if found[0].seen_unlabelled or found[0].near_unlabelled:
        near = f", and nearly on {found[0].near_unlabelled} more" if found[0].near_unlabelled else ""
        lines += ["", f"the backbone was trained on {found[0].seen_unlabelled} of the test pictures{near}"]
    return "\n".join(lines)


# few-shot


def few_shot(
    model: Model,
    train: TrainOn,
    on: TestOn,
    train_split: TrainSplit = "",
    split: Split = "",
    shared: Shared = False,
    shots: Annotated[
        str, typer.Option("--shots", metavar="K,...", help="Labelled pictures a class.")
    ] = "1,5,10,20,50,100",
    per_cent: Annotated[
        str, typer.Option("--per-cent", metavar="P,...", help="Per cent of each class, beside the shots.")
    ] = "",
    classifiers: Annotated[
        str,
        typer.Option("--classifier", metavar="NAME,...", help="Of linear, nearest-mean and nearest-mean-euclidean."),
    ] = "linear,nearest-mean",
    episodes: Annotated[int, typer.Option("--episodes", min=1, help="Draws of labelled pictures.")] = 100,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the draws.")] = 0,
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Test a frozen backbone with a few labelled pictures a class.

    Each episode draws its labelled pictures from --train and is tested on all of --on. Gives the mean over episodes
    with two 95 % intervals: over the draws of labelled pictures, and over test pictures; and what a single draw may
    give. Pictures of --train that are among the test pictures, or near-duplicates of them, are left out, and counted.

    \b
    Examples:
      facsim few-shot models/simclr --train fer2013.csv --train-split Training --on fer2013.csv --split PublicTest
      facsim few-shot models/simclr --train runs/faces --on faces.zip --shots 1,5,10 --episodes 100 --json
    """
    from facsim.learn.leaks import load_seen
    from facsim.models.backbones import load_backbone

    check_device(device)
    sizes = _sizes(shots, per_cent)
    backbone = load_backbone(_backbone_folder(model), device=device)
    with progress_shown() as on_progress:
        training, test = _both(backbone, (train, train_split), (on, split), on_progress, shared=shared)
        pool, barred = _without(training, test)
        seen, near = load_seen(_backbone_folder(model)).counts(test)
        settings = {"episodes": episodes, "seed": seed}
        found = _few_shots(backbone, pool, test, (sizes, _listed(classifiers)), settings, on_progress)
    facts = {
        "model": model,
        "train": train,
        "on": on,
        **_few_shot_facts(backbone, pool, test, split),
        "left_out_of_pool": sum(barred),
        "near_left_out_of_pool": barred[1],
        "seen_by_backbone": seen,
        "near_seen_by_backbone": near,
        "results": [one.to_json() for one in found],
    }
    if json:
        show_json(facts)
    else:
        show_text(_few_shot_text(found, barred))


def _sizes(shots: str, per_cent: str) -> list[FewShotSize]:
    from facsim.learn.few_shot import FewShotSize

    counts = [_number(text, "--shots") for text in _listed(shots)]
    if broken := [count for count in counts if count != int(count)]:
        raise FacsimError(f"--shots: {broken[0]:g} is not a whole number; expected such as 1,5,10")
    shares = [FewShotSize(per_cent=_number(text, "--per-cent")) for text in _listed(per_cent)]
    return [*(FewShotSize(shots=int(count)) for count in counts), *shares]


def _few_shots(
    backbone: Backbone,
    pool: Pictures,
    test: Pictures,
    asked: tuple[list[FewShotSize], list[str]],
    settings: dict[str, int],
    on_progress: OnProgress,
) -> list[FewShot]:
    from facsim.learn.few_shot import LabelledFeatures, check_pool
    from facsim.learn.few_shot import few_shot as tested
    from facsim.learn.probes import extract_features
    from facsim.products import Progress

    known, shown = (
        LabelledFeatures(values=extract_features(backbone, part), labels=part.labels, classes=part.classes)
        for part in (pool, test)
    )
    for size in asked[0]:  # all of them before any work
        check_pool(known.places, size, classes=known.classes)
    every = [(size, name) for size in asked[0] for name in asked[1]]
    found: list[FewShot] = []
    for done, (size, name) in enumerate(every):
        on_progress(Progress(step="few-shot", done=done, total=len(every), unit="rows", note=f"{size}, {name}"))
        found.append(tested(known, shown, size, classifier=name, **settings))
    on_progress(Progress(step="few-shot", done=len(every), total=len(every), unit="rows"))
    return found


def _few_shot_facts(backbone: Backbone, pool: Pictures, test: Pictures, split: str) -> dict[str, Any]:
    from facsim.learn.evaluate import facts_of
    from facsim.learn.probing import described_backbone
    from facsim.provenance import fingerprint_of

    return {
        "backbone": described_backbone(backbone),
        **facts_of(backbone, split=split),
        "classes": list(test.classes),
        "label_set": fingerprint_of(list(test.classes)),
        "pool": {"fingerprint": pool.fingerprint, "origin": pool.origin, "pictures": len(pool)},
        "test": {"fingerprint": test.fingerprint, "origin": test.origin, "pictures": len(test)},
    }


def _few_shot_text(found: list[FewShot], barred: tuple[int, int]) -> str:
    rows = [["labelled", "classifier", "accuracy", "over draws", "over pictures", "one draw", "UAR"]]
    for one in found:
        figure = one.accuracy
        pairs = (figure.over_episodes, figure.over_pictures, figure.single)
        rows.append(
            [
                f"{one.size} ({one.labelled})",
                one.classifier,
                f"{figure.mean:.4f}",
                *(f"{low:.4f}–{high:.4f}" for low, high in pairs),
                f"{one.uar.mean:.4f}",
            ]
        )
    lines = [table_text(rows), "", f"means over {found[0].episodes} draws; intervals of 95 %; n = {found[0].n:,}"]
    if any(barred):
        lines += [
            f"{barred[0]} pictures of --train are among the test pictures and {barred[1]} nearly, and were left out"
        ]
    return "\n".join(lines)


# zero-shot


def zero_shot(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A folder of facsim contrast's, or of a CLIP-style model.")
    ],
    on: TestOn,
    split: Split = "",
    shared: Shared = False,
    prompts: Annotated[
        str, typer.Option("--prompts", metavar="names|action-units|both", help="What the classes' texts say.")
    ] = "names",
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Recognise expressions by texts of names or action units.

    Nothing is trained on labelled pictures. MODEL is a folder that `facsim contrast` wrote, or a local folder of a CLIP
    or SigLIP model as `transformers` saves it (`pip install "facsim[clip]"`); nothing is downloaded.

    \b
    Examples:
      facsim zero-shot models/captions --on fer2013.csv --split PublicTest --prompts both
      facsim zero-shot clip-vit-base-patch32 --on faces.zip --json
    """
    from facsim.learn.data import of_classes
    from facsim.learn.leaks import load_seen
    from facsim.learn.zero_shot import worded_classes
    from facsim.learn.zero_shot import zero_shot as tested

    check_device(device)
    held = _image_text_model(model, device)
    with progress_shown() as on_progress:
        pictures = read_shown(on, held.shape, on_progress, split=split)
        if shared:
            known = worded_classes(held, pictures.classes, kind=prompts)
            pictures = of_classes(pictures, known, reason="class_unknown_to_model")
        found = tested(held, pictures, kind=prompts, seen=load_seen(model), split=split)
    if json:
        show_json({"model_folder": model, "on": on, **found.to_json()})
        return
    measured = found.evaluation
    lines = [("accuracy (WAR)", measured.accuracy), ("UAR", measured.uar), ("macro F1", measured.macro_f1)]
    texts = sum(len(held) for held in found.prompts.values())
    lines += [("texts", f"{texts} for {len(found.prompts)} classes; {len(found.unknown)} have words unknown to MODEL")]
    seen = seen_text(measured.to_json()["seen_in_training"])
    show_text(f"{table_text(lines)}\n\n{seen}")


def _image_text_model(path: str, device: str) -> ImageTextModel:
    from facsim.learn.clip_models import load_clip
    from facsim.learn.contrastive import CaptionModel
    from facsim.models.image_text import is_image_text, load_image_text

    return (
        CaptionModel(model=load_image_text(path, device=device))
        if is_image_text(path)
        else load_clip(path, device=device)
    )


# what they share


def _backbone_folder(model: str) -> str:
    """A model of pictures and texts stands for its picture tower."""
    from pathlib import Path

    from facsim.learn.contrastive import BACKBONE_FOLDER
    from facsim.models.image_text import is_image_text

    return str(Path(model) / BACKBONE_FOLDER) if is_image_text(model) else model


def _both(
    backbone: Backbone,
    train: tuple[str, str],
    test: tuple[str, str],
    on_progress: OnProgress,
    *,
    shared: bool,
) -> tuple[Pictures, Pictures]:
    """Training and test pictures, as the backbone reads them: the latter by the former's classes, or, `shared`, both by
    those that both have pictures of."""
    from facsim.learn.data import PictureShape

    asked = PictureShape(size_px=backbone.preprocessing.size_px, colour=backbone.preprocessing.colour)
    training = read_shown(train[0], asked, on_progress, split=train[1])
    if not shared:
        return training, read_shown(test[0], asked, on_progress, split=test[1], classes=training.classes)
    return _of_shared(training, read_shown(test[0], asked, on_progress, split=test[1]))


def _of_shared(training: Pictures, test: Pictures) -> tuple[Pictures, Pictures]:
    from facsim.learn.data import of_classes

    found = [set(part.labels) for part in (training, test)]
    both = tuple(name for name in training.classes if all(name in held for held in found))
    if len(both) < 2:
        known = ", ".join(sorted(found[0])), ", ".join(sorted(found[1]))
        raise FacsimError(f"--train shows {known[0]}, --on {known[1]}; expected at least two classes that both show")
    kept = [of_classes(part, both, reason="class_not_shared") for part in (training, test)]
    return kept[0], kept[1]


def _without(training: Pictures, test: Pictures) -> tuple[Pictures, tuple[int, int]]:
    """Training pictures that are not the test's, and how many are, and how many others are near-duplicates of such."""
    from facsim.learn.data import take
    from facsim.learn.leaks import near_pool, seen_in

    shared = seen_in(training.hashes, test.hashes)
    near = near_pool(training, test) & ~shared
    if (shared | near).all():
        raise FacsimError(f"all {len(training)} pictures of --train are among the test pictures; draw from others")
    return take(training, ~(shared | near)), (int(shared.sum()), int(near.sum()))


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(text: str, option: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FacsimError(f'{option}: "{text}" is not a number; expected such as 1,5,10')
    return number
