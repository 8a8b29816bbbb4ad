from dataclasses import replace

import pytest

from facsim.dataset_card import CARD_FILE, Census, card_place
from facsim.errors import FormatError
from facsim.export import export_run
from facsim.formats import read_records
from facsim.formats.record import Record
from facsim.formats.terms import Terms
from facsim.learn.sources import load_pictures
from facsim.manifest import open_manifest
from facsim.recipe import parse_recipe
from facsim.runner import run

RECIPE = """
[plan]
count = 14
seed = 3
pictures_per_identity = 2

[[step]]
use = "painted"
"""


@pytest.fixture
def made(tmp_path, fakes):
    run(parse_recipe(RECIPE), str(tmp_path / "r"), executor="serial")
    return str(tmp_path / "r")


def card(run_url, to, **asked):
    export_run(run_url, str(to), **asked)
    with open(card_place(str(to)), encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize(
    ("name", "form", "place"),
    [
        ("set", "class_folder", "set/README.md"),
        ("set.zip", "class_folder", "set.zip.md"),
        ("set.tar.gz", "class_folder", "set.tar.gz.md"),
        ("set.parquet", "parquet", "set.parquet.md"),
        ("shards", "webdataset", "shards/README.md"),
        ("set.csv", "fer2013", "set.csv.md"),
    ],
)
def test_every_export_has_its_card_and_reads_as_before(made, tmp_path, name, form, place):
    text = card(made, tmp_path / name, format=form)
    assert (tmp_path / place).is_file() and text.startswith(f'---\npretty_name: "{name.split(".")[0]}"\n')
    assert len(list(read_records(tmp_path / name))) == 14 == len(load_pictures(tmp_path / name))
    assert ("`identity_id`" in text) == (form != "fer2013")  # the challenge's CSV holds no more than labels


def test_a_card_counts_what_was_written(made, tmp_path):
    text = card(made, tmp_path / "faces")
    assert "14 pictures of faces of 7 people" in text and "belong to nobody" in text
    assert text.count("| 2 |") >= 7 and "| anger | 2 |" in text  # seven expressions, two of each
    assert "| feminine |" in text and "Skin tone, Monk scale" in text
    assert 'size_categories: ["n<1K"]' in text and "license:" not in text
    assert 'use = "painted"' in text and 'load_dataset("imagefolder"' in text


def test_whose_terms_a_set_stands_on_is_said(made, tmp_path):
    assert "Drawn and labelled by facsim alone: no third-party terms." in card(made, tmp_path / "own")
    held = open_manifest(made)
    teacher = Terms(name="a | teacher", agreement="<b>research use</b>", commercial="no")
    held.begin_step(replace(held.step("painted"), terms=(teacher,)))
    text = card(made, tmp_path / "theirs")
    assert '| step "painted" | a \\| teacher | &lt;b>research use&lt;/b> | no |' in text
    assert "no third-party terms" not in text and "(`stands_on`)" in text


def test_its_maker_gives_a_licence_in_a_word(made, tmp_path):
    text = card(made, tmp_path / "faces", licence="CC-BY-4.0")
    assert "\nlicense: cc-by-4.0\n" in text and "the licence CC-BY-4.0." in text
    for wrong in ("free for all", "x\ntags: []", "-", "y" * 80):
        with pytest.raises(FormatError, match="expected an identifier"):
            export_run(made, str(tmp_path / "other"), licence=wrong)
    assert not (tmp_path / "other").exists()


def test_an_exported_product_has_one_too(tmp_path, fakes):
    run(parse_recipe(RECIPE + "[export]\n"), str(tmp_path / "r"), executor="serial")
    assert "14 pictures" in (tmp_path / "r" / "dataset" / CARD_FILE).read_text()


def test_a_recipe_that_holds_a_fence_does_not_end_the_card_s(tmp_path, fakes):
    recipe = parse_recipe(RECIPE)
    made = run(recipe, str(tmp_path / "r"), executor="serial")
    made.folder.write("recipe.toml", b"# ```` a fence\n" + RECIPE.encode())
    assert "`````toml\n# ```` a fence" in card(str(tmp_path / "r"), tmp_path / "faces")


def test_ages_are_counted_by_group():
    census = Census()
    for age in (3.0, 4.99, 5.0, 39.9, 90.0):
        census.add(Record(name="a.png", image=b"", expression="fear", metadata={"apparent_age_years": age}))
    assert census.axes["apparent_age_years"] == {"0–4": 2, "5–12": 1, "20–39": 1, "60+": 1}
    assert census.count == 5 and not census.people
