"""facsim.models.weights and .classifier: what is saved comes back, and damage is named."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch

from facsim.errors import FacsimError, WeightsError
from facsim.models.classifier import Classifier, Preprocessing, build_network, fit_preprocessing, nchw, prepare
from facsim.models.small_cnn import SmallCnnConfig, build_small_cnn
from facsim.models.weights import WEIGHTS_FILE, load_classifier, load_training, save_classifier

PREPROCESSING = Preprocessing(size_px=40, colour="grey", mean=(0.5,), std=(0.25,), crop_margin=0.1)


@pytest.fixture
def classifier() -> Classifier:
    network = build_small_cnn(
        SmallCnnConfig(classes=3, widths=(8, 16), depths=(1, 1)), generator=torch.Generator().manual_seed(0)
    )
    return Classifier(
        network=network.eval(),
        classes=("anger", "fear", "neutral"),
        preprocessing=PREPROCESSING,
        provenance={"trained_on": "drawn pictures", "steps": 3},
    )


def rewritten(folder, change) -> None:
    """The weights file saved anew after `change(tensors, description)`."""
    file = folder / WEIGHTS_FILE
    tensors = safetensors.torch.load_file(file)
    with safetensors.safe_open(file, framework="pt") as opened:
        described = json.loads(opened.metadata()["facsim_classifier"])
    change(tensors, described)
    safetensors.torch.save_file(tensors, file, metadata={"facsim_classifier": json.dumps(described)})


def test_a_saved_classifier_comes_back_whole(classifier, tmp_path):
    save_classifier(classifier, tmp_path)
    found = load_classifier(tmp_path)
    assert found.classes == classifier.classes and found.preprocessing == PREPROCESSING
    assert found.provenance == classifier.provenance
    pictures = torch.rand(4, 1, 40, 40)
    with torch.inference_mode():
        assert torch.equal(found.network(pictures), classifier.network(pictures))


def test_the_weights_file_stands_alone(classifier, tmp_path):
    save_classifier(classifier, tmp_path / "model")
    alone = (tmp_path / "model" / WEIGHTS_FILE).rename(tmp_path / "alone.safetensors")
    assert load_classifier(alone).classes == classifier.classes


def test_equal_classifiers_give_equal_files(classifier, tmp_path):
    # safetensors writes metadata entries in random order: with more than one, eight files would hardly ever be equal.
    assert len({save_classifier(classifier, tmp_path / str(i)).sha256 for i in range(8)}) == 1


def test_the_checksum_is_that_of_the_file(classifier, tmp_path):
    saved = save_classifier(classifier, tmp_path)
    assert saved.sha256 == hashlib.sha256((tmp_path / WEIGHTS_FILE).read_bytes()).hexdigest()
    assert load_classifier(tmp_path, expected_sha256=saved.sha256).sha256 == saved.sha256


def test_another_checksum_is_refused(classifier, tmp_path):
    save_classifier(classifier, tmp_path)
    with pytest.raises(WeightsError, match="expected 00"):
        load_classifier(tmp_path, expected_sha256="00")


def test_a_missing_model_is_refused_saying_what_is_expected(tmp_path):
    with pytest.raises(WeightsError, match="facsim train"):
        load_classifier(tmp_path)


def test_a_truncated_file_is_refused(classifier, tmp_path):
    save_classifier(classifier, tmp_path)
    file = tmp_path / WEIGHTS_FILE
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load_classifier(tmp_path)


def test_somebody_elses_safetensors_are_refused(tmp_path):
    safetensors.torch.save_file({"a": torch.ones(2)}, tmp_path / WEIGHTS_FILE)
    with pytest.raises(WeightsError, match="only weights that facsim saved"):
        load_classifier(tmp_path)


def test_a_tensor_of_another_shape_is_refused_by_name(classifier, tmp_path):
    save_classifier(classifier, tmp_path)
    rewritten(tmp_path, lambda tensors, described: tensors.update({"head.bias": torch.zeros(5)}))
    with pytest.raises(WeightsError, match=r'"head.bias" has shape \(5,\), expected \(3,\)'):
        load_classifier(tmp_path)


def test_a_tensor_too_many_is_refused_by_name(classifier, tmp_path):
    save_classifier(classifier, tmp_path)
    rewritten(tmp_path, lambda tensors, described: tensors.update({"extra": torch.zeros(5)}))
    with pytest.raises(WeightsError, match=r'"extra".*expected none'):
        load_classifier(tmp_path)


def test_an_unknown_architecture_is_refused_with_the_nearest(classifier, tmp_path):
    save_classifier(classifier, tmp_path)
    rewritten(tmp_path, lambda tensors, described: described.update(architecture="small_cmn"))
    with pytest.raises(WeightsError, match='Did you mean "small_cnn"'):
        load_classifier(tmp_path)


def test_an_unknown_field_of_the_configuration_is_refused():
    with pytest.raises(WeightsError, match="does not fit this facsim"):
        build_network("small_cnn", {"classes": 7, "heads": 2})


def test_as_many_classes_as_outputs_are_asked_for(classifier, tmp_path):
    with pytest.raises(WeightsError, match="2 classes"):
        save_classifier(replace(classifier, classes=("anger", "fear")), tmp_path)


def test_the_card_says_what_it_was_trained_on_and_how(classifier, tmp_path):
    save_classifier(classifier, tmp_path)
    card = (tmp_path / "card.md").read_text()
    assert "trained_on: drawn pictures" in card and "anger, fear, neutral" in card and "not an emotion" in card


def test_the_training_record_comes_back(classifier, tmp_path):
    save_classifier(classifier, tmp_path, training={"curve": [{"step": 1}]})
    assert load_training(tmp_path) == {"curve": [{"step": 1}]}


def test_a_missing_training_record_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read"):
        load_training(tmp_path)


@pytest.mark.parametrize("shape", [(6, 16, 16), (6, 16, 16, 3)])
def test_preprocessing_is_fitted_to_the_mean_and_deviation_of_each_channel(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = fit_preprocessing(images)
    flat = images.reshape(-1, 3 if len(shape) == 4 else 1) / 255
    assert np.allclose(found.mean, flat.mean(axis=0), atol=1e-6) and np.allclose(found.std, flat.std(axis=0), atol=1e-6)


def test_prepared_pictures_have_mean_zero_and_deviation_one():
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16), dtype=np.uint8)
    batch = prepare(nchw(torch.from_numpy(images)), fit_preprocessing(images))
    assert abs(float(batch.mean())) < 1e-4 and abs(float(batch.std()) - 1) < 1e-3


def test_three_means_for_grey_are_refused():
    with pytest.raises(FacsimError, match="expected 1 each"):
        Preprocessing(size_px=40, colour="grey", mean=(0.5, 0.5, 0.5), std=(1.0, 1.0, 1.0))


def test_a_run_folder_is_answered_with_the_model_in_it(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / WEIGHTS_FILE).write_bytes(b"")
    with pytest.raises(WeightsError, match=f"holds no model.*; {tmp_path / 'model'} is one"):
        load_classifier(tmp_path)
