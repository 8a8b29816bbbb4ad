"""Mixed precision: the type that a forward pass computes in, and the scaling that fp16's small gradients need.

Weights, gradients, losses and the optimiser's state stay float32.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from facsim.errors import FacsimError, hint_nearest

__all__ = ["LossScale", "autocast_for", "check_precision", "finite", "full_precision", "widened"]

_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class LossScale:
    """What a loss is multiplied by before its gradient is taken, and for how many steps that has gone well.

    torch's GradScaler divides once a step, and sharpness-aware minimisation needs it twice; the constants are torch's.
    """

    scale: float = 1.0
    good_steps: int = 0

    def after(self, *, went_well: bool) -> LossScale:
        """The scale of the next step: half after an overflow, double after 2,000 steps without one."""
        if not went_well:
            return LossScale(scale=self.scale * 0.5)
        if self.good_steps + 1 == 2000:
            return LossScale(scale=self.scale * 2.0)
        return replace(self, good_steps=self.good_steps + 1)

    @classmethod
    def begun(cls) -> LossScale:
        """The scale of the first step, 65,536."""
        return cls(scale=65536.0)


def autocast_for(precision: str, *, device: str) -> AbstractContextManager[object]:
    """The context of a forward pass in "fp32" (nothing changes), "bf16" or "fp16" on `device`."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, dtype=_TYPES[precision])


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """A context in which nothing is narrowed, inside one of `autocast_for` too: what compares embeddings wants it."""
    return torch.autocast(device.type, enabled=False)


def widened(tensor: Tensor) -> Tensor:
    """The tensor in float32 where it is narrower."""
    return tensor.float() if tensor.dtype in _TYPES.values() else tensor


def check_precision(found: str, *, known: Sequence[str]) -> None:
    """Nothing where `found` is one of `known`. Raises FacsimError."""
    if found not in known:
        raise FacsimError(f'found precision = "{found}", expected {" or ".join(known)}.{hint_nearest(found, known)}')


def finite(tensors: Iterable[Tensor]) -> bool:
    """Whether every number in `tensors` is finite; reads from the device once."""
    sums = [tensor.abs().max() for tensor in tensors]
    return bool(torch.isfinite(torch.stack(sums)).all()) if sums else True
