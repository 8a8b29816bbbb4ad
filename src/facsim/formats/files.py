"""The files of a dataset whose labels lie beside its pictures: found by the end of their names, read where they lie.

A dataset may stand in further folders and in an archive: `RAF-DB/basic/EmoLabel/list_patition_label.txt` is found as
`EmoLabel/list_patition_label.txt`, and what is named relative to the dataset is then looked for in `RAF-DB/basic/`.
"""

from __future__ import annotations

import codecs
import csv
import dataclasses
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from facsim.errors import FormatError
from facsim.formats.places import Place, PlaceReader, missing_place
from facsim.formats.tree import tree_places

__all__ = ["Files", "check_found", "check_once", "csv_table", "files_at", "some"]

_BLOCK = 1 << 20
_SHOWN = 12
_LARGEST_LIST = 1 << 31


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files in `where`, by name, with where their bytes lie."""

    where: str
    places: Mapping[str, Place]

    def ending(self, end: str) -> list[str]:
        """The names that are `end`, or end in it below further folders; sorted."""
        return sorted(name for name in self.places if name == end or name.endswith(f"/{end}"))

    def one(self, *ends: str) -> str:
        """The one name that ends so, in one of these ways. Raises FormatError where there is none, or several."""
        found = [name for end in ends for name in self.ending(end)]
        if len(found) != 1:
            what = f"{len(found)} ({some(found)})" if found else f"none among {some(list(self.places))}"
            raise FormatError(
                f"{self.where} has {what} of {' or '.join(ends)}; expected one: give the path of one whole dataset, or "
                "name its layout with --format"
            )
        return found[0]

    def data(self, name: str) -> bytes:
        """The file's bytes. Raises FormatError where they cannot be read."""
        with PlaceReader() as reader:
            return reader.read(self.places[name])

    def lines(self, name: str) -> Iterator[str]:
        """The file's lines of UTF-8 text, without their ends. Raises FormatError, naming the line."""
        for number, line in enumerate(self._raw_lines(self.places[name]), 1):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise FormatError(f"{name} in {self.where}, line {number}: not UTF-8 text: {error}") from error

    def _raw_lines(self, place: Place) -> Iterator[bytes]:
        with PlaceReader() as reader:
            rest = b""
            for block in _blocks(reader, place):
                *whole, rest = (rest + block).split(b"\n")
                yield from (line + b"\n" for line in whole)
                if len(rest) > _LARGEST_LIST:
                    raise FormatError(f"{place.container.path} has a line of more than {_LARGEST_LIST} bytes")
            if rest:
                yield rest

    def text_blocks(self, name: str) -> Iterator[str]:
        """The file's UTF-8 text in pieces of up to a megabyte. Raises FormatError where it is other text."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        with PlaceReader() as reader:
            try:
                for block in _blocks(reader, self.places[name]):
                    yield decoder.decode(block)
                yield decoder.decode(b"", True)
            except UnicodeDecodeError as error:
                raise FormatError(f"{name} in {self.where} is not UTF-8 text: {error}") from error

    def place(self, name: str) -> Place:
        """Where the picture of this name lies; `missing` where it is not there."""
        return self.places[name] if name in self.places else missing_place(f"{self.where}/{name}")


def files_at(path: str | os.PathLike[str]) -> Files:
    """The files of a folder, .zip, .tar or .tar.gz. Raises FormatError naming the member at fault."""
    return Files(where=os.fspath(path), places=tree_places(path))


def _blocks(reader: PlaceReader, place: Place) -> Iterator[bytes]:
    """The file in pieces where it lies as it is, else whole: a list may be larger than memory."""
    if place.kind not in ("bytes", "gzip"):
        yield reader.read(place)
        return
    for start in range(0, place.length, _BLOCK):
        length = min(_BLOCK, place.length - start)
        yield reader.read(dataclasses.replace(place, start=place.start + start, length=length))


def csv_table(lines: Iterable[str], where: str, columns: Collection[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """(line number, row by column) of CSV text, cells without surrounding blanks.

    Raises FormatError where the header lacks one of `columns` or has one twice, and for a row of another length.
    """
    reader = csv.reader(lines)
    try:
        header = [cell.strip() for cell in next(reader, list[str]())]
        missing = [column for column in columns if column not in header]
        if missing or len(set(header)) != len(header):
            raise FormatError(
                f"{where} has the header {','.join(header)[:200]!r}; expected {','.join(columns)}, each once; "
                f"missing: {missing}"
            )
        for cells in reader:
            if len(cells) != len(header):
                raise FormatError(f"{where}, line {reader.line_num}: {len(cells)} cells; expected {len(header)}")
            yield reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise FormatError(f"{where}, line {reader.line_num}: not CSV text: {error}") from error


def check_once(name: str, seen: set[str], where: str) -> None:
    """Note `name` among `seen`. Raises FormatError where it was there already."""
    if name in seen:
        raise FormatError(f'{where}: "{name}" a second time; expected each picture once: remove one of the lines')
    seen.add(name)


def check_found(files: Files, wanted: Iterable[str], list_name: str) -> None:
    """Nothing where one of the wanted pictures is there; a few that are not become problems later.

    Raises FormatError, naming the first, where none is.
    """
    first = None
    for name in wanted:
        if name in files.places:
            return
        first = first or name
    missing = f'the first is "{first}"' if first else "it lists none"
    raise FormatError(
        f"{files.where} holds none of the pictures that {list_name} lists ({missing}); unpack the pictures beside it, "
        "as its publishers lay them out"
    )


def some(names: Iterable[str]) -> str:
    """A few of the names, quoted, for a message."""
    listed = list(names)
    shown = ", ".join(f'"{name}"' for name in listed[:_SHOWN])
    return (shown or "nothing") + (f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else "")
