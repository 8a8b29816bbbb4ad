"""How far a GPU's pictures are from the CPU's, and where the time goes on it.

    python benchmarks/devices.py --json                                  # a machine with both
    python benchmarks/devices.py --device cpu --save cpu.npz             # or the two apart
    python benchmarks/devices.py --device cuda:0 --against cpu.npz --json

Random people in random scenes (those of `benchmarks/render.py`) are drawn at 112 and 48 px on both devices. For each
size: the lowest and the median PSNR of a picture, over all of its values, and the share of pixels whose three channels
all lie within 2 of 255; the issue asks for 40 dB and 99.5 %. `kernels_ms` is what the device alone takes for a picture
of `--batch`, by kernel, and `host_ms` what the process takes around it.
"""

import argparse
import json
import platform
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp
from render import sample_scenes

from facsim.models import drawing
from facsim.models.drawing import draw

SEED = 7
SIZES_PX = (112, 48)
WITHIN = 2


def pictures_of(device: str, count: int, size_px: int) -> np.ndarray:
    """(count, S, S, 3) uint8."""
    scenes = sample_scenes(SEED, count)
    return np.stack([one.picture for one in draw(scenes, size_px=size_px, device=device)])


def compare(one: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    """PSNR in dB, lowest and median over pictures; shares of pixels within 2/255, of all and of the worst picture."""
    difference = np.abs(one.astype(np.float64) - other.astype(np.float64))
    error = np.maximum((difference**2).mean(axis=(1, 2, 3)), 1e-3)
    psnr = 10.0 * np.log10(255.0**2 / error)
    within = (difference.max(axis=3) <= WITHIN).mean(axis=(1, 2))
    return {
        "psnr_db_lowest": round(float(psnr.min()), 2),
        "psnr_db_median": round(float(np.median(psnr)), 2),
        "psnr_db_pooled": round(float(10.0 * np.log10(255.0**2 / error.mean())), 2),
        "pixels_within": round(float(within.mean()), 5),
        "pixels_within_lowest": round(float(within.min()), 5),
        "pictures_under_40_db": int((psnr < 40.0).sum()),
        "n": len(one),
    }


@contextmanager
def kernels_timed(device: str, seconds: Counter[str]):
    """Every launch waited for, and its time added under the kernel's name."""
    launch = wp.launch

    def timed(kernel: Any, *given: Any, **named: Any) -> Any:
        wp.synchronize_device(device)
        start = time.perf_counter()
        result = launch(kernel, *given, **named)
        wp.synchronize_device(device)
        seconds[kernel.key] += time.perf_counter() - start
        return result

    wp.launch = timed
    try:
        yield
    finally:
        wp.launch = launch


def measure_time(device: str, count: int, size_px: int) -> dict[str, Any]:
    """Milliseconds a picture: of each kernel, and of the process around them."""
    scenes = sample_scenes(SEED + 1, count)
    draw(scenes[: drawing.batch_size_for(device)], size_px=size_px, device=device)
    start = time.perf_counter()
    draw(scenes, size_px=size_px, device=device)
    whole = time.perf_counter() - start
    seconds: Counter[str] = Counter()
    with kernels_timed(device, seconds):
        draw(scenes, size_px=size_px, device=device)
    kernels = {name.strip("_"): round(1e3 * value / count, 4) for name, value in seconds.most_common()}
    return {
        "pictures_per_s_one_process": round(count / whole, 1),
        "kernels_ms": kernels,
        "host_ms": round(1e3 * whole / count - sum(kernels.values()), 3),
    }


def main() -> int:
    """Compare and time, and print one JSON object, or as text."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--device", default="cuda:0", help="a Warp device")
    parser.add_argument("--count", type=int, default=128, help="pictures compared at each size")
    parser.add_argument("--batch", type=int, help="pictures drawn together; default: the device's")
    parser.add_argument("--save", type=Path, help="only draw, and keep the pictures here")
    parser.add_argument("--against", type=Path, help="pictures that --save kept; default: drawn here on the CPU")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    asked = parser.parse_args()
    asked.batch = asked.batch or drawing.batch_size_for(asked.device)
    drawing.BATCH_SIZE = drawing.GPU_BATCH_SIZE = asked.batch
    start = time.perf_counter()
    drawn = {str(size): pictures_of(asked.device, asked.count, size) for size in SIZES_PX}
    first = time.perf_counter() - start
    if asked.save:
        np.savez_compressed(asked.save, **drawn)
        return 0
    other = dict(np.load(asked.against)) if asked.against else None
    found: dict[str, Any] = {"device": asked.device, "batch": asked.batch, "seed": SEED}
    for size in SIZES_PX:
        reference = other[str(size)][: asked.count] if other else pictures_of("cpu", asked.count, size)
        found[f"against_cpu_{size}"] = compare(drawn[str(size)], reference)
        found[f"time_{size}"] = measure_time(asked.device, asked.count, size)
    found |= {"first_pass_s": round(first, 1), "machine": platform.machine(), "gpu": _gpu_name(asked.device)}
    print(json.dumps(found) if asked.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0


def _gpu_name(device: str) -> str:
    return wp.get_device(device).name


if __name__ == "__main__":
    sys.exit(main())
