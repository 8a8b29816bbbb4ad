"""facsim.models.vit: the contract of a network, its attention, its positions."""

import dataclasses
import math

import pytest
import torch

from facsim.errors import FacsimError
from facsim.models.classifier import Classifier, Preprocessing, initialised
from facsim.models.vit import Vit, VitBlock, VitConfig, grid_positions
from facsim.models.weights import load_classifier, save_classifier


def small(**changes):
    return VitConfig(**{"classes": 7, "patch_px": 8, "width": 24, "depth": 2, "heads": 2, **changes})


def built(seed=0, **changes):
    config = dataclasses.asdict(small(**changes))
    return initialised("vit", config, generator=torch.Generator().manual_seed(seed))


def pictures(count=3, size=40):
    return torch.rand((count, 1, size, size), generator=torch.Generator().manual_seed(1))


def test_forward_is_the_head_of_the_features():
    network = built().eval()
    features = network.features(pictures())
    assert features.shape == (3, network.feature_width) == (3, network.head.in_features)
    torch.testing.assert_close(network(pictures()), network.head(features))


def test_initialisation_depends_on_the_generator_alone():
    torch.manual_seed(1)
    first = built().state_dict()
    torch.manual_seed(2)
    second, other = built().state_dict(), built(seed=5).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["blocks.0.qkv.weight"], other["blocks.0.qkv.weight"])


def test_every_side_that_the_patch_divides_is_taken_and_others_are_refused():
    assert built()(pictures(size=112)).shape == (3, 7)
    with pytest.raises(FacsimError, match="patch_px"):
        built()(pictures(size=45))


def test_a_block_is_attention_written_out():
    block = VitBlock(8, 2, 2)
    tokens = torch.randn((1, 5, 8), generator=torch.Generator().manual_seed(0))
    query, key, value = block.qkv(block.norm1(tokens)).reshape(5, 3, 2, 4).permute(1, 2, 0, 3)
    weights = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(4), dim=2)
    middle = tokens[0] + block.out((weights @ value).transpose(0, 1).reshape(5, 8))
    wanted = middle + block.outer(torch.nn.functional.gelu(block.inner(block.norm2(middle))))
    torch.testing.assert_close(block(tokens)[0], wanted)


def test_positions_tell_all_places_apart_and_columns_from_rows():
    places = grid_positions(4, 16)
    assert places.shape == (16, 16)
    assert float(torch.cdist(places, places).fill_diagonal_(9).min()) > 0.1
    across, down = places.reshape(4, 4, 2, 8)[..., 0, :], places.reshape(4, 4, 2, 8)[..., 1, :]
    assert torch.equal(across[0], across[3]) and torch.equal(down[:, 0], down[:, 3])


def test_a_saved_classifier_is_read_again(tmp_path):
    asked = Preprocessing(size_px=40, colour="grey", mean=(0.5,), std=(0.25,))
    save_classifier(Classifier(network=built(), classes=tuple("abcdefg"), preprocessing=asked), tmp_path)
    loaded = load_classifier(tmp_path)
    assert isinstance(loaded.network, Vit)
    torch.testing.assert_close(loaded.network(pictures()), built()(pictures()))


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(FacsimError, match="divide"):
        small(width=26, heads=4)
