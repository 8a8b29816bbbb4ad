"""`[report]`: the page about a run, made in the run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facsim.errors import RecipeError
from facsim.manifest import Manifest, open_manifest
from facsim.products import OnProgress, Progress
from facsim.report.findings import Findings, find_all
from facsim.report.page import page_html
from facsim.report.rows import rows_of
from facsim.report.sheets import class_sheets, rejected_sheets
from facsim.report.trust import trust_sheets

__all__ = ["Report", "write_report"]


@dataclass(frozen=True, kw_only=True)
class Report:
    """One self-contained HTML page on a run.

    pictures_per_class: accepted pictures shown of each class. title: of the page; "" takes the run folder's name.
    """

    pictures_per_class: int = 24
    title: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.pictures_per_class <= 500:
            raise RecipeError(f"report.pictures_per_class is {self.pictures_per_class}; expected 1 to 500")

    @property
    def makes(self) -> str:
        """The file that it makes, in the run's folder."""
        return "report.html"

    def make(self, run: Manifest, *, on_progress: OnProgress) -> dict[str, Any]:
        """Write the page; returns its size and what it counted."""
        on_progress(Progress(step="report", done=0, total=1, unit="pages"))
        findings, html = _made(run, self)
        run.folder.write(self.makes, html.encode())
        on_progress(Progress(step="report", done=1, total=1, unit="pages"))
        return {"bytes": len(html.encode()), "accepted": findings.totals.accepted, "omitted": sorted(findings.omitted)}


def write_report(run_url: str, out: str | Path | None = None, *, report: Report | None = None) -> str:
    """Write the page on the run at `run_url` to the file `out`, or into the run's folder; returns where it is.

    Raises ManifestError where there is no finished run.
    """
    report, run = report or Report(), open_manifest(run_url)
    html = _made(run, report)[1].encode()
    if out is None:
        run.folder.write(report.makes, html)
        return run.folder.path(report.makes)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_bytes(html)
    return str(out)


def _made(run: Manifest, report: Report) -> tuple[Findings, str]:
    rows = rows_of(run)
    findings = find_all(run, rows)
    sheets = class_sheets(run, rows, most=report.pictures_per_class)
    return findings, page_html(
        findings,
        classes=sheets,
        rejected=rejected_sheets(run, rows),
        trusted=trust_sheets(run, rows),
        title=report.title,
    )
