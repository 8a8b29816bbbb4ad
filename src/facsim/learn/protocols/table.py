"""A protocol's results as a table, plain or Markdown: a row a measurement, then differences and findings."""

from __future__ import annotations

from collections.abc import Sequence

from facsim.learn.protocols.results import Comparison, Figure, Measurement, Results

__all__ = ["results_table"]

_TITLES = {"accuracy": "accuracy", "uar": "UAR", "macro_f1": "macro-F1"}


def results_table(results: Results, *, markdown: bool = False) -> str:
    """Text that ends with a newline: figures are mean ± sd over seeds, [95 % interval over test pictures]."""
    blocks = [f"# {results.title}" if markdown else results.title, _standing(results)]
    for test in results.tests:
        rows = [one for one in results.measurements if one.test == test.name]
        if not rows:
            continue
        absent = f"; left out: {', '.join(f'{k} {n:,}' for k, n in test.left_out.items())}" if test.left_out else ""
        blocks += [_heading(f"{test.name}: {test.n:,} pictures{absent}", markdown)]
        blocks += [_lines(_figures(rows), markdown), _lines(_recalls(rows, results.classes), markdown)]
        unseen = [one for one in rows if one.unseen]
        if unseen:
            blocks += [_heading(f"{test.name}, without the pictures that were trained on, or nearly so", markdown)]
            blocks += [_lines(_figures(unseen, unseen=True), markdown)]
        compared = [one for one in results.comparisons if one.test == test.name]
        if compared:
            blocks += [_heading(f"{test.name}: differences, same pictures", markdown)]
            blocks += [_lines(_differences(compared), markdown)]
    told = [one.text for one in results.findings if one.shown]
    if told:
        bullets = [f"- {text}" if markdown else text for text in told]
        blocks += [_heading("Findings", markdown), "\n".join(bullets)]
    return "\n\n".join(blocks) + "\n"


def _standing(results: Results) -> str:
    shape, seeds = results.preprocessing, ", ".join(str(seed) for seed in results.seeds)
    asked = results.recipe.get("seeds", results.seeds)
    seeds += "" if len(asked) == len(results.seeds) else f" of the recipe's {', '.join(map(str, asked))}"
    return (
        f"Protocol {results.protocol}; seeds {seeds}; {shape['size_px']} px {shape['colour']}; classes "
        f"{', '.join(results.classes)}. Mean ± standard deviation over seeds, [95 % bootstrap interval over test "
        "pictures]."
    )


def _heading(text: str, markdown: bool) -> str:
    return f"## {text}" if markdown else text


def _figures(rows: Sequence[Measurement], *, unseen: bool = False) -> list[list[str]]:
    with_x = any(one.x is not None for one in rows)
    head = ["row", *(["pictures"] if with_x else []), *_TITLES.values(), "seen", "near"]
    body = [
        [
            one.row,
            *([_whole(one.x)] if with_x else []),
            *(_cell((one.unseen if unseen else one.figures).get(name)) for name in _TITLES),
            _seen(one.seen),
            _seen(one.near),
        ]
        for one in rows
    ]
    return [head, *body]


def _recalls(rows: Sequence[Measurement], classes: Sequence[str]) -> list[list[str]]:
    body = [[one.row, *(_short(one.recall.get(name)) for name in classes)] for one in rows]
    return [["recall", *classes], *body]


def _differences(compared: Sequence[Comparison]) -> list[list[str]]:
    """Rows of a pair, a column a metric."""
    pairs = dict.fromkeys((one.row, one.against) for one in compared)
    found = {(one.row, one.against, one.metric): one for one in compared}
    body = [
        [f"{row} − {against}", *(_difference(found.get((row, against, name))) for name in _TITLES)]
        for row, against in pairs
    ]
    return [["difference", *_TITLES.values()], *body]


def _difference(one: Comparison | None) -> str:
    if one is None or one.difference is None or one.low is None or one.high is None:
        return "–"
    return f"{one.difference:+.4f} [{one.low:+.4f}, {one.high:+.4f}], p {one.p:.3f}"


def _cell(figure: Figure | None) -> str:
    if figure is None or figure.mean is None:
        return "–"
    bounds = "" if figure.low is None or figure.high is None else f" [{figure.low:.4f}, {figure.high:.4f}]"
    return f"{figure}{bounds}"


def _short(figure: Figure | None) -> str:
    return "–" if figure is None or figure.mean is None else f"{figure.mean:.3f}"


def _whole(x: float | None) -> str:
    return "–" if x is None else f"{x:,.10g}"


def _seen(found: Sequence[int | None]) -> str:
    """How many test pictures were trained on, or nearly so: one number where the seeds agree."""
    counts = list(dict.fromkeys("unknown" if count is None else f"{count:,}" for count in found))
    return ", ".join(counts) or "–"


def _lines(rows: Sequence[Sequence[str]], markdown: bool) -> str:
    if markdown:
        cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
        head, *body = ["| " + " | ".join(row) + " |" for row in cells]
        return "\n".join([head, "|" + "---|" * len(rows[0]), *body])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
