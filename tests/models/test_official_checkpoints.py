"""Official checkpoints: what a network computes from them is what their code computes, written down here once more.

Names and shapes are spelt out from the official repositories, and the outputs are computed with plain functions
straight from the tensors, with nothing of facsim's networks.
"""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from facsim.models.classifier import initialised
from facsim.models.ir50 import Ir50Trunk
from facsim.models.mobilefacenet import MobileFaceNet, MobileFaceNetConfig
from facsim.models.official import load_official

State = dict[str, Tensor]


def drawn(shapes: dict[str, tuple[int, ...]], *, dead: tuple[str, ...] = ()) -> State:
    """Random tensors that keep activations near 1; zeros for the dead weight."""
    generator = torch.Generator().manual_seed(7)
    found = {}
    for name, shape in shapes.items():
        noise = torch.randn(shape, generator=generator) if not name.startswith(dead) else torch.zeros(shape)
        if name.endswith("num_batches_tracked"):
            found[name] = torch.tensor(5)
        elif name.endswith("relative_position_index"):
            found[name] = torch.zeros(shape, dtype=torch.int64)
        elif name.endswith("running_var"):
            found[name] = 0.5 + torch.rand(shape, generator=generator)
        elif len(shape) > 1 and "token" not in name and "pos_embed" not in name and "table" not in name:
            found[name] = noise / max(1, torch.Size(shape[1:]).numel()) ** 0.5
        else:
            found[name] = 0.2 * noise + (1.0 if len(shape) == 1 and name.endswith("weight") else 0.0)
    return found


def norm_shapes(name: str, width: int, *, batch: bool = True) -> dict[str, tuple[int, ...]]:
    learned = {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    counted = {f"{name}.running_mean": (width,), f"{name}.running_var": (width,), f"{name}.num_batches_tracked": ()}
    return learned | counted if batch else learned


def layer_shapes(name: str, *shape: int, bias: bool = True) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape} | ({f"{name}.bias": (shape[0],)} if bias else {})


def normed(s: State, name: str, x: Tensor) -> Tensor:
    mean, var, weight, bias = (s[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(x, mean, var, weight, bias)


def layer_normed(s: State, name: str, x: Tensor, eps: float) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], s[f"{name}.weight"], s[f"{name}.bias"], eps)


def linear(s: State, name: str, x: Tensor) -> Tensor:
    return F.linear(x, s[f"{name}.weight"], s.get(f"{name}.bias"))


def conv(s: State, name: str, x: Tensor, **how) -> Tensor:
    return F.conv2d(x, s[f"{name}.weight"], s.get(f"{name}.bias"), **how)


# IR50

IR50_UNITS = [(64, 64, 2)] + [(64, 64, 1)] * 2 + [(64, 128, 2)] + [(128, 128, 1)] * 3
IR50_UNITS += [(128, 256, 2)] + [(256, 256, 1)] * 13


def ir50_bodies(split: bool) -> list[str]:
    if not split:
        return [f"body.{i}" for i in range(21)]
    return [f"body{stage}.{i}" for stage, count in ((1, 3), (2, 4), (3, 14)) for i in range(count)]


def ir50_shapes(prefix: str = "", *, split: bool = False) -> dict[str, tuple[int, ...]]:
    found = layer_shapes("input_layer.0", 64, 3, 3, 3, bias=False) | norm_shapes("input_layer.1", 64)
    found |= {"input_layer.2.weight": (64,)}
    found |= norm_shapes("output_layer.0", 512) | layer_shapes("output_layer.3", 512, 25088)
    found |= norm_shapes("output_layer.4", 512)
    for name, (inputs, outputs, _) in zip(ir50_bodies(split), IR50_UNITS, strict=True):
        if inputs != outputs:
            found |= layer_shapes(f"{name}.shortcut_layer.0", outputs, inputs, 1, 1, bias=False)
            found |= norm_shapes(f"{name}.shortcut_layer.1", outputs)
        found |= norm_shapes(f"{name}.res_layer.0", inputs)
        found |= layer_shapes(f"{name}.res_layer.1", outputs, inputs, 3, 3, bias=False)
        found |= {f"{name}.res_layer.2.weight": (outputs,)}
        found |= layer_shapes(f"{name}.res_layer.3", outputs, outputs, 3, 3, bias=False)
        found |= norm_shapes(f"{name}.res_layer.4", outputs)
    return {prefix + name: shape for name, shape in found.items()}


def ir50_maps(s: State, prefix: str, x: Tensor, *, split: bool = False) -> list[Tensor]:
    x = normed(s, f"{prefix}input_layer.1", conv(s, f"{prefix}input_layer.0", x, padding=1))
    x = F.prelu(x, s[f"{prefix}input_layer.2.weight"])
    maps = []
    for number, (name, (inputs, outputs, stride)) in enumerate(zip(ir50_bodies(split), IR50_UNITS, strict=True)):
        beside = x[:, :, ::stride, ::stride]
        if inputs != outputs:
            beside = normed(s, f"{prefix}{name}.shortcut_layer.1", conv(s, f"{prefix}{name}.shortcut_layer.0", beside))
        unit = f"{prefix}{name}.res_layer"
        y = conv(s, f"{unit}.1", normed(s, f"{unit}.0", x), padding=1)
        y = conv(s, f"{unit}.3", F.prelu(y, s[f"{unit}.2.weight"]), stride=stride, padding=1)
        x = normed(s, f"{unit}.4", y) + beside
        if number in (2, 6, 20):
            maps.append(x)
    return maps


def every_second_pixel(x: Tensor) -> Tensor:
    return x[:, :, ::2, ::2]


def filtered_by_hand(x: Tensor) -> Tensor:
    """Half the side, each pixel from four with weights 1, 3, 3, 1; at the border from those that exist."""
    weights = torch.tensor([1.0, 3.0, 3.0, 1.0])
    band = torch.zeros(x.shape[-1] // 2, x.shape[-1])
    for row in range(len(band)):
        for tap, weight in enumerate(weights):
            if 0 <= 2 * row - 1 + tap < band.shape[1]:
                band[row, 2 * row - 1 + tap] = weight
    band /= band.sum(dim=1, keepdim=True)
    return band @ x @ band.T


def tokens_in_memory_order(maps: Tensor) -> Tensor:
    return maps.contiguous().view(-1, 49, 1024)


def tokens_by_place(maps: Tensor) -> Tensor:
    rows = []
    for picture in maps:
        blocks = [picture[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(-1) for i in range(7) for j in range(7)]
        rows.append(torch.stack(blocks))
    return torch.stack(rows)


HOW = {True: (every_second_pixel, tokens_in_memory_order), False: (filtered_by_hand, tokens_by_place)}


def saved(state: State, path, *, nested: str = "state_dict", wrapped: bool = True):
    state = {("module." if wrapped else "") + name: tensor for name, tensor in state.items()}
    torch.save({"epoch": 3, nested: state}, path)
    return path


def pictures(side: int = 224, count: int = 2) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def network(name: str, **config):
    return initialised(name, {"classes": 7, **config}, generator=torch.Generator().manual_seed(0)).eval()


def agree(found: Tensor, expected: Tensor) -> None:
    assert expected.std() > 0.01, "outputs that hardly differ say nothing"
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=2e-4 * float(expected.std()))


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


# MobileFaceNet


def block_shapes(name: str, inputs: int, outputs: int, side: int, *, groups: int = 1, linear: bool = False):
    found = layer_shapes(f"{name}.conv", outputs, inputs // groups, side, side, bias=False)
    found |= norm_shapes(f"{name}.bn", outputs)
    return found if linear else found | {f"{name}.prelu.weight": (outputs,)}


def separable_shapes(name: str, inputs: int, outputs: int, inner: int):
    found = block_shapes(f"{name}.conv", inputs, inner, 1)
    found |= block_shapes(f"{name}.conv_dw", inner, inner, 3, groups=inner)
    return found | block_shapes(f"{name}.project", inner, outputs, 1, linear=True)


def mobilefacenet_shapes(prefix: str = "") -> dict[str, tuple[int, ...]]:
    found = block_shapes("conv1", 3, 64, 3) | block_shapes("conv2_dw", 64, 64, 3, groups=64)
    found |= separable_shapes("conv_23", 64, 64, 128)
    found |= separable_shapes("conv_34", 64, 128, 256) | separable_shapes("conv_45", 128, 128, 512)
    for name, width, inner, count in (("conv_3", 64, 128, 4), ("conv_4", 128, 256, 6), ("conv_5", 128, 256, 2)):
        for i in range(count):
            found |= separable_shapes(f"{name}.model.{i}", width, width, inner)
    found |= block_shapes("conv_6_sep", 128, 512, 1)
    found |= block_shapes("output_layer.conv_6_dw", 512, 512, 7, groups=512, linear=True)
    found |= layer_shapes("output_layer.linear", 136, 512, bias=False) | norm_shapes("output_layer.bn", 136)
    return {prefix + name: shape for name, shape in found.items()}


def block(s: State, name: str, x: Tensor, **how) -> Tensor:
    x = normed(s, f"{name}.bn", conv(s, f"{name}.conv", x, **how))
    return F.prelu(x, s[f"{name}.prelu.weight"]) if f"{name}.prelu.weight" in s else x


def separable(s: State, name: str, x: Tensor, stride: int) -> Tensor:
    x = block(s, f"{name}.conv", x)
    x = block(s, f"{name}.conv_dw", x, stride=stride, padding=1, groups=x.shape[1])
    return block(s, f"{name}.project", x)


def mobilefacenet_maps(s: State, p: str, x: Tensor) -> list[Tensor]:
    def chain(name: str, x: Tensor, count: int) -> Tensor:
        for i in range(count):
            x = x + separable(s, f"{p}{name}.model.{i}", x, 1)
        return x

    x = block(s, f"{p}conv2_dw", block(s, f"{p}conv1", x, stride=2, padding=1), padding=1, groups=64)
    low = chain("conv_3", separable(s, f"{p}conv_23", x, 2), 4)
    middle = chain("conv_4", separable(s, f"{p}conv_34", low, 2), 6)
    high = chain("conv_5", separable(s, f"{p}conv_45", middle, 2), 2)
    return [low, middle, block(s, f"{p}conv_6_sep", high)]


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


# POSTER


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


def gate_shapes(name: str, width: int):
    return layer_shapes(f"{name}.linear1", width, width) | layer_shapes(f"{name}.linear2", width, width)


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


def attention(s: State, name: str, x: Tensor, q: Tensor, heads: int, bias: Tensor | None = None) -> Tensor:
    """`x` gives keys and values by the layer `name`, head by head with plain matrix products."""
    width = x.shape[-1]
    kv, size = linear(s, name, x), width // heads
    out = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        key, value = kv[..., :width][..., part], kv[..., width:][..., part]
        logits = q[..., part] @ key.transpose(1, 2) / size**0.5
        out.append(torch.softmax(logits + (0 if bias is None else bias[head]), dim=-1) @ value)
    return torch.cat(out, dim=-1)


def feed_forward(s: State, name: str, x: Tensor) -> Tensor:
    return linear(s, f"{name}.fc2", F.gelu(linear(s, f"{name}.fc1", x)))


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


def gated(s: State, name: str, x: Tensor) -> Tensor:
    return x * torch.sigmoid(linear(s, f"{name}.linear2", torch.relu(linear(s, f"{name}.linear1", x))))


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


# POSTER++

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


# torchvision's ResNets


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
