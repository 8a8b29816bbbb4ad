"""The members of a .zip, .tar or .tar.gz as a listing that can be read on the way, with the guards against bombs.

`facsim.formats.tree` checks the names; here are the sizes, the kinds and the archives' own damage. Nothing is
extracted to disk.
"""

from __future__ import annotations

import gzip
import itertools
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from facsim.errors import FormatError
from facsim.formats.places import Container, Place

__all__ = ["ARCHIVE_ERRORS", "Member", "TreeLimits", "tar_members", "zip_members"]


@dataclass(frozen=True, kw_only=True)
class TreeLimits:
    """What an archive may unpack to before it is taken for a bomb.

    A member may have `max_member_bytes`; an archive may unpack to `max_ratio` times its own size, and to
    `free_bytes` whatever its size (pictures hardly shrink, CSV shrinks fourfold; deflate's most is 1,032).
    """

    max_member_bytes: int = 1 << 30
    max_ratio: int = 100
    free_bytes: int = 64 << 20
    max_header_bytes: int = 1 << 20


ARCHIVE_ERRORS = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What the standard library raises on damaged archives."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One entry as its container lists it: its name as written, its size once unpacked, what it is, how to read it.

    `read` works while the iteration stands there, `place` ever after.
    """

    name: str
    size: int
    kind: str  # "file", "folder", or what is wrong with it
    read: Callable[[], bytes]
    place: Place


def zip_members(file: BinaryIO, limits: TreeLimits, container: Container) -> Iterator[Member]:
    """The members of a zip that is open, sorted by name. Raises FormatError for a bomb, `ARCHIVE_ERRORS` for damage."""
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        _check_total(sum(info.file_size for info in infos), _length(file), limits)
        _check_overlaps(infos)
        for info in sorted(infos, key=lambda info: info.filename):
            yield Member(
                name=info.filename,
                size=info.file_size,
                kind=_zip_kind(info),
                read=lambda info=info: _zip_bytes(archive, info),
                place=_zip_place(info, container),
            )


def _zip_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as file:
        data = file.read(info.file_size)  # with a size: a lying header must not unpack without end
    if len(data) != info.file_size:
        raise FormatError(f"it ends after {len(data)} of {info.file_size} bytes")
    return data


def _zip_place(info: zipfile.ZipInfo, container: Container) -> Place:
    kind = "stored" if info.compress_type == zipfile.ZIP_STORED else "deflated"
    extra = (info.file_size, info.CRC)
    return Place(container=container, kind=kind, start=info.header_offset, length=info.compress_size, extra=extra)


def _zip_kind(info: zipfile.ZipInfo) -> str:
    file_type = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archive was not made on Unix
    if stat.S_ISLNK(file_type):
        return "a link"
    if info.is_dir() and file_type in (0, stat.S_IFDIR):
        return "folder"
    if file_type not in (0, stat.S_IFREG):
        return "a device or another special file"
    if info.flag_bits & 1:
        return "encrypted"
    known = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    return "file" if known else f"compressed by method {info.compress_type}, which is not deflate"


def _check_overlaps(infos: list[zipfile.ZipInfo]) -> None:
    """Members that share bytes make a small archive unpack to a huge one (Fifield, A better zip bomb, WOOT 2019)."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    for one, after in itertools.pairwise(ordered):
        if one.header_offset + 30 + one.compress_size > after.header_offset:  # 30: the fixed part of a local header
            raise FormatError(f'"{one.filename}" and "{after.filename}" share bytes, as in a bomb')


def _length(file: BinaryIO) -> int:
    here = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(here)
    return end


def _check_total(total: int, packed: int, limits: TreeLimits) -> None:
    if total > max(limits.free_bytes, limits.max_ratio * packed):
        raise FormatError(
            f"it unpacks to more than {total} bytes from {packed}; over {limits.max_ratio} times is taken for a bomb"
        )


# tar


def tar_members(file: BinaryIO, limits: TreeLimits, container: Container) -> Iterator[Member]:
    """The members of a tar that is open, gzipped or not, in its order; `read` works only while the iteration is there.

    Raises FormatError for a bomb or a missing end, `ARCHIVE_ERRORS` for other damage.
    """
    is_gzip = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    kind = "gzip" if is_gzip else "bytes"
    source = cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb")) if is_gzip else file
    stream = _TarStream(source, _length(file), limits)
    with tarfile.open(fileobj=cast(Any, stream), mode="r|", tarinfo=stream.header_class()) as archive:
        for info in archive:
            cast(Any, archive).members = []  # tarfile would keep every header
            yield _tar_member(
                archive, info, Place(container=container, kind=kind, start=info.offset_data, length=info.size)
            )
    stream.finish()


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, place: Place) -> Member:
    return Member(
        name=info.name, size=info.size, kind=_tar_kind(info), read=lambda: _tar_bytes(archive, info), place=place
    )


def _tar_bytes(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(info)
    if file is None:
        raise FormatError("it holds no data")
    with file:
        data = file.read()
    if len(data) != info.size:
        raise FormatError(f"it ends after {len(data)} of {info.size} bytes")
    return data


def _tar_kind(info: tarfile.TarInfo) -> str:
    if info.isdir():
        return "folder"
    if info.islnk() or info.issym():
        return "a link"
    if info.issparse():
        return "a sparse file"
    return "file" if info.isreg() else "a device or another special file"


class _TarStream:
    """The tar's bytes, counted: tarfile reads through it, and stops where a bomb would go on.

    tarfile takes a damaged header for the end of the archive; `finish` tells the two apart.
    """

    def __init__(self, source: BinaryIO, packed: int, limits: TreeLimits) -> None:
        self._source, self._packed, self._limits = source, packed, limits
        self._total = 0
        self._ended = False

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._total += len(data)
        _check_total(self._total, self._packed, self._limits)
        return data

    def header_class(self) -> type[tarfile.TarInfo]:
        """tarfile's own header, which in addition reports the end mark and refuses endless names."""
        stream = self

        class Header(tarfile.TarInfo):
            @classmethod
            def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> tarfile.TarInfo:
                stream._ended = not bytes(buf).strip(b"\x00") and len(buf) == tarfile.BLOCKSIZE
                info = super().frombuf(buf, encoding, errors)
                is_extension = info.type not in tarfile.SUPPORTED_TYPES or info.type in _EXTENSIONS
                if is_extension and info.size > stream._limits.max_header_bytes:
                    raise FormatError(
                        f"a header of {info.size} bytes; at most {stream._limits.max_header_bytes} are read"
                    )
                return info

        return Header

    def finish(self) -> None:
        """Read to the end, so that gzip's checksum is looked at. Raises FormatError where the end mark is missing."""
        if not self._ended:
            raise FormatError("the archive ends early, or is damaged within (no end mark after the last whole member)")
        while self.read(1 << 20):
            pass


_EXTENSIONS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
