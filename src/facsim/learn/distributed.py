"""Several processes that train as one, on one machine or many, started by torchrun.

Every process holds the whole network and works off its rows of each batch; (seed, step) names the batch and all that is
drawn for it, so neither the number of processes nor the rank enters a result, but for the order of sums. Gradients are
summed over processes, and so are the statistics of batch normalisation in training: a batch is normalised by all of it.
torch's SyncBatchNorm does that on CUDA alone.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.distributed as processes
from numpy.typing import NDArray
from torch import Tensor, nn

from facsim.errors import FacsimError

__all__ = ["ALONE", "Piece", "Team", "joined_team", "pieces_of", "summed", "synchronise"]


@dataclass(frozen=True, kw_only=True)
class Team:
    """This process's rank (from 0) among `size` processes; the one of rank 0 leads: it alone writes and prints."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Put into every tensor its sum over the processes; alone, nothing happens."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        processes.all_reduce(flat)
        at = 0
        for tensor in tensors:
            tensor.copy_(flat[at : at + tensor.numel()].view_as(tensor))
            at += tensor.numel()

    def agreed(self, value: Any) -> Any:
        """The leader's value, in every process."""
        if self.size == 1:
            return value
        held = [value]
        processes.broadcast_object_list(held, src=0)
        return held[0]

    def gathered(self, value: Any) -> list[Any]:
        """Every process's value, by rank."""
        if self.size == 1:
            return [value]
        held: list[Any] = [None] * self.size
        processes.all_gather_object(held, value)
        return held

    def wait(self) -> None:
        """Return once every process is here."""
        if self.size > 1:
            processes.barrier()


ALONE = Team()
"""One process, which needs nobody."""


@contextmanager
def joined_team(*, device: str = "cpu") -> Iterator[Team]:
    """The team that torchrun's variables (RANK, WORLD_SIZE, LOCAL_RANK) name, joined for a while; `ALONE` without them.

    Processes talk by gloo on the CPU and by NCCL on CUDA, where each takes the GPU of its LOCAL_RANK.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    # Its functions have the group that there is when they are imported as their default, which keeps that group's
    # threads alive for good: the interpreter then meets them at its end and aborts, now and then, its work done.
    # Optimisers import it, so it is imported while there is no group.
    importlib.import_module("torch.distributed.nn.functional")
    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    processes.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield Team(rank=processes.get_rank(), size=size)
    finally:
        processes.destroy_process_group()


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Rows `first` up to `last` of a batch, worked off at once, of which `rows` int64 (M,) are this process's."""

    first: int
    last: int
    rows: NDArray[np.int64]


def pieces_of(batch_size: int, *, count: int = 1, team: Team = ALONE) -> tuple[Piece, ...]:
    """The `count` pieces of a batch.

    Piece j is the same rows whatever the team; the team shares each piece. Rows 2i and 2i + 1 stay together, since they
    may be mixed. Raises FacsimError where somebody would be left without rows.
    """
    pieces: list[Piece] = []
    for first, last in _cuts(batch_size, count):
        cuts = _cuts(last - first, team.size)
        if any(begin == end for begin, end in cuts):
            raise FacsimError(
                f"a batch of {batch_size} cannot be shared in pairs by {team.size} processes in {count} pieces; take "
                f"at least batch_size = {2 * count * team.size}, or fewer of either"
            )
        begin, end = cuts[team.rank]
        pieces.append(Piece(first=first, last=last, rows=np.arange(first + begin, first + end)))
    return tuple(pieces)


def _cuts(count: int, parts: int) -> list[tuple[int, int]]:
    pairs = -(-count // 2)
    marks = [min(count, 2 * (pairs * part // parts)) for part in range(parts + 1)]
    return list(pairwise(marks))


def summed(tensor: Tensor, team: Team) -> Tensor:
    """The sum of `tensor` over the processes, for use in a loss of which each process holds its part: the gradient of
    what all make of the sum comes back to each."""
    return tensor if team.size == 1 else _Summed.apply(tensor)  # pyright: ignore[reportReturnType]


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        total = tensor.detach().clone()
        processes.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        total = gradient.contiguous().clone()
        processes.all_reduce(total)
        return total


def synchronise(network: nn.Module, team: Team) -> nn.Module:
    """The network with the batch normalisation of all the team, its parameters and names unchanged; alone, as it is."""
    if team.size == 1:
        return network
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
                setattr(module, name, _TeamNorm(child, team))
    return network


class _TeamNorm(nn.Module):
    """Batch normalisation over the batches of a whole team, with the parameters and buffers of `norm`, under its names.

    In evaluation mode it is `norm`. The variance is taken about the shared mean, in a second sum, and is the
    population's; the running one is the sample's, as torch's is.
    """

    weight: Tensor | None
    bias: Tensor | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d, team: Team) -> None:
        super().__init__()
        self.eps, self.momentum, self.team = norm.eps, norm.momentum, team
        self.track_running_stats = norm.track_running_stats
        for name in ("weight", "bias"):
            self.register_parameter(name, getattr(norm, name))
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(norm, name))
        self.train(norm.training)

    def forward(self, maps: Tensor) -> Tensor:
        if not self.training:
            given = (self.running_mean, self.running_var, self.weight, self.bias)
            return nn.functional.batch_norm(maps, *given, training=False, eps=self.eps)
        axes, shape = [axis for axis in range(maps.ndim) if axis != 1], [1, -1, *([1] * (maps.ndim - 2))]
        wide = maps.float()
        count = summed(torch.full((1,), maps.numel() / maps.shape[1], device=maps.device), self.team)
        mean = summed(wide.sum(dim=axes), self.team) / count
        centred = wide - mean.view(shape)
        variance = summed(centred.square().sum(dim=axes), self.team) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        out = centred * torch.rsqrt(variance + self.eps).view(shape)
        if self.weight is not None and self.bias is not None:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out.to(maps.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None, "a norm that keeps statistics counts its batches"
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)
