"""Checkpoints that others published, read under the names that they gave.

A file is safetensors or what `torch.save` wrote, told apart by its first bytes. The latter is a pickle: it is read with
`weights_only=True` and nothing else, so that a program hidden in it is refused and never run. State dictionaries are
found under `model_state_dict`, `state_dict` and `model`; the prefixes `module.` (DataParallel) and `_orig_mod.`
(compiled) are taken off. What a network's class says of its official names (`OFFICIAL_NAMES`) is then applied: some
names have another spelling here, and some tensors are in the file although no forward pass reads them; those are left
out, whether they are there or not. All else must be there, in its shape, and nothing more.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from facsim.errors import WeightsError
from facsim.models.official_names import OfficialNames

__all__ = ["OfficialWeights", "load_official", "read_checkpoint"]

_NESTED = ("model_state_dict", "state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.")
_COUNTER = ".num_batches_tracked"  # absent from files older than torch 0.4.1, and read by no forward pass
_HEAD = "head."
_SHOWN = 4  # names of each kind in a message


@dataclass(frozen=True, kw_only=True)
class OfficialWeights:
    """What was loaded: the file's SHA-256, how many tensors were taken, and the names of those left out as unused."""

    sha256: str
    taken: int
    unused: tuple[str, ...]


def load_official(
    network: nn.Module,
    path: str | os.PathLike[str],
    *,
    part: str = "",
    head: bool = True,
    expected_sha256: str | None = None,
) -> OfficialWeights:
    """What was loaded into `network`, or into its submodule `part`, from an official checkpoint.

    Without `head` the file's own head is left out and the network's stays as it is: for weights that were trained on
    other classes.

    Raises WeightsError where the file is missing, damaged, not what `expected_sha256` says, holds more than tensors and
    plain values, or is of another architecture, with the names and shapes that do not fit. Nothing is changed then.
    """
    module = _part(network, part)
    tensors, digest = _read(Path(path), expected_sha256)
    taken, unused = _translated(tensors, module)
    if not head:
        taken = _with_head_of(module, taken)
    _check_fit(module, taken, Path(path))
    _check_finite(taken, Path(path))
    own = module.state_dict()
    fitted = {name: tensor.to(own[name].dtype) for name, tensor in taken.items()}
    module.load_state_dict(fitted, assign=any(tensor.is_meta for tensor in own.values()))
    return OfficialWeights(sha256=digest, taken=len(taken), unused=unused)


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a checkpoint on the CPU by name, without wrappers' prefixes. Raises WeightsError."""
    return _read(Path(path), None)[0]


def _part(network: nn.Module, part: str) -> nn.Module:
    try:
        return network.get_submodule(part)
    except AttributeError as error:
        known = ", ".join(name for name, _ in network.named_children())
        raise WeightsError(f'found no part "{part}" in {type(network).__name__}, expected one of {known}') from error


def _read(file: Path, expected_sha256: str | None) -> tuple[dict[str, Tensor], str]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise WeightsError(f"{file} cannot be read ({error}); expected a checkpoint file") from error
    digest = hashlib.sha256(data).hexdigest()
    if expected_sha256 is not None and digest != expected_sha256:
        raise WeightsError(f"{file} has SHA-256 {digest}, expected {expected_sha256}; fetch it again")
    found = _safetensors(file, data) if data[8:9] == b"{" and data[:2] != b"PK" else _pickled(file)
    tensors = {_bare(name): value for name, value in _state(found).items() if isinstance(value, Tensor)}
    if not tensors:
        raise WeightsError(f"{file} holds no tensors by name, expected a state dictionary; it is no checkpoint")
    return tensors, digest


def _safetensors(file: Path, data: bytes) -> Mapping[str, Any]:
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(f"{file} is not a whole safetensors file ({error}); fetch it again") from error


def _pickled(file: Path) -> Any:
    try:
        with torch.serialization.safe_globals(list(_DISCARDED)):
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(_refusal(file, str(error))) from error
    except _DAMAGE as error:
        raise WeightsError(
            f"{file} is not a whole checkpoint ({type(error).__name__}); expected safetensors or a torch file: fetch "
            "it again"
        ) from error


_DAMAGE = (
    RuntimeError,
    OSError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zipfile.BadZipFile,
)
"""What torch.load raises for files that are cut off, or that no program of good will wrote."""


def _refusal(file: Path, words: str) -> str:
    # torch's own words advise to load the file with weights_only=False, which would run what is in it.
    named = re.search(r"GLOBAL ([\w.]+)", words)
    if named is None:
        return f"{file} is not a whole checkpoint: its pickle cannot be read; fetch it again"
    return (
        f'{file} is refused: it asks to call "{named[1]}" while it is read, expected tensors and plain values alone; '
        "if you trust whoever made it, have its state_dict saved again as safetensors"
    )


class _Discarded:
    """Stands for an object in a checkpoint that is no tensor and is not wanted: takes anything, keeps nothing."""

    def __new__(cls, *_: Any) -> _Discarded:
        return super().__new__(cls)

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def _stand_in(path: str) -> type[_Discarded]:
    module, name = path.rsplit(".", 1)
    return type(name, (_Discarded,), {"__module__": module, "__qualname__": name})


# POSTER++'s trainer pickled its plotters, which hold NumPy arrays, into its checkpoints.
_DISCARDED = tuple(
    _stand_in(path)
    for path in (
        "__main__.RecorderMeter",
        "__main__.RecorderMeter1",
        "numpy.ndarray",
        "numpy.dtype",
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "_codecs.encode",
    )
)


def _state(found: Any) -> Mapping[str, Any]:
    """The innermost mapping that is called a state dictionary."""
    while isinstance(found, Mapping):
        inner = next((found[key] for key in _NESTED if isinstance(found.get(key), Mapping)), None)
        if inner is None:
            return {str(name): value for name, value in found.items()}
        found = inner
    return {}


def _bare(name: str) -> str:
    while prefix := next((prefix for prefix in _PREFIXES if name.startswith(prefix)), ""):
        name = name.removeprefix(prefix)
    return name


def _translated(tensors: Mapping[str, Tensor], module: nn.Module) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors under our names, with counters that the file lacks at 0; and the names of the unused ones."""
    names = getattr(module, "OFFICIAL_NAMES", OfficialNames())
    unused = tuple(name for name in tensors if any(re.match(pattern, name) for pattern in names.unused))
    left = set(unused)
    taken = {_own_name(name, names.renamed): tensor for name, tensor in tensors.items() if name not in left}
    for name, tensor in module.state_dict().items():
        if name.endswith(_COUNTER) and name not in taken:
            taken[name] = torch.zeros(tensor.shape, dtype=tensor.dtype)
    return taken, unused


def _with_head_of(module: nn.Module, taken: Mapping[str, Tensor]) -> dict[str, Tensor]:
    own = {name: tensor for name, tensor in module.state_dict().items() if name.startswith(_HEAD)}
    return {name: tensor for name, tensor in taken.items() if not name.startswith(_HEAD)} | own


def _own_name(name: str, renamed: Mapping[str, str]) -> str:
    fitting = [prefix for prefix in renamed if name.startswith(prefix)]
    if not fitting:
        return name
    prefix = max(fitting, key=len)
    return renamed[prefix] + name.removeprefix(prefix)


def _check_fit(module: nn.Module, taken: Mapping[str, Tensor], file: Path) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in taken.items()}
    troubles = [
        _listed("lacks", [f"{name} {wanted[name]}" for name in wanted if name not in found]),
        _listed("has besides", [f"{name} {found[name]}" for name in found if name not in wanted]),
        _listed(
            "has in another shape",
            [f"{n} {found[n]} instead of {wanted[n]}" for n in wanted if n in found and found[n] != wanted[n]],
        ),
    ]
    if told := "; ".join(trouble for trouble in troubles if trouble):
        raise WeightsError(
            f"{file} is a checkpoint of another architecture than {type(module).__name__} as configured: it "
            f"{told}.{_hint_part(module, found)}"
        )


def _listed(verb: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{verb} {', '.join(names[:_SHOWN])}{more}"


def _hint_part(module: nn.Module, found: Mapping[str, tuple[int, ...]]) -> str:
    """Whether the file is that of a part, such as a backbone that was trained for something else."""
    for name, child in module.named_children():
        wanted = {key for key in child.state_dict() if not key.endswith(_COUNTER)}
        names = getattr(child, "OFFICIAL_NAMES", OfficialNames())
        if wanted and wanted <= {_own_name(key, names.renamed) for key in found}:
            return f' It has all of the part "{name}": give part="{name}".'
    return ""


def _check_finite(taken: Mapping[str, Tensor], file: Path) -> None:
    for name, tensor in taken.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise WeightsError(f'{file}: tensor "{name}" holds values that are not finite; fetch the file again')
