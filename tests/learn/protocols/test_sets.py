"""facsim.learn.protocols.sets: what a recipe's sets hold: labels, parts, quotas, what is left out, and run recipes."""

import csv
import dataclasses

import numpy as np
import pytest

from facsim import stage
from facsim.errors import FormatError, RecipeError
from facsim.learn.data import is_chooser
from facsim.learn.protocols.sets import Shelf
from facsim.learn.sources import load_pictures

VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")


@pytest.fixture
def shelf_of(recipe_of, tmp_path):
    def make(tables: str, **changes):
        return Shelf(recipe=recipe_of("matrix", tables, **changes), out=tmp_path / "out")

    return make


def entry(name: str, folders, which: str, more: str) -> str:
    return f'[[set]]\nname = "{name}"\nsource = "{folders[which]}"\n{more}\n'


def test_a_set_of_so_much_is_another_draw_for_every_seed(shelf_of, folders):
    shelf = shelf_of(entry("c", folders, "a", "share = 0.5"))
    one, other = (shelf.training("c", seed=seed).pictures for seed in (0, 1))
    assert len(one) == len(other) == 70 and set(one.ids) != set(other.ids)


def test_pictures_of_a_test_can_be_left_out_and_are_counted(shelf_of, folders):
    shelf = shelf_of(entry("c", folders, "test", 'without = ["test"]') + entry("d", folders, "a", 'without = ["test"]'))
    with pytest.raises(RecipeError, match="holds no picture"):
        shelf.training("c", seed=0)
    assert len(shelf.training("d", seed=0).pictures) == 140


def test_the_fixed_tenth_and_the_rest_are_apart(shelf_of, folders):
    shelf = shelf_of(entry("c", folders, "a", 'part = "chooser"') + entry("d", folders, "a", 'part = "rest"'))
    chosen, rest = (shelf.training(name, seed=0).pictures for name in ("c", "d"))
    assert all(is_chooser(name) for name in chosen.ids) and not any(is_chooser(name) for name in rest.ids)
    assert len(chosen) + len(rest) == 140


def votes_file(path, names, chosen):
    """FER+'s joined layout: eight votes for what is chosen of each picture, two for neutral."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *VOTES])
        for name, expression in zip(names, chosen, strict=True):
            writer.writerow([name, *(8 if vote == expression else 2 if vote == "neutral" else 0 for vote in VOTES)])
    return path


def test_a_majority_of_raters_labels_a_test_and_others_are_counted(shelf_of, folders, tmp_path):
    plain = shelf_of("").test("test")
    chosen = ["happiness"] * 40 + ["contempt"] * 20
    votes = votes_file(tmp_path / "votes.csv", plain.ids[:60], chosen)
    found = shelf_of(
        f'[[test]]\nname = "voted"\nsource = "{folders["test"]}"\nlabel = "majority"\nvotes = "{votes}"\n'
        'outside = "leave_out"\n'
    ).test("voted")
    assert set(found.labels) == {"happiness"} and len(found) == 40
    assert found.left_out == {"unlabelled": 10, "outside_classes": 20}
    assert "FER+ majority" in found.origin


def test_soft_votes_are_distributions_over_the_classes(shelf_of, folders, tmp_path):
    plain = shelf_of("").test("test")
    votes = votes_file(tmp_path / "votes.csv", plain.ids, ["happiness"] * 70)
    shelf = shelf_of(entry("c", folders, "test", f'label = "soft"\nvotes = "{votes}"\noutside = "leave_out"'))
    found = shelf.training("c", seed=0).pictures
    assert np.allclose(found.targets.max(axis=1), 0.8) and set(found.labels) == {"happiness"}


def test_hard_labels_are_the_likeliest_class_of_soft_ones(shelf_of, folders, monkeypatch):
    def softened(*given, **more):
        found = load_pictures(*given, **more)
        return dataclasses.replace(found, targets=0.65 * found.targets + 0.05)

    monkeypatch.setattr("facsim.learn.protocols.sets.load_pictures", softened)
    shelf = shelf_of(entry("c", folders, "a", "") + entry("d", folders, "a", 'label = "hard"'))
    soft, hard = (shelf.training(name, seed=0).pictures for name in ("c", "d"))
    assert np.allclose(soft.targets.max(axis=1), 0.7) and np.all(hard.targets.max(axis=1) == 1.0)
    assert soft.labels == hard.labels and "hard labels" in hard.origin


def test_a_label_outside_the_classes_is_refused_unless_left_out(shelf_of, folders):
    few = ("anger", "fear")
    with pytest.raises(FormatError, match="expected one of anger, fear"):
        shelf_of("", classes=few).training("a", seed=0)
    shelf = shelf_of(entry("c", folders, "a", 'outside = "leave_out"'), classes=few)
    found = shelf.training("c", seed=0).pictures
    assert len(found) == 40 and found.left_out == {"outside_classes": 100}


def test_a_test_that_joins_sets_is_refused(shelf_of):
    shelf = shelf_of('[[test]]\nname = "c"\nof = [{ set = "a" }, { set = "b" }]\n')
    with pytest.raises(RecipeError, match="test on each of them"):
        shelf.test("c")


def test_a_mixture_may_join_mixtures(shelf_of):
    shelf = shelf_of(
        '[[set]]\nname = "c"\nof = [{ set = "a", per_class = 4 }, { set = "b", per_class = 2 }]\n'
        '[[set]]\nname = "d"\nof = [{ set = "c" }, { set = "a", share = 0.1 }]\nper_class = 3\n'
    )
    found = shelf.training("d", seed=0)
    assert len(found.pictures) == 21 and len(set(found.pictures.ids)) == 21


def test_a_set_is_topped_up_with_another(shelf_of):
    shelf = shelf_of('[[set]]\nname = "c"\nof = [{ set = "a", share = 0.1 }, { set = "b" }]\ntop_up_to = 5\n')
    found = shelf.training("c", seed=0)
    assert found.contents["a"]["fear"] == 2 and found.contents["b"]["fear"] == 3


def test_a_run_recipe_is_run_once_a_seed(shelf_of, tmp_path, monkeypatch):
    monkeypatch.setitem(stage.BUILT_IN, "painted", "facsim.testing:Painted")
    monkeypatch.setattr("facsim.runner.run", _serial(monkeypatch))
    (tmp_path / "painted.toml").write_text('[plan]\ncount = 14\nseed = 5\n[[step]]\nuse = "painted"\n')
    tables = '[[set]]\nname = "c"\nsource = "painted.toml"\n[[test]]\nname = "d"\nsource = "painted.toml"\n'
    shelf = shelf_of(tables)
    one, other = (shelf.training("c", seed=seed).pictures for seed in (0, 1))
    assert len(one) == 14 and set(one.ids).isdisjoint(other.ids)
    assert set(shelf.test("d").ids).isdisjoint({*one.ids, *other.ids}), "a test keeps the recipe's own seed"
    assert len(list((tmp_path / "out" / "runs").iterdir())) == 3


def _serial(monkeypatch):
    """The runner in this process: worker processes do not know the painted source."""
    from facsim.runner import run

    return lambda recipe, out, **options: run(recipe, out, executor="serial", on_progress=options["on_progress"])


def test_a_recipe_without_a_plan_is_refused_as_a_source(shelf_of, tmp_path, folders):
    (tmp_path / "x.toml").write_text(f'[[input]]\npath = "{folders["a"]}"\n')
    shelf = shelf_of('[[set]]\nname = "c"\nsource = "x.toml"\n')
    with pytest.raises(RecipeError, match="no \\[plan\\]"):
        shelf.training("c", seed=0)


def test_sources_are_read_once(shelf_of, monkeypatch):
    shelf = shelf_of("")
    first = shelf.training("a", seed=0).pictures
    monkeypatch.setattr("facsim.learn.protocols.sets.load_pictures", lambda *_, **__: pytest.fail("read again"))
    again = dataclasses.replace(shelf).training("a", seed=1).pictures
    assert first.fingerprint == again.fingerprint
