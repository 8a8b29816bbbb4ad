"""Labelled pictures: what training and evaluation read, whatever they were loaded from.

`pictures_from` takes any iterable of `facsim.formats` records; `facsim.learn.sources` finds the records of a path. A
picture is decoded by `facsim.pictures`, cut to its central square, made grey where that is asked for, and resized. One
that cannot be decoded, or that has no label, is left out and counted under its reason: nothing is left out silently.
Where the pictures then lie, in memory or on disk, is for `facsim.learn.reading` to say.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError, FormatError, hint_nearest
from facsim.expressions import EIGHT_EXPRESSIONS, SEVEN_EXPRESSIONS
from facsim.formats.places import Place, PlacedRecord
from facsim.formats.record import kept_together
from facsim.formats.terms import Terms
from facsim.learn.attributes import attributes_of
from facsim.learn.decoding import Source, half_hash
from facsim.learn.images import rows_of
from facsim.learn.reading import MANY, OnDecoded, read_pictures

__all__ = [
    "LabelledRecord",
    "PictureShape",
    "Pictures",
    "chooser_split",
    "is_chooser",
    "of_classes",
    "pictures_from",
    "pixel_hash",
    "take",
]

_DIGEST_ROWS = 256


class LabelledRecord(Protocol):
    """What is read of a record: `facsim.formats.record.Record` has it."""

    @property
    def name(self) -> str:
        """Relative path, unique in its dataset."""
        ...

    @property
    def image(self) -> bytes:
        """The encoded picture."""
        ...

    @property
    def expression(self) -> str | None:
        """The canonical class name, or None."""
        ...

    @property
    def metadata(self) -> Mapping[str, object]:
        """Whatever else is known; `identity_id`, `split_group` and `expression_soft` are read, the latter a mapping of
        class names to shares, or seven or eight shares in the order of `facsim.expressions`."""
        ...


@dataclass(frozen=True, kw_only=True)
class PictureShape:
    """How pictures are held: side in pixels, and `grey` (one channel, BT.601 luma) or `rgb`."""

    size_px: int = 48
    colour: str = "grey"

    def __post_init__(self) -> None:
        if not 16 <= self.size_px <= 1024:
            raise FacsimError(f"found size_px = {self.size_px}, expected 16 to 1024")
        if self.colour not in ("grey", "rgb"):
            raise FacsimError(f'found colour "{self.colour}", expected "grey" or "rgb"')


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Labelled pictures, row i of every field being picture i.

    `images` uint8 (N, S, S) grey or (N, S, S, 3) RGB, [0, 255]: an array, a read-only map of a file, or what
    `facsim.learn.images` has in place of either, which is indexed as they are; `targets` float32 (N, C), each row a
    distribution over `classes`; `ids` their names; `hashes` uint64 (N,), `pixel_hash` of each picture as decoded,
    before any resizing; `identities` who is shown, else the photograph that a face was cut out of
    (`facsim.formats.record.kept_together`), or None where unknown; `left_out` how many records were left out, by
    reason; `origin` says in words where they come from; `crop_margin` is the border beyond the face box as a share of
    its side, where known; `attributes` is what else is known of each picture, name -> one value a picture: text, a
    number or None (`apparent_gender`, `apparent_age_years`, `skin_tone_monk`, …; of `apparent_ancestry`, the greatest);
    `terms` are those of all that pictures and labels stand on besides facsim's own renders and models, None where
    nobody has said.
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.float32]
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    hashes: NDArray[np.uint64]
    identities: tuple[str | None, ...] | None = None
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])
    origin: str = "not recorded"
    crop_margin: float | None = None
    attributes: Mapping[str, tuple[str | float | None, ...]] = field(
        default_factory=dict[str, tuple[str | float | None, ...]]
    )
    terms: tuple[Terms, ...] | None = None

    def __post_init__(self) -> None:
        rows = len(self.ids)
        if (
            self.images.dtype != np.uint8
            or self.images.ndim not in (3, 4)
            or self.images.shape[1] != self.images.shape[2]
        ):
            raise FacsimError(f"found images {self.images.dtype} {self.images.shape}, expected uint8 (N, S, S[, 3])")
        if self.targets.shape != (rows, len(self.classes)) or len(self.images) != rows or self.hashes.shape != (rows,):
            found = f"{len(self.images)} images, targets {self.targets.shape}, {len(self.hashes)} hashes and {rows} ids"
            raise FacsimError(f"found {found} for {len(self.classes)} classes, expected one row each")
        if rows and not (np.allclose(self.targets.sum(axis=1), 1, atol=1e-4) and self.targets.min() >= 0):
            raise FacsimError("found a target that is not a distribution, expected rows of shares that sum to 1")
        for name, values in self.attributes.items():
            if len(values) != rows:
                raise FacsimError(f'found {len(values)} values of attribute "{name}", expected one of each {rows} rows')

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shape(self) -> PictureShape:
        """Their size and colour."""
        return PictureShape(size_px=self.images.shape[1], colour="grey" if self.images.ndim == 3 else "rgb")

    @property
    def frame(self) -> str:
        """The template that they are all cut to (`facsim.labels.crop`); empty where any is as it came."""
        found = set(self.attributes.get("image_frame", (None,)))
        return str(found.pop()) if len(found) == 1 and None not in found else ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The most likely class of each picture; of classes that tie, the first in the order of `classes`."""
        return tuple(self.classes[index] for index in self.targets.argmax(axis=1))

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits over everything that training depends on.

        Attributes and terms are left out: no network sees them, and a set of which more is known later is the same set.
        """
        digest = hashlib.blake2b(repr(self.images.shape).encode(), digest_size=16)
        for start in range(0, len(self), _DIGEST_ROWS):  # a set may be larger than memory
            digest.update(self.images[start : start + _DIGEST_ROWS].tobytes())
        digest.update(self.targets.tobytes())
        digest.update(repr((self.classes, self.ids, self.identities)).encode())
        return digest.hexdigest()


def is_chooser(name: str) -> bool:
    """Whether the picture of this file name belongs to the tenth on which choices are made.

    The rule is `sha256(file name) mod 10 == 0`: the last part of the path, extension included, the digest read as one
    big-endian number. It is fixed for good: FER2013's training split gives 2,887 such pictures of 28,709.
    """
    digest = hashlib.sha256(PurePosixPath(name).name.encode()).digest()
    return int.from_bytes(digest, "big") % 10 == 0


def chooser_split(pictures: Pictures, *, barred: frozenset[int] = frozenset()) -> tuple[Pictures, Pictures]:
    """Two parts: what to train on, and the tenth to choose on.

    A picture falls by its identity where that is known, else by its name (`is_chooser`). Pictures whose hash is
    `barred` (say, those of the test set) are in neither part, and no exact duplicate of a chooser stays in training.
    """
    identities = pictures.identities or (None,) * len(pictures)
    keys = [identity or name for identity, name in zip(identities, pictures.ids, strict=True)]
    chosen = np.fromiter((is_chooser(key) for key in keys), dtype=bool, count=len(keys))
    free = ~np.isin(pictures.hashes, np.fromiter(barred, dtype=np.uint64, count=len(barred)))
    copies = np.isin(pictures.hashes, pictures.hashes[chosen])
    return take(pictures, free & ~copies), take(pictures, free & chosen)


def take(pictures: Pictures, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Pictures:
    """The pictures of `rows`, a mask (N,) or positions, in that order."""
    positions = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.int64)
    identities = pictures.identities
    return replace(
        pictures,
        images=rows_of(pictures.images, positions),
        targets=pictures.targets[positions],
        ids=tuple(pictures.ids[i] for i in positions),
        hashes=pictures.hashes[positions],
        identities=None if identities is None else tuple(identities[i] for i in positions),
        attributes={name: tuple(held[i] for i in positions) for name, held in pictures.attributes.items()},
    )


def of_classes(pictures: Pictures, classes: Sequence[str], *, reason: str) -> Pictures:
    """The pictures whose most likely class is one of `classes`, labelled over these alone, in this order.

    The others are counted as left out, under `reason`; soft targets are normalised again. Raises FacsimError where no
    picture is left.
    """
    rows = np.array([label in classes for label in pictures.labels], dtype=bool)
    if not rows.any():
        raise FacsimError(
            f"found {len(pictures)} pictures of {', '.join(sorted(set(pictures.labels))) or 'no class'} alone, "
            f"expected some of those that the model knows: {', '.join(classes)}; give other pictures, or another model"
        )
    kept = take(pictures, rows)
    targets = kept.targets[:, [pictures.classes.index(name) for name in classes]]
    return replace(
        kept,
        targets=targets / targets.sum(axis=1, keepdims=True),
        classes=tuple(classes),
        left_out={**kept.left_out, reason: int((~rows).sum())},
    )


def pixel_hash(array: NDArray[np.uint8]) -> int:
    """64 bits of a decoded picture (H, W, 3) uint8 that equal pictures share, whatever file they came from.

    The first half of `facsim.curate.hashing.pixel_hash`: 8 bytes a picture are what a model keeps of its training set.
    """
    return half_hash(array)


def pictures_from(
    records: Iterable[LabelledRecord],
    *,
    shape: PictureShape | None = None,
    classes: Sequence[str] | None = None,
    cache: bool | None = None,
    workers: int | None = None,
    most_held: int | None = None,
    on_decoded: OnDecoded | None = None,
) -> Pictures:
    """The labelled pictures of `records`, decoded by `workers` (by default as many as there are processors).

    `classes` are the classes to label over; by default the seven expressions, or the eight where one is contempt. With
    `cache` decoded pictures are kept in the user's cache folder; by default those of records that say where their
    pictures lie (`facsim.formats.index_records`), 1,000 or more. `most_held` as in `read_pictures`. `on_decoded` is
    told of progress.
    Raises FormatError where a label is not one of `classes`, where two records share a name, where a picture cannot be
    read, or where nothing is left.
    """
    held = list(records)
    labelled = [record for record in held if _soft_label(record)]
    names = tuple(classes) if classes else _classes_of(labelled)
    known: dict[str | None, NDArray[np.float32]] = {}  # the targets of hard labels, which many pictures share
    targets = [_shared_target(record, names, known) for record in labelled]
    _refuse_repeated([record.name for record in labelled])
    sources = [Source(name=record.name, at=_where(record)) for record in labelled]
    keep = cache if cache is not None else len(sources) >= MANY and not any(isinstance(s.at, bytes) for s in sources)
    decoded = read_pictures(
        sources, shape or PictureShape(), cache=keep, workers=workers, most_held=most_held, on_decoded=on_decoded
    )
    left_out = Counter(reason for reason in decoded.reasons if reason)
    left_out.update({"unlabelled": len(held) - len(labelled)} if len(held) > len(labelled) else {})
    good = np.flatnonzero([not reason for reason in decoded.reasons])
    if good.size == 0:
        raise FormatError(f"found no labelled picture among {len(held)} records ({dict(left_out)}); check the source")
    return Pictures(
        images=decoded.images if len(good) == len(labelled) else rows_of(decoded.images, good),
        targets=np.stack([targets[i] for i in good]),
        classes=names,
        ids=tuple(labelled[i].name for i in good),
        hashes=decoded.hashes[good].astype(np.uint64, copy=False),
        identities=_identities([labelled[i] for i in good]),
        attributes=attributes_of([labelled[i].metadata for i in good]),
        left_out=dict(left_out),
    )


def _where(record: LabelledRecord) -> Place | bytes:
    return record.place if isinstance(record, PlacedRecord) else record.image


def _soft_label(record: LabelledRecord) -> Mapping[str, float]:
    """Class name -> share; empty for an unlabelled record."""
    soft = record.metadata.get("expression_soft")
    if isinstance(soft, Mapping) and soft:
        return {str(name): float(share) for name, share in soft.items() if share}
    if isinstance(soft, Sequence) and not isinstance(soft, str) and len(soft) in (7, 8):
        names = SEVEN_EXPRESSIONS if len(soft) == 7 else EIGHT_EXPRESSIONS
        return {name: float(share) for name, share in zip(names, soft, strict=True) if share}
    return {record.expression: 1.0} if record.expression else {}


def _classes_of(records: Iterable[LabelledRecord]) -> tuple[str, ...]:
    found = {name for record in records for name in _soft_label(record)}
    if found <= set(EIGHT_EXPRESSIONS):
        return SEVEN_EXPRESSIONS if found <= set(SEVEN_EXPRESSIONS) else EIGHT_EXPRESSIONS
    return tuple(sorted(found))


def _shared_target(
    record: LabelledRecord, classes: tuple[str, ...], known: dict[str | None, NDArray[np.float32]]
) -> NDArray[np.float32]:
    if record.metadata.get("expression_soft") is not None:
        return _target(record, classes)
    if record.expression not in known:
        known[record.expression] = _target(record, classes)
    return known[record.expression]


def _target(record: LabelledRecord, classes: tuple[str, ...]) -> NDArray[np.float32]:
    soft = _soft_label(record)
    unknown = next((name for name in soft if name not in classes), None)
    if unknown is not None:
        raise FormatError(
            f'"{record.name}" is labelled "{unknown}", expected one of {", ".join(classes)}; declare that class, or '
            f"leave such pictures out.{hint_nearest(unknown, classes)}"
        )
    shares = np.array([max(soft.get(name, 0.0), 0.0) for name in classes], dtype=np.float32)
    if not shares.sum() > 0:
        raise FormatError(
            f'"{record.name}" has a soft label without a positive share: {dict(soft)}; correct or drop it'
        )
    return shares / shares.sum()


def _identities(records: Sequence[LabelledRecord]) -> tuple[str | None, ...] | None:
    found = tuple(kept_together(record.metadata) for record in records)
    return found if any(found) else None


def _refuse_repeated(names: Sequence[str]) -> None:
    if not names:
        return
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise FormatError(f'found {count} records named "{name}", expected names to be unique; rename all but one')
