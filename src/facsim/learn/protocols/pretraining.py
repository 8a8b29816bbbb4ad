"""`self-supervised`: backbones pre-trained without labels on sets, then probed and trained on with labels.

Beside them, unless said otherwise, what the same architecture is worth untrained (probed) and trained with labels
alone. A linear probe's penalty is chosen on a cut of its training pictures. A test picture that the pre-training saw
without its label counts as seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from facsim.errors import RecipeError, hint_nearest
from facsim.learn.protocols.backbones import pretrained, pretraining_config, untrained
from facsim.learn.protocols.learners import Material
from facsim.learn.protocols.outcome import Outcome, Trained, against_all, set_cells, sets_named
from facsim.learn.protocols.runs import Bench, Cell
from facsim.learn.selfsupervised.pretraining import PretrainingConfig
from facsim.models.backbones import load_backbone

__all__ = ["SelfSupervised"]

_WAYS = ("linear", "fine-tune")
_BASELINES = ("untrained", "supervised")


@dataclass(frozen=True, kw_only=True)
class SelfSupervised:
    """`[self_supervised]`: labelled: the set that backbones are probed and trained on with. on: sets pre-trained on.

    methods: of simclr, byol, moco-v3 and mae. ways: of "linear" (a probe on the frozen backbone) and "fine-tune".
    baselines: of "untrained" (probed) and "supervised" (no pre-training). pretraining: fields of PretrainingConfig, and
    a table of what is a method's own under its name. Its network is the backbone's, and is fine-tuned with the recipe's
    [train]; the supervised baseline's is that of [train].
    """

    labelled: str
    on: tuple[str, ...]
    methods: tuple[str, ...] = ("simclr",)
    ways: tuple[str, ...] = ("linear",)
    baselines: tuple[str, ...] = _BASELINES
    pretraining: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        for found, known, place in ((self.ways, _WAYS, "ways"), (self.baselines, _BASELINES, "baselines")):
            for value in found:
                if value not in known:
                    raise RecipeError(f'self_supervised.{place} has "{value}".{hint_nearest(value, known)}')
        if not (self.on and self.methods and self.ways):
            raise RecipeError("self_supervised: expected at least one set (on), one method and one way")

    def cells(self, bench: Bench) -> Sequence[Cell]:
        """A probe or training for each method, set, way and seed, and those of the baselines."""
        sets_named(bench, [self.labelled, *self.on], "self_supervised")
        cells = list[Cell]()
        if "supervised" in self.baselines:
            cells += set_cells(bench, self.labelled, row="supervised")
        if "untrained" in self.baselines:
            cells += self._untrained(bench)
        for method in self.methods:
            for name in self.on:
                for way in self.ways:
                    cells += [self._learned(bench, method, name, way, seed) for seed in bench.recipe.seeds]
        return cells

    def outcome(self, bench: Bench, trained: Trained) -> Outcome:
        """Every row less the first: the supervised baseline where there is one."""
        rows = trained.rows
        return Outcome(comparisons=against_all(trained, rows[0], rows))

    def _untrained(self, bench: Bench) -> list[Cell]:
        """A probe of every architecture that a method pre-trains, before it does."""
        shapes = {(one.network, repr(one.network_config)): one for one in map(self._config, self.methods)}
        names = [one.network if len(shapes) > 1 else "" for one in shapes.values()]

        def fresh(config: PretrainingConfig, seed: int) -> Path:
            return untrained(bench, bench.shelf.training(self.labelled, seed=seed).pictures, replace(config, seed=seed))

        return [
            self._cell(bench, f"untrained {name}".strip(), "linear", seed, partial(fresh, config, seed))
            for name, config in zip(names, shapes.values(), strict=True)
            for seed in bench.recipe.seeds
        ]

    def _learned(self, bench: Bench, method: str, name: str, way: str, seed: int) -> Cell:
        config = self._config(method, seed)

        def backbone() -> Path:
            return pretrained(bench, bench.shelf.training(name, seed=seed).pictures, config)

        cell = self._cell(bench, f"{method} on {name}, {way}", way, seed, backbone)
        if way != "fine-tune":
            return cell
        return replace(cell, train={"network": config.network, "network_config": dict(config.network_config)})

    def _cell(self, bench: Bench, row: str, way: str, seed: int, backbone: Callable[[], Path]) -> Cell:
        def material() -> Material:
            mixture = bench.shelf.training(self.labelled, seed=seed)
            folder = backbone()
            facts = {"backbone_trained_on": load_backbone(folder).provenance.get("trained_on", "not recorded")}
            return Material(mixture=mixture, initial=str(folder), facts=facts)

        learner = "train" if way == "fine-tune" else "linear-probe"
        return Cell(row=row, set=self.labelled, seed=seed, material=material, learner=learner)

    def _config(self, method: str, seed: int = 0) -> PretrainingConfig:
        return pretraining_config(method, self.pretraining, seed=seed)
