"""POSTER++ computes what its official code computes."""

import pytest
import torch
from official_cases import (
    HOW,
    State,
    agree,
    attention,
    conv,
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

from facsim.models.official import load_official

POSTER_PP_LEVELS = ((1, 64, 28, 2), (2, 128, 14, 4), (3, 256, 7, 8))


def poster_pp_shapes() -> dict[str, tuple[int, ...]]:
    found = mobilefacenet_shapes("face_landback.") | ir50_shapes("ir_back.", split=True)
    found |= {"VIT.cls_token": (1, 1, 768), "VIT.pos_embed": (1, 148, 768)} | gate_shapes("VIT.se_block", 768)
    found |= layer_shapes("VIT.patch_embed.proj", 768, 256, 1, 1) | {"VIT.eca_block.conv.weight": (1, 1, 5)}
    found |= layer_shapes("VIT.CON1", 768, 256, 1, 1, bias=False)
    found |= layer_shapes("VIT.IRLinear1", 768, 1024) | layer_shapes("VIT.IRLinear2", 512, 768)
    for i in (0, 1):
        p = f"VIT.blocks.{i}"
        found |= norm_shapes(f"{p}.norm1", 768, batch=False) | norm_shapes(f"{p}.norm2", 768, batch=False)
        found |= layer_shapes(f"{p}.conv", 148, 148, 1) | layer_shapes(f"{p}.attn.qkv", 2304, 768)
        found |= layer_shapes(f"{p}.attn.proj", 768, 768)
        found |= layer_shapes(f"{p}.mlp.fc1", 3072, 768) | layer_shapes(f"{p}.mlp.fc2", 768, 3072)
    found |= norm_shapes("VIT.norm", 768, batch=False) | layer_shapes("VIT.head.linear", 7, 768)
    for n, width, side, heads in POSTER_PP_LEVELS:
        found |= {f"attn{n}.relative_position_bias_table": ((2 * side - 1) ** 2, heads)}
        found |= {f"attn{n}.relative_position_index": (side * side, side * side)}
        found |= layer_shapes(f"attn{n}.qkv", 2 * width, width) | layer_shapes(f"attn{n}.proj", width, width)
        found |= norm_shapes(f"window{n}.norm", width, batch=False) | layer_shapes(f"conv{n}", width, width, 3, 3)
        found |= {f"ffn{n}.gamma1": (width,), f"ffn{n}.gamma2": (width,)}
        found |= layer_shapes(f"ffn{n}.mlp.fc1", 4 * width, width) | layer_shapes(f"ffn{n}.mlp.fc2", width, 4 * width)
        found |= norm_shapes(f"ffn{n}.norm", width, batch=False)
    found |= layer_shapes("last_face_conv", 256, 512, 3, 3) | layer_shapes("embed_q.0", 768, 64, 3, 3)
    found |= layer_shapes("embed_q.1", 768, 768, 3, 3) | layer_shapes("embed_k.0", 768, 128, 3, 3)
    return found | layer_shapes("embed_v.proj", 768, 256, 1, 1)


def relative_biases(table: Tensor, side: int) -> Tensor:
    """(heads, side², side²), place by place."""
    grid = [(row, column) for row in range(side) for column in range(side)]
    rows, columns = (torch.tensor([place[axis] for place in grid]) for axis in (0, 1))
    down = rows[:, None] - rows[None] + side - 1
    right = columns[:, None] - columns[None] + side - 1
    return table[down * (2 * side - 1) + right].permute(2, 0, 1)


def row_by_row(maps: Tensor) -> Tensor:
    return maps.permute(0, 2, 3, 1).reshape(len(maps), -1, maps.shape[1])


def poster_pp_level(s: State, level: tuple[int, int, int, int], image: Tensor, marks: Tensor) -> Tensor:
    n, width, side, heads = level
    x = row_by_row(conv(s, f"conv{n}", image, stride=2, padding=1))
    x = layer_normed(s, f"window{n}.norm", x, 1e-5)
    bias = relative_biases(s[f"attn{n}.relative_position_bias_table"], side)
    answered = linear(s, f"attn{n}.proj", attention(s, f"attn{n}.qkv", x, row_by_row(marks), heads, bias))
    x = x + s[f"ffn{n}.gamma1"] * answered
    x = x + s[f"ffn{n}.gamma2"] * feed_forward(s, f"ffn{n}.mlp", layer_normed(s, f"ffn{n}.norm", x, 1e-5))
    return x.reshape(len(x), side, side, width).permute(0, 3, 1, 2)


def self_attention(s: State, name: str, x: Tensor) -> Tensor:
    q, k, v = linear(s, f"{name}.qkv", x).reshape(len(x), -1, 3, 8, 96).permute(2, 0, 3, 1, 4)
    mixed = torch.softmax(q @ k.transpose(-2, -1) * 96**-0.5, dim=-1) @ v
    return linear(s, f"{name}.proj", mixed.transpose(1, 2).reshape(x.shape))


def poster_pp_logits(s: State, x: Tensor, *, faithful: bool) -> Tensor:
    x = HOW[faithful][0](x)
    marks = mobilefacenet_maps(s, "face_landback.", x)
    marks[2] = conv(s, "last_face_conv", marks[2], padding=1)
    images = ir50_maps(s, "ir_back.", x, split=True)
    low, middle, high = (
        poster_pp_level(s, level, image, mark)
        for level, image, mark in zip(POSTER_PP_LEVELS, images, marks, strict=True)
    )
    low = conv(s, "embed_q.1", conv(s, "embed_q.0", low, stride=2, padding=1), stride=2, padding=1)
    levels = [low, conv(s, "embed_k.0", middle, stride=2, padding=1), conv(s, "embed_v.proj", high)]
    x = torch.cat([s["VIT.cls_token"].repeat(len(x), 1, 1), *map(row_by_row, levels)], dim=1) + s["VIT.pos_embed"]
    for i in (0, 1):
        x = x + self_attention(s, f"VIT.blocks.{i}.attn", layer_normed(s, f"VIT.blocks.{i}.norm1", x, 1e-6))
        x = x + feed_forward(s, f"VIT.blocks.{i}.mlp", layer_normed(s, f"VIT.blocks.{i}.norm2", x, 1e-6))
    return linear(s, "VIT.head.linear", gated(s, "VIT.se_block", layer_normed(s, "VIT.norm", x, 1e-6)[:, 0]))


@pytest.mark.parametrize("faithful", [True, False])
def test_poster_pp_computes_what_its_official_code_computes(faithful, tmp_path):
    state = drawn(poster_pp_shapes(), dead=("ir_back.output_layer",))
    found = network("poster_pp", faithful=faithful)
    load_official(found, saved(state, tmp_path / "poster_pp.pth"))
    with torch.inference_mode():
        agree(found(pictures()), poster_pp_logits(state, pictures(), faithful=faithful))
