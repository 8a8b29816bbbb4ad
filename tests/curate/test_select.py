import pytest

from facsim.curate.select import REJECTIONS, Select
from facsim.errors import RecipeError
from facsim.testing import TableScan, check_table_laws


def rows(*labels, **columns):
    table = [{"sample_id": f"{i:02d}", "problem": None, "expression_target": label} for i, label in enumerate(labels)]
    for name, values in columns.items():
        for row, value in zip(table, values, strict=True):
            row[name] = value
    return table


def verdicts(stage, table):
    return [row["reason"] for batch in stage.judge(TableScan(rows=table)) for row in batch.to_pylist()]


def test_every_rejection_has_its_own_reason():
    table = rows(
        "anger", "anger", None, "fear", "anger", "anger",
        problem=["crashed", None, None, None, None, None],
        duplicate_of=[None, "00", None, None, None, None],
        face_luminance=[0.9, 0.9, 0.9, 0.9, 0.1, 0.9],
    )  # fmt: skip
    stage = Select(quotas={"anger": 1}, score="face_luminance", threshold=0.5)
    assert verdicts(stage, table) == ["problem", "duplicate", "no_label", "not_asked", "below_threshold", None]
    assert {*verdicts(stage, table)} - {None} <= set(REJECTIONS)


def test_the_order_of_the_run_decides_without_a_score():
    stage = Select(most=1, reject_duplicates=False)
    assert verdicts(stage, rows("anger", "anger", "fear", "fear")) == [None, "over_quota", None, "over_quota"]


def test_the_higher_score_is_preferred_and_ties_go_by_id():
    table = rows("anger", "anger", "anger", face_luminance=[0.50004, 0.5, 0.7])
    stage = Select(most=2, score="face_luminance", reject_duplicates=False)
    assert verdicts(stage, table) == [None, "over_quota", None]


def test_a_quota_that_cannot_be_filled_takes_what_there_is():
    assert verdicts(Select(quotas={"anger": 5}, reject_duplicates=False), rows("anger", "anger")) == [None, None]


def test_the_laws_hold():
    table = rows(*["anger", "fear", "anger"] * 5, duplicate_of=[None, "00", None] * 5)
    check_table_laws(Select(most=3), table)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quotas": {"anger": -1}}, "expected 0 or more"),
        ({"most": -1}, "no limit"),
        ({"threshold": 0.5}, "needs select.score"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        Select(**settings)
