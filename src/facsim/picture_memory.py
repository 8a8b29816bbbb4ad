"""Decoded pictures that a process keeps for the steps that follow, so that each is decoded once and not once a step.

What is kept is bounded in bytes; the picture that was asked for longest ago goes first. A picture is found by its very
bytes, so what is remembered is what decoding would give.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TypeAlias

from facsim.picture_headers import picture_kind
from facsim.pictures import MAX_PIXELS, MAX_SIDE_PX, Picture, decode_picture

__all__ = ["PICTURES", "PictureMemory"]

_Key: TypeAlias = tuple[bytes, int, int, int]

_MOST_BYTES = 128 << 20  # the share of one of two workers of a thousand pictures of 224 px, and of their aligned faces


class PictureMemory:
    """Pictures by their files' bytes, `most_bytes` of arrays and files at most. Arrays that come out are read-only."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._held = most_bytes, 0
        self._pictures: OrderedDict[_Key, Picture] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """Bytes of the arrays and files that are kept."""
        return self._held

    def decoded(
        self, data: bytes, *, max_side_px: int = MAX_SIDE_PX, max_pixels: int = MAX_PIXELS, most_reduction: int = 1
    ) -> Picture:
        """What `decode_picture` gives, or gave, for the same arguments. Raises PictureError, each time anew."""
        key = (data, max_side_px, max_pixels, _reduction(data, most_reduction))
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return self._pictures[key]
        picture = decode_picture(data, max_side_px=max_side_px, max_pixels=max_pixels, most_reduction=most_reduction)
        self._keep(key, picture)
        return picture

    def encoded(self, data: bytes, picture: Picture) -> None:
        """Keep a picture that was just encoded, without loss, as `data`."""
        self._keep((data, MAX_SIDE_PX, MAX_PIXELS, 1), picture)

    def forget(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._pictures.clear()
            self._held = 0

    def _keep(self, key: _Key, picture: Picture) -> None:
        picture.array.flags.writeable = False
        size = _size(key, picture)
        with self._lock:
            if key in self._pictures or size > self._most:
                return
            self._pictures[key] = picture
            self._held += size
            while self._held > self._most:
                self._held -= _size(*self._pictures.popitem(last=False))


def _size(key: _Key, picture: Picture) -> int:
    return len(key[0]) + picture.array.nbytes


def _reduction(data: bytes, most: int) -> int:
    """What `most_reduction` comes to: only a JPEG is decoded smaller, by a power of two."""
    return max((step for step in (1, 2, 4, 8) if step <= most), default=1) if picture_kind(data) == "jpeg" else 1


PICTURES = PictureMemory(_MOST_BYTES)
"""This process's memory: steps that read pictures share it."""
