"""Findings as one record: plain values, and a reason for every part that is not there."""

import json

from facsim.report.findings import find_all


def test_findings_are_plain_json(run):
    found = json.loads(json.dumps(find_all(run).to_json(), allow_nan=False))
    assert found["totals"] == {"planned": 42, "accepted": 38, "rejected": 4, "with_problem": 1}


def test_a_whole_run_leaves_nothing_out(run):
    assert find_all(run).omitted == {}


def test_every_missing_part_has_its_reason(ingested_run):
    found = find_all(ingested_run)
    assert sorted(found.omitted) == [
        "action_units",
        "attributes",
        "evaluations",
        "landmarks",
        "luminance",
        "pose",
        "rejections",
        "training",
    ]
