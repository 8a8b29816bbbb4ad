import numpy as np
import pytest
from PIL import Image

from facsim.curate.dedupe import Dedupe
from facsim.curate.duplicates import duplicate_groups, hashed_set, summary_of
from facsim.errors import FacsimError
from facsim.formats import read_records
from facsim.formats.record import Record
from facsim.pictures import encode_png
from facsim.testing import TableScan, check_table_laws


def picture(seed):
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC))


def record(name, seed, label, change=0):
    array = picture(seed).copy()
    array[:2, :2] += np.uint8(change)
    return Record(name=name, image=encode_png(array), expression=label)


TRAIN = [
    record("0.png", 0, "fear"),
    record("1.png", 0, "anger"),
    record("2.png", 1, "fear"),
    record("3.png", 2, "fear"),
]
TEST = [record("0.png", 1, "sadness"), record("1.png", 3, "fear"), record("2.png", 2, "fear", change=9)]


def test_groups_cross_sets_and_conflicting_labels_are_seen():
    sets = [hashed_set("train", TRAIN), hashed_set("test", TEST)]
    groups = duplicate_groups(sets)
    assert [[(m.set, m.id, m.label) for m in group.members] for group in groups] == [
        [("train", "0.png", "fear"), ("train", "1.png", "anger")],
        [("train", "2.png", "fear"), ("test", "0.png", "sadness")],
    ]
    assert summary_of(groups) == {
        "groups": 2, "repeats": 2, "conflicting": 2, "crossing": 1, "crossing_conflicting": 1,
    }  # fmt: skip


def test_near_copies_join_a_group_at_a_distance():
    groups = duplicate_groups([hashed_set("train", TRAIN), hashed_set("test", TEST)], distance=4)
    last = groups[-1]
    assert (last.exact, last.crossing, last.conflicting) == (False, True, False)
    assert [member.id for member in last.members] == ["3.png", "2.png"]


def test_a_picture_that_cannot_be_read_is_counted_and_copies_nothing():
    broken = [Record(name=f"{i}.png", image=b"", expression="fear") for i in range(3)]
    found = hashed_set("a", [*broken, *TRAIN[:2]])
    assert found.problems == {"empty": 3}
    assert summary_of(duplicate_groups([found], distance=4))["repeats"] == 1


def test_two_sets_of_one_name_are_refused():
    with pytest.raises(FacsimError, match="same name"):
        duplicate_groups([hashed_set("a", []), hashed_set("a", [])])


def test_a_run_marks_copies_whose_labels_conflict():
    table = [
        {"sample_id": f"{i}", "problem": None, "pixel_hash": key, "perceptual_hash": 5 * i, "expression_given": label}
        for i, (key, label) in enumerate(
            [("a", "fear"), ("b", "fear"), ("a", "anger"), ("b", "fear"), ("c", None), ("b", None)]
        )
    ]
    stage = Dedupe(labels="expression_given")
    found = [row["duplicate_conflict"] for batch in stage.judge(TableScan(rows=table)) for row in batch.to_pylist()]
    assert found == [True, False, True, False, False, False]
    check_table_laws(stage, table)
    assert "duplicate_conflict" not in Dedupe().writes


def test_the_known_copies_of_fer2013_are_found(shared):
    """Of 1,273 exact groups of train and PublicTest 270 cross; 47 have conflicting labels, 13 of those cross."""
    folder = shared / "data/fer2013"
    sets = [hashed_set(name, read_records(folder / f"{name}.zip")) for name in ("train", "publictest")]
    found = summary_of(duplicate_groups(sets))
    assert found == {
        "groups": 1273, "repeats": 1532, "conflicting": 47, "crossing": 270, "crossing_conflicting": 13,
    }  # fmt: skip
