"""What the rows that stay show: action units, head pose, luminance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facsim.facs import action_unit
from facsim.report.rows import Rows

__all__ = [
    "Distribution",
    "Luminance",
    "ToneLuminance",
    "Unit",
    "Units",
    "distribution_of",
    "luminance",
    "pose",
    "units",
]

_UNIT_EDGES = np.linspace(0.0, 5.0, 11)  # half a FACS letter each
_MOST_BINS = 30
_STEPS = (0.5, 1, 2, 5, 10, 15, 30)  # degrees
_POSE = {"yaw_deg": "Yaw", "pitch_deg": "Pitch", "roll_deg": "Roll"}


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A histogram (`counts[i]` between `edges[i]` and `edges[i + 1]`) of `n` values with its usual figures."""

    name: str
    unit: str
    n: int
    mean: float
    sd: float
    percentile_5: float
    median: float
    percentile_95: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One action unit: histogram of its intensity where it is present (> 0), and its mean for each expression."""

    column: str
    name: str
    present: int
    counts: tuple[int, ...]
    means: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Units:
    """Action units that occur, over `n` rows; `means` of each follow `expressions`. `edges` in FACS intensity, 0–5."""

    step: str
    n: int
    edges: tuple[float, ...]
    expressions: tuple[str, ...]
    units: tuple[Unit, ...]
    never: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ToneLuminance:
    """Face luminance (0–1) of the rows of one Monk tone."""

    tone: str
    n: int
    percentile_10: float
    median: float
    percentile_90: float


@dataclass(frozen=True, kw_only=True)
class Luminance:
    """Mean luminance of the face's pixels (0–1, sRGB-coded), over all and by Monk tone where there is one."""

    all: Distribution
    by_tone: tuple[ToneLuminance, ...]


def distribution_of(
    values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64], *, name: str, unit: str = ""
) -> Distribution:
    """The `Distribution` of finite `values` (N,), N ≥ 1; values beyond the edges count in the outermost bins."""
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
    low, median, high = np.percentile(values, [5, 50, 95])
    return Distribution(
        name=name,
        unit=unit,
        n=values.size,
        mean=float(values.mean()),
        sd=float(values.std()),
        percentile_5=float(low),
        median=float(median),
        percentile_95=float(high),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
    )


def units(rows: Rows) -> Units | None:
    """Intensities of the action units of the rows that stay; None where the run has no such column or row."""
    kept = {name: rows.numbers(name) for name in rows.units()}
    names = [name for name, values in kept.items() if np.isfinite(values[rows.kept]).any()]
    if not names:
        return None
    table = np.stack([kept[name] for name in names], axis=1)
    usable = rows.kept & np.isfinite(table).all(axis=1)
    if not usable.any():
        return None
    labels = np.asarray(rows.expression)[usable]
    expressions = tuple(sorted(set(labels.tolist())))
    intensities = table[usable]
    occurs = [i for i in range(len(names)) if intensities[:, i].any()]
    return Units(
        step=rows.writers[names[0]],
        n=int(usable.sum()),
        edges=tuple(_UNIT_EDGES.tolist()),
        expressions=expressions,
        units=tuple(_unit(names[i], intensities[:, i], labels, expressions) for i in occurs),
        never=tuple(name for i, name in enumerate(names) if i not in occurs),
    )


def _unit(
    column: str, intensity: npt.NDArray[np.float64], labels: npt.NDArray[np.str_], expressions: Sequence[str]
) -> Unit:
    present = intensity[intensity > 0]
    counts, _ = np.histogram(present, bins=_UNIT_EDGES)
    return Unit(
        column=column,
        name=action_unit(column.removeprefix("AU")).name,
        present=present.size,
        counts=tuple(counts.tolist()),
        means=tuple(float(intensity[labels == name].mean()) for name in expressions),
    )


def pose(rows: Rows) -> tuple[Distribution, ...] | None:
    """Yaw, pitch and roll of the rows that stay, in degrees, on one scale; None where the run has none of them."""
    angles = {name: _kept_numbers(rows, name) for name in _POSE if name in rows.columns}
    angles = {name: values for name, values in angles.items() if values.size}
    if not angles:
        return None
    reach = max(float(np.abs(values).max()) for values in angles.values())
    step = next((step for step in _STEPS if 2 * reach / step <= _MOST_BINS), _STEPS[-1])
    bins = max(1, int(np.ceil(reach / step)))
    edges = np.arange(-bins, bins + 1, dtype=np.float64) * step
    return tuple(distribution_of(v, edges, name=_POSE[name], unit="°") for name, v in angles.items())


def _kept_numbers(rows: Rows, column: str) -> npt.NDArray[np.float64]:
    values = rows.numbers(column)[rows.kept]
    return values[np.isfinite(values)]


def luminance(rows: Rows) -> Luminance | None:
    """How light the faces that stay are; None where the run does not say."""
    if "face_luminance" not in rows.columns or not (values := _kept_numbers(rows, "face_luminance")).size:
        return None
    edges = np.linspace(0.0, 1.0, 26)
    return Luminance(all=distribution_of(values, edges, name="Face luminance"), by_tone=_by_tone(rows))


def _by_tone(rows: Rows) -> tuple[ToneLuminance, ...]:
    if "skin_tone_monk" not in rows.columns:
        return ()
    light, tones = rows.numbers("face_luminance"), rows.numbers("skin_tone_monk")
    usable = rows.kept & np.isfinite(light) & np.isfinite(tones)
    found: list[ToneLuminance] = []
    for tone in sorted(set(tones[usable].tolist())):
        values = light[usable & (tones == tone)]
        low, median, high = (float(v) for v in np.percentile(values, [10, 50, 90]))
        entry = ToneLuminance(tone=f"{tone:g}", n=values.size, percentile_10=low, median=median, percentile_90=high)
        found.append(entry)
    return tuple(found)
