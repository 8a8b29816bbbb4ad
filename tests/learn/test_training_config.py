"""facsim.learn.training_config: what is accepted, what is refused, and what makes a training this one."""

import json

import pytest

from facsim.errors import FacsimError
from facsim.learn.training_config import TrainingConfig


def test_epochs_are_turned_into_steps():
    assert TrainingConfig(epochs=2.5, batch_size=64).total_steps(1000) == 40


def test_a_refusal_names_the_one_setting_that_is_wrong():
    with pytest.raises(FacsimError, match=r"^found batch_size = 0, expected more than 0$"):
        TrainingConfig(epochs=2.0, batch_size=0)


def test_both_steps_and_epochs_are_refused():
    with pytest.raises(FacsimError, match="exactly one"):
        TrainingConfig(steps=5, epochs=1.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("batch_size", 0),
        ("accumulation", 0),
        ("validations", 0),
        ("lr", 0.0),
        ("weight_decay", -1.0),
        ("ema", 1.0),
        ("momentum", 1.0),
        ("sam_rho", -0.1),
        ("mixup_alpha", float("nan")),
        ("alignment", float("inf")),
        ("erasing_p", 1.5),
        ("erasing_area", (0.3, 0.1)),
        ("decay", 0.0),
        ("betas", (0.9, 1.0)),
    ],
)
def test_numbers_out_of_range_are_refused(name, value):
    with pytest.raises(FacsimError, match="expected"):
        TrainingConfig(**{"steps": 1, name: value})


@pytest.mark.parametrize(
    ("name", "value", "nearest"),
    [
        ("network", "smallcnn", "small_cnn"),
        ("optimiser", "adamW", "adamw"),
        ("schedule", "cosin", "cosine"),
        ("precision", "fp61", "fp16"),
        ("selection", "bestt", "best"),
        ("validation", "choser", "chooser"),
        ("normalisation", "imagnet", "imagenet"),
        ("alignment_kernel", "moment", "moments"),
    ],
)
def test_an_unknown_choice_is_answered_with_the_nearest(name, value, nearest):
    with pytest.raises(FacsimError, match=rf"found {name}.*{nearest}"):
        TrainingConfig(**{"steps": 1, name: value})


def test_classes_and_channels_are_the_pictures_to_say():
    with pytest.raises(FacsimError, match="the pictures say how many"):
        TrainingConfig(steps=1, network_config={"classes": 3})


def test_its_json_is_plain_and_lacks_where_and_for_how_long():
    config = TrainingConfig(steps=5, threads=2, initial="somewhere", network_config={"widths": (8, 16)})
    found = config.to_json()
    assert json.loads(json.dumps(found)) == found and found["network_config"] == {"widths": [8, 16]}
    assert not {"threads", "device", "time_budget_s", "checkpoint_steps", "initial"} & set(found)


def test_where_and_for_how_long_make_no_other_training():
    other = TrainingConfig(steps=5, threads=2, device="cuda", time_budget_s=3.0, checkpoint_steps=7)
    assert other.to_json() == TrainingConfig(steps=5).to_json()


def test_a_named_loss_has_its_terms():
    assert TrainingConfig(steps=1, loss="poster").loss_terms == ((2.0, 0.2), (1.0, 0.0))
