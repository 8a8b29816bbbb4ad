"""A model of pictures and texts: a backbone and a small text transformer, each with a projection into one space.

Texts are words of a closed list (`Vocabulary`), which is kept with the weights. On disk the model is a folder with
`weights.safetensors`, whose one metadata entry `facsim_image_text` holds everything else; nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from facsim.captions import words_of
from facsim.errors import FacsimError, WeightsError
from facsim.models.backbones import feature_width, features_of, fresh_backbone
from facsim.models.classifier import Preprocessing, architecture_of, build_network
from facsim.models.initialisation import initialise
from facsim.models.vit import VitBlock
from facsim.models.weights import WEIGHTS_FILE, write_model

__all__ = [
    "ImageText",
    "ImageTextNetwork",
    "TextConfig",
    "Vocabulary",
    "fresh_image_text",
    "is_image_text",
    "load_image_text",
    "save_image_text",
]

_FORMAT, _ENTRY = 1, "facsim_image_text"
_GREATEST_SCALE = 100.0  # CLIP's bound on one over the temperature (Radford et al. 2021, section 2.5)
_FIRST_SCALE = 1 / 0.07  # CLIP's


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """Shape of the text tower: width, blocks, heads, the longest text in words, and the width of the common space."""

    width: int = 128
    depth: int = 2
    heads: int = 4
    longest: int = 128
    common: int = 128

    def __post_init__(self) -> None:
        if min(self.width, self.depth, self.heads, self.longest, self.common) < 1 or self.width % self.heads:
            raise FacsimError(f"found {self}, expected numbers of at least 1 and a width that the heads divide")


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """A closed list of words; token 0 is padding, word i has token i + 1."""

    words: tuple[str, ...]

    @cached_property
    def _tokens(self) -> Mapping[str, int]:
        return {word: place + 1 for place, word in enumerate(self.words)}

    def knows(self, text: str) -> bool:
        """Whether every word of a text is on the list."""
        return all(word in self._tokens for word in words_of(text))

    def encode(self, texts: Sequence[str], *, longest: int) -> Tensor:
        """Tokens int64 (N, L), padded to the longest of the texts; words beyond `longest` are cut.

        Raises FacsimError where a text has a word that is not on the list, or no word at all.
        """
        rows: list[list[int]] = []
        for text in texts:
            words = words_of(text)
            unknown = next((word for word in words if word not in self._tokens), None)
            if unknown is not None or not words:
                raise FacsimError(f'found "{unknown or ""}" in "{text}", expected words of the model\'s vocabulary')
            rows.append([self._tokens[word] for word in words[:longest]])
        length = max(map(len, rows), default=1)
        return torch.tensor([row + [0] * (length - len(row)) for row in rows], dtype=torch.int64).reshape(-1, length)


class ImageTextNetwork(nn.Module):
    """Both towers. Pictures are normalised (N, C, S, S) float32, texts tokens (N, L) int64; vectors have length 1."""

    def __init__(self, backbone: nn.Module, config: TextConfig, words: int) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone
        self.words = nn.Embedding(words + 1, config.width)
        self.places = nn.Embedding(config.longest, config.width)
        self.blocks = nn.ModuleList(VitBlock(config.width, config.heads, 4) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.from_picture = nn.Linear(feature_width(backbone), config.common, bias=False)
        self.from_text = nn.Linear(config.width, config.common, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(_FIRST_SCALE)))

    def embed_pictures(self, pictures: Tensor) -> Tensor:
        """Unit vectors (N, common)."""
        return functional.normalize(self.from_picture(features_of(self.backbone, pictures)), dim=1)

    def embed_texts(self, tokens: Tensor) -> Tensor:
        """Unit vectors (N, common): the mean over a text's words, which see each other and not the padding."""
        held = tokens > 0
        places = torch.arange(tokens.shape[1], device=tokens.device)
        hidden = self.words(tokens) + self.places(places)
        for block in self.blocks:
            hidden = block(hidden, held[:, None, None, :])
        share = held.float() / held.sum(dim=1, keepdim=True)
        return functional.normalize(self.from_text((self.norm(hidden) * share[:, :, None]).sum(dim=1)), dim=1)

    def scale(self) -> Tensor:
        """What cosines are multiplied by, a scalar of at most 100."""
        return self.log_scale.exp().clamp(max=_GREATEST_SCALE)


@dataclass(frozen=True, kw_only=True)
class ImageText:
    """A network of pictures and texts with its words and its preprocessing; `sha256` is empty where never saved."""

    network: ImageTextNetwork
    vocabulary: Vocabulary
    preprocessing: Preprocessing
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sha256: str = ""


def fresh_image_text(
    name: str, config: Mapping[str, Any], text: TextConfig, *, channels: int, words: int, generator: torch.Generator
) -> ImageTextNetwork:
    """An untrained network on a backbone of this architecture, initialised from `generator` alone."""
    backbone = fresh_backbone(name, config, channels=channels, generator=generator)
    with torch.device("meta"):
        whole = ImageTextNetwork(backbone, text, words)
    for part in (whole.blocks, whole.norm, whole.from_picture, whole.from_text):
        initialise(part.to_empty(device="cpu"), generator=generator)
    for table in (whole.words, whole.places):
        nn.init.normal_(table.to_empty(device="cpu").weight, std=0.02, generator=generator)
    whole.log_scale = nn.Parameter(torch.tensor(math.log(_FIRST_SCALE)))
    return whole


def save_image_text(
    model: ImageText, folder: str | os.PathLike[str], *, training: Mapping[str, Any] | None = None
) -> ImageText:
    """The model with the SHA-256 of its weights file, now written to `folder` with its card."""
    architecture, configuration = architecture_of(model.network.backbone)
    described = {
        "format": _FORMAT,
        "architecture": architecture,
        "configuration": configuration,
        "text": asdict(model.network.config),
        "words": list(model.vocabulary.words),
        "preprocessing": asdict(model.preprocessing),
        "provenance": dict(model.provenance),
    }
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.network.state_dict().items()}
    data = safetensors.torch.save(state, metadata={_ENTRY: json.dumps(described, sort_keys=True)})
    saved = replace(model, sha256=hashlib.sha256(data).hexdigest())
    write_model(folder, data, card=_card(saved), training=training)
    return saved


def is_image_text(path: str | os.PathLike[str]) -> bool:
    """Whether a folder's weights are those of a model of pictures and texts."""
    file = Path(path) / WEIGHTS_FILE
    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            return _ENTRY in (opened.metadata() or {})
    except (safetensors.SafetensorError, OSError):
        return False


def load_image_text(path: str | os.PathLike[str], *, device: str = "cpu") -> ImageText:
    """The model of a folder, in evaluation mode. Raises WeightsError where the folder holds none, or a damaged one."""
    file = Path(path) / WEIGHTS_FILE
    if not is_image_text(path):
        raise WeightsError(f"{file} is no model of pictures and texts; expected one that `facsim contrast` wrote")
    data = file.read_bytes()
    with safetensors.safe_open(file, framework="pt") as opened:
        described = json.loads(opened.metadata()[_ENTRY])
    if described.get("format") != _FORMAT:
        raise WeightsError(f"{file} is of format {described.get('format')}, expected {_FORMAT}; train it again")
    try:
        backbone = build_network(described["architecture"], described["configuration"])
        with torch.device("meta"):
            network = ImageTextNetwork(backbone, TextConfig(**described["text"]), len(described["words"]))
        network.load_state_dict(safetensors.torch.load(data), assign=True)
        asked = described["preprocessing"]
        preprocessing = Preprocessing(**{**asked, "mean": tuple(asked["mean"]), "std": tuple(asked["std"])})
    except (KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(f"{file} does not fit this facsim ({error}); train it again") from error
    network = network.to(device=device, memory_format=torch.channels_last).eval()  # pyright: ignore[reportCallIssue]
    return ImageText(
        network=network,
        vocabulary=Vocabulary(words=tuple(described["words"])),
        preprocessing=preprocessing,
        provenance=described["provenance"],
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _card(model: ImageText) -> str:
    """The model card, Markdown."""
    architecture, _ = architecture_of(model.network.backbone)
    known = dict(model.provenance)
    lines = [
        "# Model of pictures of faces and of captions",
        "",
        "It says how near a picture and a text are; an apparent expression is not an emotion.",
        "",
        f"- trained_on: {known.pop('trained_on', 'not recorded')}",
        f"- selected_on: {known.pop('selected_on', 'not recorded')}",
        f"- towers: {architecture}, and {json.dumps(asdict(model.network.config))} over "
        f"{len(model.vocabulary.words)} words",
        f"- SHA-256 of {WEIGHTS_FILE}: {model.sha256}",
        *(f"- {key}: {json.dumps(value)}" for key, value in sorted(known.items())),
    ]
    return "\n".join(lines) + "\n"
