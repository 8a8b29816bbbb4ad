"""facsim.learn.onnx: onnxruntime gives the scores that torch gives."""

import numpy as np
import pytest
import torch

from facsim.errors import MissingExtra
from facsim.learn import onnx as module
from facsim.learn.onnx import export_onnx, onnx_classes, onnx_scores
from facsim.learn.predict import predict
from facsim.models.classifier import Classifier, fit_preprocessing
from facsim.models.small_cnn import SmallCnnConfig, build_small_cnn


@pytest.fixture(scope="module")
def classifier(drawn):
    torch.set_num_threads(1)
    config = SmallCnnConfig(classes=7, widths=(8, 16), depths=(1, 1))
    network = build_small_cnn(config, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():  # a fresh head scores all alike, which would prove little
        network.head.weight.normal_(std=2.0, generator=torch.Generator().manual_seed(1))
    return Classifier(
        network=network.eval(), classes=drawn(7).classes, preprocessing=fit_preprocessing(drawn(7).images)
    )


@pytest.fixture(scope="module")
def exported(classifier, tmp_path_factory):
    pytest.importorskip("onnxruntime")
    return export_onnx(classifier, tmp_path_factory.mktemp("onnx") / "model.onnx")


@pytest.mark.parametrize("count", [1, 37])
def test_onnxruntime_gives_the_same_scores(classifier, exported, drawn, count):
    ours, theirs = predict(classifier, drawn(count)), onnx_scores(exported, drawn(count).images, batch_size=16)
    assert np.abs(ours - theirs).max() < 1e-4 and (ours.argmax(axis=1) == theirs.argmax(axis=1)).all()
    assert ours.std() > 0.05


def test_the_file_names_its_classes(classifier, exported):
    assert onnx_classes(exported) == classifier.classes


def test_a_missing_onnx_is_said_with_what_to_install(classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"facsim\[onnx\]"):
        export_onnx(classifier, tmp_path / "model.onnx")
