"""`worth`: how many real pictures a set is worth: the real-data size at which the learning curve reaches its score.

Real sets of several sizes give the curve; the set weighed gives a score; where they cross is interpolated between the
sizes that were measured (`facsim.learn.protocols.curves`). Beyond them it is only said to be more, or less. The
interval resamples test pictures, the same for all rows, and training seeds within every row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import RecipeError, hint_nearest
from facsim.learn.protocols.curves import PowerLaw, crossing, fit_power_law
from facsim.learn.protocols.learners import Material
from facsim.learn.protocols.measuring import METRICS, Calls, draws_of
from facsim.learn.protocols.outcome import Outcome, Trained, set_cells, sets_named
from facsim.learn.protocols.results import Finding
from facsim.learn.protocols.runs import Bench, Cell

__all__ = ["Worth"]


@dataclass(frozen=True, kw_only=True)
class Worth:
    """`[worth]`: real: the set that is cut to sizes. sets: those that are weighed.

    shares: sizes, as shares of the real set, drawn stratified, every seed its own. metrics: by which it is weighed.
    """

    real: str
    sets: tuple[str, ...]
    shares: tuple[float, ...] = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
    metrics: tuple[str, ...] = ("accuracy", "uar")

    def __post_init__(self) -> None:
        if len(set(self.shares)) < 2 or not all(0 < share <= 1 for share in self.shares):
            raise RecipeError(f"worth.shares is {list(self.shares)}; expected at least two shares, over 0 and up to 1")
        for metric in self.metrics:
            if metric not in METRICS:
                raise RecipeError(f'worth.metrics has "{metric}".{hint_nearest(metric, METRICS)}')

    def cells(self, bench: Bench) -> Sequence[Cell]:
        """One training a share and seed, and one a set and seed."""
        sets_named(bench, [self.real, *self.sets], "worth")
        cells = [self._cell(bench, share, seed) for share in sorted(set(self.shares)) for seed in bench.recipe.seeds]
        return cells + [cell for name in self.sets for cell in set_cells(bench, name, group=name)]

    def outcome(self, bench: Bench, trained: Trained) -> Outcome:
        """For every set, test and metric, what it is worth; and the power law through every curve."""
        sizes = self._sizes(trained)
        findings = list[Finding]()
        for test in trained.tests:
            curve = [trained.calls[self._row(share), test] for share in sorted(set(self.shares))]
            for metric in self.metrics:
                for name in self.sets:
                    findings.append(_worth(name, trained.calls[name, test], curve, sizes, metric))
        return Outcome(findings=tuple(findings), x_label="real training pictures")

    def _cell(self, bench: Bench, share: float, seed: int) -> Cell:
        def material() -> Material:
            entry = bench.recipe.set_named(self.real)
            if (entry.share, entry.count, entry.per_class) != (None, None, None):
                raise RecipeError(f'worth.real: set "{self.real}" has a quota of its own; name the whole set')
            return Material(mixture=bench.shelf.training(replace(entry, share=share), seed=seed))

        return Cell(row=self._row(share), set=self.real, seed=seed, material=material, group=self.real)

    def _row(self, share: float) -> str:
        return f"{self.real}, {100 * share:g} %"

    def _sizes(self, trained: Trained) -> list[float]:
        """Pictures of each share, ascending: the mean over seeds."""
        found = dict[str, list[int]]()
        for cell, done in zip(trained.cells, trained.trainings, strict=True):
            found.setdefault(cell.row, []).append(done.n)
        return [float(np.mean(found[self._row(share)])) for share in sorted(set(self.shares))]


def _worth(name: str, weighed: Calls, curve: Sequence[Calls], sizes: Sequence[float], metric: str) -> Finding:
    drawn = draws_of([weighed, *curve], metric)
    scores = [float(values[0].mean()) for values in drawn]
    own, law = scores[0], fit_power_law(sizes, scores[1:])
    value = crossing(sizes, scores[1:], own)
    low, high = _interval(drawn, sizes)
    bound = "more" if math.isinf(value) else "less" if value == 0 else ""
    told = sizes[-1] if bound == "more" else sizes[0] if bound == "less" else value
    return Finding(
        name="worth",
        test=weighed.test,
        text=_text(name, weighed, metric, own, (bound, told, low, high)),
        value=told,
        low=_finite(low),
        high=_finite(high),
        bound=bound,
        facts={
            "set": name,
            "metric": metric,
            "score": own,
            "sizes": list(sizes),
            "scores": scores[1:],
            "power_law": _law_facts(law, own),
        },
    )


def _interval(drawn: Sequence[NDArray[np.float64]], sizes: Sequence[float]) -> tuple[float, float]:
    """95 % of the crossings over resampled pictures and, within each row, resampled seeds; 0 and infinity may bound."""
    rng = np.random.default_rng(0)
    means = [_reseeded(values[1:], rng) for values in drawn]
    crossings = np.sort([crossing(sizes, list(row[1:]), row[0]) for row in np.stack(means, axis=1).tolist()])
    # "lower" and "higher" take one of the crossings: between a number and infinity there is none.
    low = np.quantile(crossings, 0.025, method="lower")
    return float(low), float(np.quantile(crossings, 0.975, method="higher"))


def _reseeded(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The mean over seeds drawn with replacement, of values (R, S): (R,)."""
    picked = rng.integers(0, values.shape[1], size=values.shape)
    return np.take_along_axis(values, picked, axis=1).mean(axis=1)


def _text(name: str, weighed: Calls, metric: str, own: float, found: tuple[str, float, float, float]) -> str:
    bound, told, low, high = found
    words = {"more": "more than ", "less": "fewer than ", "": ""}[bound]
    ends = ["fewer" if low == 0 else f"{low:,.0f}", "more" if math.isinf(high) else f"{high:,.0f}"]
    return (
        f'"{name}" is worth {words}{told:,.0f} real pictures by {metric} on {weighed.test} '
        f"({own:.4f}; 95 % interval {ends[0]} to {ends[1]})"
    )


def _finite(value: float) -> float | None:
    return value if 0 < value < math.inf else None


def _law_facts(law: PowerLaw | None, own: float) -> dict[str, Any] | None:
    """The power law through the curve, and the size that it would need for the set's score (None where none is)."""
    if law is None:
        return None
    size = law.size_for(own)
    return {
        "ceiling": law.ceiling,
        "span": law.span,
        "rate": law.rate,
        "error": law.error,
        "size_for_score": _finite(size),
    }
