import json

import pytest
import torch

from facsim.errors import WeightsError
from facsim.models.classifier import Preprocessing
from facsim.models.labeller import (
    Labeller,
    initialised_label_network,
    load_labeller,
    packaged_weights,
    save_labeller,
    weights_digest,
)
from facsim.models.weights import WEIGHTS_FILE

CONFIG = {"outputs": 6, "widths": (8, 16), "depths": (1, 1), "grid": 2, "stem_stride": 2}


def labeller():
    network = initialised_label_network("face_net", CONFIG, generator=torch.Generator().manual_seed(3)).eval()
    asked = Preprocessing(size_px=32, colour="rgb", mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
    return Labeller(
        task="blobs",
        network=network,
        preprocessing=asked,
        settings={"names": ["a", "b"]},
        provenance={"scores": {"x": 1}},
    )


def test_a_saved_label_model_comes_back_as_it_was_but_for_the_rounding_to_fp16(tmp_path):
    made = labeller()
    saved = save_labeller(made, tmp_path)
    loaded = load_labeller("blobs", tmp_path)
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(loaded.network(pictures), made.network(pictures), atol=2e-3)
    assert (loaded.preprocessing, loaded.settings, loaded.sha256) == (made.preprocessing, made.settings, saved.sha256)
    assert weights_digest("blobs", tmp_path) == saved.sha256


def test_equal_weights_have_equal_checksums(tmp_path):
    digests = {save_labeller(labeller(), tmp_path / name).sha256 for name in "ab"}
    assert len(digests) == 1


def test_norms_are_kept_in_fp32(tmp_path):
    made = labeller()
    with torch.no_grad():
        made.network.get_submodule("stem.1").running_var.fill_(1e-9)
    save_labeller(made, tmp_path)
    assert float(load_labeller("blobs", tmp_path).network.get_submodule("stem.1").running_var[0]) == pytest.approx(1e-9)


def test_weights_of_another_task_are_refused(tmp_path):
    save_labeller(labeller(), tmp_path)
    with pytest.raises(WeightsError, match='is a label model for "blobs", expected one for "landmarks"'):
        load_labeller("landmarks", tmp_path)


def test_a_task_that_ships_no_weights_is_told_what_to_do():
    with pytest.raises(WeightsError, match="facsim teach blobs"):
        packaged_weights("blobs")


def test_every_mutated_file_is_refused_or_still_a_whole_label_model(tmp_path):
    save_labeller(labeller(), tmp_path)
    whole = (tmp_path / WEIGHTS_FILE).read_bytes()
    generator = torch.Generator().manual_seed(0)
    for turn in range(120):
        data = bytearray(whole)
        place = int(torch.randint(0, 1200 if turn % 2 else len(data), (), generator=generator))
        if turn % 3 == 0:
            del data[place:]
        else:
            data[place] ^= 1 << int(torch.randint(0, 8, (), generator=generator))
        (tmp_path / WEIGHTS_FILE).write_bytes(data)
        try:
            load_labeller("blobs", tmp_path)
        except WeightsError:
            continue


def test_a_shape_that_does_not_fit_is_named(tmp_path):
    made = labeller()
    save_labeller(made, tmp_path)
    import safetensors.torch

    file = tmp_path / WEIGHTS_FILE
    with safetensors.safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
    tensors = safetensors.torch.load_file(file)
    tensors["head.bias"] = torch.zeros(5)
    safetensors.torch.save_file(tensors, file, metadata=metadata)
    with pytest.raises(WeightsError, match=r'"head.bias" has shape \(5,\), expected \(6,\)'):
        load_labeller("blobs", tmp_path)


def test_the_card_says_what_it_must_not_be_used_for(tmp_path):
    save_labeller(labeller(), tmp_path)
    card = (tmp_path / "card.md").read_text()
    assert "must not be used to judge people" in card and "| x | 1 |" in card
    assert json.dumps(CONFIG["outputs"]) in card
