"""facsim.learn.protocols.alignment: rows with and without, and references that no test may share."""

import pytest

from facsim.errors import RecipeError


def test_rows_with_and_without_alignment(results_of):
    tables = (
        '[alignment]\nset = "a"\nreference = "b"\nrows = ["plain", "random", "selected", "loss", "selected+loss"]\n'
    )
    results = results_of("alignment", tables)
    assert [one.row for one in results.measurements] == ["plain", "random", "selected", "loss", "selected+loss"]
    plain, random, selected, loss, both = results.trainings
    assert (plain.n, random.n, selected.n, loss.n, both.n) == (140, 70, 70, 140, 70)
    assert plain.reference == selected.reference == "" and loss.reference == both.reference != ""
    assert loss.config["alignment"] == 0.1 and plain.config["alignment"] == 0
    assert selected.facts["after"] < selected.facts["before"]
    assert selected.facts["extractor_sha256"] == plain.model_sha256
    assert ("selected", "random") in {(one.row, one.against) for one in results.comparisons}


def test_classes_are_matched_one_by_one_where_asked_for(results_of):
    tables = '[alignment]\nset = "a"\nreference = "b"\nrows = ["plain", "selected"]\nper_class = true\n'
    results = results_of("alignment", tables, train={"steps": 40, "batch_size": 16})
    assert results.trainings[1].contents["a"] == dict.fromkeys(results.classes, 10)


def test_a_reference_that_shares_pictures_with_a_test_is_refused(results_of, folders):
    leak = f'[[set]]\nname = "leak"\nsource = "{folders["test"]}"\n'
    with pytest.raises(RecipeError, match=r'70 pictures of the test "test".*without = \["test"\]'):
        results_of("alignment", leak + '[alignment]\nset = "a"\nreference = "leak"\n')


def test_an_extractor_that_saw_the_test_is_refused(results_of, folders, tmp_path):
    from facsim.learn.sources import load_pictures
    from facsim.learn.train import train
    from facsim.learn.training_config import TrainingConfig

    pictures = load_pictures(folders["test"], size_px=16)
    config = TrainingConfig(steps=2, batch_size=8, validation="none", threads=1)
    folder = train(pictures, config, out=tmp_path / "model").folder
    with pytest.raises(RecipeError, match="what the extractor"):
        results_of("alignment", f'[alignment]\nset = "a"\nreference = "b"\nextractor = "{folder}"\n')
