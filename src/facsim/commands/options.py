"""Options that several commands share, with what the shell completes for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from facsim.errors import FacsimError, hint_nearest

__all__ = [
    "DEVICES",
    "EXECUTOR_NAMES",
    "AsJson",
    "Device",
    "ExecutorName",
    "Out",
    "RecipeFile",
    "RequireCommercial",
    "Workers",
    "check_device",
    "complete_formats",
    "complete_stages",
    "complete_steps",
    "cores",
    "default_workers",
]

DEVICES = ("cpu", "cuda")
EXECUTOR_NAMES = ("local", "serial")
"""What `facsim.executors.EXECUTORS` holds; repeated here so that help does not import it (a test compares them)."""


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def default_workers() -> int:
    """One worker a core."""
    return cores()


def check_device(device: str) -> None:
    """Raise FacsimError where cuda is asked for and torch finds none: a device is never switched unasked."""
    if device != "cuda":
        return
    import torch

    if not torch.cuda.is_available():
        raise FacsimError(
            f"--device cuda was asked for and torch {torch.__version__} finds no CUDA device; use --device cpu, or "
            "install a CUDA build of torch and see `facsim doctor`"
        )


def _one_of(known: tuple[str, ...]) -> Any:
    def check(value: str) -> str:
        if value not in known:
            raise typer.BadParameter(f'"{value}" is not one of {", ".join(known)}.{hint_nearest(value, known)}')
        return value

    return check


def _starting(names: tuple[str, ...]) -> Any:
    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete


def complete_formats(incomplete: str) -> list[str]:
    """Names of formats, for the shell."""
    from facsim.formats import FORMATS

    return [name for name in FORMATS if name.startswith(incomplete)]


def complete_stages(incomplete: str) -> list[str]:
    """Stage names, for the shell."""
    from facsim.stage import known_stages

    return [name for name in known_stages() if name.startswith(incomplete)]


def complete_steps(ctx: typer.Context, incomplete: str) -> list[str]:
    """Steps and products of the run folder given with `--out` before, for the shell; none where there is no run."""
    from facsim.manifest import open_manifest

    try:
        run = open_manifest(str(ctx.params.get("out") or "."))
        products = [file.removesuffix(".json") for file in run.folder.names("products")]
        names = [name for name in (*run.steps(), *products) if name != "plan"]
    except FacsimError:
        return []
    return [name for name in names if name.startswith(incomplete)]


RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe, a TOML file; see recipes/.")]
Out = Annotated[str, typer.Option("--out", "-o", metavar="DIR", help="The run folder: a path, or an fsspec URL.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
RequireCommercial = Annotated[
    bool,
    typer.Option("--require-commercial", help="Refuse pictures and models whose terms do not allow commercial use."),
]
Workers = Annotated[int, typer.Option("--workers", "-j", min=1, help="Worker processes.", show_default="one a core")]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="cpu|cuda",
        help="Where work is done.",
        callback=_one_of(DEVICES),
        autocompletion=_starting(DEVICES),
    ),
]
ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="local|serial",
        help="local: worker processes; serial: this process.",
        callback=_one_of(EXECUTOR_NAMES),
        autocompletion=_starting(EXECUTOR_NAMES),
    ),
]
