"""facsim.learn.standing: the terms of what a training learns from and begins from."""

import numpy as np
import pytest

from facsim.formats import Record, write_records
from facsim.learn.product import Train
from facsim.learn.sources import load_pictures, source_terms
from facsim.learn.standing import training_terms
from facsim.pictures import encode_png
from facsim.recipe import parse_recipe
from facsim.runner import run


@pytest.fixture
def folder(tmp_path):
    """A class folder of two pictures, on which nobody said anything."""
    pictures = [encode_png(np.full((8, 8, 3), grey, np.uint8)) for grey in (10, 90)]
    records = [Record(name=f"fear/{at}.png", image=one, expression="fear") for at, one in enumerate(pictures)]
    write_records(records, tmp_path / "faces", format="class_folder")
    return str(tmp_path / "faces")


def test_pictures_in_a_format_have_the_format_s_terms(folder):
    ((of, terms),) = source_terms(folder)
    assert (of, terms.commercial) == (folder, "ask")
    assert load_pictures(folder, size_px=16).terms == (terms,)


def test_a_run_has_the_terms_that_were_said_of_its_input(folder, tmp_path, fakes):
    text = f'[[input]]\npath = "{folder}"\nterms = "yes: ours"\n[[step]]\nuse = "ingest"\n'
    run(parse_recipe(text), str(tmp_path / "run"), executor="serial")
    ((of, terms),) = source_terms(str(tmp_path / "run"))
    assert folder in of and (terms.commercial, terms.agreement) == ("yes", "ours")
    run(parse_recipe('[plan]\ncount = 7\n[[step]]\nuse = "painted"\n'), str(tmp_path / "drawn"), executor="serial")
    assert source_terms(str(tmp_path / "drawn")) == []
    assert load_pictures(tmp_path / "drawn", size_px=16).terms == ()


def test_initial_weights_and_other_sets_have_theirs(folder, tmp_path):
    assert training_terms(Train()) == []
    settings = Train(initial={"backbone": str(tmp_path / "a.pth")}, validation_set=folder)
    found = [(of, terms.name, terms.commercial) for of, terms in training_terms(settings)]
    weights = f"initial weights {tmp_path / 'a.pth'}"
    assert found == [(weights, "a.pth", "ask"), (folder, "not stated", "ask")]
