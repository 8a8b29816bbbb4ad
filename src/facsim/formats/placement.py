"""Datasets that land whole or not at all: files and folders under a temporary name, then renamed into place.

Archives are deterministic: members sorted (with `metadata.parquet` first, so that a reader of a tar meets it first),
no times, owners or modes of this machine, pictures stored as they are.
"""

# pyright: reportMissingTypeStubs=false
from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Generator
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec.core

from facsim.errors import FormatError

__all__ = ["pack_tar", "pack_zip", "placed_file", "placed_folder"]

_FSSPEC: Any = fsspec.core  # fsspec has no types
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold


@contextlib.contextmanager
def placed_file(path: str | os.PathLike[str], *, overwrite: bool = False) -> Generator[BinaryIO]:
    """A file open for writing that appears at `path`, a local path or fsspec URL, when the block ends without error.

    Raises FormatError where there is something already, unless it may be overwritten.
    """
    if "://" in os.fspath(path):
        with _uploaded_file(os.fspath(path), overwrite) as file:
            yield file
        return
    place = Path(path)
    if place.is_dir() or (place.exists() and not overwrite):
        raise FormatError(f"there is something at {path} already; choose another path, or ask to overwrite a file")
    partial = _beside(place)
    try:
        with open(partial, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, place)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def placed_folder(path: str | os.PathLike[str], *, overwrite: bool = False) -> Generator[Path]:
    """An empty folder to fill, which appears at `path` when the block ends without error. Local paths only.

    Raises FormatError where `path` is a file, or a folder with something in it that may not be overwritten.
    """
    if "://" in os.fspath(path):
        raise FormatError(f"{path} is not a local path; write a .zip, .tar or .parquet file there instead of a folder")
    place = Path(path)
    if place.is_file() or (place.is_dir() and any(place.iterdir()) and not overwrite):
        raise FormatError(f"there is something at {path} already; choose another path, or ask to overwrite it")
    partial = _beside(place)
    partial.mkdir()
    try:
        yield partial
        _replace_folder(partial, place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def pack_zip(folder: Path, file: BinaryIO) -> None:
    """Write the files of `folder` as a zip, stored (pictures do not shrink); the same bytes for the same files."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in _names_in(folder):
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            info.create_system = 3  # Unix, whatever this is
            info.external_attr = 0o100644 << 16
            archive.writestr(info, (folder / name).read_bytes())


def pack_tar(folder: Path, file: BinaryIO, *, gzipped: bool = False) -> None:
    """Write the files of `folder` as a tar; the same bytes for the same files."""
    with contextlib.ExitStack() as stack:
        target = file
        if gzipped:
            zipped = gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0)
            target = cast(BinaryIO, stack.enter_context(zipped))
        archive = stack.enter_context(tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT))
        for name in _names_in(folder):
            info = tarfile.TarInfo(name)
            info.size = (folder / name).stat().st_size
            with open(folder / name, "rb") as member:
                archive.addfile(info, member)


def _names_in(folder: Path) -> list[str]:
    names = [found.relative_to(folder).as_posix() for found in folder.rglob("*") if found.is_file()]
    return sorted(names, key=lambda name: (not name.endswith("metadata.parquet"), name))


def _beside(place: Path) -> Path:
    """A name in the same folder, so that renaming does not copy; the folder is made where it is missing."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FormatError(f"{place} cannot be written: {error}") from error
    return place.with_name(f".{place.name}.partial-{os.getpid()}")


def _replace_folder(partial: Path, place: Path) -> None:
    """Rename `partial` to `place`; what stood there steps aside first and goes last."""
    if not place.exists():
        os.rename(partial, place)
        return
    aside = place.with_name(f".{place.name}.replaced-{os.getpid()}")
    os.rename(place, aside)
    os.rename(partial, place)
    shutil.rmtree(aside)


@contextlib.contextmanager
def _uploaded_file(url: str, overwrite: bool) -> Generator[BinaryIO]:
    """Written to a temporary file, then one completed upload."""
    fs, place = _FSSPEC.url_to_fs(url)
    if fs.exists(place) and not overwrite:
        raise FormatError(f"there is something at {url} already; choose another path, or ask to overwrite it")
    with tempfile.TemporaryDirectory() as folder:
        partial = os.path.join(folder, "partial")
        with open(partial, "wb") as file:
            yield file
        fs.put_file(partial, place)
