"""Faces cut out of photographs, a record a face: what `facsim crops` writes.

`face_crops.jsonl` holds a JSON object a line for each face, in the photographs' order: `crop` its PNG's path, `face`
which of the photograph's `faces` it is (from 1), `face_box` and `face_score` where the detector found it (left, top,
right, bottom px of the photograph, turned upright), `crop_box` what was cut, which may reach beyond the photograph,
`picture` the photograph, where it came from and on what terms. `face_crops.json` is the account: how many, what was
left out, and the list's SHA-256. A list that is not as it was written is refused; to leave faces out, delete their
crops, which then count as missing. No face has an expression: what was given of a photograph is `picture_expression`.

`split_group` is one for all faces of one file, so that they stay together in a split (`facsim.formats.record`).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from facsim.errors import FormatError
from facsim.formats.files import Files, check_found, check_once, files_at
from facsim.formats.placement import placed_folder
from facsim.formats.places import PlacedRecord, read_placed
from facsim.formats.record import Record

__all__ = ["FaceCrop", "index_face_crops", "read_face_crops", "write_face_crops"]

_LIST, _ACCOUNT = "face_crops.jsonl", "face_crops.json"
_FORMAT, _VERSION = "facsim face crops", 1
_TEXTS = ("crop", "picture", "split_group")
_COUNTS = ("face", "faces")
_BOXES = ("face_box", "crop_box")


@dataclass(frozen=True, kw_only=True)
class FaceCrop:
    """One face: `image` its PNG; `name` a plain name unique to the photograph; `said` what the list says beside, in
    values that JSON holds: `face`, `faces`, `face_box`, `face_score`, `crop_box`, `picture`, `split_group`, `split`,
    and whatever else is known."""

    name: str
    image: bytes
    said: Mapping[str, Any]

    @property
    def place(self) -> str:
        """Where the PNG goes: `crops/ab/abcd….face1.png`."""
        return f"crops/{self.name[:2]}/{self.name}.face{self.said['face']}.png"


def write_face_crops(
    crops: Iterable[FaceCrop], path: str | os.PathLike[str], *, account: Callable[[], Mapping[str, Any]]
) -> None:
    """Write the layout as the folder `path`, whole or not at all; `account` is asked once all crops have come.

    Raises FormatError where there is something at `path`, or no face.
    """
    digest, count = hashlib.sha256(), 0
    with placed_folder(path) as folder:
        with open(folder / _LIST, "wb") as listed:
            for crop in crops:
                place = folder / crop.place
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(crop.image)
                line = (json.dumps({"crop": crop.place, **crop.said}, ensure_ascii=False) + "\n").encode()
                listed.write(line)
                digest.update(line)
                count += 1
        facts = account()
        if not count:
            raise FormatError(f"found no face to cut out: {json.dumps(facts)}; nothing was written")
        head = {"format": _FORMAT, "version": _VERSION, "faces": count, "list_sha256": digest.hexdigest()}
        text = json.dumps({**head, **facts}, indent=1, ensure_ascii=False) + "\n"
        (folder / _ACCOUNT).write_text(text, encoding="utf-8")


def read_face_crops(path: str | os.PathLike[str]) -> Iterator[Record]:
    """A record for each face. Raises FormatError, naming the line, for what is not as the layout says."""
    return read_placed(index_face_crops(path))


def index_face_crops(path: str | os.PathLike[str]) -> Iterator[PlacedRecord]:
    """What `read_face_crops` gives, with where each crop lies; one that is listed and not there is `missing`."""
    files = files_at(path)
    listed = files.one(_LIST)
    root = listed.removesuffix(_LIST)
    _check_account(files, listed, root + _ACCOUNT)
    check_found(files, (root + line["crop"] for line in _lines(files, listed)), listed)
    seen: set[str] = set()
    for number, line in enumerate(_lines(files, listed), 1):
        check_once(line["crop"], seen, f"{listed} in {files.where}, line {number}")
        said = {key: value for key, value in line.items() if key not in ("crop", "split") and value is not None}
        yield PlacedRecord(
            name=root + line["crop"], place=files.place(root + line["crop"]), split=line.get("split"), metadata=said
        )


def _check_account(files: Files, listed: str, account: str) -> None:
    """Raise FormatError where the list is not the one that was written."""
    if account not in files.places:
        raise FormatError(f"{files.where} has {listed} and no {account}; copy the whole folder that facsim crops wrote")
    found = _parsed(files.data(account), f"{account} in {files.where}")
    if (found.get("format"), found.get("version")) != (_FORMAT, _VERSION):
        raise FormatError(
            f"{account} in {files.where} says format {found.get('format')!r}, version {found.get('version')!r}; "
            f"expected {_FORMAT!r}, {_VERSION}: make it again with this facsim's `facsim crops`"
        )
    digest = hashlib.sha256()
    for line in files.lines(listed):
        digest.update(line.encode() + b"\n")
    if digest.hexdigest() != found.get("list_sha256"):
        raise FormatError(
            f"{listed} in {files.where} has changed since it was written: SHA-256 {digest.hexdigest()}, expected "
            f"{str(found.get('list_sha256'))[:64]}; make it again with `facsim crops`, and leave faces out by deleting "
            "their crops"
        )


def _lines(files: Files, listed: str) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(files.lines(listed), 1):
        where = f"{listed} in {files.where}, line {number}"
        line = _parsed(text.encode(), where)
        if fault := _fault(line):
            raise FormatError(f"{where}: {fault}; make it again with `facsim crops`")
        yield line


def _parsed(data: bytes, where: str) -> dict[str, Any]:
    """A JSON object, its numbers finite and its text Unicode."""
    try:
        found: object = json.loads(data, parse_constant=_refused, parse_float=_finite)
        json.dumps(found, ensure_ascii=False).encode()  # fails on half a surrogate pair, which JSON can spell
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: no JSON ({error}); make it again with `facsim crops`") from error
    if not isinstance(found, dict):
        raise FormatError(f"{where}: {str(found)[:80]!r}; expected a JSON object, as `facsim crops` writes")
    return cast(dict[str, Any], found)


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:40]} is too large")
    return value


def _fault(line: Mapping[str, Any]) -> str:
    """What is wrong with a line, in words; "" where nothing is."""
    for key in _TEXTS:
        if not isinstance(line.get(key), str):
            return f'"{key}" is {str(line.get(key))[:80]!r}, expected text'
    for key in _BOXES:
        box: Any = line.get(key)
        if not isinstance(box, list) or [type(side) in (int, float) for side in cast(list[Any], box)] != [True] * 4:
            return f'"{key}" is {str(line.get(key))[:80]!r}, expected left, top, right, bottom'
    if any(type(line.get(key)) is not int for key in _COUNTS) or not 1 <= line["face"] <= line["faces"]:
        return f"face {str(line.get('face'))[:20]} of {str(line.get('faces'))[:20]}, expected 1 of 1 or more"
    if not isinstance(line.get("split"), str | None):
        return f'"split" is {str(line["split"])[:80]!r}, expected text or null'
    return ""
