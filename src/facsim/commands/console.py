"""What a command shows: results on stdout, progress on stderr.

On a terminal, progress is a bar for each step with its rate and the time left; elsewhere a plain line every few
seconds.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from facsim.products import OnProgress, Progress

__all__ = [
    "LINE_EVERY_S",
    "Meter",
    "counts_text",
    "duration_text",
    "progress_shown",
    "show_json",
    "show_text",
    "stdout_kept",
    "table_text",
    "tell",
]

LINE_EVERY_S = 5.0
"""Seconds between two lines of progress where stderr is not a terminal."""

_WINDOW_S = 20.0  # the rate is that of the last so many seconds
_LEAST_S = 2.0  # and is not told before so many: what workers send at once at the start says nothing


def show_text(text: str) -> None:
    """Print a result on stdout."""
    print(text, flush=True)


def show_json(data: Any) -> None:
    """Print a result on stdout as JSON; keys keep their order."""
    show_text(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def tell(text: str) -> None:
    """Print a remark on stderr."""
    print(text, file=sys.stderr, flush=True)


def duration_text(seconds: float) -> str:
    """`"8 s"`, `"1 min 22 s"`, `"2 h 05 min"`: seconds rounded to what matters."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def table_text(rows: Sequence[Sequence[object]], *, indent: str = "") -> str:
    """Rows as left-aligned text columns, two spaces apart."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells if i < len(row)) for i in range(max(map(len, cells), default=0))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) for row in cells]
    return "\n".join(indent + line.rstrip() for line in lines)


@dataclass(kw_only=True)
class Meter:
    """How fast a step goes, from the last 20 s of what was noted, loading aside. `clock` gives seconds."""

    clock: Callable[[], float] = time.monotonic
    started: float = -1.0
    marks: deque[tuple[float, int]] = field(default_factory=deque)
    warm: bool = False

    def note(self, done: int) -> None:
        """Note that `done` units are done now."""
        now = self.clock()
        self.started = now if self.started < 0 else self.started
        if len(self.marks) == 2 and not self.warm and done > self.marks[1][1]:
            self.marks.popleft()  # between the first two notes lies the loading
            self.warm = True
        while len(self.marks) > 2 and now - self.marks[0][0] > _WINDOW_S:
            self.marks.popleft()
        self.marks.append((now, done))

    @property
    def rate(self) -> float:
        """Units a second; 0 while unknown."""
        if len(self.marks) < 2:
            return 0.0
        (then, before), (now, done) = self.marks[0], self.marks[-1]
        return max(done - before, 0) / (now - then) if now - then >= _LEAST_S else 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds from the first note to the last."""
        return self.marks[-1][0] - self.started if self.marks else 0.0

    def text(self, progress: Progress) -> str:
        """`"350/2100 samples, 21.3/s, 1 min 22 s left"`, with what is known so far."""
        parts = [f"{progress.done}/{progress.total} {progress.unit}"]
        if progress.done >= progress.total:
            parts.append(f"done in {duration_text(self.elapsed_s)}")
        elif rate := self.rate:
            parts.append(f"{_rate_text(rate)}, {duration_text((progress.total - progress.done) / rate)} left")
        return ", ".join([*parts, progress.note] if progress.note else parts)


def _rate_text(rate: float) -> str:
    return f"{rate:.3g}/s" if rate >= 0.1 else f"{rate * 60:.2g}/min"


@contextmanager
def progress_shown() -> Iterator[OnProgress]:
    """A function that shows each `Progress` that it is given, for as long as the context lasts; stdout is kept."""
    with stdout_kept():
        if not sys.stderr.isatty():
            yield _lines()
            return
        with _bars() as bars:
            yield _on_bars(bars)


@contextmanager
def stdout_kept() -> Iterator[None]:
    """Keep stdout for the result: whatever libraries, plugins and worker processes print meanwhile goes to stderr."""
    sys.stdout.flush()
    with redirect_stdout(sys.stderr):
        kept = os.dup(1)
        os.dup2(2, 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


def _lines() -> OnProgress:
    meters: dict[str, Meter] = {}
    last: dict[str, float] = {}

    def show(progress: Progress) -> None:
        meter = meters.setdefault(progress.step, Meter())
        meter.note(progress.done)
        now, before = meter.marks[-1][0], last.get(progress.step, -math.inf)
        finished = progress.done >= progress.total
        if now - before >= LINE_EVERY_S or (finished and before < math.inf):
            last[progress.step] = math.inf if finished else now
            tell(f"{progress.step}: {meter.text(progress)}")

    return show


def _bars() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as RichProgress

    words = TextColumn("{task.description}", markup=False)
    state = TextColumn("{task.fields[state]}", markup=False)
    return RichProgress(
        words,
        BarColumn(bar_width=28, complete_style="cyan", finished_style="green"),
        state,
        console=Console(stderr=True),
    )


def _on_bars(bars: RichProgress) -> OnProgress:
    meters: dict[str, Meter] = {}
    tasks: dict[str, Any] = {}

    def show(progress: Progress) -> None:
        meter = meters.setdefault(progress.step, Meter())
        meter.note(progress.done)
        if progress.step not in tasks:
            tasks[progress.step] = bars.add_task(progress.step, total=max(progress.total, 1), state="")
        total, task = max(progress.total, 1), tasks[progress.step]
        bars.update(task, completed=progress.done, total=total, state=meter.text(progress))

    return show


def counts_text(counts: Mapping[str, int]) -> str:
    """`"anger 300, disgust 300"`."""
    return ", ".join(f"{name} {count}" for name, count in counts.items())
