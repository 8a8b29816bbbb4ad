"""Where a picture's bytes lie in a dataset, so that they can be listed now and read later, in any order and process.

A `Place` is small and picklable: a file, and how to find the picture in it. Nothing is extracted or copied. Every file
carries the stamp that it had when it was listed (size, times of last writing and last change), and one that no longer
has it is refused: what is read is what was listed.
"""

# pyright: reportMissingTypeStubs=false
from __future__ import annotations

import contextlib
import gzip
import os
import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, BinaryIO, cast

from facsim.errors import FormatError
from facsim.formats.record import Record, check_record

__all__ = [
    "Container",
    "Place",
    "PlaceReader",
    "PlacedRecord",
    "container_at",
    "container_of_info",
    "container_of_stat",
    "missing_place",
    "read_placed",
]

_FILES_OPEN = 16
# What files, zlib and pyarrow were seen to raise on damage; MemoryError is how a table says that it wants too much.
_DAMAGE = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_LOCAL_HEADER = 30  # the fixed part of a zip's local header (APPNOTE.TXT 4.3.7)
_VERSIONS = (
    "ETag",
    "etag",
    "LastModified",
    "last_modified",
    "mtime",
    "updated",
    "created",
)  # as file systems name them


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """A file that holds pictures: its absolute path or URL, and its stamp.

    The stamp of a local file is its size, and the nanoseconds at which its content and its entry last changed: the
    latter no program can set back. That of a URL is what its file system says of the version; `is_stamped` is false
    where that is the size alone. `changed_ns` is when it changed last, 0 where that is not known.
    """

    path: str
    stamp: str
    is_stamped: bool = True
    changed_ns: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where one picture's bytes lie in `container`, by `kind`:

    bytes      from `start`, `length` bytes
    stored     a zip's member: `start` of its local header, `length` packed bytes, `extra` unpacked size and CRC-32
    deflated   the same, packed by deflate
    gzip       as `bytes`, in what the file unpacks to
    parquet    `start` is the row group, `length` the row in it
    fer2013    as `bytes`: a row of a CSV file, whose cell number `extra` holds pixels
    recordio   as `bytes`: a whole record of MXNet RecordIO, header and padding with it
    whole      the whole file, whatever its length
    missing    nowhere: a list names the picture, and it is not there
    """

    container: Container
    kind: str
    start: int
    length: int
    extra: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PlacedRecord:
    """A `facsim.formats.record.Record` whose picture has not been read: `place` says where it is.

    Raises FormatError where the name is not a plain relative path or the split is not a plain name.
    """

    name: str
    place: Place
    expression: str | None = None
    split: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        check_record(self.name, self.split)

    @property
    def image(self) -> bytes:
        """The encoded picture, read anew each time. Raises FormatError where it cannot be read."""
        with PlaceReader() as reader:
            return reader.read(self.place)


def missing_place(path: str) -> Place:
    """The place of a picture that a list names and that is not there; reading it raises FormatError."""
    return Place(container=Container(path=path, stamp="", is_stamped=False), kind="missing", start=0, length=0)


def read_placed(records: Iterable[PlacedRecord]) -> Iterator[Record]:
    """The records with their pictures' bytes, each read as it is asked for; one that is missing has none.

    Raises FormatError where a picture that was there cannot be read.
    """
    with PlaceReader() as reader:
        for record in records:
            yield Record(
                name=record.name,
                image=b"" if record.place.kind == "missing" else reader.read(record.place),
                expression=record.expression,
                split=record.split,
                metadata=record.metadata,
            )


def container_at(path: str | os.PathLike[str]) -> Container:
    """The file at a local path or URL with its present stamp. Raises FormatError where it cannot be found."""
    place = os.fspath(path)
    try:
        if "://" not in place:
            return container_of_stat(os.path.abspath(place), os.stat(place))
        fs, root = _fsspec().url_to_fs(place)
        return container_of_info(place, fs.info(root))
    except (OSError, ValueError, ImportError) as error:
        raise FormatError(f"{place} cannot be read: {error}; it may have been moved since it was listed") from error


def container_of_info(url: str, info: Mapping[str, Any]) -> Container:
    """The file at a URL, from what its file system says of it."""
    found = next((info[key] for key in _VERSIONS if info.get(key)), "")
    version = str(found.timestamp() if isinstance(found, datetime) else found)  # a listing may have either form
    return Container(path=url, stamp=f"{info.get('size')} {version}", is_stamped=bool(version))


def _fsspec() -> Any:
    """fsspec's core, which has no types; imported for URLs alone, as decoding processes start quicker without."""
    import fsspec.core

    return fsspec.core


def container_of_stat(path: str, found: os.stat_result) -> Container:
    """The local file at an absolute path, from what `os.stat` says of it."""
    stamp = f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
    return Container(path=path, stamp=stamp, changed_ns=max(found.st_mtime_ns, found.st_ctime_ns))


class PlaceReader:
    """Reads the bytes of places, for one thread; it keeps a few files open, and the last row group of each table.

    Places that are read in the order in which they were listed cost one pass over each file.
    """

    def __init__(self) -> None:
        self._files: OrderedDict[Container, BinaryIO] = OrderedDict()
        self._unpacked: dict[Container, gzip.GzipFile] = {}
        self._tables: dict[Container, _Table] = {}

    def __enter__(self) -> PlaceReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, place: Place) -> bytes:
        """The picture's encoded bytes. Raises FormatError where its file is gone, changed or damaged there."""
        try:
            return _READERS[place.kind](self, place)
        except _DAMAGE as error:
            raise FormatError(f"{place.container.path} cannot be read at {place.start}: {error}") from error

    def close(self) -> None:
        """Close the files that are open."""
        while self._files:
            self._drop(next(iter(self._files)))

    def _drop(self, container: Container) -> None:
        self._tables.pop(container, None)
        self._unpacked.pop(container, None)
        with contextlib.suppress(OSError):
            self._files.pop(container).close()

    def file(self, container: Container) -> BinaryIO:
        """The container, open and as it was listed."""
        if container in self._files:
            self._files.move_to_end(container)
            return self._files[container]
        while len(self._files) >= _FILES_OPEN:
            self._drop(next(iter(self._files)))
        self._files[container] = _opened(container)
        return self._files[container]

    def part(self, place: Place) -> bytes:
        """`length` bytes from `start` of the container; a file that is one picture is not kept open."""
        if place.start == 0 and _is_all(place):
            return _all_of(place)
        return _exactly(self.file(place.container), place.start, place.length)

    def unpacked_part(self, place: Place) -> bytes:
        """`length` bytes from `start` of what a gzipped container unpacks to."""
        if place.container not in self._unpacked:
            file = self.file(place.container)
            file.seek(0)
            self._unpacked[place.container] = gzip.GzipFile(fileobj=file, mode="rb")
        return _exactly(cast(BinaryIO, self._unpacked[place.container]), place.start, place.length)

    def row(self, place: Place) -> bytes:
        """The picture in a row of a Parquet table."""
        if place.container not in self._tables:
            self._tables[place.container] = _Table(self.file(place.container))
        self.file(place.container)
        return self._tables[place.container].picture(place.start, place.length)


class _Table:
    """The pictures of a Parquet file, one row group of them at a time."""

    def __init__(self, file: BinaryIO) -> None:
        from facsim.tables import open_parquet  # only Parquet needs pyarrow

        self._parquet: Any = open_parquet(file)
        self._group, self._pictures = -1, cast(Any, None)

    def picture(self, group: int, row: int) -> bytes:
        if group != self._group:
            self._pictures = self._parquet.read_row_group(group, columns=["image"], use_threads=False)["image"]
            self._group = group
        found: Any = self._pictures[row].as_py()
        data = cast(bytes | None, found["bytes"] if isinstance(found, dict) else found)
        if data is None:
            raise ValueError(f"row {row} of row group {group} holds no picture's bytes; embed them when writing")
        return data


def _opened(container: Container) -> BinaryIO:
    if "://" in container.path:
        file, found = cast(BinaryIO, _fsspec().open(container.path, "rb").open()), container_at(container.path)
    else:
        file = cast(BinaryIO, open(container.path, "rb", buffering=0))  # noqa: SIM115  # the reader closes it
        found = container_of_stat(container.path, os.fstat(file.fileno()))
    try:
        _check_stamp(container, found)
    except FormatError:
        file.close()
        raise
    return file


def _check_stamp(container: Container, found: Container) -> None:
    if found.stamp != container.stamp:
        raise FormatError(f"{container.path} has changed since it was listed; load the pictures again")


def _is_all(place: Place) -> bool:
    """Whether a place that begins a local file ends it too: a stamp begins with the size."""
    return place.container.stamp.startswith(f"{place.length} ") and "://" not in place.container.path


def _all_of(place: Place) -> bytes:
    """As `_exactly`, with no more calls to the system than it takes: half of the time to read a small picture."""
    number = os.open(place.container.path, os.O_RDONLY)
    try:
        _check_stamp(place.container, container_of_stat(place.container.path, os.fstat(number)))
        data = os.read(number, place.length)
        while len(data) < place.length and (more := os.read(number, place.length - len(data))):
            data += more
    finally:
        os.close(number)
    if len(data) != place.length:
        raise EOFError(f"it ends after {len(data)} of {place.length} bytes")
    return data


def _exactly(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    data = file.read(length)
    while len(data) < length and (more := file.read(length - len(data))):
        data += more
    if len(data) != length:
        raise EOFError(f"it ends after {len(data)} of {length} bytes")
    return data


def _member(reader: PlaceReader, place: Place) -> bytes:
    """A zip's member: its local header is skipped, and its size and CRC-32 are those of the zip's directory."""
    header = _exactly(reader.file(place.container), place.start, _LOCAL_HEADER)
    signature, name_length, extra_length = struct.unpack("<4s22xHH", header)
    if signature != b"PK\x03\x04":
        raise ValueError("there is no member of a zip here")
    begins = place.start + _LOCAL_HEADER + name_length + extra_length
    packed = _exactly(reader.file(place.container), begins, place.length)
    size, crc = place.extra
    # with a size: a lying header must not unpack without end
    data = packed if place.kind == "stored" else zlib.decompressobj(-15).decompress(packed, size + 1)
    if len(data) != size or zlib.crc32(data) != crc:
        raise ValueError(f"{len(data)} bytes that do not match the zip's size ({size}) and CRC-32")
    return data


def _fer2013_picture(reader: PlaceReader, place: Place) -> bytes:
    from facsim.formats.fer2013 import picture_of_row  # it imports this module

    return picture_of_row(reader.part(place), cell=place.extra[0], where=f"{place.container.path}, byte {place.start}")


def _recordio_picture(reader: PlaceReader, place: Place) -> bytes:
    from facsim.formats.recordio import picture_of_record  # it imports this module

    return picture_of_record(reader.part(place))


def _whole(reader: PlaceReader, place: Place) -> bytes:
    file = reader.file(place.container)
    file.seek(0)
    return file.read()


def _nothing(reader: PlaceReader, place: Place) -> bytes:
    raise FileNotFoundError("a list names this picture, and it is not there")


_READERS: Mapping[str, Callable[[PlaceReader, Place], bytes]] = {
    "bytes": PlaceReader.part,
    "stored": _member,
    "deflated": _member,
    "gzip": PlaceReader.unpacked_part,
    "parquet": PlaceReader.row,
    "fer2013": _fer2013_picture,
    "recordio": _recordio_picture,
    "whole": _whole,
    "missing": _nothing,
}
