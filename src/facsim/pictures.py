"""One picture's bytes into an array, or a refusal with a reason; and an array into bytes.

`decode_picture` gives uint8 `hwc` RGB in [0, 255], or raises `PictureError` whose reason is one of `PICTURE_REASONS`;
the declared size is judged before anything is decoded. Whatever has to be converted on the way is named in `notes`:
nothing is repaired silently. What is done:

- grey, palette and 1-bit pictures become RGB; transparency is laid over white;
- 16-bit samples become 8-bit (grey: v / 257, rounded; colour: the upper byte);
- CMYK and YCbCr become RGB by Pillow's plain formulas; an ICC profile is not applied: pixel values are taken as sRGB;
- the EXIF orientation is applied, so that the array shows the picture as a viewer does;
- of a multi-picture JPEG (MPO, as phones write) the first, full picture is taken; an animation is refused.

Read: PNG, JPEG, WebP, GIF, BMP and TIFF. Everything else is "not_a_picture".
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from facsim.errors import FacsimError
from facsim.picture_headers import declared_size, ends_early, fails_png_checks, is_16_bit_png, picture_kind

__all__ = [
    "MAX_PIXELS",
    "MAX_SIDE_PX",
    "PICTURE_NOTES",
    "PICTURE_REASONS",
    "Encoding",
    "Picture",
    "PictureError",
    "decode_image",
    "decode_picture",
    "encode_picture",
    "encode_png",
    "encoding_for",
]

MAX_SIDE_PX = 19_999
"""The longest side that is decoded: a picture 20,000 px wide is a decompression bomb or a panorama, never a face."""

MAX_PIXELS = 64_000_000
"""The most pixels that are decoded: 64 MP, 192 MB as an array; above what cameras with faces in view deliver."""

PICTURE_REASONS: tuple[str, ...] = (
    "animated",
    "empty",
    "not_a_picture",
    "too_large",
    "truncated",
    "unreadable",
    "unsupported_mode",
    "zero_sized",
)
"""Why `decode_picture` refuses; each is also one of `facsim.sample.REASONS`."""

PICTURE_NOTES: Mapping[str, str] = {
    "alpha_over_white": "transparency was laid over white",
    "cmyk_to_rgb": "CMYK was converted without its colour profile",
    "exif_orientation": "the orientation that EXIF declares was applied",
    "exif_unreadable": "the EXIF block is damaged; the picture stands as stored",
    "first_of_several": "the first picture of a multi-picture JPEG was taken",
    "grey_to_rgb": "grey was copied to red, green and blue",
    "icc_ignored": "an ICC profile is present and was not applied",
    "palette_to_rgb": "palette indices were replaced by their colours",
    "reduced_to_8_bit": "16-bit samples were reduced to 8",
    "ycbcr_to_rgb": "YCbCr was converted to RGB",
}
"""What `decode_picture` may have converted: the closed list, each with what it means."""

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # no EPS: Pillow would start Ghostscript
_MODE_NOTES: Mapping[str, tuple[str, ...]] = {
    "RGB": (),
    "RGBX": (),
    "1": ("grey_to_rgb",),
    "L": ("grey_to_rgb",),
    "I;16": ("grey_to_rgb", "reduced_to_8_bit"),
    "I;16B": ("grey_to_rgb", "reduced_to_8_bit"),
    "P": ("palette_to_rgb",),
    "PA": ("palette_to_rgb", "alpha_over_white"),
    "LA": ("grey_to_rgb", "alpha_over_white"),
    "La": ("grey_to_rgb", "alpha_over_white"),
    "RGBA": ("alpha_over_white",),
    "RGBa": ("alpha_over_white",),
    "CMYK": ("cmyk_to_rgb",),
    "YCbCr": ("ycbcr_to_rgb",),
}
# Every way in which Pillow's parsers were seen to fail on damaged bytes; MemoryError is how a codec says "no".
_DECODER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    UserWarning,  # where warnings are errors
    ValueError,
    struct.error,
    zlib.error,
)
_ORIENTATION_TAG = 0x0112  # EXIF 2.32, table 4
_TURNS: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PictureError(FacsimError):
    """A picture that is refused: `reason` is one of `PICTURE_REASONS`, `detail` is for a person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[PictureError], tuple[str, str]]:
        return PictureError, (self.reason, self.detail)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded picture: uint8 `hwc` RGB, the file's kind (`png`, `jpeg`, …), and notes from `PICTURE_NOTES`.

    `reduction` is how many of the file's pixels one of the array's is wide, 1 unless more was asked for.
    """

    array: npt.NDArray[np.uint8]
    kind: str
    notes: tuple[str, ...] = ()
    reduction: int = 1


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How an array becomes a file: `kind` is `png`, `webp` or `jpeg`; `quality` 1–100, None for lossless PNG."""

    kind: str
    quality: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("png", "webp", "jpeg"):
            raise ValueError(f'pictures are written as png, webp or jpeg, not "{self.kind}"')
        if (self.quality is None) != (self.kind == "png"):
            raise ValueError("png takes no quality; webp and jpeg need one from 1 to 100")


def decode_picture(
    data: bytes, *, max_side_px: int = MAX_SIDE_PX, max_pixels: int = MAX_PIXELS, most_reduction: int = 1
) -> Picture:
    """The picture in `data`, as a viewer shows it. Raises PictureError with a reason from `PICTURE_REASONS`.

    A JPEG is decoded at a half, a quarter or an eighth of its size where `most_reduction` allows that: its transform's
    blocks give that for less work and memory.
    """
    found = _loaded(data, (max_side_px, max_pixels), most_reduction)
    array = np.array(found.image if found.image.mode == "RGB" else found.image.convert("RGB"), dtype=np.uint8)
    notes = tuple(sorted(set(found.notes)))
    return Picture(array=array, kind=str(picture_kind(data)), notes=notes, reduction=found.reduction)


def decode_image(data: bytes) -> Image.Image:
    """The pixels of `decode_picture` as Pillow holds them: mode `RGB`, or `L` where all three channels are that one.

    For what goes on with Pillow: an array costs a tenth of a JPEG's decoding, and the way back as much. Raises as
    `decode_picture` does.
    """
    return _loaded(data, (MAX_SIDE_PX, MAX_PIXELS), 1).image


def encode_png(array: npt.NDArray[np.uint8]) -> bytes:
    """A PNG of a uint8 `hwc` RGB (or `hw` grey) array; the same bytes for the same array and zlib.

    Compression level 2: with the zlib-ng in Pillow's wheels about 1 ms for 112 px, 3 times faster than Pillow's
    default level 6 at a fifth more bytes (measured on a noisy gradient).
    """
    return _saved(_checked(array), "PNG", {"compress_level": 2})


def encoding_for(width_px: int, height_px: int) -> Encoding:
    """The encoding that facsim stores a picture of this size in: PNG up to 128 px, WebP of quality 95 above."""
    return Encoding(kind="png") if max(width_px, height_px) <= 128 else Encoding(kind="webp", quality=95)


def encode_picture(array: npt.NDArray[np.uint8], *, encoding: Encoding | None = None) -> bytes:
    """The uint8 `hwc` RGB array as a file in `encoding`; by default `encoding_for` its size.

    JPEG is written without chroma subsampling, so that small lips and eyes keep their colour.
    """
    checked = _checked(array)
    chosen = encoding or encoding_for(checked.shape[1], checked.shape[0])
    if chosen.kind == "webp":
        return _saved(checked, "WEBP", {"quality": int(chosen.quality or 0), "method": 2})
    if chosen.kind == "jpeg":
        return _saved(checked, "JPEG", {"quality": int(chosen.quality or 0), "subsampling": 0})
    return encode_png(checked)


@dataclass(frozen=True, kw_only=True)
class _Loaded:
    image: Image.Image  # mode "RGB", or "L" where the three channels are the same
    notes: list[str]
    reduction: int


def _loaded(data: bytes, limits: tuple[int, int], most_reduction: int) -> _Loaded:
    if not data:
        raise PictureError("empty", "the file holds no bytes")
    if picture_kind(data) is None:
        raise PictureError(
            "not_a_picture", f"the file starts with {data[:12]!r}; expected PNG, JPEG, WebP, GIF, BMP or TIFF"
        )
    _check_size(declared_size(data), limits)
    if fails_png_checks(data):
        raise PictureError("unreadable", "a chunk of the PNG does not match its checksum")
    with _opened(data) as image:
        _check_size(image.size, limits)
        return _decoded(image, data, most_reduction)


def _check_size(size: tuple[int, int] | None, limits: tuple[int, int]) -> None:
    if size is None:
        return
    width, height = size
    if width <= 0 or height <= 0:
        raise PictureError("zero_sized", f"the picture declares {width}×{height} px")
    if max(size) > limits[0] or width * height > limits[1]:
        raise PictureError(
            "too_large",
            f"the picture declares {width}×{height} px; at most {limits[0]} px a side, {limits[1]} px in all, are read",
        )


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError("too_large", str(error)) from error
    except UnidentifiedImageError as error:
        raise _undecodable(data, "its header cannot be read") from error
    except _DECODER_ERRORS as error:
        raise _undecodable(data, str(error)) from error


def _undecodable(data: bytes, detail: str) -> PictureError:
    """The refusal for bytes that start like a picture: truncated where the end is missing, else unreadable."""
    if "truncated" in detail or ends_early(data):
        return PictureError("truncated", f"the {picture_kind(data)} data end early: {detail}")
    return PictureError("unreadable", f"the {picture_kind(data)} data are damaged: {detail}")


def _decoded(image: Image.Image, data: bytes, most_reduction: int) -> _Loaded:
    notes: list[str] = []
    try:
        _check_frames(image, notes)
        declared = _orientation(image, notes)
        reduction = _drafted(image, most_reduction)
        image.load()
        turned = _turned(image, declared, notes)
        pixels = _rgb_or_grey(turned, data, notes)
    except _DECODER_ERRORS as error:
        raise _undecodable(data, str(error)) from error
    return _Loaded(image=pixels, notes=notes, reduction=reduction)


def _drafted(image: Image.Image, most: int) -> int:
    """By how much a JPEG will be made smaller as it is decoded: 1, 2, 4 or 8."""
    factor = max((step for step in (1, 2, 4, 8) if step <= most), default=1)
    if factor == 1 or image.format not in ("JPEG", "MPO"):
        return 1
    before = image.size
    image.draft(image.mode, (max(before[0] // factor, 1), max(before[1] // factor, 1)))
    return round(before[0] / image.size[0])


def _check_frames(image: Image.Image, notes: list[str]) -> None:
    if image.format == "MPO":
        notes.append("first_of_several")
    elif getattr(image, "is_animated", False):
        raise PictureError(
            "animated", "the picture has more than one frame; save the wanted frame as a picture of its own"
        )


def _orientation(image: Image.Image, notes: list[str]) -> int:
    """EXIF's 1–8; 1 where it says nothing. Damaged EXIF does not make the pixels wrong: it is noted."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except _DECODER_ERRORS:
        notes.append("exif_unreadable")
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def _turned(image: Image.Image, declared: int, notes: list[str]) -> Image.Image:
    if declared == 1:
        return image
    notes.append("exif_orientation")
    if image.format == "TIFF":  # Pillow turns TIFF while loading
        return image
    return image.transpose(_TURNS[declared])


def _rgb_or_grey(image: Image.Image, data: bytes, notes: list[str]) -> Image.Image:
    mode = image.mode
    if mode not in _MODE_NOTES:
        raise PictureError("unsupported_mode", f'colour mode "{mode}" has no faithful 8-bit RGB; convert it first')
    notes.extend(_MODE_NOTES[mode])
    if image.info.get("icc_profile"):
        notes.append("icc_ignored")
    if is_16_bit_png(data):
        notes.append("reduced_to_8_bit")
    if mode.startswith("I;16"):
        return _from_16_bit(image)
    if "transparency" in image.info or "alpha_over_white" in notes:
        notes.append("alpha_over_white")
        return _over_white(image)
    return image if mode in ("RGB", "L") else image.convert("RGB")


def _from_16_bit(image: Image.Image) -> Image.Image:
    values = np.array(image).astype(np.uint32)
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _over_white(image: Image.Image) -> Image.Image:
    colour = image.convert("RGBA")
    white = Image.new("RGBA", colour.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, colour).convert("RGB")


def _checked(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    is_grey, is_rgb = array.ndim == 2, array.ndim == 3 and array.shape[-1] == 3
    if array.dtype != np.uint8 or not (is_grey or is_rgb) or 0 in array.shape:
        raise ValueError(f"a picture is a uint8 array of shape (h, w, 3) or (h, w), not {array.dtype} {array.shape}")
    return np.ascontiguousarray(array)


def _saved(array: npt.NDArray[np.uint8], kind: str, options: Mapping[str, int]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()
