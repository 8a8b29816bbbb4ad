"""facsim.models.small_cnn: sizes, initialisation and cost."""

import pytest
import torch

from facsim.errors import FacsimError
from facsim.models.small_cnn import SmallCnnConfig, build_small_cnn


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("side", [16, 40, 41, 48, 64])
def test_any_side_gives_logits_for_every_class(side):
    network = build_small_cnn(SmallCnnConfig(classes=8, channels=3), generator=generator())
    assert network(torch.zeros(2, 3, side, side)).shape == (2, 8)


def test_it_has_at_most_one_and_a_half_million_parameters():
    network = build_small_cnn(SmallCnnConfig(classes=7), generator=generator())
    assert 1_000_000 < sum(parameter.numel() for parameter in network.parameters()) < 1_500_000


def test_initialisation_depends_on_its_generator_alone():
    torch.manual_seed(1)
    first = build_small_cnn(SmallCnnConfig(classes=7, widths=(8,), depths=(1,)), generator=generator()).state_dict()
    torch.manual_seed(2)
    state = torch.get_rng_state()
    second = build_small_cnn(SmallCnnConfig(classes=7, widths=(8,), depths=(1,)), generator=generator()).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_every_tensor_is_initialised():
    state = build_small_cnn(SmallCnnConfig(classes=7, depths=(1, 2, 1, 1)), generator=generator()).state_dict()
    assert all(torch.isfinite(tensor).all() and tensor.abs().max() < 10 for tensor in state.values())
    assert all(not tensor.is_meta for tensor in state.values())


def test_the_first_logits_say_little():
    network = build_small_cnn(SmallCnnConfig(classes=7), generator=generator())
    with torch.inference_mode():
        logits = network(torch.randn(32, 1, 48, 48, generator=generator(1)))
    assert float(logits.abs().max()) < 1.5


def test_a_depth_for_each_width_is_asked_for():
    with pytest.raises(FacsimError, match="as many of each"):
        SmallCnnConfig(classes=7, widths=(8, 16), depths=(1,))


def test_no_classes_are_refused():
    with pytest.raises(FacsimError, match="at least 1"):
        SmallCnnConfig(classes=0)
