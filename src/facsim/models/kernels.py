"""Compiles or loads the drawing kernels, one process at a time, so that workers which start together do not all
compile.

Warp keeps compiled kernels in its own cache folder and lands them by a rename; the lock only saves the work of doing
it twice. The first load on a machine takes some ten seconds, later ones well under one.
"""

import fcntl
from functools import lru_cache

import warp as wp

from facsim.models import develop, posing, raster, shading
from facsim.models.asset_cache import find_cache_folder

__all__ = ["load_kernels"]


@lru_cache(maxsize=8)
def load_kernels(device: str) -> None:
    """Make every drawing kernel ready on a Warp device."""
    # by default Warp reports every module that it loads
    wp.config.log_level = max(wp.config.log_level, wp.LOG_WARNING)
    folder = find_cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "kernels.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for module in (raster, posing, shading, develop):
            wp.load_module(module, device=device)
