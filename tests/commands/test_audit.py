"""`facsim audit` on the command line: files, exit codes, what is refused."""

import json

import numpy as np
import pytest
from PIL import Image
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


def called(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def faces(place, seeds):
    (place / "anger").mkdir(parents=True)
    for seed in seeds:
        coarse = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
        Image.fromarray(coarse).resize((48, 48)).save(place / "anger" / f"{seed}.png")
    return place


@pytest.fixture
def run(fakes, tmp_path):
    """A finished run of 56 painted pictures."""
    (tmp_path / "recipe.toml").write_text(RECIPE)
    assert called("run", tmp_path / "recipe.toml", "--out", tmp_path / "run", "--executor", "serial").exit_code == 0
    return tmp_path / "run"


def test_an_audit_of_a_run_lies_in_the_run(run):
    result = called("audit", run, "--min-cell", "1", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["set"]["pictures"] == 56
    assert json.loads((run / "audit" / "audit.json").read_text()) == found
    assert (run / "audit" / "audit.html").read_text().lstrip().startswith("<!DOCTYPE html>")


def test_a_person_is_shown_counts_and_findings(run, tmp_path):
    result = called("audit", run, "--against", faces(tmp_path / "real", range(60)), "--out", tmp_path / "out")
    assert "against      60 pictures of real" in result.stdout
    assert "fid_random@" in result.stdout
    assert "warning " in result.stdout


def test_copies_of_the_reference_end_with_1_and_the_files_are_there(tmp_path):
    own, real = faces(tmp_path / "own", range(8)), faces(tmp_path / "real", range(5, 9))
    result = called("audit", own, "--against", real, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "error   3 pictures are in the reference" in result.stdout
    assert (tmp_path / "out" / "audit.html").exists()


def test_an_axis_that_is_not_there_is_answered_with_those_there_are(run):
    result = called("audit", run, "--by", "gendre")
    assert result.exit_code == 1
    assert 'Did you mean "gender"' in result.stderr
    assert "Traceback" not in result.stderr


def test_a_source_that_is_not_there_is_named(tmp_path):
    result = called("audit", tmp_path / "nowhere")
    assert result.exit_code == 1
    assert "nowhere" in result.stderr


def test_a_recipe_asks_for_its_audit(fakes, tmp_path):
    recipe = tmp_path / "audited.toml"
    recipe.write_text(RECIPE + '[audit]\nby = ["gender"]\nmin_cell = 5\n')
    assert called("run", recipe, "--out", tmp_path / "made", "--executor", "serial").exit_code == 0
    found = json.loads((tmp_path / "made" / "audit" / "audit.json").read_text())
    assert list(found["groups"]) == ["gender"] and found["cells"]["least"] == 5
    record = json.loads((tmp_path / "made" / "products" / "audit.json").read_text())
    assert record["facts"]["pictures"] == 56 and "random_judge" in record["facts"]["findings"]


def test_an_audit_that_a_recipe_cannot_have_is_refused_before_the_run(fakes, tmp_path):
    recipe = tmp_path / "audited.toml"
    recipe.write_text(RECIPE + "[audit]\nmin_cell = 0\n")
    result = called("run", recipe, "--out", tmp_path / "made", "--executor", "serial")
    assert result.exit_code == 1 and "audit.min_cell is 0" in result.stderr
    assert not (tmp_path / "made").exists()
