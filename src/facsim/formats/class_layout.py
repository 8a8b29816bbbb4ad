"""Which class and which split a path in a class folder names: `[leading/][split/]class/picture`.

The class is the folder that a picture lies in, spelt in any way that `facsim.expressions` knows; all unknown ones are
refused at once. The split is the folder above it, where that is a known word for a split (train, val, test,
PublicTest, …) or where several such folders stand side by side; a single other folder above the classes is a leading
folder, which archives often have, and means nothing.

Files that are no pictures are ignored where they are in `IGNORED_FILES`; every other file counts as a picture, and
becomes a problem when it cannot be decoded.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from facsim.errors import FacsimError, FormatError
from facsim.expressions import expression_named

__all__ = ["IGNORED_FILES", "PICTURE_SUFFIXES", "SPLIT_WORDS", "ClassLayout", "Placement", "class_layout", "is_ignored"]

PICTURE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

IGNORED_FILES = (
    "*.csv",
    "*.json",
    "*.jsonl",
    "*.md",
    "*.txt",
    ".ds_store",
    ".gitattributes",
    ".gitignore",
    ".gitkeep",
    "desktop.ini",
    "licence*",
    "license*",
    "metadata.parquet",
    "readme*",
    "thumbs.db",
)
"""Names (any case, shell patterns) of files that are not pictures and not missed; never one with a picture's suffix.

macOS's `__MACOSX/` and `._name` are ignored too: they hold resource forks under the names of pictures.
"""

_SPLIT_WORDS = (
    "train training trainset val valid validation validationset dev test testing testset eval evaluation",
    "publictest privatetest public_test private_test holdout",
)
SPLIT_WORDS = frozenset(word for line in _SPLIT_WORDS for word in line.split())
"""Folder names (any case) that name a split even when they stand alone."""

_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Placement:
    """What a picture's path says: the canonical expression, the split as written or None, the class as written."""

    expression: str
    split: str | None
    spelling: str


@dataclass(frozen=True, kw_only=True)
class ClassLayout:
    """What a class folder holds: each picture's placement by name, and the names that were ignored."""

    placements: Mapping[str, Placement]
    ignored: tuple[str, ...]

    def spellings(self) -> dict[str, dict[str, int]]:
        """Expression → {class folder as written → number of pictures}: two entries show a mixed spelling."""
        counts = Counter((found.expression, found.spelling) for found in self.placements.values())
        found: dict[str, dict[str, int]] = {}
        for (expression, spelling), count in sorted(counts.items()):
            found.setdefault(expression, {})[spelling] = count
        return found


def class_layout(names: Iterable[str], *, where: str) -> ClassLayout:
    """The layout that the names of all files in `where` make.

    Raises FormatError where there is no picture, where pictures lie in no folder, for class folders that name no
    expression (all of them, each with the nearest), and for folders between the split and the class.
    """
    kept, ignored = list[str](), list[str]()
    for name in names:
        (ignored if is_ignored(name) else kept).append(name)
    _check_pictures(kept, where)
    # Few folders hold many pictures: what a folder says is found once.
    folders = {folder: PurePosixPath(folder) for folder in {name.rpartition("/")[0] for name in kept}}
    expressions = _expressions({path.name for path in folders.values()}, where)
    splits = _splits({path.parent.parts for path in folders.values()}, where)
    placed = {
        folder: Placement(expression=expressions[path.name], split=splits[path.parent.parts], spelling=path.name)
        for folder, path in folders.items()
    }
    placements = {name: placed[name.rpartition("/")[0]] for name in kept}
    return ClassLayout(placements=placements, ignored=tuple(ignored))


def is_ignored(name: str) -> bool:
    """Whether the file of this name is no picture and known not to matter (`IGNORED_FILES`)."""
    leaf = name.rpartition("/")[2]
    if leaf.startswith("._") or ("__MACOSX" in name and "__MACOSX" in name.split("/")):
        return True
    dot = leaf.rfind(".")
    if dot > 0 and leaf[dot:].lower() in PICTURE_SUFFIXES:
        return False
    return any(fnmatch.fnmatchcase(leaf.lower(), pattern) for pattern in IGNORED_FILES)


def _check_pictures(kept: list[str], where: str) -> None:
    if not kept:
        raise FormatError(f"{where} holds no pictures; expected [split/]class/picture.png with expressions as classes")
    loose = [name for name in kept if "/" not in name]
    if loose:
        raise FormatError(
            f"{_some(loose)} in {where} lie(s) in no class folder; "
            "expected [split/]class/picture.png: move them into folders named for their expressions"
        )


def _expressions(spellings: set[str], where: str) -> dict[str, str]:
    known: dict[str, str] = {}
    faults: list[str] = []
    for spelling in sorted(spellings):
        try:
            known[spelling] = expression_named(spelling)
        except FacsimError as error:
            faults.append(str(error))
    if faults:
        more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        raise FormatError(
            f"{len(faults)} class folder(s) in {where} name no expression; rename, move or remove them:\n  "
            + "\n  ".join(faults[:_SHOWN] + more)
        )
    return known


def _splits(prefixes: set[tuple[str, ...]], where: str) -> dict[tuple[str, ...], str | None]:
    """What each folder above the class folders says of the split, once what they share is set aside."""
    shared = _shared_length(prefixes)
    rests = {prefix: prefix[shared:] for prefix in prefixes}
    deep = sorted("/".join(prefix) for prefix, rest in rests.items() if len(rest) > 1)
    if deep:
        raise FormatError(
            f"{_some(deep)} in {where} lie(s) too deep; expected [split/]class/picture.png and no folders between"
        )
    return {prefix: rest[0] if rest else None for prefix, rest in rests.items()}


def _shared_length(prefixes: set[tuple[str, ...]]) -> int:
    """How many leading folders all prefixes share, up to the first that is a word for a split."""
    first, *others = sorted(prefixes)
    for place, part in enumerate(first):
        if part.lower() in SPLIT_WORDS or any(other[place : place + 1] != (part,) for other in others):
            return place
    return len(first)


def _some(names: list[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
