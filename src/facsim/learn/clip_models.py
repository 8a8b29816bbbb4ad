"""CLIP-style models of the `transformers` library, from a local folder: never downloaded, never unpickled.

The folder is as `save_pretrained` writes it: `config.json`, `model.safetensors`, the tokenizer's files and the picture
processor's configuration. Pictures are cut to their central square and resized (bicubic) by facsim's own reader, then
normalised by the mean and deviation that the processor names.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from facsim.errors import MissingExtra, WeightsError
from facsim.learn.data import PictureShape
from facsim.models.classifier import nchw

__all__ = ["KINDS", "ClipModel", "is_clip_folder", "load_clip"]

KINDS = ("clip", "siglip")
"""`model_type` of the configurations that are read."""

_PROCESSORS = ("preprocessor_config.json", "processor_config.json")


@dataclass(frozen=True, kw_only=True)
class ClipModel:
    """A model of `transformers` as zero-shot recognition wants it (`facsim.learn.zero_shot.ImageTextModel`)."""

    network: Any
    tokenizer: Any
    shape: PictureShape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    description: Mapping[str, Any]

    @property
    def scale(self) -> float:
        """One over the learnt temperature."""
        return float(self.network.logit_scale.detach().exp())

    def knows(self, text: str) -> bool:
        """Always: its tokenizer spells what it has no word for."""
        return True

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (T, D) float32; a text longer than the model's context is cut."""
        longest = self.network.config.text_config.max_position_embeddings
        tokens = self.tokenizer(  # SigLIP was trained on full-length padding, to which CLIP's mask is indifferent
            list(texts), padding="max_length", max_length=longest, truncation=True, return_tensors="pt"
        )
        held = {name: tokens[name].to(self._device) for name in self._text_inputs if name in tokens}
        with torch.inference_mode():
            return _unit(_vectors(self.network.get_text_features(**held)))

    def embed_pictures(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors (N, D) float32 of images uint8 (N, S, S, 3)."""
        batch = nchw(torch.from_numpy(np.ascontiguousarray(images))).to(self._device)
        mean, std = (batch.new_tensor(values)[None, :, None, None] for values in (self.mean, self.std))
        with torch.inference_mode():
            return _unit(_vectors(self.network.get_image_features(pixel_values=(batch - mean) / std)))

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    @property
    def _text_inputs(self) -> tuple[str, ...]:
        # SigLIP was trained without a mask: its model attends to the padding.
        return ("input_ids",) if self.network.config.model_type == "siglip" else ("input_ids", "attention_mask")


def is_clip_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds the configuration of one of `KINDS`."""
    file = Path(path) / "config.json"
    try:
        return json.loads(file.read_text(encoding="utf-8")).get("model_type") in KINDS
    except (OSError, ValueError, AttributeError):
        return False


def load_clip(path: str | os.PathLike[str], *, device: str = "cpu") -> ClipModel:
    """The model of a local folder, in evaluation mode.

    Raises MissingExtra where `transformers` is not installed, and WeightsError where the folder does not hold such a
    model, where its weights are not safetensors (a pickle is never read), or where it does not say how pictures are
    normalised.
    """
    folder = Path(path)
    if not is_clip_folder(folder):
        raise WeightsError(
            f"{folder} is not the folder of a model of pictures and texts: expected one that `facsim contrast` "
            f"wrote, or a config.json of type {' or '.join(KINDS)} as `save_pretrained` writes it; models are read "
            "from local folders alone"
        )
    if not any(folder.glob("*.safetensors")):
        raise WeightsError(f"{folder} has no .safetensors file; pickled weights are not read: convert them first")
    network, tokenizer = _loaded(folder)
    mean, std = _normalisation(folder)
    size = int(network.config.vision_config.image_size)
    return ClipModel(
        network=network.to(device).eval(),
        tokenizer=tokenizer,
        shape=PictureShape(size_px=size, colour="rgb"),
        mean=mean,
        std=std,
        description={
            "kind": network.config.model_type,
            "name": folder.name,
            "sha256": _checksum(folder),
            "preprocessing": {"size_px": size, "colour": "rgb", "mean": list(mean), "std": list(std)},
            "trained_on": "not recorded",
        },
    )


def _loaded(folder: Path) -> tuple[Any, Any]:
    try:
        import transformers  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtra(
            'CLIP-style models need the transformers library: pip install "facsim[clip]", or pip install transformers'
        ) from error
    try:
        network = transformers.AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise WeightsError(f"{folder} cannot be read by transformers {transformers.__version__}: {error}") from error
    return network, tokenizer


def _normalisation(folder: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    for name in _PROCESSORS:
        if not (folder / name).exists():
            continue
        held = json.loads((folder / name).read_text(encoding="utf-8"))
        found = held.get("image_processor", held)
        if "image_mean" in found and "image_std" in found:
            return tuple(map(float, found["image_mean"])), tuple(map(float, found["image_std"]))
    raise WeightsError(
        f"{folder} does not say how pictures are normalised: expected image_mean and image_std in {_PROCESSORS[0]}; "
        "copy that file from where the weights come from"
    )


def _checksum(folder: Path) -> str:
    """SHA-256 of the weights: of the one file, or of all shards in the order of their names."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as held:
            while block := held.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()


def _vectors(output: Any) -> Tensor:
    """The features, which transformers 5 hands back within a record and 4 as they are."""
    return output if isinstance(output, Tensor) else output.pooler_output


def _unit(vectors: Tensor) -> NDArray[np.float32]:
    return functional.normalize(vectors.float(), dim=1).cpu().numpy()
