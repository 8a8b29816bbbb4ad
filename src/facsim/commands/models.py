"""`facsim report`: what a run all came to."""

from __future__ import annotations

from typing import Annotated

import typer

from facsim.commands.console import show_json, show_text, stdout_kept
from facsim.commands.options import AsJson

__all__ = ["report"]


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")],
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE.html", help="Where it goes.", show_default="report.html in RUN")
    ] = "",
    json: AsJson = False,
) -> None:
    """Write a run's report, one HTML file.

    Contact sheets, balance, action units, pose, rejections by reason, training and where all of it came from, in one
    file that needs no network.

    \b
    Example:
      facsim report runs/quickstart --out quickstart.html
    """
    from facsim.report.product import write_report

    with stdout_kept():
        place = write_report(run, out or None)
    if json:
        show_json({"run": run, "report": place})
    else:
        show_text(place)
