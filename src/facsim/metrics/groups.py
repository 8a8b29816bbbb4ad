"""Metrics of groups of pictures, and the gaps between groups, with their intervals and a permutation test.

Resamples are of all pictures, so a group's size varies as another draw's would: one multinomial draw over the cells
(group, truth, answer). Gaps are taken over groups of at least `LEAST_IN_GROUP` pictures; smaller ones are listed and
flagged. The largest difference of several groups is above 0 even where groups do not matter, and its interval need not
reach 0; the permutation test says how often as large a gap comes by chance: groups are dealt out anew among the
pictures of equal truth, so groups that only differ in which expressions they show are not called unequal.

Per class, one against the rest, as `fairlearn` defines them (Weerts et al. 2023): demographic parity is about the share
that is called the class, equalised odds about the larger of the differences in true and false positive rates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.classification import HEADLINES, class_positions, recalls_of
from facsim.metrics.estimate import RESAMPLES, Estimate, estimate_from

__all__ = ["LEAST_IN_GROUP", "ClassGap", "Gap", "Group", "Groups", "measure_groups"]

LEAST_IN_GROUP = 30
"""Pictures that a group needs for gaps: below it an accuracy's 95 % interval is wider than 0.3."""

_Counts = NDArray[np.int64]
_Rates = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Group:
    """One group's figures, by name, and its recall by class; `small` groups take no part in gaps."""

    name: str
    n: int
    small: bool
    figures: Mapping[str, Estimate]
    recall: Mapping[str, Estimate]

    def to_json(self) -> dict[str, Any]:
        """`{n, small, accuracy, uar, macro_f1, recall}`; a class that the group does not show has recall null."""
        return {
            "n": self.n,
            "small": self.small,
            **{name: figure.to_json() for name, figure in self.figures.items()},
            "recall": {name: rate.to_json() for name, rate in self.recall.items()},
        }


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The largest difference of a metric between two groups, the smallest over the largest value, and how likely.

    `p`: share of dealings-out of the groups at random that give as large a difference.
    """

    difference: Estimate
    ratio: Estimate
    lowest: str
    highest: str
    p: float

    def to_json(self) -> dict[str, Any]:
        """`{difference, ratio, lowest, highest, p}`."""
        return {
            "difference": self.difference.to_json(),
            "ratio": self.ratio.to_json(),
            "lowest": self.lowest,
            "highest": self.highest,
            "p": self.p,
        }


@dataclass(frozen=True, kw_only=True)
class ClassGap:
    """How unequally one class is called in the groups: two differences in [0, 1], 0 being equal."""

    demographic_parity: Estimate
    equalised_odds: Estimate

    def to_json(self) -> dict[str, Any]:
        """`{demographic_parity_difference, equalised_odds_difference}`."""
        return {
            "demographic_parity_difference": self.demographic_parity.to_json(),
            "equalised_odds_difference": self.equalised_odds.to_json(),
        }


@dataclass(frozen=True, kw_only=True)
class Groups:
    """All groups by name, gaps by metric and by class (empty where fewer than two groups are large enough).

    `unknown` counts pictures of which the group is not known.
    """

    groups: tuple[Group, ...]
    gaps: Mapping[str, Gap]
    by_class: Mapping[str, ClassGap]
    unknown: int

    def to_json(self) -> dict[str, Any]:
        """`{groups, gaps, by_class, unknown, least_in_group}`."""
        return {
            "groups": {group.name: group.to_json() for group in self.groups},
            "gaps": {name: gap.to_json() for name, gap in self.gaps.items()},
            "by_class": {name: gap.to_json() for name, gap in self.by_class.items()},
            "unknown": self.unknown,
            "least_in_group": LEAST_IN_GROUP,
        }


def measure_groups(
    truth: Sequence[str],
    predicted: Sequence[str],
    groups: Sequence[str | None],
    *,
    classes: Sequence[str],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Groups:
    """Figures and gaps of `groups` (N), names or None where not known, over truth and predictions (N), class names.

    Groups are in the order of their names, numbers within them by value. Raises FacsimError where lengths differ or no
    group is known.
    """
    known, names = _known(truth, predicted, groups)
    counts = _tallied(known, names, classes)
    cells = rng.multinomial(counts.sum(), (counts / counts.sum()).ravel(), size=resamples)
    drawn = cells.reshape(resamples, *counts.shape)
    large = np.flatnonzero(counts.sum(axis=(1, 2)) >= LEAST_IN_GROUP)
    enough = len(large) > 1
    dealt = _dealt(counts[large], rng=rng, deals=resamples) if enough else drawn
    return Groups(
        groups=tuple(_group(name, counts[i], drawn[:, i], classes) for i, name in enumerate(names)),
        gaps={m: _gap(m, counts[large], drawn[:, large], dealt, [names[i] for i in large]) for m in HEADLINES}
        if enough
        else {},
        by_class=_class_gaps(counts[large], drawn[:, large], classes) if enough else {},
        unknown=sum(group is None for group in groups),
    )


_Rows = list[tuple[str, str, str]]


def _known(
    truth: Sequence[str], predicted: Sequence[str], groups: Sequence[str | None]
) -> tuple[_Rows, tuple[str, ...]]:
    """(group, truth, answer) of every picture of which the group is known, and the names of the groups."""
    if not len(truth) == len(predicted) == len(groups):
        found = f"{len(truth)} true classes, {len(predicted)} predictions and {len(groups)} groups"
        raise FacsimError(f"found {found}, expected as many of each")
    rows = [(g, t, p) for g, t, p in zip(groups, truth, predicted, strict=True) if g is not None]
    if not rows:
        raise FacsimError("found no picture of which the group is known; expected at least one")
    return rows, tuple(sorted({group for group, _, _ in rows}, key=_in_order))


def _in_order(name: str) -> tuple[float, str]:
    digits = "".join(character if character.isdigit() else " " for character in name).split()
    return (float(digits[0]) if digits and name[0].isdigit() else -1.0, name)


def _tallied(rows: _Rows, names: tuple[str, ...], classes: Sequence[str]) -> _Counts:
    """Counts int64 (G, C, C)."""
    size = len(classes)
    group = class_positions([row[0] for row in rows], names)
    truth, answer = (class_positions([row[place] for row in rows], classes) for place in (1, 2))
    counts = np.bincount((group * size + truth) * size + answer, minlength=len(names) * size * size)
    return counts.reshape(len(names), size, size).astype(np.int64)


def _group(name: str, counts: _Counts, drawn: _Counts, classes: Sequence[str]) -> Group:
    n = int(counts.sum())
    rates, resampled, support = recalls_of(counts), recalls_of(drawn), counts.sum(axis=1)
    return Group(
        name=name,
        n=n,
        small=n < LEAST_IN_GROUP,
        figures={m: estimate_from(float(of(counts)), of(drawn), n=n) for m, of in HEADLINES.items()},
        recall={
            of_class: estimate_from(float(rates[i]), resampled[:, i], n=int(support[i]))
            for i, of_class in enumerate(classes)
        },
    )


def _gap(metric: str, counts: _Counts, drawn: _Counts, dealt: _Counts, names: Sequence[str]) -> Gap:
    """Of counts (G, C, C), resamples (R, G, C, C) and dealings-out (D, G, C, C)."""
    values = HEADLINES[metric](counts)
    resampled, n = HEADLINES[metric](drawn), int(counts.sum())
    found = float(_differences(values))
    by_chance = _differences(HEADLINES[metric](dealt))
    return Gap(
        difference=estimate_from(found, _differences(resampled), n=n),
        ratio=estimate_from(float(_ratios(values)), _ratios(resampled), n=n),
        lowest=names[int(np.nanargmin(values))],
        highest=names[int(np.nanargmax(values))],
        p=float((np.sum(by_chance >= found - 1e-12) + 1) / (len(by_chance) + 1)),
    )


def _differences(values: _Rates) -> _Rates:
    """Largest minus smallest over the last axis, of what is defined."""
    return _extreme(values, np.maximum, -np.inf) - _extreme(values, np.minimum, np.inf)


def _ratios(values: _Rates) -> _Rates:
    """Smallest over largest along the last axis; NaN where the largest is 0."""
    highest = _extreme(values, np.maximum, -np.inf)
    out = np.full(highest.shape, np.nan)
    return np.divide(_extreme(values, np.minimum, np.inf), highest, out=out, where=highest > 0)


def _extreme(values: _Rates, pick: np.ufunc, least: float) -> _Rates:
    """The extreme of what is defined along the last axis, NaN where nothing is."""
    found = pick.reduce(np.where(np.isnan(values), least, values), axis=-1)
    return np.where(np.isfinite(found), found, np.nan)


def _class_gaps(counts: _Counts, drawn: _Counts, classes: Sequence[str]) -> dict[str, ClassGap]:
    parity, odds = _parity(counts), _odds(counts)
    parities, all_odds, n = _parity(drawn), _odds(drawn), int(counts.sum())
    return {
        name: ClassGap(
            demographic_parity=estimate_from(float(parity[i]), parities[:, i], n=n),
            equalised_odds=estimate_from(float(odds[i]), all_odds[:, i], n=n),
        )
        for i, name in enumerate(classes)
    }


def _parity(counts: _Counts) -> _Rates:
    """Difference (..., C) between groups of the share of pictures that is called each class; counts (..., G, C, C)."""
    called, all_of_group = counts.sum(axis=-2), counts.sum(axis=(-2, -1))[..., None]
    return _differences(np.swapaxes(_share(called, all_of_group), -1, -2))


def _odds(counts: _Counts) -> _Rates:
    """The larger (..., C) of the differences of true and of false positive rates; counts (..., G, C, C)."""
    hits, support = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1)
    others = counts.sum(axis=(-2, -1))[..., None] - support
    rates = (_share(hits, support), _share(counts.sum(axis=-2) - hits, others))
    return np.fmax(*(_differences(np.swapaxes(rate, -1, -2)) for rate in rates))


def _share(part: _Counts, whole: _Counts) -> _Rates:
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _dealt(counts: _Counts, *, rng: np.random.Generator, deals: int) -> _Counts:
    """Counts (D, G, C, C) of dealings-out: within each true class, groups are dealt anew among its pictures.

    The cells of a class are then multivariate hypergeometric, drawn one by one: given what is left of each group and
    how many pictures of an answer are still to be dealt, the next group's share is hypergeometric.
    """
    groups, size, _ = counts.shape
    dealt = np.zeros((deals, groups, size, size), dtype=np.int64)
    for truth in range(size):
        left = np.tile(counts[:, truth].sum(axis=1), (deals, 1))
        for answer in range(size):
            wanted = np.full(deals, counts[:, truth, answer].sum())
            for group in range(groups):
                beyond = left[:, group + 1 :].sum(axis=1)
                drawn = rng.hypergeometric(left[:, group], beyond, wanted)
                dealt[:, group, truth, answer] = drawn
                wanted = wanted - drawn
            left = left - dealt[:, :, truth, answer]
    return dealt
