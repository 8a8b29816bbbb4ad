"""How votes become a label: each rule gives for every picture a class, a distribution and a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.labels.ballots import NO_VOTE, Ballots
from facsim.metrics import Crowd

__all__ = ["RULES", "UNDECIDED", "VERDICTS", "Decision", "decide_posterior", "mean_distribution", "patterns_of"]

VERDICTS: Mapping[str, str] = {
    "disagreement": "the voters do not all say the same: undecided",
    "few_votes": "fewer voters said anything than are needed: undecided",
    "majority": "more than half of the votes are for the label",
    "mean": "the voters differ; the label is the first class of their mean",
    "no_majority": "no class has more than half of the votes: undecided",
    "posterior": "the voters differ; the label is the likeliest class, given what each voter is worth",
    "replaced": "most voters contradict the target; their mean replaces it",
    "single": "the only voter's first class",
    "target_kept": "most voters say what was asked for",
    "unanimous": "all votes are for the label",
}
"""Why a label was decided or was not: the closed list."""

UNDECIDED = NO_VOTE

_CLASSES = len(EIGHT_EXPRESSIONS)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Of N pictures: label int64 (N,), places in `EIGHT_EXPRESSIONS` or `UNDECIDED`; soft (N, 8); reasons.

    The reasons are those of `VERDICTS`.
    """

    label: NDArray[np.int64]
    soft: NDArray[np.float64]
    reasons: NDArray[np.str_]


def mean_distribution(ballots: Ballots) -> NDArray[np.float64]:
    """The mean of the votes as a distribution (N, 8); zeros where nobody voted. A label counts as sure of its class."""
    total = ballots.parts.sum(axis=1)
    return total / np.maximum(total.sum(axis=1, keepdims=True), 1)


def _unanimous(ballots: Ballots) -> NDArray[np.bool_]:
    return (ballots.tally.max(axis=1) == ballots.cast) & (ballots.cast > 0)


def _first_of_mean(ballots: Ballots) -> NDArray[np.int64]:
    return ballots.parts.sum(axis=1).argmax(axis=1)  # whole numbers: an exact tie goes to the alphabet's first


def _single(ballots: Ballots) -> Decision:
    reasons = np.full(len(ballots.votes), "single")
    return Decision(label=_first_of_mean(ballots), soft=mean_distribution(ballots), reasons=reasons)


def _mean(ballots: Ballots) -> Decision:
    """The mean distribution and its first class: SynFER's soft label."""
    reasons = np.where(_unanimous(ballots), "unanimous", "mean")
    return Decision(label=_first_of_mean(ballots), soft=mean_distribution(ballots), reasons=reasons)


def _majority(ballots: Ballots) -> Decision:
    tally = ballots.tally
    won = 2 * tally.max(axis=1) > ballots.cast
    reasons = np.where(_unanimous(ballots), "unanimous", np.where(won, "majority", "no_majority"))
    label = np.where(won, tally.argmax(axis=1), UNDECIDED)
    return Decision(label=label, soft=mean_distribution(ballots), reasons=reasons)


def _agreement(ballots: Ballots) -> Decision:
    same = _unanimous(ballots)
    label = np.where(same, ballots.tally.argmax(axis=1), UNDECIDED)
    reasons = np.where(same, "unanimous", "disagreement")
    return Decision(label=label, soft=mean_distribution(ballots), reasons=reasons)


def _synfer(ballots: Ballots) -> Decision:
    """The first voter is the target: it stays where most of the others say so, else their mean replaces it."""
    target, others = ballots.votes[:, 0], ballots.only(range(1, ballots.votes.shape[1]))
    rows = np.arange(len(target))
    kept = (target != NO_VOTE) & (2 * others.tally[rows, np.maximum(target, 0)] > others.cast)
    soft = np.where(kept[:, None], np.eye(_CLASSES)[np.maximum(target, 0)], mean_distribution(others))
    label = np.where(kept, target, np.where(others.cast > 0, _first_of_mean(others), UNDECIDED))
    reasons = np.where(kept, "target_kept", np.where(others.cast > 0, "replaced", "few_votes"))
    return Decision(label=label, soft=soft, reasons=reasons)


RULES: Mapping[str, Callable[[Ballots], Decision]] = {
    "single": _single,
    "mean": _mean,
    "majority": _majority,
    "agreement": _agreement,
    "synfer": _synfer,
}
"""The rules that need one picture at a time; `dawid_skene` looks at all of them first."""


def patterns_of(ballots: Ballots) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different rows of votes (P, V), sorted, and how many pictures have each (P,)."""
    return np.unique(ballots.votes, axis=0, return_counts=True)


def decide_posterior(ballots: Ballots, patterns: NDArray[np.int64], crowd: Crowd) -> Decision:
    """The likeliest class of each picture: its pattern's posterior (`patterns` are those that the crowd is of)."""
    places = {tuple(pattern): place for place, pattern in enumerate(patterns.tolist())}
    soft = crowd.posterior[[places[tuple(votes)] for votes in ballots.votes.tolist()]]
    label = np.round(soft, 4).argmax(axis=1)
    reasons = np.where(_unanimous(ballots) & (label == ballots.tally.argmax(axis=1)), "unanimous", "posterior")
    return Decision(label=label, soft=soft, reasons=reasons)
