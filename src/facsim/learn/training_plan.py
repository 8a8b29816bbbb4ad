"""A training run before its first step: what is trained on, what is held out, and what makes it this run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facsim.errors import FacsimError
from facsim.learn.data import Pictures, chooser_split, take
from facsim.learn.distributed import ALONE, Team
from facsim.learn.initial import Initial, read_initial
from facsim.learn.training_config import TrainingConfig
from facsim.learn.unit_head import KnownUnits, known_units
from facsim.models.classifier import Preprocessing, fit_preprocessing
from facsim.models.model_terms import standing_entry
from facsim.provenance import fingerprint_of

__all__ = ["TrainingPlan", "planned"]

# torchvision's, of ImageNet's training pictures, channels red, green, blue on [0, 1].
_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """A training run before its first step.

    `held_out` is what is looked at on the way, `reference` what features are drawn towards, `units` what a second head
    learns of the training pictures, `initial` the weights to start from; `identity` is plain JSON that a resumed run
    must equal.
    """

    config: TrainingConfig
    training: Pictures
    held_out: Pictures | None
    reference: Pictures | None
    initial: Initial | None
    preprocessing: Preprocessing
    identity: Mapping[str, Any]
    total: int
    units: KnownUnits | None = None
    team: Team = ALONE

    @property
    def steps_per_epoch(self) -> float:
        """Steps in which as many pictures are drawn as there are."""
        return len(self.training) / self.config.batch_size

    @property
    def validation_steps(self) -> int:
        """Steps between two looks at the pictures held out."""
        return max(1, self.total // self.config.validations)

    def provenance(self, *, step: int, best_step: int | None) -> dict[str, Any]:
        """What goes into the weights: no time and no machine, so that equal runs give equal files."""
        labels = self.training.labels
        by_class = {name: labels.count(name) for name in self.training.classes}
        known = {
            "trained_on": _trained_on(self),
            "selected_on": _selected_on(self, best_step),
            "pictures": len(self.training),
            "pictures_by_class": by_class,
            "pictures_fingerprint": self.identity["pictures"],
            "validation_pictures": 0 if self.held_out is None else len(self.held_out),
            "steps": step,
            "total_steps": self.total,
            "config": self.config.to_json(),
        }
        if self.units is not None:
            known["action_units"] = list(self.units.names)
        if frame := self.training.frame:
            known["frame"] = frame
        if absent := [name for name, count in by_class.items() if count == 0]:
            known["classes_without_pictures"] = absent
        known |= {key: self.identity[key] for key in ("validation_set", "reference", "initial") if key in self.identity}
        others = [part for part in (self.held_out, self.reference, self.initial) if part is not None]
        return known | standing_entry([self.training.terms, *(part.terms for part in others)])


def planned(
    pictures: Pictures,
    config: TrainingConfig,
    *,
    validation: Pictures | None = None,
    reference: Pictures | None = None,
    team: Team = ALONE,
) -> TrainingPlan:
    """The run over `pictures`. Raises FacsimError where they are too few, or do not fit one another or the settings."""
    training, held_out = _divided(pictures, config, validation)
    _refuse_too_little(training, held_out, config)
    _refuse_misfits(pictures, config, {"validation": validation, "reference": reference})
    initial = read_initial(training, config)
    identity: dict[str, Any] = {**config.to_json(), "pictures": pictures.fingerprint}
    others = {"validation_set": validation, "reference": reference}
    identity |= {name: part.fingerprint for name, part in others.items() if part is not None}
    if initial is not None:
        identity["initial"] = initial.sha256
    units = known_units(training) if config.action_units > 0 else None
    if units is not None:
        identity["units"] = units.fingerprint
    plan = TrainingPlan(
        config=config,
        training=training,
        held_out=held_out if held_out is not None and len(held_out) else None,
        reference=reference,
        initial=initial,
        preprocessing=_preprocessing(pictures, training, config, initial),
        identity=identity,
        total=config.total_steps(len(training)),
        units=units,
        team=team,
    )
    _refuse_disagreement(plan)
    return plan


def _divided(
    pictures: Pictures, config: TrainingConfig, validation: Pictures | None
) -> tuple[Pictures, Pictures | None]:
    """What is trained on, and what is held out. No exact copy of a picture held out is trained on; that is counted."""
    if validation is None:
        return chooser_split(pictures) if config.validation == "chooser" else (pictures, None)
    copies = np.isin(pictures.hashes, validation.hashes)
    if not copies.any():
        return pictures, validation
    left_out = {**pictures.left_out, "copy_of_validation": int(copies.sum())}
    return replace(take(pictures, ~copies), left_out=left_out), validation


def _refuse_too_little(training: Pictures, held_out: Pictures | None, config: TrainingConfig) -> None:
    if len(training) < 2 or len(set(training.labels)) < 2:
        shown = ", ".join(sorted(set(training.labels))) or "none"
        copies = training.left_out.get("copy_of_validation", 0)
        others = f" ({copies} more are validation pictures too, and not trained on)" if copies else ""
        raise FacsimError(
            f"found {len(training)} training pictures of these classes: {shown}{others}; expected at least two classes "
            "with a picture each; add pictures"
        )
    if config.selection == "best" and (held_out is None or not len(held_out)):
        raise FacsimError(
            'found selection = "best" and no picture held out to choose by, expected some; give a validation set, '
            'validation = "chooser" and more pictures, or selection = "last"'
        )


def _refuse_misfits(pictures: Pictures, config: TrainingConfig, others: Mapping[str, Pictures | None]) -> None:
    for name, part in others.items():
        if part is not None and (part.shape != pictures.shape or not len(part)):
            raise FacsimError(
                f"found {len(part)} {name} pictures {part.shape}, expected some of {pictures.shape}; load them in that "
                "shape"
            )
    validation = others["validation"]
    if validation is not None and validation.classes != pictures.classes:
        raise FacsimError(
            f"found validation pictures of the classes {', '.join(validation.classes)}, expected "
            f"{', '.join(pictures.classes)}; load them with these classes"
        )
    if (config.alignment > 0) != (others["reference"] is not None):
        raise FacsimError(
            f"found alignment = {config.alignment} and {'a' if others['reference'] is not None else 'no'} reference "
            "set, expected both or neither"
        )
    if config.normalisation == "imagenet" and pictures.images.ndim == 3:
        raise FacsimError('found normalisation = "imagenet" for grey pictures, expected RGB; load them as rgb')


def _preprocessing(
    pictures: Pictures, training: Pictures, config: TrainingConfig, initial: Initial | None
) -> Preprocessing:
    fitted = fit_preprocessing(training.images, crop_margin=pictures.crop_margin)
    if initial is not None and initial.preprocessing is not None:
        return replace(fitted, mean=initial.preprocessing.mean, std=initial.preprocessing.std)
    return replace(fitted, **_IMAGENET) if config.normalisation == "imagenet" else fitted


def _refuse_disagreement(plan: TrainingPlan) -> None:
    """Processes that read other pictures or settings would train nonsense without a sign of it."""
    seen = plan.team.gathered(fingerprint_of(plan.identity))
    if len(set(seen)) > 1:
        raise FacsimError(
            f"the processes found other pictures or settings ({', '.join(sorted(set(seen)))}), expected the same for "
            "all; give every process the same files"
        )


def _trained_on(plan: TrainingPlan) -> str:
    parts = [plan.training.origin]
    if plan.reference is not None:
        parts.append(f"features aligned with {len(plan.reference)} unlabelled pictures of {plan.reference.origin}")
    if plan.initial is not None:
        parts.append(f"from weights trained on {plan.initial.trained_on}")
    return "; ".join(parts)


def _selected_on(plan: TrainingPlan, best_step: int | None) -> str:
    if best_step is None or plan.held_out is None:
        averaged = ", averaged" if plan.config.ema > 0 else ""
        return f"nothing: the weights after the last step{averaged}"
    source = plan.held_out.origin if "validation_set" in plan.identity else "the training pictures"
    looks = math.ceil(plan.total / plan.validation_steps)
    return (
        f"the highest UAR on {len(plan.held_out)} pictures held out, of {source}, at {looks} looks: the weights after "
        f"step {best_step}"
    )
