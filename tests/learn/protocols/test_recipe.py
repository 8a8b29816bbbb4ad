"""facsim.learn.protocols.recipe: what a recipe may say, and how it is told what it may not."""

import tomllib
from pathlib import Path

import pytest

from facsim.errors import RecipeError
from facsim.learn.data import PictureShape
from facsim.learn.protocols.catalogue import EXAMPLES, PROTOCOLS, example_path, find_protocol
from facsim.learn.protocols.recipe import load_protocol, parse_protocol
from facsim.learn.protocols.runs import training_config
from facsim.learn.yardstick import YARDSTICK
from facsim.recipe import build_settings


def test_a_recipe_fills_in_its_variables(recipe_of, folders):
    recipe = recipe_of("matrix", "")
    assert recipe.sets[0].source == folders["a"] and recipe.protocol == "matrix"
    assert recipe.asked["set"][0]["source"] == "${a}", (
        "results hold the recipe as written, without this machine's paths"
    )


def test_a_variable_without_a_value_says_how_to_give_one(recipe_of, folders):
    folders_without = {name: path for name, path in folders.items() if name != "b"}
    text = 'protocol = "matrix"\n[variables]\nb = ""\n[[set]]\nname = "b"\nsource = "${b}"\n'
    with pytest.raises(RecipeError, match="--set b=PATH"):
        parse_protocol(text, folder=EXAMPLES)
    with pytest.raises(RecipeError, match='has no variable "a"'):
        parse_protocol(text, folder=EXAMPLES, variables=folders_without)


@pytest.mark.parametrize(
    ("tables", "hint"),
    [
        ("[matrx]\n", 'Did you mean "matrix"'),
        ('[[set]]\nname = "c"\nsorce = "x"\n', 'Did you mean "source"'),
        ('[[set]]\nname = "c"\n', "has neither"),
        ('[[set]]\nname = "a"\nsource = "x"\n', 'are called "a"'),
        ('[[set]]\nname = "c"\nof = [{ set = "aa" }]\n', 'there is no set "aa"'),
        ('[[set]]\nname = "c"\nof = [{ set = "a", share = 5.0 }]\n', "5 % is 0.05"),
        ('[[set]]\nname = "c"\nof = [{ set = "a", shre = 0.5 }]\n', 'Did you mean "share"'),
        ('[[set]]\nname = "c/d"\nsource = "x"\n', "without /"),
        ('[[set]]\nname = "c"\nsource = "x"\nlabel = "majorty"\n', 'Did you mean "majority"'),
        ('[[set]]\nname = "c"\nsource = "x"\nlabel = "majority"\n', "need FER..s votes, the others none"),
        ('[[set]]\nname = "c"\nsource = "x"\nlabel = "hard"\nvotes = "v"\n', "need FER..s votes, the others none"),
        ('[[set]]\nname = "c"\nof = [{ set = "a" }]\nvalidation_per_class = 2\n', "per_class"),
        ('[[set]]\nname = "c"\nof = [{ set = "a" }]\ntop_up_to = 2\n', "the first of two"),
        ('[[set]]\nname = "c"\nsource = "x"\nafter = "aa"\n', 'no .*set.*Did you mean "a"'),
        ('[[set]]\nname = "c"\nsource = "x"\nafter = "test"\n', "which is no"),
        ('[[set]]\nname = "c"\nsource = "x"\nafter = "c"\n', "in a ring: c after c"),
        ('[[test]]\nname = "c"\nsource = "x"\nafter = "a"\n', "not learnt from"),
    ],
    ids=lambda value: str(value)[-30:].strip().replace("\n", " "),
)
def test_a_wrong_recipe_is_refused_with_a_hint(recipe_of, tables, hint):
    with pytest.raises(RecipeError, match=hint):
        recipe_of("matrix", tables)


def test_only_a_matrix_trains_one_set_after_another(recipe_of):
    with pytest.raises(RecipeError, match='only the protocol "matrix"'):
        recipe_of("scaling", '[[set]]\nname = "c"\nsource = "x"\nafter = "a"\n')


@pytest.mark.parametrize(
    ("train", "hint"),
    [
        ({"stesp": 3}, 'Did you mean "steps"'),
        ({"use": "yardstik"}, 'Did you mean "yardstick"'),
        ({"seed": 3}, "not the recipe's to say"),
        ({"lr": -1.0}, "lr"),
        ({"lr": "high"}, "train.lr"),
    ],
)
def test_wrong_settings_of_a_training_are_refused(recipe_of, train, hint):
    with pytest.raises(RecipeError, match=hint):
        training_config(recipe_of("matrix", "", train=train), {}, seed=0)


def test_a_training_is_the_yardsticks_unless_said_otherwise(recipe_of):
    found = training_config(recipe_of("matrix", "", train={}), {}, seed=7)
    assert found.to_json() == {**YARDSTICK.to_json(), "seed": 7}


def test_a_training_recipe_by_name_brings_its_settings(recipe_of):
    found = training_config(recipe_of("matrix", "", train={"use": "cpu-cnn"}, shape=PictureShape()), {}, seed=3)
    assert (found.epochs, found.seed) == (12, 3)


def test_a_training_recipe_for_other_pictures_is_refused(recipe_of):
    with pytest.raises(RecipeError, match="put the size_px and colour"):
        training_config(recipe_of("matrix", "", train={"use": "syntfer-ir50"}, shape=PictureShape()), {}, seed=0)


def test_epochs_instead_of_steps_and_a_strength_of_augmentation(recipe_of):
    found = training_config(recipe_of("matrix", "", train={"epochs": 2.0, "augmentation": 0}), {}, seed=0)
    assert found.steps is None and found.epochs == 2 and found.augmentation != YARDSTICK.augmentation


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_has_a_packaged_recipe(name):
    assert load_protocol(example_path(name)).protocol == name


def test_an_unknown_protocol_names_the_nearest():
    with pytest.raises(RecipeError, match='Did you mean "matrix"'):
        find_protocol("matrx")


def test_seeds_given_are_chosen_among_the_recipes():
    found = load_protocol(example_path("matrix"), seeds=(1,))
    assert found.seeds == (1,) and found.asked["seeds"] == [0, 1]
    assert load_protocol(example_path("matrix"), seeds=(1, 0)).seeds == (0, 1)
    with pytest.raises(RecipeError, match="no seed 5, its seeds are 0, 1"):
        load_protocol(example_path("matrix"), seeds=(0, 5))


def test_a_recipe_that_is_no_toml_says_where(tmp_path):
    (tmp_path / "x.toml").write_text("protocol = ")
    with pytest.raises(RecipeError, match="not TOML"):
        load_protocol(tmp_path / "x.toml")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_protocol(tmp_path / "y.toml")


RECIPES = sorted((Path(__file__).resolve().parents[3] / "recipes" / "protocols").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_in_the_repository_can_be_read(path):
    asked = tomllib.loads(path.read_text())
    recipe = load_protocol(path, variables=dict.fromkeys(asked["variables"], "/somewhere"))
    made = build_settings(find_protocol(recipe.protocol), recipe.settings, recipe.protocol)
    assert made is not None and len(recipe.seeds) == 3
    assert training_config(recipe, {}, seed=0).to_json() == YARDSTICK.to_json()
