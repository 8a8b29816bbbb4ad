"""Classifiers as ONNX files that need nothing but a decoded picture.

The graph takes `pictures`, uint8 (N, C, S, S) in [0, 255], any N, C being 1 (BT.601 luma) or 3 (RGB), S the model's
side; normalisation and softmax are inside. It gives `scores`, float32 (N, classes). The class names, the preprocessing
and the provenance are in the file's metadata, each a JSON string.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import logging
import os
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facsim.errors import MissingExtra, WeightsError
from facsim.models.classifier import Classifier
from facsim.models.weights import write_whole

__all__ = ["export_onnx", "onnx_classes", "onnx_scores"]

_OPSET = 18  # the least that torch's exporter writes


def export_onnx(classifier: Classifier, path: str | os.PathLike[str]) -> Path:
    """The path of the classifier written as an ONNX file. Raises MissingExtra where onnx or onnxscript is absent."""
    _require("onnx", "onnxscript")
    import onnx

    asked = classifier.preprocessing
    example = torch.zeros((2, len(asked.mean), asked.size_px, asked.size_px), dtype=torch.uint8)
    model = _exported(_Scorer(classifier).eval(), example)
    described = {
        "classes": list(classifier.classes),
        "preprocessing": asdict(asked),
        "provenance": dict(classifier.provenance),
        "weights_sha256": classifier.sha256,
    }
    onnx.helper.set_model_props(model, {key: json.dumps(value, sort_keys=True) for key, value in described.items()})
    onnx.checker.check_model(model)
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, model.SerializeToString())
    return place


def onnx_scores(
    path: str | os.PathLike[str], images: NDArray[np.uint8], *, batch_size: int = 256
) -> NDArray[np.float32]:
    """Scores float32 (N, classes) of images uint8 (N, S, S) or (N, S, S, 3), by onnxruntime on the CPU.

    Raises MissingExtra where onnxruntime is absent.
    """
    session = _session(path)
    planes = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    parts = [
        session.run(["scores"], {"pictures": np.ascontiguousarray(planes[at : at + batch_size])})[0]
        for at in range(0, len(planes), batch_size)
    ]
    return np.concatenate(parts)


def onnx_classes(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The class names in an ONNX file's metadata. Raises WeightsError where it has none."""
    found = _session(path).get_modelmeta().custom_metadata_map
    if "classes" not in found:
        raise WeightsError(f"{path} has no class names in its metadata; export it with facsim")
    return tuple(json.loads(found["classes"]))


class _Scorer(nn.Module):
    """Scores from uint8 pictures: the classifier with its preprocessing and its softmax."""

    mean: Tensor
    std: Tensor

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.network = copy.deepcopy(classifier.network).cpu()
        asked = classifier.preprocessing
        self.register_buffer("mean", torch.tensor(asked.mean)[None, :, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(asked.std)[None, :, None, None], persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.softmax(self.network((pictures.float() / 255 - self.mean) / self.std), dim=1)


def _exported(scorer: nn.Module, example: Tensor) -> Any:
    """The ONNX model proto."""
    import onnx

    # It reports that torchvision, of which nothing here has an operator, is absent.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        file = Path(folder) / "model.onnx"
        torch.onnx.export(
            scorer,
            (example,),
            file,
            input_names=["pictures"],
            output_names=["scores"],
            dynamic_shapes={"pictures": {0: torch.export.Dim("count", min=1)}},
            opset_version=_OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return onnx.load(file)


def _session(path: str | os.PathLike[str]) -> Any:
    _require("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])


def _require(*packages: str) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"found no {' and no '.join(missing)}, which ONNX export needs; install them with "
            '`pip install "facsim[onnx]"`'
        )
