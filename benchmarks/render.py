"""How many pictures a second are drawn on all cores, everything on, at 112 and 48 px; the share that visibility takes;
how much faster than Blender.

    python benchmarks/render.py --json

One process a core, each with its own people: every picture has an identity of its own, so that nothing is drawn from a
cache of heads. All processes start each round together, and a round's rate counts every picture over the longest time.
`visibility_fraction` is the rate of whole pictures over the rate of posing, placing and rasterising alone (for the eye
and for the light), at 112 px. `blender_ratio` is the rate at 112 px over that of as many Blender processes
(`benchmarks/blender.py`, Cycles with 16 samples), null where `bpy` is not installed. Compiling (once a machine),
loading and sampling scenes are not counted.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np

from facsim.models import drawing
from facsim.models.casting import sample_person
from facsim.models.drawing import draw
from facsim.models.identity import sample_identity
from facsim.models.scene import Scene
from facsim.models.staging import sample_scene

__all__ = ["main", "measure_processes", "sample_scenes"]

SEEDS = (1, 2, 3)
SIZES_PX = (112, 48)
SMILE = {"6L": 3.0, "6R": 3.0, "12L": 4.0, "12R": 4.0, "25": 3.0}

_Timed = tuple[str, int, float, float]
"""What was drawn ("pictures_112", "visible_112" …), seed, seconds, seconds of processor time."""


def sample_scenes(seed: int, count: int, *, process: int = 0) -> list[Scene]:
    """`count` random people in random scenes, every second one smiling with open lips."""
    generator = np.random.default_rng([seed, process] if process else seed)
    return [_sample_scene(generator, SMILE if number % 2 else {}) for number in range(count)]


def _sample_scene(generator: np.random.Generator, action_units: dict[str, float]) -> Scene:
    african, asian, european = (float(share) for share in generator.dirichlet([0.6, 0.6, 0.6]))
    age, gender = float(generator.uniform(6.0, 80.0)), float(generator.random())
    identity = sample_identity(generator, age_years=age, gender=gender, ancestry=(african, asian, european))
    tone = int(generator.integers(1, 11))
    person = sample_person(generator, identity, skin_tone_monk=tone)
    return sample_scene(generator, identity=identity, action_units=action_units, person=person)


def measure_processes(processes: int, *, count: int, device: str, batch: int) -> list[list[_Timed]]:
    """What each of `processes` timed, all at work at once; `count` pictures a round, `batch` drawn together."""
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(processes), context.SimpleQueue()
    workers = [
        context.Process(target=_work, args=(barrier, queue.put, number, count, device, batch))
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    found = dict(queue.get() for _ in workers)
    for worker in workers:
        worker.join()
    return [found[number] for number in range(processes)]


def _work(barrier: Barrier, put: Callable[[Any], None], number: int, count: int, device: str, batch: int) -> None:
    drawing.BATCH_SIZE = drawing.GPU_BATCH_SIZE = batch
    for size in SIZES_PX:
        draw(sample_scenes(0, 1), size_px=size, device=device)
        _see(sample_scenes(0, 1), size, device)
    timed: list[_Timed] = []
    for seed in SEEDS:
        scenes = sample_scenes(seed, count, process=number)
        for size in SIZES_PX:
            for name, act in (("pictures", _draw), ("visible", _see)):
                barrier.wait()
                start, busy = time.perf_counter(), time.process_time()
                act(scenes, size, device)
                timed.append((f"{name}_{size}", seed, time.perf_counter() - start, time.process_time() - busy))
    put((number, timed))


def _draw(scenes: Sequence[Scene], size_px: int, device: str) -> None:
    draw(scenes, size_px=size_px, device=device)


def _see(scenes: Sequence[Scene], size_px: int, device: str) -> None:
    """Visibility alone: pose, place and rasterise."""
    from facsim.models.exposure import see_sittings
    from facsim.models.materials import pack_looks
    from facsim.models.sitting import sit_for
    from facsim.models.studio import open_studio

    studio = open_studio(device)
    together = drawing.batch_size_for(device)
    for start in range(0, len(scenes), together):
        batch = scenes[start : start + together]
        sittings = [sit_for(scene, studio.head, studio.shell, size_px=size_px) for scene in batch]
        looks = pack_looks(sittings, device)
        see_sittings(sittings, studio, looks, size_px=size_px).visible.numpy()


def _rates(timed: list[list[_Timed]], name: str, count: int) -> dict[str, Any]:
    """Each seed's rate over all processes and their median; each process's own; and per second of processor time."""
    rounds = [[row for row in rows if row[0] == name] for rows in timed]
    each = [len(timed) * count / max(row[2] for row in together) for together in zip(*rounds, strict=True)]
    return {
        "value": round(statistics.median(each), 2),
        "each_seed": [round(rate, 2) for rate in each],
        "each_process": [round(statistics.median(count / row[2] for row in rows), 2) for rows in rounds],
        "per_cpu_s": round(statistics.median(count / row[3] for rows in rounds for row in rows), 2),
    }


def _measure_blender(processes: int, count: int, *, plain: bool) -> float | None:
    """Pictures a second of as many Blender processes at once; None where `bpy` is not installed."""
    if importlib.util.find_spec("bpy") is None:
        return None
    script = Path(__file__).with_name("blender.py")
    command = [sys.executable, str(script), "--json", "--size", "112", "--count", str(count)]
    command += ["--plain"] * plain
    running = [
        subprocess.Popen([*command, "--seed", str(number + 1)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for number in range(processes)
    ]
    answers = [worker.communicate()[0].decode().splitlines() for worker in running]
    if any(worker.returncode for worker in running):
        sys.exit(f"a Blender process failed; run it alone to see why: {' '.join(command)}")
    return sum(json.loads(lines[-1])["pictures_per_s"] for lines in answers)


def _summarise(timed: list[list[_Timed]], asked: argparse.Namespace) -> dict[str, Any]:
    names = dict.fromkeys(row[0] for row in timed[0])
    rates = {name: _rates(timed, name, asked.count) for name in names}
    found: dict[str, Any] = {f"pictures_per_s_{size}": rates[f"pictures_{size}"]["value"] for size in SIZES_PX}
    blender = {
        name: None if asked.no_blender else _measure_blender(asked.processes, asked.blender_count, plain=plain)
        for name, plain in (("blender", False), ("blender_plain", True))
    }
    for name, rate in blender.items():
        found[f"{name}_ratio"] = rate and round(found["pictures_per_s_112"] / rate, 1)
    for size in reversed(SIZES_PX):
        fraction = rates[f"pictures_{size}"]["value"] / rates[f"visible_{size}"]["value"]
        found["visibility_fraction" if size == SIZES_PX[0] else f"visibility_fraction_{size}"] = round(fraction, 3)
    found |= {"rates": rates, "blender_pictures_per_s": blender, "processes": asked.processes, "n": asked.count}
    return found | {"seeds": list(SEEDS), "device": asked.device, "batch": asked.batch}


def _time_first(device: str) -> float:
    start = time.perf_counter()
    draw(sample_scenes(0, 1), size_px=SIZES_PX[0], device=device)
    return round(time.perf_counter() - start, 2)


def main() -> int:
    """Measure, and print a table or, with --json, one object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--count", type=int, default=64, help="pictures a process draws for each seed and size")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)), help="default: one a core")
    parser.add_argument("--device", default="cpu", help="Warp device, such as cuda:0")
    parser.add_argument("--batch", type=int, help="pictures that a process draws together; default: the device's")
    parser.add_argument("--blender-count", type=int, default=8, help="pictures that each Blender process draws")
    parser.add_argument("--no-blender", action="store_true", help="do not measure Blender")
    asked = parser.parse_args()
    asked.batch = asked.batch or drawing.batch_size_for(asked.device)
    first = _time_first(asked.device)
    load = os.getloadavg()[0]
    found = _summarise(
        measure_processes(asked.processes, count=asked.count, device=asked.device, batch=asked.batch), asked
    )
    machine = f"{platform.machine()} {platform.processor()}".strip()
    found |= {"first_picture_s": first, "load_before": round(load, 2), "machine": machine}
    print(json.dumps(found) if asked.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
