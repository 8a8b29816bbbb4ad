"""The files of a dataset, read in the same way from a folder, a .zip, a .tar or a .tar.gz, and never extracted.

The whole listing is checked before or while anything is read: names that are absolute or hold `..`, links, devices,
names that occur twice, encrypted or overlapping members, and sizes that only a bomb has, are refused by name with
FormatError. Paths are fsspec's (`data/x.zip`, `s3://bucket/x.zip`).
"""

# pyright: reportMissingTypeStubs=false
from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Generator, Iterable, Iterator
from typing import Any, BinaryIO, cast

import fsspec.core

from facsim.errors import FormatError
from facsim.formats.archives import ARCHIVE_ERRORS, Member, TreeLimits, tar_members, zip_members
from facsim.formats.places import Container, Place, container_at, container_of_info, container_of_stat
from facsim.formats.record import check_name

__all__ = ["opened", "read_tree", "tree_kind", "tree_names", "tree_places", "walk_places"]


_LIMITS = TreeLimits()
_FSSPEC: Any = fsspec.core  # fsspec has no types


def tree_kind(path: str | os.PathLike[str]) -> str | None:
    """`directory`, `zip` or `tar` (gzipped or not) by content, or None for anything else.

    Raises FormatError where there is nothing at `path`.
    """
    if _is_folder(path):
        return "directory"
    with opened(path) as file:
        head = file.read(512)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    return "tar" if head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar" else None


def tree_names(path: str | os.PathLike[str], *, limits: TreeLimits = _LIMITS) -> tuple[str, ...]:
    """The names of all files, relative and with `/`, sorted; the whole listing has been checked.

    Raises FormatError naming the member at fault.
    """
    with _members(path, limits) as members:
        return tuple(sorted(name for name, _ in members))


def tree_places(path: str | os.PathLike[str], *, limits: TreeLimits = _LIMITS) -> dict[str, Place]:
    """Name → where its bytes lie, of all files, in the order of `read_tree`; the whole listing has been checked.

    Raises FormatError naming the member at fault.
    """
    return dict(walk_places(path, limits=limits))


def walk_places(path: str | os.PathLike[str], *, limits: TreeLimits = _LIMITS) -> Iterator[tuple[str, Place]]:
    """(name, where its bytes lie) of each file in the order of `read_tree`, none of them held; checked on the way.

    Raises FormatError naming the member at fault.
    """
    with _members(path, limits) as members:
        for name, member in members:
            yield name, member.place


def read_tree(
    path: str | os.PathLike[str], *, wanted: Collection[str] | None = None, limits: TreeLimits = _LIMITS
) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each file in `wanted` (of all by default): sorted by name, but a tar's in the tar's order.

    Stops as soon as all that was wanted has been read. Raises FormatError naming the member at fault.
    """
    left = None if wanted is None else len(set(wanted))
    with _members(path, limits) as members:
        for name, member in members:
            if left == 0:
                return
            if wanted is None or name in wanted:
                left = None if left is None else left - 1
                yield name, _read(member, name, path)


@contextlib.contextmanager
def opened(path: str | os.PathLike[str]) -> Generator[BinaryIO]:
    """The file at a local path or fsspec URL, open for reading. Raises FormatError where it cannot be opened."""
    try:
        file = cast(BinaryIO, _FSSPEC.open(os.fspath(path), "rb").open())
    except (OSError, ValueError, ImportError) as error:
        raise FormatError(f"{path} cannot be opened: {error}") from error
    with file:
        yield file


def _is_folder(path: str | os.PathLike[str]) -> bool:
    try:
        fs, root = _FSSPEC.url_to_fs(os.fspath(path))
        found = fs.exists(root)
    except (OSError, ValueError, ImportError) as error:
        raise FormatError(f"{path} cannot be opened: {error}") from error
    if not found:
        raise FormatError(f"there is nothing at {path}; check the path, which is taken from {os.getcwd()}")
    return bool(fs.isdir(root))


@contextlib.contextmanager
def _members(path: str | os.PathLike[str], limits: TreeLimits) -> Generator[Iterator[tuple[str, Member]]]:
    """The checked files of the tree by name."""
    kind = tree_kind(path)
    if kind is None:
        raise FormatError(f"{path} is neither a folder nor a .zip, .tar or .tar.gz archive")
    if kind == "directory":
        yield _checked(_folder_members(path), path, limits)
        return
    listed, container = zip_members if kind == "zip" else tar_members, container_at(path)
    with opened(path) as file:
        yield _checked(_translated(listed(file, limits, container), path), path, limits)


def _translated(members: Iterator[Member], path: str | os.PathLike[str]) -> Iterator[Member]:
    """The members, with whatever the standard library raises on a damaged archive turned into FormatError."""
    try:
        yield from members
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    except ARCHIVE_ERRORS as error:
        raise FormatError(f"{path} is damaged or not what its first bytes say: {error}") from error


def _read(member: Member, name: str, path: str | os.PathLike[str]) -> bytes:
    try:
        return member.read()
    except (FormatError, *ARCHIVE_ERRORS) as error:
        raise FormatError(f'"{name}" in {path} cannot be read: {error}') from error


def _checked(
    members: Iterable[Member], path: str | os.PathLike[str], limits: TreeLimits
) -> Iterator[tuple[str, Member]]:
    seen: set[str] = set()
    for member in members:
        name = _plain_name(member.name, path)
        if member.kind == "folder":
            continue
        if member.kind != "file":
            raise FormatError(f'"{name}" in {path} is {member.kind}; only plain files and folders are read')
        if name in seen:
            raise FormatError(f'"{name}" occurs twice in {path}; names must be unique')
        if member.size > limits.max_member_bytes:
            raise FormatError(f'"{name}" in {path} has {member.size} bytes; at most {limits.max_member_bytes} are read')
        seen.add(name)
        yield name, member


def _plain_name(written: str, path: str | os.PathLike[str]) -> str:
    """The name without `./` in front, `//` and a final `/`, which tar writes; anything else odd is refused."""
    if written in (".", "./"):
        return "."
    parts = [part for part in written.split("/") if part not in ("", ".")]
    tidy = ("/" if written.startswith("/") else "") + "/".join(parts)
    try:
        return check_name(tidy)
    except FormatError as error:
        raise FormatError(f"{path} is refused: {error}") from error


# folders


def _folder_members(path: str | os.PathLike[str]) -> Iterator[Member]:
    if "://" in os.fspath(path):
        yield from _remote_members(os.fspath(path))
        return
    root = os.path.realpath(path)
    try:
        yield from _local_members(root, root)
    except OSError as error:
        raise FormatError(f"{path} cannot be listed: {error}") from error


def _local_members(folder: str, root: str) -> Iterator[Member]:
    for entry in sorted(os.scandir(folder), key=lambda found: found.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _local_members(entry.path, root)
        else:
            yield _local_member(entry, root)


def _local_member(entry: os.DirEntry[str], root: str) -> Member:
    inside = os.path.join(root, "")
    if entry.is_symlink():
        found = os.path.realpath(entry.path)
        kind = "file" if os.path.isfile(found) else "neither a file nor a folder"
        if kind != "file" or not found.startswith(inside):
            kind = f"a link to {found}, which is not a file of this folder"
    else:
        found, is_file = entry.path, entry.is_file(follow_symlinks=False)
        kind = "file" if is_file else "neither a file nor a folder"
    about = os.stat(found) if kind == "file" else None
    size = about.st_size if about else 0
    container = container_of_stat(found, about) if about else Container(path=found, stamp="")
    return Member(
        name=entry.path.removeprefix(inside).replace(os.sep, "/"),
        size=size,
        kind=kind,
        read=lambda: _file_bytes(found),
        place=Place(container=container, kind="bytes", start=0, length=size),
    )


def _file_bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _remote_members(url: str) -> Iterator[Member]:
    fs, root = _FSSPEC.url_to_fs(url)
    found = cast(dict[str, dict[str, Any]], fs.find(root, detail=True))
    for place in sorted(found):
        yield Member(
            name=place.removeprefix(root).lstrip("/"),
            size=int(found[place].get("size") or 0),
            kind="file",
            read=lambda place=place: bytes(fs.cat_file(place)),
            place=Place(
                container=container_of_info(fs.unstrip_protocol(place), found[place]),
                kind="bytes",
                start=0,
                length=int(found[place].get("size") or 0),
            ),
        )
