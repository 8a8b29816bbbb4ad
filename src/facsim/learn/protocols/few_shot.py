"""`few-shot`: frozen backbones with few labels: k pictures a class or per cent of a pool, over many episodes.

Backbones are trained here with labels on sets, or pre-trained without labels, or given as folders; "untrained" is what
the architecture alone is worth. Every seed trains its own backbone and draws its own episodes. A row's interval is the
mean over seeds of the interval over test pictures (`facsim.learn.few_shot`), which is the interval of the mean where
seeds err together and too wide where they do not; what single episodes give is in the results' findings. A test's
pictures in the pool are refused; near-duplicates of a test's are not drawn, and counted.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import RecipeError, hint_nearest
from facsim.learn.data import Pictures
from facsim.learn.few_shot import CLASSIFIERS, FewShot, FewShotFigure, FewShotSize, LabelledFeatures, few_shot
from facsim.learn.leaks import load_seen, near_pool, seen_in
from facsim.learn.probes import extract_features
from facsim.learn.protocols.backbones import pretrained, pretraining_config, untrained
from facsim.learn.protocols.outcome import Outcome, Trained, set_cells, sets_named
from facsim.learn.protocols.results import Figure, Finding, Measurement
from facsim.learn.protocols.runs import Bench, Cell, cell_model
from facsim.models.backbones import load_backbone
from facsim.products import Progress

__all__ = ["FewShotProtocol"]

_UNTRAINED = "untrained"


@dataclass(frozen=True, kw_only=True)
class FewShotProtocol:
    """`[few_shot]`: pool: the set that episodes draw their labelled pictures from.

    sets: backbones are trained on them with labels, by the recipe's [train] (they are rows of their own too). on,
    methods, pretraining: as in [self_supervised]. models: folders of models or backbones. untrained: whether to add the
    architecture as it begins. shots, per_cent: labels an episode has of each class. classifiers: of "linear",
    "nearest-mean" and "nearest-mean-euclidean".
    """

    pool: str
    sets: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("simclr",)
    pretraining: Mapping[str, Any] = field(default_factory=dict[str, Any])
    models: tuple[str, ...] = ()
    untrained: bool = True
    shots: tuple[int, ...] = (1, 5, 10, 50)
    per_cent: tuple[float, ...] = ()
    classifiers: tuple[str, ...] = ("linear", "nearest-mean")
    episodes: int = 100

    def __post_init__(self) -> None:
        for name in self.classifiers:
            if name not in CLASSIFIERS:
                raise RecipeError(f'few_shot.classifiers has "{name}".{hint_nearest(name, CLASSIFIERS)}')
        if not (self.sets or self.on or self.models):
            raise RecipeError("few_shot has no backbone; name sets, on or models")
        if not self.sizes or self.episodes < 1 or min([*self.shots, *self.per_cent]) <= 0:
            raise RecipeError("few_shot: expected shots or per_cent, and episodes, all above 0")

    @property
    def sizes(self) -> tuple[FewShotSize, ...]:
        """How many labels episodes have."""
        counts = [FewShotSize(shots=count) for count in self.shots]
        return (*counts, *(FewShotSize(per_cent=share) for share in self.per_cent))

    def cells(self, bench: Bench) -> Sequence[Cell]:
        """The trainings of backbones with labels."""
        sets_named(bench, [self.pool, *self.sets, *self.on], "few_shot")
        return [cell for name in self.sets for cell in set_cells(bench, name)]

    def outcome(self, bench: Bench, trained: Trained) -> Outcome:
        """A row a backbone, classifier and size, and every seed's episodes."""
        measurements, findings = list[Measurement](), list[Finding]()
        pools = [self._pool(bench, seed, trained.tests) for seed in bench.recipe.seeds]
        findings += [finding for pool in pools for finding in _left_out(self.pool, pool)]
        for name, folders in self._backbones(bench, trained).items():
            shot = self._shot(bench, name, folders, pools)
            seen = {test: [load_seen(one).counts(shown) for one in folders] for test, shown in trained.tests.items()}
            for (classifier, _, test), found in shot.items():
                measurements.append(_measurement(f"{name}, {classifier}", test, found, bench.recipe.seeds, seen[test]))
                findings += [_finding(name, test, one) for one in found]
        return Outcome(
            measurements=tuple(measurements), findings=tuple(findings), x_label="labelled pictures an episode"
        )

    def _backbones(self, bench: Bench, trained: Trained) -> dict[str, list[Path]]:
        """Name → a folder a seed, made now where it is not there."""
        found = dict[str, list[Path]]()
        for cell, done in zip(trained.cells, trained.trainings, strict=True):
            found.setdefault(f"trained on {cell.row}", []).append(cell_model(bench, done))
        for seed in bench.recipe.seeds:
            if self.untrained:
                pool = bench.shelf.training(self.pool, seed=seed).pictures
                config = pretraining_config(self.methods[0], self._pretraining, seed=seed)
                found.setdefault(_UNTRAINED, []).append(untrained(bench, pool, config))
            for method in self.methods:
                for name in self.on:
                    config = pretraining_config(method, self._pretraining, seed=seed)
                    pictures = bench.shelf.training(name, seed=seed).pictures
                    found.setdefault(f"{method} on {name}", []).append(pretrained(bench, pictures, config))
            for path in self.models:
                found.setdefault(Path(path).name, []).append(Path(bench.recipe.place(path)))
        return found

    @property
    def _pretraining(self) -> Mapping[str, Any]:
        """As given; where nothing is pre-trained the length does not matter, and none is asked for."""
        given = self.pretraining
        return given if "steps" in given or "epochs" in given or self.on else {**given, "steps": 1}

    def _pool(self, bench: Bench, seed: int, tests: Mapping[str, Pictures]) -> _Pool:
        held = bench.shelf.training(self.pool, seed=seed).pictures
        for name, test in tests.items():
            _refuse_shared(self.pool, held, name, test)
        near = {name: near_pool(held, test) for name, test in tests.items()}
        return _Pool(seed=seed, pictures=held, tests=tests, near=near)

    def _shot(
        self, bench: Bench, name: str, folders: Sequence[Path], pools: Sequence[_Pool]
    ) -> dict[tuple[str, FewShotSize, str], list[FewShot]]:
        """(classifier, size, test) → each seed's episodes."""
        found = dict[tuple[str, FewShotSize, str], list[FewShot]]()
        for pool, folder in zip(pools, folders, strict=True):
            seed = pool.seed
            bench.on_progress(Progress(step=f"episodes, {name}", done=0, total=1, note=f"seed {seed}"))
            backbone = load_backbone(folder, device=bench.device)
            known = extract_features(backbone, pool.pictures)
            for test_name, test in pool.tests.items():
                drawn_from = pool.apart_from(test_name, known)
                shown = LabelledFeatures(
                    values=extract_features(backbone, test), labels=test.labels, classes=test.classes
                )
                for classifier in self.classifiers:
                    for size in self.sizes:
                        one = few_shot(
                            drawn_from, shown, size, classifier=classifier, episodes=self.episodes, seed=seed
                        )
                        found.setdefault((classifier, size, test_name), []).append(one)
            bench.on_progress(Progress(step=f"episodes, {name}", done=1, total=1, note=f"seed {seed}"))
        return found


@dataclass(frozen=True, kw_only=True)
class _Pool:
    """The pool of a seed, the tests by name, and which of its pictures are near-duplicates of each test's, bool (N,):
    no episode draws those."""

    seed: int
    pictures: Pictures
    tests: Mapping[str, Pictures]
    near: Mapping[str, NDArray[np.bool_]]

    def apart_from(self, test: str, features: NDArray[np.float32]) -> LabelledFeatures:
        """What episodes for a test draw from, of the whole pool's features (N, D)."""
        rows = np.flatnonzero(~self.near[test])
        labels = self.pictures.labels
        return LabelledFeatures(
            values=features[rows], labels=tuple(labels[row] for row in rows), classes=self.pictures.classes
        )


def _left_out(name: str, pool: _Pool) -> list[Finding]:
    return [
        Finding(
            name="left out of the pool",
            test=test,
            text=f'{int(near.sum())} pictures of "{name}", seed {pool.seed}, nearly in {test}: not drawn',
            value=float(near.sum()),
        )
        for test, near in pool.near.items()
        if near.any()
    ]


def _refuse_shared(pool: str, held: Pictures, name: str, test: Pictures) -> None:
    if count := int(seen_in(test.hashes, held.hashes).sum()):
        raise RecipeError(
            f'{count} pictures of the test "{name}" are in the pool "{pool}"; leave them out there: '
            f'without = ["{name}"]'
        )


def _measurement(
    group: str, test: str, found: Sequence[FewShot], seeds: Sequence[int], seen: Sequence[tuple[int | None, int | None]]
) -> Measurement:
    """`seen`: test pictures that each seed's backbone was trained on, with labels or without, and nearly so."""
    names = found[0].recall
    recalls = {name: [value for one in found if (value := one.recall[name]) is not None] for name in names}
    return Measurement(
        row=f"{group}, {found[0].size}",
        test=test,
        n=found[0].n,
        seeds=tuple(seeds),
        trainings=(),
        figures={"accuracy": _figure([one.accuracy for one in found]), "uar": _figure([one.uar for one in found])},
        recall={name: _plain_figure(values) if values else None for name, values in recalls.items()},
        seen=tuple(exact for exact, _ in seen),
        near=tuple(near for _, near in seen),
        unseen={},
        # shots are as many of each class, per cent are classes as they come: two lines, not one
        group=f"{group}, %" if "%" in str(found[0].size) else group,
        x=float(np.mean([one.labelled for one in found])),
    )


def _figure(found: Sequence[FewShotFigure]) -> Figure:
    values = [one.mean for one in found]
    return Figure(
        mean=statistics.fmean(values),
        sd=statistics.stdev(values) if len(values) > 1 else None,
        low=statistics.fmean(one.over_pictures[0] for one in found),
        high=statistics.fmean(one.over_pictures[1] for one in found),
        values=tuple(values),
    )


def _plain_figure(values: Sequence[float]) -> Figure:
    """A figure without an interval."""
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Figure(mean=statistics.fmean(values), sd=sd, low=None, high=None, values=tuple(values))


def _finding(name: str, test: str, one: FewShot) -> Finding:
    low, high = one.accuracy.over_episodes
    told = f"{one.accuracy.mean:.4f} [{low:.4f}, {high:.4f}]" if one.episodes > 1 else f"{one.accuracy.mean:.4f}"
    return Finding(
        name="episodes",
        test=test,
        text=f"{name}, {one.classifier}, {one.size}, seed {one.seed}: accuracy {told} over {one.episodes} episodes",
        value=one.accuracy.mean,
        low=low if one.episodes > 1 else None,
        high=high if one.episodes > 1 else None,
        facts={"backbone": name, **one.to_json()},
        shown=False,
    )
