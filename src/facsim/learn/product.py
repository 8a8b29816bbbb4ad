"""`[train]` of a recipe: a classifier of the run's pictures, in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from facsim.dataset import dataset_of
from facsim.errors import RecipeError, hint_nearest
from facsim.learn.augment import NO_AUGMENTATION, Augmentation, scaled_augmentation
from facsim.learn.data import Pictures, PictureShape, pictures_from
from facsim.learn.leak_file import leave_out, read_leaks
from facsim.learn.selfsupervised.unlabelled import load_unlabelled
from facsim.learn.sources import load_pictures, stated_by_run
from facsim.learn.train import train
from facsim.learn.training_config import TrainingConfig
from facsim.manifest import Manifest
from facsim.products import OnProgress, Progress
from facsim.records import run_index_of

__all__ = ["Beside", "Train", "augmentation_of", "load_beside"]


@dataclass(frozen=True, kw_only=True)
class Train:
    """`[train]`: a network, trained on the rows that stay; `facsim.learn.training_config` says what each setting does.

    epochs: how often each picture is seen. size_px, colour ("grey" or "rgb"): what the network sees. augmentation: a
    strength, 0 none to 3, or a table that names what is done to pictures (fields of `facsim.learn.augment.
    Augmentation`; what it does not name is not done). balance: 0 draws pictures as they are, 1 every class as often.
    validation: "chooser" holds out the tenth of the people (or of the pictures) whose hash says so; "none" trains on
    all; validation_set: a path, whose pictures are held out instead. initial: a path, or paths by part of the network.
    reference: the path of pictures, labelled or not, that `alignment` draws features towards. action_units: above 0,
    the weight of a second task: to read the action units that are known of the pictures. leaks: a file that `facsim
    leaks` wrote of the pictures and a test set; copies of test pictures are not trained on. Paths in a training recipe
    are relative to its file, those in a run's recipe to where facsim is called.
    """

    epochs: float = 12.0
    size_px: int = 48
    colour: str = "grey"
    batch_size: int = 64
    lr: float = 2e-3
    label_smoothing: float = 0.1
    balance: float = 0.5
    augmentation: float | Mapping[str, float] = 1.0
    validation: str = "chooser"
    validation_set: str = ""
    seed: int = 0
    weight_decay: float = 0.05
    decay_all: bool = False
    warmup: float = 0.05
    ema: float = 0.998
    network: str = "small_cnn"
    network_config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    initial: str | Mapping[str, str] = ""
    freeze_backbone: bool = False
    normalisation: str = "fitted"
    optimiser: str = "adamw"
    betas: tuple[float, float] = (0.9, 0.99)
    momentum: float = 0.9
    sam_rho: float = 0.0
    sam_adaptive: bool = False
    schedule: str = "cosine"
    decay: float = 0.98
    loss: str | tuple[tuple[float, float], ...] = "smoothed"
    mixup_alpha: float = 0.0
    cutmix_alpha: float = 0.0
    erasing_p: float = 0.0
    erasing_area: tuple[float, float] = (0.02, 0.1)
    alignment: float = 0.0
    alignment_kernel: str = "moments"
    action_units: float = 0.0
    reference: str = ""
    leaks: str = ""
    accumulation: int = 1
    precision: str = "fp32"
    compile: bool = False
    channels_last: bool = True
    selection: str = "last"
    validations: int = 10

    def __post_init__(self) -> None:
        if self.epochs <= 0:
            raise RecipeError(f"train.epochs is {self.epochs:g}; expected more than 0")
        if (self.alignment > 0) != bool(self.reference):
            raise RecipeError(
                f'found train.alignment = {self.alignment:g} and train.reference = "{self.reference}"; give both or '
                "neither"
            )
        self.shape()
        self.config()

    @property
    def makes(self) -> str:
        """The model's folder in the run's folder."""
        return "model"

    def shape(self) -> PictureShape:
        """What the network sees."""
        return PictureShape(size_px=self.size_px, colour=self.colour)

    def config(self) -> TrainingConfig:
        """These settings as the trainer takes them."""
        known = {entry.name for entry in fields(TrainingConfig)}
        values = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name in known}
        values["augmentation"] = augmentation_of(self.augmentation)
        return TrainingConfig(**{**values, "initial": self.initial or None})

    def kept(self, pictures: Pictures) -> Pictures:
        """The pictures that are trained on: all, or those that `leaks` does not name. Raises FormatError or FacsimError
        where that is no file of leaks, or one of other pictures."""
        return leave_out(pictures, read_leaks(self.leaks)) if self.leaks else pictures

    def make(self, run: Manifest, *, on_progress: OnProgress) -> dict[str, Any]:
        """Train, or continue training; returns how it ended. Raises RecipeError where the run is on an object store."""
        if not run.folder.is_local:
            raise RecipeError("train works in a local run folder; use `facsim train RUN --out PATH`")
        on_progress(Progress(step="train", done=0, total=1, unit="steps", note="reading pictures"))
        records = run_index_of(dataset_of(run), units=self.action_units > 0)

        def decoded(done: int, total: int) -> None:
            on_progress(Progress(step="reading", done=done, total=total, unit="pictures"))

        pictures = pictures_from(records, shape=self.shape(), on_decoded=decoded)
        pictures = self.kept(stated_by_run(pictures, dataset_of(run), name="this run"))

        def told(step: int, total: int, rate: float, loss: float) -> None:
            note = f"loss {loss:.3f}, {rate:.0f} pictures/s"
            on_progress(Progress(step="train", done=step, total=total, unit="steps", note=note))

        beside = load_beside(self, pictures)
        done = train(
            pictures,
            self.config(),
            out=run.folder.path(self.makes),
            on_progress=told,
            validation=beside.validation,
            reference=beside.reference,
        )
        return {
            "steps": done.step,
            "stopped": done.stopped,
            "training_seconds": round(done.seconds, 1),
            "pictures": len(pictures),
        }


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Pictures that a training has besides those that it trains on, as `facsim.learn.train.train` takes them."""

    validation: Pictures | None
    reference: Pictures | None


def augmentation_of(setting: float | Mapping[str, float]) -> Augmentation:
    """The augmentation of a strength, or of a table that names all that is done. Raises RecipeError."""
    if not isinstance(setting, Mapping):
        return scaled_augmentation(setting)
    known = [entry.name for entry in fields(Augmentation)]
    for key in setting:
        if key not in known:
            raise RecipeError(f'train.augmentation has no setting "{key}".{hint_nearest(key, known)}')
    return Augmentation(**{**asdict(NO_AUGMENTATION), **setting})


def load_beside(settings: Train, pictures: Pictures) -> Beside:
    """The pictures that the settings name besides those to train on."""
    validation = reference = None
    if path := settings.validation_set:
        validation = load_pictures(path, size_px=settings.size_px, colour=settings.colour, classes=pictures.classes)
    if path := settings.reference:
        reference = load_unlabelled(path, size_px=settings.size_px, colour=settings.colour)
    return Beside(validation=validation, reference=reference)
