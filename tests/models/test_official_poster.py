"""POSTER computes what its official code computes."""

import pytest
import torch
from official_cases import (
    HOW,
    State,
    agree,
    attention,
    drawn,
    feed_forward,
    gate_shapes,
    gated,
    ir50_maps,
    ir50_shapes,
    layer_normed,
    layer_shapes,
    linear,
    mobilefacenet_maps,
    mobilefacenet_shapes,
    network,
    norm_shapes,
    pictures,
    saved,
)
from torch import Tensor
from torch.nn import functional as F

from facsim.models.official import load_official


def fusion_shapes(name: str, width: int, *, mixing: bool) -> dict[str, tuple[int, ...]]:
    found = {}
    for number in (1, 2, 3, 4):
        found |= norm_shapes(f"{name}.norm{number}", width, batch=False)
    for stream in ("img", "lm"):
        found |= layer_shapes(f"{name}.attn_{stream}.kv", 2 * width, width)
        found |= layer_shapes(f"{name}.attn_{stream}.proj", width, width)
    for number in (1, 2):
        found |= layer_shapes(f"{name}.mlp{number}.fc1", 2 * width, width)
        found |= layer_shapes(f"{name}.mlp{number}.fc2", width, 2 * width)
    return found | (layer_shapes(f"{name}.conv", 100, 100, 1) if mixing else {})


def poster_shapes(*, depth: int, mixing: bool) -> dict[str, tuple[int, ...]]:
    found = mobilefacenet_shapes("face_landback.") | ir50_shapes("ir_back.") | layer_shapes("ir_layer", 512, 1024)
    p = "pyramid_fuse"
    found |= {f"{p}.cls_token": (1, 1, 512), f"{p}.pos_embed": (1, 50, 512)}
    found |= layer_shapes(f"{p}.downsample_m", 100, 100, 2) | layer_shapes(f"{p}.downsample_s", 100, 100, 4)
    for i in range(depth):
        for level, width in (("l", 512), ("m", 256), ("s", 128)):
            found |= fusion_shapes(f"{p}.blocks.{i}.block_{level}", width, mixing=mixing)
        for level in ("m", "s"):
            found |= layer_shapes(f"{p}.blocks.{i}.upsample_{level}", 100, 100, 2)
    found |= norm_shapes(f"{p}.norm", 512, batch=False)
    return found | gate_shapes("se_block", 512) | layer_shapes("head.linear", 7, 512)


def fusion(s: State, name: str, x: Tensor) -> Tensor:
    image, marks = x[:, :50], x[:, 50:]
    n1, n3 = layer_normed(s, f"{name}.norm1", x, 1e-6), layer_normed(s, f"{name}.norm3", x, 1e-6)
    answered = attention(s, f"{name}.attn_img.kv", n1[:, :50], n1[:, 50:], 8)
    image = image + linear(s, f"{name}.attn_img.proj", answered)
    image = image + feed_forward(s, f"{name}.mlp1", layer_normed(s, f"{name}.norm2", image, 1e-6))
    answered = attention(s, f"{name}.attn_lm.kv", n3[:, 50:], n3[:, :50], 8)
    marks = marks + linear(s, f"{name}.attn_lm.proj", answered)
    marks = marks + feed_forward(s, f"{name}.mlp2", layer_normed(s, f"{name}.norm4", marks, 1e-6))
    x = torch.cat([image, marks], dim=1)
    if f"{name}.conv.weight" not in s:
        return x
    return torch.einsum("ot,ntw->now", s[f"{name}.conv.weight"][..., 0], x) + s[f"{name}.conv.bias"][:, None]


def widened(s: State, name: str, x: Tensor) -> Tensor:
    return F.conv_transpose1d(x, s[f"{name}.weight"], s[f"{name}.bias"], stride=2)


def poster_logits(s: State, x: Tensor, *, depth: int, faithful: bool) -> Tensor:
    shrunk, tokens = HOW[faithful]
    x = shrunk(x)
    marks = mobilefacenet_maps(s, "face_landback.", x)[-1].reshape(len(x), 512, 49).transpose(1, 2)
    image = linear(s, "ir_layer", tokens(ir50_maps(s, "ir_back.", x)[-1]))
    image = torch.cat([image.mean(1, keepdim=True), image], dim=1) + s["pyramid_fuse.pos_embed"]
    large = torch.cat([image, marks.mean(1, keepdim=True), marks], dim=1)
    middle, small = (
        F.conv1d(large, s[f"{name}.weight"], s[f"{name}.bias"], stride=step)
        for name, step in (("pyramid_fuse.downsample_m", 2), ("pyramid_fuse.downsample_s", 4))
    )
    for i in range(depth):
        p = f"pyramid_fuse.blocks.{i}"
        large, middle, small = (fusion(s, f"{p}.block_{n}", t) for n, t in (("l", large), ("m", middle), ("s", small)))
        middle = middle + widened(s, f"{p}.upsample_s", small)
        large = large + widened(s, f"{p}.upsample_m", middle)
    return linear(s, "head.linear", gated(s, "se_block", layer_normed(s, "pyramid_fuse.norm", large, 1e-6)[:, 0]))


@pytest.mark.parametrize(("variant", "faithful"), [("rafdb", True), ("affectnet", True), ("rafdb", False)])
def test_poster_computes_what_its_official_code_computes(variant, faithful, tmp_path):
    state = drawn(poster_shapes(depth=4, mixing=variant == "rafdb"), dead=("ir_back.output_layer",))
    found = network("poster", size="small", variant=variant, faithful=faithful)
    load_official(found, saved(state, tmp_path / "poster.pth", nested="model_state_dict"))
    with torch.inference_mode():
        agree(found(pictures()), poster_logits(state, pictures(), depth=4, faithful=faithful))
