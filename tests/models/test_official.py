"""facsim.models.official: what is read from others' files, and what is refused."""

import contextlib
import hashlib
import os
import pickle
import sys

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from facsim.errors import WeightsError
from facsim.models.classifier import build_network, initialised
from facsim.models.official import load_official, read_checkpoint
from facsim.models.official_names import OfficialNames


class Pair(nn.Module):
    """A network of two layers whose official file calls the head `fc` and holds a layer that nothing reads."""

    OFFICIAL_NAMES = OfficialNames(renamed={"fc.": "head."}, unused=(r"dead\.",))

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.head = nn.Linear(4, 2)


def official_state() -> dict[str, torch.Tensor]:
    own = Pair().state_dict()
    return {name.replace("head.", "fc."): torch.full_like(tensor, 3) for name, tensor in own.items()}


def filled(network: nn.Module) -> bool:
    return all(bool((tensor == 3).all()) for tensor in network.state_dict().values())


def written(data, path):
    torch.save(data, path)
    return path


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 4},
        lambda state: {"model_state_dict": state, "optimizer_state_dict": {"state": {}}},
        lambda state: {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}},
        lambda state: {"model": {f"_orig_mod.module.{name}": tensor for name, tensor in state.items()}},
    ],
    ids=["bare", "state_dict", "model_state_dict", "DataParallel", "compiled"],
)
def test_a_state_is_found_however_it_is_wrapped(wrap, tmp_path):
    network = Pair()
    load_official(network, written(wrap(official_state()), tmp_path / "a.pth"))
    assert filled(network)


def test_old_torch_files_are_read(tmp_path):
    torch.save(official_state(), tmp_path / "a.pth.tar", _use_new_zipfile_serialization=False)
    network = Pair()
    load_official(network, tmp_path / "a.pth.tar")
    assert filled(network)


def test_safetensors_are_read_whatever_their_file_is_called(tmp_path):
    safetensors.torch.save_file(official_state(), tmp_path / "weights.bin")
    network = Pair()
    load_official(network, tmp_path / "weights.bin")
    assert filled(network)


@pytest.mark.parametrize("there", [True, False])
def test_tensors_that_nothing_reads_are_left_out_whether_they_are_there_or_not(there, tmp_path):
    state = official_state() | ({"dead.weight": torch.ones(9)} if there else {})
    report = load_official(Pair(), written(state, tmp_path / "a.pth"))
    assert report.unused == (("dead.weight",) if there else ())


def test_a_batch_norms_counter_may_be_missing(tmp_path):
    state = {name: tensor for name, tensor in official_state().items() if not name.endswith("num_batches_tracked")}
    network = Pair()
    load_official(network, written(state, tmp_path / "a.pth"))
    assert int(network.state_dict()["body.1.num_batches_tracked"]) == 0


def test_half_precision_becomes_the_networks_own(tmp_path):
    state = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in official_state().items()}
    network = Pair()
    load_official(network, written(state, tmp_path / "a.pth"))
    assert filled(network) and network.head.weight.dtype == torch.float32


def test_a_network_without_weights_yet_is_filled(tmp_path):
    made = initialised("resnet18", {"classes": 3}, generator=torch.Generator().manual_seed(0))
    state = {name.replace("head.", "fc."): tensor for name, tensor in made.state_dict().items()}
    empty = build_network("resnet18", {"classes": 3})
    load_official(empty, written(state, tmp_path / "a.pth"))
    assert all(torch.equal(a, b) for a, b in zip(empty.state_dict().values(), made.state_dict().values(), strict=True))


def test_the_checksum_is_the_files_and_another_is_refused(tmp_path):
    file = written(official_state(), tmp_path / "a.pth")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert load_official(Pair(), file, expected_sha256=digest).sha256 == digest
    with pytest.raises(WeightsError, match="expected 00"):
        load_official(Pair(), file, expected_sha256="00")


def test_a_part_is_filled_alone(tmp_path):
    network = Pair()
    load_official(
        network, written({"weight": torch.full((2, 4), 3.0), "bias": torch.zeros(2)}, tmp_path / "a"), part="head"
    )
    assert bool((network.head.weight == 3).all()) and not bool((network.body[0].weight == 3).all())


def test_an_unknown_part_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(WeightsError, match="body, head"):
        load_official(Pair(), written(official_state(), tmp_path / "a.pth"), part="tail")


# what is refused


def test_another_architecture_is_refused_with_names_and_shapes(tmp_path):
    state = official_state() | {"fc.bias": torch.zeros(9), "more.weight": torch.zeros(5)}
    del state["body.0.bias"]
    with pytest.raises(WeightsError) as caught:
        load_official(Pair(), written(state, tmp_path / "a.pth"))
    words = str(caught.value)
    assert "lacks body.0.bias (4,)" in words
    assert "has besides more.weight (5,)" in words
    assert "head.bias (9,) instead of (2,)" in words


def test_nothing_is_changed_by_a_file_that_does_not_fit(tmp_path):
    network = Pair()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(WeightsError):
        load_official(network, written(official_state() | {"fc.bias": torch.zeros(9)}, tmp_path / "a.pth"))
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_a_backbone_alone_is_refused_saying_where_it_fits(tmp_path):
    network = build_network("ir50", {"classes": 7})
    alone = {name: torch.zeros(tensor.shape) for name, tensor in network.get_submodule("backbone").state_dict().items()}
    with pytest.raises(WeightsError, match='give part="backbone"'):
        load_official(network, written(alone, tmp_path / "ir50.pth"))


def test_resnet50_weights_are_refused_by_resnet18(tmp_path):
    other = build_network("resnet50", {"classes": 3}).state_dict()
    file = written({name: torch.zeros(tensor.shape) for name, tensor in other.items()}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="another architecture than ResNet"):
        load_official(build_network("resnet18", {"classes": 3}), file)


class Bomb:
    """What a malicious checkpoint holds: a call that is made while it is unpickled."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("new", [True, False], ids=["zip", "old"])
def test_a_malicious_pickle_is_refused_and_not_run(new, tmp_path):
    data = {"state_dict": official_state(), "more": Bomb(tmp_path / "ran")}
    torch.save(data, tmp_path / "a.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(WeightsError, match=r'"(posix|nt)\.mkdir".*refused|refused.*"(posix|nt)\.mkdir"'):
        load_official(Pair(), tmp_path / "a.pth")
    assert not (tmp_path / "ran").exists()


def test_a_refusal_does_not_advise_to_load_it_unsafely(tmp_path):
    torch.save({"more": Bomb(tmp_path / "ran")}, tmp_path / "a.pth")
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(tmp_path / "a.pth")
    assert "weights_only" not in str(caught.value)


def test_a_plain_pickle_is_refused_and_not_run(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    with pytest.raises(WeightsError):
        read_checkpoint(tmp_path / "a.pkl")
    assert not (tmp_path / "ran").exists()


def test_a_pickled_network_is_refused(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="refused"):
        read_checkpoint(tmp_path / "a.pth")


@pytest.mark.parametrize("kept", [0, 1, 7, 100, -1, -100, -1000])
@pytest.mark.parametrize("form", ["zip", "old", "safetensors"])
def test_a_truncated_file_is_refused(form, kept, tmp_path):
    file = tmp_path / "a"
    if form == "safetensors":
        safetensors.torch.save_file(official_state(), file)
    else:
        torch.save(official_state(), file, _use_new_zipfile_serialization=form == "zip")
    data = file.read_bytes()
    if len(data) <= abs(kept):
        pytest.skip("the file is shorter than that")
    file.write_bytes(data[:kept])
    with pytest.raises(WeightsError):
        load_official(Pair(), file)


@pytest.mark.parametrize("seed", range(20))
def test_damage_anywhere_is_a_weights_error_or_no_harm(seed, tmp_path):
    file = written(official_state(), tmp_path / "a.pth")
    data = bytearray(file.read_bytes())
    draw = np.random.default_rng(seed)
    for place in draw.integers(0, len(data), 12):
        data[place] = int(draw.integers(0, 256))
    file.write_bytes(bytes(data))
    with contextlib.suppress(WeightsError):
        load_official(Pair(), file)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read"):
        read_checkpoint(tmp_path / "none.pth")


def test_a_file_without_tensors_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="holds no tensors"):
        read_checkpoint(written({"epoch": 3}, tmp_path / "a.pth"))


def test_values_that_are_not_finite_are_refused_by_name(tmp_path):
    state = official_state() | {"fc.bias": torch.tensor([1.0, float("nan")])}
    with pytest.raises(WeightsError, match=r"head\.bias.*not finite"):
        load_official(Pair(), written(state, tmp_path / "a.pth"))


class RecorderMeter:
    """As POSTER++'s trainer pickles it beside the weights."""

    def __init__(self) -> None:
        self.epoch_losses = np.zeros((3, 2), dtype=np.float32)
        self.best = np.float64(0.5)


@pytest.mark.parametrize("new", [True, False], ids=["zip", "old"])
def test_the_plotters_in_poster_pps_checkpoints_are_discarded_unread(new, tmp_path, monkeypatch):
    monkeypatch.setattr(RecorderMeter, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "RecorderMeter", RecorderMeter, raising=False)
    data = {"state_dict": official_state(), "recorder": RecorderMeter(), "best_acc": torch.tensor(0.5)}
    torch.save(data, tmp_path / "a.pth", _use_new_zipfile_serialization=new)
    network = Pair()
    load_official(network, tmp_path / "a.pth")
    assert filled(network)


def test_weights_of_other_classes_are_taken_without_their_head(tmp_path):
    network = Pair()
    head = network.head.weight.clone()
    state = official_state() | {"fc.weight": torch.zeros(1000, 4), "fc.bias": torch.zeros(1000)}
    load_official(network, written(state, tmp_path / "a.pth"), head=False)
    assert torch.equal(network.head.weight, head) and bool((network.body[0].weight == 3).all())
