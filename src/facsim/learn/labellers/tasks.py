"""The table of facsim's own label models: what each learns from renders, and its recipe."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from facsim.errors import FacsimError, hint_nearest
from facsim.learn.labellers.fitting import LabelTask
from facsim.learn.training_config import TrainingConfig
from facsim.models.labeller import Labeller

__all__ = ["TASKS", "TaskEntry", "find_task"]

_RECIPE = TrainingConfig(
    steps=6000,
    batch_size=64,
    lr=2e-3,
    weight_decay=0.02,
    ema=0.998,
    precision="bf16",
    validation="none",
    checkpoint_steps=250,
)


def _recipe(**changed: Any) -> TrainingConfig:
    return replace(_RECIPE, **changed)


@dataclass(frozen=True, kw_only=True)
class TaskEntry:
    """A label model: what it says, `package.module:function` that makes its task of a run's URL, and its recipe.

    `finish`, where there is one, names the function that turns the taught model and the task into the finished one.
    """

    meaning: str
    maker: str
    recipe: TrainingConfig
    finish: str = ""

    def make(self, renders: str) -> LabelTask:
        """The task over the renders of this run. Raises ManifestError where they do not suffice."""
        return cast(Callable[[str], LabelTask], _function(self.maker))(renders)

    def finished(self, labeller: Labeller, task: LabelTask) -> Labeller:
        """The taught model as it is to be used: calibrated, where the entry says how."""
        if not self.finish:
            return labeller
        return cast(Callable[[Labeller, LabelTask], Labeller], _function(self.finish))(labeller, task)


def _function(place: str) -> Any:
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)


TASKS: Mapping[str, TaskEntry] = {
    "action_units": TaskEntry(
        meaning="intensities of every action unit that the renderer has, left and right, with uncertainty",
        maker="facsim.learn.labellers.action_units:action_unit_task",
        finish="facsim.learn.labellers.action_units:calibrated_action_units",
        recipe=_recipe(steps=8000),
    ),
    "attributes": TaskEntry(
        meaning="apparent age, gender, ancestry and skin tone, each with how sure it is",
        maker="facsim.learn.labellers.attributes:attributes_task",
        recipe=_recipe(steps=6000),
        finish="facsim.learn.labellers.attributes:calibrated_attributes",
    ),
    "identity": TaskEntry(
        meaning="an embedding that tells people apart",
        maker="facsim.learn.labellers.identity:identity_task",
        recipe=_recipe(steps=6400),
    ),
    "landmarks": TaskEntry(
        meaning="68 points of a face, which can be seen, and the pose",
        maker="facsim.learn.labellers.landmarks:landmark_task",
        recipe=_recipe(steps=16000),
    ),
    "detect": TaskEntry(
        meaning="where faces are",
        maker="facsim.learn.labellers.detector:detect_task",
        recipe=_recipe(steps=6000),
    ),
    "parse": TaskEntry(
        meaning="what each pixel of an aligned face shows",
        maker="facsim.learn.labellers.parsing:parse_task",
        recipe=_recipe(steps=6000),
    ),
}
"""Task -> its entry."""


def find_task(name: str) -> TaskEntry:
    """The entry of this name. Raises FacsimError with the nearest known name."""
    if name not in TASKS:
        raise FacsimError(f'no label model is called "{name}".{hint_nearest(name, TASKS)}')
    return TASKS[name]
