"""Pictures of a source for a command, with their progress shown while they are decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facsim.learn.data import Pictures, PictureShape
    from facsim.learn.reading import OnDecoded
    from facsim.products import OnProgress

__all__ = ["read_shown", "told_decoded"]


def read_shown(
    source: str,
    shape: PictureShape,
    on_progress: OnProgress,
    *,
    split: str = "",
    classes: tuple[str, ...] | None = None,
    units: bool = False,
) -> Pictures:
    """The labelled pictures at `source`, of `split` alone where it is named (`facsim.learn.sources.load_pictures`)."""
    from facsim.learn.sources import load_pictures
    from facsim.products import Progress

    step = f"reading {source}"
    on_progress(Progress(step=step, done=0, total=1, unit="sources"))
    pictures = load_pictures(
        source,
        size_px=shape.size_px,
        colour=shape.colour,
        split=split or None,
        classes=classes,
        units=units,
        on_decoded=told_decoded(step, on_progress),
    )
    count = len(pictures)
    on_progress(Progress(step=step, done=count, total=count, unit="pictures"))
    return pictures


def told_decoded(step: str, on_progress: OnProgress) -> OnDecoded:
    """What reading calls with the pictures that are decoded and all there are."""
    from facsim.products import Progress

    def told(done: int, total: int) -> None:
        on_progress(Progress(step=step, done=done, total=total, unit="pictures"))

    return told
