"""What official checkpoints call what a network holds: each network's class says it as `OFFICIAL_NAMES`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["OfficialNames"]


@dataclass(frozen=True, kw_only=True)
class OfficialNames:
    """How the official checkpoints of a network name what it holds.

    `renamed` maps official prefixes to ours, the longest that fits counts. `unused` are regular expressions, matched
    from the start of an official name, of tensors that no forward pass reads.
    """

    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    unused: tuple[str, ...] = ()
