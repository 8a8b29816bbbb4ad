"""facsim.learn.training_recipes: the package's recipes hold the published numbers, and anybody's own are read."""

import re
import tomllib

import pytest
import torch

from facsim.errors import RecipeError
from facsim.learn.product import Train
from facsim.learn.training_recipes import known_training_recipes, training_recipe_text, training_settings
from facsim.models.classifier import build_network

PUBLISHED = ("poster-affectnet", "poster-rafdb", "syntfer-ir50")


def test_the_package_has_its_recipes():
    assert known_training_recipes() == tuple(
        sorted(("clean-teacher", "shown-teacher", "cpu-cnn", "ir50-scratch", "poster-scratch", *PUBLISHED))
    )


@pytest.mark.parametrize("name", known_training_recipes())
def test_a_recipe_of_the_package_is_valid_and_its_network_can_be_built(name):
    settings = training_settings(name, {})
    network = build_network(settings.network, {"classes": 7, **settings.network_config})
    assert isinstance(network, torch.nn.Module)


@pytest.mark.parametrize("name", known_training_recipes())
def test_every_number_has_a_comment_with_its_source(name):
    lines = training_recipe_text(name).partition("[train]")[2].splitlines()
    settings = list(zip(["", *lines], lines, strict=False))
    numbers = [(before, line) for before, line in settings if re.search(r"\d", re.sub('".*?"|#.*', "", line))]
    bare = [line for before, line in numbers if "#" not in line and before[:1] != "#"]
    assert numbers and not bare


def test_the_default_recipe_is_the_defaults():
    assert (
        training_settings("cpu-cnn", {}).config()
        == training_settings("", {"network_config": {"widths": [32, 64, 128, 256], "depths": [1, 1, 1, 1]}}).config()
    )


def test_syntfers_numbers_are_those_of_its_code():
    config = training_settings("syntfer-ir50", {}).config()
    assert (config.lr, config.batch_size, config.epochs, config.weight_decay) == (1.095e-6, 64, 120, 1e-4)
    assert (config.optimiser, config.sam_rho, config.sam_adaptive, config.decay) == ("adam", 0.05, False, 0.98)
    assert config.loss_terms == ((2.0, 0.4), (1.0, 0.0)) and config.schedule == "exponential"


@pytest.mark.parametrize(("name", "lr", "balance"), [("poster-rafdb", 4e-5, 0.0), ("poster-affectnet", 2e-6, 1.0)])
def test_posters_numbers_are_those_of_its_code(name, lr, balance):
    config = training_settings(name, {}).config()
    assert (config.lr, config.batch_size, config.epochs, config.weight_decay) == (lr, 200, 300, 0.0)
    assert (config.sam_rho, config.balance, config.betas) == (0.05, balance, (0.9, 0.999))
    assert config.loss_terms == ((2.0, 0.2), (1.0, 0.0))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_recipe_chooses_on_pictures_cut_from_the_training_set(name):
    config = training_settings(name, {}).config()
    assert (config.selection, config.validation) == ("best", "chooser")


@pytest.mark.parametrize("name", PUBLISHED)
def test_augmentation_names_all_that_is_done(name):
    augmentation = training_settings(name, {}).config().augmentation
    assert augmentation.flip_p == 0.5 and augmentation.rotation_deg == augmentation.blur_p == augmentation.erase_p == 0


def test_what_is_given_replaces_the_recipes_value_and_nothing_else():
    changed = training_settings("syntfer-ir50", {"epochs": 3.0}).config()
    assert changed.epochs == 3.0 and changed.lr == 1.095e-6


def test_a_file_is_a_recipe_and_its_paths_are_relative_to_it(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        '[train]\nlr = 0.5\ninitial = { backbone = "w/ir50.pth" }\nvalidation_set = "faces.zip"\nleaks = "p.json"\n'
    )
    settings = training_settings(str(file), {})
    assert settings.lr == 0.5 and settings.validation_set == str(tmp_path / "faces.zip")
    assert settings.leaks == str(tmp_path / "p.json")
    assert settings.initial == {"backbone": str(tmp_path / "w/ir50.pth")}


def test_a_runs_recipe_is_a_training_recipe_too(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text("[plan]\ncount = 7\n[train]\nepochs = 3.5\n[report]\n")
    assert training_settings(str(file), {}).epochs == 3.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[train]\nlearning = 1\n", "no setting"),
        ("[train]\nlr = 'x'\n", "train.lr"),
        ("[trian]\nlr = 1.0\n", "train"),
        ("lr = 1.0\n", "lr"),
        ("[plan]\ncount = 1\n", r"\[train\]"),
        ("[train\n", "not TOML"),
        ("[train]\naugmentation = { flip = 0.5 }\n", "flip_p"),
        ("[train]\nalignment = 1.0\n", "both or neither"),
    ],
)
def test_a_faulty_recipe_is_refused_with_words(tmp_path, text, words):
    file = tmp_path / "faulty.toml"
    file.write_text(text)
    with pytest.raises(RecipeError, match=words):
        training_settings(str(file), {})


def test_an_unknown_recipe_is_answered_with_the_nearest():
    with pytest.raises(RecipeError, match="poster-rafdb"):
        training_settings("poster-rafd", {})


def test_recipes_are_toml_whose_every_key_is_a_setting():
    for name in known_training_recipes():
        assert set(tomllib.loads(training_recipe_text(name))["train"]) <= set(Train.__dataclass_fields__)
