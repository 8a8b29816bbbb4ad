"""IR50 and its trunk compute what their official code computes."""

import pytest
import torch
from official_cases import HOW, agree, drawn, ir50_maps, ir50_shapes, layer_shapes, linear, network, pictures, saved

from facsim.models.ir50 import Ir50Trunk
from facsim.models.official import load_official


@pytest.mark.parametrize("faithful", [True, False])
def test_ir50_computes_what_syntfers_code_computes(faithful, tmp_path):
    state = drawn(ir50_shapes("backbone.") | layer_shapes("head", 7, 1024), dead=("backbone.output_layer",))
    found = network("ir50", faithful=faithful)
    report = load_official(found, saved(state, tmp_path / "ir50.pth", nested="model_state_dict"))
    shrunk, tokens = HOW[faithful]
    maps = ir50_maps(state, "backbone.", shrunk(pictures()))[-1]
    with torch.inference_mode():
        agree(found(pictures()), linear(state, "head", tokens(maps).mean(dim=1)))
    assert len(report.unused) == 12 and all("output_layer" in name for name in report.unused)


@pytest.mark.parametrize("split", [False, True], ids=["as in POSTER", "as in POSTER++"])
def test_face_recognition_weights_load_into_the_trunk_under_either_spelling(split, tmp_path):
    state = drawn(ir50_shapes(split=split), dead=("output_layer",))
    found = network("ir50")
    load_official(found, saved(state, tmp_path / "ir50.pth", wrapped=False), part="backbone")
    with torch.inference_mode():
        for own, expected in zip(
            found.backbone(pictures(112)), ir50_maps(state, "", pictures(112), split=split), strict=True
        ):
            agree(own, expected)


def test_the_trunk_has_17_6_million_parameters_and_the_official_file_12_8_million_more():
    sizes = {name: torch.Size(shape).numel() for name, shape in ir50_shapes().items()}
    learned = {name: size for name, size in sizes.items() if name.rsplit(".", 1)[1] in ("weight", "bias")}
    dead = sum(size for name, size in learned.items() if name.startswith("output_layer"))
    assert sum(parameter.numel() for parameter in Ir50Trunk().parameters()) == sum(learned.values()) - dead
    assert round((sum(learned.values()) - dead) / 1e6, 1) == 17.6 and round(dead / 1e6, 1) == 12.8
