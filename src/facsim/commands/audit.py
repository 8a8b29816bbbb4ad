"""`facsim audit`: who is in a set, what it shows, how near it comes to another, and what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facsim.commands.console import progress_shown, show_json, show_text, table_text, tell
from facsim.commands.options import AsJson, Device, check_device

if TYPE_CHECKING:
    from facsim.report.audit.auditing import Audit

__all__ = ["audit"]

_SOURCE = "A run folder, a class folder or its archive, FER2013's CSV, or Parquet."

Split = Annotated[str, typer.Option(help="Only this split of it.", show_default="all of it")]


def audit(
    run: Annotated[str, typer.Argument(metavar="RUN", help=f"What to audit. {_SOURCE}")],
    against: Annotated[str, typer.Option("--against", metavar="REAL", help=f"The reference. {_SOURCE}")] = "",
    split: Split = "",
    against_split: Split = "",
    extractor: Annotated[
        str,
        typer.Option(
            "--extractor",
            metavar="MODEL",
            help="The network that judges: random, a model's folder, FILE.onnx, or inception:FILE.",
        ),
    ] = "random",
    by: Annotated[
        str,
        typer.Option("--by", metavar="AXIS,...", help="age, gender, ancestry, tone, tone_single, an attribute."),
    ] = "age,gender,ancestry,tone",
    per_class: Annotated[bool, typer.Option("--per-class", help="Distances of each expression too.")] = False,
    min_cell: Annotated[
        int, typer.Option("--min-cell", min=1, help="Pictures that a cell of expression and groups should hold.")
    ] = 30,
    show_reference: Annotated[
        bool, typer.Option("--show-reference", help="Put pictures of REAL into the page; they may be of people.")
    ] = False,
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="DIR", help="Where it goes.", show_default="audit in RUN, or here")
    ] = "",
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Audit a set of pictures: who is in it, and how near it comes to another.

    Counts expressions by age, gender, ancestry and skin tone with intervals; finds copies within the set and of REAL;
    gives Fréchet distance, KID, precision, recall, density and coverage, the network that judges in each name: `fid`
    alone is Inception-v3's. The default judge is an untrained network: it needs no download and knows nothing of faces.
    Writes audit.json and audit.html. Ends with 1 where a finding is an error.

    \b
    Examples:
      facsim audit runs/faces --against fer2013.csv --against-split Training --extractor models/small --per-class
      facsim audit runs/faces --by gender,tone_single --min-cell 100 --json
    """
    from facsim.report.audit.auditing import AuditSettings, audit_set
    from facsim.report.audit.product import DATA_FILE, PAGE_FILE, write_audit
    from facsim.storage import folder_at

    check_device(device)
    settings = AuditSettings(
        source=run,
        split=split,
        against=against,
        against_split=against_split,
        extractor=extractor,
        by=tuple(dict.fromkeys(part.strip() for part in by.split(",") if part.strip())),
        per_class=per_class,
        min_cell=min_cell,
        device=device,
    )
    place = out or (str(Path(run) / "audit") if Path(run).is_dir() else "audit")
    with progress_shown() as on_progress:
        found = audit_set(settings, on_progress=on_progress)
        said = write_audit(found, folder_at(place), show_reference=show_reference)
    tell(f"written: {place}/{DATA_FILE} and {place}/{PAGE_FILE}")
    if json:
        show_json(said)
    else:
        show_text(_text(found))
    if found.has_errors:
        raise typer.Exit(1)


def _text(found: Audit) -> str:
    lines = [table_text(_counts(found))]
    if found.distances and found.extractor is not None:
        named = [
            (found.extractor.figure_name(name), figure)
            for one in found.distances[:1]
            for name, figure in one.figures.items()
        ]
        lines += ["", table_text(named)] if named else []
    lines += ["", "findings:" if found.findings else "no findings"]
    lines += [f"  {finding.severity:8}{finding.text}" for finding in found.findings]
    return "\n".join(lines)


def _counts(found: Audit) -> list[tuple[str, str]]:
    rejected = sum(found.own.rejected.values())
    rows = [("audited", f"{len(found.own.pictures):,} pictures" + (f", {rejected:,} rejected" if rejected else ""))]
    if found.reference is not None:
        rows.append(("against", f"{len(found.reference.pictures):,} pictures of {found.reference.name}"))
    if found.expression_variation is not None:
        rows.append(("expressions", f"variation from the reference's shares {found.expression_variation}"))
    rows += [(axis.name, f"evenness {axis.evenness}") for axis in found.axes if axis.evenness is not None]
    return rows
