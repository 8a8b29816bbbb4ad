import gc
import threading
import weakref
from dataclasses import dataclass
from multiprocessing.connection import Pipe
from typing import ClassVar

import pytest

from facsim import executors, worker
from facsim.executors import StageFailed
from facsim.manifest import open_manifest
from facsim.recipe import parse_recipe
from facsim.runner import run
from facsim.stage import Determinism, Resources
from facsim.work import Job, Piece

STEPS = """
[plan]
count = 40
seed = 3
rows_per_shard = 10
[[step]]
use = "painted"
[[step]]
use = "answering"
[[step]]
name = "second"
use = "answering"
name_seed = 2
"""


def contents(folder):
    place = folder / "rounds"
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*.parquet"))}


@pytest.fixture(params=[pytest.param(True, id="forked"), pytest.param(False, id="started")])
def started(monkeypatch, request):
    """The worker processes that there were, as they are: forked, or each started by itself."""
    found = []
    new = executors._Pool.new

    def counted(pool, index):
        worker = new(pool, index)
        found.append(worker.process)
        return worker

    monkeypatch.setattr(executors, "_FORKS", request.param and executors._FORKS)
    monkeypatch.setattr(executors._Pool, "new", counted)
    return found


@pytest.mark.usefixtures("fakes")
class TestLocal:
    def test_the_same_processes_work_every_step(self, tmp_path, started):
        for name, workers in (("one", 1), ("two", 2)):
            started.clear()
            run(parse_recipe(STEPS), str(tmp_path / name), workers=workers)
            assert len(started) == workers
            assert [process.poll() for process in started] == [0] * workers
        run(parse_recipe(STEPS), str(tmp_path / "serial"), executor="serial")
        assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "serial")

    def test_a_step_with_fewer_shards_than_workers_starts_no_more_than_it_has(self, tmp_path, started):
        run(parse_recipe(STEPS.replace("= 10", "= 20")), str(tmp_path / "r"), workers=5)
        assert len(started) == 2

    def test_a_finished_run_starts_none(self, tmp_path, started):
        run(parse_recipe(STEPS), str(tmp_path / "r"), executor="serial")
        run(parse_recipe(STEPS), str(tmp_path / "r"), workers=2)
        assert started == []

    def test_a_worker_that_dies_in_the_second_step_is_replaced_and_the_third_is_worked(self, tmp_path, started):
        text = STEPS.replace('use = "answering"\n[[step]]', 'use = "crashing"\nprefix = "1"\n[[step]]')
        done = run(parse_recipe(text), str(tmp_path / "r"), workers=2)
        crashed = [name for name in done.column("plan.sample_id") if name.startswith("1")]
        assert crashed
        assert done.column("crashing.problem").count("crashed") == len(crashed)
        assert len(done.column("second.expression_scores")) == 40
        assert len(started) > 2
        assert all(process.poll() is not None for process in started)

    def test_workers_that_died_between_two_steps_are_replaced(self, tmp_path, started):
        def kill_them(progress):
            if (progress.step, progress.done) == ("answering", 0):
                for process in started:
                    process.kill()
                    process.wait()

        run(parse_recipe(STEPS), str(tmp_path / "r"), workers=2, on_progress=kill_them)
        assert len(started) == 4
        run(parse_recipe(STEPS), str(tmp_path / "serial"), executor="serial")
        assert contents(tmp_path / "r") == contents(tmp_path / "serial")

    def test_an_old_worker_that_dies_before_its_first_sample_stops_nothing(self, tmp_path, started):
        def kill_one(progress):
            if (progress.step, progress.done) == ("answering", 0):
                started[0].kill()  # noticed as it is sent the job, or as it is listened to

        run(parse_recipe(STEPS), str(tmp_path / "r"), workers=2, on_progress=kill_one)
        run(parse_recipe(STEPS), str(tmp_path / "serial"), executor="serial")
        assert contents(tmp_path / "r") == contents(tmp_path / "serial")

    def test_a_stage_that_raises_ends_every_worker(self, tmp_path, started):
        text = STEPS.replace('use = "answering"\n[[step]]', 'use = "failing"\n[[step]]')
        with pytest.raises(StageFailed, match=r'step "failing"(?s:.*)ZeroDivisionError'):
            run(parse_recipe(text), str(tmp_path / "r"), workers=2)
        assert len(started) == 2
        assert all(process.poll() is not None for process in started)

    def test_an_interrupted_run_ends_every_worker(self, tmp_path, started):
        def interrupt(progress):
            if progress.step == "answering":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(parse_recipe(STEPS), str(tmp_path / "r"), workers=2, on_progress=interrupt)
        assert len(started) == 2
        assert all(process.poll() is not None for process in started)


class Held:
    """What a stage loads: it holds itself, as a network does whose hooks know it."""

    def __init__(self):
        self.itself = self
        LOADED.append(weakref.ref(self))


LOADED = []


@dataclass(frozen=True, kw_only=True)
class Loading:
    """A stage that loads something."""

    name: ClassVar[str] = "loading"
    version: ClassVar[int] = 1
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("face_luminance",)
    resources: ClassVar[Resources] = Resources()
    weights: ClassVar[tuple[str, ...]] = ()

    def open(self, device):
        held = Held()
        return lambda samples: [{"face_luminance": 0.5 if held else 0.0} for _ in samples]


@pytest.mark.usefixtures("fakes")
def test_what_a_job_loaded_is_let_go_of_before_the_next_is_loaded(tmp_path):
    manifest = run(parse_recipe(STEPS), str(tmp_path / "r"), executor="serial")
    ours, theirs = Pipe()
    job = Job(url=str(tmp_path / "r"), step="loading", stage=Loading(), bindings={})
    seen = []

    def serve():
        with pytest.raises(EOFError):
            worker.serve(theirs, 0, "cpu")

    thread = threading.Thread(target=serve)
    gc.disable()  # else a collection at the wrong moment would hide what is kept
    thread.start()
    try:
        for shard in range(3):
            ours.send(job)
            assert ours.recv() == ("ready", None)
            seen.append([held() is not None for held in LOADED])
            ours.send(Piece(shard=shard, start=0, stop=manifest.shard_rows[shard]))
            while ours.recv() != ("done", None):
                pass
            ours.send(None)
    finally:
        gc.enable()
        ours.close()
        thread.join()
    assert seen == [[True], [False, True], [False, False, True]]
    assert open_manifest(str(tmp_path / "r")).read_shard("loading", 0)["face_luminance"].to_pylist() == [0.5] * 10
