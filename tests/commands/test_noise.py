import json

import numpy as np
import pytest
from typer.testing import CliRunner

from facsim.cli import app
from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.formats import write_records
from facsim.formats.record import Record
from facsim.learn.predictions import Predictions, read_predictions, write_predictions
from facsim.pictures import encode_png


@pytest.fixture
def held(tmp_path):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 7, 300)
    labels = np.where(np.arange(300) % 10 == 0, (truth + 3) % 7, truth)
    scores = np.full((300, 7), 0.02)
    scores[np.arange(300), truth] = 0.88
    predictions = Predictions(
        ids=tuple(f"{i:03d}.png" for i in range(300)),
        truth=tuple(SEVEN_EXPRESSIONS[k] for k in labels),
        classes=SEVEN_EXPRESSIONS,
        scores=scores.astype(np.float32),
        seen=("",) * 300,
        facts={},
    )
    return str(write_predictions(predictions, tmp_path / "p.parquet"))


def test_wrong_labels_of_a_predictions_file_are_named(held):
    pytest.importorskip("cleanlab", reason="cleanlab (the extra `noise`) is not installed")
    data = json.loads(CliRunner().invoke(app, ["noise", held, "--json"]).stdout)
    assert (data["pictures"], data["issues"]) == (300, 30)
    assert all(int(row["id"][:3]) % 10 == 0 for row in data["listed"])
    assert data["share"]["low"] < 0.1 < data["share"]["high"]
    assert "probably wrong" in CliRunner().invoke(app, ["noise", held]).stdout


def test_without_cleanlab_the_command_names_the_extra_and_keeps_the_scores(held, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    found = CliRunner().invoke(app, ["noise", held, "--out", str(tmp_path / "kept.json")])
    assert found.exit_code == 1
    assert "facsim[noise]" in found.output
    assert len(read_predictions(tmp_path / "kept.json")) == 300


def test_a_set_is_answered_by_folds_and_the_scores_are_kept(tmp_path):
    rng = np.random.default_rng(1)
    records = [
        Record(
            name=f"{i:02d}.png",
            image=encode_png(rng.integers(100 * (i % 2), 100 * (i % 2) + 99, (48, 48, 3)).astype(np.uint8)),
            expression=("fear", "anger")[i % 2],
        )
        for i in range(30)
    ]
    write_records(records, tmp_path / "faces", format="class_folder")
    out = tmp_path / "folds.parquet"
    words = ["noise", str(tmp_path / "faces"), "--folds", "2", "--steps", "2", "--work", str(tmp_path / "w")]
    CliRunner().invoke(app, [*words, "--out", str(out)])
    kept = read_predictions(out)
    assert (len(kept), kept.facts["out_of_fold"], set(kept.seen)) == (30, 2, {""})
    assert np.allclose(kept.scores.sum(axis=1), 1, atol=1e-3)
