"""facsim.nursery: what workers need is imported once; how they end is known; a nursery that ends is replaced."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from facsim.nursery import Nursery
from facsim.recipe import parse_recipe
from facsim.runner import run
from facsim.work import Job, Piece

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks workers")

PLAN = '[plan]\ncount = 6\nrows_per_shard = 3\n[[step]]\nuse = "painted"\n'
NOTES = 'import os\nwith open(os.environ["NOTES"], "a") as file:\n    file.write(f"{os.getpid()}\\n")\n'


@pytest.fixture
def nursery_of(tmp_path, monkeypatch):
    """A function: lines that a module runs when it is imported → a nursery that imports it, and who did import it."""
    made = []
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))

    def make(lines=""):
        (tmp_path / "noted.py").write_text(NOTES + lines)
        made.append(Nursery(["noted"], dict(os.environ)))
        return made[-1], lambda: (tmp_path / "notes").read_text().split()

    yield make
    for one in made:
        one.close()


@pytest.fixture
def work(tmp_path, fakes):
    """A function: a connection to a worker → the rows of a shard, worked on by it."""
    folder = str(tmp_path / "run")
    manifest = run(parse_recipe(PLAN), folder, executor="serial")
    ((step, bindings),) = parse_recipe(PLAN).bound_steps()
    job = Job(url=folder, step="again", stage=step.stage, bindings=bindings)

    def ask(connection):
        connection.send(job)
        assert connection.recv() == ("ready", None)
        connection.send(Piece(shard=0, start=0, stop=2))
        while (answer := connection.recv())[0] == "rows":
            pass
        return answer[1]["image"].to_pylist() == manifest.read_shard("painted", 0)["image"].to_pylist()[:2]

    return ask


def test_what_is_imported_is_imported_once_for_all_workers(nursery_of, work):
    nursery, imported_by = nursery_of()
    workers = [nursery.fork(index, "cpu") for index in range(3)]
    assert all(work(connection) for _, connection in workers)
    assert len(imported_by()) == 1 and imported_by()[0] not in {str(process.pid) for process, _ in workers}


def test_a_module_that_starts_threads_is_not_imported_before_a_fork(nursery_of, work):
    nursery, imported_by = nursery_of(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    assert work(nursery.fork(0, "cpu")[1])
    assert len(imported_by()) == 1, "the nursery began anew, and left the import to who needs it"


def test_a_module_that_cannot_be_imported_stops_nothing(nursery_of, work):
    nursery, _ = nursery_of("raise RuntimeError\n")
    assert work(nursery.fork(0, "cpu")[1])


def test_a_worker_ends_when_it_is_hung_up_on_and_its_code_is_known(nursery_of, work):
    nursery, _ = nursery_of()
    process, connection = nursery.fork(0, "cpu")
    assert process.poll() is None
    connection.close()
    assert process.wait() == 0 == process.poll()


def test_a_killed_workers_signal_is_known_and_its_connection_ends(nursery_of):
    nursery, _ = nursery_of()
    (one, to_one), (other, _) = (nursery.fork(index, "cpu") for index in range(2))
    one.kill()
    with pytest.raises((EOFError, ConnectionError)):
        to_one.recv()
    assert one.wait() == -signal.SIGKILL
    one.kill()  # nothing is there any more
    assert other.poll() is None


def test_a_worker_that_fails_says_why_and_ends_with_one(nursery_of):
    nursery, _ = nursery_of()
    process, connection = nursery.fork(0, "cpu")
    connection.send("no job")
    kind, text = connection.recv()
    assert kind == "error" and "Traceback" in text
    assert process.wait() == 1


def test_a_nursery_that_is_killed_is_replaced_and_its_workers_live_on(nursery_of, work):
    nursery, imported_by = nursery_of()
    first, to_first = nursery.fork(0, "cpu")
    os.kill(int(imported_by()[0]), signal.SIGKILL)
    second, to_second = nursery.fork(1, "cpu")
    assert second.pid != first.pid and len(imported_by()) == 2
    assert work(to_first) and work(to_second)
    first.kill()
    assert first.wait() == -signal.SIGKILL
    assert second.poll() is None, "the new nursery lives on, asked of a worker that is not its own"
    third, to_third = nursery.fork(2, "cpu")  # a worker ends when its connection is let go
    assert third.poll() is None and len(imported_by()) == 2 and work(to_third)


def test_workers_end_with_a_parent_that_is_gone(nursery_of):
    nursery, _ = nursery_of()
    process, connection = nursery.fork(0, "cpu")
    connection.close()
    nursery.close()
    for _ in range(200):
        status = Path(f"/proc/{process.pid}/status")
        if not status.exists() or "State:\tZ" in status.read_text():
            return
        time.sleep(0.05)
    pytest.fail("the worker is still there")


def test_a_worker_has_nothing_of_the_nurserys(nursery_of, work):
    nursery, _ = nursery_of()
    workers = [nursery.fork(index, "cpu") for index in range(2)]
    assert all(work(connection) for _, connection in workers)
    sockets = [
        sum(
            os.readlink(f"/proc/{process.pid}/fd/{fd}").startswith("socket:")
            for fd in os.listdir(f"/proc/{process.pid}/fd")
        )
        for process, _ in workers
    ]
    assert sockets == [1, 1], "a connection held by another process would hide that its own worker died"
