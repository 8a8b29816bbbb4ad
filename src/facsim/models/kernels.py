"""Compiles or loads the drawing kernels, one process at a time, so that workers which start together do not all
compile.

Warp keeps compiled kernels in its own cache folder and lands them by a rename; the lock only saves the work of doing
it twice. The first load on a machine takes some ten seconds, later ones well under one.
"""

import fcntl
import os
import sys
from functools import lru_cache
from types import ModuleType

import warp as wp

from facsim.models import develop, posing, raster, shading
from facsim.models.asset_cache import find_cache_folder

__all__ = ["load_kernels", "prepare_modules"]


@lru_cache(maxsize=8)
def load_kernels(device: str) -> None:
    """Make every drawing kernel ready on a Warp device."""
    wp.config.log_level = max(wp.config.log_level, wp.LOG_WARNING)  # by default Warp reports every module it loads
    _start_warp(device)
    folder = find_cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "kernels.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for module in prepare_modules(device):
            wp.load_module(module, device=device)


def prepare_modules(device: str) -> tuple[ModuleType, ...]:
    """The modules whose kernels draw, with the options that they are compiled with for a Warp device."""
    if device != "cpu":
        # Unrolled, shading takes NVIDIA's compiler over ten minutes; as loops, seconds. On a CPU unrolled is a seventh
        # faster, and its bits are the same either way. Exact division, roots and powers are half of a GPU's program,
        # and a picture has eight bits.
        wp.set_module_options({"max_unroll": 0, "fast_math": True}, module=shading)
    return raster, posing, shading, develop


def _start_warp(device: str) -> None:
    """Start Warp. On a CPU without its notice that there is no GPU, which its library prints past every setting."""
    if device != "cpu":
        wp.init()
        return
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        wp.init()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
