"""What the tests share: fake stages under recipe names, and where shared data may lie."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import facsim.stage

# A shell's background job ignores SIGINT, and so would every process that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages of `facsim.testing`, found by recipes under their names."""
    for name in ("Painted", "Answering", "Crashing", "Failing"):
        monkeypatch.setitem(facsim.stage.BUILT_IN, name.lower(), f"facsim.testing:{name}")  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared research data; skips the test, saying so, where there is none."""
    place = Path(os.environ.get("FACSIM_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not (place / "data").is_dir():
        pytest.skip(f"shared research data not found at {place}; set FACSIM_SHARED to test against it")
    return place
