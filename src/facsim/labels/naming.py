"""`naming`: what a collection would call a render, by the variant that it shows; a soft label.

[[step]]
use = "naming"
table = "table.json"    # of benchmarks/measured_codings.py; left out: FER2013's, which ships

A render of fear may show what a collection as often calls surprise; its label then says so. By Bayes' rule: the share
of the variant among what the collection gives each name (`facsim.measured`), times the share of that name in the
collection. The table holds statistics of photographs: runs and cards name them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.measured import measured_codings
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["Naming"]


@dataclass(frozen=True, kw_only=True)
class Naming:
    """The distribution of names that a collection gives to the variant that was drawn.

    table: the collection's table, a file of benchmarks/measured_codings.py; empty: FER2013's. Renders of `shown` and
    `measured` codings have one; others are a problem, `missing_input`.
    """

    table: str = ""

    name: ClassVar[str] = "naming"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    reads: ClassVar[tuple[str, ...]] = ("prototype", "expression_target")
    writes: ClassVar[tuple[str, ...]] = ("expression_soft",)
    resources: ClassVar[Resources] = Resources(batch=256)

    def __post_init__(self) -> None:
        measured_codings(self.table)

    @property
    def weights(self) -> tuple[str, ...]:
        """The table, and the photographs that it was fitted to: who trains on the labels has to say so."""
        table = measured_codings(self.table)
        return (f"namings {table.sha256[:16]}, fitted to statistics of {table.fitted_on}",)

    def open(self, device: str) -> Work:
        """The table's answers, by variant."""
        answers = _answers(self.table)
        return lambda samples: _rows(samples, answers)


def _rows(samples: Sequence[Sample], answers: Mapping[str, list[float]]) -> list[Row | Problem]:
    return [_row(sample["prototype"], sample["expression_target"], answers) for sample in samples]


def _row(prototype: str | None, expression: str, answers: Mapping[str, list[float]]) -> Row | Problem:
    """`terror` of fear, or `fear: terror`."""
    named = prototype or ""
    variant = named if ": " in named else f"{expression}: {named}"
    if variant not in answers:
        return Problem(reason="missing_input", detail=f'the table has no variant "{variant}"')
    return {"expression_soft": answers[variant]}


@lru_cache(maxsize=8)
def _answers(path: str) -> dict[str, list[float]]:
    """Variant -> the distribution over the eight, alphabetically, rounded to 1e-4."""
    table = measured_codings(path)
    joint: dict[str, dict[str, float]] = {}
    for expression, variants in table.variants.items():
        whole = sum(variant.weight for variant in variants)
        for variant in variants:
            joint.setdefault(variant.name, {})[expression] = table.natural[expression] * variant.weight / whole
    return {
        variant: [round(shares.get(name, 0.0) / sum(shares.values()), 4) for name in EIGHT_EXPRESSIONS]
        for variant, shares in joint.items()
    }
