"""A contact sheet: labelled pictures in a grid, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Cell", "contact_sheet"]

_GAP, _CAPTION, _TITLE = 6, 14, 20  # px: between cells, under a picture, above a column
_ROW_TITLE = 70  # px: beside a row, where rows have titles
_PAPER, _INK, _FAULT = (255, 255, 255), (32, 32, 32), (150, 40, 40)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One place of the grid: an encoded picture, or None and a fault in words, with a caption under it."""

    image: bytes | None
    caption: str
    fault: str = ""


def contact_sheet(
    columns: Sequence[tuple[str, Sequence[Cell]]], *, size_px: int, rows: Sequence[str] = ()
) -> Image.Image:
    """An RGB picture of the columns side by side, each under its title, every cell a square of `size_px`.

    `rows` are titles beside the rows, broken at commas. Pictures of another size are fitted into the square, their
    shape kept. The same input gives the same pixels.
    """
    from PIL import Image, ImageDraw, ImageFont

    deepest = max(len(cells) for _, cells in columns)
    margin = _ROW_TITLE if rows else 0
    width = margin + _GAP + len(columns) * (size_px + _GAP)
    height = _GAP + _TITLE + deepest * (size_px + _CAPTION + _GAP)
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for index, (title, cells) in enumerate(columns):
        left = margin + _GAP + index * (size_px + _GAP)
        pen.text((left, _GAP), title, fill=_INK, font=ImageFont.load_default(14))
        for row, cell in enumerate(cells):
            top = _GAP + _TITLE + row * (size_px + _CAPTION + _GAP)
            _place(sheet, cell, (left, top), size_px)
            pen.text((left, top + size_px), cell.caption, fill=_INK, font=ImageFont.load_default(10))
    for row, title in enumerate(rows):
        middle = _GAP + _TITLE + row * (size_px + _CAPTION + _GAP) + size_px // 2
        text = title.replace(", ", "\n")
        pen.multiline_text((_GAP, middle), text, fill=_INK, font=ImageFont.load_default(12), anchor="lm")
    return sheet


def _place(sheet: Image.Image, cell: Cell, corner: tuple[int, int], size_px: int) -> None:
    from PIL import Image, ImageDraw, ImageFont

    from facsim.pictures import decode_picture

    left, top = corner
    if cell.image is None:
        pen = ImageDraw.Draw(sheet)
        pen.rectangle((left, top, left + size_px - 1, top + size_px - 1), outline=_FAULT)
        pen.text((left + 4, top + 4), cell.fault or "no picture", fill=_FAULT, font=ImageFont.load_default(10))
        return
    picture = Image.fromarray(decode_picture(cell.image).array)
    scale = size_px / max(picture.size)
    if picture.size != (size_px, size_px):
        picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    sheet.paste(picture, (left + (size_px - picture.width) // 2, top + (size_px - picture.height) // 2))
