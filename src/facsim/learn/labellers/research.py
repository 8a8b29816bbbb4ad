"""The *research* teacher: FER2013's labels, with the votes of FER+'s raters as a second head that steadies the first.

It has seen photographs of people, on FER2013's terms, so it is never shipped with facsim: it lies where its user taught
it. Of FER2013's training split the fixed cut (`facsim.learn.data.is_chooser`) is held out, to choose and to calibrate
on, and copies of test pictures can be barred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from facsim.errors import FacsimError, hint_nearest
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.formats.ferplus import FerPlusVotes, soft_expressions
from facsim.learn.augment import augment, scaled_augmentation
from facsim.learn.calibration import LEAST_TO_FIT, fit_temperature, save_temperature
from facsim.learn.data import Pictures, is_chooser, take
from facsim.learn.labellers.fitting import Fitted, Outputs
from facsim.learn.labellers.halves import PARTS
from facsim.learn.leaks import (
    near_by_face,
    near_in,
    near_pool,
    save_training_hashes,
    save_training_signatures,
    seen_in,
)
from facsim.learn.picture_mixing import mix_pictures
from facsim.learn.predict import predict
from facsim.learn.signatures import signatures_of
from facsim.learn.training_config import TrainingConfig
from facsim.learn.upright_faces import take_faces, upright_faces
from facsim.models.classifier import Classifier, Preprocessing, fit_preprocessing, nchw
from facsim.models.labeller import Labeller
from facsim.models.small_cnn import SmallCnn, SmallCnnConfig
from facsim.models.weights import save_classifier
from facsim.sample import generator_for

__all__ = [
    "RESEARCH_RECIPE",
    "RESEARCH_SIZES",
    "ResearchSize",
    "ResearchTask",
    "find_size",
    "research_task",
    "split_heads",
    "write_heads",
]

RESEARCH_RECIPE = TrainingConfig(
    steps=8000, batch_size=96, lr=2e-3, weight_decay=0.05, ema=0.998, precision="bf16", validation="none"
)
"""About 31 times FER2013's training split less the cut."""

_SMOOTHING = 0.1
_UPRIGHT = 0.5


@dataclass(frozen=True, kw_only=True)
class ResearchSize:
    """A network and how it is taught: `widths` and `depths` of a `SmallCnn`, the strength of its augmentation
    (`facsim.learn.augment.scaled_augmentation`) and mixup's alpha (0 for none)."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    recipe: TrainingConfig
    mixup_alpha: float = 0.0
    augmentation: float = 0.8


RESEARCH_SIZES: Mapping[str, ResearchSize] = {
    "small": ResearchSize(widths=(48, 96, 192, 384), depths=(1, 2, 2, 2), recipe=RESEARCH_RECIPE),
    "large": ResearchSize(
        widths=(64, 128, 256, 512),
        depths=(2, 2, 2, 2),
        recipe=replace(RESEARCH_RECIPE, steps=8000, batch_size=256, lr=4e-3),
        mixup_alpha=0.2,
        augmentation=1.0,
    ),
}
"""`small` for two CPU cores, `large` for a GPU: 83 times the training pictures."""


def find_size(name: str) -> ResearchSize:
    """The size. Raises FacsimError with the nearest name."""
    if name not in RESEARCH_SIZES:
        raise FacsimError(f'no size is called "{name}".{hint_nearest(name, RESEARCH_SIZES)}')
    return RESEARCH_SIZES[name]


@dataclass(frozen=True, kw_only=True, eq=False)
class ResearchTask:
    """FER2013's `pictures` with `votes` float32 (N, 8), shares over `EIGHT_EXPRESSIONS`, 0 where there are none.

    A `facsim.learn.labellers.fitting.LabelTask`. `votes_weight` weighs the second head's loss. Pictures are augmented
    and mixed on `device`. `upright` uint8, as `pictures.images`: the same with the face cut out upright, which half of
    a batch are then; a teacher that knows both may be asked about both.
    """

    pictures: Pictures
    votes: NDArray[np.float32]
    training: NDArray[np.int64]
    held_out: NDArray[np.int64]
    preprocessing: Preprocessing
    barred: int = 0
    known_of_cut: int = 0
    votes_weight: float = 0.7
    size: ResearchSize = RESEARCH_SIZES["small"]
    device: str = "cpu"
    upright: NDArray[np.uint8] | None = None

    name = "research"

    @property
    def network(self) -> tuple[str, Mapping[str, Any]]:
        """Fifteen outputs: the classes, then the votes' eight."""
        outputs = len(self.pictures.classes) + len(EIGHT_EXPRESSIONS)
        shape = {"widths": self.size.widths, "depths": self.size.depths}
        return "small_cnn", {"classes": outputs, "channels": 1, **shape}

    @property
    def settings(self) -> Mapping[str, Any]:
        """Names of the outputs: `classes`, then `votes`."""
        return {"classes": list(self.pictures.classes), "votes": list(EIGHT_EXPRESSIONS)}

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What the card says."""
        return {
            "trained_on": f"{len(self.training)} photographs: {self.pictures.origin}, with FER+'s votes",
            "selected_on": f"the fixed cut of the training split ({len(self.held_out)} photographs, less "
            f"{self.known_of_cut} with a near copy among those trained on)",
            "terms": "FER2013 (Kaggle's ICML 2013 challenge): research use; FER+ votes: MIT",
            "barred_copies_of_test_pictures": self.barred,
        }

    @property
    def identity(self) -> Mapping[str, Any]:
        """What a resumed training must equal."""
        return {
            "pictures": self.pictures.fingerprint,
            "rows": len(self.training),
            "votes_weight": self.votes_weight,
            "augmentation": self.size.augmentation,
            "mixup_alpha": self.size.mixup_alpha,
            **({} if self.upright is None else {"upright": True}),
        }

    def batch(self, rows: NDArray[np.int64], *, seed: int | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Pictures, and their labels and votes as distributions."""
        held = np.array(self.pictures.images[rows])
        if seed is not None and self.upright is not None:
            turned = generator_for("teach/research", f"upright/{seed}").random(len(rows)) < _UPRIGHT
            held[turned] = self.upright[rows[turned]]
        images = nchw(torch.from_numpy(held).to(self.device))
        labels, votes = (torch.from_numpy(held[rows]).to(self.device) for held in (self.pictures.targets, self.votes))
        if seed is None:
            return images, (labels, votes)
        images = augment(
            images, scaled_augmentation(self.size.augmentation), generator=torch.Generator().manual_seed(seed)
        )
        drawn = generator_for("teach/research", f"mixing/{seed}")
        targets = torch.cat([labels, votes], dim=1)
        images, targets = mix_pictures(images, targets, alphas=(self.size.mixup_alpha, 0.0), generator=drawn)
        return images, (targets[:, : labels.shape[1]], targets[:, labels.shape[1] :])

    def loss(self, outputs: Outputs, targets: tuple[Tensor, Tensor]) -> Tensor:
        """Smoothed cross-entropy of the labels, and that of the votes over the pictures that have any."""
        assert isinstance(outputs, Tensor)
        labels, votes = targets
        count = labels.shape[1]
        own = functional.cross_entropy(outputs[:, :count], labels, label_smoothing=_SMOOTHING)
        voted = -(votes * functional.log_softmax(outputs[:, count:], dim=1)).sum()
        return own + self.votes_weight * voted / votes.sum().clamp_min(1e-6)

    def examine(self, outputs: Mapping[str, NDArray[np.float32]]) -> Mapping[str, float]:
        """On the cut: accuracy of the labels' head, and of the votes' head where a vote won."""
        logits, count = outputs["outputs"], len(self.pictures.classes)
        labels, votes = self.pictures.targets[self.held_out], self.votes[self.held_out]
        right = logits[:, :count].argmax(axis=1) == labels.argmax(axis=1)
        won = votes.max(axis=1) > 0.5
        agreed = logits[won, count:].argmax(axis=1) == votes[won].argmax(axis=1)
        return {"accuracy_cut": float(right.mean()), "votes_accuracy_cut": float(agreed.mean())}


def research_task(
    pictures: Pictures,
    votes: Sequence[FerPlusVotes],
    *,
    barred: Pictures | None = None,
    part: str = "all",
    size: str = "small",
    device: str = "cpu",
    by_face: bool = False,
    upright: bool = False,
) -> ResearchTask:
    """The task over FER2013's training split, or a `part` of it (`facsim.learn.labellers.halves.PARTS`).

    `barred` test pictures, and near copies of them, are not trained on. Of the cut, pictures with a near copy among
    those trained on are left out: FER2013 holds many pictures several times, and a teacher knows these by heart. With
    `by_face` copies are known by their faces, too (`facsim.learn.leaks.find_pairs`), at a minute or two for finding
    these. With `upright` half of what is seen are faces cut out upright. Raises FacsimError for an unknown part or
    size.
    """
    asked = find_size(size)
    if part not in PARTS:
        raise FacsimError(f'no part is called "{part}".{hint_nearest(part, PARTS)}')
    by_name = {row.name: soft_expressions(row.votes) for row in votes if row.name is not None}
    shares = np.zeros((len(pictures), len(EIGHT_EXPRESSIONS)), dtype=np.float32)
    for row, name in enumerate(pictures.ids):
        if soft := by_name.get(name):
            shares[row] = [soft[expression] for expression in EIGHT_EXPRESSIONS]
    faces = upright_faces(pictures, device=device) if by_face or upright else None
    copies = np.zeros(len(pictures), dtype=bool)
    if barred is not None:
        copies = near_pool(pictures, barred) | seen_in(pictures.hashes, barred.hashes)
        if by_face and faces is not None:
            copies |= near_by_face(faces, upright_faces(barred, device=device))
    cut = np.array([is_chooser(name) for name in pictures.ids]) & ~copies
    training = np.flatnonzero(np.array([PARTS[part](name) for name in pictures.ids]) & ~copies)
    held_out = np.flatnonzero(cut)
    known = near_in(pictures.images[held_out], signatures_of(pictures.images[training]))
    if by_face and faces is not None:
        known |= near_by_face(take_faces(faces, held_out), take_faces(faces, training))
    return ResearchTask(
        pictures=pictures,
        votes=shares,
        training=training,
        held_out=held_out[~known],
        preprocessing=fit_preprocessing(pictures.images),
        barred=int(copies.sum()),
        known_of_cut=int(known.sum()),
        size=asked,
        device=device,
        upright=faces.pictures.images if faces is not None and upright else None,
    )


def write_heads(fitted: Fitted, task: ResearchTask) -> tuple[Classifier, Classifier]:
    """The two heads as classifiers, in the folders `labels` and `votes` of the label model's: over FER2013's seven and
    FER+'s eight. Each says which pictures it has seen, so that what is tested on can be told from it, and has a
    temperature fitted on the cut, where the cut holds enough of its labels."""
    seen = take(task.pictures, task.training)
    written: list[Classifier] = []
    for name, classifier, held_out in zip(("labels", "votes"), split_heads(fitted.labeller), _cuts(task), strict=True):
        folder = fitted.folder / name
        saved = save_classifier(classifier, folder)
        save_training_hashes(folder, seen.hashes)
        save_training_signatures(folder, seen.images)
        _calibrate(saved, held_out, folder)
        written.append(saved)
    return written[0], written[1]


def _cuts(task: ResearchTask) -> tuple[Pictures, Pictures]:
    """The cut with FER2013's labels, and those of its pictures that have votes, with these."""
    voted = task.held_out[task.votes[task.held_out].sum(axis=1) > 0]
    by_votes = replace(take(task.pictures, voted), targets=task.votes[voted], classes=EIGHT_EXPRESSIONS)
    return take(task.pictures, task.held_out), by_votes


def _calibrate(classifier: Classifier, held_out: Pictures, folder: Path) -> None:
    """Leave a temperature beside the head's weights; none where there is too little to fit one on."""
    if len(held_out) >= LEAST_TO_FIT and len(set(held_out.labels)) > 1:
        scores = predict(classifier, held_out)
        fitted = fit_temperature(scores, held_out, classes=classifier.classes, model=classifier.sha256)
        save_temperature(folder, fitted)


def split_heads(labeller: Labeller) -> tuple[Classifier, Classifier]:
    """Two classifiers over one trunk: of FER2013's labels, and of FER+'s eight expressions."""
    classes, votes = tuple(labeller.settings["classes"]), tuple(labeller.settings["votes"])
    parts = ((classes, slice(0, len(classes))), (votes, slice(len(classes), None)))
    first, second = (_one_head(labeller, names, part) for names, part in parts)
    return first, second


def _one_head(labeller: Labeller, names: tuple[str, ...], part: slice) -> Classifier:
    whole = labeller.network
    assert isinstance(whole, SmallCnn)
    config: SmallCnnConfig = replace(whole.config, classes=len(names))
    with torch.device("meta"):
        network = SmallCnn(config)
    state = dict(whole.state_dict())
    state |= {"head.weight": state["head.weight"][part].clone(), "head.bias": state["head.bias"][part].clone()}
    network.load_state_dict(state, assign=True)
    return Classifier(
        network=network.eval(),
        classes=names,
        preprocessing=labeller.preprocessing,
        provenance=labeller.provenance,
    )
