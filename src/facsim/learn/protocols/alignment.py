"""`alignment`: a synthetic set as it is, and drawn to the distribution of real pictures without labels.

As a selection: the pictures whose features, by a network trained on the set itself or one given, are distributed as the
reference's (`facsim.learn.protocols.features`), against as many drawn at random. As a loss: features of training
pictures are drawn to those of the reference (`facsim.learn.alignment`). Real-Fake (Yuan et al. 2024) matches synthetic
to real data so; what SynFER does of it is not known. The reference's labels are not read. Its pictures are seen in
training, so none of them may be in a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import RecipeError, hint_nearest
from facsim.learn.data import Pictures, take
from facsim.learn.leaks import load_training_hashes, seen_in
from facsim.learn.mixtures import Mixture, Quota, draw
from facsim.learn.predict import predict
from facsim.learn.probes import extract_features
from facsim.learn.protocols.features import Herded, fourier_map, herd, mean_embedding
from facsim.learn.protocols.learners import Material
from facsim.learn.protocols.measuring import compare
from facsim.learn.protocols.outcome import Outcome, Trained, set_cells, sets_named
from facsim.learn.protocols.results import Finding
from facsim.learn.protocols.runs import Bench, Cell, cell_model, finished_cell
from facsim.learn.protocols.sets import single
from facsim.models.backbones import Backbone
from facsim.models.classifier import Classifier
from facsim.models.weights import load_classifier

__all__ = ["Alignment"]

_ROWS = ("plain", "random", "selected", "loss", "selected+loss")


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """`[alignment]`: set: what is aligned. reference: real pictures, read without labels.

    rows: of "plain" (the whole set), "random" (a share `keep` of it), "selected" (as many, chosen), "loss" (the whole
    set, with the loss) and "selected+loss". extractor: a model's folder; "" takes the plain row's own of each seed.
    per_class: match each class to the reference pictures that the extractor calls so, instead of all to all.
    weight, kernel ("moments" or "rbf"): of the loss.
    """

    set: str
    reference: str
    rows: tuple[str, ...] = ("plain", "random", "selected", "loss")
    keep: float = 0.5
    extractor: str = ""
    per_class: bool = False
    weight: float = 0.1
    kernel: str = "moments"

    def __post_init__(self) -> None:
        for row in self.rows:
            if row not in _ROWS:
                raise RecipeError(f'alignment.rows has "{row}".{hint_nearest(row, _ROWS)}')
        if "plain" not in self.rows:
            raise RecipeError('alignment.rows lacks "plain", which the others are compared with; add it')
        if not 0 < self.keep < 1 or self.weight <= 0:
            raise RecipeError(
                f"alignment: found keep = {self.keep:g} and weight = {self.weight:g}, expected 0 to 1, > 0"
            )

    def cells(self, bench: Bench) -> Sequence[Cell]:
        """One training a row and seed; chosen rows want the plain row's first."""
        sets_named(bench, [self.set, self.reference], "alignment")
        self._refuse_leaks(bench)
        made = {"plain": set_cells(bench, self.set, row="plain")}
        for row in self.rows:
            if row != "plain":
                made[row] = [self._cell(bench, row, plain) for plain in made["plain"]]
        return [cell for row in self.rows for cell in made[row]]

    def outcome(self, bench: Bench, trained: Trained) -> Outcome:
        """Each row less plain, the chosen less the random ones, and how far features lay before and after."""
        pairs = [(row, "plain") for row in self.rows if row != "plain"]
        pairs += [("selected", "random")] if {"selected", "random"} <= set(self.rows) else []
        comparisons = [
            found
            for test in trained.tests
            for row, against in pairs
            for found in compare(trained.calls[row, test], trained.calls[against, test])
        ]
        told = [
            _finding(cell, done.facts)
            for cell, done in zip(trained.cells, trained.trainings, strict=True)
            if "before" in done.facts
        ]
        return Outcome(comparisons=tuple(comparisons), findings=tuple(told))

    def _cell(self, bench: Bench, row: str, plain: Cell) -> Cell:
        with_loss = row in ("loss", "selected+loss")
        loss = {"alignment": self.weight, "alignment_kernel": self.kernel} if with_loss else {}
        return replace(plain, row=row, material=lambda: self._material(bench, row, plain), train=loss)

    def _material(self, bench: Bench, row: str, plain: Cell) -> Material:
        given = plain.material()
        reference = bench.shelf.training(self.reference, seed=plain.seed).pictures
        held: Mixture = given.mixture
        facts: dict[str, Any] = {}
        if row == "random":
            taken, short = draw(held.pictures, Quota(share=self.keep), seed=plain.seed)
            held = single(self.set, taken, short)
        elif row.startswith("selected"):
            extractor = self._extractor(bench, plain)
            herded = _herded(extractor, held.pictures, reference, self, plain.seed)
            held = single(self.set, take(held.pictures, herded.positions))
            facts = {"before": herded.before, "after": herded.after, "extractor_sha256": extractor.sha256}
        facts |= {"reference": reference.fingerprint, "reference_n": len(reference)} if row != "random" else {}
        return replace(given, mixture=held, reference=reference if row.endswith("loss") else None, facts=facts)

    def _extractor(self, bench: Bench, plain: Cell) -> Classifier:
        if self.extractor:
            return load_classifier(bench.recipe.place(self.extractor), device=bench.device)
        return load_classifier(cell_model(bench, finished_cell(bench, plain, {})), device=bench.device)

    def _refuse_leaks(self, bench: Bench) -> None:
        """Neither the reference nor what the extractor was trained on may be in a test."""
        seen = [bench.shelf.training(self.reference, seed=seed).pictures.hashes for seed in bench.recipe.seeds]
        known = {f'the reference "{self.reference}"': np.concatenate(seen)}
        if self.extractor:
            hashes = load_training_hashes(bench.recipe.place(self.extractor))
            if hashes is None:
                raise RecipeError(
                    f"the extractor {self.extractor} does not say what it was trained on; train one that does"
                )
            known[f"what the extractor {self.extractor} was trained on"] = hashes
        for entry in bench.recipe.tests:
            test = bench.shelf.test(entry.name)
            for what, hashes in known.items():
                if count := int(seen_in(test.hashes, hashes).sum()):
                    raise RecipeError(
                        f'{count} pictures of the test "{entry.name}" are in {what}; leave them out there: '
                        f'without = ["{entry.name}"]'
                    )


def _herded(extractor: Classifier, pictures: Pictures, reference: Pictures, asked: Alignment, seed: int) -> Herded:
    labels = pictures.targets.argmax(axis=1).astype(np.int64)
    real = _features(extractor, reference)
    if not asked.per_class:
        return _near(extractor, pictures, np.arange(len(pictures)), labels, real, asked, seed)
    called = predict(extractor, reference).argmax(axis=1)
    order = [extractor.classes.index(name) for name in pictures.classes]
    parts = list[Herded]()
    for place, column in enumerate(order):
        rows, same = np.flatnonzero(labels == place), real[called == column]
        if len(rows) and not len(same):
            raise RecipeError(
                f"the extractor calls no reference picture {pictures.classes[place]}; use per_class = false, or one "
                "that is trained longer"
            )
        if len(rows):
            parts.append(_near(extractor, pictures, rows, np.zeros(len(rows), np.int64), same, asked, seed))
    return Herded(
        positions=np.sort(np.concatenate([part.positions for part in parts])),
        before=float(np.mean([part.before for part in parts])),
        after=float(np.mean([part.after for part in parts])),
    )


def _features(extractor: Classifier, pictures: Pictures) -> NDArray[np.float32]:
    """What the extractor's last layer reads of the pictures: (N, D)."""
    return extract_features(Backbone(network=extractor.network, preprocessing=extractor.preprocessing), pictures)


def _near(
    extractor: Classifier,
    pictures: Pictures,
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    real: NDArray[np.float32],
    asked: Alignment,
    seed: int,
) -> Herded:
    """Of the pictures at `rows`, those that lie as the reference's features `real` do; positions are the pictures'."""
    embed = fourier_map(real, seed=seed)
    found = herd(
        lambda block: _features(extractor, take(pictures, rows[block])),
        labels,
        mean_embedding(real, embed),
        embed,
        keep=asked.keep,
        seed=seed,
    )
    return replace(found, positions=rows[found.positions])


def _finding(cell: Cell, facts: Any) -> Finding:
    return Finding(
        name="discrepancy",
        text=(
            f"{cell.row}, seed {cell.seed}: squared discrepancy of features from the reference's {facts['after']:.5f}, "
            f"of all pictures {facts['before']:.5f}"
        ),
        value=facts["after"],
        facts=dict(facts),
    )
