"""facsim.learn.product: [train] and the trainer have the same settings with the same defaults."""

from dataclasses import fields

import pytest

from facsim.errors import FacsimError, RecipeError
from facsim.learn.augment import NO_AUGMENTATION, scaled_augmentation
from facsim.learn.product import Train, augmentation_of
from facsim.learn.training_config import TrainingConfig
from facsim.recipe import build_product, parse_recipe, recipe_text

_OWN = {"epochs", "steps", "augmentation", "initial"}  # differ on purpose: 12 epochs at strength 1; "" is none


def test_train_has_every_setting_of_the_trainer_but_where_and_how_long():
    place = {"threads", "device", "time_budget_s", "checkpoint_steps", "steps"}
    assert {entry.name for entry in fields(TrainingConfig)} - place <= {entry.name for entry in fields(Train)}


def test_defaults_are_the_trainers():
    ours, theirs = Train(), TrainingConfig(epochs=12.0)
    shared = {entry.name for entry in fields(Train)} & {entry.name for entry in fields(TrainingConfig)} - _OWN
    assert {name: getattr(ours, name) for name in shared} == {name: getattr(theirs, name) for name in shared}


def test_settings_reach_the_trainer():
    table = {"loss": [[2.0, 0.3], [1.0, 0.0]], "sam_rho": 0.05, "network": "resnet18", "betas": [0.9, 0.999]}
    config = build_product("train", table).config()
    assert config.loss_terms == ((2.0, 0.3), (1.0, 0.0)) and config.betas == (0.9, 0.999)
    assert (config.sam_rho, config.network, config.initial) == (0.05, "resnet18", None)


def test_a_recipe_with_tables_and_pairs_survives_being_written():
    text = (
        "[[step]]\nuse = 'render'\n[plan]\ncount = 7\n[train]\nloss = [[2.0, 0.4], [1.0, 0.0]]\n"
        "augmentation = { flip_p = 0.5 }\nnetwork_config = { widths = [8, 16], depths = [1, 1] }\n"
        "initial = { backbone = 'a.pth' }\n"
    )
    recipe = parse_recipe(text)
    assert parse_recipe(recipe_text(recipe)) == recipe


def test_an_augmentation_is_a_strength_or_a_table_of_all_that_is_done():
    assert augmentation_of(0.5) == scaled_augmentation(0.5) and augmentation_of({}) == NO_AUGMENTATION
    assert augmentation_of({"flip_p": 0.5}).flip_p == 0.5 and augmentation_of({"flip_p": 0.5}).rotation_deg == 0


def test_a_setting_out_of_range_is_refused():
    with pytest.raises(FacsimError, match="optimiser"):
        Train(optimiser="lion")
    with pytest.raises(RecipeError, match="epochs"):
        Train(epochs=0)
