"""Label models that nobody taught, small, for tests of the stages that use them."""

import pytest
import torch

from facsim.models.classifier import Preprocessing
from facsim.models.labeller import Labeller, initialised_label_network, save_labeller
from facsim.models.landmark_outputs import LANDMARK_OUTPUTS


def saved(folder, task, network, configuration, size_px, settings, seed=0):
    built = initialised_label_network(network, configuration, generator=torch.Generator().manual_seed(seed))
    preprocessing = Preprocessing(size_px=size_px, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3)
    labeller = Labeller(task=task, network=built.eval(), preprocessing=preprocessing, settings=settings)
    save_labeller(labeller, folder)
    return str(folder)


@pytest.fixture(scope="session")
def landmark_model(tmp_path_factory):
    shape = {"outputs": LANDMARK_OUTPUTS, "widths": (4, 8), "depths": (1, 1), "grid": 2}
    return saved(tmp_path_factory.mktemp("landmarks"), "landmarks", "face_net", shape, 32, {"box_scale": 1.3})


@pytest.fixture(scope="session")
def detect_model(tmp_path_factory):
    shape = {"widths": (4, 4, 8, 8), "neck": 8}
    settings = {"least_score": 0.5, "overlap": 0.4, "inside": 0.5}
    return saved(tmp_path_factory.mktemp("detect"), "detect", "detect_net", shape, 64, settings)


@pytest.fixture(scope="session")
def parse_model(tmp_path_factory):
    shape = {"classes": 3, "widths": (4, 8, 8), "neck": 8}
    settings = {"parts": ["background", "skin", "eye_left"], "template": "wide"}
    return saved(tmp_path_factory.mktemp("parse"), "parse", "parse_net", shape, 32, settings)
