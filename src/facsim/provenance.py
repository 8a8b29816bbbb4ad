"""What made a run: versions, machine, settings, times. Facts for the report and for whoever repeats the run."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from facsim import __version__

__all__ = ["PACKAGES", "changes", "environment", "fingerprint_of", "fingerprint_of_list", "hardware", "now"]

PACKAGES = ("anny", "numpy", "scipy", "pillow", "pyarrow", "torch", "warp-lang")
"""Packages whose versions a result may depend on."""

_GPUS = Path("/proc/driver/nvidia/gpus")


def fingerprint_of(data: Any) -> str:
    """32 hexadecimal digits of blake2b over plain values, keys sorted."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def fingerprint_of_list(values: Iterable[Any]) -> str:
    """`fingerprint_of` the list of the values, of which no more than one is held."""
    digest = hashlib.blake2b(b"[", digest_size=16)
    for place, value in enumerate(values):
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
        digest.update(("," * (place > 0) + text).encode())
    digest.update(b"]")
    return digest.hexdigest()


def now() -> str:
    """The time, UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def hardware() -> dict[str, Any]:
    """Processor, cores that this process may use, memory in GiB (None where the system does not say), NVIDIA GPUs."""
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": _cores(),
        "memory_gib": _memory_gib(),
        "gpus": _gpus(),
    }


def environment() -> dict[str, Any]:
    """facsim's, Python's and the packages' versions, the platform and the hardware."""
    return {
        "facsim": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "hardware": hardware(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None


def _gpus() -> list[str]:
    """Names by the driver's files, or, where a container hides those, by torch if it has opened a GPU already."""
    found: list[str] = []
    for file in sorted(_GPUS.glob("*/information")):
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        found += [line.split(":", 1)[1].strip() for line in lines if line.startswith("Model:")]
    torch = sys.modules.get("torch")
    if not found and torch is not None and torch.cuda.is_initialized():
        found = [torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())]
    return found


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """In words, how two settings differ, key by key."""
    keys = [*dict.fromkeys([*before, *after])]
    return [
        f"{key} was {before.get(key)!r}, is {after.get(key)!r}" for key in keys if before.get(key) != after.get(key)
    ]
