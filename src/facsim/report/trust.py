"""How far voted labels can be trusted: who agrees with whom, what each voter is worth, risk and coverage."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
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
from facsim.report.yields import CAVEATS, answers_of, judged_by_labels, labels_of, yields_of

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


@dataclass(frozen=True, kw_only=True)
class _Records:
    """The records of trust of N rows: who voted (`names`), each voter's place in the eight int8 (N, V), −1 for none,
    whether a row has a record (N,), and how many were decided for which reason."""

    names: tuple[str, ...]
    votes: NDArray[np.int8]
    given: NDArray[np.bool_]
    reasons: Counter[str]


def trust(run: Manifest) -> Trust | None:
    """What the run's last vote came to; None where it has none, or nothing was voted on."""
    record = run.find("label_trust")
    if record is None:
        return None
    step = split_name(record)[0]
    held = _records(run, record)
    answers = answers_of(run, f"{step}.vote_confidence")
    if not held.names or not answers.given.any():
        return None
    settings = run.step(step)
    truth = _truth_of(run, settings.bindings.values())
    labels = labels_of(run, truth) if truth else np.full(len(held.given), -1, dtype=np.int64)
    judged = judged_by_labels(answers, labels) if truth else None
    yields = yields_of(answers, judged=judged)
    risk = None
    if judged is not None:
        risk = risk_coverage(np.round(judged.score, 4), judged.right == 1, rng=np.random.default_rng(0))
    votes, counts = np.unique(held.votes[held.given].astype(np.int64), axis=0, return_counts=True)
    crowd = dawid_skene(votes, counts, classes=len(EIGHT_EXPRESSIONS))
    return Trust(
        step=step,
        rule=str(settings.configuration["rule"]),
        rows=len(held.given),
        voters=_voters(held, labels, crowd),
        agreements=_agreements(held.names, votes, counts),
        decided=_decided(held.reasons),
        truth=truth,
        risk=risk,
        method=yields.method,
        caveat=CAVEATS[yields.method],
        yields=tuple(_line(curve) for curve in yields.curves if curve.called),
        kept_and_noise=_noise(yields.curves[-1]),
        settled=crowd.settled,
    )


def _records(run: Manifest, column: str) -> _Records:
    """The column's records, a shard at a time."""
    place = {name: at for at, name in enumerate(EIGHT_EXPRESSIONS)}
    names: tuple[str, ...] = ()
    votes, given, reasons = list[NDArray[np.int8]](), list[bool](), Counter[str]()
    for batch in run.batches([column]):
        cards = batch.column(column).to_pylist()
        held = [card for card in cards if card]
        given += [bool(card) for card in cards]
        if held:
            names = names or tuple(voter["name"] for voter in held[0]["voters"])
            reasons.update(card["reason"] for card in held)
        said = [[place.get(voter["label"], -1) for voter in card["voters"]] if card else [] for card in cards]
        votes.append(_padded(said, len(names)))
    width = len(names)
    padded = [np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=-1) for part in votes]
    return _Records(
        names=names,
        votes=np.concatenate([np.zeros((0, width), dtype=np.int8), *padded]),
        given=np.array(given, dtype=bool),
        reasons=reasons,
    )


def _padded(rows: Sequence[Sequence[int]], width: int) -> NDArray[np.int8]:
    """The rows, −1 for those without a record."""
    return np.array([row or [-1] * width for row in rows], dtype=np.int8).reshape(len(rows), width)


def _truth_of(run: Manifest, voters: Sequence[str] | Any) -> str:
    """The true labels of the run, where it has any and they did not vote themselves."""
    for name in _TRUTHS:
        full = run.find(name)
        if full and full not in set(voters) and (labels_of(run, full) >= 0).any():
            return full
    return ""


def _voters(held: _Records, labels: NDArray[np.int64], crowd: Crowd) -> tuple[VoterLine, ...]:
    found: list[VoterLine] = []
    enough = len(held.names) >= 3  # two alone hardly determine Dawid–Skene
    for at, name in enumerate(held.names):
        votes = held.votes[:, at]
        known = held.given & (votes >= 0) & (labels >= 0)
        right = share_of(int((votes == labels)[known].sum()), int(known.sum())) if known.any() else None
        found.append(
            VoterLine(
                name=name,
                votes=int((held.given & (votes >= 0)).sum()),
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


def _decided(reasons: Mapping[str, int]) -> tuple[Decided, ...]:
    return tuple(
        Decided(reason=reason, meaning=VERDICTS.get(reason, ""), count=count)
        for reason, count in sorted(reasons.items(), key=lambda entry: (-entry[1], entry[0]))
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
    confidence, agreement, entropy = (
        run.column(f"{step}.{name}") for name in ("vote_confidence", "vote_agreement", "vote_entropy")
    )
    ids = rows.sample_ids
    sure = [row for row, value in enumerate(confidence) if value is not None]
    voted = [row for row, value in enumerate(agreement) if value is not None and value < 1]
    groups = {
        "most trusted": sorted(sure, key=lambda row: (-round(confidence[row], 4), ids[row])),
        "least trusted": sorted(sure, key=lambda row: (round(confidence[row], 4), ids[row])),
        "most disputed": sorted(voted, key=lambda row: (round(agreement[row], 4), -round(entropy[row], 4), ids[row])),
    }
    shown = sorted({row for group in groups.values() for row in group[:PICTURES]})
    cards = run.table([record])[record].take(pa.array(shown, pa.int64())).to_pylist()
    captions = {row: _card_text(card, confidence[row]) for row, card in zip(shown, cards, strict=True)}
    return ordered_sheets(run, rows, {name: group for name, group in groups.items() if group}, captions, most=PICTURES)


def _card_text(card: Mapping[str, Any], confidence: float | None) -> str:
    """`fear 0.62 (mean) · teacher_a: fear 0.70 · teacher_b: anger 0.55`."""
    said = [
        f"{voter['name']}: {voter['label'] or 'nothing'}" + (f" {voter['score']:.2f}" if voter["score"] else "")
        for voter in card["voters"]
    ]
    sure = f" {confidence:.2f}" if confidence is not None else ""
    return " · ".join([f"{card['decision']}{sure} ({card['reason'].replace('_', ' ')})", *said])
