"""Which test pictures the model has seen: hashes of the training pictures, kept beside the weights."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facsim.errors import WeightsError
from facsim.models.weights import write_whole

__all__ = ["HASHES_FILE", "load_training_hashes", "save_training_hashes", "seen_in"]

HASHES_FILE = "training_hashes.npy"


def save_training_hashes(folder: str | os.PathLike[str], hashes: NDArray[np.uint64]) -> None:
    """Write the distinct `facsim.learn.data.pixel_hash` values of the training pictures, sorted: 8 bytes each."""
    buffer = io.BytesIO()
    np.save(buffer, np.unique(hashes), allow_pickle=False)
    write_whole(Path(folder) / HASHES_FILE, buffer.getvalue())


def load_training_hashes(folder: str | os.PathLike[str]) -> NDArray[np.uint64] | None:
    """The sorted hashes uint64 (M,) that lie beside a model, or None where none do.

    Raises WeightsError where the file is damaged.
    """
    place = Path(folder)
    file = (place if place.is_dir() else place.parent) / HASHES_FILE
    if not file.exists():
        return None
    try:
        hashes = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise WeightsError(f"{file} cannot be read ({error}); train the model again") from error
    if hashes.dtype != np.uint64 or hashes.ndim != 1:
        raise WeightsError(f"{file} holds {hashes.dtype} {hashes.shape}, expected uint64 (M,); train the model again")
    return hashes


def seen_in(hashes: NDArray[np.uint64], training: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of `hashes` (N,) are among `training` (M,): bool (N,)."""
    return np.isin(hashes, training)
