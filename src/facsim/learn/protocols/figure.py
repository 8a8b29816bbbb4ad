"""A protocol's results as one self-contained SVG: curves over sizes where rows have them, else a row a measurement.

Each test has a panel for accuracy and one for UAR. Points are means over seeds, bars their 95 % intervals over test
pictures, small marks the single seeds. A set without sizes is a dashed line across the curves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import escape

from facsim.learn.protocols.results import Figure, Measurement, Results
from facsim.report.charts import nice_ticks

__all__ = ["results_figure"]

_PANELS = (("accuracy", "accuracy"), ("uar", "UAR"))
# the report's first two, then as strong
_COLOURS = ("#2b76ad", "#c4570b", "#1d6b4f", "#7a4fa3", "#8a6d1f", "#a3324f", "#4b5563", "#0f7c8c")
_WIDTH, _PANEL, _GAP = 980.0, 300.0, 30.0
_LETTER = 6.8  # px a letter of 11 px text takes, about
_ROW = 22.0
_STYLE = """
text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  fill: #5b636d; font-variant-numeric: tabular-nums; }
.title { font-size: 15px; font-weight: 600; fill: #1d2126; }
.head { font-weight: 600; fill: #1d2126; }
.name { fill: #1d2126; }
.grid { stroke: #e2dfd8; stroke-width: 1; }
.axis { stroke: #5b636d; stroke-width: 1; opacity: 0.55; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.across { stroke-width: 1.5; stroke-dasharray: 5 4; }
.bar { stroke-width: 2; opacity: 0.45; }
.range { opacity: 0.25; }
.seed { opacity: 0.75; }
"""


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """A panel in the picture's units, and the data's limits; `log` is of x."""

    left: float
    right: float
    top: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float] = (0.0, 1.0)
    log: bool = False

    def across(self, x: float) -> float:
        low, high, value = (math.log(v) if self.log else v for v in (*self.x, x))
        return self.left + (value - low) / ((high - low) or 1.0) * (self.right - self.left)

    def up(self, y: float) -> float:
        return self.bottom - (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1.0) * (self.bottom - self.top)


def results_figure(results: Results) -> str:
    """The SVG's text, with its own style and a white ground."""
    parts, top = [_text(16, 26, results.title, style="title", anchor="start")], 44.0
    for test in results.tests:
        rows = [one for one in results.measurements if one.test == test.name]
        if rows:
            drawn, top = (_curves if _has_curve(rows) else _rows)(f"{test.name}, n = {test.n:,}", rows, results, top)
            parts += drawn
    height = top + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH:g}" height="{height:g}" viewBox="0 0 {_WIDTH:g} '
        f'{height:g}" role="img" aria-label="{escape(results.title)}"><title>{escape(results.title)}</title>'
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _has_curve(rows: Sequence[Measurement]) -> bool:
    sizes = dict[str, set[float]]()
    for one in rows:
        if one.group and one.x is not None and one.x > 0:
            sizes.setdefault(one.group, set()).add(one.x)
    return any(len(found) > 1 for found in sizes.values())


# rows


def _rows(heading: str, rows: Sequence[Measurement], results: Results, top: float) -> tuple[list[str], float]:
    """A line a row: its name, then a panel a metric; returns where the next may begin."""
    names = min(max(len(one.row) for one in rows) * _LETTER + 12, 330.0)
    width = (_WIDTH - 32 - names - _GAP) / 2
    bottom = top + 44 + _ROW * len(rows)
    parts = [_text(16, top + 12, heading, style="head", anchor="start")]
    parts += [
        _text(16 + names - 10, top + 59 + _ROW * i, _cut(one.row, names), style="name", anchor="end")
        for i, one in enumerate(rows)
    ]
    for place, (metric, title) in enumerate(_PANELS):
        left = 16 + names + place * (width + _GAP)
        limits = _limits([one.figures[metric] for one in rows])
        frame = _Frame(left=left, right=left + width, top=top + 42, bottom=bottom, x=limits)
        parts += [_text(left, top + 34, title, anchor="start"), *_uprights(frame)]
        for i, one in enumerate(rows):
            parts += _range(frame, one.figures[metric], top + 55 + _ROW * i, _COLOURS[place])
    return parts, bottom + 34


def _range(frame: _Frame, figure: Figure, y: float, colour: str) -> list[str]:
    """The interval as a bar, the mean as a dot, the seeds as small strokes."""
    if figure.mean is None:
        return []
    parts = list[str]()
    if figure.low is not None and figure.high is not None:
        x1, x2 = frame.across(figure.low), frame.across(figure.high)
        parts.append(
            f'<rect class="range" fill="{colour}" x="{x1:.1f}" y="{y - 4:.1f}" width="{max(x2 - x1, 1):.1f}" '
            'height="8" rx="4"/>'
        )
    for value in figure.values if len(figure.values) > 1 else ():
        if value is not None:
            x = frame.across(value)
            parts.append(_line((x, y - 6), (x, y + 6), "seed", colour))
    return [*parts, f'<circle cx="{frame.across(figure.mean):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>']


def _uprights(frame: _Frame) -> list[str]:
    parts = list[str]()
    for tick in nice_ticks(*frame.x, about=5):
        x = frame.across(tick)
        parts += [_line((x, frame.top), (x, frame.bottom), "grid"), _text(x, frame.bottom + 15, f"{tick:g}")]
    return parts


# curves


def _curves(heading: str, rows: Sequence[Measurement], results: Results, top: float) -> tuple[list[str], float]:
    """A panel a metric, a line a group over the logarithm of x; returns where the next may begin."""
    groups = dict[str, list[Measurement]]()
    for one in rows:
        groups.setdefault(one.group or one.row, []).append(one)
    colours = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(groups)}
    wide = [x for held in groups.values() if len(held) > 1 for one in held if (x := one.x) is not None and x > 0]
    labels = min(max(len(name) for name in groups) * _LETTER + 14, 260.0)
    width = (_WIDTH - 32 - 2 * (38 + labels) - _GAP) / 2
    parts = [_text(16, top + 12, heading, style="head", anchor="start")]
    for place, (metric, title) in enumerate(_PANELS):
        left = 16 + 38 + place * (width + 38 + labels + _GAP)
        frame = _Frame(
            left=left,
            right=left + width,
            top=top + 44,
            bottom=top + 44 + _PANEL * 0.72,
            x=(min(wide), max(wide)),
            y=_limits([one.figures[metric] for one in rows]),
            log=True,
        )
        parts += [_text(left, top + 34, title, anchor="start"), *_grid(frame, sorted(set(wide)), results.x_label)]
        parts += _lines_of(frame, groups, metric, colours)
    return parts, top + 44 + _PANEL * 0.72 + 52


def _lines_of(
    frame: _Frame, groups: Mapping[str, Sequence[Measurement]], metric: str, colours: Mapping[str, str]
) -> list[str]:
    parts, ends = list[str](), dict[str, float]()
    for name, held in groups.items():
        points = sorted(
            (
                (one.x, one.figures[metric])
                for one in held
                if one.x is not None and one.figures[metric].mean is not None
            ),
            key=lambda point: point[0],
        )
        if not points:
            continue
        drawn, ends[name] = (
            _across(frame, points[0][1], colours[name]) if len(points) == 1 else _curve(frame, points, colours[name])
        )
        parts += drawn
    for name, y in zip(ends, _apart([ends[name] for name in ends]), strict=True):
        shown = _cut(name, 250)
        parts.append(
            f'<text x="{frame.right + 8:.1f}" y="{y + 4:.1f}" style="fill:{colours[name]}">{escape(shown)}</text>'
        )
    return parts


def _curve(frame: _Frame, points: Sequence[tuple[float, Figure]], colour: str) -> tuple[list[str], float]:
    """The line, its intervals and seeds; and how high it ends."""
    means = [(frame.across(x), frame.up(figure.mean or 0.0)) for x, figure in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in means)
    parts = [f'<polyline class="line" stroke="{colour}" points="{path}"/>']
    for (x, y), (_, figure) in zip(means, points, strict=True):
        if figure.low is not None and figure.high is not None:
            parts.append(_line((x, frame.up(figure.low)), (x, frame.up(figure.high)), "bar", colour))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
        seeds = [value for value in figure.values if value is not None] if len(figure.values) > 1 else []
        parts += [_line((x - 4, frame.up(v)), (x + 4, frame.up(v)), "seed", colour) for v in seeds]
    return parts, means[-1][1]


def _across(frame: _Frame, figure: Figure, colour: str) -> tuple[list[str], float]:
    """A set without sizes: a dashed line, in a band of its interval."""
    y = frame.up(figure.mean or 0.0)
    parts = list[str]()
    if figure.low is not None and figure.high is not None:
        high, low = frame.up(figure.high), frame.up(figure.low)
        parts.append(
            f'<rect fill="{colour}" opacity="0.1" x="{frame.left:.1f}" y="{high:.1f}" '
            f'width="{frame.right - frame.left:.1f}" height="{max(low - high, 1):.1f}"/>'
        )
    return [*parts, _line((frame.left, y), (frame.right, y), "across", colour)], y


def _grid(frame: _Frame, sizes: Sequence[float], x_label: str) -> list[str]:
    parts = list[str]()
    for tick in nice_ticks(*frame.y, about=5):
        y = frame.up(tick)
        parts += [
            _line((frame.left, y), (frame.right, y), "grid"),
            _text(frame.left - 6, y + 4, f"{tick:g}", anchor="end"),
        ]
    parts.append(_line((frame.left, frame.bottom), (frame.right, frame.bottom), "axis"))
    before, end = -math.inf, frame.across(sizes[-1])
    for size in sizes:
        x, told = frame.across(size), f"{size:,.0f}"
        parts.append(_line((x, frame.bottom), (x, frame.bottom + 4), "axis"))
        apart = len(told) * _LETTER + 6
        if x == end or (x - before > apart and end - x > apart):  # the largest is always told
            parts.append(_text(x, frame.bottom + 17, told))
            before = x
    return [*parts, _text((frame.left + frame.right) / 2, frame.bottom + 33, x_label)]


# both


def _limits(figures: Sequence[Figure]) -> tuple[float, float]:
    """Of an axis that holds every mean, interval and seed, with a little room, within 0 and 1."""
    known = [v for one in figures for v in (one.mean, one.low, one.high, *one.values) if v is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    room = max(0.04 * (high - low), 0.005)
    return max(0.0, low - room), min(1.0, high + room)


def _apart(heights: Sequence[float], *, apart: float = 13) -> list[float]:
    """The heights, moved down where labels there would overlap."""
    placed, last = dict[int, float](), -math.inf
    for index in sorted(range(len(heights)), key=lambda i: heights[i]):
        last = max(heights[index], last + apart)
        placed[index] = last
    return [placed[index] for index in range(len(heights))]


def _cut(text: str, width: float) -> str:
    most = max(4, int(width / _LETTER) - 1)
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(x: float, y: float, text: str, *, anchor: str = "middle", style: str = "") -> str:
    named = f' class="{style}"' if style else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(start: tuple[float, float], end: tuple[float, float], style: str, colour: str = "") -> str:
    (x1, y1), (x2, y2) = start, end
    stroke = f' stroke="{colour}"' if colour else ""
    return f'<line class="{style}"{stroke} x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
