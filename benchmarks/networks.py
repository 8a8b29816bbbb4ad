"""What a training step of each network costs, and whether IR50 and POSTER can learn 16 pictures by heart.

    python benchmarks/networks.py --json
    python benchmarks/networks.py --device cuda --batches 16 64 --pictures shapes --json

A step is a forward and a backward pass and an AdamW update in single precision, on pictures that lie on the device
already; its time is the median of `--repeats` after one that is thrown away. By heart means: in evaluation mode, with
the statistics that training left behind, more than 95 % of the 16 pictures are called what they are, that is, all 16.
Both networks begin from random weights; POSTER trains its landmark stream too, which is otherwise frozen as loaded.

`--pictures` is `renders` (facsim's own, one face for each class in turn), `shapes` (drawn here with nothing but NumPy,
for machines without warp), or a source that facsim reads, of which the first 16 of as many classes as there are.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facsim.models.classifier import ARCHITECTURES, fit_preprocessing, initialised, nchw, prepare
from facsim.models.transformer import draw_drops
from facsim.provenance import environment

_COUNT = 16
_SIDE_PX = {"small_cnn": 48}
_FULL_SIDE_PX = 224
_LEARNT = 0.95
# Prototypes in FACS's terms, strong, so that 16 faces of 16 people differ by more than who they are.
_ACTION_UNITS = {
    "anger": "4D+5C+7D+23C",
    "disgust": "9D+10C+17B",
    "fear": "1D+2C+4C+5D+20C+25C",
    "happiness": "6D+12D+25C",
    "neutral": "0",
    "sadness": "1D+4C+15D+17B",
    "surprise": "1D+2D+5C+26D",
}


def main() -> None:
    asked = _arguments()
    torch.set_num_threads(asked.threads or torch.get_num_threads())
    steps = [_step_cost(name, batch, asked) for name in asked.networks for batch in asked.batches]
    learnt: list[dict[str, Any]] = []
    if asked.overfit:
        images, labels = _pictures(asked.pictures)
        learnt = [_by_heart(name, images, labels, asked) for name in asked.overfit]
    found = {
        "device": _device_name(asked.device),
        "threads": torch.get_num_threads(),
        "steps": steps,
        "pictures": asked.pictures,
        "overfitting": learnt,
        "learnt": all(entry["accuracy"] > _LEARNT for entry in learnt),
        "environment": environment(),
    }
    print(json.dumps(found, indent=1) if asked.json else _table(found))
    sys.exit(0 if found["learnt"] else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="*", default=list(ARCHITECTURES), choices=ARCHITECTURES, metavar="NAME")
    parser.add_argument("--batches", type=int, nargs="+", default=[4], metavar="N", help="pictures a step")
    parser.add_argument("--repeats", type=int, default=2, help="steps that are timed, for each network and batch")
    parser.add_argument("--overfit", nargs="*", default=["ir50", "poster"], choices=ARCHITECTURES, metavar="NAME")
    parser.add_argument("--overfit-steps", type=int, default=80, help="at most so many")
    parser.add_argument("--lr", type=float, default=5e-4, help="of the overfitting check")
    parser.add_argument("--pictures", default="renders", metavar="SOURCE", help="renders, shapes, or a source")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, help="torch's; times depend on it")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    return parser.parse_args()


def _network(name: str, classes: int, device: str) -> nn.Module:
    config: dict[str, Any] = {"classes": classes, "channels": 1 if name == "small_cnn" else 3}
    if name.startswith("poster"):
        config["frozen_landmarks"] = False
    network = initialised(name, config, generator=torch.Generator().manual_seed(0))
    return network.to(device).train()


def _stepper(network: nn.Module, lr: float) -> Callable[[Tensor, Tensor], None]:
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=lr, weight_decay=1e-4)
    drawn = torch.Generator().manual_seed(1)

    def take_step(batch: Tensor, targets: Tensor) -> None:
        draw_drops(network, len(batch), generator=drawn)
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(batch), targets).backward()
        optimizer.step()

    return take_step


# the cost of a step


def _step_cost(name: str, batch: int, asked: argparse.Namespace) -> dict[str, Any]:
    network = _network(name, 7, asked.device)
    side, channels = _SIDE_PX.get(name, _FULL_SIDE_PX), network.config.channels
    pictures = torch.randn(batch, channels, side, side, generator=torch.Generator().manual_seed(2))
    pictures = pictures.to(asked.device, memory_format=torch.channels_last)
    targets = (torch.arange(batch) % 7).to(asked.device)
    take_step = _stepper(network, 1e-4)
    seconds = []
    for _ in range(asked.repeats + 1):
        begun = _clock(asked.device)
        take_step(pictures, targets)
        seconds.append(_clock(asked.device) - begun)
    middle = statistics.median(seconds[1:])
    print(f"{name}, batch {batch}: {middle:.3f} s a step", file=sys.stderr, flush=True)
    return {
        "network": name,
        "batch": batch,
        "side_px": side,
        "seconds_per_step": round(middle, 5),
        "fastest": round(min(seconds[1:]), 5),
        "pictures_per_second": round(batch / middle, 2),
        "memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if asked.device == "cuda" else None,
    }


def _clock(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


# sixteen pictures by heart


def _by_heart(name: str, images: np.ndarray, labels: list[str], asked: argparse.Namespace) -> dict[str, Any]:
    classes = sorted(set(labels))
    network = _network(name, len(classes), asked.device)
    batch = prepare(nchw(torch.from_numpy(images)), fit_preprocessing(images)).to(asked.device)
    targets = torch.tensor([classes.index(label) for label in labels], device=asked.device)
    take_step, begun, accuracy, step = _stepper(network, asked.lr), time.perf_counter(), 0.0, 0
    while step < asked.overfit_steps and accuracy <= _LEARNT:
        take_step(batch, targets)
        step += 1
        if step % 5 == 0 or step == asked.overfit_steps:
            accuracy = _accuracy(network, batch, targets)
            print(f"{name}: step {step}, {accuracy:.3f} of 16 by heart", file=sys.stderr, flush=True)
    return {
        "network": name,
        "pictures": len(labels),
        "classes": classes,
        "steps": step,
        "lr": asked.lr,
        "accuracy": accuracy,
        "seconds": round(time.perf_counter() - begun, 1),
    }


def _accuracy(network: nn.Module, batch: Tensor, targets: Tensor) -> float:
    with torch.inference_mode():
        called = network.eval()(batch).argmax(dim=1)
    network.train()
    return float((called == targets).float().mean())


# pictures


def _pictures(source: str) -> tuple[np.ndarray, list[str]]:
    """16 pictures uint8 (16, 224, 224, 3) and what each shows."""
    if source == "shapes":
        return np.stack([_shape(number) for number in range(_COUNT)]), [f"shape {n % 7}" for n in range(_COUNT)]
    if source == "renders":
        return _renders()
    from facsim.learn.sources import load_pictures

    found = load_pictures(source, size_px=_FULL_SIDE_PX, colour="rgb")
    by_class = [[i for i, label in enumerate(found.labels) if label == name] for name in sorted(set(found.labels))]
    rows = [rows[turn] for turn in range(_COUNT) for rows in by_class if turn < len(rows)][:_COUNT]
    return np.array(found.images[rows]), [found.labels[row] for row in rows]


def _renders() -> tuple[np.ndarray, list[str]]:
    from facsim.sources.render import render

    names = [list(_ACTION_UNITS)[number % len(_ACTION_UNITS)] for number in range(_COUNT)]
    drawn = [render(_ACTION_UNITS[name], seed=seed, size_px=_FULL_SIDE_PX) for seed, name in enumerate(names)]
    return np.stack([np.asarray(one.picture) for one in drawn]), names


def _shape(number: int) -> np.ndarray:
    """A disc, a bar, a ring, a cross, stripes, a corner or a frame, by `number` modulo 7, of random place and colour."""
    draw = np.random.default_rng(number)
    y, x = np.mgrid[0:_FULL_SIDE_PX, 0:_FULL_SIDE_PX] / _FULL_SIDE_PX - 0.5
    y, x = y - draw.uniform(-0.15, 0.15), x - draw.uniform(-0.15, 0.15)
    far, size = np.hypot(x, y), draw.uniform(0.15, 0.25)
    inside = (
        far < size,
        (abs(y) < size / 3) & (abs(x) < 2 * size),
        abs(far - size) < 0.04,
        (abs(x) < 0.05) | (abs(y) < 0.05),
        np.sin(x * 60) > 0.3,
        (x > 0) & (y > 0),
        abs(np.maximum(abs(x), abs(y)) - size) < 0.04,
    )[number % 7]
    ground, figure = draw.integers(0, 110, 3), draw.integers(140, 256, 3)
    noise = draw.normal(0, 8, (_FULL_SIDE_PX, _FULL_SIDE_PX, 3))
    return np.clip(np.where(inside[..., None], figure, ground) + noise, 0, 255).astype(np.uint8)


# what is printed


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else f"cpu, {environment()['hardware']['processor']}"


def _table(found: dict[str, Any]) -> str:
    lines = [f"{found['device']}, {found['threads']} threads, torch {torch.__version__}"]
    for entry in found["steps"]:
        rate = f"{entry['seconds_per_step']:8.3f} s a step, {entry['pictures_per_second']:7.1f} pictures/s"
        lines.append(f"{entry['network']:10} batch {entry['batch']:3}  {rate}")
    for entry in found["overfitting"]:
        lines.append(
            f"{entry['network']:10} {entry['accuracy']:.1%} of {entry['pictures']} {found['pictures']} by heart after "
            f"{entry['steps']} steps, {entry['seconds']:.0f} s"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
