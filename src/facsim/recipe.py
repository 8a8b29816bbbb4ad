"""A recipe: TOML that says what is wanted, checked whole before anything runs.

    [plan]                      how many samples, from which seed, in which shares (facsim.plan.Plan)
    [[input]]                   or: pictures that exist already
    [[step]]                    use = "render", name, reads, and the stage's own settings
    [export] [train] [report]   what is made of the run's columns, in this order

This is the one place in which configuration is validated (by pydantic): every unknown key, wrong type and unknown
stage is a RecipeError that names the key, what was found, what was expected and the nearest name.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import TypeAdapter, ValidationError

from facsim.errors import FormatError, RecipeError, hint_nearest
from facsim.formats.terms import TERMS, Terms, terms_from
from facsim.plan import PLAN_WRITES, Plan
from facsim.stage import AnyStage, find_stage, known_stages

__all__ = [
    "INPUT_WRITES",
    "PRODUCTS",
    "Input",
    "Recipe",
    "Step",
    "build_product",
    "build_settings",
    "build_step",
    "find_product",
    "load_recipe",
    "parse_recipe",
    "read_table",
    "read_tables",
    "recipe_schema",
    "recipe_text",
    "settings_of",
    "step_table",
]

PRODUCTS: Mapping[str, str] = {
    "export": "facsim.export:Export",
    "train": "facsim.learn.product:Train",
    "report": "facsim.report.product:Report",
    "audit": "facsim.report.audit.product:AuditRun",
}
"""Recipe table → `module:class` of what is made from a finished run's columns, in this order."""

INPUT_WRITES = (
    *("source_path", "source_input", "source_format", "source_sha256", "split", "expression_given"),
    *("source_dataset", "source_terms", "source_commercial", "source_metadata", "source_place"),
)
"""Columns that inputs write, under the step name `plan`."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """`[[input]]`: a collection of pictures that exists: a folder, an archive, a table.

    path: local path or fsspec URL. format: "" detects it; otherwise a name from `facsim.formats.FORMATS`.
    split: only this split of it, as the input names it; "" takes all. terms: "" takes the format's own
    (`facsim.formats.terms`); otherwise a dataset's name from there, or "yes: …", "no: …", "ask: …": whether commercial
    use is allowed, and on what terms.
    """

    path: str
    format: str = ""
    split: str = ""
    terms: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """`[[step]]`: a stage with its settings, its name in this recipe, and the columns bound otherwise than by default.

    reads: column → `step.column`, where the latest earlier step that writes the column is not the one meant. terms: ""
    takes what the stage's model says of itself; otherwise as in `Input`.
    """

    name: str
    use: str
    stage: AnyStage
    reads: dict[str, str] = field(default_factory=dict)
    terms: str = ""

    @property
    def model_terms(self) -> tuple[Terms, ...]:
        """The terms of the models that the step's values stand on, as the recipe or else the models themselves say."""
        found: tuple[Terms, ...] = getattr(self.stage, "model_terms", ())
        if not self.terms:
            return found
        model = ", ".join(entry.name for entry in found) or self.name
        said = terms_from(self.terms, form="")
        return (dataclasses.replace(said, name=f"{model} ({said.name})" if self.terms in TERMS else model),)

    def bindings(self, writers: Mapping[str, str]) -> dict[str, str]:
        """Column → full name for all that the stage reads; `writers` maps a column to the latest step writing it.

        A stage may read a column by its full name, as `vote` does of its teachers: that is bound to itself.
        """
        bound: dict[str, str] = {}
        for column in self.stage.reads:
            if "." in column:
                bound[column] = column
                continue
            if column not in self.reads and column not in writers:
                raise RecipeError(
                    f'step "{self.name}" reads "{column}", which no earlier step writes; add a step before it that '
                    f"does{_who_writes(column)}"
                )
            bound[column] = self.reads.get(column) or f"{writers[column]}.{column}"
        return bound


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole recipe. `products` maps a table of `PRODUCTS` to its settings."""

    plan: Plan | None = None
    inputs: tuple[Input, ...] = ()
    steps: tuple[Step, ...] = ()
    products: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.plan is None) == (not self.inputs):
            found = "both" if self.plan else "neither"
            raise RecipeError(f"a recipe has a [plan] or an [[input]]; this one has {found}")
        self.bound_steps()

    def bound_steps(self) -> list[tuple[Step, dict[str, str]]]:
        """Each step with its bindings. Raises RecipeError where a column is not written before it is read."""
        written: dict[str, tuple[str, ...]] = {"plan": PLAN_WRITES if self.plan else INPUT_WRITES}
        bound: list[tuple[Step, dict[str, str]]] = []
        for step in self.steps:
            if step.name in written or step.name == "plan":
                raise RecipeError(f'two steps are called "{step.name}"; give one of them another `name`')
            self._check_reads(step, written)
            writers = {column: name for name, columns in written.items() for column in columns}
            bound.append((step, step.bindings(writers)))
            written[step.name] = step.stage.writes
        return bound

    def _check_reads(self, step: Step, written: Mapping[str, tuple[str, ...]]) -> None:
        by_short_name = [column for column in step.stage.reads if "." not in column]
        for column in step.reads:
            if column not in by_short_name:
                raise RecipeError(f'step "{step.name}" does not read "{column}".{hint_nearest(column, by_short_name)}')
        by_full_name = [column for column in step.stage.reads if "." in column]
        for full_name in (*step.reads.values(), *by_full_name):
            known = [f"{name}.{c}" for name, columns in written.items() for c in columns]
            if full_name not in known:
                raise RecipeError(
                    f'step "{step.name}" reads "{full_name}", which is not there.{hint_nearest(full_name, known)}'
                )


def _who_writes(column: str) -> str:
    for name in known_stages():
        try:
            stage = find_stage(name)
            if column in stage().writes:
                return f', such as `use = "{name}"`'
        except (RecipeError, TypeError, ImportError):
            continue  # not constructible without settings, or not importable here: no hint from this one
    return ""


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def build_settings(kind: type[Any], data: Mapping[str, Any], place: str) -> Any:
    """An instance of the configuration dataclass `kind` from plain values, every fault named with its `place`."""
    known = {f.name for f in dataclasses.fields(kind) if f.init}
    for key in data:
        if key not in known:
            raise RecipeError(f'{place} has no setting "{key}".{hint_nearest(key, known)}')
    try:
        return _adapter(kind).validate_json(json.dumps(dict(data), default=str), strict=True)
    except ValidationError as error:
        raise RecipeError("; ".join(_fault(place, fault) for fault in error.errors())) from None


def _fault(place: str, fault: Mapping[str, Any]) -> str:
    where = ".".join([place, *(str(part) for part in fault["loc"] if not str(part).startswith("function"))])
    if fault["type"] == "missing":
        return f"{where} is missing; add it"
    message = str(fault["msg"])
    expected = message[0].lower() + message[1:]
    return f"{where} is {fault['input']!r}: {expected}"


def read_table(data: Mapping[str, Any], key: str, place: str) -> Mapping[str, Any]:
    """The table `[key]` of TOML data. Raises RecipeError, naming its `place`, where it is something else."""
    value = data[key]
    if not isinstance(value, Mapping):
        raise RecipeError(f"{place} is {value!r}; expected a table, [{place}]")
    return value


def read_tables(data: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    """The tables `[[key]]` of TOML data, none where there are none. Raises RecipeError where it is something else."""
    value = data.get(key, [])
    if isinstance(value, Mapping):
        raise RecipeError(f"[{key}] is a single table; write [[{key}]], with two brackets")
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        raise RecipeError(f"{key} is {value!r}; expected tables, [[{key}]]")
    return value


def build_step(data: Mapping[str, Any], place: str = "step") -> Step:
    """A step from its table. Raises RecipeError."""
    settings = dict(data)
    use = settings.pop("use", None)
    if not isinstance(use, str):
        raise RecipeError(f'{place} says no stage; add `use = "…"`.{hint_nearest(str(use), known_stages())}')
    name, reads, terms = settings.pop("name", use), settings.pop("reads", {}), settings.pop("terms", "")
    if not isinstance(name, str) or not name.replace("_", "").replace("-", "").isalnum():
        raise RecipeError(f"{place}.name is {name!r}; expected letters, digits, - and _")
    if not isinstance(reads, dict) or not all(isinstance(value, str) for value in reads.values()):
        raise RecipeError(f'{place}.reads is {reads!r}; expected {{ column = "step.column" }}')
    if not isinstance(terms, str):
        raise RecipeError(f'{place}.terms is {terms!r}; expected words such as "yes: my own photographs"')
    stage = build_settings(find_stage(use), settings, f'step "{name}"')
    try:
        terms_from(terms, form="")
    except FormatError as error:
        raise RecipeError(f"{place}: {error}") from None
    return Step(name=name, use=use, stage=stage, reads=reads, terms=terms)


def find_product(name: str) -> type[Any]:
    """The class behind a product's table name. Raises RecipeError with the nearest."""
    if name not in PRODUCTS:
        raise RecipeError(f'a recipe has no table "{name}".{hint_nearest(name, PRODUCTS)}')
    module, _, attribute = PRODUCTS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def build_product(name: str, data: Mapping[str, Any]) -> Any:
    """A product's settings from its table. Raises RecipeError."""
    return build_settings(find_product(name), data, name)


def parse_recipe(text: str) -> Recipe:
    """The recipe that TOML text holds. Raises RecipeError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"the recipe is not TOML: {error}") from None
    known = ("plan", "input", "step", *PRODUCTS)
    for key in data:
        if key not in known:
            raise RecipeError(f'a recipe has no table "{key}".{hint_nearest(key, known)}')
    return Recipe(
        plan=build_settings(Plan, read_table(data, "plan", "plan"), "plan") if "plan" in data else None,
        inputs=tuple(
            build_settings(Input, entry, f"input {i + 1}") for i, entry in enumerate(read_tables(data, "input"))
        ),
        steps=tuple(build_step(entry, f"step {i + 1}") for i, entry in enumerate(read_tables(data, "step"))),
        products={name: build_product(name, read_table(data, name, name)) for name in PRODUCTS if name in data},
    )


def load_recipe(path: str | Path) -> Recipe:
    """The recipe in a file; relative input paths are relative to that file. Raises RecipeError."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {path} cannot be read: {error}") from None
    try:
        recipe = parse_recipe(text)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None
    inputs = tuple(dataclasses.replace(entry, path=_from_recipe(entry.path, Path(path))) for entry in recipe.inputs)
    return dataclasses.replace(recipe, inputs=inputs)


def _from_recipe(entry: str, recipe: Path) -> str:
    if "://" in entry or Path(entry).is_absolute():
        return entry
    return str((recipe.parent / entry).resolve())


def settings_of(value: Any) -> dict[str, Any]:
    """A configuration dataclass as the plain values that TOML and JSON hold.

    Defaults are written out: a run says what it was made with, and another default in a later facsim makes it stale.
    None, which TOML has not, is left out.
    """
    fields = [entry.name for entry in dataclasses.fields(value) if entry.init]
    return {name: _plain(found) for name in fields if (found := getattr(value, name)) is not None}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return settings_of(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value


def recipe_text(recipe: Recipe) -> str:
    """The recipe as TOML: `parse_recipe(recipe_text(r)) == r`."""
    data: dict[str, Any] = {}
    if recipe.plan is not None:
        data["plan"] = settings_of(recipe.plan)
    if recipe.inputs:
        data["input"] = [settings_of(entry) for entry in recipe.inputs]
    data["step"] = [step_table(step) for step in recipe.steps]
    data.update({name: settings_of(product) for name, product in recipe.products.items()})
    return tomli_w.dumps(data)


def step_table(step: Step) -> dict[str, Any]:
    """The step as its `[[step]]` table of plain values."""
    table: dict[str, Any] = {"use": step.use}
    if step.name != step.use:
        table["name"] = step.name
    if step.reads:
        table["reads"] = dict(step.reads)
    if step.terms:
        table["terms"] = step.terms
    return {**table, **settings_of(step.stage)}


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema of a recipe, for editors: tables, every stage's settings under its `use`, products."""
    steps = [_step_schema(name) for name in known_stages()]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "facsim recipe",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "plan": _closed_schema(Plan),
            "input": {"type": "array", "items": _closed_schema(Input)},
            "step": {"type": "array", "items": {"oneOf": steps}},
            **{name: _closed_schema(find_product(name)) for name in PRODUCTS},
        },
    }


def _closed_schema(kind: type[Any]) -> dict[str, Any]:
    return {**_adapter(kind).json_schema(), "additionalProperties": False}


def _step_schema(name: str) -> dict[str, Any]:
    schema = _closed_schema(find_stage(name))
    own = {
        "use": {"const": name},
        "name": {"type": "string"},
        "reads": {"type": "object", "additionalProperties": {"type": "string"}},
        "terms": {"type": "string"},
    }
    return {
        **schema,
        "properties": {**own, **schema.get("properties", {})},
        "required": ["use", *schema.get("required", [])],
    }
