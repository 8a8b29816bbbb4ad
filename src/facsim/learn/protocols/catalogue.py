"""Protocols by name, and the recipes that come with the package: each runs on a laptop, on facsim's renders alone."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facsim.errors import RecipeError, hint_nearest

__all__ = ["EXAMPLES", "PROTOCOLS", "example_path", "find_protocol"]

PROTOCOLS: Mapping[str, str] = {
    "matrix": "facsim.learn.protocols.matrix:Matrix",
    "scaling": "facsim.learn.protocols.scaling:Scaling",
    "worth": "facsim.learn.protocols.worth:Worth",
    "alignment": "facsim.learn.protocols.alignment:Alignment",
    "label-repair": "facsim.learn.protocols.label_repair:LabelRepair",
    "self-supervised": "facsim.learn.protocols.pretraining:SelfSupervised",
    "few-shot": "facsim.learn.protocols.few_shot:FewShotProtocol",
    "zero-shot": "facsim.learn.protocols.zero_shot:ZeroShotProtocol",
}
"""Name → `module:class` of its settings. A new protocol is a new line here."""

EXAMPLES = Path(__file__).parent / "examples"
"""The packaged recipes, one a protocol."""


def find_protocol(name: str) -> type[Any]:
    """The class behind a protocol's name. Raises RecipeError with the nearest."""
    if name not in PROTOCOLS:
        raise RecipeError(f'there is no protocol "{name}".{hint_nearest(name, PROTOCOLS)}')
    module, _, attribute = PROTOCOLS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def example_path(name: str) -> Path:
    """The packaged recipe of a protocol. Raises RecipeError with the nearest name."""
    find_protocol(name)
    return EXAMPLES / f"{name}.toml"
