"""`zero-shot`: models of pictures and texts that know the classes by their texts alone.

CLIP-style models and facsim's own are given by path; facsim's are trained here on the captions of runs, so that
synthetic pairs of pictures and texts can be judged. Texts name the classes, or the action units that show them
(`facsim.learn.prompts`). Beside them sets may be trained on with labels, for comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from facsim.dataset import open_dataset
from facsim.errors import FacsimError, RecipeError, hint_nearest
from facsim.learn.captioned import joined, run_captions
from facsim.learn.clip_models import is_clip_folder, load_clip
from facsim.learn.contrastive import CaptionModel, ContrastiveConfig, TrainedImageText, contrast
from facsim.learn.leaks import load_seen
from facsim.learn.prompts import PROMPT_KINDS, Prompt, prompts_fingerprint, prompts_of
from facsim.learn.protocols.holding import held_folder
from facsim.learn.protocols.measuring import Calls, compare, measure
from facsim.learn.protocols.outcome import Outcome, Trained, set_cells, sets_named
from facsim.learn.protocols.results import Finding
from facsim.learn.protocols.runs import Bench, Cell
from facsim.learn.zero_shot import ImageTextModel, class_embeddings
from facsim.models.image_text import load_image_text
from facsim.products import Progress
from facsim.provenance import fingerprint_of
from facsim.recipe import build_settings

__all__ = ["ZeroShotProtocol"]

_BATCH = 256  # pictures embedded at once


@dataclass(frozen=True, kw_only=True)
class ZeroShotProtocol:
    """`[zero_shot]`: models: folders of CLIP-style models, or of facsim's own. on: whole runs on whose captions one is
    trained, once a seed, by contrastive (fields of ContrastiveConfig); captions: how many of every picture.

    prompts: of "names", "action-units" and "both", a row each. supervised: sets trained on with labels, beside.
    """

    models: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    captions: int = 2
    contrastive: Mapping[str, Any] = field(default_factory=dict[str, Any])
    prompts: tuple[str, ...] = ("names", "action-units")
    supervised: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for kind in self.prompts:
            if kind not in PROMPT_KINDS:
                raise RecipeError(f'zero_shot.prompts has "{kind}".{hint_nearest(kind, PROMPT_KINDS)}')
        if not (self.models or self.on) or not self.prompts or self.captions < 1:
            raise RecipeError("zero_shot: expected a model or a run (on), a kind of prompts and at least one caption")

    def cells(self, bench: Bench) -> Sequence[Cell]:
        """The trainings with labels, beside."""
        sets_named(bench, [*self.on, *self.supervised], "zero_shot")
        if self.on:
            self._config(0)
        return [cell for name in self.supervised for cell in set_cells(bench, name)]

    def outcome(self, bench: Bench, trained: Trained) -> Outcome:
        """A row a model and kind of texts; each less the first; what texts a model had no words for."""
        rows = dict[tuple[str, str], list[Calls]]()
        findings = list[Finding]()
        for name, seed, folder, model in self._models(bench, findings):
            for kind in self.prompts:
                prompts = _prompts(model, bench.recipe.classes, kind)
                findings.append(_texts_finding(f"{name}, {kind}", seed, prompts, model))
                for test in trained.tests:
                    called = _called(bench, model, prompts, test, (f"{name}, {kind}", seed, folder))
                    rows.setdefault((called.row, test), []).append(called)
        merged = [_merged(found) for found in rows.values()]
        comparisons = [
            found for test in trained.tests for found in _against_first([one for one in merged if one.test == test])
        ]
        return Outcome(
            measurements=tuple(measure(one) for one in merged),
            comparisons=tuple(comparisons),
            findings=tuple(findings),
        )

    def _models(self, bench: Bench, findings: list[Finding]) -> Iterator[tuple[str, int, Path, ImageTextModel]]:
        """(name, seed, folder, model) of each, one at a time; a model by path counts for the first seed."""
        for path in self.models:
            place = Path(bench.recipe.place(path))
            yield place.name, bench.recipe.seeds[0], place, _opened(place, bench.device)
        for name in self.on:
            for seed in bench.recipe.seeds:
                done = self._contrasted(bench, name, seed)
                findings.append(_retrieval_finding(name, seed, done))
                model = CaptionModel(model=load_image_text(done.folder, device=bench.device))
                yield f"captions of {name}", seed, done.folder, model

    def _contrasted(self, bench: Bench, name: str, seed: int) -> TrainedImageText:
        """The model trained on the captions of a run, now or before."""
        pictures = bench.shelf.training(name, seed=seed).pictures
        dataset = open_dataset(bench.shelf.run_folder(name, seed=seed))
        captioned = joined(pictures, run_captions(dataset, per_picture=self.captions, seed=seed))
        config = self._config(seed)
        placed = replace(config, device=bench.device, threads=bench.threads or config.threads)
        asked = {**config.to_json(), "pictures": pictures.fingerprint, "captions": self.captions}
        folder = bench.out / "backbones" / fingerprint_of(asked)[:20]

        def told(step: int, total: int, rate: float, loss: float) -> None:
            note = f"loss {loss:.3f}, {rate:.0f} pictures/s"
            bench.on_progress(
                Progress(step=f"captions of {name}, seed {seed}", done=step, total=total, unit="steps", note=note)
            )

        with held_folder(folder, bench.on_progress):
            return contrast(captioned, placed, out=folder, on_steps=told)

    def _config(self, seed: int) -> ContrastiveConfig:
        try:
            return replace(build_settings(ContrastiveConfig, self.contrastive, "zero_shot.contrastive"), seed=seed)
        except FacsimError as error:
            raise RecipeError(f"zero_shot.contrastive: {error}") from None


def _opened(folder: Path, device: str) -> ImageTextModel:
    """A CLIP-style model, or one of facsim's own."""
    if is_clip_folder(folder):
        return load_clip(folder, device=device)
    return CaptionModel(model=load_image_text(folder, device=device))


def _prompts(model: ImageTextModel, classes: Sequence[str], kind: str) -> dict[str, tuple[Prompt, ...]]:
    """The texts of each class that the model has words for."""
    wanted = prompts_of(classes, kind=kind)
    kept = {name: tuple(one for one in held if model.knows(one.text)) for name, held in wanted.items()}
    if empty := [name for name, held in kept.items() if not held]:
        raise RecipeError(f"the model has no words for {', '.join(empty)} among {kind}; leave those prompts out")
    return kept


def _called(
    bench: Bench,
    model: ImageTextModel,
    prompts: Mapping[str, Sequence[Prompt]],
    test_name: str,
    told: tuple[str, int, Path],
) -> Calls:
    """What the model calls a test's pictures, read in the model's own shape."""
    row, seed, folder = told
    shelf = bench.shelf
    if (shelf.recipe.shape.size_px, shelf.recipe.shape.colour) != (model.shape.size_px, model.shape.colour):
        shelf = replace(shelf, recipe=replace(shelf.recipe, shape=model.shape), loaded={})
    test, known = shelf.test(test_name), load_seen(folder)
    names = list(prompts)
    order = np.array([test.classes.index(name) for name in names], dtype=np.int64)
    texts = class_embeddings(model, prompts)
    parts = [
        order[(model.embed_pictures(test.images[at : at + _BATCH]) @ texts.T).argmax(axis=1)]
        for at in range(0, len(test), _BATCH)
    ]
    return Calls(
        row=row,
        test=test_name,
        classes=test.classes,
        truth=test.targets.argmax(axis=1).astype(np.int64),
        called=np.concatenate(parts)[None],
        seeds=(seed,),
        seen=(known.exact(test),),
        near=(known.near(test),),
    )


def _merged(found: Sequence[Calls]) -> Calls:
    """The seeds of a row together."""
    return replace(
        found[0],
        called=np.concatenate([one.called for one in found]),
        seeds=tuple(seed for one in found for seed in one.seeds),
        seen=tuple(seen for one in found for seen in one.seen),
        near=tuple(near for one in found for near in one.near),
    )


def _against_first(rows: Sequence[Calls]) -> Iterator[Any]:
    for row in rows[1:]:
        yield from compare(row, rows[0])


def _texts_finding(row: str, seed: int, prompts: Mapping[str, Sequence[Prompt]], model: ImageTextModel) -> Finding:
    count = sum(len(held) for held in prompts.values())
    return Finding(
        name="texts",
        text=f"{row}, seed {seed}: {count} texts",
        value=float(count),
        facts={"fingerprint": prompts_fingerprint(prompts), "model": dict(model.description)},
        shown=False,
    )


def _retrieval_finding(name: str, seed: int, done: TrainedImageText) -> Finding:
    return Finding(
        name="retrieval",
        text=f"captions of {name}, seed {seed}: retrieval on pictures held out: {done.held_out or 'none held out'}",
        facts=dict(done.held_out or {}),
        shown=False,
    )
