"""MAE: three quarters of a picture's patches are hidden and drawn again from the rest (He et al. 2022, arXiv
2111.06377). The encoder sees the open patches alone; a small decoder, thrown away later, sees places for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from facsim.errors import FacsimError
from facsim.learn.selfsupervised.heads import Learned
from facsim.models.initialisation import initialise
from facsim.models.vit import TokenLinear, Vit, VitBlock, grid_positions, patches_of

__all__ = ["Mae", "MaeLearner", "draw_order", "masked_error", "normalised_patches"]


@dataclass(frozen=True, kw_only=True)
class Mae:
    """MAE's settings: the share of patches hidden (0.75, section 4.1), and the decoder's width, blocks and heads (512
    and 8 in the paper beside an encoder of 1024; here in proportion to the small encoder)."""

    name: ClassVar[str] = "mae"
    views: ClassVar[int] = 1
    momentum: ClassVar[float] = 0.0
    masked: float = 0.75
    decoder_width: int = 96
    decoder_depth: int = 2
    decoder_heads: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.masked < 1:
            raise FacsimError(f"found masked = {self.masked}, expected a share above 0 and below 1")
        if self.decoder_width % self.decoder_heads or self.decoder_width % 4 or self.decoder_depth < 1:
            raise FacsimError(f"found {self}, expected at least one block and a width that the heads and 4 divide")

    def build(self, backbone: nn.Module, *, generator: torch.Generator) -> MaeLearner:
        """The method at work on `backbone`. Raises FacsimError where it is not a transformer over patches."""
        if not isinstance(backbone, Vit):
            raise FacsimError(
                f'found the network {type(backbone).__name__}, expected "vit": a masked autoencoder leaves patches '
                "out, which a convolutional network cannot"
            )
        return MaeLearner(backbone, self, generator)


class MaeLearner(nn.Module):
    """An encoder and the decoder that draws what it did not see."""

    def __init__(self, backbone: Vit, settings: Mae, generator: torch.Generator) -> None:
        super().__init__()
        self.settings = settings
        width, shape = settings.decoder_width, backbone.config
        with torch.device("meta"):
            self.bridge = TokenLinear(shape.width, width)
            self.decoder = nn.ModuleList(
                VitBlock(width, settings.decoder_heads, shape.mlp_ratio) for _ in range(settings.decoder_depth)
            )
            self.norm = nn.LayerNorm(width, eps=1e-6)
            self.pixels = TokenLinear(width, shape.channels * shape.patch_px**2)
        for module in (self.bridge, self.decoder, self.norm, self.pixels):
            initialise(module.to_empty(device="cpu"), generator=generator)
        self.mask_token = nn.Parameter(torch.randn(width, generator=generator) * 0.02)
        self.backbone = backbone

    def learn(self, views: tuple[Tensor, ...], generator: torch.Generator) -> Learned:
        """The mean squared error of the hidden patches, each normalised by its own mean and deviation."""
        tokens = self.backbone.embed(views[0])
        order = draw_order(tokens.shape[0], tokens.shape[1], generator=generator).to(tokens.device)
        kept = max(1, round(tokens.shape[1] * (1 - self.settings.masked)))
        encoded = self.backbone.encode(_picked(tokens, order[:, :kept]))
        drawn = self._decoded(encoded, order)
        wanted = normalised_patches(views[0], self.backbone.config.patch_px)
        return Learned(loss=masked_error(drawn, wanted, order[:, kept:]), embedding=encoded.mean(dim=1))

    def follow(self, momentum: float) -> None:
        """Nothing: MAE has no targets."""

    def _decoded(self, encoded: Tensor, order: Tensor) -> Tensor:
        """Pixels for every patch, (N, L, C · patch_px²), from the open ones and their places."""
        count, length = order.shape
        hidden = self.mask_token.expand(count, length - encoded.shape[1], -1)
        shuffled = torch.cat([self.bridge(encoded), hidden], dim=1)
        tokens = _picked(shuffled, order.argsort(dim=1))
        tokens = tokens + grid_positions(round(length**0.5), tokens.shape[2]).to(tokens)
        for block in self.decoder:
            tokens = block(tokens)
        return self.pixels(self.norm(tokens))


def draw_order(count: int, length: int, *, generator: torch.Generator) -> Tensor:
    """A random order of the patches of each picture, int64 (count, length): the first stay open."""
    return torch.rand((count, length), generator=generator).argsort(dim=1)


def normalised_patches(pictures: Tensor, patch_px: int) -> Tensor:
    """Each patch's pixels less their mean, over their standard deviation: (N, L, C · patch_px²) (section 4.1)."""
    patches = patches_of(pictures, patch_px)
    mean, variance = patches.mean(dim=2, keepdim=True), patches.var(dim=2, keepdim=True)
    return (patches - mean) / (variance + 1e-6).sqrt()


def masked_error(drawn: Tensor, wanted: Tensor, hidden: Tensor) -> Tensor:
    """Mean squared error over the `hidden` patches (N, H) alone, of patches (N, L, P): a scalar."""
    return (_picked(drawn, hidden) - _picked(wanted, hidden)).square().mean()


def _picked(tokens: Tensor, places: Tensor) -> Tensor:
    """The tokens (N, L, D) at `places` (N, K), as (N, K, D)."""
    return tokens.gather(1, places[:, :, None].expand(-1, -1, tokens.shape[2]))
