"""What `facsim leaks` found, in a file: training pictures to leave out, and test pictures that prove less.

Comparing two sets by their faces takes minutes and the pairs want looking at, so it is done once: training and
evaluation read the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError, FormatError
from facsim.learn.data import Pictures, take

__all__ = ["LEFT_OUT_AS", "Leaks", "leave_out", "listed_rows", "read_leaks"]

LEFT_OUT_AS = "copy_of_test"
"""The reason under which training pictures are counted that a test set holds too."""


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """Names of the pictures of a `training` and a `test` set, both as they were given, that are copies of each other;
    `file` is where it stands."""

    file: str
    training: str
    test: str
    training_names: frozenset[str]
    test_names: frozenset[str]


def read_leaks(path: str | os.PathLike[str]) -> Leaks:
    """The file that `facsim leaks --out` wrote. Raises FormatError where it is not of that kind."""
    place = Path(path)
    try:
        held = json.loads(place.read_bytes())
        sets = [_text(held, name) for name in ("training", "test")]
        pairs = [[_text(pair, name) for name in ("training", "test")] for pair in held["pairs"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(
            f"{place} holds no pairs ({error!r}); expected a file that `facsim leaks TRAIN TEST --out` wrote"
        ) from error
    return Leaks(
        file=str(place),
        training=sets[0],
        test=sets[1],
        training_names=frozenset(pair[0] for pair in pairs),
        test_names=frozenset(pair[1] for pair in pairs),
    )


def leave_out(pictures: Pictures, leaks: Leaks) -> Pictures:
    """Training pictures without those that the test set holds too, which are counted as left out (`LEFT_OUT_AS`).

    Raises FacsimError where the file names none of them and is of a set of another name.
    """
    held = _named(pictures, leaks, "training")
    if not held.any():
        return pictures
    return replace(take(pictures, ~held), left_out={**pictures.left_out, LEFT_OUT_AS: int(held.sum())})


def listed_rows(pictures: Pictures, leaks: Leaks) -> NDArray[np.bool_]:
    """Which test pictures the training set holds too: bool (N,). Raises FacsimError as `leave_out`."""
    return _named(pictures, leaks, "test")


def _named(pictures: Pictures, leaks: Leaks, kind: Literal["training", "test"]) -> NDArray[np.bool_]:
    """Which pictures, of a set of that kind, the file names."""
    sides = {"training": (leaks.training, leaks.training_names), "test": (leaks.test, leaks.test_names)}
    source, names = sides[kind]
    held = np.array([name in names for name in pictures.ids], dtype=bool)
    # a split of the set that was compared may hold none of what was found in the whole
    if names and not held.any() and not pictures.origin.startswith(PurePath(source).name):
        raise FacsimError(
            f"{leaks.file} names {len(names)} {kind} pictures and none of {pictures.origin or 'these'}: it compares "
            f"{leaks.training} with {leaks.test}; expected the file of this {kind} set, so run `facsim leaks` on it"
        )
    return held


def _text(held: Mapping[str, Any], name: str) -> str:
    found = held[name]
    if not isinstance(found, str):
        raise TypeError(f'"{name}" is {type(found).__name__}, not text')
    return found
