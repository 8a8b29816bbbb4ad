"""Whether a folder holds a training already, ended and of this very identity."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facsim.errors import ManifestError
from facsim.models.weights import TRAINING_FILE, load_training
from facsim.provenance import fingerprint_of

__all__ = ["finished_training"]


def finished_training(folder: Path, identity: Mapping[str, Any], *, checkpoint: str) -> dict[str, Any] | None:
    """`training.json` of the finished training that `folder` holds; None where it holds none, or one that goes on from
    its file `checkpoint`.

    Raises ManifestError where it is of another identity.
    """
    if (folder / checkpoint).exists() or not (folder / TRAINING_FILE).exists():
        return None
    training = load_training(folder)
    if training.get("identity") != fingerprint_of(identity) or training.get("stopped") != "finished":
        raise ManifestError(
            f"{folder} holds a model of another training (other pictures or settings); give another folder, or remove "
            "this one"
        )
    return dict(training)
