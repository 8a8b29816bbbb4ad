"""How much of memory and of the disk decoded pictures may take: two settings of the environment.

They say where pictures lie, never what they are: any value gives the same pictures, sooner or later.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from facsim.errors import FacsimError

__all__ = ["cache_bytes", "memory_bytes"]

_MEMORY_GB = 2.0
_CACHE_GB = 64.0  # AffectNet's 287,651 pictures at 224 px RGB are 43 GB


def memory_bytes() -> int:
    """How large the pictures of one set may be to be held in memory: `$FACSIM_MEMORY_GB`, else 2 GB (10⁹ bytes)."""
    found = _setting("FACSIM_MEMORY_GB")
    return int(1e9 * (_MEMORY_GB if found is None else found))


def cache_bytes(folder: Path, *, used: int) -> int:
    """How much the decoded pictures of all sets may take in `folder`, of which `used` are taken: `$FACSIM_CACHE_GB`.

    By default 64 GB, or half of what the disk has left for them where that is less; 0 keeps nothing.
    """
    found = _setting("FACSIM_CACHE_GB")
    if found is not None:
        return int(1e9 * found)
    there = next((place for place in (folder, *folder.parents) if place.exists()), Path("."))
    return min(int(1e9 * _CACHE_GB), (shutil.disk_usage(there).free + used) // 2)


def _setting(name: str) -> float | None:
    text = os.environ.get(name, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise FacsimError(f'found {name} = "{text}", expected a number of gigabytes, 0 or more')
    return value
