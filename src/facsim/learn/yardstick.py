"""The yardstick: one fixed small network and step count, by which training sets are compared.

Everything but the training pictures and the seed is fixed: 48 px grey, 1.2 M parameters, 3,500 steps of 64 pictures.
One seed screens, three confirm. It was chosen on the fixed cut of FER2013's training split; `docs/results.md` has what
it scores, and what was and was not screened.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from facsim.errors import FacsimError
from facsim.learn.augment import scaled_augmentation
from facsim.learn.data import Pictures, PictureShape
from facsim.learn.evaluate import Evaluation, evaluate
from facsim.learn.leaks import load_training_hashes, load_training_signatures
from facsim.learn.predict import predict
from facsim.learn.train import OnProgress, train
from facsim.learn.training_config import TrainingConfig

__all__ = ["YARDSTICK", "YARDSTICK_SHAPE", "Spread", "measure", "spread_of"]

YARDSTICK_SHAPE = PictureShape(size_px=48, colour="grey")
"""What the yardstick's network sees: FER2013's size and colour."""

YARDSTICK = TrainingConfig(
    steps=3500,
    batch_size=64,
    lr=2e-3,
    weight_decay=0.05,
    label_smoothing=0.1,
    warmup=0.05,
    balance=0.5,
    ema=0.998,
    augmentation=scaled_augmentation(1.0),
    network_config={"widths": (32, 64, 128, 256), "depths": (1, 1, 1, 1)},
    validation="none",
    threads=2,
)
"""224,000 pictures seen: eight times FER2013's training split; 254 s at the 880 a second that the
quickstart trains at on two idle cores."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A figure over training seeds: its mean, its standard deviation (n - 1; None for one seed) and each value."""

    mean: float
    sd: float | None
    values: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """`{mean, sd, values}`."""
        return {"mean": self.mean, "sd": self.sd, "values": list(self.values)}

    def __str__(self) -> str:
        return f"{self.mean:.4f}" + ("" if self.sd is None else f" ± {self.sd:.4f}")


def measure(
    training: Pictures,
    test: Pictures,
    *,
    seed: int,
    out: str | Path,
    threads: int = 2,
    steps: int | None = None,
    action_units: float = 0.0,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """The evaluation on `test` of the yardstick trained on `training` with `seed`; a run begun in `out` goes on.

    `steps` other than the yardstick's own is for screening: such a figure is not the yardstick's, nor is one with
    `action_units`, the weight of a second task (`facsim.learn.unit_head`).

    Raises FacsimError where the pictures are not of the yardstick's shape.
    """
    for part in (training, test):
        if part.shape != YARDSTICK_SHAPE:
            raise FacsimError(f"found pictures {part.shape}, expected {YARDSTICK_SHAPE}; load them in that shape")
    config = replace(YARDSTICK, seed=seed, threads=threads, steps=steps or YARDSTICK.steps, action_units=action_units)
    model = train(training, config, out=out, on_progress=on_progress)
    return evaluate(
        predict(model.classifier, test),
        test,
        classes=model.classifier.classes,
        model=model.classifier.sha256,
        training_hashes=load_training_hashes(model.folder),
        training_signatures=load_training_signatures(model.folder),
    )


def spread_of(evaluations: Sequence[Evaluation]) -> dict[str, dict[str, Spread]]:
    """Headline figures over seeds: under `all` on every test picture, under `unseen` on those not trained on."""
    unseen = [one.seen.without for one in evaluations if one.seen is not None and one.seen.without is not None]
    whole = [{name: getattr(one, name) for name in ("accuracy", "uar", "macro_f1", "ece")} for one in evaluations]
    return {"all": _spreads(whole), "unseen": _spreads(unseen) if len(unseen) == len(whole) else {}}


def _spreads(figures: Sequence[Mapping[str, Any]]) -> dict[str, Spread]:
    return {name: _spread(tuple(one[name].value for one in figures)) for name in (figures[0] if figures else ())}


def _spread(values: tuple[float, ...]) -> Spread:
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Spread(mean=statistics.fmean(values), sd=deviation, values=values)
