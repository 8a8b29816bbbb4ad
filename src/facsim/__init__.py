"""facsim: synthetic, exactly labelled data for facial expression recognition.

    import facsim
    run = facsim.run("recipes/tiny.toml", out="runs/tiny")
    for batch in facsim.open_dataset("runs/tiny").batches():
        ...

Importing facsim loads nothing heavy; each name below loads what it needs when it is first used.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facsim.dataset import open_dataset
    from facsim.manifest import Manifest
    from facsim.products import OnProgress
    from facsim.recipe import Recipe, load_recipe
    from facsim.sources.render import render

__version__ = "0.1.0"

__all__ = ["__version__", "load_recipe", "open_dataset", "render", "run"]

_LAZY = {
    "load_recipe": "facsim.recipe",
    "open_dataset": "facsim.dataset",
    "render": "facsim.sources.render",
}


def run(
    recipe: str | Path | Recipe,
    *,
    out: str | Path,
    workers: int = 1,
    device: str = "cpu",
    executor: str = "local",
    on_progress: OnProgress | None = None,
) -> Manifest:
    """Run a recipe, or the recipe in a file, in the folder `out`, continuing what is there; returns the finished run.

    Raises RecipeError where the recipe is wrong, ManifestError where `out` is another recipe's run.
    """
    from facsim import runner
    from facsim.recipe import load_recipe

    loaded = load_recipe(recipe) if isinstance(recipe, str | Path) else recipe
    heard = on_progress or (lambda progress: None)
    return runner.run(loaded, str(out), workers=workers, device=device, executor=executor, on_progress=heard)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'facsim' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
