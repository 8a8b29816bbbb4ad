"""MobileFaceNet computes what its official code computes."""

import torch
from official_cases import (
    agree,
    block,
    drawn,
    linear,
    mobilefacenet_maps,
    mobilefacenet_shapes,
    normed,
    pictures,
    saved,
)

from facsim.models.mobilefacenet import MobileFaceNet, MobileFaceNetConfig
from facsim.models.official import load_official


def test_the_landmark_network_computes_what_its_official_code_computes(tmp_path):
    state = drawn(mobilefacenet_shapes())
    found = MobileFaceNet(MobileFaceNetConfig()).eval()
    load_official(found, saved(state, tmp_path / "mobilefacenet_model_best.pth.tar", wrapped=False))
    maps = mobilefacenet_maps(state, "", pictures(112))
    flat = block(state, "output_layer.conv_6_dw", maps[-1], groups=512).flatten(1)
    with torch.inference_mode():
        for own, expected in zip(found.maps(pictures(112)), maps, strict=True):
            agree(own, expected)
        agree(found(pictures(112)), normed(state, "output_layer.bn", linear(state, "output_layer.linear", flat)))
