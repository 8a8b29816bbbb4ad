"""What a picture file says of itself before anything in it is decoded: its kind, its size, whether it ends early.

A picture's declared size is checked before a decoder sees it, so that a small file cannot ask for much memory.
Layouts: PNG (W3C PNG 3rd edition, 5.2 and 11.2.1), JPEG (ITU-T T.81, B.2), GIF89a (section 18), WebP (RFC 9649,
section 2), BMP (Microsoft BITMAPINFOHEADER).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping

__all__ = ["declared_size", "ends_early", "fails_png_checks", "is_16_bit_png", "picture_kind", "picture_suffix"]

_PNG = b"\x89PNG\r\n\x1a\n"
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (_PNG, "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
)

_SUFFIXES: Mapping[str, str] = {
    "png": ".png",
    "jpeg": ".jpg",
    "gif": ".gif",
    "bmp": ".bmp",
    "tiff": ".tif",
    "webp": ".webp",
}


def picture_kind(data: bytes) -> str | None:
    """`png`, `jpeg`, `gif`, `bmp`, `tiff` or `webp` by the first bytes, or None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    return None


def picture_suffix(data: bytes) -> str | None:
    """The file-name suffix of the picture's kind (`.png`, `.jpg`, …), or None where `picture_kind` is None."""
    kind = picture_kind(data)
    return None if kind is None else _SUFFIXES[kind]


def declared_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels as the header declares them, or None where it does not say (or is cut short)."""
    kind = picture_kind(data)
    if kind is None or kind not in _SIZES:
        return None
    try:
        return _SIZES[kind](data)
    except (struct.error, IndexError):
        return None


def ends_early(data: bytes) -> bool:
    """Whether the file lacks the mark that its kind ends with (or, for WebP and BMP, the length it declares)."""
    kind = picture_kind(data)
    if kind == "png":
        return b"IEND" not in data[-64:]
    if kind == "jpeg":
        return not data.rstrip(b"\x00").endswith(b"\xff\xd9")
    if kind == "gif":
        return not data.rstrip(b"\x00").endswith(b";")
    if kind == "webp":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    return kind == "bmp" and len(data) < int.from_bytes(data[2:6], "little")


def is_16_bit_png(data: bytes) -> bool:
    """Whether a PNG declares 16 bits a sample (Pillow hands such colour pictures over as 8-bit, unannounced)."""
    return data.startswith(_PNG) and data[12:16] == b"IHDR" and data[24:25] == b"\x10"


def fails_png_checks(data: bytes) -> bool:
    """Whether a chunk that a PNG's pixels depend on does not match its own checksum (Pillow does not look)."""
    if not data.startswith(_PNG):
        return False
    place = 8
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 8 + length
        is_checked = kind in (b"IHDR", b"PLTE", b"IDAT", b"tRNS") and end + 4 <= len(data)
        if is_checked and zlib.crc32(data[place + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            return True
        place = end + 4
    return False


def _png_size(data: bytes) -> tuple[int, int] | None:
    return struct.unpack_from(">II", data, 16) if data[12:16] == b"IHDR" else None


def _gif_size(data: bytes) -> tuple[int, int]:
    return struct.unpack_from("<HH", data, 6)


def _bmp_size(data: bytes) -> tuple[int, int]:
    if struct.unpack_from("<I", data, 14)[0] == 12:  # OS/2 BITMAPCOREHEADER
        return struct.unpack_from("<HH", data, 18)
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)  # a negative height means rows from the top


def _webp_size(data: bytes) -> tuple[int, int] | None:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if chunk == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """From the first start-of-frame segment; segments before it are skipped by their lengths."""
    place = 2
    while data[place] == 0xFF:
        marker = data[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        if marker == 0xFF:
            place += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            place += 2
        else:
            place += 2 + struct.unpack_from(">H", data, place + 2)[0]
    return None


_SIZES: Mapping[str, Callable[[bytes], tuple[int, int] | None]] = {
    "png": _png_size,
    "gif": _gif_size,
    "bmp": _bmp_size,
    "webp": _webp_size,
    "jpeg": _jpeg_size,
}
