"""ResNets compute what torchvision's code computes."""

import pytest
import torch
from official_cases import State, agree, conv, drawn, layer_shapes, linear, network, norm_shapes, normed, pictures
from torch import Tensor
from torch.nn import functional as F

from facsim.models.official import load_official


def resnet_shapes(depths: tuple[int, ...], *, deep: bool) -> dict[str, tuple[int, ...]]:
    found = layer_shapes("conv1", 64, 3, 7, 7, bias=False) | norm_shapes("bn1", 64)
    inputs, spread = 64, 4 if deep else 1
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage
        for i in range(depth):
            p = f"layer{stage + 1}.{i}"
            kernels = [(width, inputs, 1), (width, width, 3), (4 * width, width, 1)]
            kernels = kernels if deep else [(width, inputs, 3), (width, width, 3)]
            for number, (outs, ins, side) in enumerate(kernels, 1):
                found |= layer_shapes(f"{p}.conv{number}", outs, ins, side, side, bias=False)
                found |= norm_shapes(f"{p}.bn{number}", outs)
            if i == 0 and (stage > 0 or deep):
                found |= layer_shapes(f"{p}.downsample.0", width * spread, inputs, 1, 1, bias=False)
                found |= norm_shapes(f"{p}.downsample.1", width * spread)
            inputs = width * spread
    return found | layer_shapes("fc", 1000, inputs)


def resnet_logits(s: State, x: Tensor, depths: tuple[int, ...], *, deep: bool) -> Tensor:
    x = torch.relu(normed(s, "bn1", conv(s, "conv1", x, stride=2, padding=3)))
    x = F.max_pool2d(x, 3, stride=2, padding=1)
    for stage, depth in enumerate(depths):
        for i in range(depth):
            p, stride = f"layer{stage + 1}.{i}", 2 if stage > 0 and i == 0 else 1
            beside, y = x, x
            if f"{p}.downsample.0.weight" in s:
                beside = normed(s, f"{p}.downsample.1", conv(s, f"{p}.downsample.0", x, stride=stride))
            steps = [(1, 1, 0), (2, stride, 1), (3, 1, 0)] if deep else [(1, stride, 1), (2, 1, 1)]
            for number, step, padding in steps:
                y = normed(s, f"{p}.bn{number}", conv(s, f"{p}.conv{number}", y, stride=step, padding=padding))
                y = torch.relu(y) if number < len(steps) else y
            x = torch.relu(y + beside)
    return linear(s, "fc", x.mean(dim=(2, 3)))


RESNETS = {"resnet18": ((2, 2, 2, 2), False), "resnet50": ((3, 4, 6, 3), True)}


@pytest.mark.parametrize("name", RESNETS)
def test_resnets_compute_what_torchvision_computes(name, tmp_path):
    depths, deep = RESNETS[name]
    state = drawn(resnet_shapes(depths, deep=deep))
    torch.save(state, tmp_path / f"{name}.pth")
    found = network(name, classes=1000)
    load_official(found, tmp_path / f"{name}.pth")
    with torch.inference_mode():
        agree(found(pictures(96)), resnet_logits(state, pictures(96), depths, deep=deep))
