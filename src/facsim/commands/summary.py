"""What a run came to, and what a recipe would come to: plain values for `--json`, and the same as text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from facsim.commands.console import counts_text, duration_text, table_text

if TYPE_CHECKING:
    import pyarrow as pa

    from facsim.manifest import Manifest
    from facsim.recipe import Recipe

__all__ = ["plan_outline", "plan_text", "run_summary", "run_text", "standing_text"]


# what a run came to


def run_summary(run: Manifest, *, seconds: float) -> dict[str, Any]:
    """Counts of a finished run (accepted, rejected by reason, problems by step, classes), its products and places.

    none_left: label → its rows, of labels of which no row stays. stands_on: collections and models with their terms.
    """
    from facsim.records import run_terms

    products, tally = _products(run), _tallied(run)
    short = _short(run, tally.wanted)
    none_left = Counter({name: count for name, count in tally.labelled.items() if name not in tally.classes})
    standing = [{"of": of, "name": terms.name, "commercial": terms.commercial} for of, terms in run_terms(run)]
    return {
        "run": run.folder.root,
        "samples": run.num_rows,
        "accepted": tally.accepted,
        "rejected": _sorted(tally.rejected),
        "classes": _sorted(tally.classes),
        **({"short": short} if short else {}),
        **({"none_left": _sorted(none_left)} if none_left else {}),
        **({"stands_on": standing} if standing else {}),
        "problems": {step: _sorted(counts) for step, counts in tally.problems.items() if counts},
        "steps": list(run.steps()),
        "products": products,
        "seconds": round(seconds, 1),
        "next": _next_command(run, products, tally),
    }


@dataclass(kw_only=True)
class _Tally:
    """Counts over all rows: of what stays, its classes and the values that a `select` step fills; labels and faces."""

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])
    classes: Counter[str] = field(default_factory=Counter[str])
    labelled: Counter[str] = field(default_factory=Counter[str])
    wanted: Counter[str] = field(default_factory=Counter[str])
    problems: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    several_faces: int = 0


def _tallied(run: Manifest) -> _Tally:
    """The counts, a shard at a time. As in `facsim.dataset`, a row whose picture has a problem does not stay."""
    from facsim.columns import split_name
    from facsim.dataset import LABEL_COLUMNS

    accepted, reason, image, faces = (run.find(name) for name in ("accepted", "reason", "image", "faces_found"))
    label = next((full for name in LABEL_COLUMNS if (full := run.find(name))), None)
    by, picture = _selected_by(run), f"{split_name(image)[0]}.problem" if image else None
    problems = {step: f"{step}.problem" for step in run.steps()}
    named = [name for name in (accepted, reason, label, by, faces, *problems.values()) if name]
    tally = _Tally(problems={step: Counter[str]() for step in problems})
    for batch in run.batches([*dict.fromkeys(named)]):
        columns = {name: batch.column(name).to_pylist() for name in dict.fromkeys(named)}
        nothing, everything = [None] * batch.num_rows, [True] * batch.num_rows
        sick = columns[picture] if picture else nothing
        verdicts = columns[accepted] if accepted else everything
        stays = [bool(verdict) and problem is None for verdict, problem in zip(verdicts, sick, strict=True)]
        tally.accepted += sum(stays)
        for name, counts in ((label, tally.classes), (by, tally.wanted)):
            if name:
                counts.update(str(v) for v, kept in zip(columns[name], stays, strict=True) if kept and v is not None)
        for name, counts in (
            (label, tally.labelled),
            (reason, tally.rejected),
            *((problems[step], tally.problems[step]) for step in problems),
        ):
            if name:
                counts.update(str(value) for value in columns[name] if value is not None)
        tally.several_faces += sum((count or 0) > 1 for count in columns[faces]) if faces else 0
    return tally


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts)}


def _selected_by(run: Manifest) -> str | None:
    """The column whose values a `select` step, the last word on what stays, gives quotas."""
    from facsim.columns import split_name

    accepted = run.find("accepted")
    if accepted is None or (step := run.step(split_name(accepted)[0])).stage != "select":
        return None
    return step.bindings[step.configuration["by"]]


def _short(run: Manifest, kept: Counter[str]) -> dict[str, int]:
    """Value → how many samples it has fewer than a `select` step asked for."""
    from facsim.columns import split_name
    from facsim.curate.shortfall import shortfall

    accepted = run.find("accepted")
    if accepted is None or _selected_by(run) is None:
        return {}
    return shortfall(run.step(split_name(accepted)[0]).configuration, _sorted(kept))


def _products(run: Manifest) -> dict[str, dict[str, Any]]:
    from facsim.recipe import PRODUCTS

    found: dict[str, dict[str, Any]] = {}
    for name in PRODUCTS:
        if run.folder.exists(f"products/{name}.json"):
            record = json.loads(run.folder.read(f"products/{name}.json"))
            found[name] = {"path": run.folder.path(record["makes"]), "facts": record.get("facts", {})}
    return found


def _next_command(run: Manifest, products: Mapping[str, Any], tally: _Tally) -> str:
    root = run.folder.root
    if "train" in products:
        return f"facsim evaluate {products['train']['path']} --on FACES"
    if run.find("image") is None:
        return f"facsim stages  # add a step that makes pictures, and run again with --out {root}"
    if tally.classes:
        return f"facsim train {root} --out {root}-model"
    if tally.several_faces:
        return f"facsim crops {root} --out {root}-faces  # {tally.several_faces} pictures show several faces"
    return f"facsim report {root}"  # nothing is labelled, so nothing learns from it yet


def run_text(summary: Mapping[str, Any]) -> str:
    """The summary for a person."""
    rejected, problems = summary["rejected"], summary["problems"]
    lines = [
        ("samples", f"{summary['samples']} in {summary['run']}"),
        ("accepted", str(summary["accepted"])),
        ("rejected", f"{sum(rejected.values())}" + (f" ({counts_text(rejected)})" if rejected else "")),
        *((f"problems in {step}", counts_text(counts)) for step, counts in problems.items()),
        *((("classes", counts_text(summary["classes"])),) if summary["classes"] else ()),
        *((("short of", counts_text(summary["short"])),) if summary.get("short") else ()),
        *((("none left of", counts_text(summary["none_left"])),) if summary.get("none_left") else ()),
        *(("stands on", f"{entry['of']}: {standing_text(entry)}") for entry in summary.get("stands_on", ())),
        *((name, str(product["path"])) for name, product in summary["products"].items()),
        ("took", duration_text(summary["seconds"])),
        ("next", summary["next"]),
    ]
    return table_text(lines)


def standing_text(entry: Mapping[str, str]) -> str:
    """A collection or model and whether it may be used commercially, in words."""
    uses = {"yes": "commercial use allowed", "no": "no commercial use"}
    return f"{entry['name']} ({uses.get(entry['commercial'], 'commercial use: not said')})"


# what a recipe would come to


def plan_outline(recipe: Recipe, *, rows: int = 0) -> dict[str, Any]:
    """What the recipe would make: samples, pictures for each value of each axis, shards, bound steps, products.

    `rows` of the planned samples are listed too. Nothing is written. Raises RecipeError, and FormatError for inputs.
    """
    from facsim.plan import shard_sizes
    from facsim.recipe import settings_of

    counted = _planned(recipe, rows) if recipe.plan else _found(recipe, rows)
    asked = recipe.plan.rows_per_shard if recipe.plan else 0
    sizes = shard_sizes(counted["samples"], rows_per_shard=asked)
    listed = counted.pop("rows")
    return {
        **counted,
        "shards": {"count": len(sizes), "rows": max(sizes)},
        "steps": [
            {
                "name": step.name,
                "use": step.use,
                "reads": dict(bindings),
                "writes": list(step.stage.writes),
                "settings": settings_of(step.stage),
            }
            for step, bindings in recipe.bound_steps()
        ],
        "products": {name: settings_of(product) for name, product in recipe.products.items()},
        **({"rows": listed} if rows else {}),
    }


def _planned(recipe: Recipe, rows: int) -> dict[str, Any]:
    from facsim.plan import plan_batches, quota_counts

    assert recipe.plan is not None
    plan = recipe.plan
    return {
        "samples": plan.count,
        "people": plan.count // plan.pictures_per_identity,
        "seed": plan.seed,
        "axes": {axis: quota_counts(plan, axis) for axis in plan.axes()},
        "rows": _first_rows(plan_batches(plan), rows) if rows else [],
    }


def _found(recipe: Recipe, rows: int) -> dict[str, Any]:
    from facsim.inputs import input_batches

    counted = {name: Counter[str]() for name in ("source_input", "split", "expression_given")}
    samples, shown = 0, list[dict[str, Any]]()
    for batch in input_batches(recipe.inputs):
        samples += batch.num_rows
        shown += batch.slice(0, max(0, rows - len(shown))).to_pylist()
        for name, counts in counted.items():
            counts.update(str(value) for value in batch.column(name).to_pylist() if value is not None)
    axes = {name: {value: counts[value] for value in sorted(counts)} for name, counts in counted.items() if counts}
    return {"samples": samples, "axes": axes, "rows": shown}


def _first_rows(batches: Iterator[pa.RecordBatch], rows: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for batch in batches:
        found += batch.slice(0, rows - len(found)).to_pylist()
        if len(found) >= rows:
            break
    return found


def plan_text(outline: Mapping[str, Any]) -> str:
    """The outline for a person."""
    people = f" of {outline['people']} people, seed {outline['seed']}" if "people" in outline else ""
    shards = outline["shards"]
    lines = [f"{outline['samples']} samples{people}; {shards['count']} shards of up to {shards['rows']} rows", ""]
    lines += [table_text([(axis, counts_text(counts)) for axis, counts in outline["axes"].items()], indent="  "), ""]
    for number, step in enumerate(outline["steps"], start=1):
        lines += [f"step {number}: {step['name']}" + (f" (stage {step['use']})" if step["use"] != step["name"] else "")]
        lines += [f"  reads     {', '.join(step['reads'].values()) or 'nothing'}"]
        lines += [f"  writes    {_shortened(step['writes'])}"]
        lines += [f"  settings  {_settings_text(step['settings'])}"]
    lines += [f"then {name}: {_settings_text(settings)}" for name, settings in outline["products"].items()]
    lines += _rows_lines(outline.get("rows", []))
    if "estimate" in outline:
        lines += ["", _estimate_text(outline["estimate"])]
    return "\n".join(lines)


def _estimate_text(estimate: Mapping[str, Any]) -> str:
    """The measured estimate in a line."""
    return (
        f"a picture takes about {estimate['seconds_per_sample']:.3g} s here ({estimate['measured']} drawn): all of "
        f"them about {duration_text(estimate['seconds'])} on {estimate['workers']} workers, other steps aside"
    )


def _shortened(names: list[str], *, most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _settings_text(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in settings.items()) or "defaults"


def _rows_lines(rows: list[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    names = [name for name in rows[0] if not name.startswith("problem")]
    table = [names, *([_cell_text(row[name]) for name in names] for row in rows)]
    return ["", table_text(table)]


def _cell_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list):
        return "/".join(f"{entry:.2f}" if isinstance(entry, float) else str(entry) for entry in value)
    return "-" if value is None else str(value)
