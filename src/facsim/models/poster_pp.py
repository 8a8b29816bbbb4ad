"""POSTER++ (Mao et al. 2023, arXiv 2301.12149; repository POSTER_V2): landmarks ask, the image answers, thrice.

43.7 M parameters and 8.4 G multiply-adds, as published. The image's maps of 28 × 28, 14 × 14 and 7 × 7 (IR50) are keys
and values for queries from the landmark network's maps of the same size, each map one window with learned biases by
relative position; 147 tokens of the three then pass two transformer blocks. Names are those of the official code, so
that its checkpoints load. What is in them but never read (IR50's `output_layer`, and `patch_embed`, `eca_block`,
`CON1`, `IRLinear1`, `IRLinear2` and each block's `conv` in `VIT`) is left out, and so is `relative_position_index`,
which follows from the window's side.

The official code's quirks live in the variant `faithful`: pictures made smaller by the nearest pixel
(`facsim.models.ir50`), and a landmark network that is frozen but whose norms are not (`facsim.models.poster`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from facsim.errors import FacsimError
from facsim.models.ir50 import Ir50Trunk, scale_pictures
from facsim.models.mobilefacenet import MobileFaceNet, MobileFaceNetConfig
from facsim.models.official_names import OfficialNames
from facsim.models.poster import settle_landmarks
from facsim.models.transformer import DropPath, FeedForward, Gate, attend, split_heads

__all__ = ["PosterPp", "PosterPpConfig"]

_WIDTH, _HEADS, _DEPTH = 768, 8, 2  # of the transformer on the three levels' tokens
_TOKENS = 148  # 49 of each level and the class token
_SCALE = 1e-5  # of a level's branches at the beginning (Touvron et al. 2021, LayerScale)


@dataclass(frozen=True, kw_only=True)
class PosterPpConfig:
    """Shape of a `PosterPp`.

    `drop_path` is the share of pictures that lose a branch of the 7 × 7 level while training; half as many lose one of
    the 14 × 14 level. `frozen_landmarks` keeps the landmark stream as it was loaded; without trained weights for it,
    train it too.
    """

    classes: int
    channels: int = 3
    drop_path: float = 0.25
    frozen_landmarks: bool = True
    faithful: bool = False

    def __post_init__(self) -> None:
        if min(self.classes, self.channels) < 1 or not 0 <= self.drop_path < 1:
            raise FacsimError(f"found {self}, expected numbers of at least 1 and drop_path from 0 to less than 1")


class PosterPp(nn.Module):
    """Logits (N, classes) float32 of normalised pictures (N, channels, S, S) float32, made for S = 224."""

    OFFICIAL_NAMES: ClassVar = OfficialNames(
        renamed={
            "VIT.head.linear.": "head.",
            **{f"ir_back.{old}": f"ir_back.{new}" for old, new in Ir50Trunk.OFFICIAL_NAMES.renamed.items()},
        },
        unused=(
            r"ir_back\.output_layer\.",
            r"VIT\.(patch_embed|eca_block|CON1|IRLinear1|IRLinear2)\.",
            r"VIT\.blocks\.\d+\.conv\.",
            r"attn[123]\.relative_position_index$",
        ),
    )

    def __init__(self, config: PosterPpConfig) -> None:
        super().__init__()
        self.config = config
        self.feature_width = _WIDTH
        self.face_landback = MobileFaceNet(MobileFaceNetConfig(channels=config.channels))
        self.VIT = _Transformer()
        self.ir_back = Ir50Trunk(config.channels)
        self.conv1, self.conv2, self.conv3 = (_halving(width, width) for width in (64, 128, 256))
        self.window1, self.window2, self.window3 = (_Norm(width) for width in (64, 128, 256))
        self.attn1 = _WindowAttention(64, heads=2, side=28)
        self.attn2 = _WindowAttention(128, heads=4, side=14)
        self.attn3 = _WindowAttention(256, heads=8, side=7)
        self.ffn1, self.ffn2, self.ffn3 = (
            _Level(width, drop_path=config.drop_path * share) for width, share in ((64, 0.0), (128, 0.5), (256, 1.0))
        )
        self.last_face_conv = nn.Conv2d(512, 256, 3, padding=1)
        self.embed_q = nn.Sequential(_halving(64, _WIDTH), _halving(_WIDTH, _WIDTH))
        self.embed_k = nn.Sequential(_halving(128, _WIDTH))
        self.embed_v = _Embedding(256)
        self.head = nn.Linear(_WIDTH, config.classes)
        settle_landmarks(self.face_landback, frozen=config.frozen_landmarks)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, classes)."""
        return self.head(self.features(pictures))

    def features(self, pictures: Tensor) -> Tensor:
        """What the head reads: (N, 768) float32, the class token after the last block, gated."""
        small = scale_pictures(pictures, faithful=self.config.faithful)
        asking1, asking2, asking3 = self.face_landback.maps(small)
        image1, image2, image3 = self.ir_back(small)
        level1 = self.ffn1(self.window1(self.conv1(image1)), asking1, self.attn1)
        level2 = self.ffn2(self.window2(self.conv2(image2)), asking2, self.attn2)
        level3 = self.ffn3(self.window3(self.conv3(image3)), self.last_face_conv(asking3), self.attn3)
        maps = (self.embed_q(level1), self.embed_k(level2), self.embed_v(level3))
        return self.VIT(torch.cat([_as_tokens(level) for level in maps], dim=1))

    def train(self, mode: bool = True) -> PosterPp:
        """The network in training mode or out of it; a frozen landmark stream stays out of it, unless `faithful`."""
        super().train(mode)
        if self.config.frozen_landmarks and not self.config.faithful:
            self.face_landback.eval()
        return self


def _halving(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)


def _as_tokens(maps: Tensor) -> Tensor:
    """(N, H × W, C) of (N, C, H, W), row by row."""
    return maps.flatten(2).transpose(1, 2)


class _Norm(nn.Module):
    """A map with each place's channels normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, maps: Tensor) -> Tensor:
        return self.norm(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _WindowAttention(nn.Module):
    """Tokens (N, side², width), mixed as the tokens `asking` weigh them, with a bias for each shift between places."""

    def __init__(self, width: int, *, heads: int, side: int) -> None:
        super().__init__()
        self.heads, self.side = heads, side
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * side - 1) ** 2, heads))
        self.qkv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def fill_parameters(self, generator: torch.Generator) -> None:
        """Biases begin near 0."""
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02, a=-0.04, b=0.04, generator=generator)

    def forward(self, tokens: Tensor, *, asking: Tensor) -> Tensor:
        keys, values = (split_heads(half, self.heads) for half in self.qkv(tokens).chunk(2, dim=-1))
        mixed = attend(split_heads(asking, self.heads), keys, values, bias=self._bias(asking.dtype))
        return self.proj(mixed)

    def _bias(self, dtype: torch.dtype) -> Tensor:
        """(1, heads, side², side²): row of the asking place, column of the asked one."""
        table = self.relative_position_bias_table
        line = torch.arange(self.side, device=table.device)
        shift = line[:, None] - line[None, :] + self.side - 1
        entry = shift[:, None, :, None] * (2 * self.side - 1) + shift[None, :, None, :]
        places = self.side * self.side
        return table[entry.reshape(places, places)].permute(2, 0, 1)[None].to(dtype)


class _Level(nn.Module):
    """A level's map after its landmarks asked it, and after a feed-forward layer, each added on a small scale."""

    def __init__(self, width: int, *, drop_path: float) -> None:
        super().__init__()
        self.gamma1, self.gamma2 = nn.Parameter(torch.empty(width)), nn.Parameter(torch.empty(width))
        self.mlp = FeedForward(width, 4 * width)
        self.norm = nn.LayerNorm(width)
        self.drops = nn.ModuleList(DropPath(drop_path) for _ in range(2))

    def fill_parameters(self, generator: torch.Generator) -> None:
        """Both branches begin small."""
        nn.init.constant_(self.gamma1, _SCALE)
        nn.init.constant_(self.gamma2, _SCALE)

    def forward(self, maps: Tensor, asking: Tensor, attention: _WindowAttention) -> Tensor:
        tokens = _as_tokens(maps)
        answered = attention(tokens, asking=_as_tokens(asking))
        tokens = tokens + self.drops[0](self.gamma1 * answered)
        tokens = tokens + self.drops[1](self.gamma2 * self.mlp(self.norm(tokens)))
        return tokens.transpose(1, 2).unflatten(2, maps.shape[2:])


class _Embedding(nn.Module):
    """A map of the transformer's width."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inputs, _WIDTH, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return self.proj(maps)


class _Transformer(nn.Module):
    """The gated class token (N, 768) of 147 tokens (N, 147, 768)."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, _WIDTH))
        self.pos_embed = nn.Parameter(torch.empty(1, _TOKENS, _WIDTH))
        self.se_block = Gate(_WIDTH)
        self.blocks = nn.ModuleList(_Block() for _ in range(_DEPTH))
        self.norm = nn.LayerNorm(_WIDTH, eps=1e-6)

    def fill_parameters(self, generator: torch.Generator) -> None:
        """Class token and positions begin near 0."""
        for parameter in (self.cls_token, self.pos_embed):
            nn.init.trunc_normal_(parameter, std=0.02, a=-0.04, b=0.04, generator=generator)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1) + self.pos_embed
        for block in self.blocks:
            tokens = block(tokens)
        return self.se_block(self.norm(tokens[:, 0]))


class _Block(nn.Module):
    """Self-attention and a feed-forward layer, each behind a norm and beside a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(_WIDTH, eps=1e-6), nn.LayerNorm(_WIDTH, eps=1e-6)
        self.attn = _SelfAttention()
        self.mlp = FeedForward(_WIDTH, 4 * _WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class _SelfAttention(nn.Module):
    """Tokens (N, T, 768), mixed as they weigh one another."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(_WIDTH, 3 * _WIDTH)
        self.proj = nn.Linear(_WIDTH, _WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        queries, keys, values = (split_heads(third, _HEADS) for third in self.qkv(tokens).chunk(3, dim=-1))
        return self.proj(attend(queries, keys, values))
