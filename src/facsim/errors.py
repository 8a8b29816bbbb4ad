"""The errors that facsim raises, and the nearest-name hint that their messages carry.

    FacsimError             something is wrong with what you asked or with what was found
    ├── RecipeError         a recipe: a typo, a wrong type, an unknown stage, an impossible quota
    ├── ManifestError       a run folder: another recipe's, stale, locked or damaged
    ├── WeightsError        weights: missing, of another shape, or not what their checksum says
    ├── FormatError         a dataset on disk: an archive, a folder, a table or a picture in it
    └── MissingExtra        an optional dependency that this call needs

A message says what was found, what was expected and what to do. One sick sample is not an error: it is a
`facsim.sample.Problem`, counted and kept.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "FacsimError",
    "FormatError",
    "ManifestError",
    "MissingExtra",
    "RecipeError",
    "WeightsError",
    "hint_nearest",
]


class FacsimError(Exception):
    """Base of every error that facsim raises on purpose; its text is fit to be shown to a user."""


class RecipeError(FacsimError):
    """A recipe that cannot be run as written."""


class ManifestError(FacsimError):
    """A run folder that does not hold what was expected."""


class WeightsError(FacsimError):
    """Weights that are missing, misshapen or not what their checksum says."""


class FormatError(FacsimError):
    """A dataset on disk that cannot be read or written as asked."""


class MissingExtra(FacsimError):
    """An optional dependency that this call needs and that is not installed."""


def hint_nearest(found: str, known: Iterable[str], *, most: int = 3) -> str:
    """` Did you mean "x"?` for the nearest known names, or the list of known names when none is near.

    Returns a sentence with a leading space, ready to be appended to a message; empty when `known` is empty.
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(found, names, n=1, cutoff=0.6)
    if near:
        return f' Did you mean "{near[0]}"?'
    shown = ", ".join(names[: most * 8]) + (", …" if len(names) > most * 8 else "")
    return f" Known: {shown}." if names else ""
