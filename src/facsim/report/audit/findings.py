"""What an audit finds fault with: a closed list of names, each with a severity, so that a script can go by them.

Severities: `error` (whoever trains or publishes must act; the command ends with 1), `warning` (look), `note` (know).
Thresholds are facsim's own and stand here; a difference counts only where chance does not explain it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facsim.learn.extractors import RANDOM, Extractor
from facsim.report.audit.copies import Copies
from facsim.report.audit.demography import Axis, JointTable
from facsim.report.audit.distance import HALVES, LEAST_TO_MEASURE, Distance
from facsim.report.audit.pictures import Statistic
from facsim.report.audit.sets import AuditedSet

if TYPE_CHECKING:
    from facsim.report.audit.auditing import Audit

__all__ = [
    "KINDS",
    "LEAST_DIFFERENCE",
    "LEAST_EVEN",
    "LEAST_VARIATION",
    "SEVERITIES",
    "Finding",
    "find_faults",
]

SEVERITIES = ("error", "warning", "note")

KINDS: Mapping[str, tuple[str, str]] = {
    "copies_of_reference": ("error", "pictures of the reference lie in the set, themselves or nearly"),
    "judge_guided_run": ("error", "the network that judges was at work in the run: it finds its own taste"),
    "expression_missing": ("error", "an expression of the reference does not occur"),
    "copies_within": ("warning", "pictures repeat others of the set, themselves or nearly"),
    "conflicting_labels": ("warning", "copies bear different labels"),
    "judge_saw_pictures": ("warning", "the network that judges was trained on pictures that it judges"),
    "expression_depends_on_group": ("warning", "an expression's shares of a group are not those of the whole set"),
    "group_missing": ("warning", "a group does not occur"),
    "small_cells": ("warning", "cells of expression and groups hold too few pictures"),
    "uneven_groups": ("warning", "the pictures are unevenly spread over the groups of an axis"),
    "expression_shares_differ": ("warning", "expressions are spread otherwise than in the reference"),
    "colour_differs": ("warning", "one set is in colour and the other grey"),
    "pictures_differ": ("note", "light, contrast or sharpness differ from the reference's"),
    "estimated_groups": ("note", "groups were read off the pictures by a model"),
    "unknown_groups": ("note", "for many pictures the group is not known"),
    "no_groups": ("note", "nothing is known of who is shown"),
    "random_judge": ("note", "distances are of an untrained network's features"),
    "few_for_distance": ("note", "there are too few pictures for a distance, or fewer than features"),
    "unlabelled": ("note", "pictures without a label are left out"),
}
"""Every finding: name → severity and what it means."""

LEAST_EVEN = 0.75
"""Evenness below which groups are called uneven: of two groups, about 79 to 21."""

LEAST_VARIATION = 0.10
"""Total variation, beyond what chance gives, from which shares are called different: a tenth of all elsewhere."""

LEAST_DIFFERENCE = 0.8
"""Difference of pictures' statistics that is named, in standard deviations: Cohen 1988 calls 0.8 large."""

_GREY, _COLOURED = (
    0.004,
    0.02,
)  # of `colour`: within JPEG's rounding of a grey picture; a quarter of a pale photograph's
_SURE = 0.01  # chance of a departure, over all expressions of an axis together
_KNOWN = 0.95
_NAMED = 4


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault: a name of `KINDS`, and in words what was found and what to do."""

    kind: str
    text: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"finding {self.kind!r} is not one of {sorted(KINDS)}")

    @property
    def severity(self) -> str:
        """`error`, `warning` or `note`."""
        return KINDS[self.kind][0]

    def to_json(self) -> dict[str, str]:
        """`{name, severity, text}`."""
        return {"name": self.kind, "severity": self.severity, "text": self.text}


def find_faults(audit: Audit) -> tuple[Finding, ...]:
    """All findings of an audit, the gravest first."""
    found = [
        *_of_copies(audit.copies_of_reference, audit.copies_within),
        *_of_judge(audit),
        *_of_expressions(audit),
        *_of_axes(audit.axes),
        *_of_cells(audit.joint),
        *_of_pictures(audit.statistics),
        *_of_distances(audit.distances, audit.extractor),
        *_of_sets([held for held in (audit.own, audit.reference) if held is not None]),
    ]
    if not audit.axes:
        found.append(
            Finding(
                kind="no_groups",
                text="No column says whose faces these are: age, gender, ancestry and skin tone cannot be counted. "
                "Renders have them exactly; an `attributes` step estimates them.",
            )
        )
    return tuple(sorted(found, key=lambda one: SEVERITIES.index(one.severity)))


def _of_copies(across: Copies | None, within: Copies) -> Iterator[Finding]:
    if across is not None and across.exact + across.near:
        yield Finding(
            kind="copies_of_reference",
            text=f"{across.exact:,} pictures are in the reference, {across.near:,} others nearly ({_pairs(across)}). "
            "Where the reference is a test set, no figure on it can be believed; leave them out.",
        )
    if within.exact + within.near:
        yield Finding(
            kind="copies_within",
            text=f"{within.exact:,} pictures repeat an earlier one, {within.near:,} others nearly ({_pairs(within)}). "
            "A `dedupe` step leaves them out.",
        )
    conflicting = within.conflicting + (0 if across is None else across.conflicting)
    if conflicting:
        yield Finding(kind="conflicting_labels", text=f"{conflicting:,} copies bear another label than their twin.")


def _pairs(copies: Copies) -> str:
    return ", ".join(f"{pair.name} = {pair.other}" for pair in copies.pairs[:1])


def _of_judge(audit: Audit) -> Iterator[Finding]:
    judge = audit.extractor
    if judge is None:
        return
    if judge.name == RANDOM:
        yield Finding(
            kind="random_judge",
            text=f"{judge.figure_name('fid')} and its kin compare colours, edges and layout, not faces. They rank sets "
            "measured alike; give --extractor a trained network for figures about expressions.",
        )
    guided = [step for step, weights in audit.own.weights.items() if judge.sha256 in weights]
    if guided:
        yield Finding(
            kind="judge_guided_run",
            text=f"Step {', '.join(guided)} of the run used the very weights that judge here ({judge.name}@"
            f"{judge.sha256[:8]}): its figures say nothing. Judge with another network.",
        )
    for held in (audit.own, audit.reference):
        count = 0 if held is None else _seen(judge, held)
        if held is not None and count:
            yield Finding(
                kind="judge_saw_pictures",
                text=f"{judge.name}@{judge.sha256[:8]} was trained on {count:,} of the {len(held.pictures):,} pictures "
                f"of {held.name}: its features fit them better than others.",
            )


def _seen(judge: Extractor, held: AuditedSet) -> int:
    exact = judge.seen.exact(held.pictures)
    return 0 if exact is None else int(exact.sum())


def _of_expressions(audit: Audit) -> Iterator[Finding]:
    for entry in audit.expressions:
        if entry.reference is not None and entry.reference.count >= audit.settings.min_cell and not entry.own.count:
            yield Finding(
                kind="expression_missing",
                text=f"No picture shows {entry.name}; the reference has {entry.reference.count:,}.",
            )
    far = audit.expression_variation
    if far is not None and far.value >= LEAST_VARIATION and far.low > LEAST_VARIATION / 2:
        yield Finding(
            kind="expression_shares_differ",
            text=f"{far.value:.0%} of the pictures would have to show another expression to have the reference's "
            f"shares ({far.low:.0%} to {far.high:.0%}).",
        )


def _of_axes(axes: Sequence[Axis]) -> Iterator[Finding]:
    for axis in axes:
        yield from _of_axis(axis)


def _of_axis(axis: Axis) -> Iterator[Finding]:
    if missing := [entry.value for entry in axis.values if not entry.count]:
        yield Finding(kind="group_missing", text=f"{axis.title}: nobody of {', '.join(missing)}.")
    if axis.evenness is not None and axis.evenness.high < LEAST_EVEN:
        most = max(axis.values, key=lambda entry: entry.count)
        yield Finding(
            kind="uneven_groups",
            text=f"{axis.title}: evenness {axis.evenness.value:.2f} ({axis.evenness.low:.2f} to "
            f"{axis.evenness.high:.2f}); {most.share.value:.0%} are {most.value}.",
        )
    departing = [entry for entry in axis.classes if entry.departure is not None]
    for entry in departing:
        far = entry.departure
        assert far is not None
        if far.p * len(departing) <= _SURE and far.variation.value - far.by_chance >= LEAST_VARIATION:
            yield Finding(
                kind="expression_depends_on_group",
                text=f"{axis.title}: the shares of {entry.name} (n = {entry.n:,}) are {far.variation.value:.0%} from "
                f"those of all pictures, where chance gives {far.by_chance:.0%}: a classifier can learn the group.",
            )
    if axis.writer is not None and not axis.writer.is_exact:
        said = ", ".join(f"mean {name} {value:.3g}" for name, value in axis.writer.uncertainty.items())
        yield Finding(
            kind="estimated_groups",
            text=f"{axis.title}: read off the pictures by step {axis.writer.step} ({axis.writer.stage}"
            f"{'; ' + said if said else ''}); its errors are in the shares and not in the intervals.",
        )
    if axis.n < _KNOWN * (axis.n + axis.unknown):
        yield Finding(
            kind="unknown_groups", text=f"{axis.title}: not known of {axis.unknown:,} of {axis.n + axis.unknown:,}."
        )


def _of_cells(joint: JointTable | None) -> Iterator[Finding]:
    if joint is not None and joint.small:
        some = "; ".join(f"{cell.expression}, {', '.join(cell.values)}: {cell.count}" for cell in joint.smallest[:2])
        yield Finding(
            kind="small_cells",
            text=f"{joint.small:,} of {len(joint.cells):,} cells of expression × {' × '.join(joint.axes)} hold fewer "
            f"than {joint.least} pictures, {joint.empty:,} none (such as {some}): figures by group rest on few faces. "
            f"As many cells want {joint.least * len(joint.cells):,} pictures at the least; there are {joint.n:,}.",
        )


def _of_pictures(statistics: Sequence[Statistic]) -> Iterator[Finding]:
    differing: list[str] = []
    for entry in statistics:
        if entry.reference is None:
            continue
        pair = sorted((entry.mean.value, entry.reference.value))
        if entry.name == "colour":
            if pair[0] < _GREY and pair[1] > _COLOURED:
                which = (
                    "The set is grey, the reference in colour"
                    if entry.mean.value < _GREY
                    else ("The set is in colour, the reference grey")
                )
                yield Finding(
                    kind="colour_differs",
                    text=f"{which}: distances of a network that reads colours are large for that alone; judge with "
                    "one that reads grey pictures.",
                )
        elif entry.difference is not None and abs(entry.difference) >= LEAST_DIFFERENCE:
            differing.append(f"{entry.name} {entry.mean.value:.3f} against {entry.reference.value:.3f}")
    if differing:
        yield Finding(kind="pictures_differ", text=f"Pictures differ from the reference's: {'; '.join(differing)}.")


def _of_distances(found: Sequence[Distance], judge: Extractor | None) -> Iterator[Finding]:
    if judge is None:
        return
    left = [one.scope for one in found if not one.figures and one.scope != HALVES]
    few = [one.scope for one in found if one.figures and min(one.n, one.n_reference) <= judge.width]
    if left or few:
        none = f"none is worked out below {LEAST_TO_MEASURE} pictures ({_some(left)})" if left else ""
        biased = f"with fewer pictures than the {judge.width} features a FID is far too large ({_some(few)})"
        said = "; ".join(part for part in (none, biased if few else "") if part)
        yield Finding(kind="few_for_distance", text=f"Distances: {said}; compare such only at equal n.")


def _of_sets(sets: Sequence[AuditedSet]) -> Iterator[Finding]:
    for held in sets:
        left = held.pictures.left_out.get("unlabelled", 0)
        if left or not held.classes:
            what = f"{left:,} pictures have no label and are left out" if held.classes else "no picture has a label"
            yield Finding(kind="unlabelled", text=f"{held.name}: {what}.")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
