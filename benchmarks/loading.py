"""How many pictures a second a training loop is handed, against a class-folder loader in plain torch.

    python benchmarks/loading.py --json
    python benchmarks/loading.py --source ../shared/data/faces --settings 112-grey48

The peer is what anybody writes: a `Dataset` over a class folder that opens, converts and resizes with Pillow, in a
`DataLoader` with two workers that stay alive. Ours is `facsim.learn.sources.load_pictures` with an empty cache, and
`Feeder`. Both hand over shuffled uint8 batches of 64 on the CPU, of the same pictures (checked: no pixel differs by
more than 2). They take turns, in an order that alternates, and ratios are of neighbouring turns, so that another
program on the machine slows both.

    first       the first epoch: for the peer its start, for ours listing, decoding, hashing and writing the cache
    later       every epoch after it
    whole       all epochs of one training (12), loading alone: `ratio` is the least of these over the settings
    cpu         seconds of processor time for the whole, workers and their start with it: what a busy machine leaves as
                it is; `cpu_ratio` is the peer's over ours
    streamed    one epoch of ours with no room in memory or cache: decoded anew, after a first pass for the hashes
    training    the small CNN's steps, fed by either; `waiting_share` is the greatest share of that time, over the
                settings, that our loop waits for a batch once the pictures are loaded, and `waiting_share_whole` with
                the first load counted as waiting, over the 12 epochs that the measured steps come to

Files lie in the page cache for both, as they were just written. Ours would wait 2 s more for pictures that were written
less than 2 s before (`facsim.learn.picture_cache`): the benchmark lets them come of age first.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.learn.data import Pictures
from facsim.learn.loading import Feeder
from facsim.learn.sampler import batches_of
from facsim.learn.sources import load_pictures
from facsim.models.classifier import fit_preprocessing, nchw, prepare
from facsim.models.small_cnn import SmallCnnConfig, build_small_cnn
from facsim.provenance import environment

__all__ = ["SETTINGS", "ClassFolder", "Setting", "main", "measure", "write_faces"]

BATCH = 64
WORKERS = 2


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The side of the pictures as files, and how a network reads them."""

    file_px: int
    size_px: int
    colour: str


SETTINGS = {
    "112-grey48": Setting(file_px=112, size_px=48, colour="grey"),
    "112-rgb112": Setting(file_px=112, size_px=112, colour="rgb"),
    "224-rgb112": Setting(file_px=224, size_px=112, colour="rgb"),
}


# pictures


def write_faces(folder: Path, *, count: int, side_px: int, seed: int = 0) -> None:
    """`count` drawn faces as JPEG of quality 90 in a class folder, the seven expressions in turn."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        name = SEVEN_EXPRESSIONS[number % len(SEVEN_EXPRESSIONS)]
        place = folder / name / f"{number:06d}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        _face(number % len(SEVEN_EXPRESSIONS), side_px, rng).save(place, "JPEG", quality=90)


def _face(kind: int, side: int, rng: np.random.Generator) -> Image.Image:
    """A head before a slope of light, with eyes, brows and a mouth that tell the class, under sensor noise."""
    image = Image.new("RGB", (side, side), tuple(int(value) for value in rng.integers(40, 200, 3)))
    draw = ImageDraw.Draw(image)

    def spot(x: float, y: float, w: float, h: float, colour: tuple[int, int, int]) -> None:
        draw.ellipse([side * (x - w), side * (y - h), side * (x + w), side * (y + h)], fill=colour)

    red = int(rng.integers(120, 240))
    spot(0.5, 0.5, 0.34, 0.44, (red, int(red * 0.75), int(red * 0.6)))
    opened, raised, curved = 0.03 + 0.01 * (kind % 3), 0.02 * (kind % 4), 0.12 * (kind - 3)
    for x in (0.36, 0.64):
        spot(x, 0.42, 0.07, opened, (245, 245, 240))
        spot(x, 0.42, 0.03, opened * 0.8, (40, 30, 20))
        draw.line([side * (x - 0.08), side * (0.34 - raised), side * (x + 0.08), side * 0.34], (50, 30, 20), side // 40)
    across = np.linspace(-1, 1, 9)
    mouth = [(side * (0.5 + 0.15 * x), side * (0.7 + curved * (0.5 - x * x) * 0.3)) for x in across]
    draw.line(mouth, (150, 40, 50), max(1, side // 28))
    slope = np.linspace(rng.uniform(-40, 40), rng.uniform(-40, 40), side)[None, :, None]
    lit = np.asarray(image, dtype=np.float32) + slope + rng.normal(0, 6, (side, side, 3))
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))


# the peer


class ClassFolder(Dataset[tuple[Tensor, int]]):
    """Plain torch: the pictures of a class folder, uint8 (S, S[, 3]), and the number of their class."""

    def __init__(self, folder: Path, setting: Setting) -> None:
        classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        self.items = [(path, k) for k, name in enumerate(classes) for path in sorted((folder / name).glob("*.*"))]
        self._mode = "L" if setting.colour == "grey" else "RGB"
        self._size = (setting.size_px, setting.size_px)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        path, label = self.items[row]
        with Image.open(path) as image:
            picture = image.convert(self._mode).resize(self._size, Image.Resampling.BICUBIC)
        return torch.from_numpy(np.array(picture)), label


def _peer(folder: Path, setting: Setting, seed: int) -> DataLoader[tuple[Tensor, int]]:
    order = torch.Generator().manual_seed(seed)
    pictures = ClassFolder(folder, setting)
    return DataLoader(
        pictures, BATCH, shuffle=True, num_workers=WORKERS, persistent_workers=True, drop_last=True, generator=order
    )


def _peer_epochs(folder: Path, setting: Setting, epochs: int, seed: int) -> list[float]:
    """Seconds of each epoch."""
    begun = time.perf_counter()
    loader, seconds = _peer(folder, setting, seed), list[float]()
    for _ in range(epochs):
        for _batch, _labels in loader:
            pass
        seconds.append(time.perf_counter() - begun)
        begun = time.perf_counter()
    return seconds


# ours


def _feeder(pictures: Pictures, first: int, last: int, seed: int) -> Feeder:
    rows = batches_of(np.ones(len(pictures)), batch_size=BATCH, seed=seed)
    return Feeder(pictures.images, rows, first_step=first, last_step=last)


def _our_epochs(folder: Path, setting: Setting, epochs: int, seed: int) -> list[float]:
    with tempfile.TemporaryDirectory(dir=folder.parent) as cache:
        os.environ["FACSIM_CACHE"] = cache
        begun, seconds = time.perf_counter(), list[float]()
        pictures = _loaded(folder, setting)
        steps = len(pictures) // BATCH
        with _feeder(pictures, 0, epochs * steps, seed) as feeder:
            for step, _, _batch in feeder:
                if (step + 1) % steps == 0:
                    seconds.append(time.perf_counter() - begun)
                    begun = time.perf_counter()
    return seconds


def _loaded(folder: Path, setting: Setting, *, cache: bool = True) -> Pictures:
    return load_pictures(folder, size_px=setting.size_px, colour=setting.colour, cache=cache)


def _streamed_epoch(folder: Path, setting: Setting, seed: int) -> float:
    """Seconds of one epoch that is decoded as it goes, the first pass not counted."""
    os.environ.update(FACSIM_MEMORY_GB="0", FACSIM_CACHE_GB="0")
    try:
        pictures = _loaded(folder, setting, cache=False)
        begun = time.perf_counter()
        with _feeder(pictures, 0, len(pictures) // BATCH, seed) as feeder:
            for _ in feeder:
                pass
        return time.perf_counter() - begun
    finally:
        del os.environ["FACSIM_MEMORY_GB"], os.environ["FACSIM_CACHE_GB"]


# a training fed by either


def _trained(batches: Iterator[tuple[Tensor, Tensor]], pictures: Pictures, steps: int) -> tuple[float, float]:
    """Seconds waited and seconds in all of `steps` steps of the small CNN, two steps of warming up not counted."""
    preprocessing = fit_preprocessing(pictures.images)
    shape = SmallCnnConfig(classes=len(SEVEN_EXPRESSIONS), channels=len(preprocessing.mean))
    network = build_small_cnn(shape, generator=torch.Generator().manual_seed(0)).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    waited, begun = 0.0, 0.0
    for step in range(steps + 2):
        if step == 2:
            waited, begun = 0.0, time.perf_counter()
        asked = time.perf_counter()
        images, labels = next(batches)
        waited += time.perf_counter() - asked
        optimizer.zero_grad(set_to_none=True)
        cross_entropy(network(prepare(nchw(images), preprocessing)), labels).backward()
        optimizer.step()
    return waited, time.perf_counter() - begun


def _peer_training(folder: Path, setting: Setting, pictures: Pictures, steps: int, seed: int) -> tuple[float, float]:
    loader = _peer(folder, setting, seed)
    endless = (batch for _ in iter(int, 1) for batch in loader)
    return _trained(endless, pictures, steps)


def _our_training(folder: Path, setting: Setting, pictures: Pictures, steps: int, seed: int) -> tuple[float, float]:
    labels = torch.from_numpy(pictures.targets.argmax(axis=1))
    with _feeder(pictures, 0, steps + 2, seed) as feeder:
        return _trained(((batch, labels[rows]) for _, rows, batch in feeder), pictures, steps)


# figures


def measure(folder: Path, setting: Setting, *, epochs: int, steps: int, seeds: Sequence[int]) -> dict[str, object]:
    """The figures of one setting: medians over `seeds`, each seed a turn of both loaders."""
    pictures = _loaded(folder, setting, cache=False)
    _check_same(pictures, folder, setting)
    count = len(pictures) // BATCH * BATCH
    turns: dict[str, list[list[float]]] = {"peer": [], "ours": []}
    cpu: dict[str, list[float]] = {"peer": [], "ours": []}
    trained: dict[str, list[tuple[float, float]]] = {"peer": [], "ours": []}
    streamed: list[float] = []
    for turn, seed in enumerate(seeds):
        order = ("peer", "ours") if turn % 2 == 0 else ("ours", "peer")
        for name in order:
            run, before = _peer_epochs if name == "peer" else _our_epochs, _cpu_s()
            turns[name].append(run(folder, setting, epochs, seed))
            cpu[name].append(_cpu_s() - before)
        streamed.append(_streamed_epoch(folder, setting, seed))
        for name in order:
            fed = _peer_training if name == "peer" else _our_training
            trained[name].append(fed(folder, setting, pictures, steps, seed))
    return {
        "pictures": len(pictures),
        "file_bytes": round(statistics.mean(path.stat().st_size for path, _ in ClassFolder(folder, setting).items)),
        "first": _compared(turns, count, lambda seconds: seconds[0]),
        "later": _compared(turns, count, lambda seconds: statistics.mean(seconds[1:])),
        "whole": _compared(turns, count, lambda seconds: statistics.mean(seconds)),
        "cpu_s": {name: round(statistics.median(found), 2) for name, found in cpu.items()},
        "cpu_ratio": round(statistics.median(p / o for p, o in zip(cpu["peer"], cpu["ours"], strict=True)), 3),
        "streamed": _compared({**turns, "ours": [[s, s] for s in streamed]}, count, lambda s: statistics.mean(s[1:])),
        "training": _training_figures(trained, turns, steps, epochs * count // BATCH),
    }


def _cpu_s() -> float:
    """Seconds of processor time that this process and its children that have ended took."""
    gc.collect()  # which ends a DataLoader's workers
    return sum(os.times()[:4])


def _compared(turns: dict[str, list[list[float]]], count: int, of: Callable[[list[float]], float]) -> dict[str, object]:
    """Pictures a second of both, and how many times as many ours are: the median of the turns, and each."""
    peer, ours = ([count / of(seconds) for seconds in turns[name]] for name in ("peer", "ours"))
    ratios = [one / other for one, other in zip(ours, peer, strict=True)]
    return {
        "peer_per_s": round(statistics.median(peer)),
        "ours_per_s": round(statistics.median(ours)),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def _training_figures(
    trained: dict[str, list[tuple[float, float]]], turns: dict[str, list[list[float]]], steps: int, all_steps: int
) -> dict[str, object]:
    """Pictures a second while the small CNN trains, and the shares of time that it waits."""
    shares = {name: [waited / total for waited, total in found] for name, found in trained.items()}
    rates = {name: [steps * BATCH / total for _, total in found] for name, found in trained.items()}
    loads = [seconds[0] - statistics.mean(seconds[1:]) for seconds in turns["ours"]]
    whole = [
        (load + waited / steps * all_steps) / (load + total / steps * all_steps)
        for load, (waited, total) in zip(loads, trained["ours"], strict=True)
    ]
    return {
        "steps": steps,
        "peer_per_s": round(statistics.median(rates["peer"])),
        "ours_per_s": round(statistics.median(rates["ours"])),
        "ratio": round(statistics.median(o / p for o, p in zip(rates["ours"], rates["peer"], strict=True)), 3),
        "peer_waiting_share": round(statistics.median(shares["peer"]), 5),
        "waiting_share": round(statistics.median(shares["ours"]), 5),
        "waiting_shares": [round(share, 5) for share in shares["ours"]],
        "waiting_share_whole": round(statistics.median(whole), 5),
    }


def _check_same(pictures: Pictures, folder: Path, setting: Setting) -> None:
    """Both loaders read the same pixels, but for the rounding of grey before the resizing."""
    rows = {Path(name).name: row for row, name in enumerate(pictures.ids)}
    peer = ClassFolder(folder, setting)
    for place in range(0, len(peer), max(1, len(peer) // 50)):
        image, ours = peer[place][0].numpy(), pictures.images[rows[peer.items[place][0].name]]
        apart = int(np.abs(image.astype(int) - ours).max())
        if apart > 2:
            raise RuntimeError(f"found a difference of {apart} levels in {peer.items[place][0]}, expected at most 2")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--source", type=Path, help="a class folder of square pictures in place of drawn ones")
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument(
        "--count", type=int, default=12_271, help="drawn pictures; by default as many as RAF-DB trains on"
    )
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--steps", type=int, default=30, help="steps of the small CNN")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="one turn of both each")
    return parser.parse_args()


def _measured(asked: argparse.Namespace, name: str) -> dict[str, object]:
    setting = SETTINGS[name]
    with tempfile.TemporaryDirectory() as folder:
        source = asked.source or Path(folder) / "faces"
        if not asked.source:
            write_faces(source, count=asked.count, side_px=setting.file_px)
            time.sleep(2)  # see above
        print(f"{name}: {asked.epochs} epochs, {len(asked.seeds)} turns", file=sys.stderr)
        return measure(source, setting, epochs=asked.epochs, steps=asked.steps, seeds=asked.seeds)


def main() -> int:
    """Measure, and print a table or, with --json, one object."""
    asked, load = _arguments(), os.getloadavg()[0]
    settings = {name: _measured(asked, name) for name in asked.settings}
    found = {
        "ratio": min(found["whole"]["ratio"] for found in settings.values()),  # type: ignore[index]
        "waiting_share": max(found["training"]["waiting_share"] for found in settings.values()),  # type: ignore[index]
        "settings": settings,
        "epochs": asked.epochs,
        "seeds": asked.seeds,
        "batch": BATCH,
        "peer_workers": WORKERS,
        "load_average": [round(load, 2), round(os.getloadavg()[0], 2)],
        "environment": environment(),
    }
    print(json.dumps(found) if asked.json else _table(found))
    return 0


def _table(found: dict[str, object]) -> str:
    lines = [f"ratio {found['ratio']}, waiting_share {found['waiting_share']}"]
    for name, figures in found["settings"].items():  # type: ignore[attr-defined]
        for what in ("first", "later", "whole", "streamed", "training"):
            row = figures[what]
            lines.append(
                f"{name:12}{what:10}{row['peer_per_s']:>9}{row['ours_per_s']:>10} pictures/s{row['ratio']:>9}×"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
