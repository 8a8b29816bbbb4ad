"""A run folder: planned samples, filled in column by column, one folder a step and one file a shard.

    run.json                          what the folder is: facsim's version, seed, row and shard counts
    recipe.toml                       the recipe as it was run
    ledger.jsonl                      one line for every shard that landed: its SHA-256 and row count
    rounds/00/<step>/step.json        the step's stage, configuration, bindings and fingerprint
    rounds/00/<step>/00000.parquet    the step's columns for the rows of shard 0

All steps hold the same rows in the same order. A shard that exists is finished. Nothing is edited.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import pyarrow as pa

from facsim.columns import KEY_COLUMNS, Column, split_name, step_schema
from facsim.errors import ManifestError, hint_nearest
from facsim.formats.terms import Terms
from facsim.storage import Folder, folder_at
from facsim.tables import open_parquet, read_columns, table_bytes

__all__ = ["Manifest", "StepRecord", "create_manifest", "open_manifest", "rows_table"]

_FORMAT = 1
_LEAST_READ_ROWS = 64  # read together, where fewer are asked for


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """What `step.json` says: which stage with which configuration wrote a step's shards, and from what.

    terms: those of the models that the step's values stand on, as `facsim.formats.terms` has them; no value depends on
    them, so neither does the fingerprint. None: an earlier facsim did not ask.
    """

    name: str
    stage: str
    version: int
    configuration: Mapping[str, Any]
    bindings: Mapping[str, str]
    writes: tuple[str, ...]
    weights: tuple[str, ...]
    upstream: Mapping[str, str]
    terms: tuple[Terms, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, as written to `step.json`, the fingerprint with them."""
        terms = None if self.terms is None else [asdict(entry) for entry in self.terms]
        return {**self._hashed(), "fingerprint": self.fingerprint, "terms": terms}

    def _hashed(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "stage": self.stage,
            "version": self.version,
            "configuration": dict(self.configuration),
            "bindings": dict(self.bindings),
            "writes": list(self.writes),
            "weights": list(self.weights),
            "upstream": dict(self.upstream),
        }

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits over everything that the step's rows depend on."""
        text = json.dumps(self._hashed(), sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StepRecord:
        """The record that `to_json` wrote. Raises ManifestError where keys are missing."""
        try:
            return cls(
                name=data["name"],
                stage=data["stage"],
                version=data["version"],
                configuration=data["configuration"],
                bindings=data["bindings"],
                writes=tuple(data["writes"]),
                weights=tuple(data["weights"]),
                upstream=data["upstream"],
                terms=None if data.get("terms") is None else tuple(Terms(**entry) for entry in data["terms"]),
            )
        except (KeyError, TypeError) as error:
            raise ManifestError(f"step.json is damaged: {error!r}; remove the step's folder and run again") from error


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One round of an open run folder: reads and writes shards, scans columns."""

    folder: Folder
    header: Mapping[str, Any]
    round_index: int = 0

    @property
    def shard_rows(self) -> tuple[int, ...]:
        """Rows in each shard of this round."""
        return tuple(self.header["rounds"][self.round_index])

    @property
    def num_rows(self) -> int:
        """Rows in this round."""
        return sum(self.shard_rows)

    @property
    def num_shards(self) -> int:
        """Shards in this round."""
        return len(self.shard_rows)

    def _place(self, step: str, file: str = "") -> str:
        return f"rounds/{self.round_index:02d}/{step}" + (f"/{file}" if file else "")

    def recipe_text(self) -> str:
        """The recipe as it was run, TOML."""
        return self.folder.read("recipe.toml").decode()

    def steps(self) -> tuple[str, ...]:
        """Names of the steps that have begun, in the order in which they were begun."""
        begun = self.folder.names(f"rounds/{self.round_index:02d}")
        records = {name: self._order(name) for name in begun if self.folder.exists(self._place(name, "step.json"))}
        return tuple(sorted(records, key=lambda name: records[name]))

    def _order(self, step: str) -> int:
        return int(json.loads(self.folder.read(self._place(step, "step.json")))["order"])

    def step(self, name: str) -> StepRecord:
        """What `step.json` says. Raises ManifestError with the nearest step where there is none."""
        if not self.folder.exists(self._place(name, "step.json")):
            known = self.steps()
            raise ManifestError(f'{self.folder.root} has no step "{name}".{hint_nearest(name, known)}')
        return StepRecord.from_json(json.loads(self.folder.read(self._place(name, "step.json"))))

    def begin_step(self, record: StepRecord) -> None:
        """Write `step.json`, after which shards may land; a step that had begun keeps its place among the steps."""
        begun = self.steps()
        order = self._order(record.name) if record.name in begun else len(begun)
        data = {**record.to_json(), "order": order}
        self.folder.write(self._place(record.name, "step.json"), _json_bytes(data))

    def drop_step(self, name: str) -> None:
        """Remove a step and its shards (for `redo`)."""
        self.folder.remove(self._place(name))

    def missing_shards(self, step: str) -> tuple[int, ...]:
        """Shards that the step has still to write."""
        present = set(self.folder.names(self._place(step)))
        return tuple(index for index in range(self.num_shards) if _shard_file(index) not in present)

    def is_finished(self, step: str) -> bool:
        """Whether the step has begun and every shard has landed."""
        return self.folder.exists(self._place(step, "step.json")) and not self.missing_shards(step)

    def write_shard(self, step: str, shard: int, table: pa.Table) -> None:
        """Land one shard, whole or not at all, and note it in the ledger. Raises ManifestError on a wrong row count."""
        if table.num_rows != self.shard_rows[shard]:
            raise ManifestError(
                f'step "{step}", shard {shard}: {table.num_rows} rows to write, expected {self.shard_rows[shard]}'
            )
        data = table_bytes(table)
        self.folder.write(self._place(step, _shard_file(shard)), data)
        digest = hashlib.sha256(data).hexdigest()
        line = {"file": self._place(step, _shard_file(shard)), "sha256": digest, "rows": table.num_rows}
        self.folder.append("ledger.jsonl", json.dumps(line, sort_keys=True))

    def read_shard(self, step: str, shard: int, columns: Sequence[str] | None = None) -> pa.Table:
        """One step's columns (short names) for one shard. Raises ManifestError where the file is damaged."""
        with self._opened(step, shard) as file:
            return read_columns(file, columns)

    def shard_parts(
        self, step: str, shard: int, columns: Sequence[str], *, rows: range, size: int
    ) -> Iterator[pa.Table]:
        """Some rows of one step's columns (short names) for one shard, `size` together, the last perhaps fewer.

        The file is read as far as the rows are asked for. Raises ManifestError where it is damaged.
        """
        with self._opened(step, shard) as file:
            parquet = open_parquet(file, having=columns)
            some = max(size, _LEAST_READ_ROWS)
            read = parquet.iter_batches(batch_size=some, columns=list(columns), use_threads=False)
            yield from _cut(read, rows=rows, size=size)

    @contextlib.contextmanager
    def _opened(self, step: str, shard: int) -> Iterator[BinaryIO]:
        place = self._place(step, _shard_file(shard))
        try:
            with self.folder.open(place) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            raise ManifestError(
                f"{self.folder.path(place)} is damaged ({error}); delete it and run again to have it rewritten"
            ) from error

    def shard_url(self, step: str, shard: int) -> str:
        """The path or URL of a shard's file."""
        return self.folder.url(self._place(step, _shard_file(shard)))

    def batches(self, full_names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Record batches, one a shard, of `sample_id` and the named columns (`step.column`) under those full names."""
        by_step: dict[str, list[str]] = {}
        for full_name in full_names:
            step, name = split_name(full_name)
            by_step.setdefault(step, []).append(name)
        self._check_columns(by_step)
        for shard in range(self.num_shards):
            yield self._joined(shard, by_step, full_names)

    def _check_columns(self, by_step: Mapping[str, Sequence[str]]) -> None:
        for step, names in by_step.items():
            known = (*self.step(step).writes, *KEY_COLUMNS)
            for name in names:
                if name not in known:
                    raise ManifestError(f'step "{step}" has no column "{name}".{hint_nearest(name, known)}')
            if missing := self.missing_shards(step):
                raise ManifestError(
                    f'step "{step}" is not finished: {len(missing)} of {self.num_shards} shards are missing; '
                    "run the recipe again on this folder to finish it"
                )

    def _joined(self, shard: int, by_step: Mapping[str, list[str]], full_names: Sequence[str]) -> pa.RecordBatch:
        ids = self.read_shard("plan", shard, ["sample_id"])["sample_id"]
        arrays: dict[str, pa.ChunkedArray] = {"sample_id": ids}
        for step, names in by_step.items():
            table = self.read_shard(step, shard, [*dict.fromkeys(["sample_id", *names])])
            if table["sample_id"] != ids:
                raise ManifestError(f'step "{step}", shard {shard}: its rows are not the plan\'s; redo the step')
            arrays.update({f"{step}.{name}": table[name] for name in names})
        ordered = {"sample_id": arrays["sample_id"], **{name: arrays[name] for name in full_names}}
        batches = pa.table(ordered).combine_chunks().to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=pa.table(ordered).schema)

    def column(self, full_name: str) -> list[Any]:
        """One whole column as Python values; for small columns only."""
        return [value for batch in self.batches([full_name]) for value in batch.column(full_name).to_pylist()]

    def table(self, full_names: Sequence[str]) -> pa.Table:
        """Whole columns as one Arrow table; for small columns only."""
        return pa.Table.from_batches(list(self.batches(full_names)))

    def find(self, column: str) -> str | None:
        """The full name of a column (short name) in the latest step that writes it, if any."""
        for step in reversed(self.steps()):
            if column in self.step(step).writes:
                return f"{step}.{column}"
        return None

    def verify(self) -> list[str]:
        """Shards whose bytes are not those that the ledger recorded last, as messages; empty when all is well."""
        recorded: dict[str, str] = {}
        if self.folder.exists("ledger.jsonl"):
            for line in self.folder.read("ledger.jsonl").decode().splitlines():
                entry = json.loads(line)
                recorded[entry["file"]] = entry["sha256"]
        return [fault for file, digest in recorded.items() if (fault := self._fault(file, digest))]

    def _fault(self, file: str, digest: str) -> str:
        if not self.folder.exists(file):
            return ""
        found = hashlib.sha256(self.folder.read(file)).hexdigest()
        return "" if found == digest else f"{file}: SHA-256 is {found[:12]}…, the ledger says {digest[:12]}…"


def _shard_file(index: int) -> str:
    return f"{index:05d}.parquet"


def _cut(batches: Iterable[pa.RecordBatch], *, rows: range, size: int) -> Iterator[pa.Table]:
    """The `rows` of what the batches hold, `size` together."""
    at, held = 0, list[pa.RecordBatch]()
    for batch in batches:
        first, last = max(rows.start - at, 0), min(rows.stop - at, batch.num_rows)
        at += batch.num_rows
        if first < last:
            held.append(batch.slice(first, last - first))
        while held and ((waiting := pa.Table.from_batches(held)).num_rows >= size or at >= rows.stop):
            yield waiting.slice(0, size)
            held = [rest for rest in waiting.slice(size).to_batches() if rest.num_rows]
        if at >= rows.stop:
            return


def _json_bytes(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, indent=2, sort_keys=True) + "\n").encode()


def rows_table(rows: Iterable[Mapping[str, Any]], writes: Sequence[str], extra: Mapping[str, Column]) -> pa.Table:
    """Rows (key columns and `writes`) as a table of the step's schema."""
    return pa.Table.from_pylist(list(rows), schema=step_schema(writes, extra=extra))


def create_manifest(url: str, *, header: Mapping[str, Any], recipe_text: str) -> Manifest:
    """A new run folder with its header and recipe. Raises ManifestError where the folder holds something else."""
    folder = folder_at(url)
    # a run that was killed as it was created has its recipe and no run.json yet
    others = [name for name in folder.names() if name not in (".lock", "recipe.toml") and ".partial-" not in name]
    if others:
        raise ManifestError(
            f"{folder.root} is not empty and is not a run folder (it holds {', '.join(others[:3])}); "
            "choose another --out"
        )
    folder.write("recipe.toml", recipe_text.encode())
    folder.write("run.json", _json_bytes({**header, "format": _FORMAT}))
    return open_manifest(url)


def open_manifest(url: str) -> Manifest:
    """The run folder at `url`. Raises ManifestError where there is none, or a newer facsim's."""
    folder = folder_at(url)
    if not folder.exists("run.json"):
        raise ManifestError(
            f"{folder.root} is not a run folder: it has no run.json; `facsim run RECIPE --out` makes one"
        )
    try:
        header = json.loads(folder.read("run.json"))
    except ValueError as error:
        raise ManifestError(f"{folder.path('run.json')} is damaged: {error}") from error
    if header.get("format") != _FORMAT:
        raise ManifestError(
            f"{folder.root} has run format {header.get('format')}, this facsim reads {_FORMAT}; "
            "use the facsim that made it"
        )
    return Manifest(folder=folder, header=header)
