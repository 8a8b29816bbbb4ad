"""`facsim stages` and `doctor`: what is there to use, and whether this machine can use it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from facsim.commands.console import show_json, show_text, stdout_kept, table_text
from facsim.commands.options import AsJson, complete_stages

__all__ = ["doctor", "stages"]


def stages(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Show this stage's settings.", autocompletion=complete_stages)
    ] = "",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of a recipe, for editors, and nothing else.")
    ] = False,
    json: AsJson = False,
) -> None:
    """List the stages that a recipe can use.

    Plugins' stages are listed too. With a name: that stage with its settings, what it reads and what it writes.

    \b
    Examples:
      facsim stages
      facsim stages render
      facsim stages --schema > recipe.schema.json
    """
    from facsim.recipe import recipe_schema
    from facsim.stage import known_stages

    if schema:
        show_json(recipe_schema())
        return
    described = [_described(name)] if name else [_listed(stage) for stage in known_stages()]
    if json:
        show_json(described[0] if name else described)
    elif name:
        show_text(_stage_text(described[0]))
    else:
        show_text(table_text([(entry["name"], entry["summary"]) for entry in described]))


def _listed(name: str) -> dict[str, Any]:
    """`_described`, or for a plugin that cannot be imported, why not: it must not hide the others."""
    from facsim.errors import RecipeError

    try:
        return _described(name)
    except RecipeError as error:
        return {"name": name, "summary": f"cannot be used: {error}"}


def _described(name: str) -> dict[str, Any]:
    """What is to be known of a stage; what it reads and writes is that of its defaults, where it has them."""
    import inspect

    from facsim.errors import RecipeError
    from facsim.stage import field_meanings, find_stage

    kind = find_stage(name)
    text = inspect.cleandoc(kind.__doc__ or "")
    entry: dict[str, Any] = {
        "name": name,
        "summary": text.split("\n", 1)[0],
        "about": text,
        "version": kind.version,
        "judges_the_run": hasattr(kind, "judge"),
        "settings": [{"name": f, "type": t, "default": d} for f, t, d in field_meanings(kind)],
    }
    try:
        stage = kind()
    except (TypeError, RecipeError):  # it has settings without a default
        return entry
    return {**entry, "reads": list(stage.reads), "writes": list(stage.writes)}


def _stage_text(entry: dict[str, Any]) -> str:
    settings = [(setting["name"], setting["type"], setting["default"]) for setting in entry["settings"]]
    lines = [f"{entry['name']}, version {entry['version']}", "", entry["about"], ""]
    lines += ["settings", table_text(settings, indent="  ") if settings else "  none", ""]
    if "reads" in entry:
        lines += [f"reads   {', '.join(entry['reads']) or 'nothing'}", f"writes  {', '.join(entry['writes'])}", ""]
    lines += ["in a recipe", "  [[step]]", f'  use = "{entry["name"]}"']
    return "\n".join(lines)


def doctor(json: AsJson = False) -> None:
    """Check that this machine has what is needed.

    Each line that is not ok says what to do. Exits with 1 where something is missing that facsim cannot do without.

    \b
    Example:
      facsim doctor
    """
    from facsim.commands.checks import all_checks

    with stdout_kept():
        checks = all_checks()
    if json:
        show_json([check.to_json() for check in checks])
    else:
        show_text(table_text([(check.word, check.name, check.found + _advice(check.advice)) for check in checks]))
    if any(check.word == "MISSING" for check in checks):
        raise typer.Exit(1)


def _advice(text: str) -> str:
    return f"; {text}" if text else ""
