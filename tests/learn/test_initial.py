"""facsim.learn.initial: what a training starts from, facsim's own and published files."""

import dataclasses

import numpy as np
import pytest
import safetensors.torch
import torch

from facsim.errors import FacsimError, WeightsError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.learn.initial import network_shape, put_initial, read_initial
from facsim.learn.leaks import load_training_hashes
from facsim.learn.train import train
from facsim.learn.training_config import TrainingConfig
from facsim.models.classifier import initialised
from facsim.models.weights import load_classifier

SHAPE = {"widths": (8, 16), "depths": (1, 1)}


def small(**changes) -> TrainingConfig:
    return TrainingConfig(**{"steps": 3, "batch_size": 8, "network_config": SHAPE, "threads": 1, **changes})


@pytest.fixture(scope="module")
def first(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("first")
    train(drawn(40), small(), out=folder)
    return folder


def fresh(pictures, config):
    generator = torch.Generator().manual_seed(9)
    return initialised(config.network, network_shape(pictures, config), generator=generator)


def test_nothing_named_is_nothing_to_start_from(drawn):
    assert read_initial(drawn(10), small()) is None


def test_facsims_own_weights_are_put_in_whole(first, drawn):
    pictures, config = drawn(10), small(initial=str(first))
    found = read_initial(pictures, config)
    network = fresh(pictures, config)
    put_initial(network, found, classes=pictures.classes)
    assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), found.tensors.values(), strict=True))


def test_rows_of_the_head_go_by_class_name(first, drawn):
    other = ("contempt", "surprise", "anger")
    pictures, config = drawn(10, classes=other), small(initial=str(first))
    network = fresh(pictures, config)
    before = network.head.weight.detach().clone()
    found = read_initial(pictures, config)
    put_initial(network, found, classes=other)
    assert torch.equal(network.head.weight[0], before[0])
    assert torch.equal(network.head.weight[1], found.tensors["head.weight"][found.classes.index("surprise")])
    assert set(other) - {"contempt"} <= set(found.classes) < set(EIGHT_EXPRESSIONS)


def test_a_training_from_weights_says_what_they_were_trained_on_and_has_seen(first, drawn, tmp_path):
    origin = dataclasses.replace(drawn(30, seed=5), origin="later")
    model = train(origin, small(initial=str(first), steps=1), out=tmp_path)
    assert model.classifier.provenance["trained_on"] == "later; from weights trained on not recorded"
    assert model.classifier.provenance["initial"] == load_classifier(first).sha256
    assert set(load_training_hashes(first).tolist()) < set(load_training_hashes(tmp_path).tolist())


def test_own_weights_bring_their_normalisation(first, drawn, tmp_path):
    dark = drawn(30, seed=5)
    dark = dataclasses.replace(dark, images=(dark.images // 4).astype(np.uint8))
    model = train(dark, small(initial=str(first), steps=1), out=tmp_path)
    assert model.classifier.preprocessing.mean == load_classifier(first).preprocessing.mean


def test_other_weights_under_the_same_path_are_another_training(first, drawn, tmp_path):
    train(drawn(30), small(initial=str(first), steps=1), out=tmp_path / "a")
    other = tmp_path / "other"
    train(drawn(40), small(seed=1), out=other)
    with pytest.raises(FacsimError, match="another training"):
        train(drawn(30), small(initial=str(other), steps=1), out=tmp_path / "a")


def test_weights_of_another_network_are_refused(first, drawn):
    with pytest.raises(FacsimError, match='"small_cnn", expected "resnet18"'):
        read_initial(drawn(10), TrainingConfig(steps=1, network="resnet18", initial=str(first)))


def test_weights_of_another_shape_are_refused(first, drawn):
    pictures, config = drawn(10), small(initial=str(first), network_config={"widths": (8, 24), "depths": (1, 1)})
    with pytest.raises(FacsimError, match="network_config"):
        put_initial(fresh(pictures, config), read_initial(pictures, config), classes=pictures.classes)


def test_pictures_of_another_size_are_refused(first, drawn):
    with pytest.raises(FacsimError, match="48 px"):
        read_initial(drawn(10, size_px=48), small(initial=str(first)))


def test_a_missing_file_is_named(drawn, tmp_path):
    with pytest.raises(WeightsError, match=r"nothing\.pth"):
        read_initial(drawn(10), small(initial=str(tmp_path / "nothing.pth")))


@pytest.mark.parametrize("form", ["pickle", "safetensors"])
def test_a_published_file_of_a_part_is_put_into_that_part_alone(drawn, tmp_path, form):
    pictures = drawn(10)
    config = small(initial={"stages": str(tmp_path / "part.pth")})
    part = {name: torch.full_like(t, 3).contiguous() for name, t in fresh(pictures, config).stages.state_dict().items()}
    if form == "pickle":
        torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in part.items()}}, tmp_path / "part.pth")
    else:
        safetensors.torch.save_file(part, tmp_path / "part.pth")
    found = read_initial(pictures, config)
    network = fresh(pictures, config)
    head, stem = network.head.weight.detach().clone(), network.stem[0].weight.detach().clone()
    put_initial(network, found, classes=pictures.classes)
    assert all((tensor == 3).all() for tensor in network.stages.state_dict().values())
    assert torch.equal(network.head.weight, head) and torch.equal(network.stem[0].weight, stem)
    assert found.trained_on == "pictures that the published part.pth does not name"


def test_a_pickle_that_calls_something_is_refused(drawn, tmp_path):
    torch.save({"x": np.random.RandomState(0)}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError):
        read_initial(drawn(10), small(initial=str(tmp_path / "evil.pth")))
