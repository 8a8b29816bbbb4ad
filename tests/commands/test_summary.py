"""facsim.commands.summary: counts of a run, and what to do next."""

import numpy as np
import pytest

from facsim.commands.summary import run_summary, run_text
from facsim.pictures import encode_png
from facsim.recipe import parse_recipe
from facsim.runner import run

PLAN = '[plan]\ncount = 28\nseed = 3\nrows_per_shard = 10\n[[step]]\nuse = "painted"\n'
SELECT = '[[step]]\nuse = "select"\nby = "expression_target"\nmost = 3\nreject_duplicates = false\n'


@pytest.fixture
def summary_of(tmp_path, fakes):
    """A function: a recipe's text → the summary of its run in a folder of its own."""

    def make(text):
        place = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        return run_summary(run(parse_recipe(text), str(place), executor="serial"), seconds=1.0)

    return make


def test_what_stays_is_counted_by_class_and_what_does_not_by_reason(summary_of):
    found = summary_of(PLAN + SELECT)
    assert (found["samples"], found["accepted"], found["rejected"]) == (28, 21, {"over_quota": 7})
    assert sum(found["classes"].values()) == 21 and set(found["classes"].values()) == {3}
    assert "short" not in found and found["problems"] == {}
    assert found["next"].startswith("facsim train")


def test_what_a_selection_lacks_is_said(summary_of):
    found = summary_of(PLAN + SELECT.replace("most = 3", "quotas = { anger = 6, fear = 2 }"))
    assert found["short"] == {"anger": 2} and found["classes"] == {"anger": 4, "fear": 2}


def test_a_class_of_which_nothing_stays_is_said(summary_of):
    found = summary_of(PLAN + SELECT.replace("most = 3", "quotas = { anger = 4 }"))
    assert set(found["none_left"].values()) == {4} and len(found["none_left"]) == 6
    assert "none left of" in run_text(found) and "anger" not in found["none_left"]
    assert "none_left" not in summary_of(PLAN)


def test_what_a_run_stands_on_is_said(summary_of, tmp_path):
    assert "stands_on" not in summary_of(PLAN)
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs/one.png").write_bytes(encode_png(np.full((8, 8, 3), 90, np.uint8)))
    said = summary_of(f'[[input]]\npath = "{tmp_path}/photographs"\nterms = "no: theirs"\n[[step]]\nuse = "ingest"\n')
    (entry,) = said["stands_on"]
    assert entry["commercial"] == "no" and "(no commercial use)" in run_text(said)


def test_a_run_without_pictures_is_told_to_make_some(summary_of):
    assert summary_of(PLAN[: PLAN.index("[[step]]")])["next"].startswith("facsim stages")


def test_pictures_without_labels_are_not_to_be_trained_on(summary_of, tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    (folder / "one.png").write_bytes(encode_png(np.full((8, 8, 3), 90, np.uint8)))
    (folder / "two.png").write_bytes(b"no picture")
    text = f'[[input]]\npath = "{folder}"\nformat = "pictures"\n[[step]]\nuse = "ingest"\n'
    found = summary_of(text)
    assert (found["samples"], found["accepted"], found["problems"]) == (2, 1, {"ingest": {"not_a_picture": 1}})
    assert found["next"] == f"facsim report {found['run']}"
