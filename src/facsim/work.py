"""One step's work on one piece of one shard: rows in, the stage's rows out, checked against the laws.

This is what a worker does, whatever executor started it. It knows shards and stages, not processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from facsim.columns import split_name, value_fault
from facsim.errors import FacsimError
from facsim.manifest import Manifest, open_manifest, rows_table
from facsim.sample import REASONS, Problem, Sample
from facsim.stage import PROBLEM_COLUMNS, Row, Stage, TableStage, Work, stage_columns

__all__ = ["Job", "LawBroken", "Piece", "checked_rows", "crashed_table", "judged_batch", "open_job", "sample_batches"]


class LawBroken(FacsimError):
    """A stage that returned something other than what it declares: a broken program, not a sick sample."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A step to be worked on: where the run is, which stage, and what it reads from where."""

    url: str
    step: str
    stage: Stage
    bindings: Mapping[str, str]
    round_index: int = 0

    def manifest(self) -> Manifest:
        """The run, opened afresh."""
        found = open_manifest(self.url)
        return Manifest(folder=found.folder, header=found.header, round_index=self.round_index)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Rows `start` to `stop` of one shard."""

    shard: int
    start: int
    stop: int

    def halves(self) -> tuple[Piece, Piece]:
        """The piece in two, for finding the sample on which a worker died."""
        middle = (self.start + self.stop) // 2
        return (
            Piece(shard=self.shard, start=self.start, stop=middle),
            Piece(shard=self.shard, start=middle, stop=self.stop),
        )


def open_job(job: Job, device: str) -> Callable[[Piece, Callable[[int], None]], pa.Table]:
    """Load the stage's weights once; returns the function from a piece to its table of rows.

    The function's second argument is called with a number of rows whenever that many more are done.
    """
    manifest, work = job.manifest(), job.stage.open(device)
    writes, columns = job.stage.writes, stage_columns(job.stage)

    def do(piece: Piece, on_rows: Callable[[int], None]) -> pa.Table:
        parts = [rows_table([], writes, columns)]
        for batch in sample_batches(manifest, job, piece):
            parts.append(rows_table(_batch_rows(job.stage, work, batch), writes, columns))
            on_rows(len(batch))
        return pa.concat_tables(parts).combine_chunks()

    return do


def sample_batches(manifest: Manifest, job: Job, piece: Piece) -> Iterator[list[Sample | tuple[str, Problem]]]:
    """The samples of a piece, as many together as the stage takes, read as they are asked for.

    A sample that an earlier step has no result for comes as (sample_id, Problem).
    """
    rows, size = range(piece.start, piece.stop), max(job.stage.resources.batch, 1)
    by_step = _by_step(job.bindings)
    wanted = {step: ["problem", *columns.values()] for step, columns in by_step.items()}
    wanted["plan"] = ["sample_id", *wanted.get("plan", ())]
    read = [
        manifest.shard_parts(step, piece.shard, [*dict.fromkeys(names)], rows=rows, size=size)
        for step, names in wanted.items()
    ]
    for parts in zip(*read, strict=True):
        tables = dict(zip(wanted, parts, strict=True))
        values = {
            column: tables[step][name].to_pylist()
            for step, columns in by_step.items()
            for column, name in columns.items()
        }
        problems = {step: tables[step]["problem"].to_pylist() for step in by_step}
        yield _samples(tables["plan"]["sample_id"].to_pylist(), values, problems)


def _samples(
    ids: Sequence[str], values: Mapping[str, Sequence[Any]], problems: Mapping[str, Sequence[str | None]]
) -> list[Sample | tuple[str, Problem]]:
    found: list[Sample | tuple[str, Problem]] = []
    for i, sample_id in enumerate(ids):
        sick = next((f"step {step}: {of_step[i]}" for step, of_step in problems.items() if of_step[i]), "")
        if sick:
            found.append((sample_id, Problem(reason="missing_input", detail=sick)))
        else:
            found.append(Sample(sample_id=sample_id, values={name: column[i] for name, column in values.items()}))
    return found


def _by_step(bindings: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """For each step that is read: column as the stage calls it → its name in the step."""
    found: dict[str, dict[str, str]] = {}
    for column, full_name in bindings.items():
        step, name = split_name(full_name)
        found.setdefault(step, {})[column] = name
    return found


def _batch_rows(stage: Stage, work: Work, batch: Sequence[Sample | tuple[str, Problem]]) -> list[Mapping[str, Any]]:
    healthy = [entry for entry in batch if isinstance(entry, Sample)]
    results = iter(checked_rows(stage, healthy, work(healthy) if healthy else []))
    rows: list[Mapping[str, Any]] = []
    for entry in batch:
        if isinstance(entry, Sample):
            rows.append(_row(stage, entry.sample_id, next(results)))
        else:
            rows.append(_row(stage, *entry))
    return rows


def _row(stage: Stage, sample_id: str, result: Row | Problem) -> Mapping[str, Any]:
    if isinstance(result, Problem):
        empty = dict.fromkeys(stage.writes)
        return {"sample_id": sample_id, "problem": result.reason, "problem_detail": result.detail, **empty}
    return {"sample_id": sample_id, "problem": None, "problem_detail": None, **result}


def checked_rows(stage: Stage, samples: Sequence[Sample], results: Sequence[Row | Problem]) -> Sequence[Row | Problem]:
    """The results, once the laws hold: one for each sample, keys exactly `writes`, values that fit the dictionary.

    Raises LawBroken, naming the stage, the sample and the law.
    """
    if len(results) != len(samples):
        raise LawBroken(f'stage "{stage.name}" returned {len(results)} results for {len(samples)} samples')
    entries, writes = stage_columns(stage), set(stage.writes)
    for sample, result in zip(samples, results, strict=True):
        if isinstance(result, Problem):
            continue
        if set(result) != writes:
            extra, lacking = set(result) - writes, writes - set(result)
            raise LawBroken(
                f'stage "{stage.name}", sample {sample.sample_id}: keys are not its `writes` '
                f"(extra: {sorted(extra) or 'none'}, missing: {sorted(lacking) or 'none'})"
            )
        for name, value in result.items():
            if fault := value_fault(entries[name], value):
                raise LawBroken(f'stage "{stage.name}", sample {sample.sample_id}, column "{name}": {fault}')
    return results


def crashed_table(job: Job, piece: Piece) -> pa.Table:
    """The one row of a sample on which, alone, a worker died."""
    ids = job.manifest().read_shard("plan", piece.shard, ["sample_id"])["sample_id"].to_pylist()
    problem = Problem(reason="crashed", detail=f'step "{job.step}": the worker process died on this sample')
    rows = [_row(job.stage, sample_id, problem) for sample_id in ids[piece.start : piece.stop]]
    return rows_table(rows, job.stage.writes, stage_columns(job.stage))


def judged_batch(stage: TableStage, batch: pa.RecordBatch) -> pa.RecordBatch:
    """A table stage's batch with `PROBLEM_COLUMNS` and its `writes`, in that order, once the laws hold.

    Raises LawBroken where it holds other columns, or a problem that is not in the closed list.
    """
    names = set(batch.schema.names)
    if names - set(PROBLEM_COLUMNS) != set(stage.writes):
        raise LawBroken(f'stage "{stage.name}" judged columns {batch.schema.names}, it declares {list(stage.writes)}')
    for name in PROBLEM_COLUMNS:
        if name not in names:
            batch = batch.append_column(name, pa.nulls(batch.num_rows, pa.string()))
    found = set(batch.column("problem").to_pylist()) - {None}
    if strange := sorted(found - set(REASONS)):
        raise LawBroken(f'stage "{stage.name}" judged the problem "{strange[0]}", which is none of {sorted(REASONS)}')
    return batch.select([*PROBLEM_COLUMNS, *stage.writes])
