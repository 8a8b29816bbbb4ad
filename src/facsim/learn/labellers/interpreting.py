"""The law of *interpret*: which expression was asked for, by the action units that the coder reads off renders of it.

    facsim run recipes/labels/units.toml --out runs/units       # renders, found, aligned and read by `action_units`
    facsim teach interpret --renders runs/units --out models/interpret

What is learnt from is what the coder says and not what was drawn, so that the law knows what the coder takes for what.
It sees no pixel: a coder that reads photographs carries it over to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from facsim.errors import ManifestError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.learn.labellers.naming import UNIT_COLUMNS, FittedLaw, LawExamples, OnEpoch, fit_law, with_names
from facsim.manifest import Manifest, open_manifest
from facsim.models.naming_law import NamingLaw
from facsim.records import run_terms

__all__ = ["INTERPRET_FILE", "teach_interpretation"]

INTERPRET_FILE = "interpret.json"


def teach_interpretation(
    renders: str, *, coder: str = "action_units", out: str | Path, seed: int = 0, on_epoch: OnEpoch | None = None
) -> FittedLaw:
    """The law of what renders of this run were asked to show, by what its step `coder` reads off them, in the folder
    `out`, as `INTERPRET_FILE`.

    Raises ManifestError where the run has no such step or asks for no expressions, or has too few rows.
    """
    run = open_manifest(renders)
    examples = _read_run(run, renders, coder)
    record = run.step(coder)
    law = NamingLaw(
        names=examples.names,
        numbers=(),
        choices=(),
        layers=(),
        fitted_on=f"renders, by what {coder} {record.fingerprint[:8]} reads off them",
        how="facsim teach interpret",
        stands_on=tuple(dict.fromkeys(terms for _, terms in run_terms(run))),
    )
    source = (renders, f"rows that {coder} read")
    return fit_law(law, examples, source=source, out=Path(out) / INTERPRET_FILE, seed=seed, on_epoch=on_epoch)


def _read_run(run: Manifest, renders: str, coder: str) -> LawExamples:
    """The units read of every row that could be, and what it was asked to show."""
    writes = run.step(coder).writes if coder in run.steps() else ()
    if not set(UNIT_COLUMNS) <= set(writes):
        able = [step for step in run.steps() if step != "render" and set(UNIT_COLUMNS) <= set(run.step(step).writes)]
        hint = f"steps that do: {', '.join(able)}" if able else "run recipes/labels/units.toml, or a recipe like it"
        raise ManifestError(f'{renders} has no step "{coder}" that reads action units; {hint}')
    asked, identity = run.find("expression_target"), run.find("identity_id")
    if asked is None or identity is None:
        raise ManifestError(f"{renders} asks for no expressions, expected a run with a plan and a render step")
    units = {name: f"{coder}.{name}" for name in UNIT_COLUMNS}
    rows: list[Mapping[str, Any]] = []
    shares: list[list[float]] = []
    for batch in run.batches([asked, identity, *units.values()]):
        columns = {name: batch.column(place).to_pylist() for name, place in units.items()}
        people, names = batch.column(identity).to_pylist(), batch.column(asked).to_pylist()
        for row, name in enumerate(names):
            found = {unit: held[row] for unit, held in columns.items()}
            if name in EIGHT_EXPRESSIONS and any(value is not None for value in found.values()):
                rows.append({"identity_id": people[row], **found})
                shares.append([float(name == known) for known in EIGHT_EXPRESSIONS])
    return with_names(rows, np.array(shares, dtype=np.float64).reshape(-1, len(EIGHT_EXPRESSIONS)))
