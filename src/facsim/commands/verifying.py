"""`facsim ingest --verify`: what a dataset on disk holds, against what it should, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from facsim.commands.console import counts_text, show_json, show_text, table_text

if TYPE_CHECKING:
    from facsim.formats.terms import Terms
    from facsim.formats.verification import Verification
    from facsim.recipe import Input

__all__ = ["show_verification", "verification_facts", "verification_text"]


def show_verification(source: Input, *, as_json: bool) -> None:
    """Print what is found of the input. Ends the command with exit code 1 where it is not what it should be."""
    from facsim.formats.terms import terms_from
    from facsim.formats.verification import verify_dataset

    found = verify_dataset(source.path, format=source.format, split=source.split)
    terms = terms_from(source.terms, form=found.format)
    if as_json:
        show_json(verification_facts(found, terms))
    else:
        show_text(verification_text(found, terms))
    if not found.fits:
        raise typer.Exit(1)


def verification_facts(found: Verification, terms: Terms) -> dict[str, Any]:
    """Plain values for `--json`."""
    return {
        "path": found.path,
        "format": found.format,
        "split": found.split or None,
        "pictures": found.pictures,
        "splits": {name or "none": _named(classes) for name, classes in found.counts.items()},
        "missing": {"count": found.missing, "first": list(found.missing_names)},
        "extra": {"count": found.extra, "first": list(found.extra_names)},
        "official": {"compared": found.compared, "differences": list(found.differences)},
        "terms": {"dataset": terms.name, "agreement": terms.text, "commercial": terms.commercial},
        "fits": found.fits,
    }


def verification_text(found: Verification, terms: Terms) -> str:
    """The same for a person."""
    lines = [("format", found.format), ("pictures", str(found.pictures))]
    for name, classes in found.counts.items():
        lines.append((f"split {name}" if name else "no split", counts_text(_named(classes))))
    lines += [("missing", _several(found.missing, found.missing_names))]
    lines += [("extra", _several(found.extra, found.extra_names))]
    lines += [("official size", fault) for fault in found.differences] or [("official size", _agreement(found))]
    lines += [("terms", f"{terms.name}: {terms.text}; commercial use: {terms.commercial}")]
    return table_text(lines)


def _named(classes: Any) -> dict[str, int]:
    return {name or "no expression": count for name, count in classes.items()}


def _several(count: int, names: tuple[str, ...]) -> str:
    return f"{count}: {', '.join(names[:3])}" + (", …" if count > 3 else "") if count else "none"


def _agreement(found: Verification) -> str:
    return "as published" if found.compared else f"none known for {found.format}"
