"""Tiny label models, saved as `facsim teach` saves them, and small faces to read: for the tests of label stages."""

from pathlib import Path

import numpy as np
import torch

from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.classifier import Preprocessing
from facsim.models.labeller import Labeller, initialised_label_network, save_labeller
from facsim.pictures import encode_png
from facsim.sample import Sample
from facsim.testing import planned_samples


def written_coder(folder: Path) -> Path:
    """The folder with a random coder of action units of a few thousand weights."""
    shape = {"outputs": 2 * len(SUPPORTED_AUS), "widths": (4, 4, 8, 8), "grid": 2, "stem_stride": 2}
    network = initialised_label_network("face_net", shape, generator=torch.Generator().manual_seed(0))
    torch.nn.init.normal_(network.head.weight, std=2.0, generator=torch.Generator().manual_seed(1))
    save_labeller(
        Labeller(
            task="action_units",
            network=network.eval(),
            preprocessing=Preprocessing(size_px=32, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3),
            settings={
                "keys": list(SUPPORTED_AUS),
                "template": "wide",
                "deviation_scales": [1.0] * len(SUPPORTED_AUS),
            },
        ),
        folder,
    )
    return folder


def faces(count: int, *, size_px: int = 48) -> list[Sample]:
    """Samples with a smooth random picture as `image` and as `face_aligned`."""
    samples = []
    for row, sample in enumerate(planned_samples(count)):
        coarse = np.random.default_rng(row).integers(0, 256, (6, 6, 3)).astype(np.uint8)
        picture = {"bytes": encode_png(np.kron(coarse, np.ones((size_px // 6, size_px // 6, 1), np.uint8))), "path": ""}
        values = {**sample.values, "image": picture, "face_aligned": picture, "align_template": "wide"}
        samples.append(Sample(sample_id=sample.sample_id, values=values))
    return samples
