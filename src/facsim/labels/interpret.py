"""`interpret`: what expression action units say, by a law that was fitted to what their coder reads off renders.

[[step]]
use = "action_units"

[[step]]
use = "interpret"       # a teacher: `vote` may ask it beside `expression`

EMFACS' rules (`action_units` writes what they say) ask for whole sets of units and are silent on many faces. The law,
a small regression (`facsim.models.naming_law`), weighs all units and always answers. It sees no pixel, and facsim's own
learnt from renders alone: what its coder reads off them against what they were asked to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, ClassVar

import numpy as np

from facsim.errors import RecipeError
from facsim.facs import column_names
from facsim.formats.terms import Terms
from facsim.labels.scored import SCORED, scored_row
from facsim.models.naming_law import NamingLaw, load_law
from facsim.sample import Problem, Sample
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["Interpret"]

_OWN = "weights/interpret.json"


@dataclass(frozen=True, kw_only=True)
class Interpret:
    """Scores for the eight expressions by the action units of a step before; a name that the law lacks has 0.

    law: empty for facsim's own, fitted to what facsim's own coder reads; or a file of `facsim teach interpret`. For
    another coder, teach one: coders differ in what they take for what. temperature: what the logits are divided by;
    over 1 makes it less sure.
    """

    law: str = ""
    temperature: float = 1.0

    name: ClassVar[str] = "interpret"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    writes: ClassVar[tuple[str, ...]] = SCORED
    resources: ClassVar[Resources] = Resources(batch=256)

    def __post_init__(self) -> None:
        if not 0.05 <= self.temperature <= 20:
            raise RecipeError(f"interpret.temperature is {self.temperature:g}; expected 0.05 to 20")
        other = [column for column in self._law.columns if column not in column_names()]
        if other:
            raise RecipeError(
                f"interpret.law reads {', '.join(other)}; expected action units alone, as of `facsim teach interpret`"
            )

    @property
    def _law(self) -> NamingLaw:
        return load_law(self.law or str(resources.files("facsim").joinpath(_OWN)))

    @property
    def reads(self) -> tuple[str, ...]:
        """The units that the law goes by."""
        return self._law.columns

    @property
    def weights(self) -> tuple[str, ...]:
        """The law's SHA-256."""
        return (self._law.sha256,)

    @property
    def model_terms(self) -> tuple[Terms, ...]:
        """Those of what the law was fitted to; none of facsim's own."""
        return self._law.stands_on

    def open(self, device: str) -> Work:
        """The law's answers. A row of which no unit is known is a problem, `missing_input`."""
        law = self._law
        return lambda samples: self._rows(law, samples)

    def _rows(self, law: NamingLaw, samples: Sequence[Sample]) -> list[Row | Problem]:
        if not samples:
            return []
        shares = np.power(law.answer([sample.values for sample in samples]), 1.0 / self.temperature)
        shares /= shares.sum(axis=1, keepdims=True)
        teacher = f"units@{law.sha256[:8]}"
        return [
            scored_row(scores, teacher)
            if _read(sample.values, law)
            else Problem(reason="missing_input", detail="no action unit was read")
            for scores, sample in zip(shares.round(4), samples, strict=True)
        ]


def _read(values: Mapping[str, Any], law: NamingLaw) -> bool:
    return any(values[column] is not None for column in law.columns)
