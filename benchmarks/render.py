"""How many pictures a second one process draws on a CPU, everything on, at 112 and 48 px; where the time goes.

    python benchmarks/render.py --json

Every picture has an identity of its own, so that nothing is drawn from a cache of heads. Compiling (once a machine)
and loading are timed apart. Run one process a core to fill a machine; the bits do not depend on it.
"""

import argparse
import json
import platform
import statistics
import sys
import time

import numpy as np

from facsim.models.casting import sample_person
from facsim.models.drawing import draw
from facsim.models.identity import sample_identity
from facsim.models.scene import Scene
from facsim.models.staging import sample_scene

__all__ = ["main", "measure_rate", "sample_scenes"]

SEEDS = (1, 2, 3)
SIZES_PX = (112, 48)
SMILE = {"6L": 3.0, "6R": 3.0, "12L": 4.0, "12R": 4.0, "25": 3.0}


def sample_scenes(seed: int, count: int) -> list[Scene]:
    """`count` random people in random scenes, every second one smiling with open lips."""
    generator = np.random.default_rng(seed)
    return [_sample_scene(generator, SMILE if number % 2 else {}) for number in range(count)]


def _sample_scene(generator: np.random.Generator, action_units: dict[str, float]) -> Scene:
    african, asian, european = (float(share) for share in generator.dirichlet([0.6, 0.6, 0.6]))
    age, gender = float(generator.uniform(6.0, 80.0)), float(generator.random())
    identity = sample_identity(generator, age_years=age, gender=gender, ancestry=(african, asian, european))
    tone = int(generator.integers(1, 11))
    person = sample_person(generator, identity, skin_tone_monk=tone)
    return sample_scene(generator, identity=identity, action_units=action_units, person=person)


def measure_rate(size_px: int, *, count: int, device: str) -> dict[str, float | list[float]]:
    """Pictures a second over `SEEDS`: the median, each seed's own, and the median per second of processor time.

    The process has one thread, so the last is what a core gives that nothing else is using.
    """
    rates, lone = [], []
    for seed in SEEDS:
        scenes = sample_scenes(seed, count)
        start, busy = time.perf_counter(), time.process_time()
        draw(scenes, size_px=size_px, device=device)
        rates.append(count / (time.perf_counter() - start))
        lone.append(count / (time.process_time() - busy))
    each = [round(rate, 2) for rate in rates]
    return {"value": round(statistics.median(rates), 2), "each": each, "per_cpu_s": round(statistics.median(lone), 2)}


def main() -> int:
    """Measure, and print a table or, with --json, one object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--count", type=int, default=64, help="pictures per seed")
    parser.add_argument("--device", default="cpu", help="Warp device, such as cuda:0")
    chosen = parser.parse_args()
    start = time.perf_counter()
    draw(sample_scenes(0, 1), size_px=SIZES_PX[0], device=chosen.device)
    loading = time.perf_counter() - start
    found: dict[str, object] = {
        f"pictures_per_s_{size}": measure_rate(size, count=chosen.count, device=chosen.device) for size in SIZES_PX
    }
    found |= {"first_picture_s": round(loading, 2), "n": chosen.count, "seeds": list(SEEDS), "device": chosen.device}
    found |= {"processes": 1, "machine": f"{platform.machine()} {platform.processor()}".strip()}
    print(json.dumps(found) if chosen.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
