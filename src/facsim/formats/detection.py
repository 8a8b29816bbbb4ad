"""Which format a folder, an archive or a file is in, by its content; never by guessing between two.

A layout that has a mark of its own (a list's name, a suffix, a folder's name) is known by it. Marks of several are
refused, naming the candidates, and so are pictures that several layouts would hold. What has no mark is a class folder,
whose reader says what is wrong with it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from facsim.errors import FacsimError, FormatError
from facsim.expressions import expression_named
from facsim.formats.class_layout import PICTURE_SUFFIXES, is_ignored
from facsim.formats.files import some
from facsim.formats.places import Place, PlaceReader
from facsim.formats.tree import opened, tree_kind, walk_places

__all__ = ["detected_format"]

_MARKS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (form, re.compile(rf"(?:.*/)?{pattern}", re.DOTALL))
    for form, pattern in (
        ("raf_db", r"list_patition_label\.txt"),
        ("expw", r"label\.lst"),
        ("face_crops", r"face_crops\.jsonl"),
        ("ck_plus", r"(?i:cohn-kanade-images)/.*"),
        ("ck_plus", r"(?i:Emotion/S[0-9]{3}/[0-9]{3}/[^/]*_emotion\.txt)"),
        ("affectnet_npy", r"annotations/[0-9]+_exp\.npy"),
        ("ferplus", r"fer2013new\.csv"),
        ("ffhq", r"ffhq-dataset-v2\.json"),
        ("ffhq", r"(?:images1024x1024|thumbnails128x128)/[0-9]{5}/[0-9]{5}\.png"),
        ("dcface", r"[^/]*\.rec"),
        ("digiface", r"subjects_[0-9]+-[0-9]+_[0-9]+_imgs(?:\.zip|/.*)"),
        ("webdataset", r"[^/]*\.cls"),
        ("webdataset", r"[^/]*\.(?:tar|tgz|tar\.gz)"),
        ("parquet", r"(?!metadata\.parquet$)[^/]*\.parquet"),
    )
)
_SUBJECT = re.compile(r"(?:.*/)?[0-9]{1,6}/[0-9]{1,3}\.png")
_FFHQ = re.compile(r"(?:.*/)?[0-9]{5}/[0-9]{5}\.png")
_NUMBER = re.compile(r"[0-9]{1,5}\.(?:jpg|jpeg|png)")
_EMONET = frozenset({"image", "prompt", "demographics", "annotations"})
_ZIPS = re.compile(r".*\.(?:zip|7z|rar)", re.IGNORECASE)
_TAR = re.compile(r".*\.(?:tar|tgz|tar\.gz)")
_NOTES = 2000  # so many names are looked at for pairs of key.jpg and key.json
_HEAD = 4096


@dataclass(kw_only=True)
class _Traits:
    """What a listing shows, gathered name by name: its size does not matter."""

    marks: dict[str, str] = field(default_factory=dict[str, str])
    folders: set[str] = field(default_factory=set[str])
    tables: list[tuple[str, Place]] = field(default_factory=list[tuple[str, Place]])
    packed: list[str] = field(default_factory=list[str])
    stems: set[str] = field(default_factory=set[str])
    notes: set[str] = field(default_factory=set[str])
    shapes: dict[str, bool] = field(default_factory=lambda: {"digiface": True, "ffhq": True, "celeba_hq": True})
    pictures: int = 0

    def note(self, name: str, place: Place) -> None:
        """Take in one more file."""
        for form, pattern in _MARKS:
            if form not in self.marks and pattern.fullmatch(name):
                self.marks[form] = name
        if name.endswith(".csv") and "metadata" not in name:
            self.tables.append((name, place))
        if name.endswith(".json") and len(self.notes) < _NOTES:
            self.notes.add(name.removesuffix(".json"))
        if _ZIPS.fullmatch(name):
            self.packed.append(name)
        elif not is_ignored(name):
            self._note_picture(name)

    def _note_picture(self, name: str) -> None:
        folder, _, leaf = name.rpartition("/")
        self.folders.add(folder)
        stem, dot, suffix = name.rpartition(".")
        if not dot or f".{suffix.lower()}" not in PICTURE_SUFFIXES:
            return
        self.pictures += 1
        if len(self.stems) < _NOTES:
            self.stems.add(stem)
        for form, pattern, text in (
            ("digiface", _SUBJECT, name),
            ("ffhq", _FFHQ, name),
            ("celeba_hq", _NUMBER, leaf),
        ):
            self.shapes[form] = self.shapes[form] and pattern.fullmatch(text) is not None


def detected_format(path: str | os.PathLike[str], summaries: Mapping[str, str]) -> str:
    """The name of the format of the dataset at `path`. Raises FormatError: nothing known, or several candidates."""
    kind = tree_kind(path)
    if kind is None:
        return _file_format(path, summaries)
    traits = _Traits()
    for name, place in walk_places(path):
        traits.note(name, place)
    _note_whole(traits, path, kind)
    marks = _marks(traits, path)
    if len(marks) > 1:
        raise FormatError(_ambiguous(path, [f'{form} ("{name}")' for form, name in sorted(marks.items())]))
    return next(iter(marks), "") or _unmarked(traits, path)


def _note_whole(traits: _Traits, path: str | os.PathLike[str], kind: str) -> None:
    """The archive's own name is a mark too."""
    name = os.fspath(path).rstrip("/").rpartition("/")[2]
    if kind == "zip" and re.fullmatch(r"subjects_[0-9]+-[0-9]+_[0-9]+_imgs\.zip", name):
        traits.marks["digiface"] = name


def _marks(traits: _Traits, path: str | os.PathLike[str]) -> dict[str, str]:
    marks = dict(traits.marks)
    if traits.tables and (found := _affectnet_list(traits.tables)):
        marks["affectnet_csv"] = found
    if pairs := sorted(traits.stems & traits.notes):
        marks.setdefault("webdataset", f"{pairs[0]}.json beside its picture")
        if _spelt(traits.folders):
            marks["class_folder"] = f"{pairs[0]}.json in a folder of a class"
    if traits.pictures and _TAR.fullmatch(marks.get("webdataset", "")):
        other = "class_folder" if _spelt(traits.folders) else "pictures"
        marks.setdefault(other, f"{traits.pictures} pictures beside the tar")
    if "parquet" in marks and _is_emonet(path, marks["parquet"]):
        marks["emonet_face"] = marks.pop("parquet")
    return marks


def _affectnet_list(tables: Iterable[tuple[str, Place]]) -> str | None:
    with PlaceReader() as reader:
        for name, place in tables:
            head = _head(reader, place)
            if b"subDirectory_filePath" in head.split(b"\n")[0]:
                return name
    return None


def _head(reader: PlaceReader, place: Place) -> bytes:
    """The first bytes of a file, where they lie as they are; else all of a small one."""
    if place.kind in ("bytes", "gzip"):
        return reader.read(
            Place(container=place.container, kind=place.kind, start=place.start, length=min(_HEAD, place.length))
        )
    return reader.read(place)


def _is_emonet(path: str | os.PathLike[str], name: str) -> bool:
    from facsim.formats.parquet import column_names  # only Parquet needs pyarrow

    place = f"{os.fspath(path).rstrip('/')}/{name}"
    if tree_kind(path) != "directory":
        raise FormatError(f'"{name}" is packed in {path}; unpack it: tables are read where they lie')
    return all(set(names) >= _EMONET for _, names in column_names(place))


def _unmarked(traits: _Traits, path: str | os.PathLike[str]) -> str:
    if traits.packed and not traits.pictures:
        raise FormatError(
            f"{path} holds archives ({some(sorted(traits.packed))}); give the path of one, or unpack them"
        )
    if not traits.pictures or _spelt(traits.folders):
        return "class_folder"
    shapes = [form for form, fits in traits.shapes.items() if fits]
    if traits.folders <= {""} and not shapes:
        return "pictures"
    if shapes:
        raise FormatError(_ambiguous(path, [*shapes, *(["dcface"] if "digiface" in shapes else []), "pictures"]))
    return "class_folder"


def _spelt(folders: Iterable[str]) -> bool:
    """Whether one of the folders is named for an expression."""
    return any(_is_expression(part) for folder in folders for part in (folder.rpartition("/")[2],))


def _is_expression(name: str) -> bool:
    try:
        return bool(expression_named(name))
    except FacsimError:
        return False


def _ambiguous(path: str | os.PathLike[str], candidates: Iterable[str]) -> str:
    return f"{path} could be {' or '.join(candidates)}; say which with --format, or format = in [[input]]"


def _file_format(path: str | os.PathLike[str], summaries: Mapping[str, str]) -> str:
    with opened(path) as file:
        head = file.read(512)
    if head.startswith(b"PAR1"):
        return "emonet_face" if _columns_of(path) >= _EMONET else "parquet"
    header = head.decode("utf-8", "replace").lstrip("\ufeff").splitlines()[:1]
    columns = {cell.strip() for cell in header[0].split(",")} if header else set[str]()
    if {"emotion", "pixels", "Usage"} <= columns:
        return "fer2013"
    if {"neutral", "contempt", "NF"} <= columns:
        raise FormatError(
            f"{path} holds FER+ votes and no pictures; read FER2013's pictures and relabel them "
            "(facsim.formats.ferplus.relabelled), or give the folder that also holds fer2013.csv"
        )
    if head.startswith(b"\x0a\x23\xd7\xce"):
        raise FormatError(f"{path} is one RecordIO file; give the path of the folder that holds it, with its .idx")
    known = "; ".join(f"{name} ({summary})" for name, summary in summaries.items())
    raise FormatError(f"{path} starts with {head[:16]!r}, which is no known format. Known: {known}")


def _columns_of(path: str | os.PathLike[str]) -> frozenset[str]:
    from facsim.formats.parquet import column_names  # only Parquet needs pyarrow

    try:
        return frozenset(name for _, names in column_names(path) for name in names)
    except FormatError:
        return frozenset()  # its reader says what is wrong
