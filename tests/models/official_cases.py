"""Official checkpoints for the tests of each network: their tensors, and what their code computes from them.

Names and shapes are spelt out from the official repositories, and the outputs are computed with plain functions
straight from the tensors, with nothing of facsim's networks.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from facsim.models.classifier import initialised

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


# what POSTER and POSTER++ share


def gate_shapes(name: str, width: int):
    return layer_shapes(f"{name}.linear1", width, width) | layer_shapes(f"{name}.linear2", width, width)


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


def gated(s: State, name: str, x: Tensor) -> Tensor:
    return x * torch.sigmoid(linear(s, f"{name}.linear2", torch.relu(linear(s, f"{name}.linear1", x))))
