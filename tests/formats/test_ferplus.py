"""FER+ votes in both layouts, made here, and the authors' rule worked by hand."""

import os
from pathlib import Path

import pytest

from facsim.errors import FormatError
from facsim.formats.ferplus import (
    VOTE_COLUMNS,
    majority_expression,
    read_ferplus_votes,
    relabelled,
    soft_expressions,
)
from facsim.formats.record import Record

HEADER = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def votes(**counts):
    return dict.fromkeys(VOTE_COLUMNS, 0) | counts


def write(tmp_path, text):
    (tmp_path / "votes.csv").write_text(text)
    return tmp_path / "votes.csv"


def test_microsofts_layout_is_read(tmp_path):
    path = write(
        tmp_path,
        f"Usage,Image name,{HEADER}\nTraining,fer0000000.png,4,0,0,1,3,2,0,0,0,0\nPublicTest,,0,0,0,0,0,0,0,0,0,10\n",
    )
    first, removed = read_ferplus_votes(path)
    assert (first.name, first.usage, first.votes["anger"]) == ("fer0000000.png", "Training", 3)
    assert removed.name is None and removed.votes["NF"] == 10


def test_the_layout_joined_to_paths_is_read(tmp_path):
    path = write(tmp_path, f"path,{HEADER}\ntrain/angry/a.jpg,4,0,0,1,3,2,0,0,0,0\n")
    assert [row.name for row in read_ferplus_votes(path)] == ["train/angry/a.jpg"]


@pytest.mark.parametrize(
    "counts, expected",
    [
        ({"neutral": 4, "sadness": 1, "anger": 3, "disgust": 2}, None),  # 4 of 9
        ({"neutral": 5, "sadness": 1, "anger": 1, "disgust": 3}, "neutral"),  # 5 of 8: the single votes are dropped
        ({"happiness": 5, "fear": 5}, None),
        ({"unknown": 6, "anger": 4}, None),
        ({"anger": 1}, None),
        ({}, None),
    ],
)
def test_the_majority_is_more_than_half_without_single_votes(counts, expected):
    assert majority_expression(votes(**counts)) == expected


def test_the_distribution_is_of_the_votes_left():
    found = soft_expressions(votes(neutral=5, disgust=3, anger=1, NF=2))
    assert found is not None and found["neutral"] == 5 / 8 and found["disgust"] == 3 / 8 and found["anger"] == 0
    assert sum(found.values()) == 1


@pytest.mark.parametrize("counts", [{"unknown": 5, "anger": 5}, {"NF": 10}, {"anger": 1, "fear": 1}])
def test_votes_without_an_expression_in_front_have_no_distribution(counts):
    assert soft_expressions(votes(**counts)) is None


def test_records_are_relabelled_by_name_and_none_is_lost(tmp_path):
    path = write(tmp_path, f"path,{HEADER}\na.png,0,0,8,0,0,0,2,0,0,0\nb.png,5,5,0,0,0,0,0,0,0,0\n")
    records = [Record(name=name, image=b"", expression="fear") for name in ("a.png", "b.png", "c.png")]
    found = list(relabelled(records, read_ferplus_votes(path)))
    assert [record.expression for record in found] == ["surprise", None, None]
    assert (
        found[0].metadata["expression_soft"]["surprise"] == 0.8 and found[1].metadata["ferplus_votes"]["neutral"] == 5
    )
    assert found[2].metadata == {}


def test_a_runs_record_is_relabelled_by_what_it_was_ingested_from(tmp_path):
    path = write(tmp_path, f"path,{HEADER}\na.png,0,0,8,0,0,0,2,0,0,0\n")
    records = [Record(name=f"{key * 16}.png", image=b"", metadata={"source_path": key}) for key in ("a.png", "b.png")]
    found = list(relabelled(records, read_ferplus_votes(path)))
    assert [record.expression for record in found] == ["surprise", None]


@pytest.mark.parametrize(
    "text, words",
    [
        (f"path,{HEADER}\na.png,x,0,0,0,0,0,0,0,0,0\n", "row 1: 'x' votes for neutral"),
        (f"path,{HEADER}\na.png,-1,0,0,0,0,0,0,0,0,0\n", "row 1: '-1' votes"),
        (f"{HEADER}\n0,0,0,0,0,0,0,0,0,0\n", "names no pictures"),
        ("path,neutral\na.png,3\n", "missing"),
        (f"Usage,Image name,{HEADER}\nTrain,a,0,0,0,0,0,0,0,0,0,0\n", "Usage 'Train'"),
    ],
)
def test_wrong_tables_are_refused(tmp_path, text, words):
    with pytest.raises(FormatError, match=words):
        list(read_ferplus_votes(write(tmp_path, text)))


def test_the_real_votes_are_read_whole():
    shared = Path(os.environ.get("FACSIM_SHARED") or Path(__file__).parents[3] / "shared")
    place = shared / "data" / "fer2013" / "ferplus_votes.csv"
    if not place.exists():
        pytest.skip(f"no FER+ votes at {place}; set FACSIM_SHARED to the folder that holds data/")
    rows = list(read_ferplus_votes(place))
    assert len(rows) == 32_285 and sum(sum(row.votes.values()) == 10 for row in rows) == 32_284  # one has 9
    majorities = [majority_expression(row.votes) for row in rows]
    assert majorities.count(None) == 4026 and majorities.count("happiness") == 8152
