"""How far voted labels can be trusted: who agrees with whom, what each voter is worth, risk and coverage."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.columns import split_name
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.labels.rules import VERDICTS
from facsim.manifest import Manifest
from facsim.metrics import (
    Crowd,
    Estimate,
    RiskCoverage,
    YieldCurve,
    YieldPoint,
    agreement_of,
    dawid_skene,
    risk_coverage,
    share_of,
)
from facsim.report.rows import Rows
from facsim.report.sheets import Sheet, ordered_sheets
from facsim.report.yields import CAVEATS, answers_of, judged_by_labels, yields_of

__all__ = ["PICTURES", "Agreement", "Decided", "Trust", "VoterLine", "YieldCell", "YieldLine", "trust", "trust_sheets"]

PICTURES = 12
"""Pictures on each of the sheets of trusted and disputed labels."""

_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_TRUTHS = ("expression_given", "expression_target")


@dataclass(frozen=True, kw_only=True)
class VoterLine:
    """One voter and its votes. worth: probability of being right by Dawid–Skene (None: fewer than three voters). right:
    its share of right votes by the true labels (None: none known). confusion: true class × class called, Dawid–Skene's.
    """

    name: str
    votes: int
    worth: Estimate | None
    right: Estimate | None
    confusion: tuple[tuple[float, ...], ...] | None


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How often two voters agree where both voted, and Cohen's kappa (None: undefined)."""

    one: str
    other: str
    share: Estimate
    kappa: float | None


@dataclass(frozen=True, kw_only=True)
class Decided:
    """Rows decided, or left undecided, for one reason."""

    reason: str
    meaning: str
    count: int


@dataclass(frozen=True, kw_only=True)
class YieldCell:
    """What stays at a threshold, and the share of it that is right (None: nothing to judge by)."""

    threshold: float
    kept: int
    precision: Estimate | None


@dataclass(frozen=True, kw_only=True)
class YieldLine:
    """One class, or "all": rows called so, and a cell for each threshold."""

    name: str
    called: int
    cells: tuple[YieldCell, ...]


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What a run's last vote came to. truth: the full name of the true labels, "" where the run has none.

    kept_and_noise: for every threshold of `facsim.metrics.THRESHOLDS` the share of rows that stay, and the estimated
    share of wrong labels among them. method: how that was estimated, a key of `facsim.report.yields.CAVEATS`.
    """

    step: str
    rule: str
    rows: int
    voters: tuple[VoterLine, ...]
    agreements: tuple[Agreement, ...]
    decided: tuple[Decided, ...]
    truth: str
    risk: RiskCoverage | None
    method: str
    caveat: str
    yields: tuple[YieldLine, ...]
    kept_and_noise: tuple[tuple[float, float, float], ...]
    settled: bool


def trust(run: Manifest) -> Trust | None:
    """What the run's last vote came to; None where it has none, or nothing was voted on."""
    record = run.find("label_trust")
    if record is None:
        return None
    step = split_name(record)[0]
    cards: list[dict[str, Any] | None] = run.column(record)
    names = next(([voter["name"] for voter in card["voters"]] for card in cards if card), [])
    answers = answers_of(run, f"{step}.vote_confidence")
    if not names or not answers.given.any():
        return None
    settings = run.step(step)
    truth = _truth_of(run, settings.bindings.values())
    labels = run.column(truth) if truth else [None] * len(cards)
    judged = judged_by_labels(answers, labels) if truth else None
    yields = yields_of(answers, judged=judged)
    risk = None
    if judged is not None:
        risk = risk_coverage(np.round(judged.score, 4), judged.right == 1, rng=np.random.default_rng(0))
    votes, counts, crowd = _crowd(cards, len(names))
    return Trust(
        step=step,
        rule=str(settings.configuration["rule"]),
        rows=len(cards),
        voters=_voters(names, cards, labels, crowd),
        agreements=_agreements(names, votes, counts),
        decided=_decided(cards),
        truth=truth,
        risk=risk,
        method=yields.method,
        caveat=CAVEATS[yields.method],
        yields=tuple(_line(curve) for curve in yields.curves if curve.called),
        kept_and_noise=_noise(yields.curves[-1]),
        settled=crowd.settled,
    )


def _truth_of(run: Manifest, voters: Sequence[str] | Any) -> str:
    """The true labels of the run, where it has any and they did not vote themselves."""
    for name in _TRUTHS:
        full = run.find(name)
        if full and full not in set(voters) and any(value is not None for value in run.column(full)):
            return full
    return ""


def _crowd(
    cards: Sequence[Mapping[str, Any] | None], voters: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Crowd]:
    """The patterns of votes, how many rows have each, and what Dawid–Skene makes of them."""
    place = {name: at for at, name in enumerate(EIGHT_EXPRESSIONS)}
    counted = Counter(tuple(place.get(voter["label"], -1) for voter in card["voters"]) for card in cards if card)
    votes = np.array(sorted(counted), dtype=np.int64).reshape(-1, voters)
    counts = np.array([counted[pattern] for pattern in sorted(counted)], dtype=np.int64)
    return votes, counts, dawid_skene(votes, counts, classes=len(EIGHT_EXPRESSIONS))


def _voters(
    names: Sequence[str], cards: Sequence[Mapping[str, Any] | None], labels: Sequence[str | None], crowd: Crowd
) -> tuple[VoterLine, ...]:
    found: list[VoterLine] = []
    enough = len(names) >= 3  # two alone hardly determine Dawid–Skene
    for at, name in enumerate(names):
        pairs = [(card["voters"][at]["label"], label) for card, label in zip(cards, labels, strict=True) if card]
        known = [(vote, label) for vote, label in pairs if vote is not None and label is not None]
        right = share_of(sum(vote == label for vote, label in known), len(known)) if known else None
        found.append(
            VoterLine(
                name=name,
                votes=sum(vote is not None for vote, _ in pairs),
                worth=crowd.reliability[at] if enough and crowd.reliability[at].n else None,
                right=right,
                confusion=tuple(map(tuple, crowd.confusion[at].round(4).tolist())) if enough else None,
            )
        )
    return tuple(found)


def _agreements(names: Sequence[str], votes: NDArray[np.int64], counts: NDArray[np.int64]) -> tuple[Agreement, ...]:
    return tuple(
        Agreement(
            one=names[pair.one],
            other=names[pair.other],
            share=pair.share,
            kappa=None if math.isnan(pair.kappa) else pair.kappa,
        )
        for pair in agreement_of(votes, counts, classes=len(EIGHT_EXPRESSIONS))
        if pair.share.n
    )


def _decided(cards: Sequence[Mapping[str, Any] | None]) -> tuple[Decided, ...]:
    counted = Counter(card["reason"] for card in cards if card)
    return tuple(
        Decided(reason=reason, meaning=VERDICTS.get(reason, ""), count=count)
        for reason, count in sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
    )


def _line(curve: YieldCurve) -> YieldLine:
    cells = [point for point in curve.points if point.threshold in _THRESHOLDS]
    return YieldLine(name=curve.name, called=curve.called, cells=tuple(_cell(point) for point in cells))


def _cell(point: YieldPoint) -> YieldCell:
    found = point.precision
    return YieldCell(threshold=point.threshold, kept=point.kept, precision=found if found.n else None)


def _noise(curve: YieldCurve) -> tuple[tuple[float, float, float], ...]:
    return tuple((point.threshold, point.share, point.noise) for point in curve.points if point.precision.n)


# pictures


def trust_sheets(run: Manifest, rows: Rows) -> tuple[Sheet, ...]:
    """The most and the least trusted pictures by the vote's confidence, and those that voters differ most on.

    Ties go by sample_id; rows without a picture or a vote are left out.
    """
    record = run.find("label_trust")
    if record is None:
        return ()
    step = split_name(record)[0]
    cards, confidence, agreement, entropy = (
        run.column(f"{step}.{name}") for name in ("label_trust", "vote_confidence", "vote_agreement", "vote_entropy")
    )
    ids = rows.sample_ids
    sure = [row for row, value in enumerate(confidence) if value is not None]
    voted = [row for row, value in enumerate(agreement) if value is not None and value < 1]
    groups = {
        "most trusted": sorted(sure, key=lambda row: (-round(confidence[row], 4), ids[row])),
        "least trusted": sorted(sure, key=lambda row: (round(confidence[row], 4), ids[row])),
        "most disputed": sorted(voted, key=lambda row: (round(agreement[row], 4), -round(entropy[row], 4), ids[row])),
    }
    captions = {row: _card_text(cards[row], confidence[row]) for group in groups.values() for row in group[:PICTURES]}
    return ordered_sheets(run, rows, {name: group for name, group in groups.items() if group}, captions, most=PICTURES)


def _card_text(card: Mapping[str, Any], confidence: float | None) -> str:
    """`fear 0.62 (mean) · teacher_a: fear 0.70 · teacher_b: anger 0.55`."""
    said = [
        f"{voter['name']}: {voter['label'] or 'nothing'}" + (f" {voter['score']:.2f}" if voter["score"] else "")
        for voter in card["voters"]
    ]
    sure = f" {confidence:.2f}" if confidence is not None else ""
    return " · ".join([f"{card['decision']}{sure} ({card['reason'].replace('_', ' ')})", *said])
