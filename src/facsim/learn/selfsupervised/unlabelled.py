"""Pictures for learning without labels: every picture of a source, labelled or not."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facsim.errors import FormatError
from facsim.formats.record import Record, kept_together
from facsim.formats.terms import terms_together
from facsim.learn.data import Pictures, PictureShape, pictures_from
from facsim.learn.reading import OnDecoded
from facsim.learn.sources import records_of, stated

__all__ = ["load_unlabelled", "together"]

_NO_LABEL = "unlabelled"


@dataclass(frozen=True, kw_only=True)
class _Unlabelled:
    """A record whose label is set aside."""

    name: str
    image: bytes
    metadata: Mapping[str, object]
    expression: str | None = _NO_LABEL


def load_unlabelled(
    source: str | os.PathLike[str],
    *,
    size_px: int = 48,
    colour: str = "grey",
    split: str | None = None,
    on_decoded: OnDecoded | None = None,
) -> Pictures:
    """The pictures at `source`, those of `split` alone where one is named, all of one class `unlabelled`.

    `on_decoded` as in `facsim.learn.data.pictures_from`. Raises FormatError where there is nothing to read or no such
    split.
    """
    records = list(records_of(source))
    held = [record for record in records if split is None or record.split == split]
    if records and not held:
        known = sorted({record.split or "none" for record in records})
        raise FormatError(f'{source} has no split "{split}", expected one of {", ".join(known)}')
    shape = PictureShape(size_px=size_px, colour=colour)
    bare = [_set_aside(record) for record in held]
    pictures = pictures_from(bare, shape=shape, classes=(_NO_LABEL,), on_decoded=on_decoded)
    return stated(pictures, source, held, of=f", split {split}" if split else "")


def _set_aside(record: Record) -> _Unlabelled:
    group = kept_together(record.metadata)
    return _Unlabelled(name=record.name, image=record.image, metadata={"identity_id": group} if group else {})


def together(parts: Sequence[Pictures]) -> Pictures:
    """The pictures of several sources as one set, in order; names get their source's number in front.

    Raises FormatError where there is none, or where sizes or colours differ.
    """
    if not parts or len({part.shape for part in parts}) > 1:
        raise FormatError(f"found pictures of {[part.shape for part in parts]}, expected one size and colour")
    if len(parts) == 1:
        return parts[0]
    left_out = Counter[str]()
    for part in parts:
        left_out.update(part.left_out)
    whose = [who for part in parts for who in part.identities or (None,) * len(part)]
    return Pictures(
        images=np.concatenate([part.images for part in parts]),
        targets=np.concatenate([part.targets for part in parts]),
        classes=parts[0].classes,
        ids=tuple(f"{place}/{name}" for place, part in enumerate(parts) for name in part.ids),
        hashes=np.concatenate([part.hashes for part in parts]),
        identities=tuple(whose) if any(whose) else None,
        left_out=dict(left_out),
        origin=" and ".join(part.origin for part in parts),
        terms=terms_together(part.terms for part in parts),
    )
