"""`vote`: what several teachers say, made into one label, with a record of who said what.

[[step]]
use = "vote"
rule = "dawid_skene"
teachers = ["teacher_a", "teacher_b"]               # steps that write `expression_scores`
labels = ["expression_target", "units.expression_rule"]   # columns of names that vote too
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from facsim.columns import COLUMNS
from facsim.errors import RecipeError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.labels.ballots import PARTS, Ballots, Voter, ballots_of
from facsim.labels.rules import RULES, UNDECIDED, Decision, decide_posterior, mean_distribution
from facsim.metrics import Crowd, dawid_skene
from facsim.stage import Scan

__all__ = ["Vote"]

_WRITES = (
    "expression_label",
    "expression_soft",
    "vote_confidence",
    "vote_agreement",
    "vote_entropy",
    "label_trust",
)


@dataclass(frozen=True, kw_only=True)
class Vote:
    """Decide a label from the scores of teachers and from columns of labels, and record who said what.

    rule: "single" (one voter), "mean" (of the distributions: SynFER's soft label), "majority" (more than half),
    "agreement" (all), "synfer" (the first of `labels` stays where most others say the same, else their mean replaces
    it), "dawid_skene" (EM over hard votes: likeliest class, given each voter's confusions). teachers: steps that write
    expression_scores; () takes the latest. labels: columns of names that vote too, short or `step.column`. least_votes:
    fewer leave the label undecided (null). A voter with null says nothing; scores are rounded to 1e-4.
    """

    rule: Literal["single", "mean", "majority", "agreement", "synfer", "dawid_skene"] = "mean"
    teachers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    least_votes: int = 1

    name: ClassVar[str] = "vote"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        names = [voter.name for voter in self.voters]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise RecipeError(f'vote: "{repeated[0]}" votes twice; name every voter once')
        if not 1 <= self.least_votes <= len(names):
            raise RecipeError(f"vote.least_votes is {self.least_votes}; expected 1 to {len(names)}, its voters")
        if self.rule == "single" and len(names) > 1:
            raise RecipeError(f'vote.rule is "single" with {len(names)} voters; name another rule or one voter')
        if self.rule == "synfer" and not self.labels:
            raise RecipeError('vote.rule is "synfer" without a target; add labels = ["expression_target"]')

    @property
    def voters(self) -> tuple[Voter, ...]:
        """Who votes: for "synfer" the target first, else teachers first."""
        scored = [Voter(name=step, column=f"{step}.expression_scores", scored=True) for step in self.teachers]
        scored = scored or [Voter(name="expression_scores", column="expression_scores", scored=True)]
        named = [Voter(name=column, column=column, scored=False) for column in self.labels]
        return (*named[:1], *scored, *named[1:]) if self.rule == "synfer" else (*scored, *named)

    @property
    def reads(self) -> tuple[str, ...]:
        """A column for each voter."""
        return tuple(voter.column for voter in self.voters)

    @property
    def writes(self) -> tuple[str, ...]:
        """The label, hard and soft, how sure it is, and the record."""
        return _WRITES

    def judge(self, scan: Scan) -> Iterator[pa.RecordBatch]:
        """A label a row, in order; a row with a problem before or with votes that are none has a problem."""
        crowd = self._crowd(scan) if self.rule == "dawid_skene" else None
        for batch in scan.batches(self.reads):
            problems, details = _problems(batch, ballots := ballots_of(batch, self.voters))
            decision = RULES[self.rule](ballots) if crowd is None else decide_posterior(ballots, *crowd)
            yield self._rows(ballots, self._enough(ballots, decision), problems, details)

    def _crowd(self, scan: Scan) -> tuple[NDArray[np.int64], Crowd]:
        """The patterns of all rows of the run without a problem, and what Dawid–Skene makes of them."""
        counted = Counter[tuple[int, ...]]()
        for batch in scan.batches(self.reads):
            problems, _ = _problems(batch, ballots := ballots_of(batch, self.voters))
            weighed = np.array([problem is None for problem in problems], dtype=np.int64)
            for votes, weight in zip(ballots.votes.tolist(), weighed.tolist(), strict=True):
                counted[tuple(votes)] += weight
        patterns = np.array(sorted(counted), dtype=np.int64)
        counts = np.array([counted[pattern] for pattern in sorted(counted)], dtype=np.int64)
        if not len(patterns):
            patterns, counts = np.full((1, len(self.voters)), UNDECIDED), np.zeros(1, dtype=np.int64)
        return patterns, dawid_skene(patterns, counts, classes=len(EIGHT_EXPRESSIONS))

    def _enough(self, ballots: Ballots, decision: Decision) -> Decision:
        few = ballots.cast < self.least_votes
        return Decision(
            label=np.where(few, UNDECIDED, decision.label),
            soft=decision.soft,
            reasons=np.where(few, "few_votes", decision.reasons),
        )

    def _rows(
        self, ballots: Ballots, decision: Decision, problems: list[str | None], details: list[str | None]
    ) -> pa.RecordBatch:
        healthy = np.array([problem is None for problem in problems], dtype=bool)
        decided = healthy & (decision.label != UNDECIDED)
        voted = healthy & (ballots.cast > 0)
        certain = decision.soft[np.arange(len(decided)), np.maximum(decision.label, 0)]
        agreement = ballots.tally.max(axis=1) / np.maximum(ballots.cast, 1)
        names = [
            EIGHT_EXPRESSIONS[place] if sure else None for place, sure in zip(decision.label, decided, strict=True)
        ]
        columns = {
            "problem": problems,
            "problem_detail": details,
            "expression_label": names,
            "expression_soft": [
                row if sure else None for row, sure in zip(decision.soft.tolist(), decided, strict=True)
            ],
            "vote_confidence": _where(decided, certain),
            "vote_agreement": _where(voted, agreement),
            "vote_entropy": _where(voted, _entropy(mean_distribution(ballots))),
            "label_trust": self._trust(ballots, names, decision.reasons, healthy),
        }
        types = {
            "problem": pa.string(),
            "problem_detail": pa.string(),
            **{name: COLUMNS[name].type for name in _WRITES},
        }
        return pa.RecordBatch.from_pydict({name: pa.array(columns[name], types[name]) for name in types})

    def _trust(
        self, ballots: Ballots, names: list[str | None], reasons: NDArray[np.str_], healthy: NDArray[np.bool_]
    ) -> list[dict[str, Any] | None]:
        votes, top = ballots.votes.tolist(), (ballots.parts.max(axis=2) / PARTS).tolist()
        return [
            {
                "voters": [_said(voter, votes[row][v], top[row][v]) for v, voter in enumerate(self.voters)],
                "decision": names[row] or "undecided",
                "reason": str(reasons[row]),
            }
            if healthy[row]
            else None
            for row in range(len(names))
        ]


def _said(voter: Voter, vote: int, score: float) -> dict[str, Any]:
    given = vote != UNDECIDED
    label = EIGHT_EXPRESSIONS[vote] if given else None
    return {"name": voter.name, "label": label, "score": score if given and voter.scored else None}


def _problems(batch: pa.RecordBatch, ballots: Ballots) -> tuple[list[str | None], list[str | None]]:
    """For each row `missing_input` or `bad_vote`, with words on it, or None."""
    earlier = batch.column("problem").to_pylist()
    details = [
        f"an earlier step: {before}" if before else fault or None
        for before, fault in zip(earlier, ballots.faults, strict=True)
    ]
    reasons = [
        "missing_input" if before else "bad_vote" if fault else None
        for before, fault in zip(earlier, ballots.faults, strict=True)
    ]
    return reasons, details


def _where(given: NDArray[np.bool_], values: NDArray[np.float64]) -> list[float | None]:
    return [value if there else None for value, there in zip(values.tolist(), given.tolist(), strict=True)]


def _entropy(distribution: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shannon's, in nats, of each row (N, 8)."""
    safe = np.where(distribution > 0, distribution, 1.0)
    return -(distribution * np.log(safe)).sum(axis=1) + 0.0
