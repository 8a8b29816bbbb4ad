"""What a dataset on disk holds, against what it should: counts by split and class, missing and extra pictures, sizes.

Nothing is decoded: `missing` are pictures that a list names and that are not there, `extra` pictures in the folders of
the others that nothing names.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from facsim.formats import FORMATS, Format, detect_format, format_named
from facsim.formats.class_layout import PICTURE_SUFFIXES
from facsim.formats.official_sizes import SIZES, size_fault
from facsim.formats.places import PlacedRecord
from facsim.formats.terms import Terms, terms_for
from facsim.formats.tree import tree_kind, walk_places

__all__ = ["Verification", "verify_dataset"]

_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was found at `path`.

    `counts` maps split ("" for none) → expression ("" for none) → pictures; `missing` and `extra` are how many, with
    the first names in `missing_names` and `extra_names`; `compared` the official sizes looked at, `differences` how
    counts differ from them, in words.
    """

    path: str
    format: str
    split: str
    counts: Mapping[str, Mapping[str, int]]
    missing: int
    missing_names: tuple[str, ...]
    extra: int
    extra_names: tuple[str, ...]
    compared: int
    differences: tuple[str, ...]
    terms: Terms

    @property
    def fits(self) -> bool:
        """Whether nothing is missing, extra or of another size."""
        return not (self.missing or self.extra or self.differences)

    @property
    def pictures(self) -> int:
        """Pictures listed, missing ones with them."""
        return sum(count for classes in self.counts.values() for count in classes.values())


def verify_dataset(path: str | os.PathLike[str], *, format: str = "", split: str = "") -> Verification:
    """What is at `path`, of `split` alone where one is named, against the official sizes. Raises FormatError."""
    found = format_named(format or detect_format(path))
    seen = _Seen(split=split)
    for record in found.index(path):
        seen.note(record)
    extra = _extra(path, found, seen) if not split else []
    sizes = [size for size in SIZES.get(found.name, ()) if not split or split.lower() in size.splits]
    faults = [size_fault(size, seen.counts) for size in sizes]
    return Verification(
        path=os.fspath(path),
        format=found.name,
        split=split,
        counts={name: dict(sorted(classes.items())) for name, classes in sorted(seen.counts.items())},
        missing=len(seen.missing),
        missing_names=tuple(seen.missing[:_SHOWN]),
        extra=len(extra),
        extra_names=tuple(extra[:_SHOWN]),
        compared=len(sizes),
        differences=tuple(fault for fault in faults if fault),
        terms=terms_for(found.name),
    )


class _Seen:
    """What the records of an index come to."""

    def __init__(self, *, split: str) -> None:
        self._split = split
        self.counts: dict[str, dict[str, int]] = {}
        self.missing: list[str] = []
        self.places: set[tuple[str, int]] = set()

    def note(self, record: PlacedRecord) -> None:
        """Take in one more record."""
        if self._split and record.split != self._split:
            return
        classes = self.counts.setdefault(record.split or "", {})
        classes[record.expression or ""] = classes.get(record.expression or "", 0) + 1
        if record.place.kind == "missing":
            self.missing.append(record.name)
        else:
            self.places.add((record.place.container.path, record.place.start))


def _extra(path: str | os.PathLike[str], found: Format, seen: _Seen) -> list[str]:
    """Pictures beside those of the records that none of them holds."""
    if not FORMATS[found.name].takes_all or tree_kind(path) is None:
        return []
    beside: list[str] = []
    folders: set[str] = set()
    for name, place in walk_places(path):
        if PurePosixPath(name).suffix.lower() not in PICTURE_SUFFIXES or name.rpartition("/")[2].startswith("._"):
            continue
        if (place.container.path, place.start) in seen.places:
            folders.add(name.rpartition("/")[0])
        else:
            beside.append(name)
    return sorted(_within(beside, folders))


def _within(names: Iterable[str], folders: set[str]) -> Iterable[str]:
    return (name for name in names if name.rpartition("/")[0] in folders)
