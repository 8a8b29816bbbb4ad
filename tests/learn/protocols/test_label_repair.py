"""facsim.learn.protocols.label_repair: the rule by hand, and voters that may not judge."""

import dataclasses

import numpy as np
import pytest

from facsim.errors import RecipeError
from facsim.learn.leaks import HASHES_FILE
from facsim.learn.protocols.label_repair import repaired, votes_agree
from facsim.learn.sources import load_pictures
from facsim.learn.train import train
from facsim.learn.training_config import TrainingConfig

TARGETS = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32)
BALLOTS = np.array(
    [
        [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.7, 0.2, 0.1]],
        [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]],
        [[0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.3, 0.6, 0.1]],
    ],
    dtype=np.float32,
)


@pytest.mark.parametrize(
    ("agree", "kept"),
    [("majority", [True, False, False]), ("any", [True, True, True]), ("all", [False, False, False])],
)
def test_a_target_stays_where_so_many_voters_call_it_so(agree, kept):
    assert votes_agree(TARGETS, BALLOTS, agree=agree).tolist() == kept


def test_half_of_the_voters_are_no_majority():
    assert not votes_agree(TARGETS[:1], BALLOTS[[0, 2], :1], agree="majority").any()


def test_a_soft_label_is_the_mean_of_the_predictions_where_they_disagree():
    labels = repaired(TARGETS, BALLOTS, agree="majority", hard=False)
    assert labels[0].tolist() == [1, 0, 0]
    assert labels[1] == pytest.approx([0.3, 0.6, 0.1], abs=1e-6)


def test_a_rectified_hard_label_is_the_first_class_of_that_mean():
    labels = repaired(TARGETS, BALLOTS, agree="majority", hard=True)
    assert labels.tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]


def test_three_rows_are_trained_and_say_what_was_changed(results_of):
    results = results_of("label-repair", '[label_repair]\nset = "a"\nvoter_sets = ["b"]\nnoise = 0.3\n')
    assert [one.row for one in results.measurements] == ["target", "hard", "soft"]
    hard, soft = (one.facts for one in results.findings)
    assert hard["changed"] == soft["changed"] > 0
    assert 0.55 < hard["as_asked_before"] < 0.85, "about 30 % of the labels were spoilt"
    assert len({one.pictures for one in results.trainings}) == 3
    assert {(one.row, one.against) for one in results.comparisons} == {
        ("hard", "target"),
        ("soft", "target"),
        ("soft", "hard"),
    }


@pytest.fixture
def model_of(folders, tmp_path):
    def make(which: str) -> str:
        pictures = load_pictures(folders[which], size_px=16)
        config = TrainingConfig(steps=2, batch_size=8, validation="none", threads=1, seed=5)
        return str(train(pictures, config, out=tmp_path / f"model-{which}").folder)

    return make


def test_voters_are_given_by_path_too(results_of, model_of):
    results = results_of(
        "label-repair", f'[label_repair]\nset = "a"\nvoters = ["{model_of("b")}"]\nrows = ["target", "soft"]\n'
    )
    assert results.findings[0].facts["voters"][0]["trained_on"].startswith("b")


def test_a_voter_that_saw_the_test_is_refused(results_of, model_of):
    with pytest.raises(RecipeError, match='trained on 70 pictures of the test "test"; voters never judge'):
        results_of("label-repair", f'[label_repair]\nset = "a"\nvoters = ["{model_of("test")}"]\n')


def test_a_voter_trained_here_on_the_test_is_refused(results_of, folders):
    tables = f'[[set]]\nname = "leak"\nsource = "{folders["test"]}"\n[label_repair]\nset = "a"\nvoter_sets = ["leak"]\n'
    with pytest.raises(RecipeError, match="voters never judge"):
        results_of("label-repair", tables)


def test_a_voter_that_does_not_say_what_it_saw_is_refused(results_of, model_of):
    from pathlib import Path

    folder = Path(model_of("b"))
    (folder / HASHES_FILE).unlink()
    with pytest.raises(RecipeError, match="does not say which pictures"):
        results_of("label-repair", f'[label_repair]\nset = "a"\nvoters = ["{folder}"]\n')


def test_a_voter_on_the_set_itself_is_refused(results_of):
    with pytest.raises(RecipeError, match="repeats its labels"):
        results_of("label-repair", '[label_repair]\nset = "a"\nvoter_sets = ["a"]\n')


def test_a_model_that_is_its_own_voter_is_refused(results_of, recipe_of, tmp_path):
    """The tested model's own weights, copied, as a voter: found by their checksum."""
    from facsim.learn.protocols.label_repair import LabelRepair
    from facsim.learn.protocols.outcome import Trained

    results = results_of("label-repair", '[label_repair]\nset = "a"\nvoter_sets = ["b"]\nrows = ["target", "soft"]\n')
    soft = results.trainings[1]
    copied = dataclasses.replace(
        soft, facts={**soft.facts, "voters": [{"sha256": soft.model_sha256, "trained_on": "x"}]}
    )
    trained = Trained(cells=(_cell(),), trainings=(copied,), calls={}, tests={})
    with pytest.raises(RecipeError, match="one of the voters"):
        LabelRepair(set="a", voter_sets=("b",)).outcome(None, trained)


def _cell():
    from facsim.learn.protocols.runs import Cell

    return Cell(row="soft", set="a", seed=0, material=lambda: None)
