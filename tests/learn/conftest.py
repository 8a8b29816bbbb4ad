"""Drawn pictures for the tests of learning: seven patterns that a small network tells apart."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.learn.data import Pictures, pixel_hash
from facsim.learn.selfsupervised.loop import Optimisation
from facsim.learn.selfsupervised.pretraining import PretrainingConfig, method_named


def drawn_pictures(count: int, *, seed: int = 0, size_px: int = 40, classes: tuple[str, ...] = SEVEN_EXPRESSIONS):
    """`count` noisy gratings, grey, one orientation and frequency a class, in turn."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(classes)
    down, across = np.mgrid[:size_px, :size_px] / size_px
    waves = [np.sin(2 * np.pi * ((1 + k % 3) * across + (k // 3) * 2 * down)) for k in labels]
    noisy = [128 + 70 * wave + rng.normal(0, 25, wave.shape) for wave in waves]
    images = np.clip(np.stack(noisy), 0, 255).astype(np.uint8)
    return Pictures(
        images=images,
        targets=np.eye(len(classes), dtype=np.float32)[labels],
        classes=classes,
        ids=tuple(f"train/{classes[k]}/drawn_{seed}_{i}.png" for i, k in enumerate(labels)),
        hashes=np.array([pixel_hash(np.repeat(image[..., None], 3, axis=2)) for image in images], dtype=np.uint64),
    )


def units_known(pictures: Pictures) -> Pictures:
    """The pictures with two action units that go with their classes; every fifth picture's are not known."""
    classes = pictures.targets.argmax(axis=1)
    held = {
        name: tuple(None if row % 5 == 4 else float((place + shift) % 6) for row, place in enumerate(classes))
        for name, shift in (("AU4", 0), ("AU12", 3))
    }
    return replace(pictures, attributes={**pictures.attributes, **held})


@pytest.fixture(scope="session")
def drawn():
    return drawn_pictures


@pytest.fixture(scope="session")
def with_units():
    return units_known


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


SMALL = {"widths": (8, 16), "depths": (1, 1)}
SMALL_VIT = {"patch_px": 8, "width": 24, "depth": 2, "heads": 2}


def small_pretraining(method="simclr", **changes):
    """A pre-training of a tiny network that takes seconds."""
    network = {"network": "vit", "network_config": SMALL_VIT} if method == "mae" else {"network_config": SMALL}
    heads = {"decoder_width": 12, "decoder_depth": 1} if method == "mae" else {"hidden": 32, "width": 16}
    settings = {
        "method": method_named(method, **heads),
        **network,
        "steps": 12,
        "batch_size": 16,
        "optimisation": Optimisation(lr=2e-3),
        "threads": 1,
    }
    return PretrainingConfig(**{**settings, **changes})


@pytest.fixture(scope="session")
def pretraining_of():
    return small_pretraining
