"""The naming law: what a teacher of photographs calls renders, learnt from what was drawn in them and not from pixels.

    facsim run recipes/yardstick-taught.toml --out runs/taught       # with the step `research`, a teacher
    facsim teach naming --renders runs/taught --teacher research --out models/naming
    # then, in any recipe after its render: use = "naming", table = "models/naming/naming.json"

The target is the teacher's distribution over the expressions, the input the run's columns (`NUMBERS`, `CHOICES`), as
far as they differ from row to row; the loss their cross-entropy. A tenth of the people is held out, and says how much
of what the teacher says the law explains: 1 were all but the teacher's own doubt, 0 no more than its shares of names.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from facsim.errors import ManifestError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.facs import column_names
from facsim.learn.losses import soft_cross_entropy
from facsim.manifest import Manifest, open_manifest
from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.naming_law import Choice, NamingLaw, Number, encode_rows, law_text, load_law, numbers_of, word_of
from facsim.records import run_terms
from facsim.sample import seed_for
from facsim.storage import folder_at

__all__ = [
    "CHOICES",
    "LAW_FILE",
    "NUMBERS",
    "UNIT_COLUMNS",
    "FittedLaw",
    "LawExamples",
    "OnEpoch",
    "fit_law",
    "teach_law",
    "with_names",
]

Floats = NDArray[np.float64]

LAW_FILE = "naming.json"

_CODES = tuple(sorted({int(key.rstrip("LR")) for key in SUPPORTED_AUS}))
UNIT_COLUMNS = tuple(name for name in column_names(_CODES) if name[-1] not in "LR")
"""Every unit that the renderer has: of those on both sides, the stronger."""
_SIGNED = ("yaw_deg", "roll_deg", "gaze_yaw_deg")
NUMBERS: tuple[Number, ...] = (
    *(Number(column=name) for name in UNIT_COLUMNS),
    *(Number(column=name) for name in ("pitch_deg", "gaze_pitch_deg", *_SIGNED)),
    *(Number(column=name, absolute=True) for name in _SIGNED),
    *(Number(column=name) for name in ("occlusion", "light_ratio", "crop_scale")),
)
"""Columns of numbers that a law may read. None says who is shown: what a face is
called shall depend neither on age, gender, ancestry and skin nor, as `face_luminance` does, on what goes with them."""
CHOICES = ("occluder", "glasses", "sunglasses", "light_kind")
"""Columns of words that a law may read. Hair, beards and headwear, veils among it, say who is shown, and are none."""

_HIDDEN = (32, 32)
_EPOCHS, _BATCH, _LR, _WEIGHT_DECAY, _WARMUP = 20, 256, 4e-3, 1e-2, 0.1
_HELD_OUT = 10
_LEAST_ROWS = 200
_LEAST_DEVIATION = 1e-6

OnEpoch = Callable[[int, int, float], None]
"""Called after each epoch with its number, their count and the mean loss."""


@dataclass(frozen=True, kw_only=True)
class FittedLaw:
    """The law as it lies in `file`, and on how many rows it was fitted; of `held_out` rows of other people, the mean
    cross-entropy to the teacher, and by how much of what can be explained it is below that of the shares of names."""

    law: NamingLaw
    file: Path
    rows: int
    held_out: int
    cross_entropy: float
    explained: float


@dataclass(frozen=True, kw_only=True, eq=False)
class LawExamples:
    """What a law is fitted to: rows by column, shares float64 (N, names), the names, and whose the rows are."""

    rows: Sequence[Mapping[str, Any]]
    shares: Floats
    names: tuple[str, ...]
    people: Sequence[str]


def teach_law(
    renders: str, *, teacher: str, out: str | Path, seed: int = 0, on_epoch: OnEpoch | None = None
) -> FittedLaw:
    """The law of what the step `teacher` calls the renders of this run, in the folder `out`, as `LAW_FILE`.

    Raises ManifestError where the run has no such step with `expression_scores`, or too few rows of it.
    """
    run = open_manifest(renders)
    taught = _read_run(run, renders, teacher)
    record = run.step(teacher)
    named_by = " and ".join(terms.name for terms in record.terms or ()) or f"the run's {record.stage}"
    law = NamingLaw(
        names=taught.names,
        numbers=(),
        choices=(),
        layers=(),
        fitted_on=f"what {named_by} calls renders",
        how="facsim teach naming",
        stands_on=tuple(dict.fromkeys(terms for _, terms in run_terms(run))),  # of the pictures too, if there are any
    )
    source = (renders, f"rows that {teacher} named")
    return fit_law(law, taught, source=source, out=Path(out) / LAW_FILE, seed=seed, on_epoch=on_epoch)


def fit_law(
    law: NamingLaw,
    examples: LawExamples,
    *,
    source: tuple[str, str],
    out: Path,
    seed: int = 0,
    on_epoch: OnEpoch | None = None,
) -> FittedLaw:
    """`law` with what is fitted to the examples, as it lies in the file `out`.

    Its numbers and choices are those of `NUMBERS` and `CHOICES` that the rows have and differ in. `source` says in
    errors which run and what rows these are. Raises ManifestError where there are too few of them, or too few people.
    """
    held_out = np.array([seed_for(person, "teach/held out") % _HELD_OUT == 0 for person in examples.people])
    if (~held_out).sum() < _LEAST_ROWS or not held_out.any():
        raise ManifestError(
            f"{source[0]} has {len(held_out)} {source[1]}, of {len({*examples.people})} people; expected at least "
            f"{_LEAST_ROWS} and ten people"
        )
    numbers, choices = _varied(examples.rows)
    if not numbers:
        raise ManifestError(f"{source[0]} has no numbers that differ from row to row, expected a run of renders")
    inputs = encode_rows(examples.rows, numbers=numbers, choices=choices)
    layers = _fit(inputs[~held_out], examples.shares[~held_out], seed=seed, on_epoch=on_epoch)
    how = f"{law.how}: {int((~held_out).sum())} renders, seed {seed}"
    fitted = replace(law, numbers=numbers, choices=choices, layers=layers, how=how)
    folder_at(out.parent).write(out.name, law_text(fitted).encode())
    load_law.cache_clear()
    return _judged(load_law(str(out)), examples, held_out, out)


def _read_run(run: Manifest, renders: str, teacher: str) -> LawExamples:
    """What the step `teacher` says of the rows that it could judge, and their columns."""
    scores = f"{teacher}.expression_scores"
    if teacher not in run.steps() or "expression_scores" not in run.step(teacher).writes:
        able = [step for step in run.steps() if "expression_scores" in run.step(step).writes]
        hint = f"steps that do: {', '.join(able)}" if able else "add a step that does, such as `expression`"
        raise ManifestError(f'{renders} has no step "{teacher}" that writes expression_scores; {hint}')
    wanted = dict.fromkeys(["identity_id", *(number.column for number in NUMBERS), *CHOICES])
    full = {name: found for name in wanted if (found := run.find(name))}
    rows: list[dict[str, Any]] = []
    shares: list[list[float]] = []
    for batch in run.batches([scores, *full.values()]):
        columns = {name: batch.column(place).to_pylist() for name, place in full.items()}
        for row, said in enumerate(batch.column(scores).to_pylist()):
            if said is not None:
                rows.append({name: held[row] for name, held in columns.items()})
                shares.append(said)
    return with_names(rows, np.array(shares, dtype=np.float64).reshape(-1, len(EIGHT_EXPRESSIONS)))


def with_names(rows: Sequence[Mapping[str, Any]], shares: Floats) -> LawExamples:
    """The names that the teacher gives at all, and its shares of them, which sum to 1."""
    known = np.flatnonzero(shares.sum(axis=0) > 0)
    return LawExamples(
        rows=rows,
        shares=shares[:, known] / np.maximum(shares[:, known].sum(axis=1, keepdims=True), 1e-12),
        names=tuple(EIGHT_EXPRESSIONS[place] for place in known),
        people=[str(row.get("identity_id") or number) for number, row in enumerate(rows)],
    )


def _varied(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[Number, ...], tuple[Choice, ...]]:
    """Of `NUMBERS` and `CHOICES` those that the rows have and differ in: with mean and deviation, and with values."""
    numbers: list[Number] = []
    for number in NUMBERS:
        if number.column in rows[0]:
            found = numbers_of(rows, number)
            known = found[~np.isnan(found)]
            if len(known) and (deviation := float(known.std())) > _LEAST_DEVIATION:
                numbers.append(replace(number, mean=float(known.mean()), sd=deviation))
    choices = [
        Choice(column=column, values=tuple(sorted({word_of(row[column]) for row in rows})))
        for column in CHOICES
        if column in rows[0]
    ]
    return tuple(numbers), tuple(choice for choice in choices if len(choice.values) > 1)


def _fit(
    inputs: Floats, shares: Floats, *, seed: int, on_epoch: OnEpoch | None
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
    """Weights and biases by Adam with decoupled decay (Loshchilov and Hutter 2019) in single precision, one thread."""
    generator = torch.Generator().manual_seed(seed_for(f"teach/naming/{seed}", "initial"))
    network = _network(inputs.shape[1], shares.shape[1], generator)
    values, targets = (torch.from_numpy(held.astype(np.float32)) for held in (inputs, shares))
    steps = max(1, len(values) // _BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_LR, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step / (_EPOCHS * steps)))
    for epoch in range(_EPOCHS):
        order, losses = torch.randperm(len(values), generator=generator), 0.0
        for step in range(steps):
            rows = order[step * _BATCH : (step + 1) * _BATCH]
            loss = soft_cross_entropy(network(values[rows]), targets[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses += float(loss.detach())
        if on_epoch is not None:
            on_epoch(epoch + 1, _EPOCHS, losses / steps)
    linear = [module for module in network if isinstance(module, nn.Linear)]
    return tuple((layer.weight.detach().double().numpy().T, layer.bias.detach().double().numpy()) for layer in linear)


def _network(inputs: int, outputs: int, generator: torch.Generator) -> nn.Sequential:
    """Layers with a hyperbolic tangent between them, drawn after Glorot and Bengio 2010, eq. 16."""
    widths = (inputs, *_HIDDEN, outputs)
    modules: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layer = nn.Linear(before, after)
        nn.init.xavier_uniform_(layer.weight, generator=generator)
        nn.init.zeros_(layer.bias)
        modules += [layer, nn.Tanh()]
    return nn.Sequential(*modules[:-1])


def _rate(done: float) -> float:
    """The share of the learning rate: up from 0 for the first tenth, then down by a cosine."""
    if done < _WARMUP:
        return done / _WARMUP
    return 0.5 * (1.0 + math.cos(math.pi * (done - _WARMUP) / (1.0 - _WARMUP)))


def _judged(law: NamingLaw, taught: LawExamples, held_out: NDArray[np.bool_], file: Path) -> FittedLaw:
    """What the law, read back from its file, says of the people held out."""
    rows = [row for row, held in zip(taught.rows, held_out, strict=True) if held]
    shares, places = taught.shares[held_out], [EIGHT_EXPRESSIONS.index(name) for name in law.names]
    found = law.answer(rows)[:, places]
    usual = np.broadcast_to(taught.shares[~held_out].mean(axis=0), shares.shape)
    own, ours, least = _mean_entropy(shares, shares), _mean_entropy(shares, found), _mean_entropy(shares, usual)
    return FittedLaw(
        law=law,
        file=file,
        rows=int((~held_out).sum()),
        held_out=len(rows),
        cross_entropy=ours,
        explained=(least - ours) / max(least - own, 1e-12),
    )


def _mean_entropy(shares: Floats, found: Floats) -> float:
    return float(-(shares * np.log(np.maximum(found, 1e-12))).sum(axis=1).mean())
