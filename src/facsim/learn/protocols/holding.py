"""A folder that one process at a time works in, the others waiting for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from facsim.errors import ManifestError
from facsim.products import OnProgress, Progress
from facsim.storage import folder_at

__all__ = ["held_folder"]

_WAIT_S = 2.0


@contextmanager
def held_folder(folder: Path, on_progress: OnProgress) -> Iterator[None]:
    """Hold a folder for this process, after whoever holds it now; the lock dies with its process."""
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(folder_at(folder).locked())
                break
            except ManifestError:
                on_progress(Progress(step=f"{folder.name[:8]}", done=0, total=1, note="another process has it"))
                time.sleep(_WAIT_S)
        yield
