"""The audit itself: two sets read, counted, compared, and judged, as one record of plain values."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facsim.errors import FacsimError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.learn.extractors import RANDOM, Extractor, Features, open_extractor
from facsim.learn.feature_file import map_features
from facsim.metrics import Estimate, share_of, variation
from facsim.products import OnProgress, Progress
from facsim.provenance import now
from facsim.report.audit.copies import Copies, copies_between, copies_within
from facsim.report.audit.demography import AXES, Axis, JointTable, axes_of, joint_table
from facsim.report.audit.distance import Distance, Diversity, distances, diversities
from facsim.report.audit.findings import Finding, find_faults
from facsim.report.audit.pictures import Statistic, statistics_of
from facsim.report.audit.sets import AuditedSet, read_set, read_shaped

__all__ = ["AUDIT_VERSION", "Audit", "AuditSettings", "ExpressionShare", "Share", "audit_set"]

AUDIT_VERSION = 1
"""Of an audit's JSON."""


@dataclass(frozen=True, kw_only=True)
class AuditSettings:
    """What is audited and how: a set and its split, a reference (or ""), the network that judges (`open_extractor`).

    by: axes that people are counted by. per_class: distances of each expression too. min_cell: pictures that a cell of
    expression and groups should hold at least.
    """

    source: str
    split: str = ""
    against: str = ""
    against_split: str = ""
    extractor: str = RANDOM
    by: tuple[str, ...] = AXES
    per_class: bool = False
    min_cell: int = 30
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.min_cell < 1:
            raise FacsimError(f"found min_cell = {self.min_cell}, expected at least 1")


@dataclass(frozen=True, kw_only=True)
class Share:
    """A count and its share of all labelled pictures."""

    count: int
    share: Estimate


@dataclass(frozen=True, kw_only=True)
class ExpressionShare:
    """One expression: how many pictures show it, in the set and in the reference (None without one)."""

    name: str
    own: Share
    reference: Share | None


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Everything that an audit says. Parts that need a reference are None or empty where there is none.

    `extractor` is None where nothing is compared. `expression_variation` is the total variation of the expressions'
    shares from the reference's.
    """

    settings: AuditSettings
    own: AuditedSet
    reference: AuditedSet | None
    extractor: Extractor | None
    expressions: tuple[ExpressionShare, ...]
    expression_variation: Estimate | None
    axes: tuple[Axis, ...]
    joint: JointTable | None
    statistics: tuple[Statistic, ...]
    copies_within: Copies
    copies_of_reference: Copies | None
    distances: tuple[Distance, ...]
    diversities: tuple[Diversity, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, the gravest first."""
        return find_faults(self)

    @property
    def has_errors(self) -> bool:
        """Whether a finding is an error."""
        return any(finding.severity == "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, every figure with its n and interval."""
        judge, across = self.extractor, self.copies_of_reference
        return {
            "version": AUDIT_VERSION,
            "written": now(),
            "set": self.own.to_json(),
            "reference": None if self.reference is None else self.reference.to_json(),
            "findings": [finding.to_json() for finding in self.findings],
            "expressions": {entry.name: _expression_json(entry) for entry in self.expressions},
            "expression_variation": None if self.expression_variation is None else self.expression_variation.to_json(),
            "groups": {axis.name: axis.to_json() for axis in self.axes},
            "cells": None if self.joint is None else self.joint.to_json(),
            "pictures": {entry.name: entry.to_json() for entry in self.statistics},
            "copies_within": self.copies_within.to_json(),
            "copies_of_reference": None if across is None else across.to_json(),
            "extractor": None if judge is None else judge.to_json(),
            "distances": {} if judge is None else {one.scope: one.to_json(judge) for one in self.distances},
            "diversity": {} if judge is None else {one.scope: one.to_json(judge) for one in self.diversities},
        }


def audit_set(settings: AuditSettings, *, on_progress: OnProgress) -> Audit:
    """The audit that the settings ask for.

    Raises FacsimError, before the work where it can, where a source, split, axis or extractor is not there.
    """
    judge = open_extractor(settings.extractor, device=settings.device)
    own = read_set(settings.source, split=settings.split, on_decoded=_told("reading", on_progress))
    axes = axes_of(own, settings.by)
    reference = None
    if settings.against:
        told = _told("reading the reference", on_progress)
        reference = read_set(settings.against, split=settings.against_split, on_decoded=told)
        axes = axes_of(own, settings.by, reference=reference)
    sets = (own,) if reference is None else (own, reference)
    far, varied = _compared(sets, judge, settings, on_progress)
    on_progress(Progress(step="copies", done=0, total=len(sets), unit="sets"))
    within = copies_within(own.pictures)
    on_progress(Progress(step="copies", done=1, total=len(sets), unit="sets"))
    across = None if reference is None else copies_between(own.pictures, reference.pictures)
    on_progress(Progress(step="copies", done=len(sets), total=len(sets), unit="sets"))
    return Audit(
        settings=settings,
        own=own,
        reference=reference,
        extractor=judge,
        expressions=_expressions(own, reference),
        expression_variation=_expression_variation(own, reference),
        axes=axes,
        joint=joint_table(own, settings.by, least=settings.min_cell),
        statistics=statistics_of(own.pictures, None if reference is None else reference.pictures),
        copies_within=within,
        copies_of_reference=across,
        distances=far,
        diversities=varied,
    )


def _compared(
    sets: tuple[AuditedSet, ...], judge: Extractor, settings: AuditSettings, on_progress: OnProgress
) -> tuple[tuple[Distance, ...], tuple[Diversity, ...]]:
    """Distances, where there is a reference, and diversity; features lie in files that go when this ends."""
    with tempfile.TemporaryDirectory(prefix="facsim-audit-") as folder:
        features = [
            _features(held, judge, Path(folder) / f"{place}.npy", on_progress) for place, held in enumerate(sets)
        ]
        on_progress(Progress(step="comparing", done=0, total=1, unit="comparisons"))
        far: tuple[Distance, ...] = ()
        if len(sets) == 2:
            far = tuple(distances((sets[0], sets[1]), (features[0], features[1]), per_class=settings.per_class))
        varied = tuple(diversities(sets, features, per_class=settings.per_class))
        on_progress(Progress(step="comparing", done=1, total=1, unit="comparisons"))
    return far, varied


def _features(held: AuditedSet, judge: Extractor, file: Path, on_progress: OnProgress) -> Features:
    pictures = read_shaped(held, judge.shape, on_decoded=_told(f"reading {held.name} for {judge.name}", on_progress))
    if pictures.ids != held.pictures.ids:
        raise FacsimError(f"{held.source} changed while it was read; audit it again")
    return map_features(judge, pictures, file, on_extracted=_told(f"features of {held.name}", on_progress))


def _told(step: str, on_progress: OnProgress) -> Callable[[int, int], None]:
    def told(done: int, total: int) -> None:
        on_progress(Progress(step=step, done=done, total=total, unit="pictures"))

    return told


def _expressions(own: AuditedSet, reference: AuditedSet | None) -> tuple[ExpressionShare, ...]:
    counted, beside = _counts(own), None if reference is None or not reference.classes else _counts(reference)
    names = _names(own, reference)
    return tuple(
        ExpressionShare(
            name=name, own=_share(counted, name), reference=None if beside is None else _share(beside, name)
        )
        for name in names
    )


def _names(own: AuditedSet, reference: AuditedSet | None) -> tuple[str, ...]:
    found = [*own.classes, *(() if reference is None else reference.classes)] if own.classes else []
    known = [name for name in EIGHT_EXPRESSIONS if name in found]
    return (*known, *dict.fromkeys(name for name in found if name not in known))


def _counts(held: AuditedSet) -> Counter[str]:
    return Counter(held.labels)


def _share(counted: Counter[str], name: str) -> Share:
    return Share(count=counted[name], share=share_of(counted[name], counted.total()))


def _expression_variation(own: AuditedSet, reference: AuditedSet | None) -> Estimate | None:
    names = _names(own, reference)
    if (
        reference is None
        or not own.classes
        or not reference.classes
        or min(len(own.pictures), len(reference.pictures)) < 2
    ):
        return None
    counts = [np.array([_counts(held)[name] for name in names], dtype=np.int64) for held in (own, reference)]
    return variation(counts[0], counts[1], rng=np.random.default_rng(0))


def _expression_json(entry: ExpressionShare) -> dict[str, Any]:
    sides = {"count": entry.own.count, "share": entry.own.share.to_json()}
    if entry.reference is not None:
        sides.update(reference_count=entry.reference.count, reference_share=entry.reference.share.to_json())
    return sides
