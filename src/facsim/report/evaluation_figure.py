"""An evaluation as one picture: reliability, groups and corruption curves, in an SVG file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from facsim.errors import FacsimError
from facsim.report.charts import Range, Series, draw_lines, draw_ranges

__all__ = ["draw_evaluation"]

_COLUMNS, _WIDTH, _GAP, _TITLE = 2, 460.0, 24.0, 26.0
_FAMILIES = (
    ("noise", ("gaussian_noise", "shot_noise")),
    ("blur", ("gaussian_blur", "defocus_blur", "motion_blur")),
    ("light and colour", ("brightness", "contrast", "desaturate")),
    ("compression and resolution", ("jpeg", "pixelate")),
    ("occlusion and rotation", ("occlusion_eyes", "occlusion_mouth", "rotation")),
)
_STYLE = """
text { font: 11px system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; fill: #5b636d; }
text.title { font-size: 13px; font-weight: 600; fill: #1d2126; }
.axis { stroke: #5b636d; opacity: 0.55; } line.grid { stroke: #e2dfd8; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.line.s1 { stroke: #2b76ad; } .line.s2 { stroke: #c4570b; } .line.s3 { stroke: #1d6b4f; }
.line.ideal { stroke: #8d939b; stroke-width: 1; stroke-dasharray: 4 3; }
text.s1 { fill: #2b76ad; } text.s2 { fill: #c4570b; } text.s3 { fill: #1d6b4f; }
.dot { fill: #2b76ad; } .dot.s2 { fill: #c4570b; } .dot.s3 { fill: #1d6b4f; } .range { fill: #cfe0ee; }
"""

_Panel = tuple[str, Markup]


def draw_evaluation(found: Mapping[str, Any]) -> str:
    """An SVG document of an evaluation's JSON, as `facsim evaluate` writes it: a panel for each thing that it holds.

    Raises FacsimError where it holds neither calibration, nor groups, nor robustness.
    """
    panels = [*_reliability(found.get("calibration")), *_groups(found.get("groups") or {})]
    panels += _corruptions(found.get("robustness"))
    if not panels:
        raise FacsimError("found neither calibration, groups nor corruption curves to draw; evaluate with one of them")
    return _document(panels, title=f"Evaluation on {found.get('on') or found.get('data_origin') or 'pictures'}")


def _reliability(calibration: Mapping[str, Any] | None) -> list[_Panel]:
    if not calibration:
        return []
    lines = [Series(name="ideal", points=[(0, 0), (100, 1)], style="ideal")]
    lines.append(Series(name="as it is", points=_curve(calibration["reliability"]), style="s1"))
    errors = f"calibration error {calibration['ece']['value']:.3f}"
    if after := (calibration.get("tempered") or {}).get("after"):
        lines.append(Series(name="tempered", points=_curve(after["reliability"]), style="s2"))
        errors += f", tempered {after['ece']['value']:.3f}"
    chart = draw_lines(lines, title="Reliability", x_label="confidence, %", y_limits=(0, 1))
    return [(f"Accuracy by confidence: {errors}", chart)]


def _curve(bins: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    return [(100 * entry["confidence"], entry["accuracy"]) for entry in bins if entry["n"]]


def _groups(groups: Mapping[str, Any]) -> list[_Panel]:
    return [(_groups_title(name, held), _groups_chart(name, held)) for name, held in groups.items()]


def _groups_title(name: str, held: Mapping[str, Any]) -> str:
    gap = held["gaps"].get("uar")
    said = f": gap {gap['difference']['value']:.3f}, p = {gap['p']:.3f}" if gap else ""
    return f"UAR by {name.replace('_', ' ')}{said}"


def _groups_chart(name: str, held: Mapping[str, Any]) -> Markup:
    ranges = [
        Range(label=f"{group} ({one['n']})", low=one["uar"]["low"], value=one["uar"]["value"], high=one["uar"]["high"])
        for group, one in held["groups"].items()
        if one["uar"]["low"] is not None
    ]
    return draw_ranges(ranges, title=f"UAR by {name}")


def _corruptions(robustness: Mapping[str, Any] | None) -> list[_Panel]:
    curves = (robustness or {}).get("curves", {})
    panels: list[_Panel] = []
    for family, names in _FAMILIES:
        held = [name for name in names if name in curves]
        if robustness and held:
            clean = robustness["clean"]["accuracy"]["value"]
            lines = [_line(name, curves[name], clean, f"s{i + 1}") for i, name in enumerate(held)]
            chart = draw_lines(lines, title=f"Accuracy under {family}", x_label="severity", y_limits=(0, 1))
            panels.append((f"Accuracy under {family}", chart))
    return panels


def _line(name: str, curve: Mapping[str, Any], clean: float, style: str) -> Series:
    points = [(0.0, clean), *((float(level), figures["accuracy"]["value"]) for level, figures in curve.items())]
    return Series(name=name.replace("_", " "), points=points, style=style)


def _document(panels: Sequence[_Panel], *, title: str) -> str:
    heights = [_height(chart) for _, chart in panels]
    body: list[str] = []
    top = 40.0
    for first in range(0, len(panels), _COLUMNS):
        row = range(first, min(first + _COLUMNS, len(panels)))
        for place in row:
            body.append(_placed(panels[place], _GAP + (place - first) * (_WIDTH + _GAP), top))
        top += _TITLE + max(heights[place] for place in row) + _GAP
    width = _GAP + _COLUMNS * (_WIDTH + _GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {top:g}" width="{width:g}" height="{top:g}">'
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
        f'<text class="title" x="{_GAP:g}" y="24">{escape(title)}</text>{"".join(body)}</svg>\n'
    )


def _placed(panel: _Panel, left: float, top: float) -> str:
    title, chart = panel
    place = f'<svg x="{left:g}" y="{top + _TITLE:g}" width="{_WIDTH:g}" height="{_height(chart):g}" '
    return f'<text class="title" x="{left:g}" y="{top + 16:g}">{escape(title)}</text>{chart.replace("<svg ", place, 1)}'


def _height(chart: Markup) -> float:
    return float(str(chart).split('viewBox="', 1)[1].split('"', 1)[0].split()[3])
