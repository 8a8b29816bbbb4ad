"""Backbones that a protocol starts from: pre-trained without labels, untrained, or a trained model's own.

Each lies in `backbones/<fingerprint>/` of the protocol's folder and is found again, as cells are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch

from facsim.errors import FacsimError, RecipeError
from facsim.learn.data import Pictures
from facsim.learn.leaks import save_training_hashes, save_training_signatures
from facsim.learn.protocols.holding import held_folder
from facsim.learn.protocols.runs import Bench
from facsim.learn.selfsupervised.pretraining import METHODS, PretrainingConfig, method_named, pretrain
from facsim.models.backbones import Backbone, fresh_backbone, save_backbone
from facsim.models.classifier import fit_preprocessing
from facsim.models.model_terms import standing_entry
from facsim.products import Progress
from facsim.provenance import fingerprint_of
from facsim.recipe import build_settings
from facsim.sample import seed_for

__all__ = ["pretrained", "pretraining_config", "untrained"]


def pretraining_config(method: str, settings: Mapping[str, Any], *, seed: int) -> PretrainingConfig:
    """The settings of a pre-training; `settings` are fields of PretrainingConfig, but for tables named for a method.

    Such a table holds the method's own settings, and fields that are other for it (a network, say). Raises RecipeError
    for an unknown or impossible one.
    """
    known = {entry.name for entry in fields(PretrainingConfig)}
    own = dict(settings.get(method, {}))
    shared = {key: value for key, value in settings.items() if key not in METHODS}
    other = {key: own.pop(key) for key in list(own) if key in known}
    try:
        made: PretrainingConfig = build_settings(PretrainingConfig, {**shared, **other}, "pretraining")
        return replace(made, method=method_named(method, **own), seed=seed)
    except (FacsimError, TypeError) as error:
        raise RecipeError(f"pretraining by {method}: {error}") from None


def pretrained(bench: Bench, pictures: Pictures, config: PretrainingConfig) -> Path:
    """The folder of the backbone pre-trained so on the pictures, whose labels are not read."""
    placed = replace(config, device=bench.device, threads=bench.threads or config.threads)
    folder = bench.out / "backbones" / fingerprint_of({**config.to_json(), "pictures": pictures.fingerprint})[:20]
    name = f"{config.method.name}, seed {config.seed}"

    def told(step: int, total: int, rate: float, loss: float) -> None:
        note = f"loss {loss:.3f}, {rate:.0f} pictures/s"
        bench.on_progress(Progress(step=name, done=step, total=total, unit="steps", note=note))

    with held_folder(folder, bench.on_progress):
        return pretrain(pictures, placed, out=folder, on_steps=told).folder


def untrained(bench: Bench, pictures: Pictures, config: PretrainingConfig) -> Path:
    """The folder of the same backbone before any training: what its architecture alone is worth."""
    asked = {"network": config.network, "network_config": dict(config.network_config), "seed": config.seed}
    folder = bench.out / "backbones" / fingerprint_of({**asked, "pictures": pictures.fingerprint})[:20]
    with held_folder(folder, bench.on_progress):
        channels = 1 if pictures.images.ndim == 3 else 3
        generator = torch.Generator().manual_seed(seed_for(f"train/{config.seed}", "untrained"))
        network = fresh_backbone(config.network, config.network_config, channels=channels, generator=generator)
        backbone = Backbone(
            network=network,
            preprocessing=fit_preprocessing(pictures.images, crop_margin=pictures.crop_margin),
            provenance={"trained_on": "nothing", "selected_on": "nothing", "config": asked, **standing_entry([])},
        )
        save_backbone(backbone, folder)
        save_training_hashes(folder, pictures.hashes[:0])  # it has seen nothing, and says so
        save_training_signatures(folder, pictures.images[:0])
    return folder
