"""Small audits of drawn runs: against another run, against a folder, and of pictures without labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facsim.report.audit.auditing import Audit, AuditSettings, audit_set


def quiet(_: object) -> None:
    """Nobody is told of progress."""


@pytest.fixture(scope="session")
def audited() -> Callable[..., Audit]:
    """A function from a source and settings to its audit."""
    return lambda source, **settings: audit_set(AuditSettings(source=str(source), **settings), on_progress=quiet)


@pytest.fixture(scope="session")
def runs(make_run) -> tuple[str, str]:
    """Two runs of drawn faces, 112 and 84, of which the last have other seeds' pictures in no way."""
    return make_run(count=112).folder.root, make_run(count=84, pictures="noise").folder.root


@pytest.fixture(scope="session")
def against_run(audited, runs) -> Audit:
    """The first run against the second, in each expression."""
    return audited(runs[0], against=runs[1], per_class=True)


def drawn(seed: int, *, coloured: bool) -> Image.Image:
    """A picture of coarse noise, in colour or grey."""
    shape = (12, 12, 3) if coloured else (12, 12)
    coarse = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return Image.fromarray(coarse).convert("RGB").resize((48, 48), Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def make_folder(tmp_path_factory) -> Callable[..., Path]:
    """A function that writes a class folder: class → seeds of its pictures."""

    def make(*, coloured: bool = False, **classes: range | list[int]) -> Path:
        place = tmp_path_factory.mktemp("folders") / "faces"
        for name, seeds in classes.items():
            (place / name).mkdir(parents=True)
            for count, seed in enumerate(seeds):
                drawn(seed, coloured=coloured).save(place / name / f"{name}_{count}_{seed}.png")
        return place

    return make
