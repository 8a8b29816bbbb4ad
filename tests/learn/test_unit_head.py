"""facsim.learn.unit_head: which units are known of pictures, and how wrong a head is about them."""

import dataclasses

import numpy as np
import pytest
import torch

from facsim.errors import FacsimError
from facsim.learn.training_config import TrainingConfig
from facsim.learn.training_plan import planned
from facsim.learn.unit_head import known_units, unit_head, unit_loss


def attributed(pictures, **attributes):
    return dataclasses.replace(pictures, attributes=attributes)


def config(**changes):
    return TrainingConfig(**{"steps": 4, "batch_size": 8, "validation": "none", "action_units": 1.0, **changes})


def test_units_are_found_by_their_columns_in_the_order_of_codes(drawn):
    known = known_units(
        attributed(drawn(2), AU12=(1.0, None), AU4=(5.0, 0.0), AU12L=(1.0, 1.0), yaw_deg=(3.0, 4.0), AUDIO=("a", "b"))
    )
    assert known.names == ("AU4", "AU12")
    np.testing.assert_array_equal(known.intensities, np.array([[5, 1], [0, np.nan]], dtype=np.float32))


def test_no_unit_and_impossible_ones_are_refused(drawn):
    with pytest.raises(FacsimError, match=r"no action unit.*step\s+render or action_units"):
        known_units(drawn(2))
    for wrong in (5.5, -1.0):
        with pytest.raises(FacsimError, match="expected an intensity from 0 to 5"):
            known_units(attributed(drawn(2), AU12=(1.0, wrong)))


def test_the_loss_is_that_of_the_known_units_alone():
    found = torch.tensor([[0.0, 0.0, 3.0, 9.0], [1.0, 0.0, 0.0, 9.0]])
    wanted = torch.tensor([[0.0, 5.0, float("nan"), float("nan")], [2.5, 0.0, 0.0, float("nan")]])
    assert float(unit_loss(found, wanted)) == pytest.approx((2 - 0.25) / 2 / 4**0.5)
    assert float(unit_loss(found, torch.full((2, 4), float("nan")))) == 0.0


def test_unknown_units_have_no_gradient():
    found = torch.zeros(3, 2, requires_grad=True)
    wanted = torch.tensor([[1.0, float("nan")], [float("nan"), 2.0], [float("nan")] * 2])
    unit_loss(found, wanted).backward()
    assert (found.grad != 0).tolist() == [[True, False], [False, True], [False, False]]


def test_a_new_head_says_nothing():
    head = unit_head(6, 4)
    assert not head(torch.ones(2, 6)).any() and head.weight.requires_grad


def test_units_make_it_another_training(drawn, with_units):
    pictures = with_units(drawn(60))
    plan = planned(pictures, config())
    other = attributed(pictures, **{**pictures.attributes, "AU4": (1.0,) * 60})
    assert plan.units is not None and plan.units.intensities.shape == (60, 2)
    assert planned(other, config()).identity["units"] != plan.identity["units"]
    assert planned(pictures, config(action_units=0.0)).units is None
    assert plan.provenance(step=4, best_step=None)["action_units"] == ["AU4", "AU12"]


def test_a_frozen_backbone_has_no_second_task():
    with pytest.raises(FacsimError, match="freeze_backbone"):
        config(freeze_backbone=True)
