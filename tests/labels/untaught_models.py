"""Label models that nobody taught, small, for tests of the stages that use them."""

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


def write_landmark_model(folder):
    """The folder of an untaught landmark model, now written."""
    shape = {"outputs": LANDMARK_OUTPUTS, "widths": (4, 8), "depths": (1, 1), "grid": 2}
    return saved(folder, "landmarks", "face_net", shape, 32, {"box_scale": 1.3})


def write_detect_model(folder):
    """The folder of an untaught detect model, now written."""
    shape = {"widths": (4, 4, 8, 8), "neck": 8}
    settings = {"least_score": 0.5, "overlap": 0.4, "inside": 0.5}
    return saved(folder, "detect", "detect_net", shape, 64, settings)


def write_parse_model(folder):
    """The folder of an untaught parse model, now written."""
    shape = {"classes": 3, "widths": (4, 8, 8), "neck": 8}
    settings = {"parts": ["background", "skin", "eye_left"], "template": "wide"}
    return saved(folder, "parse", "parse_net", shape, 32, settings)
