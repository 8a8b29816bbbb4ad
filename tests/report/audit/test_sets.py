"""facsim.report.audit.sets: what is read of a run, of a folder, and of pictures without labels."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facsim.columns import Column
from facsim.errors import FormatError
from facsim.learn.data import PictureShape
from facsim.manifest import StepRecord, open_manifest, rows_table
from facsim.report.audit.sets import read_set, read_shaped


def test_of_a_run_the_accepted_rows_are_read_and_the_others_counted(runs):
    found = read_set(runs[0])
    assert found.is_run
    assert len(found.pictures) == 112 - 4
    assert found.rejected == {"duplicate": 1, "over_quota": 2, "problem": 1}


def test_what_the_plan_asked_for_is_exact(runs):
    writer = read_set(runs[0]).writers["apparent_gender"]
    assert (writer.step, writer.is_exact, writer.uncertainty) == ("plan", True, {})


def test_pictures_for_a_network_are_the_same_rows(runs):
    found = read_set(runs[0])
    shaped = read_shaped(found, PictureShape(size_px=32, colour="grey"))
    assert shaped.ids == found.pictures.ids
    assert shaped.images.shape[1:] == (32, 32)


def test_a_folder_has_classes_and_no_run(make_folder):
    found = read_set(make_folder(happiness=range(3), anger=range(10, 12)))
    assert found.classes == ("anger", "happiness")
    assert not found.is_run and not found.rejected
    assert found.rows("anger").tolist() == [0, 1]


def unlabelled_table(place, folder):
    """A Parquet file of pictures without labels."""
    files = sorted(folder.rglob("*.png"))
    rows = [{"image": {"bytes": file.read_bytes(), "path": file.name}} for file in files]
    pq.write_table(pa.Table.from_pylist(rows), place)
    return place


def test_pictures_without_any_label_are_read_as_they_are(make_folder, tmp_path):
    found = read_set(unlabelled_table(tmp_path / "bare.parquet", make_folder(fear=range(4))))
    assert found.classes == ()
    assert len(found.pictures) == 4


def test_an_unknown_split_is_answered_with_those_there_are(make_folder):
    with pytest.raises(FormatError, match="expected one of none"):
        read_set(make_folder(fear=range(2)), split="test")


def test_what_was_drawn_goes_before_what_a_model_reads_off_it(make_run):
    run = make_run(count=28)
    drawn = read_set(run.folder.root).pictures.attributes["apparent_gender"]
    ids = run.column("plan.sample_id")
    guess = [{"sample_id": name, "apparent_gender": "masculine", "apparent_gender_score": 0.5} for name in ids]
    _add_step(run, guess)
    found = read_set(run.folder.root)
    assert found.pictures.attributes["apparent_gender"] == drawn
    assert found.writers["apparent_gender"].is_exact


def test_what_a_model_reads_off_bears_its_steps_name_and_its_doubt(ingested_run, tmp_path):
    run = open_manifest(str(shutil.copytree(ingested_run.folder.root, tmp_path / "run")))
    ids = run.column("plan.sample_id")
    guess = [{"sample_id": name, "apparent_gender": "feminine", "apparent_gender_score": 0.25} for name in ids]
    _add_step(run, guess)
    writer = read_set(run.folder.root).writers["apparent_gender"]
    assert (writer.step, writer.stage, writer.is_exact) == ("who", "attributes", False)
    assert writer.uncertainty == {"apparent_gender_score": 0.25}


def _add_step(run, rows):
    """A finished step `who` of a stage `attributes`, with a column of its own that says how sure it is."""
    record = StepRecord(
        name="who",
        stage="attributes",
        version=1,
        configuration={},
        bindings={},
        writes=("apparent_gender", "apparent_gender_score"),
        weights=("0" * 64,),
        upstream={},
    )
    run.begin_step(record)
    extra = {"apparent_gender_score": Column(name="apparent_gender_score", type=pa.float32(), meaning="how sure")}
    table, start = rows_table(rows, record.writes, extra), 0
    for shard, count in enumerate(run.shard_rows):
        run.write_shard("who", shard, table.slice(start, count))
        start += count
