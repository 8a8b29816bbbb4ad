"""How many pictures a second the studio's page gets while a slider is dragged: one client, over HTTP on the loopback
address, another coding in every picture.

    python benchmarks/studio.py --json

A picture counts when its pixels have arrived and their length is right. Loading is not counted. The server draws with
one thread, in the process of the client.
"""

import argparse
import http.client
import json
import platform
import statistics
import struct
import sys
import threading
import time
from typing import Any

import numpy as np

from facsim.models.action_units import SUPPORTED_AUS
from facsim.studio.server import StudioServer, start_server

__all__ = ["main", "measure_rate", "sample_codings"]

SEEDS = (0, 1, 2)
SIZE_PX = 224


def sample_codings(seed: int, count: int) -> list[dict[str, float]]:
    """`count` codings, each of six action units at random intensities: nothing is drawn twice."""
    generator = np.random.default_rng(seed)
    chosen = [generator.choice(SUPPORTED_AUS, 6, replace=False) for _ in range(count)]
    return [{str(key): round(float(generator.uniform(0.5, 5.0)), 2) for key in keys} for keys in chosen]


def measure_rate(server: StudioServer, *, seed: int, count: int) -> dict[str, float]:
    """Pictures a second, and a second of processor time, of one person whose face moves in every picture."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    _fetch(connection, server, {"seed": seed})
    start, busy = time.perf_counter(), time.process_time()
    for turn, coding in enumerate(sample_codings(seed, count)):
        settings = {"seed": seed, "turn": turn, "page": f"bench {seed}", "size_px": SIZE_PX, "coding": coding}
        _fetch(connection, server, settings)
    wall, cpu = time.perf_counter() - start, time.process_time() - busy
    return {"wall": count / wall, "cpu": count / cpu}


def _fetch(connection: http.client.HTTPConnection, server: StudioServer, settings: dict[str, Any]) -> None:
    path = f"/{server.desk.token}/picture"
    connection.request("POST", path, json.dumps(settings), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    known = struct.unpack("<I", body[:4])[0]
    if answer.status != 200 or len(body) != 4 + known + 3 * SIZE_PX**2 + 48**2:
        raise RuntimeError(f"found an answer {answer.status} of {len(body)} bytes: {body[:200]!r}")


def main() -> int:
    """Measure, and print a table or, with --json, one object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--count", type=int, default=100, help="pictures per seed")
    chosen = parser.parse_args()
    with start_server(port=0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        rates = [measure_rate(server, seed=seed, count=chosen.count) for seed in SEEDS]
        server.shutdown()
    found: dict[str, object] = {
        "pictures_per_s_224": round(statistics.median(rate["wall"] for rate in rates), 2),
        "each": [round(rate["wall"], 2) for rate in rates],
        "per_cpu_s": round(statistics.median(rate["cpu"] for rate in rates), 2),
        "n": chosen.count,
        "seeds": list(SEEDS),
        "machine": f"{platform.machine()} {platform.processor()}".strip(),
    }
    print(json.dumps(found) if chosen.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
