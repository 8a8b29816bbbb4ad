"""Cells: one training each, in a folder named by a fingerprint of its settings and data, with its scores on every test.

    cells/<fingerprint>/model/            the model, as `train` saves it, resumable
                        tests/<test>.npz  scores on a test, by the fingerprint of the test's pictures
                        cell.json         written last: the cell is finished

A cell that is finished is found again, whatever protocol asks for it; a killed one goes on. Cells are independent, so
`--shard i/n` gives them to processes and machines that share the folder; two that need the same cell wait for one
another.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from facsim.errors import FacsimError, ManifestError, RecipeError, hint_nearest
from facsim.expressions import positions_in
from facsim.learn.augment import scaled_augmentation
from facsim.learn.data import Pictures
from facsim.learn.evaluate import PREPROCESSING_VERSION
from facsim.learn.leaks import load_seen
from facsim.learn.predict import predict
from facsim.learn.protocols.holding import held_folder
from facsim.learn.protocols.learners import LEARNERS, Material
from facsim.learn.protocols.recipe import ProtocolRecipe
from facsim.learn.protocols.results import TestFacts, Training
from facsim.learn.protocols.sets import Shelf
from facsim.learn.train import TrainedModel
from facsim.learn.training_config import TrainingConfig
from facsim.learn.training_recipes import known_training_recipes, training_settings
from facsim.learn.yardstick import YARDSTICK
from facsim.models.classifier import Classifier, architecture_of
from facsim.models.weights import WEIGHTS_FILE, load_classifier, write_whole
from facsim.products import OnProgress, Progress
from facsim.provenance import fingerprint_of
from facsim.recipe import build_settings, settings_of

__all__ = [
    "CELL_FILE",
    "Bench",
    "Cell",
    "Scored",
    "cell_model",
    "finished_cell",
    "score_cell",
    "test_facts",
    "training_config",
]

CELL_FILE = "cell.json"
_CELL_VERSION = 1  # of what a cell is a function of; another number trains every cell anew
_YARDSTICK = "yardstick"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A training to be: of a row, for a seed, on what `material` gives when it is called.

    `train` are settings over the recipe's [train]; group and x say which point of the figure the row is (x None: the
    number of pictures trained on). `learner` is a name in `facsim.learn.protocols.learners.LEARNERS`.
    """

    row: str
    set: str
    seed: int
    material: Callable[[], Material]
    train: Mapping[str, Any] = field(default_factory=dict[str, Any])
    group: str = ""
    x: float | None = None
    learner: str = "train"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where a protocol works: its recipe, its pictures, its folder and its device."""

    recipe: ProtocolRecipe
    shelf: Shelf
    out: Path
    device: str = "cpu"
    threads: int | None = None
    on_progress: OnProgress


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Scores float32 (N, C) on a test, in the order of its classes.

    seen: which of its pictures were trained on, bool (N,) (equal pixels), near: or are near-duplicates of such
    (`facsim.learn.signatures`); None where the model does not say.
    """

    scores: NDArray[np.float32]
    seen: NDArray[np.bool_] | None
    near: NDArray[np.bool_] | None


def training_config(recipe: ProtocolRecipe, changed: Mapping[str, Any], *, seed: int) -> TrainingConfig:
    """The training's settings: those that `[train] use` names, the recipe's over them, `changed` over those.

    `use` is "yardstick", or a training recipe by name or path (`facsim.learn.training_recipes`), whose pictures must be
    those of the protocol's [pictures].
    `augmentation` may be a strength, 0 to 3. Raises RecipeError for an unknown or impossible setting.
    """
    asked = {**recipe.train, **changed}
    base = settings_of(_base_config(recipe, str(asked.pop("use", _YARDSTICK))))
    for key in ("seed", "threads", "device", "time_budget_s"):
        if key in asked:
            raise RecipeError(f"train.{key} is not the recipe's to say; give seeds, --threads and --device")
    for one, other in (("steps", "epochs"), ("epochs", "steps")):
        if one in asked:
            base.pop(other, None)
    if isinstance(asked.get("augmentation"), int | float):
        asked["augmentation"] = settings_of(scaled_augmentation(float(asked["augmentation"])))
    try:
        return replace(build_settings(TrainingConfig, {**base, **asked}, "train"), seed=seed)
    except FacsimError as error:
        raise RecipeError(f"train: {error}") from None


def _base_config(recipe: ProtocolRecipe, use: str) -> TrainingConfig:
    if use == _YARDSTICK:
        return YARDSTICK
    named = use in known_training_recipes()
    if not named and not use.endswith(".toml"):
        raise RecipeError(f'train.use is "{use}".{hint_nearest(use, (_YARDSTICK, *known_training_recipes()))}')
    found = training_settings(use if named else recipe.place(use), {})
    if found.shape() != recipe.shape:
        raise RecipeError(
            f'train.use = "{use}" is for {found.shape()} and [pictures] asks for {recipe.shape}; put the size_px and '
            "colour of the training recipe there"
        )
    return found.config()


def finished_cell(bench: Bench, cell: Cell, tests: Mapping[str, Pictures]) -> Training:
    """The cell's facts: trained and scored on `tests` now, or found finished."""
    material = cell.material()
    config = replace(
        training_config(bench.recipe, cell.train, seed=cell.seed),
        device=bench.device,
        threads=bench.threads or YARDSTICK.threads,
    )
    folder = bench.out / "cells" / _fingerprint(cell, config, material)[:20]
    with held_folder(folder, bench.on_progress):
        done = _read_cell(folder) or _trained(bench, cell, material, config, folder)
        _score(bench, folder, tests)
    # Another row may have trained the same cell of a set by another name, or of a quota that it did not fill.
    return replace(done, set=cell.set, **_told_of(material))


def cell_model(bench: Bench, training: Training) -> Path:
    """The folder of a finished cell's model."""
    return bench.out / "cells" / training.id / "model"


def score_cell(bench: Bench, training: Training, test: Pictures) -> Scored:
    """A finished cell's scores on a test that it was given. Raises ManifestError where they are damaged or absent."""
    file = _scores_file(bench.out / "cells" / training.id, test)
    try:
        with np.load(file, allow_pickle=False) as held:
            scores, seen, near = held["scores"], held["seen"], held["near"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ManifestError(f"{file} cannot be read ({error}); delete it and run the protocol again") from error
    if scores.shape != (len(test), len(test.classes)):
        raise ManifestError(f"{file} holds scores {scores.shape}; delete it and run the protocol again")
    return Scored(scores=scores, seen=_whole(seen, test), near=_whole(near, test))


def test_facts(name: str, test: Pictures) -> TestFacts:
    """What results say of a test."""
    labels = test.labels
    return TestFacts(
        name=name,
        n=len(test),
        fingerprint=test.fingerprint,
        origin=test.origin,
        by_class={one: labels.count(one) for one in test.classes},
        left_out=dict(test.left_out),
    )


def _fingerprint(cell: Cell, config: TrainingConfig, material: Material) -> str:
    return fingerprint_of(
        {
            "cell": _CELL_VERSION,
            "learner": cell.learner,
            "config": config.to_json() if cell.learner == "train" else {},
            "pictures": material.mixture.pictures.fingerprint,
            "validation": _fingerprint_or_none(material.validation),
            "reference": _fingerprint_or_none(material.reference),
            "initial": _sha256(material.initial or config.initial),
        }
    )


def _fingerprint_or_none(pictures: Pictures | None) -> str:
    return "" if pictures is None else pictures.fingerprint


def _sha256(initial: str | Mapping[str, str] | None) -> str:
    """The checksum of the weights to begin from, of all together where parts have their own; "" for none."""
    if not initial:
        return ""
    if isinstance(initial, Mapping):
        return fingerprint_of({part: _sha256(path) for part, path in initial.items()})
    place = Path(initial)
    file = place / WEIGHTS_FILE if place.is_dir() else place
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ManifestError(f"the weights to begin from, {file}, cannot be read: {error}") from error


def _trained(bench: Bench, cell: Cell, material: Material, config: TrainingConfig, folder: Path) -> Training:
    """The cell's model trained, or trained on from where it was, and its facts written."""
    began = time.process_time()
    told = _told(bench.on_progress, f"{cell.row}, seed {cell.seed}")
    model = LEARNERS[cell.learner](material, config, folder / "model", told)
    initial = _sha256(material.initial or config.initial)
    facts = _facts(cell, material, model, (folder.name, initial, time.process_time() - began))
    write_whole(folder / CELL_FILE, (json.dumps(asdict(facts), indent=1) + "\n").encode())
    return facts


def _facts(cell: Cell, material: Material, model: TrainedModel, known: tuple[str, str, float]) -> Training:
    identifier, initial, cpu_seconds = known
    network, configuration = architecture_of(model.classifier.network)
    held = material.mixture
    return Training(
        id=identifier,
        set=cell.set,
        seed=cell.seed,
        n=len(held.pictures),
        pictures=held.pictures.fingerprint,
        validation=_fingerprint_or_none(material.validation),
        reference=_fingerprint_or_none(material.reference),
        classes=model.classifier.classes,
        preprocessing=_plain({"version": PREPROCESSING_VERSION, **asdict(model.classifier.preprocessing)}),
        extractor=_plain({"network": network, **configuration, "initial_sha256": initial}),
        config=dict(model.classifier.provenance).get("config", {}),
        model_sha256=model.classifier.sha256,
        steps=model.step,
        seconds=model.seconds,
        cpu_seconds=round(cpu_seconds, 2),
        **_told_of(material),
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has them: lists for tuples."""
    return json.loads(json.dumps(values))


def _told_of(material: Material) -> dict[str, Any]:
    """What a training's facts say of its material beside fingerprints."""
    held = material.mixture
    return {
        "contents": {name: dict(counts) for name, counts in held.contents.items()},
        "short": {name: dict(counts) for name, counts in held.short.items()},
        "repeated": held.repeated,
        "origin": held.pictures.origin,
        "facts": dict(material.facts),
    }


def _read_cell(folder: Path) -> Training | None:
    """The facts of a finished cell. Raises ManifestError where they are damaged."""
    file = folder / CELL_FILE
    if not file.exists():
        return None
    try:
        return TypeAdapter(Training).validate_json(file.read_bytes(), strict=True)
    except (OSError, ValidationError) as error:
        raise ManifestError(f"{file} is damaged ({error}); delete it, and the cell is finished again") from error


def _score(bench: Bench, folder: Path, tests: Mapping[str, Pictures]) -> None:
    """Write the scores on every test that has none yet."""
    missing = [test for test in tests.values() if not _scores_file(folder, test).exists()]
    if not missing:
        return
    classifier = load_classifier(folder / "model", device=bench.device)
    known = load_seen(folder / "model")
    (folder / "tests").mkdir(exist_ok=True)
    for test in missing:
        seen, near = (np.zeros(0, bool) if one is None else one for one in (known.exact(test), known.near(test)))
        buffer = io.BytesIO()
        np.savez(buffer, scores=_scores(classifier, test), seen=seen, near=near)
        write_whole(_scores_file(folder, test), buffer.getvalue())


def _whole(known: NDArray[np.bool_], test: Pictures) -> NDArray[np.bool_] | None:
    return known if len(known) == len(test) else None


def _scores(classifier: Classifier, test: Pictures) -> NDArray[np.float32]:
    if set(classifier.classes) != set(test.classes):
        raise FacsimError(f"the model knows {', '.join(classifier.classes)}, the test {', '.join(test.classes)}")
    return predict(classifier, test)[:, list(positions_in(classifier.classes, test.classes))]


def _scores_file(folder: Path, test: Pictures) -> Path:
    return folder / "tests" / f"{test.fingerprint}.npz"


def _told(on_progress: OnProgress, name: str) -> Any:
    def told(step: int, total: int, rate: float, loss: float) -> None:
        note = f"loss {loss:.3f}, {rate:.0f} pictures/s"
        on_progress(Progress(step=name, done=step, total=total, unit="steps", note=note))

    return told
