"""The teachers *clean* and *shown* as label models: classifiers that learnt from renders alone, in half the bytes.

What ships was made by

    facsim run recipes/labels/literature.toml --out runs/literature
    facsim train runs/literature --recipe clean-teacher --out models/clean
    facsim calibrate models/clean --on runs/held-out         # the same recipe with another seed
    >>> save_labeller(clean_labeller("models/clean"), "models/packaged")

    facsim run recipes/yardstick.toml --out runs/yardstick
    facsim train runs/yardstick --recipe shown-teacher --out models/shown
    >>> save_labeller(shown_labeller("models/shown"), "models/packaged")
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from facsim.errors import WeightsError
from facsim.learn.calibration import load_temperature
from facsim.models.classifier import Classifier
from facsim.models.labeller import Labeller
from facsim.models.small_cnn import SmallCnn
from facsim.models.weights import load_classifier

__all__ = ["clean_labeller", "shown_labeller"]

_KEPT = (
    *("trained_on", "selected_on", "pictures", "pictures_by_class", "pictures_fingerprint", "steps", "stands_on"),
    "action_units",
)

_FRAME = "tight"
"""The template that the renders' own frame is nearest to: of 6,000 of recipes/labels/literature.toml the similarity to
it has a median scale of 0.92 (wide 0.74, arcface 0.84). FER2013's pictures are framed so, and renders of that
domain."""


def clean_labeller(folder: str | os.PathLike[str], *, provenance: Mapping[str, Any] | None = None) -> Labeller:
    """The label model `clean` of a calibrated folder of `facsim train`; `provenance` is added to what the folder says.

    Raises WeightsError where it was not calibrated, or is no `small_cnn`.
    """
    classifier = load_classifier(folder)
    temperature = load_temperature(folder, model=classifier.sha256)
    if temperature is None:
        raise WeightsError(f"{folder} has no temperature; run `facsim calibrate` on renders that it has not seen")
    told = {"temperature_fitted_on": {key: temperature.fitted_on[key] for key in ("n", "nll_before", "nll_after")}}
    settings = {"temperature": round(temperature.value, 4)}
    return _labeller("clean", classifier, folder, settings=settings, told={**told, **(provenance or {})})


def shown_labeller(folder: str | os.PathLike[str], *, provenance: Mapping[str, Any] | None = None) -> Labeller:
    """The label model `shown` of a folder of `facsim train`; `provenance` is added to what the folder says.

    It has no temperature: one fitted on renders makes a teacher far surer of photographs than it is right. Raises
    WeightsError where it is no `small_cnn`.
    """
    return _labeller("shown", load_classifier(folder), folder, settings={}, told=provenance or {})


def _labeller(
    task: str,
    classifier: Classifier,
    folder: str | os.PathLike[str],
    *,
    settings: Mapping[str, Any],
    told: Mapping[str, Any],
) -> Labeller:
    if not isinstance(classifier.network, SmallCnn):
        raise WeightsError(f"{folder} is a {type(classifier.network).__name__}, expected a small_cnn")
    known = classifier.provenance
    kept = {key: known[key] for key in _KEPT if key in known}
    return Labeller(
        task=task,
        network=classifier.network,
        preprocessing=classifier.preprocessing,
        settings={"classes": list(classifier.classes), "frame": _FRAME, **settings},
        provenance={**kept, "classifier_sha256": classifier.sha256, **told},
    )
