import contextlib
import json
import random

import numpy as np
import pytest

from facsim.curate.select import REJECTIONS, Select
from facsim.curate.shortfall import shortfall
from facsim.curate.thresholds import chosen_thresholds
from facsim.errors import FormatError, RecipeError
from facsim.expressions import SEVEN_EXPRESSIONS
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


SCORED = {"score": "vote_confidence", "reject_duplicates": False}


def test_syntfers_threshold_is_strict():
    """Top-1 > 0.3: a score of 0.3 goes, whether it is 0.3 to the bit or only once rounded."""
    table = rows(*["fear"] * 5, vote_confidence=[0.3, 0.30004, 0.30006, np.float32(0.3).item(), None])
    assert verdicts(Select(above=0.3, **SCORED), table) == [*["below_threshold"] * 2, None, *["below_threshold"] * 2]
    assert verdicts(Select(threshold=0.3, **SCORED), table) == [None] * 4 + ["below_threshold"]


def test_a_class_may_have_a_threshold_of_its_own():
    table = rows("fear", "fear", "anger", "anger", vote_confidence=[0.42, 0.41, 0.41, 0.29])
    stage = Select(thresholds={"fear": 0.42}, threshold=0.3, **SCORED)
    assert verdicts(stage, table) == [None, "below_threshold", None, "below_threshold"]


def test_the_best_n_of_each_class_stay_and_ties_go_by_id():
    table = rows(*["fear"] * 4, "anger", vote_confidence=[0.5, 0.90001, 0.9, 0.7, 0.1])
    assert verdicts(Select(most=2, **SCORED), table) == ["over_quota", None, None, "over_quota", None]
    assert verdicts(Select(most=1, **SCORED), table)[1:3] == [None, "over_quota"]


def curves(path, **bounds):
    listed = [
        {"name": name, "points": [{"threshold": t, "bound": bound} for t, bound in points.items()]}
        for name, points in bounds.items()
    ]
    path.write_text(json.dumps({"facsim_yield": 1, "curves": listed}))
    return str(path)


def test_a_wanted_precision_chooses_a_threshold_for_each_class(tmp_path):
    file = curves(
        tmp_path / "c.json", fear={0.9: 0.97, 0.5: 0.91, 0.3: 0.6}, anger={0.5: 0.8, 0.9: None}, all={0.3: 0.99}
    )
    table = rows("fear", "fear", "anger", vote_confidence=[0.5, 0.49, 0.99])
    stage = Select(precision=0.9, curves=file, **SCORED)
    assert verdicts(stage, table) == [None, "below_threshold", "no_threshold"]


def test_other_curves_make_the_verdicts_stale(tmp_path):
    file = curves(tmp_path / "c.json", fear={0.5: 0.91})
    stage = Select(precision=0.9, curves=file, **SCORED)
    before = stage.weights
    curves(tmp_path / "c.json", fear={0.5: 0.92})
    assert len(before) == 1
    assert stage.weights != before


def test_mutated_curves_are_refused_and_never_crash(tmp_path):
    file = curves(tmp_path / "c.json", fear={0.5: 0.91, 0.7: None})
    data, rng = (tmp_path / "c.json").read_bytes(), random.Random(0)
    for _ in range(500):
        cut = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            cut[rng.randrange(len(cut))] = rng.randrange(256)
        (tmp_path / "c.json").write_bytes(bytes(cut[: rng.randint(0, len(cut))] if rng.random() < 0.3 else cut))
        with contextlib.suppress(FormatError):
            assert isinstance(chosen_thresholds(file, 0.9), dict)


def test_votes_that_differ_or_are_uncertain_have_reasons_of_their_own():
    table = rows(
        "fear", None, "fear", "fear",
        vote_agreement=[1.0, 0.5, 2 / 3, np.float32(2 / 3).item()], vote_entropy=[0.1, 0.1, 0.9, 0.91],
    )  # fmt: skip
    stage = Select(least_agreement=2 / 3, most_entropy=0.9, reject_duplicates=False)
    assert verdicts(stage, table) == [None, "disagreement", None, "entropy"]


def test_conflicts_and_label_issues_are_rejected_where_asked():
    table = rows("fear", "fear", "fear", duplicate_conflict=[True, False, None], label_issue=[True, True, False])
    assert verdicts(Select(reject_duplicates=False, reject_conflicts=True, reject_issues=True), table) == [
        "conflict", "label_issue", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "found", "expected"),
    [
        ({"quotas": {"fear": 5}}, {"fear": 3}, {"fear": 2}),
        ({"most": 2, "by": "skin_tone_monk"}, {"1": 2, "2": 1}, {"2": 1}),
        ({"most": 1, "by": "expression_label"}, dict.fromkeys(SEVEN_EXPRESSIONS[1:], 1), {"anger": 1}),
        ({"by": "expression_label"}, {"fear": 0}, {}),
    ],
)
def test_a_class_that_ends_short_is_reported(settings, found, expected):
    assert shortfall(settings, found) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"above": 0.3}, "needs select.score"),
        ({"precision": 0.9, "score": "vote_confidence"}, "expected both"),
        ({"precision": 0.9, "curves": "c", "score": "s", "threshold": 0.5}, "leave one out"),
        ({"quotas": {"anger": -1}}, "expected 0 or more"),
        ({"most": -1}, "no limit"),
        ({"threshold": 0.5}, "needs select.score"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        Select(**settings)
