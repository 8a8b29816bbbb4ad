"""`[audit]` of a recipe, and the two files that an audit is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from facsim.errors import RecipeError
from facsim.manifest import Manifest
from facsim.products import OnProgress
from facsim.report.audit.auditing import Audit, AuditSettings, audit_set
from facsim.report.audit.demography import AXES
from facsim.report.audit.page import audit_html
from facsim.storage import Folder

__all__ = ["DATA_FILE", "PAGE_FILE", "AuditRun", "write_audit"]

DATA_FILE = "audit.json"
PAGE_FILE = "audit.html"


@dataclass(frozen=True, kw_only=True)
class AuditRun:
    """Who is in the run, what it shows, and how near it comes to other pictures: a page, and the same as JSON.

    against: the reference, a path or "". against_split: only this split of it. extractor: the network that judges,
    "random", a path, or "inception:FILE". by: axes that people are counted by. per_class: distances of each expression
    too. min_cell: pictures that a cell of expression and groups should hold. Findings end no run: they are on the page.
    """

    against: str = ""
    against_split: str = ""
    extractor: str = "random"
    by: tuple[str, ...] = AXES
    per_class: bool = False
    min_cell: int = 30

    def __post_init__(self) -> None:
        if self.min_cell < 1:
            raise RecipeError(f"audit.min_cell is {self.min_cell}; expected at least 1")

    @property
    def makes(self) -> str:
        """The folder that it makes, in the run's folder."""
        return "audit"

    def make(self, run: Manifest, *, on_progress: OnProgress) -> dict[str, Any]:
        """Write the page and its data; returns what it counted."""
        settings = AuditSettings(
            source=run.folder.url(),
            against=self.against,
            against_split=self.against_split,
            extractor=self.extractor,
            by=self.by,
            per_class=self.per_class,
            min_cell=self.min_cell,
        )
        found = audit_set(settings, on_progress=on_progress)
        write_audit(found, run.folder, within=self.makes)
        kinds = [finding.kind for finding in found.findings]
        return {"pictures": len(found.own.pictures), "findings": sorted(set(kinds)), "errors": found.has_errors}


def write_audit(found: Audit, folder: Folder, *, within: str = "", show_reference: bool = False) -> dict[str, Any]:
    """Write `audit.json` and `audit.html` into the folder `within` the given one; returns the JSON."""
    said, before = found.to_json(), f"{within}/" if within else ""
    folder.write(before + DATA_FILE, (json.dumps(said, indent=1) + "\n").encode())
    folder.write(before + PAGE_FILE, audit_html(found, show_reference=show_reference).encode())
    return said
