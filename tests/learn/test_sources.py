"""facsim.learn.sources: a path becomes pictures."""

import numpy as np
import pytest

from facsim.errors import FacsimError, FormatError
from facsim.formats import write_records
from facsim.formats.record import Record
from facsim.learn.sources import load_pictures
from facsim.pictures import encode_png
from facsim.recipe import parse_recipe
from facsim.runner import run


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    records = [
        Record(
            name=f"{split}/{expression}/{i}.png",
            image=encode_png(rng.integers(0, 256, (60, 60, 3), dtype=np.uint8)),
            expression=expression,
            split=split,
        )
        for i, (split, expression) in enumerate([("train", "anger"), ("train", "fear"), ("test", "fear")])
    ]
    write_records(records, tmp_path / "faces", format="class_folder")
    return tmp_path / "faces"


def test_a_class_folder_is_read_whole(folder):
    pictures = load_pictures(folder, size_px=40)
    assert len(pictures) == 3 and pictures.images.shape == (3, 40, 40) and pictures.origin == "faces"


def test_a_split_is_read_alone(folder):
    pictures = load_pictures(folder, split="test")
    assert pictures.labels == ("fear",) and pictures.origin == "faces, split test"


def test_an_unknown_split_is_refused_naming_those_there_are(folder):
    with pytest.raises(FormatError, match='no split "val", expected one of test, train'):
        load_pictures(folder, split="val")


def test_nothing_there_is_refused(tmp_path):
    with pytest.raises(FacsimError):
        load_pictures(tmp_path / "nowhere")


def test_a_run_that_stands_on_nothing_says_nothing_of_it(tmp_path, fakes):
    recipe = parse_recipe('[plan]\ncount = 14\n[[step]]\nuse = "painted"\n')
    run(recipe, str(tmp_path / "run"), workers=1, executor="serial")
    assert load_pictures(tmp_path / "run", size_px=16).origin == "run"


@pytest.mark.parametrize(("domain", "said"), [("fer2013", "fitted to statistics of FER2013"), ("open", "")])
def test_what_photographs_stood_behind_a_run_s_renders_is_said_to_whoever_learns_from_them(tmp_path, domain, said):
    text = f'[plan]\ncount = 14\n[[step]]\nuse = "render"\nsize_px = 24\ndomain = "{domain}"\n'
    run(parse_recipe(text), str(tmp_path / "run"), workers=1, executor="serial")
    origin = load_pictures(tmp_path / "run", size_px=24).origin
    assert origin.startswith("run (render: anny ") and (said in origin if said else "fitted" not in origin)


def test_a_run_s_action_units_come_when_they_are_asked_for(tmp_path, fakes):
    recipe = parse_recipe('[plan]\ncount = 14\n[[step]]\nuse = "painted"\n')
    run(recipe, str(tmp_path / "run"), workers=1, executor="serial")
    plain, asked = (load_pictures(tmp_path / "run", size_px=16, units=units) for units in (False, True))
    assert not any(name.startswith("AU") for name in plain.attributes)
    assert {"AU4", "AU12"} <= set(asked.attributes) and asked.fingerprint == plain.fingerprint


def test_of_renders_the_units_that_were_drawn_count_and_not_those_that_a_later_step_says(tmp_path, fakes):
    text = '[plan]\ncount = 7\n[[step]]\nuse = "render"\nsize_px = 24\n[[step]]\nuse = "painted"\n'
    made = run(parse_recipe(text), str(tmp_path / "run"), workers=1, executor="serial")
    found = load_pictures(tmp_path / "run", size_px=24, units=True).attributes["AU12"]
    assert found == tuple(made.column("render.AU12")) != tuple(made.column("painted.AU12"))
