"""facsim.learn.precision: the scale of fp16's losses, and what is finite."""

import torch

from facsim.learn.precision import LossScale, autocast_for, finite


def test_an_overflow_halves_the_scale_and_begins_the_count_again():
    assert LossScale(scale=8.0, good_steps=5).after(went_well=False) == LossScale(scale=4.0)


def test_two_thousand_good_steps_double_the_scale():
    scale = LossScale.begun()
    for _ in range(2000):
        scale = scale.after(went_well=True)
    assert scale == LossScale(scale=2 * 65536.0)


def test_the_constants_are_those_of_torchs_scaler():
    torchs = torch.amp.GradScaler("cpu").state_dict()
    assert (torchs["growth_factor"], torchs["backoff_factor"], torchs["growth_interval"]) == (2.0, 0.5, 2000)
    assert torchs["scale"] == LossScale.begun().scale


def test_finite_sees_a_nan_and_an_infinity():
    assert finite([torch.ones(3), torch.zeros(2)]) and finite([])
    assert not finite([torch.ones(3), torch.tensor([1.0, float("nan")])])
    assert not finite([torch.tensor([float("-inf")])])


def test_matrix_products_are_computed_in_the_type_asked_for():
    product = {}
    for precision in ("fp32", "bf16", "fp16"):
        with autocast_for(precision, device="cpu"):
            product[precision] = (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    assert product == {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
