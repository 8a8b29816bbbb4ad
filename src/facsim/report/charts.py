"""Small charts as inline SVG: histograms, lines, ranges, points. Colours come from the page's style sheet, by class.

Every function returns escaped `Markup`; text given to it may be anything. Charts carry a title for screen readers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

__all__ = ["Range", "Series", "draw_histogram", "draw_lines", "draw_points", "draw_ranges", "draw_spark", "nice_ticks"]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of a chart: its name, points (x, y) and style sheet class (`s1`, `s2`, …)."""

    name: str
    points: Sequence[tuple[float, float]]
    style: str = "s1"


@dataclass(frozen=True, kw_only=True)
class Range:
    """A value with the interval around it."""

    label: str
    low: float
    value: float
    high: float


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """The plotting area in the picture's units, and the data's limits."""

    left: float
    right: float
    top: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1.0)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1.0)
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)


def nice_ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 × 10ⁿ apart) within `low` to `high`, about as many as asked."""
    span = (high - low) or 1.0
    rough = span / max(about, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def _svg(width: float, height: float, title: str, parts: Iterable[str], *, style: str = "") -> Markup:
    body = "".join(parts)
    style = style or ("chart broad" if width > 400 else "chart")
    return Markup(
        f'<svg class="{style}" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{body}</svg>"
    )


def _text(x: float, y: float, text: str, *, anchor: str = "middle", style: str = "t") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(start: tuple[float, float], end: tuple[float, float], style: str) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _bar(x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="bar" x="{x:.2f}" y="{y:.2f}" width="{max(width, 0.1):.2f}" height="{max(height, 0):.2f}"/>'


def _number(value: float) -> str:
    return f"{value:,.10g}".replace("-", "\N{MINUS SIGN}")


def draw_histogram(
    edges: Sequence[float],
    counts: Sequence[int],
    *,
    title: str,
    unit: str = "",
    mark: float | None = None,
    width: float = 320,
) -> Markup:
    """Counts between edges as bars over a labelled axis; `mark` (say, the median) is drawn as a line."""
    most = max([*counts, 1])
    bottom = 0.36 * width
    frame = _Frame(left=14, right=width - 14, top=12, bottom=bottom, x=(edges[0], edges[-1]), y=(0, most))
    parts = [_line((frame.left, bottom), (frame.right, bottom), "axis")]
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        (x1, y), (x2, _) = frame.at(low, count), frame.at(high, 0)
        if count:
            parts.append(_bar(x1 + 0.5, y, x2 - x1 - 1, bottom - y))
    for tick in nice_ticks(edges[0], edges[-1], about=6):
        x, _ = frame.at(tick, 0)
        parts += [_line((x, bottom), (x, bottom + 4), "axis"), _text(x, bottom + 17, _number(tick) + unit)]
    if mark is not None:
        parts.append(_line(frame.at(mark, 0), frame.at(mark, most * 1.06), "mark"))
    return _svg(width, bottom + 22, title, parts)


def draw_spark(counts: Sequence[int], *, title: str) -> Markup:
    """Counts as small bars without axes."""
    most = max([*counts, 1])
    step = 100 / max(len(counts), 1)
    bars = [
        _bar(i * step + 0.6, 24 - 23 * count / most, step - 1.2, 23 * count / most) for i, count in enumerate(counts)
    ]
    return _svg(100, 25, title, [*bars, _line((0, 24.5), (100, 24.5), "axis")], style="spark")


def draw_lines(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str,
    y_limits: tuple[float, float] | None = None,
) -> Markup:
    """Lines over labelled axes, each named where it ends."""
    points = [point for line in series for point in line.points]
    frame = _lines_frame(points, y_limits)
    parts = [*_grid(frame), _text((frame.left + frame.right) / 2, 216, x_label)]
    for line, y in zip(series, _spread([frame.at(*line.points[-1])[1] for line in series]), strict=True):
        path = " ".join("{:.1f},{:.1f}".format(*frame.at(*point)) for point in line.points)
        parts.append(f'<polyline class="line {escape(line.style)}" points="{path}"/>')
        if len(line.points) == 1:
            x_at, y_at = frame.at(*line.points[0])
            parts.append(f'<circle class="dot {escape(line.style)}" cx="{x_at:.1f}" cy="{y_at:.1f}" r="3"/>')
        parts.append(_text(frame.right + 6, y + 4, line.name, anchor="start", style=f"t name {escape(line.style)}"))
    return _svg(460, 222, title, parts)


def _lines_frame(points: Sequence[tuple[float, float]], y_limits: tuple[float, float] | None) -> _Frame:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low, high = y_limits or (min(0.0, *ys), max(ys) * 1.05 or 1.0)
    return _Frame(left=38, right=372, top=10, bottom=182, x=(min(xs), max(xs)), y=(low, high))


def _grid(frame: _Frame) -> list[str]:
    parts: list[str] = []
    for tick in nice_ticks(*frame.y, about=5):
        _, y = frame.at(0, tick)
        parts += [_line((frame.left, y), (frame.right, y), "grid")]
        parts += [_text(frame.left - 6, y + 4, _number(tick), anchor="end")]
    for tick in (tick for tick in nice_ticks(*frame.x, about=7) if tick == int(tick)):  # steps are whole
        x, _ = frame.at(tick, 0)
        parts.append(_text(x, frame.bottom + 17, _number(tick)))
    return parts


def _spread(heights: Sequence[float], *, apart: float = 15) -> list[float]:
    """The heights, moved down where labels there would overlap."""
    placed = dict[int, float]()
    last = -math.inf
    for index in sorted(range(len(heights)), key=lambda i: heights[i]):
        last = max(heights[index], last + apart)
        placed[index] = last
    return [placed[index] for index in range(len(heights))]


def draw_ranges(
    ranges: Sequence[Range], *, title: str, limits: tuple[float, float] = (0.0, 1.0), left: float = 84
) -> Markup:
    """One row each: an interval as a bar, the value as a dot; labels have `left` units beside the axis."""
    bottom = 22.0 * len(ranges) + 6
    frame = _Frame(left=left, right=440, top=4, bottom=bottom, x=limits, y=(0, 1))
    parts = [part for tick in nice_ticks(*limits) for part in _upright(frame, tick)]
    for row, entry in enumerate(ranges):
        y = 17.0 + 22 * row
        (x1, _), (x, _), (x2, _) = (frame.at(v, 0) for v in (entry.low, entry.value, entry.high))
        parts.append(
            f'<rect class="range" x="{x1:.1f}" y="{y - 4:.1f}" width="{max(x2 - x1, 1):.1f}" height="8" rx="4"/>'
        )
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>')
        parts.append(_text(left - 8, y + 4, entry.label, anchor="end"))
    return _svg(460, bottom + 22, title, parts)


def _upright(frame: _Frame, tick: float) -> list[str]:
    x, _ = frame.at(tick, 0)
    return [_line((x, frame.top), (x, frame.bottom), "grid"), _text(x, frame.bottom + 16, _number(tick))]


def draw_points(points: Sequence[tuple[float, float]], spreads: Sequence[tuple[float, float]], *, title: str) -> Markup:
    """Points (x, y in 0–1, y downwards) in a square, each in an ellipse of its spread."""
    side = 260.0
    inside: Callable[[float], float] = lambda value: value * side  # noqa: E731  # a scale, not a function worth a name
    parts = [f'<rect class="plate" x="0.5" y="0.5" width="{side - 1:g}" height="{side - 1:g}" rx="6"/>']
    for (x, y), (dx, dy) in zip(points, spreads, strict=True):
        cx, cy, rx, ry = (inside(value) for value in (x, y, dx, dy))
        parts.append(f'<ellipse class="spread" cx="{cx:.1f}" cy="{cy:.1f}" rx="{rx:.1f}" ry="{ry:.1f}"/>')
    parts += [f'<circle class="dot" cx="{inside(x):.1f}" cy="{inside(y):.1f}" r="2"/>' for x, y in points]
    return _svg(side, side, title, parts, style="chart square")
