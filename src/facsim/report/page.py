"""The findings as one HTML file that needs nothing beside it: no network, no script, no font.

All text goes through Jinja2 with autoescaping; charts are `Markup` that `facsim.report.charts` has escaped. The page
forbids everything but its own style sheet and `data:` pictures by a Content-Security-Policy, so that text in a recipe
or a class name can never load or run anything.
"""

from __future__ import annotations

import importlib.resources
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
from markupsafe import Markup

from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.report.charts import Range, Series, draw_histogram, draw_lines, draw_points, draw_ranges, draw_spark
from facsim.report.findings import Findings
from facsim.report.learning import Evaluation, Training
from facsim.report.sheets import Sheet
from facsim.report.trust import Trust

__all__ = ["Headline", "headlines", "house_style", "house_template", "page_html"]

_UNIT_CEILING = 4.0  # the mean intensity (FACS D) at which a cell of the heat table has its full colour
# A cell's text is in the scheme's own colour up to the first of these shares, black between them, above white in the
# light, black in the dark scheme above: no contrast is below 4.5:1 (WCAG 2.2, AA) with the colours of page.css.
_MID_FROM, _DARK_FROM = 0.675, 0.78


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One figure at the top of the page: the figure, what it is, and a remark."""

    value: str
    label: str
    note: str = ""


def page_html(
    findings: Findings,
    *,
    classes: Sequence[Sheet],
    rejected: Sequence[Sheet] = (),
    trusted: Sequence[Sheet] = (),
    title: str = "",
) -> str:
    """The page, whole. `title` "" takes the name of the run's folder."""
    return house_template("page.html.j2").render(
        title=title or findings.name,
        style=house_style(),
        found=findings,
        headlines=headlines(findings),
        quotas=_quotas(findings),
        charts=_charts(findings),
        classes=classes,
        rejected=rejected,
        trusted=trusted,
        expressions=EIGHT_EXPRESSIONS,
    )


def house_template(name: str) -> jinja2.Template:
    """A template of this package by name, with autoescaping and the filters by which pages write values."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("facsim", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    return environment.get_template(name)


def house_style() -> Markup:
    """The style sheet of every page, which nobody's text is part of."""
    return Markup(importlib.resources.files("facsim.report").joinpath("page.css").read_text(encoding="utf-8"))


def headlines(findings: Findings) -> tuple[Headline, ...]:
    """The figures that come first: planned, accepted, rejected, and scores where there are any."""
    totals = findings.totals
    share = f"{totals.accepted / totals.planned:.1%} of those planned" if totals.planned else ""
    why = ", ".join(f"{_words(entry.reason)} {entry.count:,}" for entry in findings.rejections[:3])
    shown = [
        Headline(value=f"{totals.planned:,}", label="planned"),
        Headline(value=f"{totals.accepted:,}", label="accepted", note=share),
        Headline(value=f"{totals.rejected:,}", label="rejected", note=why),
    ]
    if findings.training and findings.training.score is not None:
        held = findings.training.validation_pictures
        note = f"on {held:,} pictures of this run held out" if held else "on pictures of this run held out"
        shown.append(Headline(value=_fixed(findings.training.score, 3), label="validation UAR", note=note))
    return (*shown, *(entry for found in findings.evaluations for entry in _score(found)))


def _quotas(findings: Findings) -> dict[str, int]:
    """How many quotas were set and met, and how many pictures the others lack."""
    set_ = [share for axis in findings.balances for share in axis.shares if share.asked is not None]
    lacking = [(share.asked or 0) - share.accepted for share in set_ if not share.is_met]
    return {"set": len(set_), "met": len(set_) - len(lacking), "lacking": sum(lacking)}


def _score(evaluation: Evaluation) -> list[Headline]:
    found = next((measure for measure in evaluation.measures if measure.name == "uar"), None)
    if found is None:
        return []
    note = f"{_fixed(found.low, 3)} to {_fixed(found.high, 3)}, n = {found.n:,}"
    return [Headline(value=_fixed(found.value, 3), label=f"UAR on {evaluation.on_name}", note=note)]


def _charts(findings: Findings) -> dict[str, Any]:
    charts: dict[str, Any] = {}
    if findings.action_units:
        charts["units"] = {
            unit.column: draw_spark(unit.counts, title=f"Intensities of {unit.column} where present, 0 to 5")
            for unit in findings.action_units.units
        }
    charts["pose"] = [
        draw_histogram(
            found.edges, found.counts, title=f"Histogram of {found.name}, degrees", unit="°", mark=found.median
        )
        for found in findings.pose or ()
    ]
    if findings.landmarks:
        title = "Mean place of each of the 68 landmarks, in an ellipse of one standard deviation"
        charts["landmarks"] = draw_points(findings.landmarks.mean, findings.landmarks.sd, title=title)
    if findings.luminance:
        charts.update(_luminance_charts(findings))
    if findings.trust:
        charts.update(_trust_charts(findings.trust))
    if findings.training:
        charts.update(_training_charts(findings.training))
    return charts


def _trust_charts(found: Trust) -> dict[str, Markup]:
    curve = [(100 * threshold, kept, wrong) for threshold, kept, wrong in found.kept_and_noise]
    lines = [
        Series(name="stay", points=[(at, kept) for at, kept, _ in curve], style="s1"),
        Series(name="wrong", points=[(at, wrong) for at, _, wrong in curve], style="s2"),
    ]
    title = "Share of pictures that stay, and estimated share of wrong labels among them, by threshold"
    charts = {"noise": draw_lines(lines, title=title, x_label="threshold, %", y_limits=(0.0, 1.0))} if curve else {}
    if found.risk:
        risk = Series(name="risk", points=[(100 * point.coverage, point.risk.value) for point in found.risk.points])
        charts["risk"] = draw_lines([risk], title="Risk by coverage", x_label="most trusted, % of all")
    return charts


def _luminance_charts(findings: Findings) -> dict[str, Markup]:
    found = findings.luminance
    assert found is not None
    whole = draw_histogram(
        found.all.edges, found.all.counts, title="Histogram of face luminance, 0 to 1", mark=found.all.median, width=460
    )
    ranges = [
        Range(label=f"Monk {entry.tone}", low=entry.percentile_10, value=entry.median, high=entry.percentile_90)
        for entry in found.by_tone
    ]
    title = "Face luminance by skin tone: median and 10th to 90th percentile"
    return {"luminance": whole, **({"by_tone": draw_ranges(ranges, title=title)} if ranges else {})}


def _training_charts(training: Training) -> dict[str, Markup]:
    charts: dict[str, Markup] = {}
    if training.loss:
        loss = Series(name="loss", points=training.loss, style="s1")
        charts["loss"] = draw_lines([loss], title="Training loss by step", x_label="step")
    curves = {"accuracy": training.validation_accuracy, "UAR": training.validation_uar}
    lines = [
        Series(name=name, points=points, style=f"s{index + 1}")
        for index, (name, points) in enumerate(curves.items())
        if points
    ]
    if lines:
        title = "Validation accuracy and UAR by step"
        charts["validation"] = draw_lines(lines, title=title, x_label="step", y_limits=(0.0, 1.0))
    return charts


# how values are written


def _words(reason: str) -> str:
    return reason.replace("_", " ")


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _fixed(value: float | None, digits: int = 2) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")  # + 0.0: no negative zero


def _percent(share: float | None, digits: int = 0) -> str:
    if share is None:
        return "–"
    least = 10.0**-digits
    return f"<{least:g} %" if 0 < 100 * share < least / 2 else f"{100 * share:.{digits}f} %"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 0.05:
        return "<0.1 s"
    if seconds < 90:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def _moment(text: str) -> str:
    """`2025-01-02 03:04 UTC` for an ISO 8601 time in UTC; anything else as it is."""
    return f"{text[:10]} {text[11:16]} UTC" if text.endswith("+00:00") and len(text) >= 19 else text


def _shade(share: float, ceiling: float = 1.0) -> Markup:
    """The attributes of a table cell that is shaded by `share` of `ceiling`."""
    strength = min(max(share / ceiling, 0.0), 1.0)
    text = " on" if strength > _DARK_FROM else " mid" if strength > _MID_FROM else ""
    return Markup('class="cell{}" style="--v:{:.3f}"').format(text, strength)


def _unit_shade(intensity: float) -> Markup:
    return _shade(intensity, _UNIT_CEILING)


def _age_dash(value: str) -> str:
    """A range of years with an en dash."""
    parts = value.split("-")
    return "–".join(parts) if len(parts) == 2 and all(part.isdigit() for part in parts) else value


_FILTERS: Mapping[str, Callable[..., Any]] = {
    "words": _words,
    "count": _count,
    "fixed": _fixed,
    "percent": _percent,
    "duration": _duration,
    "moment": _moment,
    "shade": _shade,
    "unit_shade": _unit_shade,
    "dashed": _age_dash,
}
