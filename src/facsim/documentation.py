"""Pages of the documentation that are made from the program: `python -m facsim.documentation [FOLDER]`.

`cli.md` comes from the commands' signatures and docstrings, `data-model.md` from the column dictionary, `scene.md` from
the table of a scene's parameters. A test holds that the pages in docs/ are those that this module makes.
"""

from __future__ import annotations

import inspect
import math
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from typer.models import ArgumentInfo, OptionInfo, ParameterInfo

from facsim.cli import app
from facsim.columns import COLUMNS, KEY_COLUMNS, Column
from facsim.facs import column_names
from facsim.formats import FORMATS
from facsim.formats.official_sizes import SIZES
from facsim.formats.terms import TERMS
from facsim.label_maps import PART_NAMES
from facsim.models.scene_parameters import PARAMETERS, PLANNED, Parameter, belongs_to_person
from facsim.plan import PLAN_WRITES
from facsim.recipe import INPUT_WRITES
from facsim.sample import REASONS

__all__ = ["PAGES", "cli_page", "data_model_page", "formats_page", "main", "scene_page", "write_pages"]

_MADE = "<!-- Made by `python -m facsim.documentation`; do not edit. -->"


def main() -> None:
    """Write the pages into the folder given, or `docs`."""
    for path in write_pages(Path(sys.argv[1] if len(sys.argv) > 1 else "docs")):
        print(path)


def write_pages(folder: Path) -> list[Path]:
    """The paths of all pages, now written into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
        written.append(folder / name)
    return written


# the command line


def cli_page() -> str:
    """Markdown: every command with its help, arguments and options."""
    calls = [entry.callback for entry in app.registered_commands if entry.callback]
    commands = {call.__name__.replace("_", "-"): call for call in calls}
    listed = [(f"[`{name}`](#facsim-{name})", _summary(call)) for name, call in commands.items()]
    parts = [
        _MADE,
        "# The command line",
        "stdout is the result, stderr the progress. Every command takes `--json`. Exit codes: 0 done, 1 findings or "
        "failure, 2 wrong usage, 130 interrupted. `FACSIM_DEBUG=1` shows the traceback of an error. "
        "`facsim --install-completion` teaches your shell the commands, stages and steps.",
        _table(("command", ""), listed),
        *(_command_text(name, call) for name, call in commands.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(call: Callable[..., Any]) -> str:
    return inspect.cleandoc(call.__doc__ or "").split("\n", 1)[0]


def _command_text(name: str, call: Callable[..., Any]) -> str:
    given = _parameters(call)
    arguments = [(f"`{info.metavar}`", info.help or "") for _, info, _ in given if isinstance(info, ArgumentInfo)]
    options = [
        (_option_names(info), info.help or "", _default_text(info, default))
        for _, info, default in given
        if isinstance(info, OptionInfo)
    ]
    usage = " ".join(["facsim", name, *(str(info.metavar) for _, info, _ in given if isinstance(info, ArgumentInfo))])
    parts = [f"## facsim {name}", f"`{usage} [OPTIONS]`", _help_text(call)]
    parts += [_table(("argument", ""), arguments)] if arguments else []
    return "\n\n".join([*parts, _table(("option", "", "default"), options)])


def _parameters(call: Callable[..., Any]) -> list[tuple[str, ParameterInfo, Any]]:
    """(name, what typer is told of it, default) of each parameter; `inspect.Parameter.empty` where it is required."""
    hints = typing.get_type_hints(call, include_extras=True)
    found: list[tuple[str, ParameterInfo, Any]] = []
    for name, parameter in inspect.signature(call).parameters.items():
        for extra in typing.get_args(hints[name])[1:]:
            if isinstance(extra, ParameterInfo):
                found.append((name, extra, parameter.default))
    return found


def _option_names(info: OptionInfo) -> str:
    # typer takes the first declaration for `default` where an Annotated option has several
    declared = (info.default, *(info.param_decls or ()))
    shown = ", ".join(f"`{name}`" for name in declared if isinstance(name, str) and name.startswith("-"))
    return f"{shown} `{info.metavar}`" if info.metavar else shown


def _default_text(info: OptionInfo, default: Any) -> str:
    if default is inspect.Parameter.empty:
        return "required"
    if isinstance(info.show_default, str):
        return info.show_default
    if default is False or default in ("", None):
        return ""
    return "" if default is True else f"`{default}`"


def _help_text(call: Callable[..., Any]) -> str:
    """The docstring with its verbatim paragraphs, which click marks with a backspace, as code."""
    paragraphs: list[str] = []
    for paragraph in inspect.cleandoc(call.__doc__ or "").split("\n\n"):
        if not paragraph.startswith("\b"):
            paragraphs.append(paragraph)
            continue
        lines = paragraph.splitlines()[1:]
        if lines[0].rstrip().endswith(":"):
            paragraphs.append(lines.pop(0))
        paragraphs.append("\n".join(["```", *(inspect.cleandoc("\n".join(lines)).splitlines()), "```"]))
    return "\n\n".join(paragraphs)


# the data model


def data_model_page() -> str:
    """Markdown: every column with its type, unit, range and meaning, and the reasons of problems."""
    units = set(column_names())
    rest = [entry for name, entry in COLUMNS.items() if name not in units]
    parts = [
        _MADE,
        "# The data model",
        "A run folder holds one table for each step, all with the same rows in the same order. A column's full name is "
        "`step.column`, such as `render.AU12`. Left and right are the subject's. Null means not known.",
        "## In every step's table",
        _columns_table(KEY_COLUMNS.values()),
        "## Columns",
        f"A plan writes {_names(PLAN_WRITES)}; inputs write {_names(INPUT_WRITES)}, both under the step name `plan`.",
        _columns_table(rest),
        "## Action units",
        "Intensities are FACS's: 0 absent, 1 to 5 for A to E. A unit that has sides has three columns: left, right, "
        "and the stronger of the two.",
        _columns_table([entry for name, entry in COLUMNS.items() if name in units]),
        "## Parts",
        "What the pixels of `parts` mean (`facsim.label_maps.PART_NAMES`): what the larger part of a pixel shows.",
        _table(("value", "part"), [(str(value), f"`{name}`") for value, name in enumerate(PART_NAMES)]),
        "## Problems",
        "What `problem` may hold: why a step has no result for a sample. The sample stays in the run and is counted.",
        _table(("reason", "meaning"), [(f"`{name}`", meaning) for name, meaning in REASONS.items()]),
    ]
    return "\n\n".join(parts) + "\n"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _columns_table(entries: typing.Iterable[Column]) -> str:
    rows = [(f"`{e.name}`", f"`{_type_text(e)}`", e.unit, _range_text(e), e.meaning) for e in entries]
    return _table(("column", "type", "unit", "range", "meaning"), rows)


def _type_text(entry: Column) -> str:
    return str(entry.type).replace("element: ", "").replace("item: ", "").replace(" not null", "")


def _range_text(entry: Column) -> str:
    if entry.values:
        return ", ".join(entry.values)
    low, high = entry.low, entry.high
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(high):
        return f"{low:g} or more"
    return f"{low:g} to {high:g}"


# the scene


_SCENE_TEXT = """
A rendered picture is drawn from a scene: the numbers below. `render` draws them at random, and a recipe can fix or
sample any of them; so can `facsim.render(..., scene={"hair.curl": 0.8})`. What was drawn stands in the column `scene`.

```toml
[[step]]
use = "render"

[step.scene]
"hair.curl" = 0.8                                # this, in every picture
"light.kind" = ["window", "sun"]                 # one of these, evenly
"camera.yaw_deg" = { low = -30, high = 30 }      # anything between, evenly
"eyes.iris" = [0.085, 0.125, 0.17]               # a colour; a list of such lists is a choice
```

A setting has a generator of its own and is drawn last: nothing else in the picture changes with it. What belongs to
the person is drawn once for each identity; the rest once for each picture. What may be absent takes `"none"`.
"""


def scene_page() -> str:
    """Markdown: every parameter of a scene with its kind, unit, range and meaning."""
    groups: dict[tuple[str, str], list[Parameter]] = {}
    for entry in PARAMETERS.values():
        parts = entry.path.split(".")
        owner = "of the person" if belongs_to_person(entry.path) else "of the picture"
        groups.setdefault((".".join(parts[:-1][:2]), owner), []).append(entry)
    planned = [(f"`{path}`", f"`{column}`") for path, column in PLANNED.items()]
    parts = [_MADE, "# A scene's parameters", _SCENE_TEXT.strip()]
    for (name, owner), entries in groups.items():
        parts += [f"## {name or 'the rest'}, {owner}", _parameters_table(entries)]
    parts += ["## What the plan decides", "These follow planned columns; ask for them in `[plan.quotas]`."]
    return "\n\n".join([*parts, _table(("path", "column"), planned)]) + "\n"


def _parameters_table(entries: Sequence[Parameter]) -> str:
    rows = [(f"`{e.path}`", e.kind, e.unit, _allowed_text(e), e.meaning) for e in entries]
    return _table(("path", "kind", "unit", "range", "meaning"), rows)


def _allowed_text(entry: Parameter) -> str:
    if entry.kind == "yes or no":
        return "true, false"
    none = ", or none" if entry.optional else ""
    return ", ".join(entry.values) or f"{entry.low:.10g} to {entry.high:.10g}{none}"


def _table(head: Sequence[str], rows: typing.Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


# the formats


def formats_page() -> str:
    """Markdown: every format with its layout, official sizes and terms."""
    layouts = [
        (
            f"`{name}`",
            entry.summary.replace("<", "&lt;"),
            "read, written" if entry.writer else "read",
            _sizes_text(name),
        )
        for name, entry in FORMATS.items()
    ]
    terms = [
        (f"`{name}`", entry.name, entry.text, entry.commercial, entry.redistribution, _people_text(entry.real_people))
        for name, entry in TERMS.items()
    ]
    parts = [
        _MADE,
        "# Formats",
        "What `facsim ingest PATH` reads, with `--format` where the content does not say which it is. `--verify` "
        "counts what is there and compares it with the sizes that the publishers give. Nothing is fetched.",
        _table(("format", "layout", "written too", "official sizes"), layouts),
        "## Terms",
        "What every ingested row carries (`source_dataset`, `source_terms`, `source_commercial`), unless an input says "
        'others: `terms = "yes: my own photographs"`. `ask`: nobody has said, or it depends. No legal advice: read the '
        "agreement that you signed. What `facsim export` writes carries terms in `stands_on`, a row's own and those of "
        "the models that labelled it, and has them when it is read again; FER2013's CSV has no room for any.",
        _table(("format", "dataset", "terms", "commercial use", "passing on", "real people"), terms),
    ]
    return "\n\n".join(parts) + "\n"


def _sizes_text(form: str) -> str:
    return "; ".join(f"{size.name}: {size.words}" for size in SIZES.get(form, ()))


def _people_text(real: bool | None) -> str:
    return {True: "yes", False: "no", None: "it depends"}[real]


PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "data-model.md": data_model_page,
    "formats.md": formats_page,
    "scene.md": scene_page,
}
"""File name → the function that makes its text."""


if __name__ == "__main__":
    main()
