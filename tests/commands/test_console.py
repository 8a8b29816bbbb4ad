"""Progress and plain tables."""

import subprocess
import sys

import pytest

from facsim.commands.console import Meter, duration_text, progress_shown, table_text
from facsim.products import Progress


def meter_at(*notes):
    """A meter that was told `done` at `seconds`, for each (seconds, done)."""
    times = iter([seconds for seconds, _ in notes])
    meter = Meter(clock=lambda: next(times))
    for _, done in notes:
        meter.note(done)
    return meter


def test_the_rate_is_units_over_time():
    assert meter_at((0, 0), (10, 50)).rate == 5.0


def test_what_was_done_before_a_resumed_run_does_not_count_as_speed():
    assert meter_at((0, 1000), (10, 1050)).rate == 5.0


def test_loading_does_not_count_as_slowness():
    assert meter_at((0, 0), (10, 16), (14, 56)).rate == 10.0


def test_two_workers_first_batches_are_no_rate():
    assert meter_at((0, 0), (10, 16), (10.01, 32)).rate == 0.0


def test_a_slow_start_drops_out_of_the_rate():
    meter = meter_at((0, 0), (30, 1), (40, 101), (50, 201), (60, 301))
    assert meter.rate == 10.0


def test_the_text_has_rate_and_time_left():
    text = meter_at((0, 0), (10, 100)).text(Progress(step="render", done=100, total=1000))
    assert text == "100/1000 samples, 10/s, 1 min 30 s left"


def test_a_finished_step_says_what_it_took():
    text = meter_at((0, 0), (75, 10)).text(Progress(step="render", done=10, total=10, note="fine"))
    assert text == "10/10 samples, done in 1 min 15 s, fine"


def test_nothing_is_claimed_before_anything_is_known():
    assert meter_at((0, 0)).text(Progress(step="render", done=0, total=10)) == "0/10 samples"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (3725, "1 h 02 min"), (59.6, "1 min 00 s")]
)
def test_durations_are_rounded_to_what_matters(seconds, text):
    assert duration_text(seconds) == text


def test_columns_of_a_table_are_aligned():
    assert table_text([("a", "bb"), ("ccc", "d")]) == "a    bb\nccc  d"


def test_lines_away_from_a_terminal_come_at_most_every_few_seconds(capsys):
    with progress_shown() as on_progress:
        for done in range(1001):
            on_progress(Progress(step="render", done=done, total=1000))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("render: 0/1000")
    assert lines[-1].startswith("render: 1000/1000 samples, done in")
    assert len(lines) == 2


def test_what_a_library_prints_meanwhile_goes_to_stderr():
    program = """
import os, subprocess
from facsim.commands.console import progress_shown, show_text
with progress_shown():
    print("noise")
    os.write(1, b"raw noise\\n")
    subprocess.run(["echo", "worker noise"])
show_text("result")
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "result\n"
    assert {"noise", "raw noise", "worker noise"} <= set(found.stderr.splitlines())


def test_a_terminal_gets_a_bar(monkeypatch):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    with progress_shown() as on_progress:
        on_progress(Progress(step="[render]", done=5, total=10))
        on_progress(Progress(step="[render]", done=10, total=10))
    assert "[render]" in shown.getvalue()
    assert "10/10 samples" in shown.getvalue()
