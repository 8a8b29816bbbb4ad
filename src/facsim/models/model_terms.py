"""On what terms a model stands, as its file says: what it was trained on comes with every label that it gives."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import safetensors

from facsim.errors import FacsimError, WeightsError
from facsim.formats.terms import (
    STANDS_ON,
    Terms,
    listed_terms,
    terms_as_one,
    terms_from,
    terms_list,
    terms_together,
)

__all__ = ["model_terms", "standing_entry"]

_OWN = ("Apache-2.0, as facsim", "facsim's own licence")  # what `facsim teach` says of what saw renders alone
_UNSAID = 'not stated; say them with terms = "…" in [[step]]'


def model_terms(path: str | os.PathLike[str], *, architecture: str = "") -> tuple[Terms, ...]:
    """The terms of the model at `path`: none of facsim's own (empty path), else one.

    facsim's own files, ONNX too, say what they were trained on, and on what terms (`standing_entry`, else in words);
    the description of an external network may say its `terms` (`facsim.models.external`); `architecture` may name
    public weights of `facsim models`, whose terms are known. Of any other file, and of one that is not there, nothing
    is: commercial use is then `ask`.
    """
    if not os.fspath(path):
        return ()
    name = Path(path).name
    if published := _published(architecture):
        return (Terms(name=f"{name} ({architecture})", agreement=published, commercial=_verdict(published)),)
    if described := _described(Path(path)):
        return (replace(described, name=name),)
    said = _provenance(Path(path))
    stated, commercial = _standing(said)
    trained_on = str(said.get("trained_on", ""))
    agreement = stated or _UNSAID
    if trained_on:
        agreement += f"; trained on {trained_on}"
    return (Terms(name=name, agreement=agreement, commercial=commercial),)


def standing_entry(parts: Iterable[Iterable[Terms] | None]) -> dict[str, Any]:
    """What a training's provenance says of the terms of its parts: `{stands_on: [{name, agreement, commercial}]}`.

    The list is empty where all saw facsim's own renders and models alone; there is no entry where of a part nobody has
    said.
    """
    known = terms_together(parts)
    if known is None:
        return {}
    return {STANDS_ON: terms_list(known)}


def _standing(said: Mapping[str, Any]) -> tuple[str, str]:
    """The terms in words, empty where none are said, and whether they allow commercial use."""
    if words := str(said.get("terms", "")):
        return words, _verdict(words)
    listed = listed_terms(said.get(STANDS_ON))
    if listed is None:
        return "", "ask"
    together = terms_as_one(listed)
    return (f"{together.name}: {together.agreement}" if len(listed) < 2 else together.agreement), together.commercial


def _published(architecture: str) -> str:
    """The terms of the public weights of that name, empty where there are none."""
    if not architecture:
        return ""
    from facsim.models.catalogue import PUBLIC_WEIGHTS  # loads torch

    return next((entry.terms for entry in PUBLIC_WEIGHTS if entry.name == architecture), "")


def _verdict(stated: str) -> str:
    if stated.startswith(_OWN):
        return "yes"
    return "no" if "research use" in stated or "non-commercial" in stated else "ask"


def _described(place: Path) -> Terms | None:
    """What the description of an external network says of its terms; None where there is none, or it says nothing."""
    if place.suffix.lower() != ".toml":
        return None
    from facsim.models.external import load_external

    try:
        said = load_external(place).terms
    except WeightsError:  # the stage that wants the network says what is wrong
        return None
    return terms_from(said, form="") if said else None


def _provenance(place: Path) -> dict[str, Any]:
    """What a file of facsim's own says of its making; nothing of others'."""
    if place.suffix.lower() == ".onnx":
        from facsim.models.onnx_network import onnx_properties

        try:
            return dict(onnx_properties(place).get("provenance", {}))
        except (FacsimError, TypeError, ValueError):
            return {}
    from facsim.models.labeller import LABELLER_ENTRY  # both load torch
    from facsim.models.weights import CLASSIFIER_ENTRY, WEIGHTS_FILE

    file = place / WEIGHTS_FILE if place.is_dir() else place
    try:
        with safetensors.safe_open(file, framework="np") as opened:
            told = opened.metadata() or {}
        held = next(json.loads(told[entry]) for entry in (LABELLER_ENTRY, CLASSIFIER_ENTRY) if entry in told)
        return dict(held.get("provenance", {}))
    except (safetensors.SafetensorError, OSError, StopIteration, AttributeError, TypeError, ValueError):
        return {}
