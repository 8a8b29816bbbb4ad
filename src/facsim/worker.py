"""What one local worker process does; as a program: `python -m facsim.worker FD INDEX DEVICE`.

It is started by `facsim.executors`, or forked from a process that has done nothing but import (`facsim.nursery`), takes
pickled jobs, and pieces of each, over a socket, and writes what it finishes into the run itself. Never a fork of the
parent: nothing of its threads, and no need for a user's script to guard its main module. It lives through the jobs of a
run; what one loaded is let go of before the next.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import signal
import sys
import traceback
from multiprocessing.connection import Connection

from facsim.work import Job, Piece, open_job

__all__ = ["device_of_worker", "serve", "work_for"]


def device_of_worker(device: str, index: int) -> str:
    """`cuda` spread over the GPUs there are (worker i gets cuda:(i mod n)); any other device as it is."""
    if device != "cuda":
        return device
    import torch

    return f"cuda:{index % max(torch.cuda.device_count(), 1)}"


def serve(connection: Connection, index: int, device: str) -> None:
    """Answer the parent until it hangs up: a job, its pieces until None, the next job. Raises EOFError at the end."""
    while True:
        job: Job = connection.recv()
        _work(job, connection, device_of_worker(device, index))
        _let_go()


def _work(job: Job, connection: Connection, device: str) -> None:
    manifest, do = job.manifest(), open_job(job, device)
    connection.send(("ready", None))
    while True:
        piece: Piece | None = connection.recv()
        if piece is None:
            return
        table = do(piece, lambda rows: connection.send(("rows", rows)))
        if piece.stop - piece.start == manifest.shard_rows[piece.shard]:
            manifest.write_shard(job.step, piece.shard, table)
            connection.send(("done", None))
        else:
            connection.send(("part", table))


def _let_go() -> None:
    """Hand back what the job before held: networks hold themselves in cycles, and allocators keep what was freed."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # glibc alone has it
        trim(0)
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def work_for(connection: Connection, index: int, device: str) -> int:
    """Serve until the parent hangs up; the exit code. An error of the program goes to the parent as text."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; it ends its workers itself
    try:
        serve(connection, index, device)
    except (EOFError, BrokenPipeError):
        return 0  # the parent is gone, or needs no more
    except Exception:  # the executor's edge: a broken program is reported whole, by the parent
        with contextlib.suppress(OSError):
            connection.send(("error", traceback.format_exc()))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(work_for(Connection(int(sys.argv[1])), int(sys.argv[2]), sys.argv[3]))
