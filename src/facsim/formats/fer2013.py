"""FER2013's CSV, `emotion,pixels,Usage`: the reader and, below it, the writer.

One row a picture: the class index in FER2013's order (0 angry … 6 neutral), 48×48 grey values in [0, 255] separated
by blanks and row by row, and `Training`, `PublicTest` or `PrivateTest`. Layout from general knowledge of Kaggle's
`fer2013.csv`; the columns may stand in another order (`icml_face_data.csv`: `emotion, Usage, pixels`).
"""

from __future__ import annotations

import csv
import io
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, TextIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from facsim.errors import FacsimError, FormatError, hint_nearest
from facsim.expressions import expression_at, index_of
from facsim.formats.placement import placed_file
from facsim.formats.places import Container, Place, PlacedRecord, container_at
from facsim.formats.record import Record
from facsim.formats.tree import opened
from facsim.pictures import PictureError, decode_picture, encode_png

__all__ = [
    "COLUMNS",
    "SIDE_PX",
    "USAGES",
    "csv_rows",
    "fer2013_picture",
    "index_fer2013",
    "picture_of_row",
    "read_fer2013",
    "write_fer2013",
]

SIDE_PX = 48
COLUMNS = ("emotion", "pixels", "Usage")
USAGES = ("Training", "PublicTest", "PrivateTest")
_USAGE_OF: Mapping[str, str] = {
    "training": "Training",
    "train": "Training",
    "publictest": "PublicTest",
    "validation": "PublicTest",
    "valid": "PublicTest",
    "val": "PublicTest",
    "privatetest": "PrivateTest",
    "test": "PrivateTest",
}


def read_fer2013(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each row: the picture as a 48×48 grey PNG, named `fer0000000.png` by row as FER+ names them.

    Raises FormatError, naming the row, for anything that is not as the layout says.
    """
    for number, row in enumerate(csv_rows(path, expected=COLUMNS)):
        where = f"{path}, row {number + 1}"
        yield Record(
            name=f"fer{number:07d}.png",
            image=encode_png(_pixels(row["pixels"], where)),
            expression=_expression(row["emotion"], where),
            split=_usage(row["Usage"], where),
        )


def index_fer2013(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_fer2013` gives, with where each row lies in place of its picture; pixels are checked when read.

    Raises FormatError, naming the row, for anything else that is not as the layout says.
    """
    container = container_at(path)
    with opened(path) as file:
        for number, (row, lines) in enumerate(_placed_rows(file, path)):
            where = f"{path}, row {number + 1}"
            yield PlacedRecord(
                name=f"fer{number:07d}.png",
                place=_place(container, lines, row),
                expression=_expression(row["emotion"], where),
                split=_usage(row["Usage"], where),
            )


def _place(container: Container, lines: tuple[int, int], row: Mapping[str, str]) -> Place:
    begins, ends = lines
    extra = (list(row).index("pixels"),)
    return Place(container=container, kind="fer2013", start=begins, length=ends - begins, extra=extra)


def picture_of_row(data: bytes, *, cell: int, where: str) -> bytes:
    """The picture of one row of the CSV, whose cell number `cell` holds the pixels, as a PNG. Raises FormatError."""
    try:
        pixels = next(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))[cell]
    except (csv.Error, UnicodeDecodeError, StopIteration, IndexError) as error:
        raise FormatError(f"{where}: not a row of a FER2013 CSV: {error!r}") from error
    return encode_png(_pixels(pixels.strip(), where))


def _placed_rows(file: BinaryIO, path: str | os.PathLike[str]) -> Iterator[tuple[Mapping[str, str], tuple[int, int]]]:
    """The rows of the open CSV by column name, each with the bytes from which and to which it runs."""
    reached = [0]

    def lines() -> Iterator[str]:
        for line in file:  # csv takes the lines of one row, then hands the row out
            reached[0] += len(line)
            yield line.decode("utf-8-sig" if reached[0] == len(line) else "utf-8")

    begins = 0
    for number, row in enumerate(_named_rows(csv.reader(lines()), COLUMNS, path)):
        if number:
            yield row, (begins, reached[0])
        begins = reached[0]


def csv_rows(path: str | os.PathLike[str], *, expected: Iterable[str]) -> Iterator[Mapping[str, str]]:
    """The rows of a CSV file by column name, each cell without surrounding blanks.

    Raises FormatError where the expected columns are not all there, where a row has too few or too many cells, and
    where the file is not UTF-8 text; row 1 is the first below the header.
    """
    columns = tuple(expected)
    with opened(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        yield from itertools.islice(_named_rows(csv.reader(text), columns, path), 1, None)


def _named_rows(reader: Any, columns: tuple[str, ...], path: str | os.PathLike[str]) -> Iterator[Mapping[str, str]]:
    """The header and then the rows, by column name."""
    try:
        header = [cell.strip() for cell in next(reader, [""])]
        _check_header(header, columns, path)
        yield dict(zip(header, header, strict=True))
        for number, cells in enumerate(reader):
            if len(cells) != len(header):
                raise FormatError(f"{path}, row {number + 1}: {len(cells)} cells; expected {len(header)}")
            yield dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise FormatError(f"{path}, line {reader.line_num}: not CSV text: {error}") from error


def _check_header(header: list[str], columns: tuple[str, ...], path: str | os.PathLike[str]) -> None:
    missing = [column for column in columns if column not in header]
    if missing or len(set(header)) != len(header):
        found = ",".join(header)[:200]
        raise FormatError(
            f"{path} has the header {found!r}; expected {','.join(columns)}, each once; missing: {missing}"
        )


def _expression(text: str, where: str) -> str:
    try:
        return expression_at(int(text), order="fer2013")
    except (ValueError, FacsimError) as error:
        raise FormatError(f"{where}: class {text[:40]!r}; expected 0 (angry) to 6 (neutral)") from error


def _usage(text: str, where: str) -> str:
    if text not in USAGES:
        raise FormatError(f"{where}: Usage {text[:40]!r}.{hint_nearest(text[:40], USAGES)}")
    return text


def _pixels(text: str, where: str) -> npt.NDArray[np.uint8]:
    try:
        values = bytes(map(int, text.split()))
    except ValueError as error:
        raise FormatError(f"{where}: pixels are not whole numbers from 0 to 255: {error}") from error
    if len(values) != SIDE_PX * SIDE_PX:
        raise FormatError(f"{where}: {len(values)} pixels; expected {SIDE_PX * SIDE_PX} (48×48)")
    return np.frombuffer(values, np.uint8).reshape(SIDE_PX, SIDE_PX)


def write_fer2013(records: Iterable[Record], path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write the records as `emotion,pixels,Usage`; names and metadata have no place in this format.

    Pictures become what the format holds, 48×48 grey (`fer2013_picture`); splits become usages by their names (train:
    Training; val and publictest: PublicTest; test and privatetest: PrivateTest; none: Training). The file appears at
    once at the end. Raises FormatError for a record without one of the seven expressions, with another split, or that
    is not square or cannot be decoded.
    """
    with placed_file(path, overwrite=overwrite) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        _write_rows(records, text)
        text.detach()


def fer2013_picture(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A square uint8 `hwc` RGB picture as FER2013 holds it: uint8 `hw`, 48×48.

    Grey is Rec. 601 luma, as Pillow computes it (grey pictures keep their values); larger and smaller pictures are
    resampled with an antialiasing Lanczos window. Raises FormatError where the picture is not square.
    """
    height, width = array.shape[:2]
    if height != width:
        raise FormatError(f"a picture of {width}×{height} px is not square; FER2013 holds 48×48: crop it first")
    grey = Image.fromarray(array).convert("L")
    if width != SIDE_PX:
        grey = grey.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    return np.array(grey, dtype=np.uint8)


def _write_rows(records: Iterable[Record], text: TextIO) -> None:
    text.write(",".join(COLUMNS) + "\n")
    for record in records:
        pixels = " ".join(map(str, _grey(record).tobytes()))
        text.write(f"{_index(record)},{pixels},{_usage_of(record)}\n")
    text.flush()


def _grey(record: Record) -> npt.NDArray[np.uint8]:
    try:
        return fer2013_picture(decode_picture(record.image).array)
    except (FormatError, PictureError) as error:
        raise FormatError(f'record "{record.name}": {error}') from error


def _index(record: Record) -> int:
    try:
        return index_of(str(record.expression), order="fer2013")
    except FacsimError as error:
        raise FormatError(f'record "{record.name}": {error}; leave such records out') from error


def _usage_of(record: Record) -> str:
    split = (record.split or "train").lower()
    if split not in _USAGE_OF:
        raise FormatError(
            f'record "{record.name}" has split "{record.split}"; FER2013 knows {", ".join(USAGES)}, train, val and test'
        )
    return _USAGE_OF[split]
