"""`label-repair`: a set with the labels that were asked for, with rectified hard labels, and with soft labels.

SynFER's rule: where the voters' predictions are inconsistent with the target, the label becomes the mean of their
predictions; otherwise the target stays. When predictions are inconsistent is not known of the paper: here, where the
target is not what most voters call the picture (`agree`). A rectified hard label is the first class of that mean.
Voters never judge: none may have seen a test picture, and none may be the model that is tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import RecipeError, hint_nearest
from facsim.expressions import positions_in
from facsim.learn.data import Pictures
from facsim.learn.leaks import load_training_hashes, seen_in
from facsim.learn.predict import predict
from facsim.learn.protocols.learners import Material
from facsim.learn.protocols.measuring import compare
from facsim.learn.protocols.outcome import Outcome, Trained, set_cells, sets_named
from facsim.learn.protocols.results import Finding
from facsim.learn.protocols.runs import Bench, Cell, cell_model, finished_cell
from facsim.models.classifier import Classifier
from facsim.models.weights import load_classifier
from facsim.sample import generator_for

__all__ = ["LabelRepair", "repaired", "votes_agree"]

_ROWS = ("target", "hard", "soft")
_AGREE = ("majority", "all", "any")
_VOTER_SEEDS = 1000  # added to a seed for the voters of that seed, so that none is the model that is tested


@dataclass(frozen=True, kw_only=True)
class LabelRepair:
    """`[label_repair]`: set: whose labels are repaired. voters: folders of models. voter_sets: sets on which voters are
    trained here, with other seeds than the rows.

    agree: a target stays where "majority" (more than half), "all" or "any" of the voters call the picture so. noise:
    first give so many of the labels, drawn at random, another class: with targets known to be right this shows how much
    a repair makes good. rows: of "target", "hard" and "soft".
    """

    set: str
    voters: tuple[str, ...] = ()
    voter_sets: tuple[str, ...] = ()
    agree: str = "majority"
    noise: float = 0.0
    rows: tuple[str, ...] = _ROWS

    def __post_init__(self) -> None:
        for value, known, place in ((self.agree, _AGREE, "agree"), *((row, _ROWS, "rows") for row in self.rows)):
            if value not in known:
                raise RecipeError(f'label_repair.{place} has "{value}".{hint_nearest(value, known)}')
        if not (self.voters or self.voter_sets):
            raise RecipeError("label_repair has no voters; name models (voters) or sets to train them on (voter_sets)")
        if self.set in self.voter_sets:
            raise RecipeError(f'label_repair.voter_sets names "{self.set}" itself: such a voter repeats its labels')
        if "target" not in self.rows or not 0 <= self.noise < 1:
            raise RecipeError(
                f"label_repair: found rows {list(self.rows)} and noise {self.noise:g}; expected target, 0–1"
            )

    def cells(self, bench: Bench) -> Sequence[Cell]:
        """One training a row and seed; repaired rows want the voters first."""
        sets_named(bench, [self.set, *self.voter_sets], "label_repair")
        self._refuse_leaks(bench)
        plain = set_cells(bench, self.set)
        return [
            replace(cell, row=row, material=lambda row=row, cell=cell: self._material(bench, row, cell))
            for row in self.rows
            for cell in plain
        ]

    def outcome(self, bench: Bench, trained: Trained) -> Outcome:
        """Every row less the targets', soft less hard, and how many labels were changed."""
        pairs = [(row, "target") for row in self.rows if row != "target"]
        pairs += [("soft", "hard")] if {"soft", "hard"} <= set(self.rows) else []
        comparisons = [
            found
            for test in trained.tests
            for row, against in pairs
            for found in compare(trained.calls[row, test], trained.calls[against, test])
        ]
        told = list[Finding]()
        for cell, done in zip(trained.cells, trained.trainings, strict=True):
            if "changed" not in done.facts:
                continue
            if done.model_sha256 in [voter["sha256"] for voter in done.facts["voters"]]:
                raise RecipeError(
                    f"{cell.row}, seed {cell.seed}: the model tested is one of the voters; voters never judge"
                )
            told.append(_finding(cell, done.n, done.facts))
        return Outcome(comparisons=tuple(comparisons), findings=tuple(told))

    def _material(self, bench: Bench, row: str, cell: Cell) -> Material:
        given = cell.material()
        held = given.mixture.pictures
        spoilt = replace(held, targets=_noisy(held.targets, self.noise, cell.seed))
        facts: dict[str, Any] = {"noise": self.noise, "labels": row}
        if row != "target":
            voters = [*self._given(bench), *self._trained(bench, cell.seed)]
            ballots = np.stack([_ballot(voter, spoilt) for voter in voters])
            labels = repaired(spoilt.targets, ballots, agree=self.agree, hard=row == "hard")
            facts |= _repair_facts(spoilt, labels, held.targets)
            facts["voters"] = [
                {"sha256": voter.sha256, "trained_on": dict(voter.provenance).get("trained_on", "not recorded")}
                for voter in voters
            ]
            spoilt = replace(spoilt, targets=labels)
        return replace(given, mixture=replace(given.mixture, pictures=spoilt), facts=facts)

    def _given(self, bench: Bench) -> list[Classifier]:
        return [load_classifier(bench.recipe.place(path), device=bench.device) for path in self.voters]

    def _trained(self, bench: Bench, seed: int) -> list[Classifier]:
        found = list[Classifier]()
        for name in self.voter_sets:
            cell = Cell(
                row=f"voter on {name}",
                set=name,
                seed=seed + _VOTER_SEEDS,
                material=lambda name=name: Material(mixture=bench.shelf.training(name, seed=seed)),
            )
            found.append(load_classifier(cell_model(bench, finished_cell(bench, cell, {})), device=bench.device))
        return found

    def _refuse_leaks(self, bench: Bench) -> None:
        """No voter may have seen a test picture; one that does not say what it has seen is refused too."""
        known = {f"the voter {path}": _hashes(bench.recipe.place(path)) for path in self.voters}
        for name in self.voter_sets:
            seen = [bench.shelf.training(name, seed=seed).pictures.hashes for seed in bench.recipe.seeds]
            known[f'the voter on "{name}"'] = np.concatenate(seen)
        for entry in bench.recipe.tests:
            test = bench.shelf.test(entry.name)
            for voter, hashes in known.items():
                if count := int(seen_in(test.hashes, hashes).sum()):
                    raise RecipeError(
                        f'{voter} was trained on {count} pictures of the test "{entry.name}"; voters never judge: '
                        "test on other pictures, or take other voters"
                    )


def repaired(
    targets: NDArray[np.float32], ballots: NDArray[np.float32], *, agree: str, hard: bool
) -> NDArray[np.float32]:
    """Labels (N, C): the target where the ballots (V, N, C) agree with it, else their mean, or its first class."""
    kept = votes_agree(targets, ballots, agree=agree)
    mean = ballots.mean(axis=0, dtype=np.float64)
    mean = (mean / mean.sum(axis=1, keepdims=True)).astype(np.float32)
    if hard:
        mean = np.eye(targets.shape[1], dtype=np.float32)[mean.argmax(axis=1)]
    return np.where(kept[:, None], targets, mean)


def votes_agree(targets: NDArray[np.float32], ballots: NDArray[np.float32], *, agree: str) -> NDArray[np.bool_]:
    """Where the first class of the target (N, C) is what so many of the ballots (V, N, C) put first: bool (N,)."""
    for_target = (ballots.argmax(axis=2) == targets.argmax(axis=1)).sum(axis=0)
    least = {"any": 1, "all": len(ballots), "majority": len(ballots) // 2 + 1}[agree]
    return for_target >= least


def _hashes(path: str) -> NDArray[np.uint64]:
    hashes = load_training_hashes(Path(path))
    if hashes is None:
        raise RecipeError(
            f"the voter {path} does not say which pictures it was trained on, so that it could have seen a test's; "
            "take one that `facsim train` made"
        )
    return hashes


def _ballot(voter: Classifier, pictures: Pictures) -> NDArray[np.float32]:
    """A voter's scores in the order of the pictures' classes."""
    if set(voter.classes) != set(pictures.classes):
        raise RecipeError(f"a voter knows {', '.join(voter.classes)}, the set {', '.join(pictures.classes)}")
    return predict(voter, pictures)[:, list(positions_in(voter.classes, pictures.classes))]


def _noisy(targets: NDArray[np.float32], noise: float, seed: int) -> NDArray[np.float32]:
    """The targets, a share of them one-hot of another class, evenly among the others."""
    if noise == 0:
        return targets
    rng = generator_for(f"label-noise/{seed}", "classes")
    count, classes = targets.shape
    other = (targets.argmax(axis=1) + rng.integers(1, classes, size=count)) % classes
    spoilt = rng.random(count) < noise
    return np.where(spoilt[:, None], np.eye(classes, dtype=np.float32)[other], targets)


def _repair_facts(spoilt: Pictures, labels: NDArray[np.float32], known: NDArray[np.float32]) -> dict[str, Any]:
    """How many labels were changed, by the class that they were; the share of those asked for, before and after."""
    changed = np.any(spoilt.targets != labels, axis=1)
    names = np.array(spoilt.labels)
    return {
        "changed": int(changed.sum()),
        "changed_by_class": {name: int((changed & (names == name)).sum()) for name in spoilt.classes},
        "as_asked_before": float((spoilt.targets.argmax(axis=1) == known.argmax(axis=1)).mean()),
        "as_asked_after": float((labels.argmax(axis=1) == known.argmax(axis=1)).mean()),
    }


def _finding(cell: Cell, n: int, facts: Any) -> Finding:
    return Finding(
        name="labels changed",
        text=(
            f"{cell.row}, seed {cell.seed}: {facts['changed']:,} of {n:,} labels changed; as asked for "
            f"{facts['as_asked_before']:.4f} before, {facts['as_asked_after']:.4f} after"
        ),
        value=float(facts["changed"]),
        facts=dict(facts),
    )
