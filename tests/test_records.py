from dataclasses import replace

import numpy as np
import pytest
import torch

from facsim.dataset import open_dataset
from facsim.errors import FormatError
from facsim.export import export_run
from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.formats import FORMATS, Record, read_records, write_records
from facsim.learn.sources import load_pictures
from facsim.models.classifier import Classifier, Preprocessing, initialised
from facsim.models.weights import save_classifier
from facsim.pictures import encode_png
from facsim.recipe import parse_recipe
from facsim.records import check_run_commercial, run_index, run_origin, run_records, run_terms
from facsim.runner import run


@pytest.mark.parametrize("form", [name for name, entry in FORMATS.items() if entry.writer])
def test_an_ingested_run_is_exported_with_its_splits(tmp_path, form):
    made = [
        Record(
            name=f"{split}/{name}/{grey}.png",
            image=encode_png(np.full((48, 48), grey, np.uint8)),
            expression=name,
            split=split,
        )
        for grey, (split, name) in enumerate([("train", "anger"), ("test", "anger"), ("train", "fear")])
    ]
    write_records(made, tmp_path / "in", format="class_folder")
    run(
        parse_recipe(f'[[input]]\npath = "{tmp_path}/in"\n[[step]]\nuse = "ingest"'),
        str(tmp_path / "r"),
        executor="serial",
    )
    export_run(str(tmp_path / "r"), str(tmp_path / "out"), format=form)
    found = [(record.split, record.expression) for record in read_records(tmp_path / "out", form)]
    names = {"train": "Training", "test": "PrivateTest"} if form == "fer2013" else {"train": "train", "test": "test"}
    assert sorted(found) == sorted((names[str(record.split)], record.expression) for record in made)


@pytest.fixture
def painted(tmp_path, fakes):
    steps = "".join(f'[[step]]\nuse = "{name}"\n' for name in ("painted", "hash", "dedupe", "select"))
    text = f"[plan]\ncount = 70\nrows_per_shard = 30\n{steps}"
    run(parse_recipe(text), str(tmp_path / "run"), workers=1, executor="serial")
    return open_dataset(str(tmp_path / "run"))


def test_the_index_of_a_run_is_its_records_in_their_order(painted):
    index, records = list(run_index(painted)), list(run_records(painted))
    assert len(index) > 50 and len({record.place.container.path for record in index}) == 3
    for placed, record in zip(index, records, strict=True):
        assert (placed.name, placed.expression, placed.split) == (record.name, record.expression, record.split)
        assert placed.image == record.image and placed.metadata == record.metadata


def test_a_row_that_does_not_stay_is_not_in_the_index(tmp_path, fakes):
    steps = "".join(f'[[step]]\nuse = "{name}"\n' for name in ("painted", "hash", "dedupe", "select")) + "most = 1\n"
    run(parse_recipe(f"[plan]\ncount = 14\n{steps}"), str(tmp_path / "few"), workers=1, executor="serial")
    dataset = open_dataset(str(tmp_path / "few"))
    index = list(run_index(dataset))
    assert len(index) == 7 and [placed.image for placed in index] == [record.image for record in run_records(dataset)]


def test_the_index_of_a_run_reads_no_pictures(painted, monkeypatch):
    monkeypatch.setattr("facsim.formats.places.PlaceReader.read", None)
    assert all(placed.place.kind == "parquet" for placed in run_index(painted))


def test_a_shard_that_changes_after_the_listing_is_refused(painted):
    placed = next(iter(run_index(painted)))
    with open(placed.place.container.path, "ab") as file:
        file.write(b"more")
    with pytest.raises(FormatError, match="has changed since it was listed"):
        _ = placed.image


def test_learning_reads_what_groups_are_made_of(tmp_path):
    text = '[plan]\ncount = 7\n[[step]]\nuse = "render"\nsize_px = 24\n'
    run(parse_recipe(text), str(tmp_path / "run"), workers=1, executor="serial")
    pictures = load_pictures(tmp_path / "run", size_px=24)
    known = pictures.attributes
    assert {"apparent_gender", "apparent_age_years", "apparent_ancestry", "skin_tone_monk"} <= set(known)
    assert set(known["apparent_ancestry"]) <= {"african", "asian", "european"}
    assert set(known["apparent_gender"]) <= {"feminine", "masculine"} and len(known["identity_id"]) == 7


LABELLED = '[[step]]\nuse = "expression"\ncrop = "image"\nmodel = "{model}"\n{more}'


@pytest.fixture
def teacher(tmp_path):
    """A classifier's folder, which says what it was trained on and on no terms."""
    shape = {"classes": 7, "channels": 1, "widths": (4, 4, 8, 8), "depths": (1, 1, 1, 1)}
    network = initialised("small_cnn", shape, generator=torch.Generator().manual_seed(0)).eval()
    asked = Preprocessing(size_px=24, colour="grey", mean=(0.5,), std=(0.25,))
    told = {"trained_on": "their photographs"}
    held = Classifier(network=network, classes=SEVEN_EXPRESSIONS, preprocessing=asked, provenance=told)
    save_classifier(held, tmp_path / "teacher")
    return tmp_path / "teacher"


def labelled_run(tmp_path, teacher, more=""):
    text = '[plan]\ncount = 7\n[[step]]\nuse = "painted"\n' + LABELLED.format(model=teacher, more=more)
    return run(parse_recipe(text), str(tmp_path / "labelled"), executor="serial")


def test_a_teacher_s_terms_come_with_its_labels(tmp_path, fakes, teacher):
    made = labelled_run(tmp_path, teacher)
    ((of, terms),) = run_terms(made)
    assert (of, terms.name, terms.commercial) == ('step "expression"', "teacher", "ask")
    with pytest.raises(FormatError, match=r'step "expression" \(teacher; commercial: ask; .*their photographs'):
        check_run_commercial(made)
    assert "trained on their photographs" in run_origin(open_dataset(str(tmp_path / "labelled")), name="labelled")


def test_other_terms_can_be_said_afterwards_and_no_row_is_made_again(tmp_path, fakes, teacher):
    before = labelled_run(tmp_path, teacher).step("expression")
    after = labelled_run(tmp_path, teacher, 'terms = "yes: we trained it on our own photographs"\n')
    assert after.step("expression").fingerprint == before.fingerprint
    check_run_commercial(after)


def test_a_step_of_an_earlier_facsim_with_a_model_is_not_taken_for_granted(tmp_path, fakes, teacher):
    made = labelled_run(tmp_path, teacher)
    made.begin_step(replace(made.step("expression"), terms=None))
    with pytest.raises(FormatError, match="not recorded by the facsim that made the run"):
        check_run_commercial(made)


def test_renders_labelled_by_what_ships_stand_on_nothing_else(painted):
    assert run_terms(painted.run) == []
    check_run_commercial(painted.run)


def test_people_of_a_collection_are_kept_together_when_its_run_is_learnt_from(tmp_path):
    for subject in range(3):
        for shot in range(2):
            place = tmp_path / f"digi/{subject}/{shot}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(encode_png(np.full((112, 112, 3), 40 * subject + shot, np.uint8)))
    text = f'[[input]]\npath = "{tmp_path}/digi"\nformat = "digiface"\n[[step]]\nuse = "ingest"\n'
    text += '[[step]]\nuse = "expression"\ncrop = "image"\n[[step]]\nuse = "vote"\n'
    run(parse_recipe(text), str(tmp_path / "r"), executor="serial")
    pictures = load_pictures(str(tmp_path / "r"))
    assert sorted(pictures.identities or ()) == ["0", "0", "1", "1", "2", "2"]
