"""An audit as one HTML file that needs nothing beside it, in the style of every report."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from facsim import __version__
from facsim.learn.data import Pictures
from facsim.metrics import Estimate
from facsim.provenance import now
from facsim.report.audit.auditing import Audit
from facsim.report.audit.distance import ALL, FIGURES, HALVES
from facsim.report.audit.findings import KINDS
from facsim.report.page import Headline, house_style, house_template
from facsim.report.sheets import encoded_picture

__all__ = ["SHOWN_OF_CLASS", "SHOWN_PAIRS", "audit_html"]

SHOWN_OF_CLASS = 20
"""Pictures that are shown of each expression."""

SHOWN_PAIRS = 24
"""Pairs of copies that are shown, or named."""

_TITLES = {
    "fid": "Fréchet distance",
    "kid": "KID × 1,000",
    "precision": "Precision",
    "recall": "Recall",
    "density": "Density",
    "coverage": "Coverage",
}
_NOTHING = 5e-5
_BETTER_HIGH = "higher is nearer"
_BETTER = {"fid": "lower is nearer", "kid": "lower is nearer"}


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """A figure as it is written: its value, and its interval; empty where there is none."""

    value: str = ""
    interval: str = ""


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A row of figures over so many pictures of the set and of the reference."""

    name: str
    counts: tuple[int, ...]
    cells: tuple[_Cell, ...]


@dataclass(frozen=True, kw_only=True)
class _Face:
    """A picture as the page shows it."""

    uri: str
    width: int
    height: int
    caption: str


def audit_html(audit: Audit, *, title: str = "", show_reference: bool = False) -> str:
    """The page, whole. `title` "" takes the set's name.

    Pictures of the reference are in it only with `show_reference`: they may be of people, and a page is passed on.
    """
    judge = audit.extractor
    return house_template("audit/page.html.j2").render(
        title=title or f"{audit.own.name}" + ("" if audit.reference is None else f" against {audit.reference.name}"),
        style=house_style(),
        audit=audit,
        version=__version__,
        written=now(),
        meanings={name: meaning for name, (_, meaning) in KINDS.items()},
        headlines=_headlines(audit),
        widest=_widest(audit),
        columns=[(_TITLES[name], _BETTER.get(name, _BETTER_HIGH)) for name in FIGURES],
        named=[] if judge is None else [judge.figure_name(name) for name in (*FIGURES, "vendi")],
        distances=[_distance_row(one) for one in audit.distances],
        diversities=[_diversity_row(one) for one in audit.diversities],
        statistics=[_statistic_row(entry) for entry in audit.statistics],
        sheets=_sheets(audit, show_reference),
        pairs=_pairs(audit, show_reference),
        shows_reference=show_reference,
        least_shown=SHOWN_PAIRS,
    )


def _headlines(audit: Audit) -> tuple[Headline, ...]:
    rejected = sum(audit.own.rejected.values())
    shown = [
        Headline(
            value=f"{len(audit.own.pictures):,}",
            label="pictures audited",
            note=f"{rejected:,} of the run were rejected" if audit.own.is_run else "",
        )
    ]
    if audit.reference is not None:
        shown.append(
            Headline(value=f"{len(audit.reference.pictures):,}", label="in the reference", note=audit.reference.name)
        )
    faults = [finding.severity for finding in audit.findings]
    counts = ", ".join(
        f"{faults.count(word)} {word}{'s' if faults.count(word) != 1 else ''}" for word in ("error", "warning", "note")
    )
    shown.append(Headline(value=f"{len(faults)}", label="findings", note=counts))
    if audit.joint is not None:
        cells = audit.joint
        note = f"of {len(cells.cells):,} cells of expression × {' × '.join(cells.axes)}; {cells.empty:,} are empty"
        shown.append(Headline(value=f"{cells.small:,}", label=f"cells below {cells.least} pictures", note=note))
    return (*shown, *_judged(audit))


def _judged(audit: Audit) -> Iterator[Headline]:
    whole = next((one for one in audit.distances if one.scope == ALL and one.figures), None)
    if whole is None or audit.extractor is None:
        return
    halves = next((one.figures.get("fid") for one in audit.distances if one.scope == HALVES), None)
    beside = "" if halves is None else f"; two halves of the reference: {_short(halves.value)}"
    name = audit.extractor.figure_name("fid")
    yield Headline(value=_short(whole.figures["fid"].value), label="Fréchet distance", note=f"{name}{beside}")
    found = whole.figures["coverage"]
    yield Headline(value=f"{found.value:.0%}", label="of the reference covered", note=_interval(found, percent=True))


def _widest(audit: Audit) -> float:
    """The largest share on the expressions' chart."""
    shares = [entry.own.share.high for entry in audit.expressions]
    shares += [entry.reference.share.high for entry in audit.expressions if entry.reference is not None]
    return max([*shares, 0.01])


def _distance_row(one: Any) -> _Row:
    cells = tuple(_cell(one.figures.get(name), 1000 if name == "kid" else 1) for name in FIGURES)
    return _Row(name=one.scope, counts=(one.n, one.n_reference), cells=cells)


def _diversity_row(one: Any) -> _Row:
    return _Row(name=one.scope, counts=(one.n,), cells=(_cell(one.own), _cell(one.reference)))


def _statistic_row(entry: Any) -> _Row:
    apart = _Cell() if entry.difference is None else _Cell(value=_signed(entry.difference))
    return _Row(name=entry.name, counts=(), cells=(_cell(entry.mean), _cell(entry.reference), apart))


def _cell(figure: Estimate | None, times: float = 1) -> _Cell:
    if figure is None or not math.isfinite(figure.value):
        return _Cell()
    return _Cell(value=_short(figure.value * times), interval=_interval(figure, times=times))


def _interval(figure: Estimate, *, times: float = 1, percent: bool = False) -> str:
    low, high = figure.low * times, figure.high * times
    return f"{low:.0%} to {high:.0%}" if percent else f"{_short(low)} to {_short(high)}"


def _short(value: float) -> str:
    """Three digits, whole numbers with their commas; what is nothing but rounding is 0."""
    if abs(value) < _NOTHING:
        return "0"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")
    if "e" in text:
        text = f"{value:.4f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")


def _sheets(audit: Audit, show_reference: bool) -> list[dict[str, Any]]:
    """Of each expression, the first pictures by name."""
    found: list[dict[str, Any]] = []
    for name in audit.own.classes or ("unlabelled",):
        beside = audit.reference if show_reference else None
        entry = {"name": name, "own": _faces(audit.own.pictures, audit.own.rows(name)), "reference": []}
        if beside is not None:
            entry["reference"] = _faces(beside.pictures, beside.rows(name))
        found.append({**entry, "total": len(audit.own.rows(name))})
    return found


def _faces(pictures: Pictures, rows: Any) -> list[_Face]:
    chosen = sorted(rows.tolist(), key=lambda row: pictures.ids[row])[:SHOWN_OF_CLASS]
    return [_face(pictures, row) for row in chosen]


def _face(pictures: Pictures, row: int) -> _Face:
    uri, width, height = encoded_picture(pictures.images[row])
    return _Face(uri=uri, width=width, height=height, caption=f"{pictures.labels[row]}: {pictures.ids[row]}")


def _pairs(audit: Audit, show_reference: bool) -> list[dict[str, Any]]:
    """Copies, within the set and of the reference, with their pictures where these may be shown."""
    parts: list[tuple[str, Any, Pictures, bool]] = [
        ("within the set", audit.copies_within, audit.own.pictures, True),
    ]
    if audit.copies_of_reference is not None and audit.reference is not None:
        parts.insert(0, ("of the reference", audit.copies_of_reference, audit.reference.pictures, show_reference))
    return [
        {
            "title": title,
            "copies": copies,
            "shown": [
                (pair, _face(audit.own.pictures, pair.row) if drawn else None, _other(others, pair, drawn))
                for pair in copies.pairs[:SHOWN_PAIRS]
            ],
        }
        for title, copies, others, drawn in parts
    ]


def _other(pictures: Pictures, pair: Any, drawn: bool) -> _Face | None:
    return _face(pictures, pair.other_row) if drawn else None
