"""A process that workers are forked from, so that what a run's stages import is imported once and not by each of them.

    python -m facsim.nursery FD [MODULE …]

It imports and works on nothing, so that it has one thread and no device when it forks; where an import started threads
it begins anew without imports. Only Linux forks, and only for the CPU, since other devices' libraries may not be there
before a fork; elsewhere a worker is a process that imports for itself (`facsim.worker`).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from typing import Protocol

from facsim.worker import work_for

__all__ = ["Nursery", "Process", "main"]

_TASKS = Path("/proc/self/task")
_FORKED_WELL = "jemalloc_bg_thd"  # pyarrow's allocator, which sees to forks itself (pthread_atfork)


class Process(Protocol):
    """What is asked of a worker's process; `subprocess.Popen` has it too."""

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    def poll(self) -> int | None:
        """Its exit code, minus a signal that killed it; None while it runs."""
        ...

    def wait(self) -> int:
        """Its exit code, awaited."""
        ...

    def kill(self) -> None:
        """End it now; nothing where it has ended."""
        ...


class Nursery:
    """The parent's side: forks workers, and says how they ended. `modules` are imported before the first fork."""

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        self._modules, self._environment = tuple(modules), dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: Connection | None = None

    def fork(self, index: int, device: str) -> tuple[Process, Connection]:
        """A new worker and this side of the connection to it. Raises ConnectionError where the nursery ends twice."""
        for _ in range(2):
            ours, theirs = Pipe()
            try:
                control = self._open()
                control.send(("fork", (index, device)))
                send_handle(control, theirs.fileno(), self._process.pid if self._process else 0)
                return _Forked(self, control.recv()), ours
            except (EOFError, ConnectionError):  # something ended it: the next one is new
                self.close()
                ours.close()
            finally:
                theirs.close()
        raise ConnectionError("the process that workers are forked from ended twice before it forked one")

    def asked(self, question: str, pid: int) -> int | None:
        """The answer to `poll` or `wait`; -SIGKILL where the nursery that would know is gone."""
        try:
            assert self._control is not None
            self._control.send((question, pid))
            return self._control.recv()
        except (AssertionError, EOFError, ConnectionError):
            return -signal.SIGKILL

    def close(self) -> None:
        """End the nursery; workers that live are not ended by it."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.wait()
        self._control = self._process = None

    def _open(self) -> Connection:
        if self._control is None:
            self._control, theirs = Pipe()
            command = [sys.executable, "-m", "facsim.nursery", str(theirs.fileno()), *self._modules]
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], env=self._environment, stdin=subprocess.DEVNULL
            )
            theirs.close()
        return self._control


class _Forked:
    """A worker that a nursery forked."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery, self.pid = nursery, pid
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            self._code = self._nursery.asked("poll", self.pid)
        return self._code

    def wait(self) -> int:
        if self._code is None:
            self._code = self._nursery.asked("wait", self.pid)
        return -signal.SIGKILL if self._code is None else self._code

    def kill(self) -> None:
        if self._code is None:  # its number is its own until somebody has waited for it
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def _serve(control: Connection) -> None:
    """Fork and wait as the parent asks, until it hangs up."""
    while True:
        question, value = control.recv()
        if question == "fork":
            control.send(_forked(control, *value))
        else:
            control.send(_code_of(value, os.WNOHANG if question == "poll" else 0))


def _code_of(worker: int, options: int) -> int | None:
    """The exit code of a worker, None while it runs; -SIGKILL for one of a nursery before this, of which none knows."""
    try:
        pid, status = os.waitpid(worker, options)
    except ChildProcessError:
        return -signal.SIGKILL
    return os.waitstatus_to_exitcode(status) if pid else None


def _forked(control: Connection, index: int, device: str) -> int:
    handle = recv_handle(control)
    if pid := os.fork():
        os.close(handle)
        return pid
    code = 1
    try:
        control.close()
        os.environ["FACSIM_WORKER"] = str(index)
        code = work_for(Connection(handle), index, device)
    except BaseException:
        traceback.print_exc()
    finally:  # nothing of the nursery's is this process's to end
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _imported(names: Sequence[str]) -> None:
    """Import what can be; what cannot, the worker that needs it reports."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _strange_threads() -> int:
    """How many threads besides this one would be missing from a fork."""
    names = [(task / "comm").read_text().strip() for task in _TASKS.iterdir() if task.name != str(os.getpid())]
    return sum(name != _FORKED_WELL for name in names)


def main(arguments: Sequence[str]) -> None:
    """Serve on the inherited socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; it ends its workers itself
    descriptor, *modules = arguments
    _imported(modules)
    if modules and _strange_threads():
        os.execv(sys.executable, [sys.executable, "-m", "facsim.nursery", descriptor])
    with contextlib.suppress(EOFError, ConnectionError):
        _serve(Connection(int(descriptor)))


if __name__ == "__main__":
    main(sys.argv[1:])
