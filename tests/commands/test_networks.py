"""`facsim models` and `adopt`."""

import json

import pytest
import torch
from typer.testing import CliRunner

from facsim import cli
from facsim.learn.training_recipes import training_settings
from facsim.models.classifier import ARCHITECTURES, initialised
from facsim.models.weights import load_classifier


def called(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_networks_are_listed_with_their_size_and_cost():
    result = called("models")
    assert result.exit_code == 0, result.output
    row = next(line for line in result.stdout.splitlines() if line.startswith("poster_pp"))
    assert "43.8 M" in row and "8.6 G" in row and "224 px rgb" in row and "RAF-DB 92.21*" in row


def test_json_holds_cost_scores_terms_and_settings_of_every_network():
    found = {entry["name"]: entry for entry in json.loads(called("models", "--json").stdout)}
    assert set(found) == {*ARCHITECTURES, "mobilefacenet"}
    poster = found["poster"]
    assert poster["cost"]["parameters"] == 59_002_271 and poster["cost"]["trainable"] == 57_995_023
    assert poster["configuration"]["size"] == "large" and poster["public_weights"][0]["terms"]
    retested = next(score for score in found["poster_pp"]["scores"] if score["dataset"] == "AffectNet-7")
    assert retested["accuracy"] == 67.49 and "about 65" in retested["caveat"]


@pytest.mark.parametrize("name", [*ARCHITECTURES, "mobilefacenet"])
def test_a_name_shows_all_of_one_network(name):
    result = called("models", name)
    assert result.exit_code == 0 and result.stdout.startswith(f"{name}: ") and "settings" in result.stdout


def test_weights_are_shown_with_their_terms_and_the_way_to_load_them():
    shown = called("models", "poster").stdout
    assert "facsim adopt poster-rafdb FILE --out MODEL" in shown and "RAF-DB: non-commercial" in shown
    assert 'part="backbone"' in called("models", "ir50").stdout
    assert "head=False" in called("models", "resnet50").stdout


@pytest.mark.parametrize(("name", "recipe"), [("ir50", "ir50-scratch"), ("poster", "poster-scratch")])
def test_a_network_says_how_to_train_it_without_weights(name, recipe):
    assert f"--recipe {recipe}" in called("models", name).stdout
    assert training_settings(recipe, {}).network == name


def test_an_unknown_network_is_refused_with_the_nearest():
    result = called("models", "resnet81")
    assert result.exit_code == 1 and "Did you mean" in result.stderr


def test_a_checkpoint_is_adopted(tmp_path):
    settings = {"classes": 7, "faithful": True}
    network = initialised("ir50", settings, generator=torch.Generator().manual_seed(0))
    torch.save({"model_state_dict": network.state_dict()}, tmp_path / "a.pth")
    result = called("adopt", "ir50-syntfer", tmp_path / "a.pth", "--out", tmp_path / "model", "--json")
    assert result.exit_code == 0, result.output
    saved = json.loads(result.stdout)
    assert load_classifier(tmp_path / "model").sha256 == saved["sha256"]
    assert saved["classes"][0] == "anger" and "terms" in result.stderr


def test_a_checkpoint_of_another_architecture_is_not_adopted(tmp_path):
    network = initialised("resnet18", {"classes": 7}, generator=torch.Generator().manual_seed(0))
    torch.save(network.state_dict(), tmp_path / "a.pth")
    result = called("adopt", "ir50-syntfer", tmp_path / "a.pth", "--out", tmp_path / "model")
    assert result.exit_code == 1 and "another architecture" in result.stderr
    assert not (tmp_path / "model").exists()
