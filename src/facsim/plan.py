"""What is wanted, row by row: a plan's quotas turned into samples before the first picture exists.

Quotas are marginal: counts or per cent for each axis. Rows are assigned systematically, axis after axis, over rows
sorted by the axes before, so that every marginal is met exactly (per cent: by largest remainder) and every combination
of axes comes out even where whole blocks fit (a block is the smallest number of rows in which every share and every
combination can be whole: 700 for five ages, ten tones, two genders and seven expressions), and nearly so elsewhere. A
plan that is longer by whole blocks keeps the rows that it had.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats

from facsim.columns import step_schema
from facsim.errors import RecipeError, hint_nearest
from facsim.expressions import SEVEN_EXPRESSIONS, expression_named
from facsim.sample import planned_id, seed_for, uniforms

__all__ = ["AXES", "PLAN_WRITES", "Axis", "Plan", "plan_batches", "plan_table", "quota_counts", "shard_sizes"]


Quota: TypeAlias = str | dict[str, int | str]
Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

PLAN_WRITES = (
    "expression_target",
    "identity_id",
    "apparent_age_years",
    "apparent_gender",
    "apparent_ancestry",
    "skin_tone_monk",
)
"""Columns that a plan writes, under the step name `plan`."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One thing that quotas may be set on: what `balanced` means, and whether it belongs to the person."""

    name: str
    balanced: tuple[str, ...]
    of_identity: bool
    canonical: Callable[[str], str]


def _expression(text: str) -> str:
    return expression_named(text)


def _gender(text: str) -> str:
    return _closed(text, "apparent_gender", ("feminine", "masculine"))


def _monk(text: str) -> str:
    return _closed(text, "skin_tone_monk", tuple(str(tone) for tone in range(1, 11)))


def _ancestry(text: str) -> str:
    return _closed(text, "apparent_ancestry", ("african", "asian", "european", "mixed"))


def _closed(text: str, axis: str, values: tuple[str, ...]) -> str:
    if text not in values:
        raise RecipeError(f'plan.quotas.{axis} has no value "{text}".{hint_nearest(text, values)}')
    return text


_BIN = re.compile(r"^\s*(\d{1,3})\s*-\s*(\d{1,3})\s*$")


def _age(text: str) -> str:
    found = _BIN.match(text)
    if not found or not 3 <= int(found[1]) < int(found[2]) <= 90:
        raise RecipeError(
            f'plan.quotas.apparent_age_years has the key "{text}"; '
            'expected a range of years within 3-90, such as "20-39"'
        )
    return f"{int(found[1])}-{int(found[2])}"


AXES: Mapping[str, Axis] = {
    axis.name: axis
    for axis in (
        Axis(name="apparent_gender", balanced=("feminine", "masculine"), of_identity=True, canonical=_gender),
        Axis(
            name="apparent_age_years",
            balanced=("5-12", "13-19", "20-39", "40-59", "60-85"),
            of_identity=True,
            canonical=_age,
        ),
        Axis(name="skin_tone_monk", balanced=tuple(str(t) for t in range(1, 11)), of_identity=True, canonical=_monk),
        Axis(
            name="apparent_ancestry",
            balanced=("african", "asian", "european", "mixed"),
            of_identity=True,
            canonical=_ancestry,
        ),
        Axis(name="expression", balanced=SEVEN_EXPRESSIONS, of_identity=False, canonical=_expression),
    )
}
"""Every axis, in the order of assignment; the person's come first."""

_BATCH_ROWS = 5000  # planned at a time
_ALWAYS = ("apparent_gender", "apparent_age_years", "skin_tone_monk", "expression")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`[plan]`: how many samples, from which seed, in which shares.

    quotas: axis → "balanced", or value → count or per cent (`"50%"`); axes: expression, apparent_gender,
    apparent_age_years (ranges of years), skin_tone_monk (1–10), apparent_ancestry. An axis that is left out is
    balanced, but for ancestry, which then follows the skin tone.
    pictures_per_identity: pictures of each invented person, one after another; must divide `count`.
    rows_per_shard: 0 chooses: 32 shards or more, 50 to 2,000 rows each.
    """

    count: int
    seed: int = 0
    pictures_per_identity: int = 1
    rows_per_shard: int = 0
    quotas: dict[str, Quota] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise RecipeError(f"plan.count is {self.count}; expected 1 or more")
        if self.seed < 0:
            raise RecipeError(f"plan.seed is {self.seed}; expected 0 or more")
        if self.pictures_per_identity < 1 or self.count % self.pictures_per_identity:
            raise RecipeError(
                f"plan.pictures_per_identity is {self.pictures_per_identity}, which does not divide plan.count "
                f"{self.count}; choose a divisor, such as {math.gcd(max(self.pictures_per_identity, 1), self.count)}"
            )
        for name in self.quotas:
            if name not in AXES:
                raise RecipeError(f'plan.quotas has no axis "{name}".{hint_nearest(name, AXES)}')
        for name in self.axes():
            quota_counts(self, name)

    def axes(self) -> tuple[str, ...]:
        """The axes that are assigned by quota, in order."""
        return tuple(name for name in AXES if name in _ALWAYS or name in self.quotas)

    def units(self, axis: str) -> int:
        """How many things the axis is assigned to: people, or pictures."""
        return self.count // self.pictures_per_identity if AXES[axis].of_identity else self.count


def quota_counts(plan: Plan, axis: str) -> dict[str, int]:
    """Pictures for each value of an axis, summing to `plan.count`.

    Raises RecipeError where the quota cannot be met, saying why.
    """
    per_unit = plan.count // plan.units(axis)
    return {value: count * per_unit for value, count in _unit_counts(plan, axis).items()}


def _unit_counts(plan: Plan, axis: str) -> dict[str, int]:
    shares = _shares(plan, axis)
    return dict(zip(shares, _largest_remainder(list(shares.values()), plan.units(axis)), strict=True))


def _shares(plan: Plan, axis: str) -> dict[str, Fraction]:
    quota = plan.quotas.get(axis, "balanced")
    if isinstance(quota, str):
        if quota != "balanced":
            raise RecipeError(f'plan.quotas.{axis} is "{quota}"; expected "balanced" or a table of counts or per cent')
        values = AXES[axis].balanced
        return {value: Fraction(1, len(values)) for value in values}
    if not quota:
        raise RecipeError(f"plan.quotas.{axis} is empty; leave it out, or give counts or per cent")
    named = _canonical_keys(axis, quota)
    if all(isinstance(amount, str) for amount in named.values()):
        return _percent_shares(axis, {value: str(amount) for value, amount in named.items()})
    if any(isinstance(amount, str) for amount in named.values()):
        raise RecipeError(f"plan.quotas.{axis} mixes counts and per cent; use one of them for all of its values")
    return _count_shares(plan, axis, {value: int(amount) for value, amount in named.items()})


def _canonical_keys(axis: str, quota: Mapping[str, int | str]) -> dict[str, int | str]:
    named: dict[str, int | str] = {}
    for key, amount in quota.items():
        value = AXES[axis].canonical(key)
        if value in named:
            raise RecipeError(f'plan.quotas.{axis} names "{value}" twice')
        named[value] = amount
    return named


def _percent_shares(axis: str, quota: Mapping[str, str]) -> dict[str, Fraction]:
    shares: dict[str, Fraction] = {}
    for value, text in quota.items():
        if not re.fullmatch(r"\s*\d+(\.\d+)?\s*%\s*", text):
            raise RecipeError(
                f'plan.quotas.{axis}.{value} is "{text}"; expected a count such as 300 or a share such as "14.5%"'
            )
        shares[value] = Fraction(text.strip().rstrip("%").strip()) / 100
    total = sum(shares.values())
    if total != 1:
        raise RecipeError(f"plan.quotas.{axis} adds up to {float(total * 100):g} %; expected 100 %")
    return shares


def _count_shares(plan: Plan, axis: str, quota: Mapping[str, int]) -> dict[str, Fraction]:
    if negative := [value for value, count in quota.items() if count < 0]:
        raise RecipeError(f"plan.quotas.{axis}.{negative[0]} is {quota[negative[0]]}; a count cannot be negative")
    total = sum(quota.values())
    if total != plan.count:
        raise RecipeError(
            f"plan.quotas.{axis} asks for {total} pictures and plan.count is {plan.count}; "
            f"{'raise' if total > plan.count else 'lower'} plan.count by {abs(total - plan.count)}, or change the quota"
        )
    per_unit = plan.count // plan.units(axis)
    if uneven := [value for value, count in quota.items() if count % per_unit]:
        raise RecipeError(
            f"plan.quotas.{axis}.{uneven[0]} is {quota[uneven[0]]}, which is not a whole number of people with "
            f"{per_unit} pictures each; choose a multiple of {per_unit}"
        )
    return {value: Fraction(count, total) for value, count in quota.items()}


def _largest_remainder(shares: Sequence[Fraction], total: int) -> list[int]:
    exact = [share * total for share in shares]
    counts = [int(amount) for amount in exact]
    order = sorted(range(len(shares)), key=lambda i: (counts[i] - exact[i], i))
    for i in order[: total - sum(counts)]:
        counts[i] += 1
    return counts


def _block(plan: Plan) -> int:
    """People in one block: a multiple of the smallest number in which every share is whole, and of all combinations."""
    shares = [_shares(plan, axis) for axis in plan.axes()]
    period = math.lcm(*(share.denominator for values in shares for share in values.values()))
    return math.lcm(period, math.prod(len(values) for values in shares))


def _assign(plan: Plan, axis: str, sort_keys: Sequence[Ints]) -> Ints:
    """Value index for every unit: systematic over units sorted by `sort_keys` and then at random, block by block.

    Within each group of the first keys the groups of the next come in an order of their own, drawn at random: in one
    order for all, values would fall into step with groups whose size is a multiple of the number of values.
    """
    units = plan.units(axis)
    block = min(_block(plan) * (1 if AXES[axis].of_identity else plan.pictures_per_identity), units)
    noise = uniforms(plan.seed, f"plan/{axis}", np.arange(units, dtype=np.int64))
    assigned = np.empty(units, dtype=np.int64)
    shares = list(_shares(plan, axis).values())
    before = [0] * len(shares)
    for start in range(0, units, block):
        stop = min(start + block, units)
        upto = _largest_remainder(shares, stop)
        counts = [now - then for now, then in zip(upto, before, strict=True)]
        before = upto
        rows = np.arange(start, stop)
        keys = _group_order(plan, axis, [key[rows] for key in sort_keys])
        order = rows[np.lexsort((noise[rows], *reversed(keys)))]
        assigned[order] = _interleaved(counts, uniforms(plan.seed, f"plan/{axis}/{start}", np.arange(len(counts))))
    return assigned


def _group_order(plan: Plan, axis: str, keys: Sequence[Ints]) -> list[Floats]:
    """For each level of grouping a number in [0, 1) that the rows of one group share and other groups do not."""
    prefix = np.zeros(len(keys[0]) if keys else 0, dtype=np.int64)
    levels: list[Floats] = []
    for level, key in enumerate(keys):
        prefix = prefix * 1000 + key
        levels.append(uniforms(plan.seed, f"plan/{axis}/groups/{level}", prefix))
    return levels


def _interleaved(counts: Sequence[int], offsets: Floats) -> Ints:
    """Value indices, each `counts[v]` times, spread as evenly as can be; `offsets` in [0, 1) say who goes first."""
    values = np.repeat(np.arange(len(counts)), counts)
    ranks = np.concatenate([np.arange(count) for count in counts])
    places = (ranks + offsets[values]) / np.maximum(np.asarray(counts)[values], 1)
    return values[np.argsort(places, kind="stable")].astype(np.int64)


def plan_table(plan: Plan, *, round_index: int = 0) -> pa.Table:
    """The planned rows: key columns and `PLAN_WRITES`, `plan.count` of them, in order of index."""
    return pa.Table.from_batches(plan_batches(plan, round_index=round_index), schema=step_schema(PLAN_WRITES))


def plan_batches(plan: Plan, *, round_index: int = 0) -> Iterator[pa.RecordBatch]:
    """The rows of `plan_table`, some thousand at a time: what is held of the others is a few numbers each."""
    people = plan.count // plan.pictures_per_identity
    chosen: dict[str, Ints] = {}
    for axis in plan.axes():
        keys = [chosen[a] for a in chosen]
        if not AXES[axis].of_identity:
            keys = [np.repeat(key, plan.pictures_per_identity) for key in keys]
        chosen[axis] = _assign(plan, axis, keys)
    at_once = max(1, _BATCH_ROWS // plan.pictures_per_identity)
    for start in range(0, people, at_once):
        yield _batch(plan, round_index, chosen, np.arange(start, min(start + at_once, people), dtype=np.int64))


def _batch(plan: Plan, round_index: int, chosen: Mapping[str, Ints], person: Ints) -> pa.RecordBatch:
    """The rows of some people, one after another."""
    each = plan.pictures_per_identity
    rows = range(int(person[0]) * each, (int(person[-1]) + 1) * each)

    def named(axis: str, units: Ints) -> list[str]:
        names = list(_shares(plan, axis))
        return [names[place] for place in chosen[axis][units]]

    tones = np.asarray([int(tone) for tone in named("skin_tone_monk", person)], dtype=np.int64)
    labels = named("apparent_ancestry", person) if "apparent_ancestry" in chosen else []
    of_person: dict[str, list[Any]] = {
        "identity_id": [f"{seed_for(f'{plan.seed}/{round_index}/{j}', 'identity'):016x}" for j in person],
        "apparent_age_years": _ages(plan, named("apparent_age_years", person), person).tolist(),
        "apparent_gender": named("apparent_gender", person),
        "apparent_ancestry": _ancestries(plan, tones, labels, person).tolist(),
        "skin_tone_monk": tones.tolist(),
    }
    columns: dict[str, list[Any]] = {
        "sample_id": [planned_id(plan.seed, round_index, i) for i in rows],
        "problem": [None] * len(rows),
        "problem_detail": [None] * len(rows),
        "expression_target": named("expression", np.asarray(rows)),
        **{name: [v for v in values for _ in range(each)] for name, values in of_person.items()},
    }
    schema = step_schema(PLAN_WRITES)
    arrays = [pa.array(columns[name], schema.field(name).type) for name in schema.names]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _ages(plan: Plan, ranges: Sequence[str], person: Ints) -> Floats:
    low = np.asarray([float(text.split("-")[0]) for text in ranges])
    high = np.asarray([float(text.split("-")[1]) + 1.0 for text in ranges])
    return np.minimum(low + (high - low) * uniforms(plan.seed, "plan/age", person), 90.0)


# Mean head-model weights (African, Asian, European) for groups of Monk tones: our choice, broad on purpose, so that a
# tone never fixes the shape of a face. A quota on apparent_ancestry replaces it.
_TONE_MEANS = {
    2: (0.08, 0.27, 0.65),
    4: (0.12, 0.40, 0.48),
    6: (0.30, 0.36, 0.34),
    8: (0.60, 0.22, 0.18),
    10: (0.80, 0.10, 0.10),
}
_LABEL_MEANS = {
    "african": (0.90, 0.05, 0.05),
    "asian": (0.05, 0.90, 0.05),
    "european": (0.05, 0.05, 0.90),
    "mixed": (1 / 3, 1 / 3, 1 / 3),
}


def _ancestries(plan: Plan, tones: Ints, labels: Sequence[str], person: Ints) -> Floats:
    """Dirichlet weights, shape (people, 3), rows summing to 1, around the tone's or the label's means."""
    if labels:
        means = np.asarray([_LABEL_MEANS[label] for label in labels])
    else:
        means = np.asarray([_TONE_MEANS[int(tone + tone % 2)] for tone in tones])
    drawn = [uniforms(plan.seed, f"plan/ancestry/{k}", person) for k in range(3)]
    gammas = np.stack(
        [stats.gamma.ppf(np.clip(u, 1e-9, 1 - 1e-9), 3.0 * means[:, k]) for k, u in enumerate(drawn)], axis=1
    )
    weights = np.maximum(gammas, 1e-6)
    return weights / weights.sum(axis=1, keepdims=True)


def shard_sizes(rows: int, *, rows_per_shard: int = 0) -> tuple[int, ...]:
    """Rows in each shard: as asked, or up to 32 shards or more of 64 to 2,000 rows, by whole batches of 32.

    2,000 pictures of 112 px are about 60 MB and, at 10 a second, three minutes of one worker: within the limits of
    256 MB and ten minutes a shard.
    """
    size = rows_per_shard or min(math.ceil(max(rows / 32, 64) / 32) * 32, 2000)
    return tuple(min(size, rows - start) for start in range(0, rows, size))
