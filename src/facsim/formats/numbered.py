"""Folders in which a picture's number says what it is: CelebA-HQ and FFHQ.

CelebA-HQ [G]: folders of `N.jpg`, N from 0 to 29,999. FFHQ [S]: `images1024x1024/00000/00000.png` and, of the same
faces, `thumbnails128x128/00000/00000.png`, a thousand to a folder; 0–59,999 are for training, 60,000–69,999 for
validation. Where both are there the large ones are read; the path of the thumbnails' folder gives those. What
`ffhq-dataset-v2.json` says of a picture's category and licence goes into metadata.

Official sizes: 30,000 and 70,000. Neither has labels. CelebA forbids redistribution; FFHQ is CC BY-NC-SA, and each of
its photographs has a licence of its own.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from facsim.errors import FormatError
from facsim.formats.class_layout import is_ignored
from facsim.formats.files import Files, files_at, some
from facsim.formats.places import PlacedRecord, read_placed
from facsim.formats.record import Record
from facsim.formats.tree import walk_places

__all__ = ["index_celeba_hq", "index_ffhq", "read_celeba_hq", "read_ffhq"]

_CELEBA = re.compile(r"(?:.*/)?0*(?P<number>[0-9]{1,5})\.(?:jpg|jpeg|png)")
_CELEBA_COUNT = 30_000
_FFHQ = re.compile(r"(?:.*/)?(?P<folder>[0-9]{5})/(?P<number>[0-9]{5})\.png")
_FFHQ_COUNT, _FFHQ_TRAINING = 70_000, 60_000
_FFHQ_SIZES = ("images1024x1024", "thumbnails128x128")
_JSON = "ffhq-dataset-v2.json"
_LARGEST_ENTRY = 1 << 20
_SPACE = re.compile(r"\s*([,:])\s*")
_DECODER = json.JSONDecoder()


def read_celeba_hq(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each `N.jpg`. Raises FormatError naming the first file that is not one."""
    return read_placed(index_celeba_hq(path))


def index_celeba_hq(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_celeba_hq` gives, with where each picture lies."""
    seen: dict[int, str] = {}
    for name, place in walk_places(path):
        if is_ignored(name):
            continue
        found = _CELEBA.fullmatch(name)
        if found is None or int(found["number"]) >= _CELEBA_COUNT:
            raise FormatError(f'"{name}" in {path} is not CelebA-HQ\'s; expected N.jpg with N from 0 to 29999')
        number = int(found["number"])
        if number in seen:
            raise FormatError(f'"{name}" and "{seen[number]}" in {path} have one number; give the path of one folder')
        seen[number] = name
        yield PlacedRecord(name=name, place=place)
    if not seen:
        raise FormatError(f"{path} holds no pictures; expected N.jpg with N from 0 to 29999")


def read_ffhq(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each picture, by number. Raises FormatError naming the first file that is not FFHQ's."""
    return read_placed(index_ffhq(path))


def index_ffhq(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_ffhq` gives, with where each picture lies."""
    files = files_at(path)
    pictures = _ffhq_pictures(files)
    listed = files.ending(_JSON)
    entries = _entries(files, listed[0]) if listed else {}
    for number, name in sorted(pictures.items()):
        split = "training" if number < _FFHQ_TRAINING else "validation"
        yield PlacedRecord(name=name, place=files.place(name), split=split, metadata=entries.get(number, {}))


def _ffhq_pictures(files: Files) -> dict[int, str]:
    kept = [name for name in files.places if not is_ignored(name)]
    large = next((size for size in _FFHQ_SIZES if any(size in name.split("/") for name in kept)), None)
    pictures: dict[int, str] = {}
    for name in kept:
        if large is not None and large not in name.split("/"):
            continue
        number = _ffhq_number(files, name)
        if number in pictures:
            raise FormatError(f'"{name}" and "{pictures[number]}" in {files.where} have one number; give one\'s folder')
        pictures[number] = name
    if not pictures:
        raise FormatError(f"{files.where} holds {some(files.places)}; expected images1024x1024/00000/00000.png")
    return pictures


def _ffhq_number(files: Files, name: str) -> int:
    found = _FFHQ.fullmatch(name)
    number = int(found["number"]) if found else -1
    if found is None or number >= _FFHQ_COUNT or number // 1000 * 1000 != int(found["folder"]):
        raise FormatError(
            f'"{name}" in {files.where} is not FFHQ\'s; expected such as images1024x1024/12000/12345.png, up to 69999'
        )
    return number


def _entries(files: Files, listed: str) -> dict[int, Mapping[str, Any]]:
    """Number → category and licence. The file has 250 MB: it is read an entry at a time."""
    found: dict[int, Mapping[str, Any]] = {}
    for key, entry in _pairs(files, listed):
        if not (key.isascii() and key.isdigit() and int(key) < _FFHQ_COUNT) or not isinstance(entry, dict):
            raise FormatError(f'{listed} in {files.where} has the key "{key[:40]}"; expected a number up to 69999')
        given = cast(dict[str, Any], entry)
        about: Any = given.get("metadata")
        licence = cast(dict[str, Any], about).get("license") if isinstance(about, dict) else None
        values = {"category": given.get("category"), "licence": licence}
        found[int(key)] = {name: str(value) for name, value in values.items() if value is not None}
    return found


def _pairs(files: Files, listed: str) -> Iterator[tuple[str, Any]]:
    """The pairs of one JSON object, each decoded when all of it has been read."""
    where, text, begun = f"{listed} in {files.where}", "", False
    for block in files.text_blocks(listed):
        text += block
        if not begun and text.strip():
            if not text.lstrip().startswith("{"):
                raise FormatError(f"{where} starts with {text[:20]!r}; expected a JSON object")
            text, begun = "," + text.lstrip()[1:], True
        at = 0
        while (found := _pair(text, at)) is not None:
            key, value, at = found
            yield key, value
        text = text[at:]
        if len(text) > _LARGEST_ENTRY + len(block):
            raise FormatError(f"{where} is no JSON that can be read near {text[:40]!r}")
    if text.strip() not in ("}", ",}"):
        raise FormatError(f"{where} ends early, or is damaged, near {text[:40]!r}")


def _pair(text: str, at: int) -> tuple[str, Any, int] | None:
    """The `, "key": value` that begins at `at`, and where it ends; None where it is not whole, or none."""
    try:
        comma = _SPACE.match(text, at)
        if comma is None or comma[1] != ",":
            return None
        key, end = _DECODER.raw_decode(text, comma.end())
        colon = _SPACE.match(text, end)
        if colon is None or colon[1] != ":" or not isinstance(key, str):
            return None
        value, end = _DECODER.raw_decode(text, colon.end())
    except (ValueError, RecursionError):
        return None
    return key, value, end
