"""What POSTER and POSTER++ share: attention, feed-forward, gate, and whole branches dropped at random."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from facsim.errors import FacsimError

__all__ = ["DropPath", "FeedForward", "Gate", "attend", "draw_drops", "split_heads"]


class DropPath(nn.Module):
    """A branch as it is, or while training nothing for a share `rate` of pictures and the rest scaled to keep the mean
    (Huang et al. 2016, Deep Networks with Stochastic Depth).

    Which pictures lose the branch was drawn before by `draw_drops`: a forward pass draws no random numbers, so that a
    training step is a pure function of its seed. Raises FacsimError where there are fewer draws than pictures.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.draws: Tensor | None = None

    def forward(self, branch: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return branch
        if self.draws is None or len(self.draws) < len(branch):
            drawn = 0 if self.draws is None else len(self.draws)
            raise FacsimError(
                f"found {drawn} draws for a batch of {len(branch)} pictures in a network with drop_path, expected one "
                "each; call facsim.models.transformer.draw_drops before each training step, or set drop_path = 0"
            )
        kept = (self.draws[: len(branch)] >= self.rate).to(branch.dtype) / (1.0 - self.rate)
        return branch * kept.reshape(-1, *(1,) * (branch.ndim - 1))


def draw_drops(network: nn.Module, count: int, *, generator: torch.Generator) -> None:
    """Draw for every `DropPath` of `network` which of the next `count` pictures lose its branch.

    `generator` is on the CPU, so that every device drops the same. Networks without one draw nothing.
    """
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    for module in network.modules():
        if isinstance(module, DropPath) and module.rate > 0.0:
            module.draws = torch.rand(count, generator=generator).to(device)


class FeedForward(nn.Module):
    """Two linear layers with GELU between them, token by token: `inner` is the width between."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(tokens)))


class Gate(nn.Module):
    """Features (N, width), each multiplied by a number in 0–1 that all of them decide."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, width)
        self.linear2 = nn.Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        return features * torch.sigmoid(self.linear2(torch.relu(self.linear1(features))))


def split_heads(tokens: Tensor, heads: int) -> Tensor:
    """(N, T, W) as (N, heads, T, W / heads): each head has a run of neighbouring features."""
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)


def attend(queries: Tensor, keys: Tensor, values: Tensor, *, bias: Tensor | None = None) -> Tensor:
    """(N, T, W) from queries, keys and values (N, heads, T, W / heads): scaled dot products, softmax, weighted mean.

    `bias` (1, heads, T, T) is added before the softmax.
    """
    mixed = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
    return mixed.transpose(1, 2).flatten(2)
