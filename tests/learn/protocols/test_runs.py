"""facsim.learn.protocols.running and runs: cells found again, resumed, shared out and merged; damaged ones refused."""

import dataclasses
import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from facsim.errors import ManifestError, RecipeError
from facsim.learn.evaluate import PREPROCESSING_VERSION
from facsim.learn.leaks import load_training_hashes
from facsim.learn.protocols import learners, runs
from facsim.learn.protocols.holding import held_folder
from facsim.learn.protocols.results import read_results
from facsim.learn.protocols.running import run_protocol, shard_of
from facsim.models.weights import WEIGHTS_FILE, load_classifier

ROWS = '[matrix]\nrows = ["a", "b", "a + half b"]\n'
MIXED = '[[set]]\nname = "a + half b"\nof = [{ set = "a" }, { set = "b", share = 0.5 }]\n'


def cells_of(folder):
    return sorted(path for path in (folder / "cells").iterdir())


def figures(results):
    return [(one.row, one.test, one.figures, one.recall) for one in results.measurements]


def test_a_matrix_trains_every_set_and_writes_what_it_found(results_of, tmp_path):
    results = results_of("matrix", MIXED + ROWS, seeds=(0, 1))
    assert [one.row for one in results.measurements] == ["a", "b", "a + half b"]
    assert {one.seeds for one in results.measurements} == {(0, 1)}
    assert len(results.trainings) == len(cells_of(tmp_path / "out")) == 6
    assert read_results(tmp_path / "out" / "results.json") == results
    assert (tmp_path / "out" / "table.md").stat().st_size and (tmp_path / "out" / "figure.svg").stat().st_size


def test_scores_say_what_they_stand_on(results_of, tmp_path):
    results = results_of("matrix", MIXED + ROWS)
    joined = results.trainings[2]
    assert joined.contents["a + half b"] if "a + half b" in joined.contents else joined.contents["b"]["fear"] == 10
    assert joined.n == 210 and len(joined.pictures) == 32
    assert joined.extractor["network"] == "small_cnn"
    assert joined.preprocessing["size_px"] == 16 and joined.preprocessing["version"] == PREPROCESSING_VERSION
    assert joined.classes == results.classes
    model = load_classifier(tmp_path / "out" / "cells" / joined.id / "model")
    assert model.sha256 == joined.model_sha256 and "a: 140 of" in model.provenance["trained_on"]
    assert results.tests[0].n == 70 and len(results.tests[0].fingerprint) == 32


def test_finished_cells_are_found_again_and_not_trained_again(results_of, monkeypatch):
    first = results_of("matrix", MIXED + ROWS)
    monkeypatch.setitem(runs.LEARNERS, "train", lambda *_: pytest.fail("trained again"))
    again = results_of("matrix", MIXED + ROWS)
    assert figures(again) == figures(first) and again.trainings == first.trainings


def test_another_protocol_finds_the_same_cells(results_of, monkeypatch):
    results_of("matrix", '[matrix]\nrows = ["a", "b"]\n')
    monkeypatch.setitem(runs.LEARNERS, "train", lambda *_: pytest.fail("trained again"))
    found = results_of("scaling", '[scaling]\nsets = ["a"]\nbase_set = "b"\nfactors = [1.0]\nbeside = ["b"]\n')
    assert [one.row for one in found.measurements] == ["b", "a, 1×"]


def test_a_new_test_is_scored_by_the_models_that_are_there(results_of, monkeypatch, folders):
    results_of("matrix", '[matrix]\nrows = ["a"]\n')
    monkeypatch.setitem(runs.LEARNERS, "train", lambda *_: pytest.fail("trained again"))
    more = f'[[test]]\nname = "again"\nsource = "{folders["b"]}"\n'
    assert len(results_of("matrix", more + '[matrix]\nrows = ["a"]\n').measurements) == 2


def test_a_set_learnt_after_another_begins_from_its_weights_and_has_seen_both(
    results_of, tmp_path, folders, monkeypatch
):
    later = f'[[set]]\nname = "b after a"\nsource = "{folders["b"]}"\nafter = "a"\n'
    results = results_of("matrix", later + '[matrix]\nrows = ["b after a", "a", "b"]\n')
    after, first, alone = results.trainings
    assert after.facts == {"after": "a", "after_training": first.id}
    assert after.extractor["initial_sha256"] == hashlib.sha256(weights_of(tmp_path / "out", first)).hexdigest()
    assert after.pictures == alone.pictures and after.id != alone.id and after.model_sha256 != alone.model_sha256
    assert len(cells_of(tmp_path / "out")) == 3, "what comes first is the row of that name, trained once"
    seen = load_training_hashes(tmp_path / "out" / "cells" / after.id / "model")
    assert seen is not None and len(np.unique(seen)) == len(
        np.unique(np.concatenate([seen_by(tmp_path, one) for one in (first, alone)]))
    )
    monkeypatch.setitem(runs.LEARNERS, "train", lambda *_: pytest.fail("trained again"))
    assert results_of("matrix", later + '[matrix]\nrows = ["b after a"]\n').trainings == (after,)


def weights_of(folder, training):
    return (folder / "cells" / training.id / "model" / WEIGHTS_FILE).read_bytes()


def seen_by(folder, training):
    return load_training_hashes(folder / "out" / "cells" / training.id / "model")


def test_other_settings_make_other_cells(results_of, tmp_path):
    results_of("matrix", '[matrix]\nrows = ["a"]\n')
    results_of("matrix", '[matrix]\nrows = ["a"]\n', train={"steps": 3, "batch_size": 8})
    assert len(cells_of(tmp_path / "out")) == 2


def test_a_killed_protocol_goes_on_where_it_was(results_of, recipe_of, tmp_path, monkeypatch):
    whole = results_of("matrix", MIXED + ROWS)
    trained = []

    def dying(*arguments):
        if len(trained) == 1:
            raise KeyboardInterrupt
        trained.append(arguments)
        return learners.learn_by_training(*arguments)

    monkeypatch.setitem(runs.LEARNERS, "train", dying)
    with pytest.raises(KeyboardInterrupt):
        run_protocol(recipe_of("matrix", MIXED + ROWS), tmp_path / "other", threads=1)
    monkeypatch.setitem(runs.LEARNERS, "train", learners.learn_by_training)
    again = run_protocol(recipe_of("matrix", MIXED + ROWS), tmp_path / "other", threads=1)
    assert figures(again) == figures(whole)
    assert [one.model_sha256 for one in again.trainings] == [one.model_sha256 for one in whole.trainings]


def test_shards_merged_equal_one_process(results_of, recipe_of, tmp_path, monkeypatch):
    whole = results_of("matrix", MIXED + ROWS, seeds=(0, 1))
    recipe = recipe_of("matrix", MIXED + ROWS, seeds=(0, 1))
    for part in ((1, 2), (2, 2)):
        assert run_protocol(recipe, tmp_path / "shards", shard=part, threads=1) is None
    assert len(cells_of(tmp_path / "shards")) == 6 and not (tmp_path / "shards" / "results.json").exists()
    monkeypatch.setitem(runs.LEARNERS, "train", lambda *_: pytest.fail("trained again"))
    assert figures(run_protocol(recipe, tmp_path / "shards", threads=1)) == figures(whole)


@pytest.mark.parametrize("text", ["", "0/2", "3/2", "1/0", "a/b", "1", "-1/2"])
def test_a_wrong_shard_is_refused(text):
    with pytest.raises(RecipeError, match="i/n"):
        shard_of(text)


def test_a_damaged_cell_is_refused_and_trained_anew_once_deleted(results_of, tmp_path):
    results_of("matrix", '[matrix]\nrows = ["a"]\n')
    (cell,) = cells_of(tmp_path / "out")
    (cell / "cell.json").write_text("{}")
    with pytest.raises(ManifestError, match="delete it"):
        results_of("matrix", '[matrix]\nrows = ["a"]\n')
    (cell / "cell.json").unlink()
    assert results_of("matrix", '[matrix]\nrows = ["a"]\n').trainings[0].steps == 2


def test_damaged_scores_are_refused(results_of, tmp_path):
    results_of("matrix", '[matrix]\nrows = ["a"]\n')
    (file,) = (tmp_path / "out" / "cells").glob("*/tests/*.npz")
    file.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ManifestError, match="delete it"):
        results_of("matrix", '[matrix]\nrows = ["a"]\n')


def test_a_test_picture_that_was_trained_on_counts_as_seen(results_of, folders):
    tables = f'[[set]]\nname = "leak"\nsource = "{folders["test"]}"\nshare = 0.5\n[matrix]\nrows = ["leak", "a"]\n'
    leaky, clean = results_of("matrix", tables).measurements
    assert leaky.seen == (35,) and leaky.near == (0,)  # near copies are counted beside those
    assert clean.seen == (0,)


def test_no_test_picture_takes_part_in_training(results_of, recipe_of, tmp_path, folders):
    """Other tests, same models: nothing is chosen on them."""
    first = results_of("matrix", '[matrix]\nrows = ["a"]\n')
    recipe = recipe_of("matrix", '[matrix]\nrows = ["a"]\n')
    other = dataclasses.replace(recipe, tests=(dataclasses.replace(recipe.tests[0], source=folders["b"]),))
    again = run_protocol(other, tmp_path / "elsewhere", threads=1)
    assert again.trainings[0].model_sha256 == first.trainings[0].model_sha256
    assert again.trainings[0].id == first.trainings[0].id


def test_validation_is_drawn_apart_from_training(results_of, tmp_path):
    tables = (
        '[[set]]\nname = "mixed"\nof = [{ set = "a", per_class = 8 }, { set = "b", per_class = 8 }]\n'
        'validation_per_class = 2\n[matrix]\nrows = ["mixed"]\n'
    )
    training = results_of("matrix", tables).trainings[0]
    assert training.n == 7 * 16 and len(training.validation) == 32
    curve = json.loads((tmp_path / "out" / "cells" / training.id / "model" / "training.json").read_text())["curve"]
    assert any("validation_uar" in entry for entry in curve)


def test_results_are_plain_json(results_of, tmp_path):
    results_of("matrix", '[matrix]\nrows = ["a"]\n')
    text = (tmp_path / "out" / "results.json").read_text()
    assert "NaN" not in text and str(tmp_path) not in text.replace(json.loads(text)["environment"]["platform"], "")


def test_scaling_trains_so_many_pictures_and_tells_what_it_lacks(results_of):
    results = results_of("scaling", '[scaling]\nsets = ["a"]\nbase = 70\nfactors = [1.0, 2.0, 3.0]\n')
    assert [one.x for one in results.measurements] == [70, 140, 140]
    assert [one.value for one in results.findings] == [70]
    assert {(one.row, one.against) for one in results.comparisons} == {("a, 2×", "a, 1×"), ("a, 3×", "a, 1×")}


def test_longer_training_with_more_pictures_where_asked_for(results_of):
    results = results_of("scaling", '[scaling]\nsets = ["a"]\nbase = 70\nfactors = [1.0, 2.0]\nlonger = true\n')
    assert [one.steps for one in results.trainings] == [2, 4]


def test_worth_cuts_the_real_set_and_weighs_the_other(results_of):
    results = results_of("worth", '[worth]\nreal = "a"\nsets = ["b"]\nshares = [0.1, 0.5, 1.0]\nmetrics = ["uar"]\n')
    assert [one.x for one in results.measurements] == [14, 70, 140, 140]
    (found,) = results.findings
    assert found.facts["sizes"] == [14, 70, 140] and len(found.facts["scores"]) == 3
    assert np.isclose(found.facts["score"], results.measurements[3].figures["uar"].mean)


@pytest.mark.parametrize(
    ("protocol", "tables", "hint"),
    [
        ("matrix", '[matrix]\nrows = ["aa"]\n', "no \\[\\[set\\]\\]"),
        ("matrix", '[matrix]\nagainst = "c"\n', "no row"),
        ("matrix", '[matrix]\nrwos = ["a"]\n', 'Did you mean "rows"'),
        ("scaling", '[scaling]\nsets = ["a"]\n', "base"),
        ("worth", '[worth]\nreal = "a"\nsets = ["b"]\nshares = [0.5]\n', "at least two"),
        ("worth", '[worth]\nreal = "a"\nsets = ["b"]\nmetrics = ["acuracy"]\n', 'Did you mean "accuracy"'),
        ("alignment", '[alignment]\nset = "a"\nreference = "b"\nrows = ["random"]\n', "lacks"),
        ("label-repair", '[label_repair]\nset = "a"\n', "no voters"),
        ("few-shot", '[few_shot]\npool = "a"\n', "no backbone"),
        ("self-supervised", '[self_supervised]\nlabelled = "a"\non = ["b"]\nways = ["lineer"]\n', "linear"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_anything_is_trained(results_of, protocol, tables, hint, tmp_path):
    with pytest.raises(RecipeError, match=hint):
        results_of(protocol, tables)
    assert not (tmp_path / "out" / "cells").exists()


def test_no_renderer_is_wanted_where_sets_are_given(folders, tmp_path):
    """On a machine that only trains, with neither warp nor the head's data."""
    text = f"""
protocol = "matrix"
[pictures]
size_px = 16
[train]
steps = 2
batch_size = 8
[[set]]
name = "a"
source = "{folders["a"]}"
[[test]]
name = "test"
source = "{folders["test"]}"
"""
    (tmp_path / "recipe.toml").write_text(text)
    program = (
        "import sys; sys.modules.update(warp=None, anny=None)\n"
        "from facsim.cli import app\n"
        f"app(['protocol', {str(tmp_path / 'recipe.toml')!r}, '--out', {str(tmp_path / 'out')!r}, '--threads', '1'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "results.json").exists()


def test_who_finds_a_folder_held_waits_for_it(tmp_path, monkeypatch):
    waited = []

    def wait(_: float) -> None:
        waited.append(holder.poll())
        holder.kill()
        holder.wait()

    monkeypatch.setattr("facsim.learn.protocols.holding.time.sleep", wait)
    program = (
        "import sys, time\n"
        "from facsim.storage import folder_at\n"
        f"with folder_at({str(tmp_path / 'x')!r}).locked():\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    told = []
    with held_folder(tmp_path / "x", told.append):
        assert waited == [None], "waited once, while the other was alive"
    assert told[0].note == "another process has it"
