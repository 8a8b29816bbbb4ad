"""`facsim preview`, `ingest` and `export`: pictures before, into and out of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import counts_text, progress_shown, show_json, show_text
from facsim.commands.options import (
    AsJson,
    Device,
    RequireCommercial,
    Workers,
    check_device,
    complete_formats,
    default_workers,
)
from facsim.errors import hint_nearest

if TYPE_CHECKING:
    from facsim.commands.drawing import Drawn
    from facsim.plan import Plan
    from facsim.recipe import Input, Recipe

__all__ = ["export", "ingest", "preview"]

_PREVIEW_AXES = ("expression", "apparent_gender", "apparent_age_years", "skin_tone_monk")
_GOLDEN = 0.618034  # the golden ratio's part after the point: its multiples fill [0, 1) evenly
_LARGEST_CELL_PX, _SMALLEST_CELL_PX = 256, 96

Row = Mapping[str, Any]


# preview


def preview(
    recipe: Annotated[
        Path | None, typer.Argument(metavar="[RECIPE]", help="A recipe, a TOML file; none with --people.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.png", help="Where the contact sheet goes.")] = Path(
        "preview.png"
    ),
    per: Annotated[
        str, typer.Option("--per", metavar="AXIS[,AXIS]", help="The axis whose values are the columns; a second: rows.")
    ] = "expression",
    count: Annotated[
        int, typer.Option("--count", min=0, help="Pictures for each cell.", show_default="6, with two axes 1")
    ] = 0,
    people: Annotated[
        int, typer.Option("--people", min=0, max=40, help="Without a recipe: so many people, each in a row.")
    ] = 0,
    action_units: Annotated[
        str,
        typer.Option("--action-units", metavar="CODING[,CODING]", help="With --people: a column for each, as 6+12D."),
    ] = "",
    expressions: Annotated[
        str,
        typer.Option(
            "--expressions",
            metavar="NAME[,NAME]",
            help="With --people: a column for each.",
            show_default="the seven, where no --action-units are given",
        ),
    ] = "",
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Draw a contact sheet before a run is paid for.

    One picture, or a few, for each cell of the plan. They are samples of the run itself, spread over skin tones and
    ages: the run will draw the same ones.
    Axes: expression, apparent_gender, apparent_age_years, skin_tone_monk.

    With --people and no recipe: what people look like who show the same, a person in each row.

    \b
    Examples:
      facsim preview recipes/quickstart.toml
      facsim preview recipes/quickstart.toml --per skin_tone_monk --count 4 --out tones.png
      facsim preview recipes/quickstart.toml --per expression,apparent_age_years
      facsim preview --people 6 --action-units 0,4D,1+2+5C,6+12D --out grid.png
    """
    if out.suffix.lower() != ".png":
        raise typer.BadParameter(f"{out} does not end in .png; the contact sheet is a PNG", param_hint="--out")
    check_device(device)
    if recipe is None or people or action_units or expressions:
        _check_grid_options(recipe, people)
        show = _preview_grid(out, people, _listed(action_units), _listed(expressions), device=device)
    else:
        show = _preview_recipe(recipe, out, per, count, device=device)
    if json:
        show_json(show[0])
    else:
        show_text(show[1])


def _check_grid_options(recipe: Path | None, people: int) -> None:
    if recipe is not None:
        raise typer.BadParameter("a recipe has people of its own; leave it out, or the options", param_hint="--people")
    if not people:
        raise typer.BadParameter("give a RECIPE, or --people and how many", param_hint="RECIPE")


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _preview_grid(
    out: Path, people: int, action_units: Sequence[str], expressions: Sequence[str], *, device: str
) -> tuple[dict[str, Any], str]:
    """Write the grid; returns what there is to show of it, as plain values and as text."""
    from facsim.commands.grid import CELL_PX, draw_grid, invent_people, looks_of
    from facsim.commands.sheet import Cell, contact_sheet
    from facsim.expressions import SEVEN_EXPRESSIONS

    looks = looks_of(action_units, expressions or (() if action_units else SEVEN_EXPRESSIONS))
    with progress_shown() as on_progress:
        grid = draw_grid(invent_people(people), looks, device=device, on_progress=on_progress)
    columns = [(title, [Cell(image=image, caption="") for image in images]) for title, images in grid.columns.items()]
    out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(columns, size_px=CELL_PX, rows=grid.rows).save(out, format="PNG")
    text = f"{out}: {len(grid.cells)} pictures, {len(grid.rows)} people by {', '.join(grid.columns)}"
    return {"sheet": str(out), "cells": list(grid.cells)}, text


def _preview_recipe(recipe: Path, out: Path, per: str, count: int, *, device: str) -> tuple[dict[str, Any], str]:
    from facsim.commands.drawing import draw, picture_steps, planned_rows
    from facsim.recipe import load_recipe

    axes, loaded = _preview_axes(per), load_recipe(recipe)
    picture_steps(loaded)
    columns = _cells(loaded.plan, axes, planned_rows(loaded), count or (6 if len(axes) == 1 else 1))
    chosen = [row for cells in columns.values() for row in cells if row is not None]
    with progress_shown() as on_progress:
        drawn = draw(loaded, chosen, device=device, on_progress=on_progress)
    _write_sheet(out, columns, {entry.row["sample_id"]: entry for entry in drawn})
    text = f"{out}: {len(drawn)} pictures, one column for each {axes[0]}: {', '.join(columns)}"
    return {"sheet": str(out), "cells": [_cell_facts(entry, axes, loaded) for entry in drawn]}, text


def _preview_axes(per: str) -> list[str]:
    axes = [name.strip() for name in per.split(",")]
    for name in axes:
        if name not in _PREVIEW_AXES:
            hint = hint_nearest(name, _PREVIEW_AXES)
            raise typer.BadParameter(f'no cells can be made for each "{name}".{hint}', param_hint="--per")
    if len(axes) > 2 or len(set(axes)) < len(axes):
        raise typer.BadParameter(f'"{per}"; expected one axis, or two different ones', param_hint="--per")
    return axes


def _cells(plan: Plan | None, axes: Sequence[str], rows: Sequence[Row], count: int) -> dict[str, list[Row | None]]:
    """Column title → chosen rows from top to bottom; None where the plan has no such sample."""
    groups = [_grouped(plan, axis, rows) for axis in axes]
    if len(axes) == 1:
        count = min(count, max(len(here) for here in groups[0].values()))  # no row without any picture
    columns: dict[str, list[Row | None]] = {}
    for title, here in groups[0].items():
        if len(axes) == 1:
            columns[title] = _spread(here, count)
            continue
        of_column = {row["sample_id"] for row in here}
        cells = [[row for row in group if row["sample_id"] in of_column] for group in groups[1].values()]
        # each cell starts elsewhere, so that a sheet with one picture a cell shows all skin tones
        shifts = [(0.5 + _GOLDEN * (len(columns) + len(groups[0]) * k)) % 1 for k in range(len(cells))]
        columns[title] = [row for cell, s in zip(cells, shifts, strict=True) for row in _spread(cell, count, shift=s)]
    return columns


def _grouped(plan: Plan | None, axis: str, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Value of the axis → its rows, in the plan's order of values."""
    value_of = _value_of(plan, axis)
    groups: dict[str, list[Row]] = {value: [] for value in _values(plan, axis, rows)}
    for row in rows:
        groups.setdefault(value_of(row), []).append(row)
    return groups


def _values(plan: Plan | None, axis: str, rows: Sequence[Row]) -> list[str]:
    from facsim.plan import quota_counts

    if plan is not None:
        return [value for value, wanted in quota_counts(plan, axis).items() if wanted]
    value_of = _value_of(None, axis)
    return sorted({value_of(row) for row in rows})


def _value_of(plan: Plan | None, axis: str) -> Callable[[Row], str]:
    """From a planned row to its value on the axis; ages fall into the plan's ranges."""
    from facsim.plan import quota_counts

    if plan is None or axis == "expression":
        column = {"expression": "expression_target" if plan else "expression_given"}.get(axis, axis)
        return lambda row: str(row.get(column) or "none given")
    if axis != "apparent_age_years":
        return lambda row: str(row[axis])
    ranges = [(value, *map(int, value.split("-"))) for value in quota_counts(plan, axis)]

    def range_of(row: Row) -> str:
        age = int(row["apparent_age_years"])
        return next((value for value, low, high in ranges if low <= age <= high), ranges[-1][0])

    return range_of


def _spread(rows: Sequence[Row], count: int, *, shift: float = 0.5) -> list[Row | None]:
    """`count` of the rows, from the lightest skin tone to the darkest, with ages scattered; `shift` in [0, 1): where in
    each stretch of them."""
    ordered = sorted(rows, key=_place_in_spread)
    if len(ordered) < count:
        return [*ordered, *[None] * (count - len(ordered))]
    chosen: list[Row | None] = []
    for k in range(count):
        stretch = ordered[k * len(ordered) // count : (k + 1) * len(ordered) // count]
        tone = stretch[int(shift * len(stretch))].get("skin_tone_monk")
        alike = [row for row in stretch if row.get("skin_tone_monk") == tone]
        chosen.append(alike[int((shift + k * _GOLDEN) % 1 * len(alike))])
    return chosen


def _place_in_spread(row: Row) -> tuple[float, float, str]:
    return (row.get("skin_tone_monk") or 0, row.get("apparent_age_years") or 0, row["sample_id"])


def _write_sheet(out: Path, columns: Mapping[str, Sequence[Row | None]], drawn: Mapping[str, Drawn]) -> None:
    from facsim.commands.sheet import Cell, contact_sheet

    def cell(row: Row | None) -> Cell:
        if row is None:
            return Cell(image=None, caption="", fault="none planned")
        entry = drawn[row["sample_id"]]
        return Cell(image=entry.image, caption=_caption(row), fault=entry.problem)

    cells = [(title, [cell(row) for row in rows]) for title, rows in columns.items()]
    sheet = contact_sheet(cells, size_px=_cell_size(drawn))
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, format="PNG")


def _caption(row: Row) -> str:
    if "apparent_age_years" not in row:
        return str(row.get("source_path", ""))[-18:]
    return f"{row['apparent_gender'][0]}, {row['apparent_age_years']:.0f} years, tone {row['skin_tone_monk']}"


def _cell_size(drawn: Mapping[str, Drawn]) -> int:
    """The pictures' own size, within what can be read and what fits on a screen."""
    from facsim.pictures import decode_picture

    sizes = [max(decode_picture(entry.image).array.shape[:2]) for entry in drawn.values() if entry.image is not None]
    return min(max([_SMALLEST_CELL_PX, *sizes]), _LARGEST_CELL_PX)


def _cell_facts(entry: Drawn, axes: Sequence[str], recipe: Recipe) -> dict[str, Any]:
    values = {axis: _value_of(recipe.plan, axis)(entry.row) for axis in axes}
    return {"sample_id": entry.row["sample_id"], **values, "problem": entry.problem or None}


# ingest


def ingest(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A folder, an archive or a table of pictures.")],
    out: Annotated[
        str,
        typer.Option("--out", "-o", metavar="DIR", help="The run folder: a path or fsspec URL; none with --verify."),
    ] = "",
    format: Annotated[
        str,
        typer.Option(
            "--format",
            help="How PATH is laid out: a name of docs/formats.md.",
            show_default="found out",
            autocompletion=complete_formats,
        ),
    ] = "",
    split: Annotated[str, typer.Option("--split", help="Take this split of PATH alone.", show_default="all")] = "",
    dedupe: Annotated[
        bool, typer.Option("--dedupe/--no-dedupe", help="Look for duplicates, and leave them out.")
    ] = True,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only count what is there and compare it with the official sizes.")
    ] = False,
    terms: Annotated[
        str, typer.Option("--terms", help='The terms of PATH: "yes: my own", or a format.', show_default="the format's")
    ] = "",
    require_commercial: RequireCommercial = False,
    workers: Workers = default_workers(),
    json: AsJson = False,
) -> None:
    """Make a run of pictures that exist, or verify them.

    Each is decoded safely, duplicates are found, and nothing is changed in place. A picture that cannot be read is
    counted with its reason and never stops the run. Every row carries the terms of its dataset. With --verify nothing
    is written: counts for each split and class, missing and extra pictures, official sizes; exit code 1 where they
    differ.

    \b
    Examples:
      facsim ingest RAF-DB/basic --verify
      facsim ingest faces/ --out runs/faces
      facsim ingest fer2013.csv --format fer2013 --split PublicTest --out runs/publictest
    """
    from facsim.commands.runs import run_recipe
    from facsim.commands.summary import run_text
    from facsim.commands.verifying import show_verification
    from facsim.inputs import check_inputs_commercial
    from facsim.recipe import Input

    place = path if "://" in path else str(Path(path).resolve())
    source = Input(path=place, format=format, split=split, terms=terms)
    if require_commercial:
        check_inputs_commercial([source])
    if verify:
        show_verification(source, as_json=json)
        return
    if not out:
        raise typer.BadParameter("--out DIR is missing: where the run goes; or --verify, which writes nothing")
    recipe = _ingest_recipe(source, dedupe=dedupe)
    summary = run_recipe(recipe, out, workers=workers, device="cpu", executor="local")
    if json:
        show_json(summary)
    else:
        show_text(run_text(summary))


def _ingest_recipe(source: Input, *, dedupe: bool) -> Recipe:
    from facsim.recipe import Recipe, build_step

    tables: list[dict[str, Any]] = [{"use": "ingest"}]
    if dedupe:
        # Quotas go by the input, which every picture has: labelled or not, it stays unless it is a duplicate.
        tables += [{"use": "hash"}, {"use": "dedupe"}, {"use": "select", "by": "source_input"}]
    steps = tuple(build_step(table, f"step {i + 1}") for i, table in enumerate(tables))
    return Recipe(inputs=(source,), steps=steps)


# export


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")],
    to: Annotated[str, typer.Option("--to", metavar="PATH", help="Where the dataset goes.")],
    format: Annotated[
        str, typer.Option("--format", help="class_folder, fer2013, parquet or webdataset.")
    ] = "class_folder",
    licence: Annotated[
        str, typer.Option("--licence", metavar="WORD", help="The licence that you give it, for its card: cc-by-4.0.")
    ] = "",
    require_commercial: RequireCommercial = False,
    json: AsJson = False,
) -> None:
    """Write a run as a dataset that others read.

    Only accepted samples are written. Its card, what is in it and on what terms, is README.md in a folder, and lies
    beside a file as PATH.md.

    \b
    class_folder  a folder for each class, metadata.parquet beside them; PATH may end in .tar or .zip
    fer2013       the CSV of the challenge, 48 px grey
    parquet       what `datasets.load_dataset("parquet")` shows as images
    webdataset    tar shards of key.png, key.cls and key.json; PATH may end in .tar

    \b
    Examples:
      facsim export runs/quickstart --to quickstart.zip
      facsim export runs/quickstart --format fer2013 --to quickstart.csv
    """
    from facsim.export import export_run
    from facsim.manifest import open_manifest
    from facsim.records import check_run_commercial

    if require_commercial:
        check_run_commercial(open_manifest(run))
    with progress_shown() as on_progress:
        facts = export_run(run, to, format=format, licence=licence, on_progress=on_progress)
    if json:
        show_json({"to": to, **facts})
    else:
        show_text(f"{to}: {facts['records']} pictures as {facts['format']} ({counts_text(facts['by_expression'])})")
