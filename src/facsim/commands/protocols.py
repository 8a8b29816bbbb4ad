"""`facsim protocol`: trainings and tests as the papers run them, over sets and seeds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facsim.commands.console import progress_shown, show_json, show_text, tell
from facsim.commands.options import AsJson, Workers, check_device, default_workers
from facsim.errors import FacsimError, RecipeError

if TYPE_CHECKING:
    from facsim.learn.protocols.recipe import ProtocolRecipe

__all__ = ["complete_protocols", "protocol"]


def complete_protocols(incomplete: str) -> list[str]:
    """Protocols, for the shell."""
    from facsim.learn.protocols.catalogue import PROTOCOLS

    return [name for name in PROTOCOLS if name.startswith(incomplete)]


def protocol(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE.toml",
            help="A protocol, to run its packaged example on renders, or a protocol's recipe; see recipes/protocols/.",
            autocompletion=complete_protocols,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The protocol's folder.")],
    given: Annotated[
        list[str], typer.Option("--set", metavar="NAME=PATH", help="A variable of the recipe; may be given again.")
    ] = [],  # noqa: B006  # typer wants a list and copies it
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="0,1,2", help="Only these of its seeds.", show_default="all of them")
    ] = "",
    shard: Annotated[
        str, typer.Option("--shard", metavar="I/N", help="Train only every N-th cell, from the I-th; no results yet.")
    ] = "",
    device: Annotated[str, typer.Option("--device", metavar="cpu|cuda|cuda:N", help="Where networks are.")] = "cpu",
    threads: Annotated[
        int, typer.Option("--threads", min=0, help="torch's threads; last bits depend on them.", show_default="2")
    ] = 0,
    workers: Workers = default_workers(),
    json: AsJson = False,
) -> None:
    """Train and test over sets and seeds.

    Protocols: matrix, scaling, worth, alignment, label-repair, self-supervised, few-shot, zero-shot. Writes
    results.json, table.md and figure.svg. Every training lies in a folder of its own, named by its settings and data:
    the same command given again goes on where it was, and finds what is finished. With --shard several processes or
    machines share the trainings; the same command without it then merges them. With --seeds there are results of those
    seeds alone, which say so.

    \b
    Examples:
      facsim protocol matrix --out runs/matrix
      facsim protocol recipes/protocols/scaling.toml --out runs/scaling --set fer2013=../fer2013 --seeds 0
      facsim protocol recipes/protocols/worth.toml --out runs/worth --set fer2013=../fer2013 --shard 1/2 --threads 1
    """
    from facsim.learn.protocols.running import run_protocol, shard_of
    from facsim.learn.protocols.table import results_table

    _check_place(device)
    recipe, part = _recipe(name, given, seeds), shard_of(shard) if shard else None
    with progress_shown() as on_progress:
        results = run_protocol(
            recipe,
            out,
            shard=part,
            device=device,
            threads=threads or None,
            workers=workers,
            on_progress=on_progress,
        )
    if results is None:
        tell(f"shard {shard} is done; when all are, the same command without --shard merges them")
        return
    tell(f"written: {out}/results.json, table.md, figure.svg")
    if json:
        show_json(results.to_json())
    else:
        show_text(results_table(results).rstrip())


def _recipe(name: str, given: list[str], seeds: str) -> ProtocolRecipe:
    from facsim.learn.protocols.catalogue import example_path
    from facsim.learn.protocols.recipe import load_protocol

    path = Path(name) if name.endswith(".toml") else example_path(name)
    return load_protocol(path, variables=dict(_variable(one) for one in given), seeds=_seeds(seeds))


def _variable(text: str) -> tuple[str, str]:
    """(name, path), the path absolute: it is the caller's, not the recipe's."""
    name, found, path = text.partition("=")
    if not (name and found and path):
        raise RecipeError(f'--set is "{text}"; expected NAME=PATH')
    return name, path if "://" in path else str(Path(path).resolve())


def _seeds(text: str) -> tuple[int, ...]:
    if not text:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise RecipeError(f'--seeds is "{text}"; expected whole numbers, such as 0,1,2')
    return tuple(int(part) for part in parts)


def _check_place(device: str) -> None:
    """Raise FacsimError for a device that is none, or not there."""
    if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
        raise FacsimError(f'--device is "{device}"; expected cpu, cuda, or a card such as cuda:0')
    kind, _, index = device.partition(":")
    check_device(kind)
    if index:
        import torch

        if int(index) >= torch.cuda.device_count():
            raise FacsimError(
                f"--device is {device} and torch finds {torch.cuda.device_count()} cards; name one of them"
            )
