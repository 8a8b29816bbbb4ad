"""Signatures of pictures, 32 bytes each, by which copies are known that were changed a little; and how they are found.

A signature holds the signs of a grey picture's 256 lowest cosine frequencies (after Zauner, "Implementation and
benchmarking of perceptual image hash functions", 2010), so brightness and contrast hardly matter. Cropping, shifting
and mirroring are tried on the test picture: its frequencies are taken over windows (`WINDOWS`), a mirrored picture's
differ in the sign of every odd horizontal frequency, and the nearest of all of these counts. Signatures must be of
pictures of one size and crop, as a model's training pictures and its test pictures are.

`NEAR_BITS` was chosen on the fixed cut of FER2013's training split (2,887 pictures) against the rest of it (25,822): of
the nearest pairs, all 60 of 51 to 61 bits and 80 spread over 20 to 58 were looked at. Up to 53 bits they are one
photograph, or two of one series; the first two faces that differ lie 54 bits apart, from 58 on most pairs differ. Of
changed copies of the cut, 99.9 % are found after JPEG of quality 30, halving and doubling their size, stretching their
contrast, mirroring, or cutting 3 % off each side; 98.6 % after cutting 4 %, 86 % after 6 % off one corner, 94 % turned
by 2°. None of 75 million pairs there was a false alarm; a hundred times as many will hold some, so look at them. The
correlation of thumbnails of 16 × 16 px does not tell the two kinds apart (0.37 to 0.99 in copies, up to 0.93 in
different faces), so no thumbnail is kept beside a model. One busy core: 28,709 × 3,589 pictures in 2.3 s, 300,000 ×
30,000 in 103 s.

`NEAR_BITS_ALIGNED` was chosen there too, on faces found and cut upright. 176 pictures of the cut that have no pair by
the rule above have one within 46 bits; 121 of these, of up to 26 and of 36 to 46 bits, were looked at, and all are one
photograph cut or turned otherwise, or two of one series; of 47 to 52 bits some are not. Renders of different people,
who share a head, are alike too: of 3,000 against 42,000, 28 have one within 44 bits and 194 within 52.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError

__all__ = [
    "NEAR_BITS",
    "NEAR_BITS_ALIGNED",
    "SIGNATURE_WORDS",
    "WINDOWS",
    "Neighbours",
    "Signatures",
    "find_neighbours",
    "near_bits",
    "signatures_of",
]

Signatures = NDArray[np.uint64]
"""Signatures uint64 (N, 4), the first word holding the 64 lowest frequencies; 0 for a picture of one grey."""

SIGNATURE_WORDS = 4
_BITS = 64 * SIGNATURE_WORDS

NEAR_BITS = 52
"""Pictures whose signatures differ in at most so many bits are near-duplicates."""

NEAR_BITS_ALIGNED = 44
"""The same of faces that are cut alike (`facsim.labels.crop`), which are more alike than pictures are."""

_COARSE_BITS = 14  # of the first word, to the nearest of the centred windows: what is compared whole
_DIAGONAL = 22  # u + v of the 256 lowest frequencies; at 16 px the highest are aliases, in both pictures alike
_FLAT = 1.0  # grey levels (sd): below, signs are noise
_BLOCK = 2048  # pictures whose frequencies are taken at a time
_PAIRS_AT_ONCE = 1 << 18
_WEIGHTS_BT601 = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601

_Window = tuple[float, float, float]
_Rows = NDArray[np.int64]


def _windows() -> tuple[_Window, ...]:
    """A picture itself, then squares of 4 and 8 % less and more, in the middle and against corners and edges."""
    found: list[_Window] = [(0.0, 0.0, 1.0)]
    for cut in (0.04, 0.08, -0.04, -0.08):
        places = (0.0, 1.0) if abs(cut) < 0.05 else (0.0, 0.5, 1.0)
        found.append((cut / 2, cut / 2, 1 - cut))
        found += [(cut * x, cut * y, 1 - cut) for y in places for x in places if (x, y) != (0.5, 0.5)]
    return tuple(found)


WINDOWS: tuple[_Window, ...] = _windows()
"""(left, top, side) as shares of a picture; what reaches beyond it is filled with its edge."""

_CENTRED = tuple(i for i, (left, top, side) in enumerate(WINDOWS) if left == top and abs(2 * left + side - 1) < 1e-9)


def _lowest() -> NDArray[np.int64]:
    """(v, u) of the 256 lowest frequencies in order of u + v, then v, without the mean: int64 (256, 2)."""
    side = range(_DIAGONAL + 1)
    order = sorted((v + u, v, u) for v in side for u in side if v + u)
    return np.array([(v, u) for _, v, u in order[:_BITS]], dtype=np.int64)


_LOWEST = _lowest()
_MIRROR = np.packbits(_LOWEST[:, 1] % 2 == 1).view(np.uint64)  # what mirroring turns over


def near_bits(frame: str) -> int:
    """How many bits near-duplicates may differ in: pictures as they came (""), or faces cut to the template `frame`."""
    return NEAR_BITS_ALIGNED if frame else NEAR_BITS


def signatures_of(images: NDArray[np.uint8], *, window: _Window = WINDOWS[0]) -> Signatures:
    """Signatures uint64 (N, 4) of what `window` shows of images uint8 (N, S, S) or (N, S, S, 3)."""
    return _signed(images, (window,))[0]


def _signed(images: NDArray[np.uint8], windows: Sequence[_Window]) -> list[Signatures]:
    """The signatures of what each window shows; a block of images is made grey once for all of them."""
    waves = [tuple(_waves(images.shape[1], start, side) for start in (top, left)) for left, top, side in windows]
    found: list[list[Signatures]] = [[np.zeros((0, SIGNATURE_WORDS), dtype=np.uint64)] for _ in windows]
    for at in range(0, len(images), _BLOCK):
        grey = _grey(images[at : at + _BLOCK])
        flat = grey.std(axis=(1, 2)) < _FLAT
        grey -= np.float32(127.5)
        for parts, (down, across) in zip(found, waves, strict=True):
            parts.append(_signs(grey, flat, down, across))
    return [np.concatenate(parts) for parts in found]


def _grey(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    held = images.astype(np.float32)
    return held if images.ndim == 3 else held @ _WEIGHTS_BT601


def _waves(size_px: int, start: float, side: float) -> NDArray[np.float32]:
    """Cosines (K, S) over a window, integrated over each pixel; the edge pixels reach to where the window ends."""
    edges = np.arange(size_px + 1) / size_px
    edges[0], edges[-1] = min(start, 0.0), max(start + side, 1.0)
    phase = np.pi * (np.clip(edges, start, start + side) - start) / side
    orders = np.arange(int(_LOWEST.max()) + 1)[:, None]
    integral = np.where(orders == 0, phase, np.sin(orders * phase) / np.maximum(orders, 1))
    return np.diff(integral, axis=1).astype(np.float32)


def _signs(
    grey: NDArray[np.float32], flat: NDArray[np.bool_], down: NDArray[np.float32], across: NDArray[np.float32]
) -> Signatures:
    """Of grey pictures (N, S, S) about the middle grey; all 0 where they are `flat` (N,)."""
    waves = (down @ grey @ across.T)[:, _LOWEST[:, 0], _LOWEST[:, 1]]
    waves[flat] = 0.0
    return np.ascontiguousarray(np.packbits(waves > 0, axis=1)).view(np.uint64)


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Pairs of near pictures, row i of every field being pair i, by test row and then distance.

    `test` and `training` int64 (K,) are rows of the two sets; `distance` int64 (K,) is in bits of 256; `mirrored` bool
    (K,) says which pairs are near once one of the two is mirrored.
    """

    test: _Rows
    training: _Rows
    distance: _Rows
    mirrored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.test)


def find_neighbours(images: NDArray[np.uint8], training: Signatures, *, distance: int = NEAR_BITS) -> Neighbours:
    """Every pair of one of `images` uint8 (N, S, S[, 3]) and one of `training` (M, 4) within `distance` bits of 256.

    The first 64 bits are compared for all N × M pairs and the centred windows (ten passes, mirrored ones among them);
    pairs that are coarsely near are compared whole, over all windows. Raises FacsimError where `training` is no array
    of signatures.
    """
    if training.ndim != 2 or training.shape[1] != SIGNATURE_WORDS or training.dtype != np.uint64:
        raise FacsimError(f"found signatures {training.dtype} {training.shape}, expected uint64 (M, {SIGNATURE_WORDS})")
    plain = _signed(images, WINDOWS)
    probes = [*plain, *map(_mirrored, plain)]
    coarse = [probes[i + half] for i in _CENTRED for half in (0, len(WINDOWS))]
    test, near = _candidates(coarse, training)
    bits, probe = _nearest(probes, training, test, near)
    kept = np.flatnonzero(bits <= distance)
    order = kept[np.lexsort((near[kept], bits[kept], test[kept]))]
    return Neighbours(
        test=test[order], training=near[order], distance=bits[order], mirrored=probe[order] >= len(WINDOWS)
    )


def _mirrored(signatures: Signatures) -> Signatures:
    return np.where(signatures.any(axis=1, keepdims=True), signatures ^ _MIRROR, signatures)


def _candidates(coarse: Sequence[Signatures], training: Signatures) -> tuple[_Rows, _Rows]:
    """Rows of the pairs that are coarsely near; a picture of one grey is near to nothing."""
    known = np.flatnonzero(training.any(axis=1))
    words = np.ascontiguousarray(training[known, 0])
    rows = max(1, _PAIRS_AT_ONCE // max(1, len(words)))
    found = [np.zeros(0, dtype=np.int64)]
    for probe in coarse:
        asked = np.flatnonzero(probe.any(axis=1))
        for block in (asked[at : at + rows] for at in range(0, len(asked), rows)):
            near = np.flatnonzero(np.bitwise_count(probe[block, 0][:, None] ^ words) <= _COARSE_BITS)
            found.append(block[near // len(words)] * len(training) + known[near % len(words)] if near.size else near)
    pairs = np.unique(np.concatenate(found))
    return pairs // max(1, len(training)), pairs % max(1, len(training))


def _nearest(probes: Sequence[Signatures], training: Signatures, test: _Rows, near: _Rows) -> tuple[_Rows, _Rows]:
    """The distance of each pair over all probes, and the first probe that gives it."""
    bits, which = np.full(len(test), _BITS + 1, dtype=np.int64), np.zeros(len(test), dtype=np.int64)
    for at in range(0, len(test), _PAIRS_AT_ONCE):
        part = slice(at, at + _PAIRS_AT_ONCE)
        others = training[near[part]]
        for place, probe in enumerate(probes):
            found = np.bitwise_count(probe[test[part]] ^ others).sum(axis=1, dtype=np.int64)
            nearer = found < bits[part]
            bits[part][nearer] = found[nearer]
            which[part][nearer] = place
    return bits, which
