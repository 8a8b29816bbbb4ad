"""`facsim duplicates`: copies within and across sets, and where their labels contradict each other."""

from __future__ import annotations

import json as json_text
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facsim.commands.console import show_json, show_text, stdout_kept, table_text, tell
from facsim.commands.options import AsJson

if TYPE_CHECKING:
    from facsim.curate.duplicates import Group, HashedSet

__all__ = ["duplicates"]

_SHOWN = 10


def duplicates(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SET…", help="Run folders, class folders or archives, FER2013's CSV, Parquet."),
    ],
    distance: Annotated[
        int,
        typer.Option("--distance", min=0, max=16, help="Bits of 64 in which near copies may differ; 0: equal pixels."),
    ] = 0,
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="Write all groups as JSON.")] = "",
    json: AsJson = False,
) -> None:
    """Find copies within and across sets, and copies whose labels differ.

    Equal pixels, however they are encoded; with --distance 4 also copies that were compressed or resized. Ends with 1
    where a group crosses sets or its labels conflict. A recipe does the same for its own rows with `dedupe`.

    \b
    Example:
      facsim duplicates train.zip test.zip --out groups.json
    """
    from facsim.curate.duplicates import duplicate_groups, hashed_set, summary_of
    from facsim.learn.sources import records_of

    with stdout_kept():
        sets = [hashed_set(source, records_of(source)) for source in sources]
        groups = duplicate_groups(sets, distance=distance)
    counts = summary_of(groups)
    found: dict[str, Any] = {
        "sets": {entry.name: {"pictures": len(entry.ids), "problems": dict(entry.problems)} for entry in sets},
        "distance_bits": distance,
        **counts,
    }
    listed = {**found, "listed": [group.to_json() for group in groups]}
    if out:
        Path(out).write_text(json_text.dumps(listed, indent=1) + "\n", encoding="utf-8")
        tell(f"written: {out}")
    if json:
        show_json(listed)
    else:
        show_text(_text(counts, sets, groups))
    if counts["crossing"] or counts["conflicting"]:
        raise typer.Exit(1)


def _text(counts: dict[str, int], sets: Sequence[HashedSet], groups: Sequence[Group]) -> str:
    problems = {entry.name: sum(entry.problems.values()) for entry in sets if entry.problems}
    rows = [
        ("pictures", " + ".join(str(len(entry.ids)) for entry in sets)),
        ("groups of copies", f"{counts['groups']}, {counts['repeats']} pictures beyond the first of each"),
        ("labels conflict", f"in {counts['conflicting']}"),
        *([("cross sets", f"{counts['crossing']}, {counts['crossing_conflicting']} of them with conflicting labels")]
          if len(sets) > 1 else []),
        *((f"unreadable in {name}", str(count)) for name, count in problems.items()),
    ]  # fmt: skip
    worst = [group for group in groups if group.conflicting][:_SHOWN]
    lines = [table_text(rows)]
    if worst:
        shown = [[member.label or "–", f"{member.set}: {member.id}"] for group in worst for member in group.members]
        lines += ["", f"the first {len(worst)} with conflicting labels:", table_text(shown)]
    return "\n".join(lines)
