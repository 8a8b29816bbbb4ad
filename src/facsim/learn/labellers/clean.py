"""The *clean* teacher as a label model: a classifier that learnt from renders alone, with its temperature, in half the
bytes.

    facsim run recipes/labels/literature.toml --out runs/literature
    facsim train runs/literature --recipe clean-teacher --out models/clean
    facsim calibrate models/clean --on runs/held-out         # the same recipe with another seed
    >>> save_labeller(clean_labeller("models/clean"), "models/packaged")
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from facsim.errors import WeightsError
from facsim.learn.calibration import load_temperature
from facsim.models.labeller import Labeller
from facsim.models.small_cnn import SmallCnn
from facsim.models.weights import load_classifier

__all__ = ["clean_labeller"]

_KEPT = ("trained_on", "selected_on", "pictures", "pictures_by_class", "pictures_fingerprint", "steps", "stands_on")

_FRAME = "tight"
"""The template that the renders' own frame is nearest to: of 6,000 of recipes/labels/literature.toml the similarity to
it has a median scale of 0.92 (wide 0.74, arcface 0.84)."""


def clean_labeller(folder: str | os.PathLike[str], *, provenance: Mapping[str, Any] | None = None) -> Labeller:
    """The label model `clean` of a calibrated folder of `facsim train`; `provenance` is added to what the folder says.

    Raises WeightsError where it was not calibrated, or is no `small_cnn`.
    """
    classifier = load_classifier(folder)
    if not isinstance(classifier.network, SmallCnn):
        raise WeightsError(f"{folder} is a {type(classifier.network).__name__}, expected a small_cnn")
    temperature = load_temperature(folder, model=classifier.sha256)
    if temperature is None:
        raise WeightsError(f"{folder} has no temperature; run `facsim calibrate` on renders that it has not seen")
    known = classifier.provenance
    told = {
        "temperature_fitted_on": {key: temperature.fitted_on[key] for key in ("n", "nll_before", "nll_after")},
        "classifier_sha256": classifier.sha256,
    }
    return Labeller(
        task="clean",
        network=classifier.network,
        preprocessing=classifier.preprocessing,
        settings={"classes": list(classifier.classes), "frame": _FRAME, "temperature": round(temperature.value, 4)},
        provenance={**{key: known[key] for key in _KEPT if key in known}, **told, **(provenance or {})},
    )
