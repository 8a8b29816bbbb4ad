import pytest
import torch
from torch import nn

from facsim.models.folding import folded
from facsim.models.labeller import load_labeller, load_reader, packaged_weights

SHIPPED = sorted(file.stem for file in packaged_weights("clean").parent.glob("*.safetensors"))


@pytest.mark.parametrize("task", SHIPPED)
def test_what_ships_reads_the_same_with_its_norms_folded(task):
    whole, reader = load_labeller(task), load_reader(task)
    channels = 1 if whole.preprocessing.colour == "grey" else 3
    side = 64 if task in ("detect", "parse") else whole.preprocessing.size_px
    pictures = torch.randn(3, channels, side, side, generator=torch.Generator().manual_seed(0))
    before, after = whole.network(pictures), reader.network(pictures)
    if isinstance(before, torch.Tensor):
        before, after = {"outputs": before}, {"outputs": after}
    for name, values in before.items():
        assert torch.allclose(values, after[name], atol=1e-3 * float(values.abs().max())), name


@pytest.mark.parametrize("task", SHIPPED)
def test_no_norm_is_left_behind_a_convolution(task):
    assert not [module for module in load_reader(task).network.modules() if isinstance(module, nn.BatchNorm2d)]


def test_a_norm_that_no_convolution_stands_before_stays():
    network = folded(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1)))
    assert isinstance(network[1], nn.BatchNorm2d)
