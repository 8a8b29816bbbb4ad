"""facsim.learn.training_plan: what is trained on, what is held out, and what is refused."""

import dataclasses

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.learn.data import Pictures, take
from facsim.learn.training_config import TrainingConfig
from facsim.learn.training_plan import planned


def config(**changes) -> TrainingConfig:
    return TrainingConfig(**{"steps": 20, "batch_size": 8, **changes})


def rgb(pictures: Pictures) -> Pictures:
    return dataclasses.replace(pictures, images=np.repeat(pictures.images[..., None], 3, axis=3))


def only(pictures: Pictures, *names: str) -> Pictures:
    return take(pictures, np.array([label in names for label in pictures.labels]))


def test_a_validation_set_is_held_out_instead_of_the_tenth(drawn):
    plan = planned(drawn(60), config(), validation=drawn(14, seed=1))
    assert (len(plan.training), len(plan.held_out)) == (60, 14)


def test_no_copy_of_a_validation_picture_is_trained_on_and_that_is_counted(drawn):
    pictures = drawn(60)
    plan = planned(pictures, config(), validation=take(pictures, np.arange(7)))
    assert len(plan.training) == 53 and plan.training.left_out == {"copy_of_validation": 7}


def test_a_training_set_that_is_the_validation_set_is_refused_saying_so(drawn):
    with pytest.raises(FacsimError, match=r"0 training pictures .* none \(14 more are validation pictures too"):
        planned(drawn(14), config(), validation=drawn(14))


def test_validation_and_reference_pictures_make_it_another_training(drawn):
    pictures = drawn(60)
    one = planned(pictures, config(alignment=1.0), reference=drawn(14, seed=1)).identity
    other = planned(pictures, config(alignment=1.0), reference=drawn(14, seed=2)).identity
    assert one["reference"] != other["reference"]
    assert "validation_set" in planned(pictures, config(), validation=drawn(14, seed=1)).identity


def test_a_reference_set_is_said_to_have_been_seen(drawn):
    reference = dataclasses.replace(drawn(14, seed=1), origin="faces.zip")
    plan = planned(drawn(60), config(alignment=1.0), reference=reference)
    known = plan.provenance(step=20, best_step=None)
    assert known["trained_on"] == "not recorded; features aligned with 14 unlabelled pictures of faces.zip"
    assert known["reference"] == reference.fingerprint


def test_how_the_faces_are_cut_is_said(drawn):
    pictures = drawn(60)
    cut = dataclasses.replace(pictures, attributes={"image_frame": ("tight",) * 60})
    assert planned(cut, config()).provenance(step=20, best_step=None)["frame"] == "tight"
    assert "frame" not in planned(pictures, config()).provenance(step=20, best_step=None)


def test_the_choice_is_said(drawn):
    cut = planned(drawn(150), config(selection="best"))
    assert (
        "held out, of the training pictures, at 10 looks: the weights after step 8"
        in (cut.provenance(step=20, best_step=8)["selected_on"])
    )
    given = dataclasses.replace(drawn(14, seed=1), origin="other.zip")
    plan = planned(drawn(60), config(selection="best"), validation=given)
    assert "14 pictures held out, of other.zip" in plan.provenance(step=20, best_step=8)["selected_on"]
    last = planned(drawn(60), config(ema=0.0)).provenance(step=20, best_step=None)["selected_on"]
    assert last == "nothing: the weights after the last step"


def test_a_class_without_pictures_is_kept_and_named(drawn):
    plan = planned(only(drawn(60), "anger", "fear"), config(validation="none"))
    known = plan.provenance(step=1, best_step=None)
    assert known["classes_without_pictures"] == ["disgust", "happiness", "neutral", "sadness", "surprise"]
    assert plan.training.classes == drawn(7).classes


@pytest.mark.parametrize("count", [0, 1])
def test_one_picture_or_none_is_too_little(drawn, count):
    with pytest.raises(FacsimError, match=f"found {count} training pictures.*at least two classes"):
        planned(take(drawn(7), np.arange(count)), config(validation="none"))


def test_one_class_is_too_little(drawn):
    with pytest.raises(FacsimError, match="these classes: fear; expected at least two classes"):
        planned(only(drawn(60), "fear"), config(validation="none"))


def test_imagenets_normalisation_is_torchvisions(drawn):
    found = planned(rgb(drawn(20)), config(normalisation="imagenet", validation="none")).preprocessing
    assert found.mean == (0.485, 0.456, 0.406) and found.std == (0.229, 0.224, 0.225)


@pytest.mark.parametrize(
    ("changes", "beside", "words"),
    [
        ({"selection": "best", "validation": "none"}, {}, "no picture held out"),
        ({"alignment": 1.0}, {}, "no reference"),
        ({}, {"reference": (14, 40)}, "a reference"),
        ({}, {"validation": (14, 48)}, "load them in that shape"),
        ({"alignment": 1.0}, {"reference": (14, 48)}, "load them in that shape"),
        ({"normalisation": "imagenet"}, {}, "load them as rgb"),
    ],
)
def test_what_does_not_fit_is_refused(drawn, changes, beside, words):
    others = {name: drawn(count, seed=1, size_px=side) for name, (count, side) in beside.items()}
    with pytest.raises(FacsimError, match=words):
        planned(drawn(60), config(**changes), **others)


def test_a_validation_set_of_other_classes_is_refused(drawn):
    with pytest.raises(FacsimError, match="load them with these classes"):
        planned(drawn(60), config(), validation=drawn(6, seed=1, classes=("anger", "fear")))
