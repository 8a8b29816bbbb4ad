"""facsim train: recipes, flags over them, what is printed, and several processes."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from facsim import cli

RECIPE = """
[plan]
count = 56
seed = 1
[[step]]
use = "painted"
[[step]]
use = "select"
reject_duplicates = false
"""
QUICK = ("--epochs", "1", "--size", "16", "--threads", "1")


def called(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def run(fakes, tmp_path, monkeypatch):
    """A finished run of 56 painted pictures, exported as faces.zip beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    assert called("run", "recipe.toml", "--out", "run", "--executor", "serial").exit_code == 0
    assert called("export", "run", "--to", "faces.zip").exit_code == 0
    return tmp_path / "run"


@pytest.fixture
def theirs(run, tmp_path):
    """The same pictures as a class folder of which nobody says where they come from."""
    assert called("export", "run", "--to", "theirs").exit_code == 0
    (tmp_path / "theirs/metadata.parquet").unlink()
    return tmp_path / "theirs"


def config_of(model) -> dict:
    return json.loads((model / "training.json").read_text())["config"]


def test_show_prints_a_recipe_with_its_sources():
    shown = called("train", "--recipe", "syntfer-ir50", "--show")
    assert shown.exit_code == 0 and "lr = 1.095e-6" in shown.stdout and "arXiv 2605.17483" in shown.stdout


def test_show_as_json_has_every_setting():
    found = json.loads(called("train", "--recipe", "poster-rafdb", "--show", "--json").stdout)
    assert found["train"]["lr"] == 4e-5 and found["train"]["ema"] == 0.0 and found["train"]["momentum"] == 0.9


def test_show_without_a_recipe_names_those_that_there_are():
    refused = called("train", "--show")
    assert refused.exit_code == 2 and "cpu-cnn" in refused.output


def test_source_and_out_are_asked_for():
    assert called("train", "faces.zip").exit_code == 2
    assert called("train", "--out", "model").exit_code == 2


def test_without_a_recipe_the_defaults_are_trained(run, tmp_path):
    assert called("train", run, "--out", "model", *QUICK).exit_code == 0
    found = config_of(tmp_path / "model")
    assert (found["lr"], found["balance"], found["network"], found["epochs"]) == (2e-3, 0.5, "small_cnn", 1.0)


def test_a_flag_that_is_given_replaces_the_recipes_value_and_no_other_does(run, tmp_path):
    (tmp_path / "mine.toml").write_text("[train]\nlr = 0.5\nbalance = 0.25\nlabel_smoothing = 0.3\nseed = 4\n")
    done = called("train", run, "--out", "model", "--recipe", "mine.toml", "--balance", "0", *QUICK)
    assert done.exit_code == 0, done.output
    found = config_of(tmp_path / "model")
    assert (found["lr"], found["balance"], found["label_smoothing"], found["seed"]) == (0.5, 0.0, 0.3, 4)


def test_a_training_begins_from_a_model_and_from_nothing_where_told(run, tmp_path):
    called("train", run, "--out", "first", *QUICK)
    done = called("train", run, "--out", "second", "--initial", "first", "--json", *QUICK)
    assert done.exit_code == 0, done.output
    (tmp_path / "from.toml").write_text('[train]\ninitial = "nowhere"\n')
    assert called("train", run, "--out", "third", "--recipe", "from.toml", *QUICK).exit_code == 1
    assert called("train", run, "--out", "third", "--recipe", "from.toml", "--initial", "", *QUICK).exit_code == 0


def test_weights_of_parts_go_by_part(run):
    refused = called("train", run, "--out", "m", "--recipe", "syntfer-ir50", "--initial", "backbone=x.pth", *QUICK)
    assert refused.exit_code == 1 and "x.pth" in refused.output
    refused = called("train", run, "--out", "m", "--initial", "a.pth", "--initial", "b.pth", *QUICK)
    assert refused.exit_code == 1 and "PART=PATH" in refused.output


def test_pictures_are_held_out_and_aligned_with(run, tmp_path):
    beside = ("--validate-on", "faces.zip", "--reference", "faces.zip", "--alignment", "0.5")
    (tmp_path / "few.toml").write_text(RECIPE.replace("56", "28").replace("seed = 1", "seed = 2"))
    called("run", "few.toml", "--out", "few", "--executor", "serial")
    done = called("train", "few", "--out", "model", "--json", *beside, *QUICK)
    assert done.exit_code == 0, done.output
    card = (tmp_path / "model" / "card.md").read_text()
    assert "features aligned with 56 unlabelled pictures of faces.zip" in card and "validation_pictures: 56" in card


def test_the_result_says_by_what_the_model_was_chosen(run):
    facts = json.loads(called("train", run, "--out", "model", "--json", *QUICK).stdout)
    assert facts["selected_on"].startswith("nothing")


def test_a_run_trains_by_the_same_settings(fakes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = '[train]\nepochs = 1.0\nsize_px = 16\nsam_rho = 0.05\noptimiser = "adam"\nloss = "poster"\n'
    (tmp_path / "recipe.toml").write_text(RECIPE + table)
    done = called("run", "recipe.toml", "--out", "run", "--executor", "serial")
    assert done.exit_code == 0, done.output
    assert config_of(tmp_path / "run" / "model")["sam_rho"] == 0.05


def test_torchrun_trains_with_two_processes_of_which_one_prints(run, tmp_path):
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("-m", "facsim", "train", "faces.zip", "--out", "model", "--json", "--batch-size", "16", *QUICK),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["stopped"] == "finished"
    assert json.loads((tmp_path / "model" / "training.json").read_text())["processes"] == 2


def test_where_commercial_use_is_required_terms_are_asked_for(run, theirs, tmp_path):
    refused = called("train", theirs, "--out", tmp_path / "m", *QUICK, "--require-commercial")
    assert refused.exit_code == 1 and "not known to be" in refused.stderr and not (tmp_path / "m").exists()
    weights = ("--initial", tmp_path / "theirs.pth", "--require-commercial")
    refused = called("train", run, "--out", tmp_path / "m", *QUICK, *weights)
    assert refused.exit_code == 1 and "initial weights" in refused.stderr
    assert called("train", run, "--out", tmp_path / "m", *QUICK, "--require-commercial").exit_code == 0
    exported = called("train", "faces.zip", "--out", tmp_path / "n", *QUICK, "--require-commercial")
    assert exported.exit_code == 0, "what was drawn says so wherever it goes"


def test_a_model_says_what_it_stands_on(run, theirs):
    def stood(source, name, *more):
        trained = called("train", source, "--out", name, *QUICK, *more, "--json")
        assert trained.exit_code == 0, trained.output
        return json.loads(trained.stdout)["stands_on"]

    assert stood(run, "drawn") == []  # renders alone
    ((of, verdict),) = [(one["name"], one["commercial"]) for one in stood(theirs, "found")]
    assert (of, verdict) == ("not stated", "ask")
    later = stood(run, "later", "--initial", "found")
    assert [(one["name"], one["commercial"]) for one in later] == [("found", "ask")]
    assert "trained on theirs" in later[0]["agreement"]
    assert "not stated (commercial use: not said)" in called("train", theirs, "--out", "found", *QUICK).stdout
    assert "facsim's own renders and models alone" in called("train", run, "--out", "drawn", *QUICK).stdout
