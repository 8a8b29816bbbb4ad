"""Contact sheets: the first pictures of each class by sample_id, and of those rejected for each reason.

A picture is decoded, scaled down only where its longer side is over `MOST_PX`, and put into the page as WebP; the run
holds the originals.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from facsim.coding import parse_coding
from facsim.columns import split_name
from facsim.dataset import dataset_of
from facsim.errors import FacsimError
from facsim.facs import letter_of_intensity
from facsim.manifest import Manifest
from facsim.pictures import PictureError, decode_picture
from facsim.report.rows import SICK, Rows

__all__ = [
    "MOST_PX",
    "REJECTED_PER_REASON",
    "Sheet",
    "Thumbnail",
    "class_sheets",
    "encoded_picture",
    "ordered_sheets",
    "rejected_sheets",
]

MOST_PX = 144
"""Longest side of a picture in the page; larger ones are scaled down to it."""

REJECTED_PER_REASON = 12
"""Rejected pictures that are shown for each reason."""

_WEBP_QUALITY = 82  # at 112 px about 2 to 3 KB a face, and no artefact that one sees at native size


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """One picture as a `data:` URI ("" where there is none to show), its size as shown, and its labels in words."""

    sample_id: str
    uri: str
    width_px: int
    height_px: int
    caption: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Pictures of one class or of one reason, of the `total` that there are."""

    name: str
    total: int
    thumbnails: tuple[Thumbnail, ...]


def class_sheets(run: Manifest, rows: Rows, *, most: int) -> tuple[Sheet, ...]:
    """One sheet for each expression: of the rows that stay, the first `most` by sample_id."""
    classes = sorted({name for name, stays in zip(rows.expression, rows.kept, strict=True) if stays})
    of_class = {
        name: [i for i, found in enumerate(rows.expression) if rows.kept[i] and found == name] for name in classes
    }
    return _sheets(run, rows, of_class, most=most)


def rejected_sheets(run: Manifest, rows: Rows, *, most: int = REJECTED_PER_REASON) -> tuple[Sheet, ...]:
    """One sheet for each reason: the first `most` rejected rows by sample_id."""
    found = sorted({reason for reason in rows.reasons if reason})
    of_reason = {name: [i for i, reason in enumerate(rows.reasons) if reason == name] for name in found}
    return _sheets(run, rows, of_reason, most=most)


def _sheets(run: Manifest, rows: Rows, groups: Mapping[str, Sequence[int]], *, most: int) -> tuple[Sheet, ...]:
    chosen = {name: sorted(group, key=lambda i: rows.sample_ids[i]) for name, group in groups.items()}
    return ordered_sheets(run, rows, chosen, dict(enumerate(_captions(rows))), most=most)


def ordered_sheets(
    run: Manifest, rows: Rows, groups: Mapping[str, Sequence[int]], captions: Mapping[int, str], *, most: int
) -> tuple[Sheet, ...]:
    """One sheet for each group: the first `most` of its rows, in its order, with a caption for each row shown."""
    chosen = {name: group[:most] for name, group in groups.items()}
    pictures = _pictures(run, {i for group in chosen.values() for i in group})
    return tuple(
        Sheet(
            name=name,
            total=len(groups[name]),
            thumbnails=tuple(_thumbnail(rows, i, pictures.get(i), captions[i]) for i in group),
        )
        for name, group in chosen.items()
    )


def _pictures(run: Manifest, wanted: Iterable[int]) -> dict[int, bytes]:
    """The encoded pictures of these rows, read shard by shard; rows without a picture are left out."""
    step, name = split_name(dataset_of(run).image)
    starts = np.cumsum([0, *run.shard_rows])
    by_shard: dict[int, list[int]] = {}
    for row in sorted(wanted):
        by_shard.setdefault(int(np.searchsorted(starts, row, side="right")) - 1, []).append(row)
    found: dict[int, bytes] = {}
    for shard, of_shard in by_shard.items():
        column = run.read_shard(step, shard, [name])[name]
        images = {row: column[row - int(starts[shard])].as_py() for row in of_shard}
        found.update({row: image["bytes"] for row, image in images.items() if image and image["bytes"]})
    return found


def _thumbnail(rows: Rows, row: int, picture: bytes | None, caption: str) -> Thumbnail:
    reason = rows.reasons[row]
    note = next((f"{step}: {found[row]}" for step, found in rows.problems.items() if found[row]), "")
    uri, width, height = _shown(picture)
    return Thumbnail(
        sample_id=rows.sample_ids[row],
        uri=uri,
        width_px=width,
        height_px=height,
        caption=caption,
        note=note if reason == SICK else "",
    )


def _shown(picture: bytes | None) -> tuple[str, int, int]:
    """`data:` URI, width and height; an empty URI where there is no picture or it cannot be decoded."""
    if not picture:
        return "", 0, 0
    try:
        array = decode_picture(picture).array
    except PictureError:
        return "", 0, 0
    return encoded_picture(array)


def encoded_picture(array: npt.NDArray[np.uint8]) -> tuple[str, int, int]:
    """`data:` URI, width and height of a uint8 RGB picture (H, W, 3), scaled down where it is over `MOST_PX`."""
    image = Image.fromarray(array)
    image.thumbnail((MOST_PX, MOST_PX), Image.Resampling.LANCZOS)
    sink = io.BytesIO()
    image.save(sink, "WEBP", quality=_WEBP_QUALITY, method=6)
    return "data:image/webp;base64," + base64.b64encode(sink.getvalue()).decode(), image.width, image.height


def _captions(rows: Rows) -> list[str]:
    """What is known of each row in one line: `happiness · feminine · 34 years · Monk 5 · AU 6B+12C`."""
    columns = [rows.values(n) for n in ("apparent_gender", "apparent_age_years", "skin_tone_monk", "action_units")]
    return [
        " · ".join(
            part
            for part in (
                label,
                gender or "",
                f"{int(age)} years" if age is not None else "",
                f"Monk {tone}" if tone is not None else "",
                _units_text(units),
            )
            if part
        )
        for label, gender, age, tone, units in zip(rows.expression, *columns, strict=True)
    ]


def _units_text(units: str | None) -> str:
    """Action units with FACS letters, sides apart where their letters differ; as they stand where they are not text."""
    if units is None:
        return ""
    try:
        letters = {key: letter_of_intensity(value) for key, value in parse_coding(units).items() if value >= 0.5}
    except FacsimError:
        return units
    return "AU " + "+".join(_lettered(letters)) if letters else "no action units"


def _lettered(letters: Mapping[str, str]) -> Iterator[str]:
    for code in dict.fromkeys(key.rstrip("LR") for key in letters):
        sides = {side: letters[code + side] for side in ("", "L", "R") if code + side in letters}
        if len(set(sides.values())) == 1 and ("" in sides or len(sides) == 2):
            yield code + next(iter(sides.values()))
        else:
            yield from (side + code + letter for side, letter in sides.items())
