"""Files that land whole or not at all, on a local disk or on an object store, and the lock of a run folder.

Paths are fsspec's (`runs/x`, `s3://bucket/x`, `memory://x`). Locally a file is written under a temporary name beside
its place and renamed; elsewhere it is one completed upload.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import fsspec.core

from facsim.errors import ManifestError

__all__ = ["Folder", "folder_at"]


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder on any fsspec file system; every path given to its methods is relative and uses `/`."""

    fs: Any
    root: str
    is_local: bool

    def path(self, relative: str = "") -> str:
        """The file system's own path of `relative`."""
        return f"{self.root}/{relative}" if relative else self.root

    def exists(self, relative: str = "") -> bool:
        """Whether there is a file or folder there."""
        return bool(self.fs.exists(self.path(relative)))

    def read(self, relative: str) -> bytes:
        """The file's bytes. Raises ManifestError where it cannot be read."""
        try:
            return bytes(self.fs.cat_file(self.path(relative)))
        except (OSError, ValueError) as error:
            raise ManifestError(f"{self.path(relative)} cannot be read: {error}") from error

    def open(self, relative: str) -> BinaryIO:
        """The file, open for reading in any order. Raises ManifestError where it cannot be opened."""
        try:
            return cast(BinaryIO, self.fs.open(self.path(relative), "rb"))
        except (OSError, ValueError) as error:
            raise ManifestError(f"{self.path(relative)} cannot be read: {error}") from error

    def url(self, relative: str = "") -> str:
        """What names `relative` anywhere: its path on a local disk, else its URL."""
        return self.path(relative) if self.is_local else str(self.fs.unstrip_protocol(self.path(relative)))

    def write(self, relative: str, data: bytes) -> None:
        """Put `data` there, whole or not at all; an existing file is replaced."""
        place = self.path(relative)
        if not self.is_local:
            self.fs.pipe_file(place, data)
            return
        os.makedirs(os.path.dirname(place), exist_ok=True)
        partial = f"{place}.partial-{os.getpid()}"
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, place)

    def append(self, relative: str, line: str) -> None:
        """Add one line to a text file (a single write locally; read and rewrite on an object store)."""
        if self.is_local:
            os.makedirs(os.path.dirname(self.path(relative)), exist_ok=True)
            with open(self.path(relative), "a", encoding="utf-8") as file:
                file.write(line + "\n")
            return
        before = self.read(relative) if self.exists(relative) else b""
        self.write(relative, before + line.encode() + b"\n")

    def names(self, relative: str = "") -> list[str]:
        """The names in a folder, sorted; empty where there is no such folder."""
        self.fs.invalidate_cache()
        if not self.exists(relative):
            return []
        return sorted(
            str(entry).rstrip("/").rsplit("/", 1)[-1] for entry in self.fs.ls(self.path(relative), detail=False)
        )

    def remove(self, relative: str) -> None:
        """Remove a file or a whole folder; nothing happens where there is none."""
        if self.exists(relative):
            self.fs.rm(self.path(relative), recursive=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run folder for this process. Raises ManifestError where another process holds it.

        Locally this is `flock`, which dies with its process; object stores have no lock yet.
        """
        if not self.is_local:
            yield
            return
        os.makedirs(self.root, exist_ok=True)
        with open(self.path(".lock"), "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ManifestError(
                    f"{self.root} is in use by another facsim process; wait for it to end, or choose another --out"
                ) from None
            yield


def folder_at(url: str | os.PathLike[str]) -> Folder:
    """The folder that an fsspec URL or a local path names; it need not exist."""
    fs, root = fsspec.core.url_to_fs(os.fspath(url))
    protocols = (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
    return Folder(fs=fs, root=str(root).rstrip("/"), is_local="file" in protocols)
