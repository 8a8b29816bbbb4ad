"""Arrays that are slow to derive and quick to load, kept in the user's cache folder.

The folder is `FACSIM_CACHE` where that is set, else platformdirs' `user_cache_dir("facsim")`. A file lands whole or
not at all, so that worker processes can race for it: the last rename wins and all of them hold the same bytes.
"""

import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

__all__ = ["Arrays", "find_cache_folder", "load_cached", "write_arrays"]

Arrays = Mapping[str, NDArray[Any]]
"""Array name -> array; no object arrays, so nothing is ever unpickled."""


def find_cache_folder() -> Path:
    """Where derived arrays are kept: `$FACSIM_CACHE`, else the platform's cache folder for facsim."""
    return Path(os.environ.get("FACSIM_CACHE") or platformdirs.user_cache_dir("facsim"))


def load_cached(name: str, *, key: str, build: Callable[[], Arrays]) -> Arrays:
    """The arrays of `build()`, from `<cache>/<name>-<key>.npz` where that file is whole, else built and written there.

    A damaged file is rebuilt and replaced; a folder that cannot be written to costs only the time to build again.
    """
    path = find_cache_folder() / f"{name}-{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            return {entry: file[entry] for entry in file.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        arrays = build()
    try:
        write_arrays(path, arrays)
    except OSError:
        return arrays
    return arrays


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write `arrays` as an uncompressed .npz at `path`, by a rename within its folder."""
    buffer = io.BytesIO()
    np.savez(buffer, **dict(arrays))  # type: ignore[arg-type]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(buffer.getvalue())
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
