"""Pieces of pictures decoded side by side: by processes, or by threads where there is too little for a process.

Measured for 112 px JPEG on two busy cores, seven turns of each: a process takes 0.16 s of processor time to start, and
two of them decode 1.6 times what two threads do (at 224 px 1.1 times), which take turns at the interpreter between
Pillow's short calls.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.formats.places import PlaceReader
from facsim.learn.decoding import Decoded, Piece, Shape, crashed, decode_piece, image_shape, joined, landed

__all__ = ["DecodePool", "available_workers", "decoded_by_threads"]

_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    # glibc keeps the memory of one picture for the next: without, a picture of 224 px costs 130 page faults
    **dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_"), str(32 << 20)),
}
_WAITING = 2  # pieces that lie ready for each thread: enough that none waits, few enough to hold


def available_workers() -> int:
    """As many as there are processors for this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decoded_by_threads(pieces: Iterable[Piece], shape: Shape, *, workers: int) -> Iterator[tuple[Piece, Decoded]]:
    """Each piece with its pictures, in the order in which they are done. Raises as `decode_piece` does."""

    def decode(piece: Piece) -> tuple[Piece, Decoded]:
        with PlaceReader() as reader:
            return piece, decode_piece(piece, shape, reader)

    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        running: set[Future[tuple[Piece, Decoded]]] = set()
        for piece in pieces:
            running.add(pool.submit(decode, piece))
            if len(running) >= _WAITING * max(1, workers):
                done, running = wait_for(running, return_when=FIRST_COMPLETED)
                yield from (found.result() for found in done)
        yield from (found.result() for found in running)


@dataclass(kw_only=True)
class _Worker:
    process: subprocess.Popen[bytes]
    connection: Connection
    piece: Piece
    ready: bool = False


@dataclass(kw_only=True)
class _Part:
    """What is known of a piece that was cut: a worker died on it."""

    piece: Piece
    rows: dict[int, Decoded] = field(default_factory=dict[int, Decoded])


class DecodePool:
    """`workers` processes that decode pieces for as long as the pool is open; each is started when it is needed.

    Several threads may run pieces at once: each has at least one process, or waits for one.
    A process that dies has its piece decoded again picture by picture, each in a process that may die too: the one at
    fault gets the reason "crashed", the others are as they would have been.
    """

    def __init__(self, shape: Shape, *, workers: int) -> None:
        self._shape, self._free = shape, threading.Semaphore(max(1, workers))
        self._idle: list[_Worker] = []
        weakref.finalize(self, _end_all, self._idle)  # of a pool that nobody closes

    def __enter__(self) -> DecodePool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, pieces: Iterable[Piece], *, into: NDArray[np.uint8] | None = None) -> Iterator[tuple[Piece, Decoded]]:
        """Each piece with its pictures, in the order in which they are done; with `into`, an array of all pictures
        whose rows a piece's begin at its number, they are written there and `Decoded` comes without.

        Raises as `decode_piece` does, and RuntimeError with the worker's traceback where it is broken.
        """
        coming, waiting, busy = iter(pieces), deque[Piece](), list[_Worker]()
        parts: dict[int, _Part] = {}
        try:
            while self._fill(busy, waiting, coming):
                for worker in self._answered(busy):
                    found = self._answer(worker, None if worker.piece.number in parts else into)
                    busy.remove(worker)
                    self._free.release()
                    if found is None:
                        waiting.extend(_cut(worker.piece, parts))
                    elif (whole := _joined(worker.piece, found, parts)) is not None:
                        yield _placed(whole, into)
        finally:
            for worker in busy:  # an error, or nobody asks for more: what they hold is not wanted
                _end(worker)
                self._free.release()

    def _fill(self, busy: list[_Worker], waiting: deque[Piece], coming: Iterator[Piece]) -> bool:
        """Give pieces to the processes that are free; whether any is at work then."""
        while self._free.acquire(blocking=not busy):
            piece = waiting.popleft() if waiting else next(coming, None)
            if piece is None:
                self._free.release()
                break
            try:
                busy.append(self._given(piece))
            except BaseException:
                self._free.release()
                raise
        return bool(busy)

    def close(self) -> None:
        """End the processes."""
        _end_all(self._idle)

    def _given(self, piece: Piece) -> _Worker:
        while True:
            try:
                worker = self._idle.pop()
            except IndexError:  # another thread may have been quicker
                worker = _started(self._shape, piece)
            worker.piece = piece
            try:
                worker.connection.send(piece)
            except (BrokenPipeError, ConnectionError):  # it ended while nobody looked
                _end(worker)
                continue
            return worker

    def _answered(self, busy: list[_Worker]) -> list[_Worker]:
        """Those of the workers that have answered, or died, since they were given a piece."""
        heard = wait([worker.connection for worker in busy])
        answered = [worker for worker in busy if worker.connection in heard]
        for worker in [worker for worker in answered if not worker.ready]:
            worker.ready = True
            if _heard(worker) != ("ready", None):
                raise RuntimeError(f"a decoding process ended with code {worker.process.wait()} before its first piece")
            answered.remove(worker)
        return answered

    def _answer(self, worker: _Worker, into: NDArray[np.uint8] | None) -> Decoded | None:
        """What the worker found; None where it died on pictures of which all but one are innocent."""
        answer = _heard(worker)
        if answer is None:
            return self._of_dead(worker)
        kind, value = answer
        if kind != "done":
            _end(worker)
            raise value if kind == "error" else RuntimeError(f"a decoding process is broken\n{value}")
        found = _with_images(value, worker, into, self._shape)
        if found is None:
            return self._of_dead(worker)
        self._idle.append(worker)
        return found

    def _of_dead(self, worker: _Worker) -> Decoded | None:
        _end(worker)
        piece = worker.piece
        return landed(crashed(self._shape), piece) if len(piece.sources) == 1 else None


def _end_all(idle: list[_Worker]) -> None:
    while idle:
        worker = idle.pop()
        worker.connection.close()  # which they take for the end
        worker.process.wait()


def _heard(worker: _Worker) -> tuple[str, Any] | None:
    """The worker's next message; None where it died."""
    try:
        return worker.connection.recv()
    except (EOFError, ConnectionError):
        return None


def _with_images(found: Decoded, worker: _Worker, into: NDArray[np.uint8] | None, shape: Shape) -> Decoded | None:
    """What a worker found with the pictures that follow its message, or written to `into`; None where it died."""
    piece = worker.piece
    if piece.path is not None or piece.wants == "hashes":
        return found
    rows = slice(piece.number, piece.number + len(piece.sources))
    images = np.empty((len(piece.sources), *image_shape(shape)), np.uint8) if into is None else into[rows]
    left = images.data.cast("B")
    while left:
        try:
            count = os.readv(worker.connection.fileno(), [left])
        except ConnectionError:
            count = 0
        if not count:
            return None
        left = left[count:]
    return replace(found, images=images if into is None else found.images)


def _placed(whole: tuple[Piece, Decoded], into: NDArray[np.uint8] | None) -> tuple[Piece, Decoded]:
    """The pictures of a piece that was cut, in `into` as well."""
    piece, found = whole
    if into is None or not len(found.images):
        return whole
    into[piece.number : piece.number + len(piece.sources)] = found.images
    return piece, replace(found, images=found.images[:0])


def _started(shape: Shape, piece: Piece) -> _Worker:
    ours, theirs = Pipe()
    environment = {**os.environ, **_ENVIRONMENT}
    program = [sys.executable, "-m", "facsim.learn.decode_worker", str(theirs.fileno())]
    process = subprocess.Popen(
        [*program, str(shape.size_px), shape.colour],
        pass_fds=[theirs.fileno()],
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    theirs.close()
    return _Worker(process=process, connection=ours, piece=piece)


def _end(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.wait()
    worker.connection.close()


def _cut(piece: Piece, parts: dict[int, _Part]) -> list[Piece]:
    """The piece as pieces of one picture, under the same number; `parts` remembers to join them."""
    parts[piece.number] = _Part(piece=piece)
    return [replace(piece, sources=(source,), path=None, offset=row) for row, source in enumerate(piece.sources)]


def _joined(piece: Piece, found: Decoded, parts: dict[int, _Part]) -> tuple[Piece, Decoded] | None:
    """The piece with its pictures, once all are there."""
    part = parts.get(piece.number)
    if part is None:
        return piece, found
    part.rows[piece.offset] = found
    if len(part.rows) < len(part.piece.sources):
        return None
    del parts[piece.number]
    return part.piece, landed(joined([part.rows[row] for row in sorted(part.rows)]), part.piece)
