"""`[train]` of a recipe: a classifier of the run's pictures, in the run's folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from facsim.dataset import dataset_of
from facsim.errors import RecipeError
from facsim.learn.augment import scaled_augmentation
from facsim.learn.data import PictureShape, pictures_from
from facsim.learn.train import train
from facsim.learn.training_config import TrainingConfig
from facsim.manifest import Manifest
from facsim.products import OnProgress, Progress
from facsim.records import LEARNING_COLUMNS, run_origin, run_records

__all__ = ["Train"]


@dataclass(frozen=True, kw_only=True)
class Train:
    """`[train]`: the small network, trained on the rows that stay.

    epochs: how often each picture is seen. size_px, colour ("grey" or "rgb"): what the network sees. augmentation:
    strength, 0 none to 3. balance: 0 draws pictures as they are, 1 every class as often. validation: "chooser" holds
    out the tenth of the people (or of the pictures) whose hash says so; "none" trains on all.
    """

    epochs: float = 12.0
    size_px: int = 48
    colour: str = "grey"
    batch_size: int = 64
    lr: float = 2e-3
    label_smoothing: float = 0.1
    balance: float = 0.5
    augmentation: float = 1.0
    validation: str = "chooser"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs <= 0:
            raise RecipeError(f"train.epochs is {self.epochs:g}; expected more than 0")
        PictureShape(size_px=self.size_px, colour=self.colour)
        self.config()

    @property
    def makes(self) -> str:
        """The model's folder in the run's folder."""
        return "model"

    def config(self) -> TrainingConfig:
        """These settings as the trainer takes them."""
        return TrainingConfig(
            epochs=self.epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            label_smoothing=self.label_smoothing,
            balance=self.balance,
            augmentation=scaled_augmentation(self.augmentation),
            validation=self.validation,
            seed=self.seed,
        )

    def make(self, run: Manifest, *, on_progress: OnProgress) -> dict[str, Any]:
        """Train, or continue training; returns how it ended. Raises RecipeError where the run is on an object store."""
        if not run.folder.is_local:
            raise RecipeError("train works in a local run folder; use `facsim train RUN --out PATH`")
        on_progress(Progress(step="train", done=0, total=1, unit="steps", note="reading pictures"))
        records = run_records(dataset_of(run), columns=LEARNING_COLUMNS)
        pictures = pictures_from(records, shape=PictureShape(size_px=self.size_px, colour=self.colour))
        pictures = replace(pictures, origin=run_origin(dataset_of(run), name="this run"))

        def told(step: int, total: int, rate: float, loss: float) -> None:
            note = f"loss {loss:.3f}, {rate:.0f} pictures/s"
            on_progress(Progress(step="train", done=step, total=total, unit="steps", note=note))

        done = train(pictures, self.config(), out=run.folder.path(self.makes), on_progress=told)
        return {
            "steps": done.step,
            "stopped": done.stopped,
            "training_seconds": round(done.seconds, 1),
            "pictures": len(pictures),
        }
