"""Which rows stay and why others do not."""

from facsim.dataset import dataset_of
from facsim.report.rows import SICK, UNLABELLED, rejections_of, rows_of


def test_rows_are_the_plan_s_in_its_order(run):
    assert list(rows_of(run).sample_ids) == run.column("plan.sample_id")


def test_the_rows_that_stay_are_those_that_training_and_export_see(run):
    rows = rows_of(run)
    seen = [name for batch in dataset_of(run).batches() for name in batch.column("sample_id").to_pylist()]
    assert [name for name, stays in zip(rows.sample_ids, rows.kept, strict=True) if stays] == seen


def test_a_row_without_a_picture_does_not_stay_though_the_verdict_accepts_it(run):
    assert run.column("select.accepted")[3]
    assert rows_of(run).reasons[3] == SICK


def test_reasons_are_the_verdict_s(run):
    assert [rows_of(run).reasons[i] for i in (5, 6, 8)] == ["duplicate", "over_quota", "over_quota"]


def test_without_a_verdict_every_picture_stays(ingested_run):
    rows = rows_of(ingested_run)
    assert rows.kept.all() and not rows.judged


def test_action_units_of_a_side_are_left_to_the_whole_unit(run):
    assert rows_of(run).units() == ("AU1", "AU2", "AU4", "AU5", "AU6", "AU9", "AU12", "AU15", "AU20", "AU25", "AU26")


def test_a_row_without_a_label_has_a_name_of_its_own(make_run):
    made = make_run(14, unlabelled=True)
    assert rows_of(made).expression[0] == UNLABELLED


def test_rejections_are_the_reasons_counted(run, ingested_run):
    for made in (run, ingested_run):
        reasons = [reason for reason in rows_of(made).reasons if reason]
        assert rejections_of(made) == {reason: reasons.count(reason) for reason in sorted(set(reasons))}
