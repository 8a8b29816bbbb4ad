"""A classifier put to one set of labelled pictures once, and everything that can be said of its answers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.learn.calibration import Temperature, calibration_of, load_temperature, tempered
from facsim.learn.corruptions import SEVERITIES
from facsim.learn.data import Pictures, take
from facsim.learn.evaluate import Evaluation, evaluate, facts_of, shared_classes
from facsim.learn.groups import groups_of
from facsim.learn.leak_file import Leaks, listed_rows
from facsim.learn.leaks import (
    SeenPictures,
    load_chosen_on,
    load_training_hashes,
    load_training_signatures,
)
from facsim.learn.predict import predict
from facsim.learn.predictions import Predictions, predictions_of
from facsim.learn.robustness import OnCondition, Robustness, measure_robustness
from facsim.learn.signatures import Signatures
from facsim.metrics import Groups
from facsim.models.classifier import Classifier

__all__ = ["Examination", "examine"]


@dataclass(frozen=True, kw_only=True)
class Examination:
    """Scores float32 (N, C) over `classes` that `classifier` gives labelled `pictures` (N).

    `hashes`, `signatures` and `temperature` are what lies beside the weights, each None where it does not;
    `chosen_on` is what the checkpoint was chosen on, `leaks` names pictures that the training set holds too.
    """

    classifier: Classifier
    pictures: Pictures
    scores: NDArray[np.float32]
    classes: tuple[str, ...]
    hashes: NDArray[np.uint64] | None
    signatures: Signatures | None
    temperature: Temperature | None
    chosen_on: SeenPictures
    leaks: Leaks | None = None

    def evaluation(self, *, split: str = "") -> Evaluation:
        """The headline figures, with what they depend on and what of the pictures was seen in training."""
        found = evaluate(
            self.scores,
            self.pictures,
            classes=self.classes,
            model=self.classifier.sha256,
            training_hashes=self.hashes,
            training_signatures=self.signatures,
            chosen_on=self.chosen_on,
            leaks=self.leaks,
        )
        return replace(found, facts=facts_of(self.classifier, split=split))

    @property
    def frames(self) -> dict[str, str]:
        """How the faces that the `model` learnt from, and the `pictures`, are cut (`facsim.labels.crop`); empty as they
        came, or not known."""
        return {"model": str(self.classifier.provenance.get("frame", "")), "pictures": self.pictures.frame}

    def calibration(self) -> dict[str, Any]:
        """Calibration as plain JSON, and under `tempered` what the model's temperature makes of it, None without one.

        Before and after are of the pictures that the temperature was not fitted on; where none is left, both are null.
        """
        plain = calibration_of(self.scores, self.pictures, classes=self.classes).to_json()
        return {**plain, "tempered": None if self.temperature is None else self._tempered(self.temperature)}

    def _tempered(self, temperature: Temperature) -> dict[str, Any]:
        fresh = ~np.isin(self.pictures.hashes, temperature.hashes)
        scores, left = self.scores[fresh], take(self.pictures, fresh)
        states = {"before": scores, "after": tempered(scores, temperature.value)} if len(left) else {}
        figures = {name: calibration_of(one, left, classes=self.classes).to_json() for name, one in states.items()}
        return {
            "temperature": temperature.value,
            "fitted_on": dict(temperature.fitted_on),
            "n": len(left),
            "left_out_as_fitted_on": int((~fresh).sum()),
            "before": figures.get("before"),
            "after": figures.get("after"),
        }

    def groups(self, grouping: str) -> Groups:
        """Figures and gaps by group, as `facsim.learn.groups` has them."""
        return groups_of(self.scores, self.pictures, grouping, classes=self.classes)

    def robustness(
        self,
        names: Sequence[str] = (),
        severities: Sequence[int] = SEVERITIES,
        *,
        on_condition: OnCondition | None = None,
    ) -> Robustness:
        """Curves over corrupted pictures; no names mean all corruptions that change such pictures."""

        def scores_for(pictures: Pictures) -> NDArray[np.float32]:
            scores = predict(self.classifier, pictures)
            whole = self.classes == self.classifier.classes
            return scores if whole else shared_classes(scores, pictures, classes=self.classifier.classes)[0]

        return measure_robustness(
            scores_for,
            self.pictures,
            classes=self.classes,
            names=names,
            severities=severities,
            on_condition=on_condition,
        )

    def predictions(self, *, split: str = "") -> Predictions:
        """Every answer, for a file."""
        return predictions_of(
            self.scores,
            self.pictures,
            classes=self.classes,
            training=(self.hashes, self.signatures),
            leaks=self.leaks,
            facts={"model_sha256": self.classifier.sha256, **facts_of(self.classifier, split=split)},
        )

    def unseen(self) -> Examination:
        """This without the pictures that the model was trained on, themselves or nearly, counted as `seen_in_training`.

        Raises FacsimError where the model does not say what it was trained on.
        """
        if self.hashes is None:
            raise FacsimError(
                "the model keeps no hashes of its training pictures, what it has not seen is not known; train it again"
            )
        seen = SeenPictures(hashes=self.hashes, signatures=self.signatures).known(self.pictures)
        kept = take(self.pictures, ~seen)
        left_out = {**kept.left_out, "seen_in_training": int(seen.sum())} if seen.any() else kept.left_out
        return replace(self, pictures=replace(kept, left_out=left_out), scores=self.scores[~seen])


def examine(
    classifier: Classifier,
    folder: str | os.PathLike[str],
    pictures: Pictures,
    *,
    shared: bool = False,
    leaks: Leaks | None = None,
) -> Examination:
    """The examination of the classifier that lies in `folder` on labelled `pictures`, of which `leaks` may name some.

    With `shared`, classes that only one of the two has are cut away (`shared_classes`). Raises FacsimError where
    `leaks` is of other pictures, WeightsError where what lies beside the weights is damaged or of other weights.
    """
    if leaks is not None:
        listed_rows(pictures, leaks)
    scores, classes = predict(classifier, pictures), classifier.classes
    if shared:
        scores, pictures, classes = shared_classes(scores, pictures, classes=classes)
    return Examination(
        classifier=classifier,
        pictures=pictures,
        scores=scores,
        classes=classes,
        hashes=load_training_hashes(folder),
        signatures=load_training_signatures(folder),
        temperature=load_temperature(folder, model=classifier.sha256),
        chosen_on=load_chosen_on(folder),
        leaks=leaks,
    )
