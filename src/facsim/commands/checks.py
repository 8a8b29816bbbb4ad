"""What `facsim doctor` looks at: one function a check, each saying what was found and what to do."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facsim.errors import FacsimError

__all__ = ["LEAST_FREE_GIB", "Check", "all_checks", "check_package", "is_within"]

LEAST_FREE_GIB = 1.0
"""Free disk space that the quickstart's run folder, its environment aside, fits into with room to spare."""

_OPTIONAL = {"onnx": "facsim[onnx]", "onnxruntime": "facsim[onnx]", "datasets": "datasets"}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line: `word` is "ok", "note" (facsim works without) or "MISSING"; `advice` says what to do, if anything."""

    name: str
    word: str
    found: str
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"name": self.name, "word": self.word, "found": self.found, "advice": self.advice}


def all_checks() -> list[Check]:
    """Every check, in order."""
    checks = [_python(), *_packages(), *_optional_packages()]
    for look in (_torch, _torch_cuda, _warp, _warp_cuda, _head_data, _cache_folder, _disk, _cores):
        checks.append(_looked(look))
    return checks


def _looked(look: Callable[[], Check]) -> Check:
    """The check; a library that cannot even be looked at is a finding, not a crash of the doctor."""
    try:
        return look()
    except Exception as error:  # the doctor's edge: whatever a broken installation raises is what the user must see
        name = look.__name__.strip("_").replace("_", " ")
        return Check(name=name, word="MISSING", found=f"fails: {error!r}", advice="install the package again")


def _python() -> Check:
    found = sys.version.split()[0]
    if is_within(found, ">=3.11"):
        return Check(name="python", word="ok", found=found)
    return Check(name="python", word="MISSING", found=found, advice="facsim needs Python 3.11 or newer")


def _packages() -> list[Check]:
    wanted = [text for text in importlib.metadata.requires("facsim") or [] if "extra ==" not in text]
    return [check_package(text) for text in wanted]


def check_package(requirement: str) -> Check:
    """Whether the distribution that a requirement such as `torch>=2.6` names is installed in that version."""
    parts = re.match(r"([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?\s*([^;]*)", requirement)
    name, specifier = (parts[1], parts[2].strip()) if parts else (requirement, "")
    advice = f"`pip install '{name}{specifier}'`"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Check(name=name, word="MISSING", found="not installed", advice=advice)
    if is_within(version, specifier):
        return Check(name=name, word="ok", found=version)
    return Check(name=name, word="MISSING", found=f"{version}, expected {specifier}", advice=advice)


def is_within(version: str, specifier: str) -> bool:
    """Whether a version is in a range such as `>=2.6,<3`, by its numbers; only `>=`, `<` and `==` are understood."""
    for bound in filter(None, (part.strip() for part in specifier.split(","))):
        sign, limit = re.match(r"(>=|<|==)?\s*(.*)", bound).groups()  # type: ignore[union-attr]  # always matches
        found, wanted = _numbers(version), _numbers(limit)
        if (sign == ">=" and found < wanted) or (sign == "<" and found >= wanted) or (sign == "==" and found != wanted):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    """`(2, 13)` for `2.13.0+cpu`: numbers without trailing zeros, so that 2.0 equals 2."""
    numbers = [int(digits) for digits in re.findall(r"\d+", version.split("+")[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _optional_packages() -> Iterable[Check]:
    for name, extra in _OPTIONAL.items():
        check = check_package(name)
        if check.word == "ok":
            yield check
        else:
            yield Check(name=name, word="note", found="not installed", advice=f"`pip install '{extra}'` if you want it")


def _torch() -> Check:
    import torch

    total = float(torch.ones(64, 64).matmul(torch.ones(64, 64)).sum())
    if total != 64.0**3:
        return Check(name="torch on the CPU", word="MISSING", found=f"multiplies wrongly ({total})", advice="reinstall")
    return Check(name="torch on the CPU", word="ok", found=f"{torch.__version__}, {torch.get_num_threads()} threads")


def _torch_cuda() -> Check:
    import torch

    if not torch.cuda.is_available():
        advice = "everything runs on the CPU; for --device cuda install a CUDA build of torch"
        return Check(name="torch on CUDA", word="note", found="no device", advice=advice)
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return Check(name="torch on CUDA", word="ok", found=", ".join(names))


def _warp() -> Check:
    _run_kernel("cpu")
    return Check(name="warp on the CPU", word="ok", found="compiled and ran a kernel")


def _warp_cuda() -> Check:
    import warp

    _quiet_warp()
    devices = [str(device) for device in warp.get_cuda_devices()]
    for device in devices:
        _run_kernel(device)
    if not devices:
        return Check(name="warp on CUDA", word="note", found="no device", advice="the renderer runs on the CPU")
    return Check(name="warp on CUDA", word="ok", found=f"compiled and ran a kernel on {', '.join(devices)}")


def _quiet_warp() -> None:
    import warp

    if hasattr(warp.config, "log_level"):
        warp.config.log_level = warp.LOG_ERROR
    else:  # before Warp 1.13
        warp.config.quiet = True  # type: ignore[attr-defined]
    warp.init()


def _run_kernel(device: str) -> None:
    """Compile and run a small kernel. Raises whatever Warp raises, or FacsimError where it counts wrongly."""
    import numpy as np
    import warp

    _quiet_warp()

    @warp.kernel(enable_backward=False)
    def facsim_doctor_doubles(values: warp.array(dtype=float)):  # type: ignore[valid-type]
        index = warp.tid()
        values[index] = values[index] * 2.0

    values = warp.array(np.arange(8, dtype=np.float32), dtype=float, device=device)
    warp.launch(facsim_doctor_doubles, dim=8, inputs=[values], device=device)
    if not np.array_equal(values.numpy(), np.arange(8, dtype=np.float32) * 2):
        raise FacsimError(f"a kernel on {device} gave {values.numpy()}")


def _head_data() -> Check:
    from facsim.models.makehuman import find_data_folder

    try:
        return Check(name="head model's data", word="ok", found=str(find_data_folder()))
    except FacsimError as error:
        return Check(name="head model's data", word="MISSING", found="not found", advice=str(error))


def _cache_folder() -> Check:
    from facsim.models.asset_cache import find_cache_folder

    folder = find_cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            return Check(name="cache folder", word="ok", found=str(folder))
    except OSError as error:
        advice = "facsim works, but derives its data anew each time; set FACSIM_CACHE to a folder that can be written"
        return Check(name="cache folder", word="note", found=f"{folder}: {error}", advice=advice)


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    found = f"{free:.1f} GiB free here"
    if free >= LEAST_FREE_GIB:
        return Check(name="disk", word="ok", found=found)
    return Check(name="disk", word="MISSING", found=found, advice=f"free {LEAST_FREE_GIB:g} GiB, or run elsewhere")


def _cores() -> Check:
    from facsim.provenance import hardware

    facts = hardware()
    found = f"{facts['cores']} of {os.cpu_count()}, {facts['memory_gib']} GiB of memory"
    return Check(name="cores", word="ok", found=found)
