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

from facsim.errors import RecipeError
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
    `missing_input`. A law reads the columns that it names. asked: the share of the label that stays with the expression
    that was asked for, 0 to 1: a collection that hardly ever says a name leaves hardly any label of it.
    """

    table: str = ""
    asked: float = 0.0

    name: ClassVar[str] = "naming"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    writes: ClassVar[tuple[str, ...]] = ("expression_soft",)
    resources: ClassVar[Resources] = Resources(batch=256)

    def __post_init__(self) -> None:
        _law_at(self.table)
        if not 0 <= self.asked <= 1:
            raise RecipeError(f"naming.asked is {self.asked:g}; expected a share, 0 to 1")

    @property
    def reads(self) -> tuple[str, ...]:
        """The variant and the expression asked for; of a law, its columns, and that expression where it is wanted."""
        law = _law_at(self.table)
        if law is None:
            return ("prototype", "expression_target")
        return (*law.columns, *(("expression_target",) if self.asked else ()))

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
            return lambda samples: [
                _label(shares, sample, self.asked)
                for sample, shares in zip(samples, law.answer([one.values for one in samples]).tolist(), strict=True)
            ]
        answers = _answers(self.table)
        return lambda samples: [_row(sample, answers, self.asked) for sample in samples]


def _law_at(path: str) -> NamingLaw | None:
    """The law in that file, or None where it holds a table. Raises FormatError where it holds neither."""
    if not path or not is_law(path):
        measured_codings(path)
        return None
    return load_law(path)


def _row(sample: Sample, answers: Mapping[str, list[float]], asked: float) -> Row | Problem:
    """By the variant, `terror` of fear, or `fear: terror`."""
    named = sample["prototype"] or ""
    variant = named if ": " in named else f"{sample['expression_target']}: {named}"
    if variant not in answers:
        return Problem(reason="missing_input", detail=f'the table has no variant "{variant}"')
    return _label(answers[variant], sample, asked)


def _label(shares: Sequence[float], sample: Sample, asked: float) -> Row:
    """The names' shares, of which `asked` stays with the expression that was asked for, where one was."""
    target = sample["expression_target"] if asked else None
    kept = asked if target else 0.0
    return {
        "expression_soft": [
            round((1.0 - kept) * share + kept * (name == target), 4)
            for name, share in zip(EIGHT_EXPRESSIONS, shares, strict=True)
        ]
    }


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
