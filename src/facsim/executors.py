"""Where a step's shards are worked on. An executor is a function: a job and shards in, landed shards out.

`serial` works in this process. `local` starts processes, one torch thread each; when one dies, its piece is cut in
two until the sample at fault stands alone, and that sample becomes `Problem("crashed")`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, Protocol

import pyarrow as pa

from facsim.errors import FacsimError, RecipeError, hint_nearest
from facsim.manifest import Manifest
from facsim.work import Job, Piece, crashed_table, open_job

__all__ = ["EXECUTORS", "Executor", "StageFailed", "executor_named", "local", "serial"]

OnRows = Callable[[int], None]


class StageFailed(FacsimError):
    """A stage raised an error: the program is broken, not the sample. The worker's traceback is in the message."""


class Executor(Protocol):
    """Work every shard of `shards`; `on_rows` is called with each number of rows done."""

    def __call__(self, job: Job, shards: Sequence[int], *, workers: int, device: str, on_rows: OnRows) -> None: ...


def serial(job: Job, shards: Sequence[int], *, workers: int, device: str, on_rows: OnRows) -> None:
    """Work the shards one after another in this process; `workers` has no meaning here."""
    manifest, do = job.manifest(), open_job(job, device)
    for shard in shards:
        piece = Piece(shard=shard, start=0, stop=manifest.shard_rows[shard])
        manifest.write_shard(job.step, shard, do(piece, on_rows))


def local(job: Job, shards: Sequence[int], *, workers: int, device: str, on_rows: OnRows) -> None:
    """Work the shards in `workers` processes of this machine. Raises StageFailed when the stage raises."""
    pool = _Pool(job=job, manifest=job.manifest(), device=device, on_rows=on_rows)
    pool.waiting.extend(Piece(shard=s, start=0, stop=pool.manifest.shard_rows[s]) for s in shards)
    try:
        for index in range(min(max(workers, 1), len(shards))):
            pool.start(index)
        while pool.busy:
            pool.step()
    finally:
        pool.end()


EXECUTORS: Mapping[str, Executor] = {"local": local, "serial": serial}
"""Executor name → function."""


def executor_named(name: str) -> Executor:
    """The executor. Raises RecipeError with the nearest name."""
    if name not in EXECUTORS:
        raise RecipeError(f'no executor is called "{name}".{hint_nearest(name, EXECUTORS)}')
    return EXECUTORS[name]


@dataclass(kw_only=True)
class _Worker:
    index: int
    process: subprocess.Popen[bytes]
    connection: Connection
    piece: Piece | None = None
    rows_told: int = 0
    ready: bool = False


@dataclass(kw_only=True)
class _Pool:
    """The parent's side: which worker holds which piece, which pieces wait, which parts have come."""

    job: Job
    manifest: Manifest
    device: str
    on_rows: OnRows
    waiting: deque[Piece] = field(default_factory=deque)
    busy: list[_Worker] = field(default_factory=list)
    parts: dict[int, dict[int, pa.Table]] = field(default_factory=dict)

    def start(self, index: int) -> None:
        ours, theirs = Pipe()
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "FACSIM_WORKER": str(index)}
        command = [sys.executable, "-m", "facsim.worker", str(theirs.fileno()), str(index), self.device]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL)
        theirs.close()
        worker = _Worker(index=index, process=process, connection=ours)
        self.busy.append(worker)
        ours.send(self.job)

    def step(self) -> None:
        """Take one message from every worker that has one."""
        by_connection = {worker.connection: worker for worker in self.busy}
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
        worker.piece, worker.rows_told = (self.waiting.popleft() if self.waiting else None), 0
        try:
            worker.connection.send(worker.piece)
        except (BrokenPipeError, ConnectionError):
            self._died(worker)
            return
        if worker.piece is None:
            self.busy.remove(worker)
            worker.process.wait()
            worker.connection.close()

    def _died(self, worker: _Worker) -> None:
        """Bisect what a dead worker held, and put another in its place."""
        self.busy.remove(worker)
        worker.connection.close()
        code = worker.process.wait()
        piece = worker.piece
        if not worker.ready:
            raise StageFailed(f'step "{self.job.step}": a worker ended with code {code} before its first sample')
        if piece is not None:
            self.on_rows(-worker.rows_told)
            if piece.stop - piece.start == 1:
                self.on_rows(1)
                self._part(piece, crashed_table(self.job, piece))
            else:
                self.waiting.extendleft(reversed(piece.halves()))
        if self.waiting:
            self.start(worker.index)

    def _part(self, piece: Piece, table: pa.Table) -> None:
        """Keep a part; land the shard when all of its rows are there."""
        parts = self.parts.setdefault(piece.shard, {})
        parts[piece.start] = table
        if sum(part.num_rows for part in parts.values()) == self.manifest.shard_rows[piece.shard]:
            whole = pa.concat_tables([parts[start] for start in sorted(parts)])
            self.manifest.write_shard(self.job.step, piece.shard, whole)
            del self.parts[piece.shard]

    def end(self) -> None:
        for worker in self.busy:
            worker.process.kill()
            worker.process.wait()
            worker.connection.close()
