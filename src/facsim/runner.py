"""Runs a recipe: plans the rows, fills in each step's columns, makes what the recipe asks of them.

A run killed at any point and started again equals an unbroken one: finished shards are kept, the rest is done. A step
whose settings, version, weights or inputs changed since is stale, and refused with the cause until `redo` drops it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from facsim import __version__
from facsim.columns import KEY_COLUMNS, split_name, step_schema
from facsim.errors import ManifestError
from facsim.executors import WorkShards, executor_named
from facsim.inputs import list_inputs
from facsim.manifest import Manifest, StepRecord, create_manifest, open_manifest
from facsim.plan import PLAN_WRITES, plan_batches, shard_sizes
from facsim.products import OnProgress, Progress, drop_product, make_product, refuse_stale_products
from facsim.provenance import changes, environment, fingerprint_of_list, now
from facsim.recipe import PRODUCTS, Input, Recipe, Step, parse_recipe, recipe_text, settings_of
from facsim.spool import Spool
from facsim.stage import PROBLEM_COLUMNS, AnyStage, TableStage, is_table_stage, stage_columns
from facsim.storage import folder_at
from facsim.work import Job, LawBroken, judged_batch

__all__ = ["StepScan", "plan_run", "redo", "run"]


def _quiet(_: Progress) -> None:
    return None


def run(
    recipe: Recipe,
    out: str,
    *,
    workers: int = 1,
    device: str = "cpu",
    executor: str = "local",
    on_progress: OnProgress = _quiet,
) -> Manifest:
    """Run the recipe in the folder `out`, continuing what is there; returns the finished run.

    `workers`, `device` and `executor` say where work is done and change no result.
    Raises ManifestError where `out` holds another recipe's run, a stale step, or something else.
    """
    with folder_at(out).locked():
        manifest = plan_run(recipe, out)
        _refuse_stale(manifest, recipe, out)
        manifest.folder.write("recipe.toml", recipe_text(recipe).encode())
        steps = recipe.bound_steps()
        coming = _modules_to_come(manifest, [step for step, _ in steps])
        with executor_named(executor)(workers=workers, device=device, modules=coming) as work_shards:
            place = _Place(work_shards=work_shards, workers=workers, device=device, executor=executor)
            for step, bindings in steps:
                _run_step(manifest, step, bindings, place, on_progress)
        for name, product in recipe.products.items():
            if facts := make_product(manifest, name, product, on_progress):
                _log(manifest, facts)
    return manifest


def _modules_to_come(manifest: Manifest, steps: Sequence[Step]) -> list[str]:
    """Where the stages are that workers have still to work."""
    left = [step.stage for step in steps if not manifest.is_finished(step.name)]
    return [type(stage).__module__ for stage in left if not is_table_stage(stage)]


@dataclass(frozen=True, kw_only=True)
class _Place:
    work_shards: WorkShards
    workers: int
    device: str
    executor: str

    def told(self) -> dict[str, Any]:
        """What the log says of it."""
        return {"workers": self.workers, "device": self.device, "executor": self.executor}


# planning


def plan_run(recipe: Recipe, out: str) -> Manifest:
    """The run folder with its planned rows, made where there is none.

    Raises ManifestError where the folder is the run of another plan or of other inputs.
    """
    if not folder_at(out).exists("run.json"):
        return _new_run(recipe, out)
    manifest = open_manifest(out)
    found, wanted = _with_defaults(manifest.header["source"]), _source(recipe)
    if found != wanted:
        same_kind = "plan" in found and "plan" in wanted
        differences = changes(found["plan"], wanted["plan"]) if same_kind else changes(found, wanted)
        raise ManifestError(f"{out} is the run of another recipe ({'; '.join(differences)}); choose another --out")
    if not manifest.is_finished("plan"):
        _write_plan(manifest, _planned(recipe))
    _refuse_old_listing(manifest, recipe, out)
    return manifest


def _with_defaults(source: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a run was made of, with the settings of inputs that the facsim that made it did not have yet."""
    if "input" not in source:
        return source
    return {"input": [settings_of(Input(**entry)) for entry in source["input"]]}


def _refuse_old_listing(manifest: Manifest, recipe: Recipe, out: str) -> None:
    """Raise ManifestError where an earlier facsim listed the inputs without columns that steps read now."""
    wanted = {column for _, bound in recipe.bound_steps() for column in bound.values() if column.startswith("plan.")}
    lacking = sorted(wanted - {f"plan.{name}" for name in manifest.step("plan").writes})
    if lacking:
        raise ManifestError(
            f"{out} was planned by facsim {manifest.header.get('facsim')}, which wrote no {', '.join(lacking)}; it can "
            "still be read; to go on with this facsim choose another --out"
        )


def _source(recipe: Recipe) -> dict[str, Any]:
    if recipe.plan is not None:
        return {"plan": settings_of(recipe.plan)}
    return {"input": [settings_of(entry) for entry in recipe.inputs]}


def _planned(recipe: Recipe) -> Spool:
    if recipe.plan is None:
        return list_inputs(recipe.inputs)
    return Spool(plan_batches(recipe.plan), step_schema(PLAN_WRITES))


def _new_run(recipe: Recipe, out: str) -> Manifest:
    table = _planned(recipe)
    asked = recipe.plan.rows_per_shard if recipe.plan else 0
    header = {
        "facsim": __version__,
        "created": now(),
        "source": _source(recipe),
        "rounds": [list(shard_sizes(table.num_rows, rows_per_shard=asked))],
    }
    manifest = create_manifest(out, header=header, recipe_text=recipe_text(recipe))
    _write_plan(manifest, table)
    return manifest


def _write_plan(manifest: Manifest, table: Spool) -> None:
    if table.num_rows != manifest.num_rows:
        raise ManifestError(
            f"the inputs now hold {table.num_rows} pictures, {manifest.num_rows} when the run was planned; "
            "choose another --out"
        )
    writes = tuple(name for name in table.schema.names if name not in KEY_COLUMNS)
    ids = (sample_id for batch in table.to_batches() for sample_id in batch.column("sample_id").to_pylist())
    record = StepRecord(
        name="plan",
        stage="plan",
        version=1,
        configuration={**manifest.header["source"], "rows": fingerprint_of_list(ids)},
        bindings={},
        writes=writes,
        weights=(),
        upstream={},
    )
    manifest.begin_step(record)
    missing = manifest.missing_shards("plan")
    for shard, part in enumerate(_in_shards(table, manifest.shard_rows)):
        if shard in missing:
            manifest.write_shard("plan", shard, part)


def _in_shards(table: Spool, shard_rows: Sequence[int]) -> Iterator[pa.Table]:
    """The rows again, as many together as each shard has, without holding all of them."""
    batches = iter(table.to_batches())
    waiting = table.schema.empty_table()
    for rows in shard_rows:
        while waiting.num_rows < rows:
            waiting = pa.concat_tables([waiting, pa.Table.from_batches([next(batches)])])
        yield waiting.slice(0, rows).combine_chunks()
        waiting = waiting.slice(rows)


# steps


def _record(manifest: Manifest, step: Step, bindings: Mapping[str, str]) -> StepRecord:
    upstream = {
        name: manifest.step(name).fingerprint for name in sorted({split_name(full)[0] for full in bindings.values()})
    }
    return StepRecord(
        name=step.name,
        stage=step.use,
        version=step.stage.version,
        configuration=settings_of(step.stage),
        bindings=dict(bindings),
        writes=step.stage.writes,
        weights=tuple(getattr(step.stage, "weights", ())),
        terms=step.model_terms,
        upstream=upstream or {"plan": manifest.step("plan").fingerprint},
    )


def _refuse_stale(manifest: Manifest, recipe: Recipe, out: str) -> None:
    """Raise ManifestError for the first step whose rows were made otherwise than the recipe would make them."""
    begun = manifest.steps()
    for step, bindings in recipe.bound_steps():
        if step.name not in begun:
            continue
        found, wanted = manifest.step(step.name), _record(manifest, step, bindings)
        if found.fingerprint != wanted.fingerprint:
            raise ManifestError(
                f'step "{step.name}" in {out} is stale: {_cause(found, wanted)}; '
                f"`facsim redo {step.name} --out {out}` drops it and everything after it, another --out keeps it"
            )
    refuse_stale_products(manifest, recipe, out)


def _cause(found: StepRecord, wanted: StepRecord) -> str:
    if found.stage != wanted.stage:
        return f'it was made by "{found.stage}", the recipe says "{wanted.stage}"'
    if found.version != wanted.version:
        return f'version {found.version} of stage "{found.stage}" made it, this facsim has version {wanted.version}'
    if settings := changes(found.configuration, wanted.configuration):
        return "its settings changed (" + "; ".join(settings) + ")"
    if found.weights != wanted.weights:
        return "its weights changed"
    if inputs := changes(found.bindings, wanted.bindings):
        return "what it reads changed (" + "; ".join(inputs) + ")"
    if found.writes != wanted.writes:
        return "what it writes changed"
    return "an earlier step was made again (" + ", ".join(changes(found.upstream, wanted.upstream)) + ")"


def _run_step(
    manifest: Manifest, step: Step, bindings: Mapping[str, str], place: _Place, on_progress: OnProgress
) -> None:
    if step.name not in manifest.steps():
        manifest.begin_step(_record(manifest, step, bindings))
    elif (held := manifest.step(step.name)).terms != step.model_terms:
        manifest.begin_step(replace(held, terms=step.model_terms))
    missing = manifest.missing_shards(step.name)
    if not missing:
        return
    started = time.monotonic()
    if is_table_stage(step.stage):
        _judge(manifest, step, bindings, on_progress)
    else:
        _work(manifest, step, bindings, place, on_progress)
    rows = sum(manifest.shard_rows[shard] for shard in missing)
    seconds = time.monotonic() - started
    _log(manifest, {"step": step.name, "rows": rows, "seconds": round(seconds, 3), **place.told()})


def _work(manifest: Manifest, step: Step, bindings: Mapping[str, str], place: _Place, on_progress: OnProgress) -> None:
    missing = manifest.missing_shards(step.name)
    done = manifest.num_rows - sum(manifest.shard_rows[shard] for shard in missing)

    def on_rows(rows: int) -> None:
        nonlocal done
        done += rows
        on_progress(Progress(step=step.name, done=done, total=manifest.num_rows))

    on_rows(0)
    url = manifest.folder.fs.unstrip_protocol(manifest.folder.root)
    job = Job(url=url, step=step.name, stage=step.stage, bindings=bindings, round_index=manifest.round_index)  # type: ignore[arg-type]  # a table stage goes to _judge
    place.work_shards(job, missing, on_rows=on_rows)


@dataclass(frozen=True, kw_only=True)
class StepScan:
    """A `Scan` over a manifest: the columns that a step is bound to, under the names that its stage reads."""

    manifest: Manifest
    bindings: Mapping[str, str]

    @property
    def num_rows(self) -> int:
        """Rows in the run."""
        return self.manifest.num_rows

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """`sample_id`, `problem` (the first of the steps that they come of) and the columns, one batch a shard."""
        steps = _come_of(self.manifest, {split_name(self.bindings[column])[0] for column in columns})
        problems = [f"{step}.problem" for step in steps]
        wanted = [self.bindings[column] for column in columns]
        for batch in self.manifest.batches([*dict.fromkeys([*wanted, *problems])]):
            problem = _first([batch.column(name) for name in problems], batch.num_rows)
            arrays = [batch.column("sample_id"), problem, *(batch.column(name) for name in wanted)]
            yield pa.RecordBatch.from_arrays(arrays, names=["sample_id", "problem", *columns])


def _come_of(manifest: Manifest, steps: set[str]) -> list[str]:
    """The steps and all that they were made of: a table stage has no problems of its own and hides those before it."""
    found, waiting = set[str](), sorted(steps)
    while waiting:
        step = waiting.pop()
        if step not in found:
            found.add(step)
            waiting += [split_name(full)[0] for full in manifest.step(step).bindings.values()]
    return sorted(found)


def _first(columns: Sequence[pa.Array], rows: int) -> pa.Array:
    if not columns:
        return pa.nulls(rows, pa.string())
    lists = [column.to_pylist() for column in columns]
    return pa.array(
        [next((value for value in values if value), None) for values in zip(*lists, strict=True)], pa.string()
    )


def _judge(manifest: Manifest, step: Step, bindings: Mapping[str, str], on_progress: OnProgress) -> None:
    """Run a table stage and land its rows, shard by shard. Raises LawBroken on a wrong row count or wrong columns."""
    on_progress(Progress(step=step.name, done=0, total=manifest.num_rows))
    rows = _judged(step.stage, StepScan(manifest=manifest, bindings=bindings))
    schema = step_schema(step.stage.writes, extra=stage_columns(step.stage))
    wanted = pa.schema([schema.field(name) for name in (*PROBLEM_COLUMNS, *step.stage.writes)])
    cast = (part for batch in rows for part in pa.Table.from_batches([batch]).cast(wanted).to_batches())
    judged = Spool(cast, wanted)  # whole before any of it lands
    if judged.num_rows != manifest.num_rows:
        raise LawBroken(f'stage "{step.use}" judged {judged.num_rows} of {manifest.num_rows} rows')
    done = 0
    for shard, part in enumerate(_in_shards(judged, manifest.shard_rows)):
        ids = manifest.read_shard("plan", shard, ["sample_id"])["sample_id"]
        columns = {"sample_id": ids, **{name: part[name] for name in wanted.names}}
        manifest.write_shard(step.name, shard, pa.table(columns).cast(schema))
        done += part.num_rows
        on_progress(Progress(step=step.name, done=done, total=manifest.num_rows))


def _judged(stage: AnyStage, scan: StepScan) -> Iterator[pa.RecordBatch]:
    if not isinstance(stage, TableStage):
        raise LawBroken(f"{stage!r} is not a table stage")
    for batch in stage.judge(scan):
        yield judged_batch(stage, batch)


def _log(manifest: Manifest, entry: Mapping[str, Any]) -> None:
    manifest.folder.append(
        "log.jsonl", json.dumps({"at": now(), **entry, "environment": environment()}, sort_keys=True)
    )


def redo(out: str, name: str) -> list[str]:
    """Drop a step or a product and everything after it; returns the names dropped.

    Raises ManifestError where the run has no such step, or where it is the plan, which is the run.
    """
    with folder_at(out).locked():
        manifest = open_manifest(out)
        recipe = parse_recipe(manifest.recipe_text())
        made = [product for product in PRODUCTS if product in recipe.products]
        order = [*manifest.steps(), *made]
        if name == "plan":
            raise ManifestError("the plan is what the run is of; choose another --out for another plan")
        if name not in order:
            manifest.step(name)  # raises, with the nearest step
        dropped = order[order.index(name) :]
        for entry in reversed(dropped):
            _drop(manifest, recipe, entry)
        return dropped


def _drop(manifest: Manifest, recipe: Recipe, name: str) -> None:
    if name in recipe.products and name not in manifest.steps():
        drop_product(manifest, name, recipe.products[name])
    else:
        manifest.drop_step(name)
