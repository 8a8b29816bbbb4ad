import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from facsim.errors import ManifestError
from facsim.executors import StageFailed
from facsim.manifest import open_manifest
from facsim.recipe import parse_recipe
from facsim.runner import redo, run

RECIPE = """
[plan]
count = 60
seed = 3
rows_per_shard = 10
[[step]]
use = "painted"
[[step]]
use = "select"
reject_duplicates = false
most = 5
"""


def contents(folder):
    place = folder / "rounds"
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*.parquet"))}


@pytest.mark.usefixtures("fakes")
class TestRunner:
    def test_workers_and_executors_change_no_byte(self, tmp_path):
        for name, workers, executor in (("a", 1, "serial"), ("b", 1, "local"), ("c", 3, "local")):
            run(parse_recipe(RECIPE), str(tmp_path / name), workers=workers, executor=executor)
        assert contents(tmp_path / "a") == contents(tmp_path / "b") == contents(tmp_path / "c")

    def test_shard_sizes_change_no_row(self, tmp_path):
        one = run(parse_recipe(RECIPE), str(tmp_path / "a"), executor="serial")
        other = run(parse_recipe(RECIPE.replace("= 10", "= 7")), str(tmp_path / "b"), executor="serial")
        columns = ["painted.image", "painted.AU4", "select.accepted", "select.reason"]
        assert one.table(columns).combine_chunks().equals(other.table(columns).combine_chunks())

    def test_resumed_run_equals_unbroken_run(self, tmp_path):
        whole = run(parse_recipe(RECIPE), str(tmp_path / "whole"), executor="serial")
        cut = tmp_path / "cut"
        run(parse_recipe(RECIPE), str(cut), executor="serial")
        for lost in ("painted/00001.parquet", "painted/00004.parquet", "select/00000.parquet", "plan/00002.parquet"):
            (cut / "rounds/00" / lost).unlink()
        run(parse_recipe(RECIPE), str(cut), executor="serial")
        assert contents(cut) == contents(tmp_path / "whole")
        assert whole.verify() == []

    def test_a_killed_run_continues_where_it_was(self, tmp_path):
        recipe, out = tmp_path / "recipe.toml", tmp_path / "cut"
        recipe.write_text(RECIPE.replace("count = 60", "count = 400"))
        program = (
            "import facsim.stage as s; s.BUILT_IN['painted'] = 'facsim.testing:Painted'\n"
            "from facsim.recipe import load_recipe; from facsim.runner import run\n"
            f"run(load_recipe({str(recipe)!r}), {str(out)!r}, workers=2)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and len(list((out / "rounds/00").glob("painted/*.parquet"))) < 3:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        run(parse_recipe(recipe.read_text()), str(out), workers=2)
        run(parse_recipe(recipe.read_text()), str(tmp_path / "whole"), executor="serial")
        assert contents(out) == contents(tmp_path / "whole")

    def test_every_row_gets_a_verdict_and_a_rejection_a_reason(self, tmp_path):
        done = run(parse_recipe(RECIPE), str(tmp_path / "r"), executor="serial")
        verdicts = list(zip(done.column("select.accepted"), done.column("select.reason"), strict=True))
        assert len(verdicts) == 60
        assert Counter(verdicts)[(True, None)] == 35
        assert Counter(verdicts)[(False, "over_quota")] == 25

    def test_a_dead_worker_costs_one_sample(self, tmp_path):
        steps = '[[step]]\nuse = "painted"\n[[step]]\nuse = "crashing"\nprefix = "1"'
        text = f"[plan]\ncount = 30\nrows_per_shard = 10\n{steps}"
        done = run(parse_recipe(text), str(tmp_path / "r"), workers=2)
        ids, problems = done.column("plan.sample_id"), done.column("crashing.problem")
        assert [i for i, p in zip(ids, problems, strict=True) if p == "crashed"] == [i for i in ids if i[0] == "1"]
        assert done.column("crashing.face_luminance").count(0.5) == sum(i[0] != "1" for i in ids)

    def test_a_broken_stage_stops_the_run_and_says_where(self, tmp_path):
        text = '[plan]\ncount = 8\n[[step]]\nuse = "painted"\n[[step]]\nuse = "failing"'
        with pytest.raises(StageFailed, match=r'step "failing"(?s:.*)ZeroDivisionError'):
            run(parse_recipe(text), str(tmp_path / "r"), workers=1)

    def test_a_run_of_another_plan_is_refused(self, tmp_path):
        run(parse_recipe(RECIPE), str(tmp_path / "r"), executor="serial")
        with pytest.raises(ManifestError, match=r"another recipe \(seed was 3, is 4\); choose another --out"):
            run(parse_recipe(RECIPE.replace("seed = 3", "seed = 4")), str(tmp_path / "r"), executor="serial")

    def test_a_stale_step_is_refused_naming_the_cause(self, tmp_path):
        run(parse_recipe(RECIPE), str(tmp_path / "r"), executor="serial")
        with pytest.raises(ManifestError, match=r'"select" .* stale: .*most was 5, is 4.*facsim redo select'):
            run(parse_recipe(RECIPE.replace("most = 5", "most = 4")), str(tmp_path / "r"), executor="serial")

    def test_redo_drops_a_step_and_what_follows_and_nothing_else(self, tmp_path):
        out = str(tmp_path / "r")
        run(parse_recipe(RECIPE), out, executor="serial")
        pictures = contents(tmp_path / "r")
        assert redo(out, "select") == ["select"]
        changed = run(parse_recipe(RECIPE.replace("most = 5", "most = 4")), out, executor="serial")
        assert changed.column("select.accepted").count(True) == 28
        kept = contents(tmp_path / "r")
        assert all(kept[name] == data for name, data in pictures.items() if name.startswith("00/painted"))

    def test_redo_of_an_unknown_step_names_the_nearest(self, tmp_path):
        run(parse_recipe(RECIPE), str(tmp_path / "r"), executor="serial")
        with pytest.raises(ManifestError, match='Did you mean "select"'):
            redo(str(tmp_path / "r"), "selct")

    def test_a_folder_with_something_else_in_it_is_refused(self, tmp_path):
        (tmp_path / "thesis.tex").write_text("mine")
        with pytest.raises(ManifestError, match="not a run folder"):
            run(parse_recipe(RECIPE), str(tmp_path), executor="serial")
        assert (tmp_path / "thesis.tex").read_text() == "mine"

    def test_a_damaged_shard_is_named(self, tmp_path):
        run(parse_recipe(RECIPE), str(tmp_path / "r"), executor="serial")
        (tmp_path / "r/rounds/00/painted/00003.parquet").write_bytes(b"PAR1 no")
        with pytest.raises(ManifestError, match=r"00003.parquet is damaged"):
            open_manifest(str(tmp_path / "r")).column("painted.AU4")
        assert len(open_manifest(str(tmp_path / "r")).verify()) == 1

    def test_two_runs_cannot_share_a_folder(self, tmp_path):
        run(parse_recipe(RECIPE), str(tmp_path / "r"), executor="serial")
        with open_manifest(str(tmp_path / "r")).folder.locked(), pytest.raises(ManifestError, match="in use"):
            run(parse_recipe(RECIPE), str(tmp_path / "r"), executor="serial")

    def test_the_log_says_what_made_the_run(self, tmp_path):
        run(parse_recipe(RECIPE), str(tmp_path / "r"), executor="serial")
        entries = [json.loads(line) for line in (tmp_path / "r/log.jsonl").read_text().splitlines()]
        assert [entry["step"] for entry in entries] == ["painted", "select"]
        assert entries[0]["rows"] == 60
        assert entries[0]["environment"]["packages"]["numpy"]

    def test_a_run_lands_on_an_object_store(self):
        done = run(parse_recipe(RECIPE), "memory://runs/one", executor="serial")
        assert done.column("select.accepted").count(True) == 35

    def test_a_run_killed_as_it_was_planned_is_planned_to_the_end(self, tmp_path):
        out = tmp_path / "r"
        run(parse_recipe(RECIPE), str(out), executor="serial")
        whole = contents(out)
        for lost in ("run.json", "rounds", "ledger.jsonl", "log.jsonl"):
            subprocess.run(["rm", "-r", str(out / lost)], check=True)
        run(parse_recipe(RECIPE), str(out), executor="serial")
        (out / "rounds/00/plan/00003.parquet").unlink()
        done = run(parse_recipe(RECIPE), str(out), executor="serial")
        assert contents(out) == whole
        assert done.steps() == ("plan", "painted", "select")

    def test_a_process_that_read_a_run_ends_well(self, tmp_path):
        """With pyarrow's thread pool two of three such processes ended with SIGABRT."""
        run(parse_recipe(RECIPE), str(tmp_path / "r"), executor="serial")
        program = f"import facsim; facsim.open_dataset({str(tmp_path / 'r')!r}).table(['painted.AU4'])"
        ends = [subprocess.run([sys.executable, "-c", program], capture_output=True).returncode for _ in range(6)]
        assert ends == [0] * 6
