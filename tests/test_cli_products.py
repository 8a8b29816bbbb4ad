"""Pictures in and out on the command line: ingest, export, train, evaluate, report."""

import json

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


def called(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def run(fakes, tmp_path, monkeypatch):
    """A finished run of 56 painted pictures."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    assert called("run", "recipe.toml", "--out", "run", "--executor", "serial").exit_code == 0
    return tmp_path / "run"


def test_a_run_is_exported_and_ingested_again_with_its_labels(run):
    exported = called("export", run, "--to", "faces.zip", "--json")
    assert exported.exit_code == 0, exported.output
    assert json.loads(exported.stdout)["records"] == 56
    ingested = called("ingest", "faces.zip", "--out", "again", "--workers", "1", "--json")
    assert ingested.exit_code == 0, ingested.output
    summary = json.loads(ingested.stdout)
    assert (summary["samples"], summary["accepted"], summary["classes"]["fear"]) == (56, 56, 8)
    assert summary["steps"] == ["plan", "ingest", "hash", "dedupe", "select"]


def test_ingest_counts_what_cannot_be_read_and_leaves_duplicates_out(run, tmp_path):
    called("export", run, "--to", "faces")
    anger = sorted((tmp_path / "faces").rglob("anger/*.png"))
    (anger[0].parent / "copy.png").write_bytes(anger[1].read_bytes())
    anger[0].write_bytes(b"not a picture")
    summary = json.loads(called("ingest", "faces", "--out", "again", "--workers", "1", "--json").stdout)
    assert summary["rejected"] == {"duplicate": 1, "problem": 1}
    assert summary["accepted"] == 55
    assert summary["problems"]["ingest"] == {"not_a_picture": 1}


def test_ingest_without_dedupe_only_reads(run):
    called("export", run, "--to", "faces.zip")
    summary = json.loads(
        called("ingest", "faces.zip", "--out", "again", "--no-dedupe", "--workers", "1", "--json").stdout
    )
    assert summary["steps"] == ["plan", "ingest"]


def test_what_cannot_be_ingested_is_named(run, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    result = called("ingest", "letter.txt", "--out", "again")
    assert result.exit_code == 1
    assert "letter.txt" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_format_is_answered_with_the_nearest(run):
    result = called("export", run, "--to", "faces", "--format", "clas_folder")
    assert result.exit_code == 1
    assert 'Did you mean "class_folder"' in result.stderr


def test_a_folder_that_is_no_run_cannot_be_exported(run, tmp_path):
    result = called("export", tmp_path, "--to", "faces")
    assert result.exit_code == 1
    assert "not a run folder" in result.stderr


def trained(run, *more):
    return called("train", run, "--out", "model", "--epochs", "2", "--threads", "1", "--size", "16", *more)


def test_train_then_evaluate_prints_figures_with_intervals(run):
    result = trained(run, "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["stopped"] == "finished"
    evaluated = called("evaluate", "model", "--on", run, "--out", "figures.json", "--json")
    assert evaluated.exit_code == 0, evaluated.output
    found = json.loads(evaluated.stdout)
    for name in ("accuracy", "uar", "macro_f1", "ece"):
        assert set(found[name]) == {"value", "n", "low", "high"}
    assert found["accuracy"]["n"] == 56
    assert 0 < found["seen_in_training"]["count"] <= facts["pictures"] == 56
    assert json.loads((run.parent / "figures.json").read_text()) == found


def test_evaluate_for_a_person_has_the_confusion_matrix(run):
    trained(run)
    shown = called("evaluate", "model", "--on", run).stdout
    assert "accuracy (WAR)" in shown
    assert "happiness" in shown


def test_a_time_budget_ends_training_and_says_how_to_go_on(run):
    first = trained(run, "--time-budget-s", "0.001")
    assert first.exit_code == 0, first.output
    assert "give the same command again" in first.stdout
    assert json.loads(trained(run, "--json").stdout)["stopped"] == "finished"


def test_a_model_that_is_not_there_is_named(run):
    result = called("evaluate", "nowhere", "--on", run)
    assert result.exit_code == 1
    assert "nowhere holds no model" in result.stderr


def test_a_report_is_one_file_where_asked(run):
    result = called("report", run, "--out", "page.html", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["report"] == "page.html"
    assert (run.parent / "page.html").read_text().lstrip().lower().startswith("<!doctype html>")
