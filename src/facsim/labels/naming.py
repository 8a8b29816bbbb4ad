"""`naming`: what a collection would call a render; a soft label.

[[step]]
use = "naming"
table = "table.json"    # of benchmarks/measured_codings.py or `facsim teach naming`; left out: FER2013's, which ships

A render of fear may show what a collection as often calls surprise; its label then says so. A table goes by the variant
that was drawn, by Bayes' rule: the share of the variant among what the collection gives each name (`facsim.measured`),
times the share of that name in the collection. A law (`facsim.models.naming_law`) goes by what it says that it reads of
what was drawn, such as action units, pose and light. Both hold statistics of photographs: runs and cards name them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.formats.terms import Terms
from facsim.measured import measured_codings
from facsim.models.naming_law import NamingLaw, is_law, load_law
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["Naming"]


@dataclass(frozen=True, kw_only=True)
class Naming:
    """The distribution of names that a collection gives to what was drawn.

    table: the collection's table, a file of benchmarks/measured_codings.py, or its law, one of `facsim teach naming`;
    empty: FER2013's table. A table knows renders of `shown` and `measured` codings; others are a problem,
    `missing_input`. A law reads the columns that it names.
    """

    table: str = ""

    name: ClassVar[str] = "naming"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    writes: ClassVar[tuple[str, ...]] = ("expression_soft",)
    resources: ClassVar[Resources] = Resources(batch=256)

    def __post_init__(self) -> None:
        _law_at(self.table)

    @property
    def reads(self) -> tuple[str, ...]:
        """The variant and the expression that it was asked for; of a law, its columns."""
        law = _law_at(self.table)
        return ("prototype", "expression_target") if law is None else law.columns

    @property
    def weights(self) -> tuple[str, ...]:
        """The table or law, and the photographs that it was fitted to: who trains on the labels has to say so."""
        law = _law_at(self.table)
        if law is not None:
            return (f"naming law {law.sha256[:16]}, fitted to {law.fitted_on}",)
        table = measured_codings(self.table)
        return (f"namings {table.sha256[:16]}, fitted to statistics of {table.fitted_on}",)

    @property
    def model_terms(self) -> tuple[Terms, ...]:
        """Those of what a law's names come from; none of a table."""
        law = _law_at(self.table)
        return () if law is None else law.stands_on

    def open(self, device: str) -> Work:
        """The law's answers by columns, or the table's by variant."""
        law = _law_at(self.table)
        if law is not None:
            return lambda samples: _answered(samples, law)
        answers = _answers(self.table)
        return lambda samples: [_row(sample["prototype"], sample["expression_target"], answers) for sample in samples]


def _law_at(path: str) -> NamingLaw | None:
    """The law in that file, or None where it holds a table. Raises FormatError where it holds neither."""
    if not path or not is_law(path):
        measured_codings(path)
        return None
    return load_law(path)


def _answered(samples: Sequence[Sample], law: NamingLaw) -> list[Row | Problem]:
    shares = law.answer([sample.values for sample in samples])
    return [{"expression_soft": [round(share, 4) for share in row]} for row in shares.tolist()]


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
