"""How many pictures a second are labelled: facsim's whole pipeline beside what people use, on the same pictures.

    python benchmarks/labelling.py --json
    python benchmarks/labelling.py --pictures runs/people --peer-python peers/bin/python \\
        --landmarker face_landmarker.task --json

decode → find and align the face → action units → expression → identity → write, on --workers processes, one thread
each. `same_work` is the peer that does all of it (benchmarks/peers/labelling_peer.py says what it is made of), `fer`
finds faces and scores expressions alone. Each process gets an equal share of the pictures. All are
counted twice: steady, without the start of processes, the loading of weights and a peer's first picture (of facsim by
the difference between --count pictures and a fifth of them), and whole, from the start to the end. Like is compared
with like. `cpu_ms` is what a picture takes of a core: on a machine that others use, its ratios say more than those of
the clock.

Without --pictures, renders of --size px are drawn first. Alternating rounds: every round measures each once.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facsim.provenance import environment
from facsim.recipe import parse_recipe
from facsim.runner import run
from facsim.sources.render import render

PIPELINE = """
[[input]]
path = "{folder}"
format = "pictures"

[[step]]
use = "ingest"

[[step]]
use = "detect"

[[step]]
use = "align"

[[step]]
use = "action_units"

[[step]]
use = "expression"

[[step]]
use = "identity"
"""


def main() -> None:
    asked = _arguments()
    place = Path(tempfile.mkdtemp(prefix="labelling-"))
    try:
        folder = _pictures(asked, place)
        rounds = [_round(asked, folder, place / f"round-{turn}") for turn in range(asked.rounds)]
    finally:
        shutil.rmtree(place)
    names = [name for name in rounds[0] if name not in ("faces", "cpu_ms")]
    rates = {name: [found[name] for found in rounds] for name in names}
    cpu_ms = {name: statistics.median(found["cpu_ms"][name] for found in rounds) for name in names}
    peer = "same_work" if "same_work" in rates else None
    found: dict[str, Any] = {
        "pictures": asked.count,
        "workers": asked.workers,
        "pictures_per_s": statistics.median(rates["steady"]),
        "whole_pictures_per_s": statistics.median(rates["whole"]),
        "peer": statistics.median(rates[peer]) if peer else None,
        "ratio": _ratio(rates, "steady", peer),
        "ratio_whole": _ratio(rates, "whole", "same_work_whole" if peer else None),
        "ratio_to_fer": _ratio(rates, "steady", "fer" if "fer" in rates else None),
        "cpu_ms": cpu_ms,
        "ratio_cpu": cpu_ms[peer] / cpu_ms["steady"] if peer else None,
        "ratio_cpu_whole": cpu_ms["same_work_whole"] / cpu_ms["whole"] if peer else None,
        "rounds": rates,
        "faces": rounds[0]["faces"],
        "environment": environment(),
    }
    print(json.dumps(found, indent=1) if asked.json else _table(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="a flat folder of PNG pictures; none: renders are drawn")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--size", type=int, default=224, help="side of the renders that are drawn, px")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python", help="the interpreter of an environment that has the peers")
    parser.add_argument("--landmarker", help="MediaPipe's face_landmarker.task, for the peer that does the same work")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _pictures(asked: argparse.Namespace, place: Path) -> Path:
    """A folder of --count PNG pictures: the first of those given, or renders."""
    folder = place / "pictures"
    folder.mkdir()
    if asked.pictures:
        files = sorted(asked.pictures.glob("*.png"))[: asked.count]
        if len(files) < asked.count:
            sys.exit(f"{asked.pictures} holds {len(files)} PNG pictures, expected {asked.count}; lower --count")
        for file in files:
            shutil.copy(file, folder / file.name)
        return folder
    people = [render("6+12C", size_px=asked.size, seed=seed) for seed in range(40)]
    from facsim.pictures import encode_picture

    for index in range(asked.count):  # the same forty people again, each turned a pixel further, so that none repeats
        picture = people[index % 40].picture.copy()
        picture[0, index // 40] = 255 - picture[0, index // 40]
        (folder / f"{index:05}.png").write_bytes(encode_picture(picture))
    return folder


def _round(asked: argparse.Namespace, folder: Path, place: Path) -> dict[str, Any]:
    few = place / "few"
    few.mkdir(parents=True)
    files = sorted(folder.glob("*.png"))
    for file in files[: asked.count // 5]:
        os.link(file, few / file.name)
    whole, part = _facsim(folder, place / "run", asked.workers), _facsim(few, place / "part", asked.workers)
    more = asked.count - asked.count // 5
    found: dict[str, Any] = {
        "whole": asked.count / whole[0],
        "steady": more / (whole[0] - part[0]),
        "cpu_ms": {"whole": 1000 * whole[1] / asked.count, "steady": 1000 * (whole[1] - part[1]) / more},
        "faces": {},
    }
    if asked.peer_python:
        for name, peer in (("fer", "fer"), ("same_work", "stack")):
            if peer == "fer" or asked.landmarker:
                measured = _peer(asked, folder, peer)
                found |= {name: measured.rate, f"{name}_whole": measured.whole_rate}
                found["cpu_ms"] |= {name: measured.cpu_ms, f"{name}_whole": measured.whole_cpu_ms}
                found["faces"][name] = measured.faces
    return found


def _facsim(folder: Path, out: Path, workers: int) -> tuple[float, float]:
    """Seconds by the clock, and of the cores."""
    began, used = time.monotonic(), _cpu_s()
    run(parse_recipe(PIPELINE.format(folder=folder)), str(out), workers=workers)
    return time.monotonic() - began, _cpu_s() - used


def _cpu_s() -> float:
    """Seconds of a core that this process and those that it awaited have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """Pictures a second and a core's milliseconds a picture, without the start and with it; faces found."""

    rate: float
    whole_rate: float
    cpu_ms: float
    whole_cpu_ms: float
    faces: int


def _peer(asked: argparse.Namespace, folder: Path, peer: str) -> _Measured:
    """What as many processes as facsim has do of the peer's work."""
    script = Path(__file__).parent / "peers" / "labelling_peer.py"
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    commands = [
        [asked.peer_python, str(script), str(folder), "--peer", peer, "--share", f"{part}/{asked.workers}"]
        + (["--landmarker", asked.landmarker] if asked.landmarker else [])
        for part in range(asked.workers)
    ]
    began, used = time.monotonic(), _cpu_s()
    started = [subprocess.Popen(one, stdout=subprocess.PIPE, text=True, env=settings) for one in commands]
    told: list[Mapping[str, Any]] = []
    for process in started:
        text, _ = process.communicate()
        if process.returncode:
            sys.exit(f"{peer} ended with {process.returncode}; its environment is described in {script.name}")
        told.append(json.loads(text.strip().splitlines()[-1]))
    whole_s, whole_cpu_s = time.monotonic() - began, _cpu_s() - used
    pictures = sum(one["pictures"] for one in told)
    return _Measured(
        rate=pictures / max(one["seconds"] for one in told),
        whole_rate=asked.count / whole_s,
        cpu_ms=1000 * sum(one["cpu_s"] for one in told) / pictures,
        whole_cpu_ms=1000 * whole_cpu_s / asked.count,
        faces=sum(one["faces"] for one in told),
    )


def _ratio(rates: Mapping[str, list[float]], own: str, peer: str | None) -> float | None:
    """The median over rounds of own over peer, measured side by side."""
    if peer is None:
        return None
    return statistics.median(a / b for a, b in zip(rates[own], rates[peer], strict=True))


def _table(found: Mapping[str, Any]) -> str:
    lines = [
        f"{found['pictures']} pictures, {found['workers']} processes, median of {len(found['rounds']['whole'])} rounds"
    ]
    lines += [f"{name:16} {statistics.median(values):8.1f} pictures/s" for name, values in found["rounds"].items()]
    lines += [
        f"{name}: {found[name]}" for name in ("ratio", "ratio_whole", "ratio_to_fer", "ratio_cpu", "ratio_cpu_whole")
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
