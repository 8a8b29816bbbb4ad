"""`facsim crops`: every face that a run found, cut out into a collection of its own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from facsim.commands.console import counts_text, progress_shown, show_json, show_text, table_text
from facsim.commands.options import AsJson, RequireCommercial

__all__ = ["crops"]


def crops(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder with a finished detect step.")],
    out: Annotated[str, typer.Option("--out", "-o", metavar="DIR", help="The new folder that the crops go to.")],
    require_commercial: RequireCommercial = False,
    json: AsJson = False,
) -> None:
    """Cut out every face that a run found, a picture a face.

    A run has one row for each photograph, and detect one face that counts; the others are listed. DIR gets a square
    lossless crop of each of them, twice as wide as its box, and a list with the photograph, the box, the score and the
    terms. `facsim ingest DIR` knows it and has a row a face; faces of one photograph stay together in a split. A recipe
    for them gives detect given = "crop", or faces = "centre" to search again. Pictures that cannot be read, show no
    face or were rejected are counted by reason; nothing is left there where the command is stopped.

    \b
    Example:
      facsim crops runs/photographs --out face_crops/
      facsim ingest face_crops/ --out runs/faces
    """
    from facsim.crops import crop_faces
    from facsim.manifest import open_manifest
    from facsim.records import check_run_commercial

    if require_commercial:
        check_run_commercial(open_manifest(run))
    with progress_shown() as on_progress:
        account = crop_faces(run, out, on_progress=on_progress)
    if json:
        show_json({"to": out, **account})
    else:
        show_text(_text(out, account))


def _text(out: str, account: dict[str, Any]) -> str:
    rows = [
        ("written", out),
        ("faces", f"{account['faces']}, of {account['pictures']} pictures"),
        ("pictures left out", counts_text(account["left_out"]) or "none"),
        ("faces left out", counts_text(account["faces_left_out"]) or "none"),
    ]
    return table_text(rows)
