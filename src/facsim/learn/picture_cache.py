"""Decoded pictures kept on disk, so that a set is decoded once and may be larger than memory.

    <cache>/pictures-<key>.npy         uint8 (N, S, S[, 3]): a plain NumPy file, mapped rather than read
    <cache>/pictures-<key>.npz         their hashes and reasons, a CRC-32 a block, and the stamp of the .npy
    <cache>/pictures-<key>.npy.part    a file on its way, with pictures-<key>.journal: a line a block that is done

An entry is there when its .npz is, which is written last. It is trusted while the .npy's size and times are those of
the stamp; else, and whenever it is read into memory, every block is checked, and a damaged file is made anew. A build
that is interrupted goes on where it stopped. When an entry needs room, those unused for longest go.

The key is made of what every picture's place says: the file's path, size, and times of last writing and last change,
and where in it the picture lies, with the CRC-32 that a zip has of it. No picture is read for it. As a file's time of
change cannot be set back, one that was replaced or edited has another key; a set that was moved is decoded anew, once.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray

from facsim.formats.places import Place
from facsim.learn.decoding import Decoded, Piece, Shape, Source, image_shape
from facsim.learn.limits import cache_bytes, memory_bytes
from facsim.models.asset_cache import find_cache_folder, write_arrays

__all__ = ["CacheEntry", "Decode", "content_key", "fits_cache", "kept_pictures"]

_BLOCK_BYTES = 8 << 20  # of decoded pictures: what is lost when a build is killed, and a unit of work
_SETTLED_S = 2.0  # file systems keep times to between 1 ns and 2 s (FAT)
_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)

Decode = Callable[[Iterator[Piece]], Iterator[tuple[Piece, Decoded]]]
"""What decodes pieces: gives each with what was found, in any order."""


@dataclass(frozen=True, kw_only=True)
class CacheEntry:
    """Where the pictures of one key lie, and what they are: the shape of the whole array."""

    folder: Path
    key: str
    shape: tuple[int, ...]

    def file(self, suffix: str) -> Path:
        """`pictures-<key><suffix>`."""
        return self.folder / f"pictures-{self.key}{suffix}"

    @property
    def nbytes(self) -> int:
        """Bytes of the pictures."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def block_rows(self) -> int:
        """Pictures in a block."""
        return max(1, min(512, _BLOCK_BYTES // max(1, self.nbytes // max(1, self.shape[0]))))

    def blocks(self) -> Iterator[tuple[int, slice]]:
        """Number and rows of each block."""
        for number, start in enumerate(range(0, self.shape[0], self.block_rows)):
            yield number, slice(start, min(start + self.block_rows, self.shape[0]))


def content_key(sources: Sequence[Source], shape: Shape) -> str | None:
    """32 hexadecimal digits for the pictures of `sources` in this shape, or None where a file says nothing of its
    version (a URL whose file system gives a size alone).

    Waits, at most 2 s, where a file changed so lately that a further change might not show in its times.
    """
    digest = hashlib.blake2b(f"pictures/3/{shape}/Pillow {PIL.__version__}".encode(), digest_size=16)
    newest = 0
    for source in sources:
        at = source.at
        if isinstance(at, bytes):
            digest.update(f"{len(at)}:".encode())
            digest.update(at)
            continue
        if not at.container.is_stamped:
            return None
        newest = max(newest, at.container.changed_ns)
        digest.update(_text_of(at).encode("utf-8", "surrogateescape"))
    _settle(newest)
    return digest.hexdigest()


def _text_of(at: Place) -> str:
    return f"{at.container.path}\0{at.container.stamp}\0{at.kind} {at.start} {at.length} {at.extra}\n"


def _settle(changed_ns: int) -> None:
    age = (time.time_ns() - changed_ns) / 1e9
    if 0 <= age < _SETTLED_S:
        time.sleep(_SETTLED_S - age)


def fits_cache(nbytes: int) -> bool:
    """Whether pictures of this many bytes may be kept at all."""
    folder = find_cache_folder()
    return 0 < nbytes <= cache_bytes(folder, used=_used(folder))


def kept_pictures(sources: Sequence[Source], shape: Shape, *, key: str, decode: Decode) -> Decoded:
    """The pictures of `sources`: `images` is a read-only map of the entry's file, made by `decode` where it is lacking.

    Two processes that want one entry make it once. Raises OSError where the folder cannot be written or is full.
    """
    size = (len(sources), *image_shape(shape))
    entry = CacheEntry(folder=find_cache_folder(), key=key, shape=size)
    if (found := _found(entry)) is not None:
        return found
    entry.folder.mkdir(parents=True, exist_ok=True)
    with _locked(entry):
        return _found(entry) or _made(entry, sources, decode)


@contextlib.contextmanager
def _locked(entry: CacheEntry) -> Iterator[None]:
    with open(entry.file(".lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # it dies with its process
        yield


# what is there


def _found(entry: CacheEntry, *, is_new: bool = False) -> Decoded | None:
    """The entry's pictures; None where there are none, or damaged ones. A new one's were checked as they were made."""
    try:
        with np.load(entry.file(".npz"), allow_pickle=False) as file:
            said = {name: file[name] for name in ("hashes", "reasons", "crcs", "stamp")}
        images = np.load(entry.file(".npy"), mmap_mode="r", allow_pickle=False)
        if images.shape != entry.shape or images.dtype != np.uint8 or len(said["hashes"]) != len(images):
            return None
        is_same = said["stamp"].tolist() == _stamp(entry)
    except _DAMAGE:
        return None
    is_trusted = is_same and (is_new or entry.nbytes > memory_bytes())
    if not is_trusted and not _is_sound(entry, images, said["crcs"]):
        return None
    if not is_same:
        _conclude(entry, said)
    with contextlib.suppress(OSError):
        os.utime(entry.file(".npz"))  # used now
    return Decoded(images=images, hashes=said["hashes"], reasons=tuple(said["reasons"].tolist()))


def _is_sound(entry: CacheEntry, images: NDArray[np.uint8], crcs: NDArray[np.uint32]) -> bool:
    """Whether every block has its checksum; read and not mapped, so that no page of the file stays in memory."""
    blocks = list(entry.blocks())
    with open(entry.file(".npy"), "rb") as file:
        file.seek(-images.nbytes, os.SEEK_END)
        parts = ((number, file.read(images[rows].nbytes)) for number, rows in blocks)
        return len(blocks) == len(crcs) and all(zlib.crc32(part) == crcs[number] for number, part in parts)


def _stamp(entry: CacheEntry) -> list[int]:
    found = entry.file(".npy").stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _conclude(entry: CacheEntry, said: dict[str, Any]) -> None:
    write_arrays(entry.file(".npz"), {**said, "stamp": np.array(_stamp(entry), dtype=np.int64)})


# making it


def _made(entry: CacheEntry, sources: Sequence[Source], decode: Decode) -> Decoded:
    _make_room(entry)
    offset = _begun(entry)
    done = _resumed(entry, offset)
    picture_bytes = entry.nbytes // max(1, entry.shape[0])
    pieces = (
        Piece(
            number=number,
            sources=tuple(sources[rows]),
            path=str(entry.file(".npy.part")),
            offset=offset + rows.start * picture_bytes,
        )
        for number, rows in entry.blocks()
        if number not in done
    )
    with open(entry.file(".journal"), "a", encoding="utf-8") as journal:
        for piece, found in decode(pieces):
            done[piece.number] = found
            journal.write(_line(piece.number, found) + "\n")
            journal.flush()
    _landed(entry, done)
    whole = _found(entry, is_new=True)
    if whole is None:
        raise OSError(f"{entry.file('.npy')} was written and cannot be read back")
    return whole


def _begun(entry: CacheEntry) -> int:
    """The offset of the pictures in the file that is being made, whose room is taken on the disk at once."""
    part = entry.file(".npy.part")
    with contextlib.suppress(*_DAMAGE):
        found = np.load(part, mmap_mode="r", allow_pickle=False)
        if found.shape == entry.shape and found.dtype == np.uint8:
            return int(found.offset)
    entry.file(".journal").unlink(missing_ok=True)
    try:
        made = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=entry.shape)
        _reserve(part)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return int(made.offset)


def _reserve(part: Path) -> None:
    """Take the blocks of a file that was made with holes: a full disk shows now, and not as a signal later."""
    if hasattr(os, "posix_fallocate"):
        with open(part, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.path.getsize(part))


def _line(number: int, found: Decoded) -> str:
    reasons = {row: reason for row, reason in enumerate(found.reasons) if reason}
    return json.dumps({"block": number, "crc": found.crc, "hashes": found.hashes.tolist(), "reasons": reasons})


def _resumed(entry: CacheEntry, offset: int) -> dict[int, Decoded]:
    """Block → what an interrupted build had found, for the blocks whose bytes are those that it wrote."""
    place, done = entry.file(".journal"), dict[int, Decoded]()
    if not place.exists():
        return done
    images = np.memmap(entry.file(".npy.part"), dtype=np.uint8, mode="r", offset=offset, shape=entry.shape)
    rows_of = dict(entry.blocks())
    for line in place.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(*_DAMAGE, TypeError, OverflowError, AttributeError):  # a line that was cut short
            said = json.loads(line)
            rows = rows_of[said["block"]]
            found = _from_line(said, rows.stop - rows.start)
            if zlib.crc32(images[rows].data) == found.crc:
                done[said["block"]] = found
    return done


def _from_line(said: dict[str, Any], count: int) -> Decoded:
    reasons = {int(row): str(reason) for row, reason in said["reasons"].items()}
    hashes = np.array(said["hashes"], dtype=np.uint64)
    if hashes.shape != (count,):
        raise ValueError("the line is of another block")
    each = tuple(reasons.get(row, "") for row in range(count))
    return Decoded(images=np.zeros((0,), np.uint8), hashes=hashes, reasons=each, crc=int(said["crc"]))


def _landed(entry: CacheEntry, done: dict[int, Decoded]) -> None:
    part = entry.file(".npy.part")
    with open(part, "r+b") as file:
        os.fsync(file.fileno())
    os.replace(part, entry.file(".npy"))
    blocks = [done[number] for number, _ in entry.blocks()]
    reasons = [reason for block in blocks for reason in block.reasons]
    said = {
        "hashes": np.concatenate([block.hashes for block in blocks]),
        "reasons": np.array(reasons, dtype=np.str_),
        "crcs": np.array([block.crc for block in blocks], dtype=np.uint32),
    }
    _conclude(entry, said)
    entry.file(".journal").unlink(missing_ok=True)


# room


def _entries(folder: Path) -> list[tuple[float, int, Path]]:
    """When it was used last, its bytes, and its file, of everything that is kept or half made."""
    found: list[tuple[float, int, Path]] = []
    for place in [*folder.glob("pictures-*.npy"), *folder.glob("pictures-*.npy.part")]:
        with contextlib.suppress(OSError):
            beside = place.with_suffix(".npz")
            used = (beside if beside.exists() and place.suffix == ".npy" else place).stat().st_mtime
            found.append((used, place.stat().st_size, place))
    return sorted(found)


def _used(folder: Path) -> int:
    return sum(size for _, size, _ in _entries(folder))


def _make_room(entry: CacheEntry) -> None:
    """Remove what was unused for longest until the entry fits; a map that a process has open stays readable."""
    held = [found for found in _entries(entry.folder) if not found[2].name.startswith(f"pictures-{entry.key}.")]
    used = sum(size for _, size, _ in held)
    bound = cache_bytes(entry.folder, used=used)
    for _, size, place in held:
        if used + entry.nbytes <= bound:
            return
        stem = place.name.split(".")[0]
        for suffix in (".npz", ".npy", ".npy.part", ".journal", ".lock"):
            (entry.folder / f"{stem}{suffix}").unlink(missing_ok=True)
        used -= size
