"""On what terms a training stands: those of its pictures, and of the weights that it begins from."""

from __future__ import annotations

from collections.abc import Mapping

from facsim.formats.terms import Terms
from facsim.inputs import input_terms
from facsim.learn.product import Train
from facsim.learn.sources import is_run
from facsim.manifest import open_manifest
from facsim.models.model_terms import model_terms
from facsim.recipe import Input
from facsim.records import run_terms

__all__ = ["source_terms", "training_terms"]


def source_terms(source: str) -> list[tuple[str, Terms]]:
    """(where, terms) of the pictures at `source`: what a run stands on besides facsim, or the terms of the format.

    Raises FormatError or ManifestError where there is nothing to read.
    """
    if is_run(source):
        return [(f"{source}, {of}", terms) for of, terms in run_terms(open_manifest(source))]
    return input_terms([Input(path=source)])


def training_terms(settings: Train) -> list[tuple[str, Terms]]:
    """(where, terms) of what a training needs besides its pictures: initial weights, and sets to validate on and to
    align with."""
    initial = settings.initial if isinstance(settings.initial, Mapping) else {"": settings.initial}
    found = [(f"initial weights {path}", terms) for path in initial.values() if path for terms in model_terms(path)]
    for path in (settings.validation_set, settings.reference):
        found += source_terms(path) if path else []
    return found
