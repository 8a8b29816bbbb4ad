"""Training a model of pictures and texts on captions, as CLIP is trained (Radford et al. 2021), at facsim's sizes.

What text–picture pairs are worth is what such a model learns from them: retrieval on held-out pictures, and zero-shot
recognition elsewhere. Each step takes one of a picture's captions; which one, and the picture's view, depend on (seed,
step). Pictures in a batch whose captions are the same text are all right answers for it. Views are never mirrored: a
caption says left and right.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from facsim.captions import vocabulary, words_of
from facsim.errors import FacsimError
from facsim.learn.augment import scaled_augmentation
from facsim.learn.captioned import CaptionedPictures, split_captioned
from facsim.learn.data import Pictures, PictureShape
from facsim.learn.finished import finished_training
from facsim.learn.leaks import save_training_hashes, save_training_signatures
from facsim.learn.precision import autocast_for, check_precision, full_precision, widened
from facsim.learn.retrieval import Retrieval, retrieval
from facsim.learn.sampler import batches_of
from facsim.learn.selfsupervised.heads import spread
from facsim.learn.selfsupervised.loop import (
    PRECISIONS,
    Course,
    OnSteps,
    Optimisation,
    optimizer_of,
    run_course,
    threads_set,
)
from facsim.learn.selfsupervised.progress import PROGRESS_FILE, LearningState, restore_progress
from facsim.learn.selfsupervised.views import Views, view_generator, view_of
from facsim.models.backbones import Backbone, save_backbone
from facsim.models.classifier import Preprocessing, fit_preprocessing, nchw, prepare
from facsim.models.image_text import (
    ImageText,
    ImageTextNetwork,
    TextConfig,
    Vocabulary,
    fresh_image_text,
    load_image_text,
    save_image_text,
)
from facsim.models.model_terms import standing_entry
from facsim.models.transformer import draw_drops
from facsim.provenance import environment, fingerprint_of, now
from facsim.sample import generator_for

__all__ = [
    "BACKBONE_FOLDER",
    "CaptionModel",
    "ContrastiveConfig",
    "TrainedImageText",
    "contrast",
    "image_text_loss",
    "measure_retrieval",
]

BACKBONE_FOLDER = "backbone"
"""The picture tower alone, in the model's folder, for probes and training."""

_PLACE = ("threads", "device", "time_budget_s", "checkpoint_steps")


def _mild_views() -> Views:
    light = replace(scaled_augmentation(0.5), flip_p=0.0, rotation_deg=0.0, log_scale=0.0, shift=0.0, erase_p=0.0)
    return Views(least_area=0.8, log_ratio=0.0, rotation_deg=3.0, light=light, saturation=0.1, grey_p=0.0)


@dataclass(frozen=True, kw_only=True)
class ContrastiveConfig:
    """What to train and how; exactly one of `steps` and `epochs` is given.

    `views` must not mirror pictures, and changes light and crop mildly: captions speak of both. `validation` is
    "chooser" (retrieval on the tenth that `facsim.learn.data.is_chooser` names) or "none"; `precision` is what both
    towers compute in, "fp32" or "bf16". The last four fields say where and for how long, and do not make it another
    training.
    """

    network: str = "small_cnn"
    network_config: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    text: TextConfig = field(default_factory=TextConfig)
    steps: int | None = None
    epochs: float | None = None
    batch_size: int = 128
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(clip=1.0, betas=(0.9, 0.98)))  # CLIP's
    views: Views = field(default_factory=_mild_views)
    validation: str = "chooser"
    precision: str = "fp32"
    seed: int = 0
    threads: int | None = None
    device: str = "cpu"
    time_budget_s: float | None = None
    checkpoint_steps: int = 500

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.epochs is None):
            raise FacsimError(f"found steps = {self.steps} and epochs = {self.epochs}, expected exactly one of the two")
        if min(self.steps or 1, self.checkpoint_steps, self.threads or 1) < 1 or (self.epochs or 1) <= 0:
            raise FacsimError(f"found {self}, expected steps, epochs and threads above 0")
        if self.batch_size < 2:
            raise FacsimError(f"found batch_size = {self.batch_size}, expected at least 2: a picture needs others")
        if self.views.light.flip_p > 0:
            raise FacsimError(
                f"found views that mirror pictures (flip_p = {self.views.light.flip_p}), expected 0: a caption's left "
                "and right would be false"
            )
        check_precision(self.precision, known=PRECISIONS)
        if self.validation not in ("chooser", "none"):
            raise FacsimError(f'found validation = "{self.validation}", expected "chooser" or "none"')

    def total_steps(self, count: int) -> int:
        """Optimiser steps of a run over `count` pictures."""
        return self.steps if self.steps is not None else math.ceil((self.epochs or 0) * count / self.batch_size)

    def to_json(self) -> dict[str, Any]:
        """What makes it this training, as plain JSON."""
        return json.loads(json.dumps({key: value for key, value in asdict(self).items() if key not in _PLACE}))


@dataclass(frozen=True, kw_only=True)
class CaptionModel:
    """A trained model as zero-shot recognition wants it (`facsim.learn.zero_shot.ImageTextModel`)."""

    model: ImageText

    @property
    def shape(self) -> PictureShape:
        """The pictures that it reads."""
        return PictureShape(size_px=self.model.preprocessing.size_px, colour=self.model.preprocessing.colour)

    @property
    def scale(self) -> float:
        """One over the learnt temperature."""
        return float(self.model.network.scale().detach())

    @property
    def description(self) -> Mapping[str, Any]:
        """Plain JSON."""
        return {
            "kind": "facsim captions",
            "sha256": self.model.sha256,
            "preprocessing": asdict(self.model.preprocessing),
            "trained_on": self.model.provenance.get("trained_on", "not recorded"),
            "selected_on": self.model.provenance.get("selected_on"),
        }

    def knows(self, text: str) -> bool:
        """Whether every word is in its vocabulary."""
        return self.model.vocabulary.knows(text)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (T, D) float32, 256 texts at a time."""
        network, parts = self.model.network.eval(), list[Tensor]()
        device = network.log_scale.device
        with torch.inference_mode():
            for at in range(0, len(texts), 256):
                tokens = self.model.vocabulary.encode(texts[at : at + 256], longest=network.config.longest)
                parts.append(network.embed_texts(tokens.to(device)).cpu())
        return torch.cat(parts).numpy()

    def embed_pictures(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors (N, D) float32, 256 pictures at a time."""
        network, parts = self.model.network.eval(), list[Tensor]()
        device = network.log_scale.device
        with torch.inference_mode():
            for at in range(0, len(images), 256):
                held = torch.from_numpy(np.ascontiguousarray(images[at : at + 256])).to(device)
                parts.append(network.embed_pictures(prepare(nchw(held), self.model.preprocessing)).cpu())
        return torch.cat(parts).numpy()


@dataclass(frozen=True, kw_only=True)
class TrainedImageText:
    """A model as saved in `folder`, with its curve (plain JSON), how the training ended, and its retrieval on the
    pictures held out, None where there are none."""

    model: ImageText
    folder: Path
    curve: tuple[Mapping[str, Any], ...]
    step: int
    total_steps: int
    stopped: str
    seconds: float
    held_out: Mapping[str, Any] | None


def contrast(
    captioned: CaptionedPictures,
    config: ContrastiveConfig,
    *,
    out: str | Path,
    resume: bool = True,
    on_steps: OnSteps | None = None,
) -> TrainedImageText:
    """The model trained on captioned pictures, saved in the folder `out`, its picture tower in `out/backbone`.

    With `resume` a run begun in `out` goes on from its last checkpoint and a finished one is returned as it is.
    Raises ManifestError where `out` holds another training, FacsimError where there are fewer pictures than a batch
    wants or where the loss is not finite.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    training, held = split_captioned(captioned) if config.validation == "chooser" else (captioned, None)
    if len(training) < config.batch_size:
        raise FacsimError(
            f"found {len(training)} captioned pictures to train on for a batch of {config.batch_size}, expected at "
            "least as many; add pictures or set a smaller batch_size"
        )
    identity = {
        **config.to_json(),
        "pictures": captioned.pictures.fingerprint,
        "captions": fingerprint_of(captioned.captions),
    }
    if resume and (done := _finished(folder, identity)):
        return done
    words = tuple(
        sorted(vocabulary() | {word for texts in captioned.captions for text in texts for word in words_of(text)})
    )
    with threads_set(config.threads):
        run = _Run(training=training, config=config, words=Vocabulary(words=words))
        state = run.begun()
        if resume:
            restore_progress(folder, state, identity=identity)
        course = run.course(state, folder, identity)
        run_course(course, state, on_steps=on_steps)
        return _saved(run, course, state, held)


def measure_retrieval(model: CaptionModel, captioned: CaptionedPictures) -> Retrieval:
    """Retrieval among the pictures and the longest caption of each, which says most (of equals the first)."""
    texts = [max(held, key=lambda text: len(words_of(text))) for held in captioned.captions]
    return retrieval(model.embed_pictures(captioned.pictures.images), model.embed_texts(texts), texts)


def image_text_loss(pictures: Tensor, texts: Tensor, *, scale: Tensor | float, same: Tensor | None = None) -> Tensor:
    """The symmetric cross-entropy of unit vectors (N, D) and (N, D), pair i belonging together: a scalar.

    `same` (N, N) bool says which texts are the same; a picture's right answers are all of those, in equal shares.
    """
    with full_precision(pictures.device):
        logits = scale * widened(pictures) @ widened(texts).T
        alike = torch.eye(len(pictures), dtype=torch.bool, device=logits.device) if same is None else same
        shares = alike.to(logits.dtype) / alike.sum(dim=1, keepdim=True)
        return (functional.cross_entropy(logits, shares) + functional.cross_entropy(logits.T, shares)) / 2


@dataclass(frozen=True, kw_only=True)
class _Run:
    """A training before its first step."""

    training: CaptionedPictures
    config: ContrastiveConfig
    words: Vocabulary

    @property
    def preprocessing(self) -> Preprocessing:
        pictures = self.training.pictures
        return fit_preprocessing(pictures.images, crop_margin=pictures.crop_margin)

    def begun(self) -> LearningState:
        config = self.config
        network = fresh_image_text(
            config.network,
            config.network_config,
            config.text,
            channels=1 if self.training.pictures.images.ndim == 3 else 3,
            words=len(self.words.words),
            generator=view_generator(config.seed, 0, "initial"),
        )
        network.backbone.head.requires_grad_(False)  # pyright: ignore[reportCallIssue]
        network = network.to(config.device).train()
        return LearningState(learner=network, optimizer=optimizer_of(network, config.optimisation))

    def course(self, state: LearningState, folder: Path, identity: Mapping[str, Any]) -> Course:
        config = self.config
        return Course(
            name="contrastive training",
            total=config.total_steps(len(self.training)),
            batch_size=config.batch_size,
            optimisation=config.optimisation,
            folder=folder,
            identity=identity,
            loss_of=self._loss_of(state),
            after=lambda step: None,
            checkpoint_steps=config.checkpoint_steps,
            time_budget_s=config.time_budget_s,
        )

    def _loss_of(self, state: LearningState) -> Any:
        config, preprocessing = self.config, self.preprocessing
        network: ImageTextNetwork = state.learner  # pyright: ignore[reportAssignmentType]
        every = np.ones(len(self.training), dtype=np.float64)
        rows_of_step = batches_of(every, batch_size=config.batch_size, seed=config.seed)

        def loss_of(step: int) -> tuple[Tensor, dict[str, float]]:
            rows = rows_of_step(step)
            held = np.ascontiguousarray(self.training.pictures.images[rows])
            drawn = view_generator(config.seed, step, "view")
            view = view_of(nchw(torch.from_numpy(held).to(config.device)), config.views, generator=drawn)
            texts = self._texts(rows, step)
            tokens = self.words.encode(texts, longest=config.text.longest).to(config.device)
            draw_drops(network, len(rows), generator=view_generator(config.seed, step, "drops"))
            with autocast_for(config.precision, device=config.device):
                pictures, words = network.embed_pictures(prepare(view, preprocessing)), network.embed_texts(tokens)
            first = torch.tensor([texts.index(text) for text in texts], device=config.device)
            same = first[:, None] == first[None, :]
            loss = image_text_loss(pictures, words, scale=network.scale(), same=same)
            return loss, {"spread": spread(pictures), "scale": float(network.scale().detach())}

        return loss_of

    def _texts(self, rows: NDArray[np.int64], step: int) -> list[str]:
        """One caption of each picture, drawn from (seed, step)."""
        numbers = generator_for(f"contrast/{self.config.seed}", f"captions/{step}").random(len(rows))
        held = [self.training.captions[row] for row in rows]
        return [texts[int(number * len(texts))] for texts, number in zip(held, numbers, strict=True)]


def _model(run: _Run, course: Course, state: LearningState) -> ImageText:
    pictures: Pictures = run.training.pictures
    return ImageText(
        network=state.learner.eval(),  # pyright: ignore[reportArgumentType]
        vocabulary=run.words,
        preprocessing=run.preprocessing,
        provenance={
            "trained_on": f"{pictures.origin}, with captions",
            "selected_on": "nothing: the weights after the last step",
            "method": "contrastive captions",
            "pictures": len(pictures),
            "pictures_fingerprint": course.identity["pictures"],
            "captions_fingerprint": course.identity["captions"],
            "steps": state.step,
            "total_steps": course.total,
            "config": run.config.to_json(),
            **standing_entry([pictures.terms]),
        },
    )


def _saved(run: _Run, course: Course, state: LearningState, held: CaptionedPictures | None) -> TrainedImageText:
    model, finished = _model(run, course, state), state.step >= course.total
    measured = measure_retrieval(CaptionModel(model=model), held).to_json() if held is not None and len(held) else None
    training = {
        "identity": fingerprint_of(course.identity),
        "stopped": "finished" if finished else "time_budget",
        "step": state.step,
        "total_steps": course.total,
        "seconds": round(state.seconds, 2),
        "threads": run.config.threads or torch.get_num_threads(),
        "device": run.config.device,
        "config": run.config.to_json(),
        "held_out": measured,
        "curve": state.curve,
        "environment": environment(),
        "written": now(),
    }
    tower = Backbone(network=model.network.backbone, preprocessing=model.preprocessing, provenance=model.provenance)
    save_backbone(tower, course.folder / BACKBONE_FOLDER)
    for place in (course.folder, course.folder / BACKBONE_FOLDER):
        save_training_hashes(place, run.training.pictures.hashes)
        save_training_signatures(place, run.training.pictures.images)
    saved = save_image_text(model, course.folder, training=training)
    if finished:
        (course.folder / PROGRESS_FILE).unlink(missing_ok=True)
    return _trained(saved, course.folder, training)


def _finished(folder: Path, identity: Mapping[str, Any]) -> TrainedImageText | None:
    """The finished model that `folder` holds already, if it is of this very training."""
    training = finished_training(folder, identity, checkpoint=PROGRESS_FILE)
    return None if training is None else _trained(load_image_text(folder), folder, training)


def _trained(model: ImageText, folder: Path, training: Mapping[str, Any]) -> TrainedImageText:
    return TrainedImageText(
        model=model,
        folder=folder,
        curve=tuple(training["curve"]),
        step=training["step"],
        total_steps=training["total_steps"],
        stopped=training["stopped"],
        seconds=training["seconds"],
        held_out=training["held_out"],
    )
