"""How many rows were planned, stay and do not, over all and by each axis; and which quotas were met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from facsim.curate.select import REJECTIONS
from facsim.curate.shortfall import asked_of
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.manifest import Manifest
from facsim.plan import AXES, Plan, quota_counts
from facsim.report.rows import UNLABELLED, UNSTATED, Rows
from facsim.sample import REASONS

__all__ = [
    "Balance",
    "Cells",
    "Reason",
    "Share",
    "SickStep",
    "Totals",
    "balances",
    "cells",
    "reasons",
    "sick_steps",
    "totals",
]

_TITLES = {
    "expression": "Expression",
    "apparent_gender": "Apparent gender",
    "apparent_age_years": "Apparent age, years",
    "skin_tone_monk": "Skin tone, Monk scale",
}
_MEANINGS = {**REJECTIONS, UNSTATED: "the verdict gives no reason"}


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Rows planned, kept and rejected, and rows with a problem in some step (most of these are rejected, too)."""

    planned: int
    accepted: int
    rejected: int
    with_problem: int


@dataclass(frozen=True, kw_only=True)
class Share:
    """One value of an axis: rows planned, accepted, rejected by reason; `asked` is its quota or None."""

    value: str
    planned: int
    accepted: int
    rejected: Mapping[str, int]
    asked: int | None

    @property
    def is_met(self) -> bool | None:
        """Whether as many stay as were asked for; None where no quota was set."""
        return None if self.asked is None else self.accepted >= self.asked


@dataclass(frozen=True, kw_only=True)
class Balance:
    """One axis, value by value; `asked_by` says whose the quotas are (`plan`, `select`, or empty), `counted` what the
    rows of a value have in common: they were planned so, or labelled so by a step.
    """

    axis: str
    title: str
    asked_by: str
    counted: str
    shares: tuple[Share, ...]


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The smallest and largest number of accepted rows in the cells of expression × another axis."""

    axis: str
    title: str
    count: int
    least: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why rows do not stay: a word of the closed list, what it means, how many."""

    reason: str
    meaning: str
    count: int


@dataclass(frozen=True, kw_only=True)
class SickStep:
    """Rows for which one step has no result, for one reason."""

    step: str
    reason: str
    meaning: str
    count: int


def totals(rows: Rows) -> Totals:
    """Counts over the whole run."""
    accepted = int(rows.kept.sum())
    sick = sum(any(found) for found in zip(*rows.problems.values(), strict=True))
    return Totals(planned=len(rows), accepted=accepted, rejected=len(rows) - accepted, with_problem=sick)


def reasons(rows: Rows) -> tuple[Reason, ...]:
    """Every reason for which a row does not stay, the commonest first."""
    counted = Counter(reason for reason in rows.reasons if reason)
    return tuple(
        Reason(reason=reason, meaning=_MEANINGS.get(reason, ""), count=count)
        for reason, count in sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
    )


def sick_steps(rows: Rows) -> tuple[SickStep, ...]:
    """Problems by step and reason, in the order of the steps."""
    return tuple(
        SickStep(step=step, reason=reason, meaning=REASONS.get(reason, ""), count=count)
        for step, problems in rows.problems.items()
        for reason, count in sorted(Counter(problem for problem in problems if problem).items())
    )


def balances(rows: Rows, run: Manifest) -> tuple[Balance, ...]:
    """One `Balance` for each axis that the run has a column for."""
    plan = _plan(run)
    found: list[Balance] = []
    for axis, title in _TITLES.items():
        if axis == "expression" or axis in rows.columns:
            asked, asked_by = _asked(axis, rows, run, plan)
            shares = _shares(rows, _axis_values(axis, rows, plan), _order(axis, plan), asked)
            counted = "labelled" if _is_decided(axis, rows) else "planned"
            found.append(Balance(axis=axis, title=title, asked_by=asked_by, counted=counted, shares=shares))
    return tuple(found)


def cells(rows: Rows, run: Manifest) -> tuple[Cells, ...]:
    """How even expression × gender, age and skin tone came out among the rows that stay."""
    plan = _plan(run)
    axes = [axis for axis in _TITLES if axis in rows.columns]
    return tuple(_cells(axis, rows, _axis_values(axis, rows, plan)) for axis in axes)


def _cells(axis: str, rows: Rows, values: Sequence[str]) -> Cells:
    kept = [pair for pair, stays in zip(zip(rows.expression, values, strict=True), rows.kept, strict=True) if stays]
    counted = Counter(kept)
    names, others = sorted(set(rows.expression)), sorted(set(values))
    counts = [counted[name, other] for name in names for other in others]
    return Cells(axis=axis, title=_TITLES[axis], count=len(counts), least=min(counts), most=max(counts))


def _plan(run: Manifest) -> Plan | None:
    settings = run.header["source"].get("plan")
    return Plan(**settings) if settings is not None else None


def _asked(axis: str, rows: Rows, run: Manifest, plan: Plan | None) -> tuple[dict[str, int], str]:
    """Value → pictures asked for, and who asked: a selection's quota on the expression goes before the plan's."""
    selection = rows.writers.get("accepted")
    settings: Mapping[str, Any] = run.step(selection).configuration if selection else {}
    by_expression = axis == "expression" and settings.get("by", "expression").startswith("expression")
    if by_expression and (asked := asked_of(settings, Counter(set(rows.expression) - {UNLABELLED}))):
        return asked, "select"
    return (quota_counts(plan, axis), "plan") if plan and not _is_decided(axis, rows) else ({}, "")


def _is_decided(axis: str, rows: Rows) -> bool:
    """Whether a step said what the rows are called: the plan asked for no number of such labels."""
    return axis == "expression" and "expression_label" in rows.writers


def _axis_values(axis: str, rows: Rows, plan: Plan | None) -> list[str]:
    if axis == "expression":
        return list(rows.expression)
    found = rows.values(axis)
    if axis == "apparent_age_years":
        ranges = _order(axis, plan)
        return [_age_range(age, ranges) for age in found]
    return ["not given" if value is None else str(value) for value in found]


def _age_range(age: float | None, ranges: Sequence[str]) -> str:
    if age is None:
        return "not given"
    for text in ranges:
        low, high = (int(part) for part in text.split("-"))
        if low <= age < high + 1:
            return text
    return "other"


def _order(axis: str, plan: Plan | None) -> tuple[str, ...]:
    """The values of an axis in the order in which they are shown; values beyond it follow, by name."""
    known = EIGHT_EXPRESSIONS if axis == "expression" else AXES[axis].balanced
    if plan is None:
        return known
    asked = quota_counts(plan, axis)
    return tuple(asked) if axis == "apparent_age_years" else tuple(v for v in known if v in asked)


def _shares(rows: Rows, values: Sequence[str], order: Sequence[str], asked: Mapping[str, int]) -> tuple[Share, ...]:
    present = [value for value in order if value in values or value in asked]
    shown = [*present, *sorted((set(values) | set(asked)) - set(present))]
    planned = Counter(values)
    by_reason = Counter(zip(values, rows.reasons, strict=True))
    names = [found.reason for found in reasons(rows)]
    return tuple(
        Share(
            value=value,
            planned=planned[value],
            accepted=by_reason[value, None],
            rejected={name: by_reason[value, name] for name in names if by_reason[value, name]},
            asked=asked.get(value),
        )
        for value in shown
    )
