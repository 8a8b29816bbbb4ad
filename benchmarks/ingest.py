"""How fast pictures are ingested from an archive, and in how much memory, as the archive grows.

    python benchmarks/ingest.py --json
    python benchmarks/ingest.py --counts 2000 20000 100000 --kind tar
    python benchmarks/ingest.py --steps labels --counts 2000 20000 --json
    python benchmarks/ingest.py --steps tables --json

A tar (or zip, or tar.gz) of tiny pictures (8×8 PNG, all different) in class folders is ingested by `facsim ingest
--no-dedupe`, in a process of its own with the serial executor: every picture is listed, hashed, read again, decoded and
written. A picture so small leaves the machinery's own cost, which is what could grow. With `--steps labels` the run
goes on to a label stage, and to vote, dedupe and select, which judge the whole run. `--steps tables` does too, but
with scores that are drawn where the label stage would ask its network, without keeping decoded pictures for the next
step (at most 128 MB of them are, which pictures so small never fill), and with noise where cleanlab is installed.

    pictures_per_s    pictures over the seconds of listing and reading, start of the process aside
    listing_s         seconds for the rows: every picture found, read and hashed
    peak_rss_mb       the process's greatest resident memory
    peak_by_step_mb   that, as it was when each step was over
    growth_kb         kilobytes of that for each picture more, between the least and the greatest count
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.provenance import environment

__all__ = ["STEPS", "main", "measure", "write_archive"]

COUNTS = (2_000, 20_000, 100_000)
_PROGRAM = """
import json, resource, sys, time
from facsim.recipe import parse_recipe
from facsim.runner import plan_run, run
recipe = parse_recipe('[[input]]\\npath = "' + sys.argv[1] + '"\\n[[step]]\\nuse = "ingest"\\n' + sys.argv[3])
peaks = {}
def told(progress):
    peaks[progress.step] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
begun = time.monotonic()
plan_run(recipe, sys.argv[2])
listed = time.monotonic()
done = run(recipe, sys.argv[2], executor="serial", on_progress=told)
ended = time.monotonic()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
sick = sum(value is not None for batch in done.batches(["ingest.problem"])
           for value in batch.column("ingest.problem").to_pylist())
print(json.dumps({"rows": done.num_rows, "problems": sick, "listing_s": listed - begun, "seconds": ended - begun,
                  "peak_rss_mb": peak, "peak_by_step_mb": peaks}))
"""
_DRAWN = """
import numpy
from facsim.labels import expression
from facsim.picture_memory import PICTURES
from facsim.sample import generator_for
PICTURES._most = 0
def drawn(samples):
    scores = [numpy.round(generator_for(s.sample_id, "scores").dirichlet([0.3] * 8), 4) for s in samples]
    return [expression._row(row / row.sum(), "drawn") for row in scores]
expression.Expression.open = lambda self, device: drawn
"""

STEPS = {
    "ingest": "",
    "labels": """
[[step]]
use = "expression"
crop = "image"
[[step]]
use = "hash"
[[step]]
use = "vote"
teachers = ["expression"]
labels = ["expression_given"]
[[step]]
use = "dedupe"
distance = 4
[[step]]
use = "select"
by = "expression_label"
score = "vote_confidence"
most = 1000
""",
}
_NOISE = """
[[step]]
use = "noise"
labels = "expression_given"
"""
STEPS["tables"] = STEPS["labels"] + (_NOISE if importlib.util.find_spec("cleanlab") else "")
"""What a run does: nothing but ingest, or that and the steps that judge whole runs, as TOML."""


def write_archive(path: Path, count: int, kind: str) -> None:
    """`count` different pictures as `<class>/<number>.png` in an archive."""
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in _pictures(count):
                archive.writestr(name, data)
        return
    with tarfile.open(path, "w:gz" if kind == "tgz" else "w") as archive:
        for name, data in _pictures(count):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def _pictures(count: int) -> Iterator[tuple[str, bytes]]:
    for number in range(count):
        yield f"{SEVEN_EXPRESSIONS[number % 7]}/{number:07d}.png", _png(number)


def _png(number: int) -> bytes:
    """An 8×8 grey PNG whose first pixels spell the number."""
    rows = b"".join(b"\0" + struct.pack(">II", number, row) for row in range(8))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def measure(count: int, kind: str, folder: Path, *, steps: str = "ingest") -> dict[str, Any]:
    """Ingest `count` pictures; what the process says of itself, with `pictures_per_s`."""
    path = folder / f"faces-{count}.{kind}"
    write_archive(path, count, kind)
    program = _DRAWN + _PROGRAM if steps == "tables" else _PROGRAM
    out = subprocess.run(
        [sys.executable, "-c", program, str(path), str(folder / f"run-{count}"), STEPS[steps]],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(out.stdout.splitlines()[-1])
    if found["rows"] != count or found["problems"]:
        raise RuntimeError(f"{count} pictures became {found['rows']} rows, {found['problems']} with problems")
    return {"pictures": count, "pictures_per_s": count / found["seconds"], **found}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    parser.add_argument("--kind", choices=("tar", "tgz", "zip"), default="tar")
    parser.add_argument("--steps", choices=tuple(STEPS), default="ingest", help="what is done with the pictures")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="facsim-ingest-") as folder:
        rows = [measure(count, options.kind, Path(folder), steps=options.steps) for count in sorted(options.counts)]
    least, most = rows[0], rows[-1]
    more = most["pictures"] - least["pictures"]
    growth = 1024 * (most["peak_rss_mb"] - least["peak_rss_mb"]) / more if more else 0.0
    facts = {
        "kind": options.kind,
        "steps": options.steps,
        "sizes": rows,
        "growth_kb": growth,
        "seconds": time.monotonic() - started,
    }
    if options.json:
        print(json.dumps({**facts, "environment": environment()}, indent=2))
        return
    for row in rows:
        print(
            f"{row['pictures']:>8} pictures  {row['pictures_per_s']:8.0f}/s  listing {row['listing_s']:6.1f} s  "
            f"peak {row['peak_rss_mb']:6.0f} MB"
        )
    print(f"{growth:.2f} kB of memory a picture more")


if __name__ == "__main__":
    main()
