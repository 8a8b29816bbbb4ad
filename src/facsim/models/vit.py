"""A small vision transformer for faces: what a masked autoencoder trains, and a classifier like any other.

Pre-norm blocks (Dosovitskiy et al. 2021, An Image is Worth 16×16 Words) over square patches, with fixed sine–cosine
positions in two dimensions and no class token: features are the mean over the patches (He et al. 2022, Masked
Autoencoders, arXiv 2111.06377, appendix A.1: either works as well). Positions are computed, not learnt, so one network
takes every side that its patch divides. Defaults are meant for 48 px: 64 patches of 6 px. For 112 px, 14 or 16 px give
64 or 49 patches and 8 px give 196. There is no dropout, so a forward pass draws no random numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from facsim.errors import FacsimError

__all__ = ["TokenLinear", "Vit", "VitBlock", "VitConfig", "grid_positions", "patches_of"]


@dataclass(frozen=True, kw_only=True)
class VitConfig:
    """Shape of a `Vit`: number of classes, input channels, side of a patch, width, blocks, heads, and the width of the
    blocks' inner layer as a multiple of `width`."""

    classes: int
    channels: int = 1
    patch_px: int = 6
    width: int = 192
    depth: int = 6
    heads: int = 6
    mlp_ratio: int = 4

    def __post_init__(self) -> None:
        if min(self.classes, self.channels, self.patch_px, self.width, self.depth, self.heads, self.mlp_ratio) < 1:
            raise FacsimError(f"found {self}, expected every number to be at least 1")
        if self.width % self.heads or self.width % 4:
            raise FacsimError(
                f"found width {self.width} and {self.heads} heads, expected a width that the heads and 4 divide"
            )


class TokenLinear(nn.Linear):
    """A linear layer over tokens whose first weights are Xavier-uniform, as a masked autoencoder's are: of the spread
    that its width asks for, where a fixed one starves small networks."""

    def fill_parameters(self, generator: torch.Generator) -> None:
        """Draw the first weights (`facsim.models.initialisation`)."""
        nn.init.xavier_uniform_(self.weight, generator=generator)


class Vit(nn.Module):
    """Logits (N, classes) float32 of normalised pictures (N, channels, S, S) float32, S a multiple of the patch."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        self.config = config
        self.feature_width = config.width
        self.embedding = TokenLinear(config.channels * config.patch_px**2, config.width)
        self.blocks = nn.ModuleList(VitBlock(config.width, config.heads, config.mlp_ratio) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.head = nn.Linear(config.width, config.classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, classes)."""
        return self.head(self.features(pictures))

    def features(self, pictures: Tensor) -> Tensor:
        """What the head reads: (N, width) float32, the mean over the patches."""
        return self.encode(self.embed(pictures)).mean(dim=1)

    def embed(self, pictures: Tensor) -> Tensor:
        """A token for each patch, its place included: (N, L, width), row by row from the top left."""
        tokens = self.embedding(patches_of(pictures, self.config.patch_px))
        return tokens + grid_positions(pictures.shape[-1] // self.config.patch_px, self.config.width).to(tokens)

    def encode(self, tokens: Tensor) -> Tensor:
        """The blocks' output for any of those tokens: (N, L, width), normalised."""
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)


class VitBlock(nn.Module):
    """Self-attention and an inner layer, each behind a norm and beside a shortcut."""

    def __init__(self, width: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.qkv = TokenLinear(width, 3 * width)
        self.out = TokenLinear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.inner = TokenLinear(width, mlp_ratio * width)
        self.outer = TokenLinear(mlp_ratio * width, width)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Tokens (N, L, width); `mask` bool, broadcast to (N, heads, L, L), is true where a token may look."""
        count, length, width = tokens.shape
        split = self.qkv(self.norm1(tokens)).reshape(count, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        tokens = tokens + self.out(seen.transpose(1, 2).reshape(count, length, width))
        return tokens + self.outer(functional.gelu(self.inner(self.norm2(tokens))))


def patches_of(pictures: Tensor, patch_px: int) -> Tensor:
    """The pixels of each patch, (N, L, C · patch_px²), row by row from the top left; channels come first in a patch.

    Raises FacsimError where the patch does not divide the side.
    """
    count, channels, height, width = pictures.shape
    if height % patch_px or width % patch_px:
        raise FacsimError(
            f"found pictures of {width} × {height} px and patches of {patch_px} px, expected a side that the patch "
            "divides; set the network's patch_px"
        )
    blocks = pictures.reshape(count, channels, height // patch_px, patch_px, width // patch_px, patch_px)
    return blocks.permute(0, 2, 4, 1, 3, 5).reshape(count, -1, channels * patch_px**2)


def grid_positions(side: int, width: int) -> Tensor:
    """Fixed positions of side² patches, (side², width) float32: sines and cosines of the column, then of the row.

    Frequencies fall from 1 to 1/10,000 (Vaswani et al. 2017), a quarter of the width for each of the four.
    """
    frequencies = torch.exp(-math.log(10_000) * torch.arange(width // 4) / (width // 4))
    angles = torch.arange(side)[:, None] * frequencies  # (side, width / 4)
    one_way = torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
    across = one_way[None].expand(side, side, -1)
    down = one_way[:, None].expand(side, side, -1)
    return torch.cat([across, down], dim=2).reshape(side * side, width)
