import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import facsim
from facsim.models.apparent import UNCALIBRATED, WIDTH
from facsim.models.classifier import Preprocessing
from facsim.models.face_crop import fit_similarity, invert, template_points
from facsim.models.labeller import Labeller, initialised_label_network, save_labeller
from facsim.pictures import encode_png
from facsim.sample import Sample

SETTINGS = {"identity": {"template": "arcface"}, "attributes": {"template": "wide", "calibration": dict(UNCALIBRATED)}}


@pytest.fixture(scope="session")
def untaught(tmp_path_factory):
    """Folders of label models with random weights, by task."""
    folders = {}
    for task, outputs in (("identity", 16), ("attributes", WIDTH)):
        shape = {"outputs": outputs, "widths": (8, 16), "depths": (1, 1), "grid": 2}
        network = initialised_label_network("face_net", shape, generator=torch.Generator().manual_seed(0)).eval()
        asked = Preprocessing(size_px=32, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3)
        labeller = Labeller(task=task, network=network, preprocessing=asked, settings=SETTINGS[task])
        folder = tmp_path_factory.mktemp(task)
        save_labeller(labeller, folder)
        folders[task] = str(folder)
    return folders


def _aligned(picture, landmarks_5, *, template="wide", size_px=112):
    """The picture's face as the stage `align` would cut it, by Pillow."""
    points = np.asarray(landmarks_5, dtype=float).reshape(1, 5, 2)
    back = invert(fit_similarity(points, template_points(template, size_px=size_px)))[0]
    cut = Image.fromarray(picture).transform(
        (size_px, size_px), Image.Transform.AFFINE, tuple(back.ravel()), resample=Image.Resampling.BILINEAR
    )
    return np.asarray(cut)


def _sample_of(rendered, *, name="a", template="wide", picture=None):
    """A sample as after `detect`, `align` and `parse`, with the render's own labels."""
    shown = rendered.picture if picture is None else picture
    face = _aligned(shown, rendered.labels["landmarks_5"], template=template)
    values = {
        **rendered.labels,
        "image": {"bytes": encode_png(shown), "path": f"{name}.png"},
        "face_aligned": {"bytes": encode_png(face), "path": f"{name}.png"},
        "align_template": template,
    }
    return Sample(sample_id=name, values=values)


@pytest.fixture(scope="session")
def faces():
    """Six people, from the front."""
    return [_sample_of(facsim.render(size_px=96, seed=seed), name=f"{seed}") for seed in range(6)]


def _write_graph(path, outputs, *, size_px=16, seed=0):
    """The path of a graph over float32 (1, 3, S, S) with a linear layer for each of `outputs`, name → numbers."""
    rng = np.random.default_rng(seed)
    nodes = [helper.make_node("Flatten", ["picture"], ["flat"])]
    tensors, infos = [], []
    for name, count in outputs.items():
        weight = rng.normal(0, 0.05, (3 * size_px**2, count)).astype(np.float32)
        tensors.append(numpy_helper.from_array(weight, f"{name}.weight"))
        nodes.append(helper.make_node("MatMul", ["flat", f"{name}.weight"], [name]))
        infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, count]))
    taken = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, size_px, size_px])
    graph = helper.make_graph(nodes, "tiny", [taken], infos, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


@pytest.fixture(scope="session")
def sample_of():
    """The function from a render to a sample as after `detect`, `align` and `parse`."""
    return _sample_of


@pytest.fixture(scope="session")
def write_graph():
    """The function that writes a tiny ONNX graph which stands for a network of others."""
    return _write_graph
