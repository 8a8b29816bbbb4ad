"""Which values of a selection ended with fewer samples than were asked for: never silently short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from facsim.expressions import SEVEN_EXPRESSIONS

__all__ = ["asked_of", "shortfall"]


def asked_of(settings: Mapping[str, Any], found: Mapping[str, int]) -> dict[str, int]:
    """Value → samples that a `select` step with these settings asks for; `found` has the values that occur.

    With `most` alone that many of every value that occurs, and of each of the seven expressions where those are what
    quotas go by. Empty where nothing was asked.
    """
    if settings.get("quotas"):
        return dict(settings["quotas"])
    most = int(settings.get("most", 0))
    expected = SEVEN_EXPRESSIONS if str(settings.get("by", "")).startswith("expression") else ()
    return {value: most for value in sorted({*expected, *found})} if most else {}


def shortfall(settings: Mapping[str, Any], accepted: Mapping[str, int]) -> dict[str, int]:
    """Value → how many samples it lacks, for those that are short; `accepted` counts what stays of each value."""
    asked = asked_of(settings, accepted)
    return {value: count - accepted.get(value, 0) for value, count in asked.items() if accepted.get(value, 0) < count}
