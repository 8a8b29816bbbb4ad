"""Features of a set of pictures in a file that is mapped and not held: memory does not grow with the set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.learn.data import Pictures
from facsim.learn.extractors import Extractor, Features

__all__ = ["OnExtracted", "map_features"]

OnExtracted = Callable[[int, int], None]
"""Called with the pictures that are done and all there are."""


def map_features(
    extractor: Extractor,
    pictures: Pictures,
    file: Path,
    *,
    batch_size: int = 128,
    on_extracted: OnExtracted | None = None,
) -> Features:
    """Features float32 (N, width) of the pictures, a read-only map of `file` (a .npy file, which it writes).

    Raises FacsimError where the pictures are not of the extractor's shape, or where a feature is no number.
    """
    if pictures.shape != extractor.shape:
        raise FacsimError(f"found pictures {pictures.shape}, expected {extractor.shape} as {extractor.name} reads them")
    shape = (len(pictures), extractor.width)
    held: NDArray[np.float32] = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
    for at in range(0, len(pictures), batch_size):
        part = extractor.extract(np.asarray(pictures.images[at : at + batch_size]))
        if not np.isfinite(part).all():
            raise FacsimError(f"{extractor.name} gives features that are no numbers; its weights are damaged")
        held[at : at + len(part)] = part
        if on_extracted is not None:
            on_extracted(at + len(part), len(pictures))
    del held  # written before it is read
    return np.load(file, mmap_mode="r")
