import math
import random

import numpy as np
import pyarrow as pa
import pytest

from facsim.columns import COLUMNS
from facsim.commands.summary import run_summary, run_text
from facsim.dataset import dataset_of
from facsim.errors import RecipeError
from facsim.expressions import EIGHT_EXPRESSIONS, SEVEN_EXPRESSIONS
from facsim.formats import read_records, write_records
from facsim.labels.rules import VERDICTS
from facsim.labels.vote import Vote
from facsim.recipe import parse_recipe
from facsim.records import run_records
from facsim.runner import run
from facsim.testing import TableScan, check_table_laws

A, B, C = (f"{name}.expression_scores" for name in ("a", "b", "c"))


def scores(**shares):
    rest = (1 - sum(shares.values())) / (8 - len(shares))
    return [shares.get(name, rest) for name in EIGHT_EXPRESSIONS]


def row(at=0, **columns):
    return {"sample_id": f"{at:03d}", "problem": None, **{k.replace("__", "."): v for k, v in columns.items()}}


def table(*rows):
    return [{**entry, "sample_id": f"{at:03d}"} for at, entry in enumerate(rows)]


def judged(stage, rows, size=5):
    return pa.Table.from_batches(list(stage.judge(TableScan(rows=rows, size=size)))).to_pylist()


def one(stage, **columns):
    return judged(stage, [row(**columns)])[0]


def said(result):
    return result["expression_label"], result["label_trust"]["reason"]


def abc(a, b, c):
    return {"a__expression_scores": a, "b__expression_scores": b, "c__expression_scores": c}


THREE = ("a", "b", "c")


def test_one_teacher_decides_alone():
    found = one(Vote(rule="single"), expression_scores=scores(fear=0.65))
    assert said(found) == ("fear", "single")
    assert found["vote_confidence"] == pytest.approx(0.65, abs=1e-4)
    assert found["label_trust"]["voters"][0]["name"] == "expression_scores"


def test_the_mean_of_distributions_is_the_soft_label():
    found = one(
        Vote(teachers=("a", "b")), a__expression_scores=scores(fear=0.9), b__expression_scores=scores(anger=0.6)
    )
    expected = np.mean([scores(fear=0.9), scores(anger=0.6)], axis=0)
    assert said(found) == ("fear", "mean")
    assert np.allclose(found["expression_soft"], expected, atol=1e-4)
    assert found["vote_confidence"] == pytest.approx(expected[EIGHT_EXPRESSIONS.index("fear")], abs=1e-4)
    assert found["vote_agreement"] == 0.5
    assert found["vote_entropy"] == pytest.approx(-(expected * np.log(expected)).sum(), abs=1e-3)


def test_a_majority_is_more_than_half():
    stage = Vote(rule="majority", teachers=THREE)
    fear, anger, neutral = scores(fear=0.5), scores(anger=0.9), scores(neutral=0.9)
    assert said(one(stage, **abc(fear, fear, anger))) == ("fear", "majority")
    assert said(one(stage, **abc(fear, anger, neutral))) == (None, "no_majority")
    assert said(one(stage, **abc(fear, fear, None))) == ("fear", "unanimous")
    assert said(one(stage, **abc(fear, anger, None))) == (None, "no_majority")


def test_agreement_needs_every_vote():
    stage = Vote(rule="agreement", teachers=THREE)
    fear, anger = scores(fear=0.5), scores(anger=0.9)
    assert said(one(stage, **abc(fear, fear, fear))) == ("fear", "unanimous")
    found = one(stage, **abc(fear, fear, anger))
    assert said(found) == (None, "disagreement")
    assert found["label_trust"]["decision"] == "undecided"
    assert (found["expression_soft"], found["vote_confidence"]) == (None, None)
    assert found["vote_agreement"] == pytest.approx(2 / 3)


def test_synfers_rule_keeps_a_target_that_most_confirm_and_else_takes_the_mean():
    stage = Vote(rule="synfer", teachers=("a", "b"), labels=("expression_target",))
    fear, anger = scores(fear=0.8), scores(anger=0.7)
    kept = one(stage, a__expression_scores=fear, b__expression_scores=fear, expression_target="fear")
    assert said(kept) == ("fear", "target_kept")
    assert kept["expression_soft"][EIGHT_EXPRESSIONS.index("fear")] == 1.0
    replaced = one(stage, a__expression_scores=fear, b__expression_scores=anger, expression_target="anger")
    assert said(replaced) == ("fear", "replaced")
    assert np.allclose(replaced["expression_soft"], np.mean([fear, anger], axis=0), atol=1e-4)
    assert [v["name"] for v in kept["label_trust"]["voters"]] == ["expression_target", "a", "b"]


def test_labels_vote_too():
    stage = Vote(rule="majority", teachers=("a",), labels=("expression_target", "units.expression_rule"))
    columns = {"expression_target": "fear", "units__expression_rule": "fear"}
    found = one(stage, a__expression_scores=scores(anger=0.9), **columns)
    assert said(found) == ("fear", "majority")
    assert found["label_trust"]["voters"] == [
        {"name": "a", "label": "anger", "score": pytest.approx(0.9)},
        {"name": "expression_target", "label": "fear", "score": None},
        {"name": "units.expression_rule", "label": "fear", "score": None},
    ]


def test_too_few_votes_leave_a_picture_undecided():
    stage = Vote(rule="mean", teachers=THREE, least_votes=2)
    fear = scores(fear=0.9)
    assert said(one(stage, **abc(fear, None, None))) == (None, "few_votes")
    assert said(one(stage, **abc(fear, fear, None))) == ("fear", "unanimous")
    assert one(Vote(teachers=THREE), **abc(None, None, None))["vote_entropy"] is None


def test_scores_are_rounded_before_they_are_compared():
    near = [0.25004, 0.25, 0.25, 0.25, 0, 0, 0, 0]
    other = [0.25, 0.25004, 0.25, 0.25, 0, 0, 0, 0]
    assert {one(Vote(), expression_scores=found)["expression_label"] for found in (near, other)} == {"anger"}


def test_dawid_skene_trusts_the_better_voter():
    """c copies the truth, a and b err apart: where a and b agree against c by chance, c is believed."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 8, 1500)
    calls = [np.where(rng.random(1500) < skill, truth, rng.integers(0, 8, 1500)) for skill in (0.4, 0.4, 0.97)]
    rows = table(
        *(row(**abc(*(scores(**{EIGHT_EXPRESSIONS[k]: 0.8}) for k in some))) for some in zip(*calls, strict=True))
    )
    right = {}
    for rule in ("majority", "mean", "dawid_skene"):
        found = [entry["expression_label"] for entry in judged(Vote(rule=rule, teachers=THREE), rows, size=400)]
        right[rule] = np.mean([label == EIGHT_EXPRESSIONS[k] for label, k in zip(found, truth, strict=True)])
    assert right["dawid_skene"] > 0.9
    assert right["dawid_skene"] > right["mean"] + 0.02


def test_a_voter_may_fail_without_a_fault_and_a_faulty_vote_is_a_problem():
    good, stage = scores(fear=0.9), Vote(teachers=("a", "b"))
    for bad in (
        [0.5, 0.5],
        [math.nan] * 8,
        [0.5] * 8,
        [1.5, -0.5, 0, 0, 0, 0, 0, 0],
        [None] * 8,
        [math.inf] + [0] * 7,
        [],
    ):
        found = one(stage, a__expression_scores=good, b__expression_scores=bad)
        assert found["problem"] == "bad_vote", bad
        assert found["problem_detail"].startswith("b: ")
        assert found["expression_label"] is None
        assert found["label_trust"] is None
    assert one(stage, a__expression_scores=good, b__expression_scores=None)["problem"] is None


def test_a_label_that_is_no_expression_is_a_problem():
    stage = Vote(rule="majority", labels=("expression_given",))
    found = one(stage, expression_scores=scores(fear=0.9), expression_given="contented")
    assert (found["problem"], found["problem_detail"]) == ("bad_vote", 'expression_given: "contented" is no expression')


def test_a_problem_before_is_a_missing_input():
    found = judged(Vote(), [{**row(expression_scores=scores(fear=0.9)), "problem": "no_face"}])[0]
    assert (found["problem"], found["problem_detail"]) == ("missing_input", "an earlier step: no_face")


@pytest.mark.parametrize("rule", ["mean", "majority", "agreement", "dawid_skene"])
def test_the_laws_hold_and_values_fit_the_dictionary(rule):
    rng = random.Random(1)
    names = [*EIGHT_EXPRESSIONS, None]
    rows = table(
        *(
            row(a__expression_scores=scores(**{rng.choice(EIGHT_EXPRESSIONS): 0.7}), label=rng.choice(names))
            for _ in range(30)
        )
    )
    stage = Vote(rule=rule, teachers=("a",), labels=("label",))
    check_table_laws(stage, rows)
    batch = next(iter(stage.judge(TableScan(rows=rows, size=30))))
    assert all(batch.schema.field(name).type == COLUMNS[name].type for name in stage.writes)
    assert {entry["label_trust"]["reason"] for entry in batch.to_pylist()} <= set(VERDICTS)


@pytest.mark.parametrize("rule", ["mean", "dawid_skene"])
def test_the_order_of_the_rows_changes_no_label(rule):
    rng = np.random.default_rng(2)
    rows = table(*(row(**abc(*rng.dirichlet(np.ones(8) / 3, 3).tolist())) for _ in range(120)))
    order = rng.permutation(120)
    stage = Vote(rule=rule, teachers=THREE)
    plain, mixed = judged(stage, rows), judged(stage, [rows[i] for i in order], size=7)
    assert [plain[i] for i in order] == mixed


def test_mutated_scores_are_counted_and_never_fatal():
    rng = random.Random(3)
    values = [0.0, 1.0, -1.0, math.nan, math.inf, 1e30, -1e-9, 0.125, None]
    rows = table(
        *(
            row(**abc(scores(fear=0.5), [rng.choice(values) for _ in range(rng.choice([8, 8, 8, 7, 9, 0]))], None))
            for _ in range(2000)
        )
    )
    found = judged(Vote(rule="dawid_skene", teachers=THREE), rows, size=500)
    assert len(found) == 2000
    assert all((entry["problem"] == "bad_vote") == (entry["label_trust"] is None) for entry in found)
    assert sum(entry["problem"] == "bad_vote" for entry in found) > 1500


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"teachers": ("a", "a")}, "votes twice"),
        ({"least_votes": 2}, "expected 1 to 1"),
        ({"rule": "single", "teachers": ("a", "b")}, "one voter"),
        ({"rule": "synfer"}, "without a target"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        Vote(**settings)


RECIPE = """
[plan]
count = 60
rows_per_shard = 25
[[step]]
use = "painted"
[[step]]
use = "answering"
name = "good"
skill = 0.9
[[step]]
use = "answering"
name = "poor"
skill = 0.3
name_seed = 1
sick = "0"
[[step]]
use = "vote"
rule = "mean"
teachers = ["good", "poor"]
labels = ["expression_target"]
[[step]]
use = "select"
by = "expression_label"
score = "vote_confidence"
reject_duplicates = false
"""


@pytest.mark.usefixtures("fakes")
class TestRun:
    def test_two_steps_of_one_stage_vote_by_their_names(self, tmp_path):
        made = run(parse_recipe(RECIPE), str(tmp_path / "a"), executor="serial")
        assert made.step("vote").bindings == {
            "good.expression_scores": "good.expression_scores",
            "poor.expression_scores": "poor.expression_scores",
            "expression_target": "plan.expression_target",
        }
        problems, sick = made.column("vote.problem"), made.column("poor.problem")
        assert [bool(p) for p in problems] == [bool(s) for s in sick]
        assert set(problems) == {None, "missing_input"}
        reasons = made.column("select.reason")
        assert [reason == "problem" for reason in reasons] == [bool(p) for p in problems]

    def test_shard_sizes_change_no_label(self, tmp_path):
        columns = [f"vote.{name}" for name in Vote().writes]
        tables = [
            run(parse_recipe(RECIPE.replace("= 25", f"= {size}")), str(tmp_path / str(size)), executor="serial")
            .table(columns)
            .combine_chunks()
            for size in (25, 60, 7)
        ]
        assert tables[0].equals(tables[1])
        assert tables[0].equals(tables[2])

    def test_a_class_that_ends_short_is_in_the_summary_of_the_run(self, tmp_path):
        made = run(parse_recipe(RECIPE + "most = 9\n"), str(tmp_path / "a"), executor="serial")
        summary = run_summary(made, seconds=1.0)
        counts = {**dict.fromkeys(SEVEN_EXPRESSIONS, 0), **summary["classes"]}
        assert summary["short"] == {name: 9 - count for name, count in counts.items() if count < 9} != {}
        assert "short of" in run_text(summary)

    def test_the_record_is_exported_with_the_label(self, tmp_path):
        made = run(parse_recipe(RECIPE), str(tmp_path / "a"), executor="serial")
        records = list(run_records(dataset_of(made)))
        for name, form in (("folder", "class_folder"), ("table.parquet", "parquet")):
            write_records(records, tmp_path / name, format=form)
            read = {record.metadata["sample_id"]: record for record in read_records(tmp_path / name)}
            assert len(read) == len(records) > 0
            for record in records:
                back = read[record.metadata["sample_id"]]
                assert back.expression == record.expression == record.metadata["label_trust"]["decision"]
                assert back.metadata["label_trust"] == record.metadata["label_trust"]

    def test_a_teacher_that_is_no_step_is_refused_with_the_nearest(self):
        with pytest.raises(
            RecipeError, match=r'reads "goood.expression_scores".*Did you mean "good.expression_scores"'
        ):
            parse_recipe(RECIPE.replace('["good"', '["goood"'))

    def test_a_full_name_cannot_be_bound_otherwise(self):
        with pytest.raises(RecipeError, match="does not read"):
            parse_recipe(
                RECIPE.replace("least", "x").replace(
                    'rule = "mean"', 'reads = { "good.expression_scores" = "poor.expression_scores" }'
                )
            )
