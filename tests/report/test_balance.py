"""Counts by axis, reason and step, on a run whose every row is known."""

from collections import Counter
from dataclasses import replace

from facsim.report.balance import balances, cells, reasons, sick_steps, totals
from facsim.report.rows import rows_of


def shares_of(run, axis):
    return {share.value: share for found in balances(rows_of(run), run) if found.axis == axis for share in found.shares}


def test_totals_are_the_known_ones(run):
    found = totals(rows_of(run))
    assert (found.planned, found.accepted, found.rejected, found.with_problem) == (42, 38, 4, 1)


def test_reasons_are_counted_the_commonest_first(run):
    assert [(found.reason, found.count) for found in reasons(rows_of(run))] == [
        ("over_quota", 2),
        ("duplicate", 1),
        ("problem", 1),
    ]


def test_every_reason_of_the_closed_list_carries_its_meaning(run):
    assert all(found.meaning for found in reasons(rows_of(run)))


def test_a_problem_is_counted_under_its_step_and_reason(run):
    assert [(found.step, found.reason, found.count) for found in sick_steps(rows_of(run))] == [("render", "crashed", 1)]


def test_every_axis_counts_every_row_once(run):
    for found in balances(rows_of(run), run):
        assert sum(share.planned for share in found.shares) == 42, found.axis
        assert sum(share.accepted for share in found.shares) == 38, found.axis


def test_accepted_and_rejected_by_reason_make_up_the_planned(run):
    for found in balances(rows_of(run), run):
        for share in found.shares:
            assert share.accepted + sum(share.rejected.values()) == share.planned


def test_a_class_is_short_of_its_quota_by_what_was_rejected(run):
    labels = run.column("plan.expression_target")
    lost = Counter(labels[i] for i in (3, 5, 6, 8))
    for name, share in shares_of(run, "expression").items():
        assert (share.asked, share.accepted, share.is_met) == (6, 6 - lost[name], not lost[name])


def test_ages_fall_into_the_plan_s_ranges(run):
    ages = run.column("plan.apparent_age_years")
    teens = shares_of(run, "apparent_age_years")["13-19"]
    assert teens.planned == sum(13 <= age < 20 for age in ages) == teens.asked


def test_values_come_in_the_order_of_the_axis(run):
    assert list(shares_of(run, "skin_tone_monk")) == [str(tone) for tone in range(1, 11)]


def test_a_selection_s_quota_goes_before_the_plan_s(make_run):
    made = make_run(42, quotas={"happiness": 4, "anger": 9})
    shares = shares_of(made, "expression")
    assert (shares["happiness"].asked, shares["happiness"].is_met) == (4, True)
    assert (shares["anger"].asked, shares["anger"].is_met) == (9, False)
    assert shares["fear"].asked is None


def test_labels_that_a_step_decided_are_not_held_against_the_plan(run):
    rows = rows_of(run)
    asked, decided = (
        next(found for found in balances(one, run) if found.axis == "expression")
        for one in (rows, replace(rows, writers={**rows.writers, "expression_label": "vote"}))
    )
    assert (asked.asked_by, asked.counted) == ("plan", "planned")
    assert (decided.asked_by, decided.counted) == ("", "labelled")
    assert all(share.asked is None for share in decided.shares)


def test_cells_of_two_axes_are_counted_among_the_rows_that_stay(run):
    rows = rows_of(run)
    genders = run.column("plan.apparent_gender")
    counted = Counter(
        (label, gender) for label, gender, stays in zip(rows.expression, genders, rows.kept, strict=True) if stays
    )
    found = next(entry for entry in cells(rows, run) if entry.axis == "apparent_gender")
    assert (found.count, found.least, found.most) == (14, min(counted.values()), max(counted.values()))


def test_axes_without_a_column_are_left_out(ingested_run):
    assert [found.axis for found in balances(rows_of(ingested_run), ingested_run)] == ["expression"]


def test_ingested_pictures_have_no_quotas(ingested_run):
    found = balances(rows_of(ingested_run), ingested_run)[0]
    assert found.asked_by == "" and all(share.is_met is None for share in found.shares)
