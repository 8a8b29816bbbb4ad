"""`facsim leaks`: whether a test set holds pictures of a training set, themselves or nearly so."""

from __future__ import annotations

import json as json_text
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import progress_shown, show_json, show_text, stdout_kept, table_text, tell
from facsim.commands.options import AsJson

if TYPE_CHECKING:
    from facsim.learn.data import Pictures
    from facsim.learn.leaks import Pair
    from facsim.learn.upright_faces import UprightFaces

__all__ = ["leaks"]

_SOURCE = "A run folder, a class folder or its archive, FER2013's CSV, or Parquet."
_SHOWN, _DOWN, _CELL_PX = 10, 10, 96  # pairs as text; pairs down a contact sheet; px of a picture on it

Split = Annotated[str, typer.Option(help="Only this split of it.", show_default="all of it")]


def leaks(
    training: Annotated[str, typer.Argument(metavar="TRAIN", help=_SOURCE)],
    test: Annotated[str, typer.Argument(metavar="TEST", help=_SOURCE)],
    train_split: Split = "",
    test_split: Split = "",
    size: Annotated[int, typer.Option("--size", help="Side at which pictures are compared, px.")] = 48,
    faces: Annotated[
        bool,
        typer.Option("--faces", help="Compare the faces, too, each picture being a crop of one: found, cut upright."),
    ] = False,
    sheet: Annotated[
        str, typer.Option("--sheet", metavar="FILE.png", help="Draw the pairs, from the least alike on.")
    ] = "",
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="Write all pairs as JSON.")] = "",
    json: AsJson = False,
) -> None:
    """Find test pictures that a training set holds too, or nearly so.

    Near-duplicates are one photograph in another encoding, size, brightness or crop (up to about 8 %), or mirrored,
    or two of one series; with --faces also one that was turned, or cropped far more. Ends with 1 where any are found.
    Look at them with --sheet before you believe it. The file of --out is what `facsim train --leaks` and `facsim
    evaluate --leaks` read: to leave these out, and to count without them.

    \b
    Example:
      facsim leaks train.zip test.zip --sheet pairs.png
      facsim leaks train.zip test.zip --faces --sheet pairs.png --out pairs.json
    """
    from facsim.learn.leaks import find_pairs
    from facsim.learn.sources import load_pictures

    with stdout_kept():
        sets = [
            load_pictures(source, size_px=size, split=split or None)
            for source, split in ((training, train_split), (test, test_split))
        ]
        pairs = find_pairs(sets[0], sets[1], faces=_faces(sets) if faces else None)
        if sheet and pairs:
            _draw(pairs, sets[0], sets[1], sheet)
    found = {"training": training, "test": test, **_counts(pairs, sets[1]), "training_pictures": len(sets[0])}
    if out:
        Path(out).write_text(json_text.dumps({**found, "pairs": _json(pairs)}, indent=1) + "\n", encoding="utf-8")
        tell(f"written: {out}")
    if json:
        show_json({**found, "pairs": _json(pairs)})
    else:
        show_text(_text(found, pairs))
    if pairs:
        raise typer.Exit(1)


def _faces(sets: Sequence[Pictures]) -> tuple[UprightFaces, UprightFaces]:
    """The faces of training and test pictures, with progress shown while they are found."""
    from facsim.learn.upright_faces import upright_faces
    from facsim.products import Progress

    with progress_shown() as on_progress:

        def found(name: str, pictures: Pictures) -> UprightFaces:
            def told(done: int, total: int) -> None:
                on_progress(Progress(step=f"finding faces, {name}", done=done, total=total, unit="pictures"))

            return upright_faces(pictures, on_done=told)

        return found("training", sets[0]), found("test", sets[1])


def _counts(pairs: Sequence[Pair], test: Pictures) -> dict[str, Any]:
    exact = {pair.test_row for pair in pairs if pair.exact}
    near = {pair.test_row for pair in pairs if not pair.by_face} - exact
    by_face = {pair.test_row for pair in pairs} - near - exact
    held = len(exact | near | by_face)
    counts = {"exact": len(exact), "near": len(near), "near_by_face": len(by_face), "clean": len(test) - held}
    return {"test_pictures": len(test), **counts}


def _json(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    return [pair.to_json() for pair in pairs]


def _text(found: dict[str, Any], pairs: Sequence[Pair]) -> str:
    share = f"of {found['test_pictures']} test pictures"
    rows = [("exact copies", f"{found['exact']} {share}"), ("near-duplicates", f"{found['near']} more")]
    if found["near_by_face"]:
        rows.append(("by their faces", f"{found['near_by_face']} more"))
    lines = [table_text([*rows, ("neither", str(found["clean"]))])]
    near = sorted((pair for pair in pairs if not pair.exact), key=_doubt)[:_SHOWN]
    if near:
        shown = [[pair.test, pair.training, _said(pair)] for pair in near]
        lines += ["", "the least alike:", table_text(shown)]
    return "\n".join(lines)


def _doubt(pair: Pair) -> tuple[bool, int]:
    """An order: what most wants to be looked at first."""
    return (not pair.by_face, -pair.distance)


def _said(pair: Pair) -> str:
    return f"{pair.distance} bits{', by face' * pair.by_face}{', mirrored' * pair.mirrored}"


def _draw(pairs: Sequence[Pair], training: Pictures, test: Pictures, place: str) -> None:
    """A contact sheet: the nearest pair of each test picture, those by face first, then the least alike."""
    from facsim.commands.sheet import contact_sheet

    nearest = {pair.test_row: pair for pair in sorted(pairs, key=_doubt)}
    shown = sorted(nearest.values(), key=_doubt)[: 8 * _DOWN]
    columns: list[tuple[str, Any]] = []
    for at in range(0, len(shown), _DOWN):
        some = shown[at : at + _DOWN]
        columns.append(("test", [_cell(test.images[pair.test_row], _short(pair)) for pair in some]))
        columns.append(("training", [_cell(training.images[p.training_row], "mirrored" * p.mirrored) for p in some]))
    contact_sheet(columns, size_px=_CELL_PX).save(place)
    tell(f"written: {place}")


def _short(pair: Pair) -> str:
    return f"{pair.distance} bits{', face' * pair.by_face}"


def _cell(image: Any, caption: str) -> Any:
    from facsim.commands.sheet import Cell
    from facsim.pictures import encode_png

    return Cell(image=encode_png(image), caption=caption)
