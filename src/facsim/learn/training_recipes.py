"""Training recipes: settings of published trainings, and anybody's own, as TOML.

A training recipe is a file with a table `[train]`, the same that a run's recipe has: a run's recipe is one too. Those
in the package are found by name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from facsim.errors import RecipeError, hint_nearest
from facsim.learn.product import Train
from facsim.recipe import PRODUCTS, build_product

__all__ = ["known_training_recipes", "training_recipe_text", "training_settings"]

_TABLES = ("plan", "input", "step", *PRODUCTS)
_PATHS = ("validation_set", "reference", "initial", "leaks")


def known_training_recipes() -> tuple[str, ...]:
    """The names of the package's training recipes, sorted."""
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name[-5:] == ".toml")
    )


def training_recipe_text(recipe: str) -> str:
    """The TOML of a recipe, by name or path, comments and all. Raises RecipeError with the nearest name."""
    if recipe in known_training_recipes():
        return _folder().joinpath(f"{recipe}.toml").read_text(encoding="utf-8")
    try:
        return Path(recipe).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        names = known_training_recipes()
        raise RecipeError(
            f'found no training recipe "{recipe}" ({error}), expected a TOML file or a known name.'
            f"{hint_nearest(recipe, names)}"
        ) from None


def training_settings(recipe: str, overrides: Mapping[str, Any]) -> Train:
    """The settings of a recipe, by name or path, with `overrides` in their place; "" has the defaults alone.

    Paths in a file are relative to it; those in the package's recipes, and `overrides`, to the working folder.
    Raises RecipeError for what is no TOML, has no [train] or a setting that is unknown or out of range.
    """
    table = _table(recipe) if recipe else {}
    return build_product("train", {**table, **overrides})


def _folder() -> Traversable:
    return files("facsim.learn").joinpath("recipes")


def _table(recipe: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(training_recipe_text(recipe))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{recipe} is not TOML: {error}") from None
    for key in data:
        if key not in _TABLES:
            raise RecipeError(f'{recipe} has a table "{key}", expected [train].{hint_nearest(key, _TABLES)}')
    if not isinstance(data.get("train"), dict):
        raise RecipeError(f"{recipe} has no table [train], expected one with the settings of a training; add it")
    table = data["train"]
    if recipe in known_training_recipes():
        return table
    return {key: _from_file(value, Path(recipe).parent) if key in _PATHS else value for key, value in table.items()}


def _from_file(value: Any, folder: Path) -> Any:
    if isinstance(value, Mapping):
        return {key: _from_file(entry, folder) for key, entry in value.items()}
    if not isinstance(value, str) or not value or "://" in value or Path(value).is_absolute():
        return value
    return str(folder / value)
