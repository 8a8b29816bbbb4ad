"""`facsim ingest --verify` and `--require-commercial`: what they print, and their exit codes."""

import json

import pytest
from typer.testing import CliRunner

from facsim import cli


def called(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def raf_db(tmp_path):
    root = tmp_path / "raf"
    (root / "EmoLabel").mkdir(parents=True)
    (root / "Image/aligned").mkdir(parents=True)
    (root / "EmoLabel/list_patition_label.txt").write_text("train_00001.jpg 4\ntest_0001.jpg 1\n")
    (root / "Image/aligned/train_00001_aligned.jpg").write_bytes(b"x")
    return root


def test_verify_says_what_differs_and_exits_with_1(raf_db):
    result = called("ingest", raf_db, "--verify")
    assert result.exit_code == 1
    assert "raf_db" in result.stdout and "split train: 1 pictures; officially 12271" in result.stdout
    assert "1: Image/aligned/test_0001_aligned.jpg" in result.stdout and "commercial use: no" in result.stdout


def test_verify_json_is_the_whole_of_stdout(raf_db):
    found = json.loads(called("ingest", raf_db, "--verify", "--json").stdout)
    assert found["format"] == "raf_db" and found["fits"] is False and found["missing"]["count"] == 1
    assert found["splits"] == {"test": {"surprise": 1}, "train": {"happiness": 1}}


def test_verify_exits_with_0_where_nothing_differs(tmp_path):
    (tmp_path / "in/happy").mkdir(parents=True)
    (tmp_path / "in/happy/a.png").write_bytes(b"x")
    result = called("ingest", tmp_path / "in", "--verify")
    assert result.exit_code == 0 and "none known for class_folder" in result.stdout
    assert not list(tmp_path.glob("**/run.json"))


def test_ingest_without_a_place_for_the_run_is_wrong_usage(raf_db):
    result = called("ingest", raf_db)
    assert result.exit_code == 2 and "--out DIR is missing" in result.output


def test_commercial_use_is_refused_before_anything_is_written(raf_db, tmp_path):
    result = called("ingest", raf_db, "--require-commercial", "--out", tmp_path / "run")
    assert result.exit_code == 1 and "RAF-DB; commercial: no" in result.output
    assert not (tmp_path / "run").exists()
    recipe = tmp_path / "r.toml"
    recipe.write_text(f'[[input]]\npath = "{raf_db}"\n[[step]]\nuse = "ingest"')
    assert called("run", recipe, "--require-commercial", "--out", tmp_path / "run").exit_code == 1


def test_a_run_of_such_pictures_is_not_exported_for_commerce(raf_db, tmp_path):
    assert called("ingest", raf_db, "--no-dedupe", "--out", tmp_path / "run", "--workers", "1").exit_code == 0
    result = called("export", tmp_path / "run", "--require-commercial", "--to", tmp_path / "out")
    assert result.exit_code == 1 and "RAF-DB; commercial: no" in result.output
    assert not (tmp_path / "out").exists()
