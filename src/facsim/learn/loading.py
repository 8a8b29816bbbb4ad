"""Batches of pictures on their way to a network: gathered ahead of need, in the order that is asked for.

    with Feeder(pictures.images, rows_of_step, first_step=0, last_step=total, device="cpu") as feeder:
        for step, rows, batch in feeder:
            ...
    feeder.waiting_share

The batches are those that `images[rows_of_step(step)]` would give, in the same order and to the bit: reading ahead
changes when a picture is read, never which.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facsim.errors import FacsimError

__all__ = ["Feeder", "ImageSource", "Waiting"]


class ImageSource(Protocol):
    """What pictures are gathered from: an array, a memory-mapped file, or `facsim.learn.images.ImageRows`."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: NDArray[np.int64], /) -> NDArray[np.uint8]:
        """The pictures of these rows, uint8 (B, S, S[, 3]), in that order."""
        ...


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How a loop over batches spent its time: `waited_s` until a batch was there, `busy_s` on what it does with it."""

    batches: int
    waited_s: float
    busy_s: float

    @property
    def share(self) -> float:
        """The share of the time that the loop waited, 0 to 1; 0 where nothing was asked for."""
        return self.waited_s / max(self.waited_s + self.busy_s, 1e-12)


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """One batch as the reading thread leaves it; `ready` says when its copy to a GPU is done."""

    rows: NDArray[np.int64]
    images: Tensor
    ready: torch.Event | None = None


class Feeder:
    """An iterator over `(step, rows, batch)`: rows int64 (B,) as `rows_of_step` gave them, batch uint8 on `device`.

    One background thread calls `rows_of_step` and gathers, in order, `ahead` batches before they are asked for; for a
    CUDA device it copies them there through pinned memory on a stream of its own. An error in it is raised where its
    batch is asked for. It is iterated once; leaving the `with` block (or `close`) ends the thread.
    """

    def __init__(
        self,
        images: ImageSource,
        rows_of_step: Callable[[int], NDArray[np.int64]],
        *,
        first_step: int,
        last_step: int,
        device: str | torch.device = "cpu",
        ahead: int = 2,
    ) -> None:
        """Steps run from `first_step` up to, not including, `last_step`."""
        if ahead < 1 or not 0 <= first_step <= last_step:
            raise FacsimError(f"found steps {first_step} to {last_step}, {ahead} ahead; expected 0 or more, 1 or more")
        self._images, self._rows_of_step = images, rows_of_step
        self._device = torch.device(device)
        self._stream = torch.cuda.Stream(self._device) if self._device.type == "cuda" else None
        self._next, self._last, self._ahead = first_step, last_step, ahead
        self._steps: deque[tuple[int, Future[_Batch]]] = deque()
        self._thread: ThreadPoolExecutor | None = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feeder")
        self._handed_over_at: float | None = None
        self._batches, self._waited_s, self._busy_s = 0, 0.0, 0.0
        self._submit()

    def __enter__(self) -> Feeder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.int64], Tensor]]:
        return self

    def __next__(self) -> tuple[int, NDArray[np.int64], Tensor]:
        asked_at = time.perf_counter()
        self._busy_s += asked_at - (self._handed_over_at or asked_at)
        self._handed_over_at = None
        if not self._steps:
            self.close()
            raise StopIteration
        step, coming = self._steps.popleft()
        self._submit()
        batch = self._arrived(coming)
        self._handed_over_at = time.perf_counter()
        self._waited_s += self._handed_over_at - asked_at
        self._batches += 1
        return step, batch.rows, batch.images

    @property
    def waiting(self) -> Waiting:
        """How the loop has spent its time so far; the wait for the first batch counts."""
        return Waiting(batches=self._batches, waited_s=self._waited_s, busy_s=self._busy_s)

    @property
    def waiting_share(self) -> float:
        """The share of the time that the loop has waited for batches, 0 to 1."""
        return self.waiting.share

    def close(self) -> None:
        """End the reading thread; a batch that is being gathered is finished first. May be called twice."""
        self._steps.clear()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=True, cancel_futures=True)

    def _submit(self) -> None:
        while self._thread is not None and self._next < self._last and len(self._steps) < self._ahead:
            self._steps.append((self._next, self._thread.submit(self._gathered, self._next)))
            self._next += 1

    def _gathered(self, step: int) -> _Batch:
        """In the background thread: plain NumPy, so that torch starts no second pool of threads there."""
        rows = self._rows_of_step(step)
        images = torch.from_numpy(np.ascontiguousarray(self._images[rows]))
        if self._stream is None:
            return _Batch(rows=rows, images=images.to(self._device))
        with torch.cuda.stream(self._stream):
            moved = images.pin_memory().to(self._device, non_blocking=True)
            return _Batch(rows=rows, images=moved, ready=self._stream.record_event())

    def _arrived(self, coming: Future[_Batch]) -> _Batch:
        try:
            batch = coming.result()
        except BaseException:
            self.close()
            raise
        if batch.ready is not None:
            current = torch.cuda.current_stream(self._device)
            current.wait_event(batch.ready)
            batch.images.record_stream(current)
        return batch
