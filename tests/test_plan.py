from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.errors import RecipeError
from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.plan import Plan, plan_batches, plan_table, quota_counts, shard_sizes


def test_balanced_axes_are_met_exactly():
    table = plan_table(Plan(count=2100, seed=1))
    assert set(Counter(table["expression_target"].to_pylist()).values()) == {300}
    assert set(Counter(table["apparent_gender"].to_pylist()).values()) == {1050}
    assert set(Counter(table["skin_tone_monk"].to_pylist()).values()) == {210}


def test_axes_are_crossed_evenly():
    rows = plan_table(Plan(count=2100, seed=1)).to_pylist()
    cells = Counter((row["expression_target"], row["skin_tone_monk"], row["apparent_gender"]) for row in rows)
    assert len(cells) == 140
    assert set(cells.values()) == {15}


@pytest.mark.parametrize("count", [70, 140, 280, 350])
def test_small_plans_do_not_tie_an_expression_to_a_skin_tone(count):
    """Systematic assignment in one fixed order left 24 of the 70 cells non-empty in a plan of 70."""
    rows = plan_table(Plan(count=count, seed=1)).to_pylist()
    cells = Counter((row["expression_target"], row["skin_tone_monk"]) for row in rows)
    assert len(cells) >= min(70, count) * 0.55
    assert max(cells.values()) <= 3 * count / 70 + 3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=2, max_size=7).filter(lambda c: sum(c) > 0), st.integers(0, 5))
def test_counts_asked_are_counts_planned(counts, seed):
    quota = dict(zip(SEVEN_EXPRESSIONS, counts, strict=False))
    table = plan_table(Plan(count=sum(counts), seed=seed, quotas={"expression": quota}))
    found = Counter(table["expression_target"].to_pylist())
    assert {name: found.get(name, 0) for name in quota} == quota


def test_percentages_are_met_by_largest_remainder():
    plan = Plan(count=10, quotas={"apparent_gender": {"feminine": "33%", "masculine": "67%"}})
    assert quota_counts(plan, "apparent_gender") == {"feminine": 3, "masculine": 7}
    assert Counter(plan_table(plan)["apparent_gender"].to_pylist()) == {"feminine": 3, "masculine": 7}


def test_a_plan_longer_by_whole_blocks_keeps_its_rows():
    short, long = plan_table(Plan(count=700, seed=2)), plan_table(Plan(count=2100, seed=2))
    assert long.slice(0, 700).equals(short)


def test_ids_are_kept_in_any_longer_plan():
    short, long = plan_table(Plan(count=11)), plan_table(Plan(count=23))
    assert long["sample_id"].to_pylist()[:11] == short["sample_id"].to_pylist()


def test_seeds_give_other_plans():
    assert not plan_table(Plan(count=70, seed=1)).equals(plan_table(Plan(count=70, seed=2)))


def test_pictures_of_one_identity_share_the_person_and_not_the_expression():
    rows = plan_table(Plan(count=140, pictures_per_identity=7)).to_pylist()
    first = rows[:7]
    assert len({row["identity_id"] for row in rows}) == 20
    for column in ("identity_id", "apparent_age_years", "apparent_gender", "skin_tone_monk"):
        assert len({row[column] for row in first}) == 1
    assert len({row["expression_target"] for row in first}) == 7


def test_ages_lie_in_the_range_asked():
    plan = Plan(count=50, quotas={"apparent_age_years": {"20-29": "100%"}})
    assert all(20 <= age < 30 for age in plan_table(plan)["apparent_age_years"].to_pylist())


def test_ancestry_weights_sum_to_one():
    assert all(abs(sum(row) - 1) < 1e-5 for row in plan_table(Plan(count=40))["apparent_ancestry"].to_pylist())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": 0}, "expected 1 or more"),
        ({"count": 10, "seed": -1}, "expected 0 or more"),
        ({"count": 10, "pictures_per_identity": 3}, "does not divide"),
        ({"count": 10, "quotas": {"expresion": "balanced"}}, 'Did you mean "expression"'),
        ({"count": 10, "quotas": {"expression": "even"}}, 'expected "balanced"'),
        ({"count": 10, "quotas": {"expression": {}}}, "is empty"),
        ({"count": 10, "quotas": {"expression": {"anger": 5, "happiness": 6}}}, "asks for 11 pictures .* by 1"),
        ({"count": 10, "quotas": {"expression": {"anger": -1, "happiness": 11}}}, "cannot be negative"),
        ({"count": 10, "quotas": {"expression": {"anger": "50%", "happiness": 5}}}, "mixes counts and per cent"),
        ({"count": 10, "quotas": {"expression": {"anger": "50%", "fear": "40%"}}}, "adds up to 90 %"),
        ({"count": 10, "quotas": {"expression": {"anger": "half", "fear": "half"}}}, "expected a count"),
        ({"count": 10, "quotas": {"expression": {"angry": 5, "anger": 5}}}, "twice"),
        ({"count": 10, "quotas": {"skin_tone_monk": {"11": 10}}}, "no value"),
        ({"count": 10, "quotas": {"apparent_age_years": {"40-20": 10}}}, "range of years"),
        (
            {"count": 10, "pictures_per_identity": 2, "quotas": {"apparent_gender": {"feminine": 3, "masculine": 7}}},
            "whole number of people",
        ),
    ],
)
def test_an_impossible_plan_is_refused_with_the_reason(settings, message):
    with pytest.raises(RecipeError, match=message):
        Plan(**settings)


def test_shards_cover_the_rows():
    assert sum(shard_sizes(2100)) == 2100
    assert shard_sizes(5) == (5,)
    assert max(shard_sizes(1_000_000)) == 2000
    assert shard_sizes(25, rows_per_shard=10) == (10, 10, 5)


def test_rows_do_not_depend_on_how_many_are_planned_at_a_time(monkeypatch):
    plan = Plan(count=120, seed=4, pictures_per_identity=3, quotas={"apparent_ancestry": "balanced"})
    whole = plan_table(plan)
    monkeypatch.setattr("facsim.plan._BATCH_ROWS", 11)
    batches = list(plan_batches(plan))
    assert len(batches) > 10 and whole == plan_table(plan)


def test_shards_are_whole_batches_of_32_so_that_none_is_padded():
    assert shard_sizes(1000) == (*[64] * 15, 40)
    assert set(shard_sizes(5000)[:-1]) == {160}
