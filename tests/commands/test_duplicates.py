import json

import numpy as np
import pytest
from typer.testing import CliRunner

from facsim.cli import app
from facsim.formats import write_records
from facsim.formats.record import Record
from facsim.pictures import encode_png


def faces(tmp_path, name, *labelled):
    rng = [np.random.default_rng(seed) for seed, _ in labelled]
    records = [
        Record(name=f"{i}.png", image=encode_png(g.integers(0, 255, (24, 24, 3)).astype(np.uint8)), expression=label)
        for i, (g, (_, label)) in enumerate(zip(rng, labelled, strict=True))
    ]
    write_records(records, tmp_path / name, format="class_folder")
    return str(tmp_path / name)


@pytest.fixture
def sets(tmp_path):
    one = faces(tmp_path, "one", (0, "fear"), (1, "anger"), (1, "sadness"))
    other = faces(tmp_path, "other", (0, "surprise"), (2, "fear"))
    return one, other


def test_crossing_and_conflicting_groups_are_counted_and_listed(sets, tmp_path):
    found = CliRunner().invoke(app, ["duplicates", *sets, "--json", "--out", str(tmp_path / "g.json")])
    assert found.exit_code == 1
    data = json.loads(found.stdout)
    assert (data["groups"], data["crossing"], data["conflicting"], data["crossing_conflicting"]) == (2, 1, 2, 1)
    assert json.loads((tmp_path / "g.json").read_text()) == data
    assert data["listed"][0]["labels"] in (["fear", "surprise"], ["anger", "sadness"])


def test_the_text_shows_the_labels_that_conflict(sets):
    text = CliRunner().invoke(app, ["duplicates", *sets]).stdout
    assert "1, 1 of them with conflicting labels" in text
    assert "surprise" in text


def test_a_set_without_copies_ends_with_0(tmp_path):
    found = CliRunner().invoke(app, ["duplicates", faces(tmp_path, "one", (0, "fear"), (1, "fear"))])
    assert found.exit_code == 0
    assert "groups of copies  0" in found.stdout
