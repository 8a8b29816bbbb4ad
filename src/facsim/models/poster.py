"""POSTER (Zheng, Mendieta, Chen 2022, arXiv 2204.04083): image and landmark streams that read each other's tokens.

58.0 M parameters learn in the large variant; the published 70.8 M also count IR50's `output_layer`, which no forward
pass reads, and the landmark network's 1.0 M are frozen. Names are those of the official code, so that its checkpoints
load: `ir_back` the image stream (IR50), `face_landback` the landmark stream (MobileFaceNet), `pyramid_fuse` three
levels of blocks on features of 512, 256 and 128.

The official code's quirks, which its checkpoints were trained with, live in the variant `faithful`: IR50's two
(`facsim.models.ir50`), and a landmark network whose weights are frozen while its norms go on reading and learning the
statistics of each batch. In the corrected form, the default, what is frozen is frozen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from facsim.errors import FacsimError
from facsim.models.ir50 import Ir50Trunk, scale_pictures, tokens_of
from facsim.models.mobilefacenet import MobileFaceNet, MobileFaceNetConfig
from facsim.models.official_names import OfficialNames
from facsim.models.transformer import DropPath, FeedForward, Gate, attend, split_heads

__all__ = ["POSTER_SIZES", "Poster", "PosterConfig", "settle_landmarks"]

POSTER_SIZES = {"large": 8, "base": 6, "small": 4}
"""Blocks of each size."""

_TOKENS = 50  # of a stream: 49 places and their mean
_WIDTH, _HEADS = 512, 8
_VARIANTS = ("rafdb", "affectnet")


@dataclass(frozen=True, kw_only=True)
class PosterConfig:
    """Shape of a `Poster`.

    `variant` "rafdb" mixes the tokens of both streams after each block, "affectnet" does not: the official code has a
    file for each. `drop_path` is the share of pictures that lose a branch of the last block while training, less
    before. `frozen_landmarks` keeps the landmark stream as it was loaded; without trained weights for it, train it too.
    """

    classes: int
    channels: int = 3
    size: str = "large"
    variant: str = "rafdb"
    drop_path: float = 0.1
    frozen_landmarks: bool = True
    faithful: bool = False

    def __post_init__(self) -> None:
        if self.size not in POSTER_SIZES or self.variant not in _VARIANTS:
            raise FacsimError(
                f'found size "{self.size}" and variant "{self.variant}", expected one of {", ".join(POSTER_SIZES)} and '
                f"one of {', '.join(_VARIANTS)}"
            )
        if min(self.classes, self.channels) < 1 or not 0 <= self.drop_path < 1:
            raise FacsimError(f"found {self}, expected numbers of at least 1 and drop_path from 0 to less than 1")


class Poster(nn.Module):
    """Logits (N, classes) float32 of normalised pictures (N, channels, S, S) float32, made for S = 224."""

    OFFICIAL_NAMES: ClassVar = OfficialNames(
        renamed={"head.linear.": "head."}, unused=(r"ir_back\.output_layer\.", r"pyramid_fuse\.cls_token$")
    )

    def __init__(self, config: PosterConfig) -> None:
        super().__init__()
        self.config = config
        self.feature_width = _WIDTH
        self.face_landback = MobileFaceNet(MobileFaceNetConfig(channels=config.channels))
        self.ir_back = Ir50Trunk(config.channels)
        self.ir_layer = nn.Linear(1024, _WIDTH)
        self.pyramid_fuse = _Pyramid(config)
        self.se_block = Gate(_WIDTH)
        self.head = nn.Linear(_WIDTH, config.classes)
        settle_landmarks(self.face_landback, frozen=config.frozen_landmarks)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, classes)."""
        return self.head(self.features(pictures))

    def features(self, pictures: Tensor) -> Tensor:
        """What the head reads: (N, 512) float32, the image stream's mean token after the last block, gated."""
        faithful = self.config.faithful
        small = scale_pictures(pictures, faithful=faithful)
        places = self.face_landback.maps(small)[-1].flatten(2).transpose(1, 2)
        image = self.ir_layer(tokens_of(self.ir_back(small)[-1], faithful=faithful))
        return self.se_block(self.pyramid_fuse(image, places))

    def train(self, mode: bool = True) -> Poster:
        """The network in training mode or out of it; a frozen landmark stream stays out of it, unless `faithful`."""
        super().train(mode)
        if self.config.frozen_landmarks and not self.config.faithful:
            self.face_landback.eval()
        return self


def settle_landmarks(network: MobileFaceNet, *, frozen: bool) -> None:
    """Let all of a landmark stream learn, or none of it; never its last layers, which a stream does not use."""
    network.requires_grad_(not frozen)
    network.output_layer.requires_grad_(False)


class _Pyramid(nn.Module):
    """The image stream's mean token (N, 512) after all blocks, of 49 tokens of each stream (N, 49, 512)."""

    def __init__(self, config: PosterConfig) -> None:
        super().__init__()
        depth = POSTER_SIZES[config.size]
        self.pos_embed = nn.Parameter(torch.empty(1, _TOKENS, _WIDTH))
        self.downsample_m = nn.Conv1d(2 * _TOKENS, 2 * _TOKENS, 2, stride=2)
        self.downsample_s = nn.Conv1d(2 * _TOKENS, 2 * _TOKENS, 4, stride=4)
        self.blocks = nn.ModuleList(
            _Level(mixing=config.variant == "rafdb", drop_path=config.drop_path * block / (depth - 1))
            for block in range(depth)
        )
        self.norm = nn.LayerNorm(_WIDTH, eps=1e-6)

    def fill_parameters(self, generator: torch.Generator) -> None:
        """Positions begin at 0."""
        nn.init.zeros_(self.pos_embed)

    def forward(self, image: Tensor, landmarks: Tensor) -> Tensor:
        large = torch.cat([_with_mean(image) + self.pos_embed, _with_mean(landmarks)], dim=1)
        middle, small = self.downsample_m(large), self.downsample_s(large)
        for block in self.blocks:
            large, middle, small = block(large, middle, small)
        return self.norm(large[:, 0])


def _with_mean(tokens: Tensor) -> Tensor:
    return torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1)


class _Level(nn.Module):
    """One block for each level of the pyramid; each level is then widened and added to the one above."""

    def __init__(self, *, mixing: bool, drop_path: float) -> None:
        super().__init__()
        self.block_l = _Fusion(_WIDTH, mixing=mixing, drop_path=drop_path)
        self.block_m = _Fusion(_WIDTH // 2, mixing=mixing, drop_path=drop_path)
        self.block_s = _Fusion(_WIDTH // 4, mixing=mixing, drop_path=drop_path)
        self.upsample_m = nn.ConvTranspose1d(2 * _TOKENS, 2 * _TOKENS, 2, stride=2)
        self.upsample_s = nn.ConvTranspose1d(2 * _TOKENS, 2 * _TOKENS, 2, stride=2)

    def forward(self, large: Tensor, middle: Tensor, small: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        small = self.block_s(small)
        middle = self.upsample_s(small) + self.block_m(middle)
        return self.block_l(large) + self.upsample_m(middle), middle, small


class _Fusion(nn.Module):
    """Tokens (N, 100, width) of both streams, image first: each asks with the other's queries, then goes its own way;
    where `mixing`, all tokens are then mixed with fixed weights."""

    def __init__(self, width: int, *, mixing: bool, drop_path: float) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.LayerNorm(width, eps=1e-6) for _ in range(4))
        self.attn_img, self.attn_lm = _CrossAttention(width), _CrossAttention(width)
        self.mlp1, self.mlp2 = FeedForward(width, 2 * width), FeedForward(width, 2 * width)
        self.drops = nn.ModuleList(DropPath(drop_path) for _ in range(4))
        self.conv = nn.Conv1d(2 * _TOKENS, 2 * _TOKENS, 1) if mixing else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        image, landmarks = _streams(tokens)
        own, other = _streams(self.norm1(tokens))
        image = image + self.drops[0](self.attn_img(own, asking=other))
        image = image + self.drops[1](self.mlp1(self.norm2(image)))
        other, own = _streams(self.norm3(tokens))
        landmarks = landmarks + self.drops[2](self.attn_lm(own, asking=other))
        landmarks = landmarks + self.drops[3](self.mlp2(self.norm4(landmarks)))
        return self.conv(torch.cat([image, landmarks], dim=1))


def _streams(tokens: Tensor) -> tuple[Tensor, Tensor]:
    return tokens[:, :_TOKENS], tokens[:, _TOKENS:]


class _CrossAttention(nn.Module):
    """A stream's tokens, mixed as the tokens `asking` weigh them; these are queries as they are, unprojected."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor, *, asking: Tensor) -> Tensor:
        keys, values = (split_heads(half, _HEADS) for half in self.kv(tokens).chunk(2, dim=-1))
        return self.proj(attend(split_heads(asking, _HEADS), keys, values))
