"""Where a run's steps are worked on. An executor opens workers for the run, which then work one job after another.

`serial` works in this process. `local` has processes, one torch thread each, which live until the run's last step: what
is imported is imported once for all of them (`facsim.nursery`), what a step loaded is dropped when it is over. When one
dies, its piece is cut in two until the sample at fault stands alone, and that sample becomes `Problem("crashed")`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, Protocol

import pyarrow as pa

from facsim.errors import FacsimError, RecipeError, hint_nearest
from facsim.manifest import Manifest
from facsim.nursery import Nursery, Process
from facsim.picture_memory import PICTURES
from facsim.work import Job, Piece, crashed_table, open_job

__all__ = ["EXECUTORS", "Executor", "StageFailed", "WorkShards", "executor_named", "local", "serial"]

OnRows = Callable[[int], None]


class StageFailed(FacsimError):
    """A stage raised an error: the program is broken, not the sample. The worker's traceback is in the message."""


class WorkShards(Protocol):
    """Work every shard of `shards`; `on_rows` is called with each number of rows done. Raises StageFailed."""

    def __call__(self, job: Job, shards: Sequence[int], *, on_rows: OnRows) -> None: ...


class Executor(Protocol):
    """A context in which shards are worked on, by up to `workers` workers that end with it.

    `modules` hold the stages that will come: they may be imported once for all workers.
    """

    def __call__(
        self, *, workers: int, device: str, modules: Sequence[str] = ()
    ) -> AbstractContextManager[WorkShards]: ...


@contextmanager
def serial(*, workers: int, device: str, modules: Sequence[str] = ()) -> Iterator[WorkShards]:
    """Work in this process, one shard after another; `workers` has no meaning here. No picture is kept at the end."""

    def work(job: Job, shards: Sequence[int], *, on_rows: OnRows) -> None:
        manifest, do = job.manifest(), open_job(job, device)
        for shard in shards:
            piece = Piece(shard=shard, start=0, stop=manifest.shard_rows[shard])
            manifest.write_shard(job.step, shard, do(piece, on_rows))

    try:
        yield work
    finally:
        PICTURES.forget()


@contextmanager
def local(*, workers: int, device: str, modules: Sequence[str] = ()) -> Iterator[WorkShards]:
    """Work in up to `workers` processes of this machine, each started when there is first a shard for it."""
    environment = {**_HEAP, **os.environ, **_ONE_THREAD}
    nursery = Nursery(sorted(set(modules)), environment) if _FORKS and device == "cpu" else None
    pool = _Pool(most=max(workers, 1), device=device, environment=environment, nursery=nursery)
    try:
        yield pool.work
        pool.dismiss()
    finally:
        pool.kill()
        if nursery is not None:
            nursery.close()


EXECUTORS: Mapping[str, Executor] = {"local": local, "serial": serial}
"""Executor name → function."""


def executor_named(name: str) -> Executor:
    """The executor. Raises RecipeError with the nearest name."""
    if name not in EXECUTORS:
        raise RecipeError(f'no executor is called "{name}".{hint_nearest(name, EXECUTORS)}')
    return EXECUTORS[name]


_FORKS = sys.platform == "linux"
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

# glibc (mallopt(3)): a network's maps, some MB each, are then not handed back to the system and faulted in again for
# every layer; what a job held is handed back when it is over (facsim.worker). 32 MB is the largest that is allowed.
_HEAP = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(512 << 20)}


@dataclass(kw_only=True)
class _Worker:
    """The parent's side of one process. `fresh` until its first job is over, `ready` once it has loaded its job."""

    index: int
    process: Process
    connection: Connection
    piece: Piece | None = None
    rows_told: int = 0
    ready: bool = False
    fresh: bool = True
    known: dict[int, int] = field(default_factory=dict)  # shard → when it was last worked on, counted in pieces

    def given(self, job: Job) -> bool:
        """Whether the process is still there to be sent the job, which it now has."""
        self.piece, self.rows_told, self.ready = None, 0, False
        return self.process.poll() is None and self.sent(job)

    def sent(self, message: Job | Piece | None) -> bool:
        """Whether the message could be sent."""
        try:
            self.connection.send(message)
        except ConnectionError:
            return False
        return True

    def ended(self) -> int:
        """Its exit code, awaited; the worker is told to end by hanging up."""
        self.connection.close()
        return self.process.wait()


def _started(index: int, device: str, environment: Mapping[str, str]) -> tuple[Process, Connection]:
    ours, theirs = Pipe()
    command = [sys.executable, "-m", "facsim.worker", str(theirs.fileno()), str(index), device]
    settings = {**environment, "FACSIM_WORKER": str(index)}
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=settings, stdin=subprocess.DEVNULL)
    theirs.close()
    return process, ours


@dataclass(kw_only=True)
class _Pool:
    """The processes of a run: those that wait for a job, and those on the present one."""

    most: int
    device: str
    environment: Mapping[str, str]
    nursery: Nursery | None
    idle: list[_Worker] = field(default_factory=list)
    busy: list[_Worker] = field(default_factory=list)

    def work(self, job: Job, shards: Sequence[int], *, on_rows: OnRows) -> None:
        """Work the shards. Raises StageFailed when the stage raises; every process is ended then."""
        task = _Task(pool=self, job=job, manifest=job.manifest(), on_rows=on_rows)
        task.waiting.extend(Piece(shard=s, start=0, stop=task.manifest.shard_rows[s]) for s in shards)
        try:
            for index in range(min(self.most, len(shards))):
                self.put_to(job, index)
            while self.busy:
                task.step()
        except BaseException:
            self.kill()
            raise

    def put_to(self, job: Job, index: int) -> None:
        """Give the job to worker `index`, to a new process where it has none that lives."""
        held = next((worker for worker in self.idle if worker.index == index), None)
        if held is not None:
            self.idle.remove(held)
            if not held.given(job):
                held.ended()
                held = None
        if held is None:
            held = self.new(index)
            held.given(job)  # one that died at once is noticed as it is listened to
        self.busy.append(held)

    def new(self, index: int) -> _Worker:
        """Worker `index` as a new process."""
        if self.nursery is not None:
            process, connection = self.nursery.fork(index, self.device)
        else:
            process, connection = _started(index, self.device, self.environment)
        return _Worker(index=index, process=process, connection=connection)

    def rest(self, worker: _Worker) -> None:
        """The worker's part in the job is over: it drops what it loaded and waits for another."""
        self.busy.remove(worker)
        worker.fresh = False
        if worker.sent(None):
            self.idle.append(worker)
        else:
            worker.ended()

    def dismiss(self) -> None:
        """End the processes that wait, each in its own time."""
        for worker in self.idle:
            worker.connection.close()
        while self.idle:
            self.idle.pop().process.wait()

    def kill(self) -> None:
        """End every process now."""
        for worker in (*self.busy, *self.idle):
            worker.process.kill()
            worker.ended()
        self.busy.clear()
        self.idle.clear()


@dataclass(kw_only=True)
class _Task:
    """One job at work in a pool: which pieces wait, which parts have come."""

    pool: _Pool
    job: Job
    manifest: Manifest
    on_rows: OnRows
    waiting: deque[Piece] = field(default_factory=deque)
    parts: dict[int, dict[int, pa.Table]] = field(default_factory=dict)

    def step(self) -> None:
        """Take one message from every worker that has one."""
        by_connection = {worker.connection: worker for worker in self.pool.busy}
        for connection in wait(list(by_connection)):
            worker = by_connection[connection]  # type: ignore[index]  # wait returns what it was given
            try:
                self._heard(worker, worker.connection.recv())
            except (EOFError, ConnectionError):
                self._died(worker)

    def _heard(self, worker: _Worker, message: tuple[str, Any]) -> None:
        kind, value = message
        if kind == "error":
            raise StageFailed(f'step "{self.job.step}" ({worker.piece}): the stage raised an error\n{value}')
        if kind == "rows":
            worker.rows_told += value
            self.on_rows(value)
            return
        if kind == "part" and worker.piece is not None:
            self._part(worker.piece, value)
        worker.ready = True
        self._next(worker)

    def _next(self, worker: _Worker) -> None:
        worker.piece, worker.rows_told = self._taken(worker), 0
        if worker.piece is None:
            self.pool.rest(worker)
        elif not worker.sent(worker.piece):
            self._died(worker)

    def _taken(self, worker: _Worker) -> Piece | None:
        """A waiting piece: of the shard that this worker had last, whose pictures it may still hold; else one that is
        new to all; else the first."""
        if not self.waiting:
            return None
        others = {shard for other in self.pool.busy if other is not worker for shard in other.known}
        ranks = [worker.known.get(piece.shard, -2 if piece.shard in others else -1) for piece in self.waiting]
        at = ranks.index(max(ranks))
        piece = self.waiting[at]
        del self.waiting[at]
        worker.known[piece.shard] = max(worker.known.values(), default=0) + 1
        return piece

    def _died(self, worker: _Worker) -> None:
        """Bisect what a dead worker held, and put another in its place."""
        self.pool.busy.remove(worker)
        code, piece = worker.ended(), worker.piece
        if not worker.ready and worker.fresh:
            raise StageFailed(f'step "{self.job.step}": a worker ended with code {code} before its first sample')
        if piece is not None:
            self.on_rows(-worker.rows_told)
            if piece.stop - piece.start == 1:
                self.on_rows(1)
                self._part(piece, crashed_table(self.job, piece))
            else:
                self.waiting.extendleft(reversed(piece.halves()))
        if self.waiting:
            self.pool.put_to(self.job, worker.index)

    def _part(self, piece: Piece, table: pa.Table) -> None:
        """Keep a part; land the shard when all of its rows are there."""
        parts = self.parts.setdefault(piece.shard, {})
        parts[piece.start] = table
        if sum(part.num_rows for part in parts.values()) == self.manifest.shard_rows[piece.shard]:
            whole = pa.concat_tables([parts[start] for start in sorted(parts)])
            self.manifest.write_shard(self.job.step, piece.shard, whole)
            del self.parts[piece.shard]
