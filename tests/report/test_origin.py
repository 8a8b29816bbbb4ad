"""Provenance: seeds, times, machines, recipe, and whether the files are those of the ledger."""

import json
from dataclasses import replace

from facsim.formats.terms import Terms
from facsim.report.origin import origin


def test_times_and_rows_come_from_the_log(run):
    found = {entry.name: entry for entry in origin(run).work}
    assert (found["render"].rows, found["render"].seconds, found["render"].workers) == (42, 12.5, 2)
    assert found["plan"].seconds is None


def test_a_step_done_in_two_sittings_took_both(make_run):
    made = make_run(14)
    made.folder.append("log.jsonl", '{"step": "render", "rows": 0, "seconds": 1.5}')
    assert next(entry for entry in origin(made).work if entry.name == "render").seconds == 14.0


def test_the_plan_s_seed_is_named(run):
    assert origin(run).seeds["plan"] == 7


def test_the_training_s_seed_is_named(run):
    assert origin(run).seeds["train"] == 3


def test_products_are_listed_in_the_order_in_which_they_are_made(make_run):
    made = make_run(14)
    for name in ("train", "report", "export"):
        made.folder.write(f"products/{name}.json", b'{"settings": {}, "makes": "x", "fingerprint": "f"}')
    assert [entry.name for entry in origin(made).work][-2:] == ["export", "train"]


def test_the_recipe_is_the_one_that_was_run(run):
    assert origin(run).recipe == run.recipe_text()


def test_what_the_run_stands_on_is_listed_with_its_terms(make_run):
    made = make_run(14)
    assert origin(made).standing == ()
    terms = Terms(name="theirs.onnx", agreement="research use", commercial="no")
    made.begin_step(replace(made.step("render"), terms=(terms,)))
    (found,) = origin(made).standing
    assert (found.of, found.name, found.terms, found.commercial) == (
        'step "render"',
        "theirs.onnx",
        "research use",
        "no",
    )


def test_one_machine_is_listed_once(run):
    assert len(origin(run).machines) == 1 and "numpy" in origin(run).machines[0].packages


def test_a_machine_that_an_earlier_facsim_logged_without_gpus_is_the_same_machine(make_run):
    made = make_run(14)
    entry = json.loads(made.folder.read("log.jsonl").decode().splitlines()[0])
    entry["environment"]["hardware"].pop("gpus", None)
    made.folder.append("log.jsonl", json.dumps(entry))
    assert len(origin(made).machines) == 1


def test_intact_files_have_no_faults(run):
    found = origin(run).ledger
    assert found.files == run.num_shards * 3 and found.faults == ()


def test_a_shard_that_is_not_the_ledger_s_is_named(make_run):
    made = make_run(14)
    made.folder.write("rounds/00/render/00000.parquet", b"something else")
    assert "rounds/00/render/00000.parquet" in origin(made).ledger.faults[0]
