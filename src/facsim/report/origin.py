"""Where a run comes from: recipe, seeds, versions, machine, steps and their times, and whether its files are intact."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from facsim.manifest import Manifest
from facsim.recipe import PRODUCTS
from facsim.records import run_terms

__all__ = ["Ledger", "Machine", "Origin", "Standing", "Work", "origin"]


@dataclass(frozen=True, kw_only=True)
class Work:
    """One step or product: what made it, how many rows in how many seconds (None: not in the log), from what."""

    name: str
    stage: str
    version: int | None
    rows: int | None
    seconds: float | None
    workers: int | None
    device: str
    fingerprint: str
    weights: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """An environment that some of the work was done in, as `facsim.provenance.environment` says it."""

    facsim: str
    python: str
    platform: str
    processor: str
    cores: int | None
    memory_gib: float | None
    gpus: tuple[str, ...]
    packages: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Shards that the ledger records, and those whose bytes are not the ones recorded."""

    files: int
    faults: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Pictures or a model that the run stands on (`of`: an input's path, or the step that labels), and their terms."""

    of: str
    name: str
    terms: str
    commercial: str


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Provenance of a run. seeds: who uses it → the seed. started, ended: ISO 8601, empty where nothing is logged.

    standing: collections and models that are not facsim's; empty where there are none.
    """

    facsim: str
    created: str
    started: str
    ended: str
    recipe: str
    seeds: Mapping[str, int]
    work: tuple[Work, ...]
    machines: tuple[Machine, ...]
    ledger: Ledger
    standing: tuple[Standing, ...]

    @property
    def seconds(self) -> float:
        """Seconds of all logged steps and products together."""
        return sum(entry.seconds or 0.0 for entry in self.work)


def origin(run: Manifest) -> Origin:
    """The provenance of a run, its files read again and compared with the ledger."""
    log = _log(run)
    times = [str(entry["at"]) for entry in log if "at" in entry]
    return Origin(
        facsim=str(run.header.get("facsim", "")),
        created=str(run.header.get("created", "")),
        started=min(times, default=""),
        ended=max(times, default=""),
        recipe=run.recipe_text(),
        seeds=_seeds(run),
        work=tuple(_work(run, log)),
        machines=_machines(log),
        ledger=_ledger(run),
        standing=tuple(
            Standing(of=of, name=terms.name, terms=terms.text, commercial=terms.commercial)
            for of, terms in run_terms(run)
        ),
    )


def _log(run: Manifest) -> list[dict[str, Any]]:
    if not run.folder.exists("log.jsonl"):
        return []
    return [json.loads(line) for line in run.folder.read("log.jsonl").decode().splitlines() if line.strip()]


def _products(run: Manifest) -> dict[str, dict[str, Any]]:
    """What is recorded of each product, in the order in which they are made; the page does not list itself."""
    found = {name.removesuffix(".json") for name in run.folder.names("products") if name.endswith(".json")}
    names = [*(name for name in PRODUCTS if name in found), *sorted(found - set(PRODUCTS))]
    return {name: json.loads(run.folder.read(f"products/{name}.json")) for name in names if name != "report"}


def _seeds(run: Manifest) -> dict[str, int]:
    """The plan's seed, the training's, and every setting `seed` of a step or product that is not at its default."""
    found: dict[str, int] = {}
    if "plan" in run.header["source"]:
        found["plan"] = int(run.header["source"]["plan"].get("seed", 0))
    if run.folder.exists("model/training.json"):
        config = json.loads(run.folder.read("model/training.json")).get("config", {})
        found.update({"train": int(config["seed"])} if "seed" in config else {})
    settings: dict[str, Mapping[str, Any]] = {
        step: run.step(step).configuration for step in run.steps() if step != "plan"
    }
    settings.update({name: record.get("settings", {}) for name, record in _products(run).items()})
    found.update({name: int(given["seed"]) for name, given in settings.items() if "seed" in given})
    return found


def _work(run: Manifest, log: Sequence[Mapping[str, Any]]) -> Iterator[Work]:
    for name in run.steps():
        record, entries = run.step(name), [entry for entry in log if entry.get("step") == name]
        last = entries[-1] if entries else {}
        yield Work(
            name=name,
            stage=record.stage,
            version=record.version,
            rows=sum(int(entry["rows"]) for entry in entries) if entries else None,
            seconds=_seconds(entries),
            workers=last.get("workers"),
            device=str(last.get("device", "")),
            fingerprint=record.fingerprint,
            weights=record.weights,
        )
    for name, record in _products(run).items():
        entries = [entry for entry in log if entry.get("product") == name]
        yield _product_work(name, record, _seconds(entries))


def _product_work(name: str, record: Mapping[str, Any], seconds: float | None) -> Work:
    return Work(
        name=name,
        stage=f"makes {record.get('makes', '')}",
        version=None,
        rows=None,
        seconds=seconds,
        workers=None,
        device="",
        fingerprint=str(record.get("fingerprint", "")),
        weights=(),
    )


def _seconds(entries: Sequence[Mapping[str, Any]]) -> float | None:
    return round(sum(float(entry["seconds"]) for entry in entries), 3) if entries else None


def _machines(log: Sequence[Mapping[str, Any]]) -> tuple[Machine, ...]:
    found: list[Machine] = []
    for entry in log:
        given = entry.get("environment")
        if given and (machine := _machine(given)) not in found:
            found.append(machine)
    return tuple(found)


def _machine(given: Mapping[str, Any]) -> Machine:
    hardware = given.get("hardware", {})
    return Machine(
        facsim=str(given.get("facsim", "")),
        python=str(given.get("python", "")),
        platform=str(given.get("platform", "")),
        processor=str(hardware.get("processor", "")),
        cores=hardware.get("cores"),
        memory_gib=hardware.get("memory_gib"),
        gpus=tuple(hardware.get("gpus", ())),
        packages=dict(given.get("packages", {})),
    )


def _ledger(run: Manifest) -> Ledger:
    files: set[str] = set()
    if run.folder.exists("ledger.jsonl"):
        lines = run.folder.read("ledger.jsonl").decode().splitlines()
        files = {json.loads(line)["file"] for line in lines if line.strip()}
    return Ledger(files=len([file for file in files if run.folder.exists(file)]), faults=tuple(run.verify()))
