"""On what terms a training stands: those of its pictures, and of the weights that it begins from."""

from __future__ import annotations

from collections.abc import Mapping

from facsim.formats.terms import Terms
from facsim.learn.product import Train
from facsim.learn.sources import source_terms
from facsim.models.model_terms import model_terms

__all__ = ["training_terms"]


def training_terms(settings: Train) -> list[tuple[str, Terms]]:
    """(where, terms) of what a training needs besides its pictures: initial weights, and sets to validate on and to
    align with."""
    initial = settings.initial if isinstance(settings.initial, Mapping) else {"": settings.initial}
    found = [(f"initial weights {path}", terms) for path in initial.values() if path for terms in model_terms(path)]
    for path in (settings.validation_set, settings.reference):
        found += source_terms(path) if path else []
    return found
