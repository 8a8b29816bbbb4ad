"""Small pre-trainings over the drawn pictures of tests/learn."""

import pytest

from facsim.learn.selfsupervised.loop import Optimisation
from facsim.learn.selfsupervised.pretraining import PretrainingConfig, method_named

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
